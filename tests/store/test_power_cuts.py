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

from mutunode.protocol.head import PUBLIC, Head
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append, publish, take
from tests.store.faulty_disks import RecordingDisk

CUTS = 320
SEED = 20_261_123
WAL_PAGES = 12  # instead of thousands, so that the file itself is written all the time

Ended = tuple[int, dict[bytes, Head]]  # operations of the disk when a turn ended, and the heads then held


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[RecordingDisk, list[Ended], list[Author]]:
    """A store's life on a disk that remembers every write."""
    disk = RecordingDisk("recording")
    path = tmp_path_factory.mktemp("recorded") / "store.db"
    store = SqliteStore(path, vfs="recording")
    store._db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    authors = [Author("alice"), Author("bob")]
    ended: list[Ended] = []
    for step in range(60):
        _live(store, authors, step)
        ended.append((len(disk.ops), _heads(store, authors)))
    store.close()
    return disk, ended, authors


def _live(store: SqliteStore, authors: list[Author], step: int) -> None:
    author = authors[step % 2]
    said = ("resource", {"title": {"fr": "x" * 50 * (step % 13)}, "external_ref": str(step)})
    if step % 20 == 19:
        author.open_epoch(keeps=len(author.entries[PUBLIC]) - 3)
        with store.ledger.transaction():
            store.ledger.put_chain(author.chain)
            store.ledger.cut(author.log(), len(author.entries[PUBLIC]))
            append(store.ledger, author, author.write(said))
            store.ledger.commit(author.head(), author.tree())
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


def _heads(store: SqliteStore, authors: list[Author]) -> dict[bytes, Head]:
    with store.ledger.transaction():
        held = [store.ledger.log(author.log()) for author in authors]
    return {log.log: log.head for log in held if log and log.head}


@pytest.mark.parametrize("part", range(8))
def test_no_turn_that_ended_is_lost(
    history: tuple[RecordingDisk, list[Ended], list[Author]], tmp_path: Path, part: int
) -> None:
    disk, ended, authors = history
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
        survived.close()
        assert apsw.Connection(str(folder / "store.db")).execute("PRAGMA integrity_check").get == "ok"
