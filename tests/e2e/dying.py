"""A node that is killed at a chosen point: ``python -m tests.e2e.dying POINT NTH run …``.

The product knows nothing of it: here a few of its functions are wrapped in the child process before the
command runs. Each point is a place where a power cut would leave something different on the disk.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mutunode import home
from mutunode.home import Home
from mutunode.protocol.head import Head
from mutunode.protocol.node import Node
from mutunode.store.erase import Erasure
from mutunode.store.search import sweeping
from mutunode.store.search.folder import Folder
from mutunode.store.search.index import SearchIndex
from mutunode.store.sqlite import SqliteLedger
from mutunode.store.sweep import Sweeper
from mutunode.turns.writer import Turns
from mutunode_cli.main import main

PUBLISHING = (
    "before-commit",  # entries and head written, nothing durable
    "after-commit",  # durable, not marked
    "in-mark",  # the new mark lies beside the old one
    "after-mark",  # marked, not announced
    "after-announcing",  # frames were handed out, the person has no answer yet
    "after-indexing",  # the index has what its next start will be told again
)
RECEIVING = (
    "before-pending",  # entries of somebody else written, nothing durable
    "after-pending",  # entries durable beyond the signed size
    "before-commit",  # all entries, the head not committed
    "after-commit",  # committed, nobody knows
    "before-projecting",  # held, not shown yet
    "after-indexing",
)
OPENING = (
    "before-keys",  # op and first heads written, nothing durable
    "in-keys",  # the new key file lies half beside the old one
    "after-keys",  # chain and keys are durable, the store knows nothing of them
    "after-commit",  # the store too; the mark is of the epoch before
    "after-mark",  # marked, told to nobody
)
ERASING = (
    "before-erasing",  # the content is dropped, nothing durable
    "after-erasing",  # durable; what was is still in the journal and in pages
    "in-sweep",  # the journal is emptied, some pages are swept
    "after-sweep",  # nothing left in the database, the index knows of nothing
    "before-unindexing",  # found no more, nothing committed
    "after-unindexing",  # committed; its words are still in the files
    "in-merging",  # the new folder of the index shares the files of the old one, nothing is merged
    "before-taking-over",  # it has everything, the old one still counts
    "after-pointing",  # it counts, the old one is still there
)


class Reaper:
    """Kills this process the nth time that its point is reached."""

    def __init__(self, point: str, nth: int) -> None:
        self.point = point
        self.left = nth
        self.waits = False  # until what the points are about has begun in this process

    def begins(self) -> None:
        """From here on points count."""
        self.waits = False

    def reached(self, point: str) -> None:
        """The process is at this point."""
        if point == self.point and not self.waits:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(reaper: Reaper, *, own: bool) -> None:
    """Wrap what has points; ``own``: those of publishing and of opening an epoch, else of receiving."""
    _arm_turns(reaper, own)
    _arm_mark(reaper)
    _wrap(Folder, "commit", after=lambda *_: reaper.reached("after-indexing"))
    _wrap(SqliteLedger, "project_some", before=lambda *_: reaper.reached("before-projecting"))
    _arm_announcing(reaper)


def arm_erasing(reaper: Reaper) -> None:
    """Wrap the steps in which something erased leaves the disk; what an earlier time left is not it."""
    reaper.waits = True
    _wrap(
        Erasure,
        "erase",
        before=lambda *_: reaper.begins(),
        after=lambda *_: reaper.reached("before-erasing"),
    )
    _wrap(Sweeper, "begin", after=lambda *_: reaper.reached("after-erasing"))
    _wrap(Sweeper, "_sweep_run", after=lambda *_: reaper.reached("in-sweep"))
    _wrap(Sweeper, "step", after=lambda *_: reaper.reached("after-sweep"))
    _wrap(sweeping, "_share", after=lambda *_: reaper.reached("in-merging"))
    _wrap(SearchIndex, "_take_over", before=lambda *_: reaper.reached("before-taking-over"))

    def unindexing(folder: Folder, *_: Any) -> None:
        if folder._reached.unswept:
            reaper.reached("before-unindexing")

    def unindexed(folder: Folder, *_: Any) -> None:
        if folder.committed.unswept:
            reaper.reached("after-unindexing")

    def pointed(index: SearchIndex, *_: Any) -> None:
        if index._anew is not None:
            reaper.reached("after-pointing")

    _wrap(Folder, "commit", before=unindexing, after=unindexed)
    _wrap(SearchIndex, "_point_to", after=pointed)


def _arm_turns(reaper: Reaper, own: bool) -> None:
    ours: list[bytes] = []
    doing: list[str] = []
    transaction = SqliteLedger.transaction

    def commits(ledger: SqliteLedger, head: Head, *_: Any) -> None:
        if (head.org in ours) == own:
            doing.append("commit")

    @contextmanager
    def watched(ledger: SqliteLedger, **options: bool) -> Iterator[None]:
        doing.clear()
        with transaction(ledger, **options):
            yield
            did = "commit" if "commit" in doing else "pending" if "pending" in doing else ""
            if did:
                reaper.reached(f"before-{did}")
        if did:
            reaper.reached(f"after-{did}")

    _wrap(SqliteLedger, "put_own", after=lambda ledger, org: ours.append(org))
    _wrap(SqliteLedger, "append", after=lambda *_: doing.append("pending"))
    _wrap(SqliteLedger, "commit", after=commits)
    SqliteLedger.transaction = watched  # type: ignore[method-assign, assignment]


def _arm_announcing(reaper: Reaper) -> None:
    due: list[bool] = []

    def gone_out(*_: Any) -> None:
        if due:
            due.clear()
            reaper.reached("after-announcing")

    _wrap(Node, "published", after=lambda *_: due.append(True))
    _wrap(Turns, "_go_out", after=gone_out)


def _arm_mark(reaper: Reaper) -> None:
    replace = home._replace

    def dying(path: Any, content: bytes) -> None:
        part = {home.MARK: "in-mark", home.IDENTITY: "in-keys"}.get(path.name, "")
        if path.name == home.IDENTITY:
            reaper.reached("before-keys")
        if reaper.point == part:
            half = path.with_name(path.name + ".new")
            half.touch(home.FILE_MODE)
            half.write_bytes(content[: len(content) // 2])
            reaper.reached(part)
        replace(path, content)
        if path.name == home.IDENTITY:
            reaper.reached("after-keys")

    home._replace = dying
    _wrap(Home, "write_mark", after=lambda *_: reaper.reached("after-mark"))


def _wrap(
    owner: object,
    name: str,
    before: Callable[..., Any] | None = None,
    after: Callable[..., Any] | None = None,
) -> None:
    whole = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        if before is not None:
            before(*given)
        answer = whole(*given, **named)
        if after is not None:
            after(*given)
        return answer

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    role, point, nth, *words = sys.argv[1:]
    if role == "erasing":
        arm_erasing(Reaper(point, int(nth)))
    else:
        arm(Reaper(point, int(nth)), own=role != "receiving")
    sys.exit(main(words))
