"""The memory store as a crowd needs it: it works in place, and keeps indexes where all logs would be read.

What it leaves out is what only a crash in the middle of a turn needs (a copy of everything, each turn). What
becomes of a register by the same entries is worked out by the first store, and held by all others as well.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from mutunode.protocol.entry import Row
from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.ledger import Address, HeldLog, RangeItem, Vouch
from mutunode.protocol.limits import VOUCHES_READ_MAX
from mutunode.protocol.merkle import Compact
from mutunode.store.interface import promise
from mutunode.store.meaning import BROUGHT_TO_NOBODY, INTERESTING, header_of
from mutunode.store.memory import MemoryLedger, MemoryStore
from mutunode.store.memory_contents import Contents, Log
from mutunode.store.memory_turn import MemoryTurn

REMEMBERED = 100_000
_NOTHING_TO_UNDO = nullcontext()


class CrowdTurn(MemoryTurn):
    """Of one thread, and always open."""

    state: Contents = None  # type: ignore[assignment]


class Together:
    """What registers became, for all stores of a crowd: values are immutable, so that one is enough.

    A register that is shared says nothing of when it came to which store: each keeps that itself.
    """

    def __init__(self) -> None:
        self.grown: dict[tuple[Log | None, bytes, tuple[Row, ...]], Log] = {}
        self.committed: dict[tuple[Log, Head], tuple[Log, int]] = {}  # and whether interests changed
        self.vouches: dict[Log, list[Vouch]] = {}
        self.concerns_somebody = False  # does any record speak to somebody alone…
        self.introduces = False  # … or of somebody else?
        self.held: dict[Log, HeldLog | None] = {}
        self.items: dict[Log, RangeItem] = {}
        self.trees: dict[tuple[Log, int], Compact] = {}

    def tidy(self) -> None:
        """What was forgotten is worked out again."""
        for known in (self.grown, self.committed, self.held, self.items, self.trees, self.vouches):
            if len(known) > REMEMBERED:
                known.clear()


class CrowdLedger(MemoryLedger):
    """The memory ledger, working in place, with an index where all logs would be looked through."""

    def __init__(self, store: MemoryStore, clock: Any, together: Together) -> None:
        super().__init__(store, clock)
        self._turn = CrowdTurn(clock)
        self._turn.state = store.state
        self._together = together
        self._cursors: dict[bytes, int] = {}  # log → number of its newest commit
        self._by_cursor: list[tuple[int, bytes]] = []
        self._ids: list[bytes] = []
        self._sorted: tuple[int, list[Address]] = (-1, [])
        self._changes = 0
        self._ranged: tuple[tuple[object, ...], list[RangeItem]] = ((), [])  # asked last, and its answer

    def transaction(  # type: ignore[override]
        self, *, freeing: bool = False, hurried: bool = False
    ) -> AbstractContextManager[None]:
        """A turn that is not undone: here no crash comes in the middle of one."""
        return _NOTHING_TO_UNDO

    def log(self, log: bytes) -> HeldLog | None:
        """What is held, worked out once for all who hold it."""
        state = self._turn.state
        now = state.logs.get(log)
        if now is None or (state.evidence and state.evidence_of(log)):
            return super().log(log)
        known = self._together.held.get(now)
        if known is None:
            known = self._together.held[now] = super().log(log)
        return known

    def frontier(self, log: bytes, size: int | None = None) -> Compact:
        """The compact tree, worked out once."""
        now = self._turn.state.logs.get(log)
        if now is None:
            return super().frontier(log, size)
        key = (now, now.committed if size is None else size)
        known = self._together.trees.get(key)
        if known is None:
            known = self._together.trees[key] = super().frontier(log, size)
        return known.copy()

    def logs_of(self, org: bytes) -> list[bytes]:
        """Its public log, the only one that a crowd has."""
        log = log_id(org, PUBLIC)
        return [log] if self.log(log) is not None else []

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs between two ids, from a list that is kept in order."""
        if self._turn.state.evidence or len(self._ids) != len(self._turn.state.logs):
            return super().range_items(first, last)
        asked = (first, last, self._turn.state.cursors, self._turn.stamp)
        if self._ranged[0] == asked:
            return self._ranged[1]
        logs, items = self._turn.state.logs, self._together.items
        found: list[RangeItem] = []
        for log in self._ids[bisect_left(self._ids, first) : bisect_right(self._ids, last)]:
            held = logs[log]
            if (head := held.head) is not None:
                item = items.get(held)
                if item is None:
                    item = RangeItem(log, head.epoch, head.size, head.root, head.time // 86_400)
                    items[held] = item
                found.append(item)
        self._ranged = (asked, found)
        return found

    def newest_cursor(self) -> int:
        """The cursor of the newest commit."""
        return self._turn.state.cursors

    def heads_since(self, cursor: int, limit: int) -> tuple[list[Head], int, bool]:
        """Heads changed since, by an index in the order of commits."""
        logs, index = self._turn.state.logs, self._by_cursor
        found: list[Head] = []
        reached = cursor
        for at in range(bisect_right(index, (cursor, b"\xff" * 33)), len(index)):
            number, log = index[at]
            head = logs[log].head
            if self._cursors[log] != number or head is None:
                continue
            if len(found) == limit:
                return found, reached, True
            found.append(head)
            reached = number
        return found, reached, False

    def commit(self, head: Head, frontier: Compact) -> None:
        """As the memory ledger does, once for all stores that held the same; and into the index."""
        state, log = self._turn.state, head.log
        before = state.logs.get(log)
        is_shared = before is not None and not self._together.concerns_somebody and not self._turn.cut
        known, changes = None, 0
        if is_shared and before:
            known, changes = self._together.committed.get((before, head), (None, 0))
        if known is None:
            stamp = self._turn.stamp
            super().commit(head, frontier)
            if is_shared and before and state.logs[log].projected == head.size:
                now = state.logs[log] = replace(state.logs[log], cursor=0, received_at=0)
                self._together.committed[before, head] = now, self._turn.stamp - stamp
        else:
            promise(head.org in state.chains, "a head of an organisation whose chain is not held")
            promise(frontier.size == head.size, "a tree that is not the head's")
            state.logs[log] = known
            state.cursors += 1
            self._turn.stamp += changes
            state.arrivals += known.projected - (before.projected if before else 0)
        self._cursors[log] = state.cursors
        insort(self._by_cursor, (state.cursors, log))
        if len(self._by_cursor) > 4 * len(state.logs) + 64:
            self._by_cursor = [(at, log) for at, log in self._by_cursor if self._cursors[log] == at]

    def begin_with(self, other: CrowdLedger) -> None:
        """Index registers that another one holds."""
        self._cursors = dict(other._cursors)
        self._by_cursor, self._ids = list(other._by_cursor), list(other._ids)

    def logs_missing(self, limit: int) -> list[bytes]:
        """Nothing is missing where nobody erases or drops."""
        return []

    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """None, where there are resources only; else read once."""
        if not self._together.introduces:
            return []
        held = self._turn.state.logs.get(log_id(voucher, PUBLIC))
        if held is None:
            return []
        known = self._together.vouches.get(held)
        if known is None:
            known = self._together.vouches[held] = super().vouches(voucher, VOUCHES_READ_MAX)
        return known[:limit]

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """None, where nobody introduces anybody."""
        return super().endpoints(org) if self._together.introduces else ()

    def to_pass_on(self, peer: bytes, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """What may concern a peer, among the records that may concern anybody but their readers at large."""
        return super().to_pass_on(peer, after, limit) if self._together.concerns_somebody else []

    def append(
        self, org: bytes, space: bytes, start: int, rows: Sequence[Row], leaves: Sequence[bytes]
    ) -> None:
        """As the memory ledger does, once for all; are there records that may concern somebody?"""
        logs, log = self._turn.state.logs, log_id(org, space)
        before = logs.get(log)
        if before is None:
            insort(self._ids, log)
        key = (before, log, tuple(rows))
        known = self._together.grown.get(key)
        if known is not None:
            promise(start == len(known.leaves) - len(rows), "appended at another place")
            logs[log] = known
            return
        super().append(org, space, start, rows, leaves)
        kinds = {parsed.kind for header, _, _ in rows if (parsed := header_of(header)) is not None}
        self._together.concerns_somebody |= not kinds <= BROUGHT_TO_NOBODY
        self._together.introduces |= not kinds.isdisjoint(INTERESTING)
        self._together.tidy()
        self._together.grown[key] = logs[log]

    def drop_pending(self, log: bytes) -> None:
        """Nothing changes where nothing is pending."""
        held = self._turn.state.logs.get(log)
        if held is not None and held.pending:
            super().drop_pending(log)

    def put_address(self, address: Address) -> None:
        """Into the book."""
        self._changes += 1
        super().put_address(address)

    def addresses(self) -> Iterator[Address]:
        """The book, in order; sorted again when it changed."""
        changes, book = self._sorted
        if changes != self._changes:
            book = list(super().addresses())
            self._sorted = (self._changes, book)
        return iter(book)


class CrowdStore(MemoryStore):
    """A memory store for one node of many."""

    def __init__(self, clock: Any, together: Together) -> None:
        super().__init__(clock)
        self._ledger: CrowdLedger = CrowdLedger(self, clock, together)

    def holds_what(self, other: CrowdStore) -> None:
        """The registers that another one holds."""
        state = other.state
        self.state.logs = dict(state.logs)
        self.state.cursors, self.state.arrivals = state.cursors, state.arrivals
        self._ledger.begin_with(other._ledger)
