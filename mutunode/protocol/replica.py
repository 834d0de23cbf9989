"""A log being put together: do these entries extend what is held to the root that was signed?

Nothing is believed before the end: entries are hashed into a pending tree as they come, and only a root
equal to the signed one makes them part of the log. A header that stops the log, or an epoch that begins
with other leaves than its op says, is only known to be its author's fault once that root matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from mutunode.protocol.entry import Batch, Row, check_batch
from mutunode.protocol.errors import Broken
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.identity import Base, Chain
from mutunode.protocol.merkle import Compact, leaf_hash


class Verdict(Enum):
    """What a tree that is complete turned out to be."""

    MATCHES = "matches"
    DIFFERS = "differs"  # from the signed root: the sender lied, or our own beginning is another
    BROKEN = "broken"  # signed, and nobody can take it from ``broken_at`` on


class Assembly:
    """Entries on their way to a head, on top of a tree whose beginning is held."""

    def __init__(self, head: Head, chain: Chain, beginning: Compact) -> None:
        self.head = head
        self.start = beginning.size
        self.broken_at: int | None = None
        self._tree = beginning
        self._base = base_of(head, chain)
        self._check_base()

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._tree.size

    @property
    def tree(self) -> Compact:
        """The tree so far."""
        return self._tree

    @property
    def is_complete(self) -> bool:
        """Whether every leaf of the head is there."""
        return self._tree.size >= self.head.size

    def take(self, rows: Sequence[Row]) -> Batch:
        """Add the next rows; gives those that may be stored. ``Invalid``: not the author's bodies."""
        if self.broken_at is not None:
            self.take_leaves([leaf_hash(row[0]) for row in rows])
            return Batch([], [], [])
        try:
            batch = check_batch(rows)
        except Broken as broken:
            batch = check_batch(rows[: broken.index])
            self._break(self.size + broken.index)
        self.take_leaves(batch.leaves)
        self.take_leaves([leaf_hash(row[0]) for row in rows[len(batch.rows) :]])
        return batch

    def take_leaves(self, leaves: Sequence[bytes]) -> None:
        """Add the next leaves without looking at what they stand for."""
        until_base = self._base.size - self.size
        if 0 < until_base <= len(leaves):
            self._tree.extend(leaves[:until_base])
            self._check_base()
            leaves = leaves[until_base:]
        self._tree.extend(leaves)

    def verdict(self) -> Verdict:
        """What the complete tree is."""
        if self.size != self.head.size or self._tree.root() != self.head.root:
            return Verdict.DIFFERS
        return Verdict.MATCHES if self.broken_at is None else Verdict.BROKEN

    def _check_base(self) -> None:
        if self.size == self._base.size and self._tree.root() != self._base.root:
            self._break(self._base.size)

    def _break(self, index: int) -> None:
        self.broken_at = index if self.broken_at is None else min(index, self.broken_at)


def base_of(head: Head, chain: Chain) -> Base:
    """The beginning that the epoch of a head must have; an empty one where nothing says."""
    if head.space != PUBLIC or head.epoch == 0:
        return Base()
    return chain.op(head.epoch).op.base


def first_difference(ours: Sequence[bytes], theirs: Sequence[bytes]) -> int | None:
    """The first index at which two lists of leaves differ, below the end of both."""
    return next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
