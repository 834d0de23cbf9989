"""How the index follows the store: read changes after its place, put them, commit, remember the place.

Never inside the transaction that takes records in: indexing is slower than replication, and may lag behind.
Commits come when there is nothing more to read, so that what was just published is found at once, and while
there is, after one second and then at growing distances up to ten, so that a first replication becomes
searchable as it streams in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from mutunode.store.interface import Stored
from mutunode.store.search.document import Document, Owner
from mutunode.store.search.folder import Folder

STEP_CHANGES_MAX = 200  # × 0.5 ms = 0.1 s, the longest a step keeps other work waiting
COMMIT_SECONDS_MIN, COMMIT_SECONDS_MAX = 1.0, 10.0
COMMIT_SHARE = 0.5  # of the time since we fell behind: commits of a long way come soon first, then rarely
IDLE_SECONDS_MAX = 5.0  # afterwards the writer's memory and threads are given back
NAMING = "profile"  # the kind of record that says what its organisation is called

log = logging.getLogger(__name__)


class Changes(Protocol):
    """What the index needs of the store's read side."""

    def changes(self, after: int, limit: int) -> Sequence[tuple[int, Stored]]:
        """Records whose newest change has a number above ``after``, by number."""

    def newest_change(self) -> int:
        """The number of the newest change."""


class Maker(Protocol):
    """What the index asks of those who know what records mean."""

    def document(self, stored: Stored) -> Document | None:
        """The document of a record; None when it is not to be found."""

    def name(self, org: bytes) -> str:
        """What an organisation is called now."""


class Feed:
    """Carries changes into one folder."""

    def __init__(self, folder: Folder, maker: Maker, clock: Callable[[], float]) -> None:
        self.folder = folder
        self._maker = maker
        self._clock = clock
        self._read = folder.committed.change
        self._named: dict[bytes, int] = {}  # organisation → the newest change when its name was read
        self._committed_at = self._worked_at = self._behind_since = clock()

    def is_ahead(self, changes: Changes) -> bool:
        """Does the index know of changes this store never made? Then the store is an older copy."""
        return changes.newest_change() < self._read

    def step(self, changes: Changes) -> bool:
        """Read and put a bounded number of changes; are there more?"""
        now = self._clock()
        batch = changes.changes(self._read, STEP_CHANGES_MAX)
        newest = changes.newest_change() if batch else 0  # read first: names are at least as new
        for number, stored in batch:
            self._name(stored, number, newest)
        self._put([stored for _, stored in batch])
        self._read = batch[-1][0] if batch else self._read
        more = len(batch) == STEP_CHANGES_MAX
        if not more:
            self._behind_since = now
        if batch:
            self._worked_at = now
        if self._read > self.folder.committed.change and (
            not more or now - self._committed_at >= self._patience(now)
        ):
            self.folder.commit(self._read)
            self._committed_at = now
        elif not batch and now - self._worked_at >= IDLE_SECONDS_MAX:
            self.folder.close()
        return more

    def _name(self, stored: Stored, number: int, newest: int) -> None:
        """Have the index know what the author of a record is called now."""
        org = stored.org
        if stored.kind == NAMING and stored.state == "erased" and self._named.get(org, 0) < number:
            self.folder.erased(org)  # what it was called before may have stood in what is erased
        if org not in self._named or stored.kind == NAMING:
            self.folder.name(Owner(org, self._maker.name(org)))
            self._named[org] = newest

    def _patience(self, now: float) -> float:
        """How long after a commit the next one comes, while there is more to read.

        Each costs a segment, which is merged with others later: with one every second, half of the work of a
        slow machine was merging.
        """
        wanted = COMMIT_SHARE * (now - self._behind_since)
        return min(max(wanted, COMMIT_SECONDS_MIN), COMMIT_SECONDS_MAX)

    def _put(self, batch: list[Stored]) -> None:
        """Have the index hold these records as they are now."""
        for stored in batch:
            if stored.state == "erased":
                self.folder.erased(stored.rec)
        self.folder.put([(stored.rec, self._made(stored)) for stored in batch])

    def _made(self, stored: Stored) -> Document | None:
        """The document of a record that is to be found; one that cannot be made hides that record only."""
        if stored.body is None or stored.superseded_by is not None or stored.withdrawn_by is not None:
            return None
        if stored.state not in ("ok", "opaque"):
            return None
        try:
            return self._maker.document(stored)
        except Exception:
            log.exception("record %s cannot be read for the search and will not be found", stored.rec.hex())
            return None
