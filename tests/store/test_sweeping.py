"""What was erased is in no byte of the store's files: not in the journal, not in what pages leave behind."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw
import pytest

from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC
from mutunode.store import sweep
from mutunode.store.connection import PAGE_BYTES
from mutunode.store.sqlite import SqliteStore
from mutunode.store.sweep import unused
from tests.store.authors import Author, append, publish

BODY_BYTES = (60, 700, 900, 3_000, 9_000, 20_000)  # inside a page, nearly a page, over several


def traces(folder: Path, entries: Iterable[Entry]) -> list[str]:
    """Files that hold the salt, or a piece of the body, of any of these."""
    needles = [needle for entry in entries for needle in (entry.salt, entry.body[40:72])]
    found = []
    for file in sorted(folder.rglob("*")):
        content = file.read_bytes() if file.is_file() else b""
        found += [file.name for needle in needles if needle in content]
    return found


def crowd(store: SqliteStore, seed: int) -> list[Author]:
    """Logs that grow by turns, so that pages in the middle of the file are split again and again."""
    store._db.execute("PRAGMA synchronous = OFF")  # no power is cut here
    chance = random.Random(seed)
    authors = [Author(f"author {i}") for i in range(5)]
    for _ in range(90):
        author = chance.choice(authors)
        said = [
            ("note", {"text": chance.randbytes(chance.choice(BODY_BYTES) // 2).hex()})
            for _ in range(chance.randint(1, 8))
        ]
        publish(store, author, *said)
    return authors


def erase_some(store: SqliteStore, authors: list[Author], chance: random.Random) -> list[Entry]:
    """Each author takes back a third of what it wrote, some of it in each turn."""
    erased = []
    for author in authors:
        targets = [i for i in range(len(author.entries[PUBLIC])) if chance.random() < 1 / 3]
        for start in range(0, len(targets), 7):
            some = targets[start : start + 7]
            erased += [author.entries[PUBLIC][index] for index in some]
            body = [{"target": author.ref(index), "erase": True} for index in some]
            publish(store, author, *(("withdrawal", each) for each in body))
    return erased


@pytest.mark.parametrize("seed", [1])
def test_nothing_erased_is_left_in_any_file(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PAGES_A_STEP", 64)  # many small steps, with turns between them
    store = SqliteStore(tmp_path / "store.db")
    authors = crowd(store, seed)
    erased = erase_some(store, authors, random.Random(seed))
    while not store.ledger.settle():
        pass
    assert len(erased) > 60
    assert traces(tmp_path, erased) == []
    assert all(store.verify(author.log()) == [] for author in authors)
    assert store._db.execute("PRAGMA integrity_check").get == "ok"
    publish(store, authors[0], ("note", {"text": "after"}))
    store.close()
    assert traces(tmp_path, erased) == []


def test_sqlite_alone_would_leave_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should this fail one day, SQLite itself has learned to sweep, and we need not."""
    monkeypatch.setattr(sweep.Sweeper, "_sweep_run", lambda *_: None)
    store = SqliteStore(tmp_path / "store.db")
    erased = erase_some(store, crowd(store, 1), random.Random(1))
    while not store.ledger.settle():
        pass
    store.close()
    assert traces(tmp_path, erased) != []


def test_a_long_reader_delays_it_and_no_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    alice = Author("alice")
    publish(store, alice, ("note", {"text": "x" * 50}), ("note", {"text": "the secret " * 20}))
    reading = store.reader().log_walk(alice.log())
    next(reading)
    publish(store, alice, ("withdrawal", {"target": alice.ref(1), "erase": True}))
    secret = alice.entries[PUBLIC][1]
    assert not store.ledger.settle()
    assert traces(tmp_path, [secret])
    assert next(reading).body == secret.body, "a reader keeps the state it began with"
    assert list(reading) == []
    assert store.ledger.settle()
    assert traces(tmp_path, [secret]) == []
    store.close()


def test_what_a_crash_left_is_swept_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    monkeypatch.setattr(sweep.Sweeper, "step", lambda *_: None)  # the power goes right after the commit
    store = SqliteStore(before / "store.db")
    erased = erase_some(store, crowd(store, 2), random.Random(2))
    shutil.copytree(before, after)
    store.close()
    assert traces(after, erased)
    monkeypatch.undo()
    opened = SqliteStore(after / "store.db")
    while not opened.ledger.settle():
        pass
    assert traces(after, erased) == []
    opened.close()
    again = SqliteStore(after / "store.db")
    assert again.ledger._sweeper.is_done, "once is enough"
    again.close()


def test_a_turn_that_fails_erases_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    alice = Author("alice")
    publish(store, alice, ("note", {"text": "kept"}))
    new = alice.write(("withdrawal", {"target": alice.ref(0), "erase": True}))

    def turn() -> None:
        with store.ledger.transaction():
            append(store.ledger, alice, new)
            store.ledger.commit(alice.head(), alice.tree())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        turn()
    stored = store.reader().at(alice.log(), 0)
    assert stored is not None
    assert (stored.state, stored.body) == ("ok", alice.entries[PUBLIC][0].body)
    store.close()


def test_only_what_belongs_to_nothing_is_overwritten(tmp_path: Path) -> None:
    """Every page of every table, with what SQLite itself says is unused."""
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    crowd(store, 4)
    store.close()
    db = apsw.Connection(str(path))
    content = path.read_bytes()
    pages: list[Any] = db.execute("SELECT pageno, pagetype, unused FROM dbstat").fetchall()
    kinds = set()
    for number, kind, free in pages:
        page = content[(number - 1) * PAGE_BYTES : number * PAGE_BYTES]
        gap = unused(page, is_first=number == 1)
        kinds.add(kind)
        assert (gap is None) if kind == "overflow" else (gap is None or gap[1] - gap[0] <= free)
    assert kinds == {"leaf", "internal", "overflow"}
    db.close()
    assert os.path.getsize(path) % PAGE_BYTES == 0
