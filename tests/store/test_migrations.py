"""Killed while it brings an old store to the newest schema: it opens again, and all is there."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from pathlib import Path

import apsw
import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.protocol.identity import Standing
from mutunode.store import chains, connection
from mutunode.store.ballast import Ballast
from mutunode.store.places import place_of
from mutunode.store.sqlite import SqliteStore
from mutunode.store.sqlite_logs import pack_head
from mutunode.store.tree import StoredTree
from tests.store.authors import Author
from tests.store.test_contract_people import rivalled

KILLS = 50
ENTRIES = 300
SEED = 20_261_129
NEWEST = max(number for number, _ in connection._steps())


def old_store(path: Path) -> Author:
    """A store as the first version made it, with what was in it then."""
    db = apsw.Connection(str(path))
    db.execute(f"PRAGMA page_size = {connection.PAGE_BYTES}; PRAGMA journal_mode = WAL")
    with db:
        for script in connection.schema_of(1):
            db.execute(script)
        db.execute("INSERT INTO store VALUES (1, x'0102030405060708', NULL, 0)")
        db.execute(f"PRAGMA application_id = {connection.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    alice, log_no = Author("alice"), 1
    alice.write(*[("resource", {"title": {"fr": f"Fiche {n}"}}) for n in range(ENTRIES)])
    for index, entry in enumerate(alice.entries[PUBLIC]):
        db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?)",
            (place_of(log_no, index), entry.header, entry.salt, entry.body),
        )
    StoredTree(db, log_no).extend(0, [entry.leaf for entry in alice.entries[PUBLIC]])
    db.execute("INSERT INTO org (org_no, org, chain) VALUES (1, ?, ?)", (alice.org, chains.pack(alice.chain)))
    db.execute(
        "INSERT INTO log (log_no, log, org_no, space, head, cursor, frontier, size)"
        " VALUES (?, ?, 1, ?, ?, 1, ?, ?)",
        (log_no, alice.log(), PUBLIC, pack_head(alice.head()), alice.tree().to_bytes(), ENTRIES),
    )
    db.close()
    return alice


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Author]:
    """One register, not shown yet."""
    path = tmp_path_factory.mktemp("old") / "store.db"
    return path, old_store(path)


def test_a_store_of_the_first_version_opens_in_the_newest(old: tuple[Path, Author], tmp_path: Path) -> None:
    path, alice = Path(shutil.copy(old[0], tmp_path / "store.db")), old[1]
    assert version(path) == 1
    is_whole(path, alice)


@pytest.mark.parametrize("standing", Standing)
def test_a_chain_that_has_rivals_is_found_in_the_newest(
    old: tuple[Path, Author], tmp_path: Path, standing: Standing
) -> None:
    path = Path(shutil.copy(old[0], tmp_path / "store.db"))
    chain = rivalled(Author("bob"), standing)
    db = apsw.Connection(str(path))
    db.execute("INSERT INTO org (org_no, org, chain) VALUES (2, ?, ?)", (chain.org, chains.pack(chain)))
    db.close()
    with contextlib.closing(SqliteStore(path)) as store:
        assert [each.chain for each in store.reader().rivalled()] == [chain]


def test_killed_at_fifty_points_of_a_migration_nothing_is_lost(
    old: tuple[Path, Author], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each child dies after so many steps of SQLite's machine, from the first to beyond the last."""
    monkeypatch.setattr(Ballast, "fill", lambda ballast: None)
    steps = steps_of_whole_migration(old[0], tmp_path)
    rng, midway = random.Random(SEED), 0
    for kill in range(KILLS):
        folder = tmp_path / str(kill)
        folder.mkdir()
        path = Path(shutil.copy(old[0], folder / "store.db"))
        child = os.fork()
        if child == 0:
            die_after(path, rng.randrange(steps) if kill else 0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        assert version(path) in (1, NEWEST), "the old schema or the new one, never something between"
        midway += version(path) == 1
        is_whole(path, old[1])
    assert midway > KILLS / 2


def steps_of_whole_migration(old: Path, folder: Path) -> int:
    """How many times a hundred instructions it takes."""
    path, count = Path(shutil.copy(old, folder / "measured.db")), 0

    def step() -> bool:
        nonlocal count
        count += 1
        return False

    migrate(path, step)
    assert count > KILLS
    return count


def die_after(path: Path, steps: int) -> None:
    """In a process of its own: bring a store to the newest schema, and do not live to see it."""
    left = steps

    def step() -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    migrate(path, step)
    os.kill(os.getpid(), signal.SIGKILL)


def migrate(path: Path, step: object) -> None:
    """What opening does, with somebody who counts."""
    db = apsw.Connection(str(path))
    db.set_progress_handler(step, 10)  # type: ignore[arg-type]
    connection._migrate(db, path)
    db.set_progress_handler(None)
    db.close()


def version(path: Path) -> int:
    """Of the schema, as SQLite recovers it."""
    db = apsw.Connection(str(path))
    found = int(db.execute("PRAGMA user_version").get)
    db.close()
    return found


def is_whole(path: Path, alice: Author) -> None:
    """It opens in the newest version, with everything that was signed, and shows it."""
    store = SqliteStore(path)
    assert version(path) == NEWEST
    assert list(store.reader().log_walk(alice.log())) == alice.entries[PUBLIC]
    assert store.verify(alice.log()) == []
    with store.ledger.transaction():
        while store.ledger.project_some(ENTRIES):
            pass
    assert store.reader().counts().records == ENTRIES
    store.close()
