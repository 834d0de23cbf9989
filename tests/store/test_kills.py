"""A writer is killed at any moment, again and again: nothing it had said to be done is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from mutunode.protocol.head import PUBLIC
from mutunode.store import Store, open_store
from tests.store.authors import Author, append

KILLS = 40
SEED = 20_261_123
ENTRIES = 40_000  # more than the killed writers get to
SECONDS_MIN, SECONDS_MAX = 0.002, 0.06  # a writer's life after its first word


def test_nothing_acknowledged_is_lost_by_a_killed_writer(tmp_path: Path) -> None:
    """In a process of its own, which forks the writers: they start within milliseconds."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.test_kills", f"sqlite:{tmp_path / 'store.db'}"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > KILLS, "each writer got something done before its end"


def _kill_writers(url: str) -> None:
    author, rng = Author("alice"), random.Random(SEED)
    author.write(*[("note", {"text": "x" * (n % 700)}) for n in range(ENTRIES)])
    acknowledged = 0
    for _ in range(KILLS):
        told, say = os.pipe()
        writer = os.fork()
        if writer == 0:
            _write_until_killed(url, author, say)
        os.close(say)
        words = os.read(told, 8)
        time.sleep(rng.uniform(SECONDS_MIN, SECONDS_MAX))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        while more := os.read(told, 65_536):
            words += more
        os.close(told)
        last = len(words) // 8 * 8
        acknowledged = max(acknowledged, int.from_bytes(words[last - 8 : last], "big"))
        _check(url, author, acknowledged)
    print(acknowledged)


def _write_until_killed(url: str, author: Author, say: int) -> None:
    """Publish in turns of a few entries, some of them pending first; tell each size that is durable."""
    store, rng = open_store(url), random.Random(os.getpid())
    while True:
        with store.ledger.transaction():
            store.ledger.put_chain(author.chain)
            size = _append_some(store, author, rng.randint(1, 30))
        with store.ledger.transaction():
            size = _append_some(store, author, rng.randint(1, 3))
            tree = store.ledger.frontier(author.log())
            tree.extend(entry.leaf for entry in author.entries[PUBLIC][tree.size : size])
            store.ledger.commit(author.head(tree=tree), tree)
        os.write(say, size.to_bytes(8, "big"))


def _append_some(store: Store, author: Author, count: int) -> int:
    held = store.ledger.log(author.log())
    start = held.size + held.pending if held else 0
    append(store.ledger, author, author.entries[PUBLIC][start : start + count])
    return start + count


def _check(url: str, author: Author, acknowledged: int) -> None:
    """What stands is what was acknowledged, or one turn more; never another tree."""
    store = open_store(url)
    with store.ledger.transaction():
        held = store.ledger.log(author.log())
        assert held is not None
        assert held.size >= acknowledged, f"{held.size} entries held, {acknowledged} were acknowledged"
        assert held.pending == 0
        assert store.ledger.root_at(author.log(), held.size) == author.tree(size=held.size).root()
    assert store.verify(author.log()) == []
    assert store.reader().counts().records == held.size
    store.close()


if __name__ == "__main__":
    _kill_writers(sys.argv[1])
