"""What only the SQLite store has to promise: its file, its readers, and what it finds wrong with itself."""

from __future__ import annotations

import random
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.store import StoreDamaged, StoreError, open_store, pool
from mutunode.store.connection import open_reader
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append, publish, take

FLIPS = 150
SECRET = b"a canary that must not be found again"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path)
    yield opened
    opened.close()


# --- the file --------------------------------------------------------------------------------------


def test_nobody_else_may_read_the_file(store: SqliteStore, path: Path) -> None:
    publish(store, Author("alice"), ("note", {}))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


def test_every_table_is_strict(store: SqliteStore) -> None:
    tables = store._db.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    assert {name for name, strict in tables if not strict} == {"sqlite_schema"}


def test_commits_are_flushed_and_what_is_deleted_is_overwritten(store: SqliteStore) -> None:
    def pragma(name: str) -> object:
        return store._db.execute(f"PRAGMA {name}").get

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("secure_delete")) == ("wal", 2, 1)


def test_no_statement_is_planned_again_for_each_value(store: SqliteStore, path: Path) -> None:
    for db in (store._db, open_reader(path)):
        assert db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1


def test_a_turn_that_wrote_nothing_changes_nothing(store: SqliteStore) -> None:
    publish(store, Author("alice"), ("note", {}))
    before = store.ledger.written()
    with store.ledger.transaction():
        assert store.ledger.logs_of(Author("alice").org)
    assert store.ledger.written() == before


def test_what_is_erased_is_in_no_file_any_more(store: SqliteStore, path: Path) -> None:
    alice = Author("alice")
    publish(store, alice, ("note", {}), ("note", {"text": SECRET.decode()}))
    with store.ledger.transaction(freeing=True):
        store._db.execute("UPDATE entry SET salt = x'', body = x'' WHERE place = (1 << 32) + 1")
    for file in path.parent.iterdir():
        assert SECRET not in file.read_bytes(), file.name


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1_000)
    with pytest.raises(StoreDamaged, match="damaged"):
        SqliteStore(path)
    assert path.read_bytes() == b"Dear diary, " * 1_000


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_of_something_else_is_refused(path: Path, version: int) -> None:
    other = apsw.Connection(str(path))
    other.execute(f"CREATE TABLE log (id); PRAGMA user_version = {version}")
    other.close()
    with pytest.raises(StoreDamaged, match="database"):
        SqliteStore(path)


def test_a_store_of_a_newer_version_is_refused(store: SqliteStore, path: Path) -> None:
    store._db.execute("PRAGMA user_version = 9999")
    with pytest.raises(StoreError, match="newer version of mutunode"):
        SqliteStore(path)


def test_a_store_restored_from_somebody_elses_hands_runs_nothing_of_theirs(
    store: SqliteStore, path: Path
) -> None:
    store.close()
    theirs = apsw.Connection(str(path))
    theirs.execute("CREATE TRIGGER trap AFTER INSERT ON entry BEGIN DELETE FROM log; END")
    theirs.close()
    again = SqliteStore(path)
    alice = Author("alice")
    publish(again, alice, ("note", {}))
    assert again.verify(alice.log()) == []
    again.close()


def test_a_closed_store_says_so(path: Path) -> None:
    closed = SqliteStore(path)
    reader = closed.reader()
    closed.close()
    with pytest.raises(StoreError, match="closed"):
        reader.counts()


def test_opening_looks_at_no_record(path: Path) -> None:
    """Opening must stay fast however much is stored: it may not read the big tables."""
    alice = Author("alice")
    store = SqliteStore(path)
    publish(store, alice, *[("note", {"text": "x" * 500})] * 20_000)
    store.close()
    started = time.monotonic()
    again = SqliteStore(path)
    with again.ledger.transaction():
        assert again.ledger.log(alice.log()) is not None
    assert time.monotonic() - started < 0.5
    again.close()


# --- readers ---------------------------------------------------------------------------------------


def test_readers_on_many_threads_see_whole_turns_only(store: SqliteStore) -> None:
    """Each turn adds a record to two logs; no reader ever sees one of them alone."""
    authors = [Author("alice"), Author("bob")]
    done = threading.Event()
    torn: list[object] = []

    def read() -> None:
        reader = store.reader()
        while not done.is_set():
            if len({organisation.records for organisation in reader.organisations()}) > 1:
                torn.append(reader.organisations())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        for author in authors:
            author.write(("note", {}))
        with store.ledger.transaction():
            for author in authors:
                store.ledger.put_chain(author.chain)
                append(store.ledger, author, author.entries[PUBLIC][-1:])
                store.ledger.commit(author.head(), author.tree())
    done.set()
    for thread in threads:
        thread.join()
    assert torn == []


def test_a_reader_is_heard_of_while_it_reads_and_a_moment_longer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = store.reader()

    def is_read() -> bool:
        return reader.is_read

    assert not is_read()
    monkeypatch.setattr(pool, "READ_SECONDS", 0.0)
    with reader.at_once():
        assert is_read()
        with reader.at_once():
            pass
        assert is_read()
    assert not is_read()
    monkeypatch.setattr(pool, "READ_SECONDS", 60.0)
    assert is_read()


def test_a_walk_sees_the_log_as_it_was_when_it_began(store: SqliteStore) -> None:
    alice = Author("alice")
    publish(store, alice, *[("note", {})] * 5)
    walk = store.reader().log_walk(alice.log())
    first = next(walk)
    publish(store, alice, ("note", {}))
    assert [first, *walk] == alice.entries[PUBLIC][:5]


# --- damage ----------------------------------------------------------------------------------------


def test_every_flipped_bit_of_what_was_signed_is_found(store: SqliteStore, path: Path) -> None:
    rng = random.Random(20_261_123)
    alice = Author("alice")
    alice.write(*[("resource", {"title": {"fr": "t" * rng.randint(1, 600)}, "n": n}) for n in range(700)])
    take(store, alice)
    store.close()
    content = path.read_bytes()
    for _ in range(FLIPS):
        index = rng.randrange(700)
        entry = alice.entries[PUBLIC][index]
        part = rng.choice((entry.header, entry.salt, entry.body))
        start = content.find(part)
        assert start >= 0
        at = start + rng.randrange(len(part))
        damaged = bytearray(content)
        damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        again = SqliteStore(path)
        problems = again.verify(alice.log())
        again.close()
        assert problems, f"bit of byte {at} of entry {index} went unseen"
        if index < 512:  # beyond, no complete tile stands to compare with
            named = [problem.index for problem in problems if problem.index is not None]
            assert any(first <= index < first + 256 for first in named), "near where it is"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM entry WHERE place = (1 << 32) + 5", "299 entries are there, 300 were signed"),
        ("UPDATE subtree SET hash = x'00'", "do not give the root kept for them"),
        ("UPDATE log SET frontier = x'00'", "compact tree"),
        ("UPDATE log SET size = 299", "299 entries are there"),
        ("UPDATE log SET head = x'00'", "the head that is kept cannot be read"),
        ("UPDATE org SET chain = NULL", "chain is not held"),
    ],
)
def test_what_is_wrong_is_named(store: SqliteStore, change: str, what: str) -> None:
    alice = Author("alice")
    publish(store, alice, *[("note", {})] * 300)
    store._db.execute(change)
    assert any(what in problem.what for problem in store.verify(alice.log()))


def test_a_head_that_somebody_else_signed_is_found(store: SqliteStore) -> None:
    alice = Author("alice")
    publish(store, alice, ("note", {}))
    head = bytearray(store._db.execute("SELECT head FROM log").get)
    head[-1] ^= 1
    store._db.execute("UPDATE log SET head = ?", (bytes(head),))
    assert [problem.what for problem in store.verify(alice.log())] == ["head: the signature does not verify"]


def test_a_log_that_is_not_held_cannot_be_verified(store: SqliteStore) -> None:
    [problem] = open_store("memory:").verify(bytes(32))
    assert store.verify(bytes(32)) == [problem]
