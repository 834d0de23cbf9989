"""A process of its own for the search index while much is to be indexed, and the node's side of it.

In the node, indexing shares Python's one lock with the replication and with every page; beside it, it takes
the second core. It is worth a start (half a second) only where thousands of records wait; what is published
one by one is indexed in the node, sooner. The process reads the store, writes the folder of the index that
the node answers from, and says after each commit how far it came; the node rereads. It holds no key, opens no
connection, and gives way to whatever else runs.

A crash of it leaves the last commit; the node then goes on by itself. It ends when the node does: what it
reads from the node never comes, except the end.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mutunode import memory
from mutunode.commons.registry import load
from mutunode.service.documents import Documents
from mutunode.store import open_reader
from mutunode.store.search.feed import Feed
from mutunode.store.search.folder import Folder

WORTH_CHANGES = 3_000  # more than a second of indexing in the node itself
LINGER_SECONDS = 2.0  # with nothing new: while a replication streams in, it is waited for
LOOK_SECONDS = 0.1
LET_GO_SECONDS = 1.0  # between two looks whether something was merged
MERGING_BYTES_MAX = 32_000_000  # read by merging at once, all of it in memory: beyond, no more is added…
MERGING_LOOK_SECONDS, MERGING_WAITS_SECONDS_MAX = 0.05, 3.0  # …for a while: a large index merges for long
END_SECONDS_MAX = 5.0
NICENESS = 10  # pages and the replication go first
YOUNG_OBJECTS = 50_000  # between two walks of the collector: records are many objects, none of them a cycle

log = logging.getLogger(__name__)


class Task(msgspec.Struct, frozen=True):
    """What the process is told, as one line of JSON."""

    folder: str  # of the index
    store: str  # as ``open_store`` takes it
    language: str
    kinds: tuple[str, ...]  # files with more kinds
    linger_seconds: float


class Indexer:
    """The node's side: one process at a time."""

    def __init__(
        self,
        store: str,
        language: str,
        kinds: tuple[Path, ...] = (),
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._store = store
        self._language = language
        self._kinds = tuple(map(str, kinds))
        self._linger_seconds = linger_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def is_possible(self) -> bool:
        """Whether another process can read the store, and none failed yet."""
        return self._store.startswith("sqlite:") and bool(sys.executable) and not self._stopped

    def run(self, folder: Path, committed: Callable[[], None]) -> bool:
        """Have the folder follow the store until nothing is new; False when that failed or was stopped.

        ``committed`` is called after each commit. One that failed is not tried again: whatever was wrong
        (memory, an unusual installation), the node indexes by itself until its next start.
        """
        task = Task(str(folder), self._store, self._language, self._kinds, self._linger_seconds)
        command = [
            sys.executable,
            "-P",
            "-m",
            "mutunode.indexer",
        ]  # -P: not what lies in the folder we run in
        with self._lock:
            if self._stopped:
                return False
            # a session of its own: Ctrl-C is for the node, which then ends it
            self._process = process = subprocess.Popen(  # noqa: S603  (nothing in it comes from outside)
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                env={**memory.SPARING, **os.environ},
            )
        went_well = False
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            process.stdin.flush()
            for _ in process.stdout:
                committed()
            went_well = process.wait(END_SECONDS_MAX) == 0
        except (OSError, subprocess.TimeoutExpired) as error:
            log.warning("the process that indexes failed: %s", error)
        finally:
            self._end(process)
            if not went_well and not self._stopped:
                log.warning(
                    "the process that indexes ended with %s; the node does it itself", process.returncode
                )
                self._stopped = True
        return went_well

    def stop(self) -> None:
        """End it, now and for good; any thread."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            process.kill()
            process.wait()
            self._process = None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not written will not be read
                    pipe.close()


def main() -> None:
    """The process: index until nothing is new for a while."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    os.nice(NICENESS)
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    reader = open_reader(task.store)
    documents = Documents(load(extra=tuple(map(Path, task.kinds))), reader, task.language)
    folder = Folder(Path(task.folder))
    feed = Feed(folder, documents, time.monotonic)
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    merging = Merging(folder)
    told, new_at = folder.committed.change, time.monotonic()
    while (more := feed.step(reader)) or time.monotonic() - new_at < task.linger_seconds:
        if folder.committed.change > told:
            told, new_at = folder.committed.change, time.monotonic()
            sys.stdout.buffer.write(b"%d\n" % told)
            sys.stdout.buffer.flush()
        if more:
            merging.look()
            new_at = time.monotonic()
        else:
            time.sleep(LOOK_SECONDS)
    folder.close()
    os._exit(0)  # an orderly end would wait for the thread below, which waits for the node


class Merging:
    """What Tantivy merges meanwhile, in threads of its own: all that it has read stands in memory.

    The files of what was merged stay there as long as somebody has them open, so they are let go of; and
    where two merges would run at once, on a machine that does other things, the first comes to its end before
    more is added.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._at_start = memory.mapped_bytes()
        self._let_go_at = time.monotonic()
        self._waited_at = float("-inf")

    def look(self) -> None:
        """Let go of what was merged, and wait while too much is being merged."""
        began = now = time.monotonic()
        if now > self._let_go_at + LET_GO_SECONDS:
            self._let_go(now)
        while (
            memory.mapped_bytes() - self._at_start > MERGING_BYTES_MAX
            and now < began + MERGING_WAITS_SECONDS_MAX
            and began > self._waited_at + MERGING_WAITS_SECONDS_MAX
        ):
            time.sleep(MERGING_LOOK_SECONDS)
            now = time.monotonic()
            self._let_go(now)
        if now >= began + MERGING_WAITS_SECONDS_MAX:
            self._waited_at = now

    def _let_go(self, now: float) -> None:
        self._folder.let_go()
        self._let_go_at = now


def _end_with_the_node() -> None:
    """Nothing is ever written there: it is read to see it end. What was not committed is read again."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
