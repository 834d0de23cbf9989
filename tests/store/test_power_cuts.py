"""The power is cut at any moment, and no turn that ended is lost.

A disk may forget whatever was not flushed, in any order, or tear it. A lost commit whose head had left
would be a fork of our own log, so that one is too many.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw
import pytest

from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC, Head
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append, publish, take
from tests.store.faulty_disks import RecordingDisk

CUTS = 320
SEED = 20_261_123
WAL_PAGES = 12  # instead of thousands, so that the file itself is written all the time

Ended = tuple[int, dict[bytes, Head]]  # operations of the disk when a turn ended, and the heads then held
Erased = tuple[int, Entry]  # operations when the turn ended that erased it
History = tuple[RecordingDisk, list[Ended], list[Author], list[Erased]]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A store's life on a disk that remembers every write."""
    disk = RecordingDisk("recording")
    path = tmp_path_factory.mktemp("recorded") / "store.db"
    store = SqliteStore(path, vfs="recording")
    store._db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    authors = [Author("alice"), Author("bob")]
    ended: list[Ended] = []
    erased: list[Erased] = []
    for step in range(60):
        gone = _live(store, authors, step)
        ended.append((len(disk.ops), _heads(store, authors)))
        erased += [(len(disk.ops), entry) for entry in gone]
    store.close()
    return disk, ended, authors, erased


def _live(store: SqliteStore, authors: list[Author], step: int) -> list[Entry]:
    """One step; what it erased for good."""
    author = authors[step % 2]
    said = ("resource", {"title": {"fr": "x" * 50 * (step % 13)}, "external_ref": str(step)})
    if step % 20 == 19:
        author.open_epoch(keeps=len(author.entries[PUBLIC]) - 3)
        with store.ledger.transaction():
            store.ledger.put_chain(author.chain)
            store.ledger.cut(author.log(), len(author.entries[PUBLIC]))
            append(store.ledger, author, author.write(said))
            store.ledger.commit(author.head(), author.tree())
    elif step % 6 == 3:
        gone = author.entries[PUBLIC][len(author.entries[PUBLIC]) // 2]
        if b"withdrawal" not in gone.header:
            target = author.ref(len(author.entries[PUBLIC]) // 2)
            publish(store, author, ("withdrawal", {"target": target, "erase": True}))
            return [gone]
    elif step % 7 == 6:
        with store.ledger.transaction():
            append(store.ledger, author, [author.entry(*said) for _ in range(20)])
        with store.ledger.transaction():
            store.ledger.drop_pending(author.log())
    elif step % 5 == 4:
        author.write(*[said] * (step * 5))
        take(store, author)
    else:
        publish(store, author, said)
    return []


def _heads(store: SqliteStore, authors: list[Author]) -> dict[bytes, Head]:
    with store.ledger.transaction():
        held = [store.ledger.log(author.log()) for author in authors]
    return {log.log: log.head for log in held if log and log.head}


@pytest.mark.parametrize("part", range(8))
def test_no_turn_that_ended_is_lost(history: History, tmp_path: Path, part: int) -> None:
    disk, ended, authors, erased = history
    assert len(erased) >= 5
    rng = random.Random(SEED + part)
    places = [rng.randint(ended[0][0], len(disk.ops)) for _ in range(CUTS // 8)]
    for cut, (at, files) in enumerate(disk.cuts(places, rng)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        survived = SqliteStore(folder / "store.db")
        done = max(number for number, (ops, _) in enumerate(ended) if ops <= at)
        heads: list[dict[bytes, Any]] = [state for _, state in ended[done : done + 2]]
        assert _heads(survived, authors) in heads, f"cut before operation {at}"
        for log in _heads(survived, authors):
            assert survived.verify(log) == []
        while not survived.ledger.settle():
            pass
        survived.close()
        kept = (folder / "store.db").read_bytes()
        assert not [entry for ops, entry in erased if ops <= at and entry.salt in kept]
        assert apsw.Connection(str(folder / "store.db")).execute("PRAGMA integrity_check").get == "ok"
