"""A store of version 0.1 kept what a withdrawal erases: brought to this version, it follows."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import apsw
import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.store.connection import APPLICATION_ID
from mutunode.store.erase import Erasure
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, publish
from tests.store.test_sweeping import traces

TABLES = {
    "store": "only_row, store_id, own, number",
    "org": "org_no, org, chain, accepted, blocked, decided_at",
    "root_key": "key, org_no",
    "log": "log_no, log, org_no, space, head, cursor, frontier, size, pending, projected, bytes, records,"
    " missing, asked, broken_at, broken_epoch, forked_in, received_at",
    "entry": "place, header, salt, body",
    "shelf": "shelf_no, space, kind",
    "record": "place, shelf_no, rec64, arrival, change, state, superseded_by, withdrawn_by",
    "mention": "target, leaf, source",
    "inbox": "log_no, arrival, source",
    "external_ref": "log_no, key64, place",
}


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def old(tmp_path: Path, alice: Author, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a store that held a withdrawal with `erase` as a record like others."""
    with monkeypatch.context() as before:
        before.setattr(Erasure, "erase", lambda self, place, number: number)
        made = SqliteStore(tmp_path / "now.db")
        note = ("note", {"text": "un numéro de téléphone", "external_ref": "0612345678"})
        publish(made, alice, ("note", {"text": "reste"}), note)
        publish(made, alice, ("withdrawal", {"target": alice.ref(1), "erase": True}))
        made.close()
    path = tmp_path / "old" / "store.db"
    path.parent.mkdir()
    db = apsw.Connection(str(path))
    db.execute("PRAGMA page_size = 8192")
    db.execute(resources.files("mutunode.store").joinpath("schema/0001.sql").read_text("utf-8"))
    db.execute("ATTACH ? AS now", (str(tmp_path / "now.db"),))
    for table, columns in TABLES.items():
        db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM now.{table}")
    db.execute("UPDATE record SET erased_by = 2 WHERE place & 0xffffffff = 1")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.close()
    return path


def test_what_was_to_be_erased_is_erased_after_the_first_steps(old: Path, alice: Author) -> None:
    secret = alice.entries[PUBLIC][1]
    assert traces(old.parent, [secret])
    store = SqliteStore(old)
    while True:
        with store.ledger.transaction():
            if not store.ledger.project_some(1):
                break
    while not store.ledger.settle():
        pass
    found = [store.reader().at(alice.log(), index) for index in range(3)]
    assert [each.state for each in found if each] == ["ok", "erased", "ok"]
    assert store.reader().by_external_ref(alice.org, "note", "0612345678") is None
    assert store.reader().counts().records == 2
    assert store.verify(alice.log()) == []
    assert traces(old.parent, [secret]) == []
    store.close()


def test_what_nobody_erased_is_as_it_was(old: Path, alice: Author) -> None:
    db = apsw.Connection(str(old))
    db.execute("UPDATE record SET erased_by = NULL")
    db.close()
    store = SqliteStore(old)
    found = [store.reader().at(alice.log(), index) for index in range(3)]
    assert [(each.state, each.withdrawn_by) for each in found if each] == [
        ("ok", None),
        ("ok", 2),
        ("ok", None),
    ]
    assert [each.index for each in store.reader().of_kind("note")] == [0]
    store.close()
