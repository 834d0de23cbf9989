"""The memory store as a crowd needs it: it works in place, and keeps indexes where all logs would be read.

What it leaves out is what only a crash in the middle of a turn needs (a copy of everything, each turn).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mutunode.protocol.entry import Row
from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.ledger import Address, HeldLog, RangeItem, Vouch
from mutunode.protocol.merkle import Compact
from mutunode.store.meaning import header_of
from mutunode.store.memory import MemoryLedger, MemoryStore
from mutunode.store.memory_contents import Contents, Log
from mutunode.store.memory_turn import MemoryTurn

_NOTHING_TO_UNDO = nullcontext()


class CrowdTurn(MemoryTurn):
    """Of one thread, and always open."""

    state: Contents = None  # type: ignore[assignment]


class CrowdLedger(MemoryLedger):
    """The memory ledger, working in place, with an index where all logs would be looked through."""

    def __init__(self, store: MemoryStore, clock: Any) -> None:
        super().__init__(store, clock)
        self._turn = CrowdTurn(clock)
        self._turn.state = store.state
        self._by_cursor: list[tuple[int, bytes]] = []
        self._held: dict[bytes, tuple[Any, HeldLog]] = {}
        self._ids: list[bytes] = []
        self._items: dict[bytes, tuple[Head, RangeItem]] = {}
        self._sorted: tuple[int, list[Address]] = (-1, [])
        self._changes = 0
        self._concerns_somebody = False

    def transaction(  # type: ignore[override]
        self, *, freeing: bool = False, hurried: bool = False
    ) -> AbstractContextManager[None]:
        """A turn that is not undone: here no crash comes in the middle of one."""
        return _NOTHING_TO_UNDO

    def log(self, log: bytes) -> HeldLog | None:
        """What is held, remembered as long as it does not change."""
        now = self._turn.state.logs.get(log)
        known = self._held.get(log)
        if known is not None and known[0] is now and not self._turn.state.evidence:
            return known[1]
        held = super().log(log)
        if held is not None:
            self._held[log] = (now, held)
        return held

    def logs_of(self, org: bytes) -> list[bytes]:
        """Its public log, the only one that a crowd has."""
        log = log_id(org, PUBLIC)
        return [log] if self.log(log) is not None else []

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs between two ids, from a list that is kept in order."""
        if self._turn.state.evidence or len(self._ids) != len(self._turn.state.logs):
            return super().range_items(first, last)
        logs, found = self._turn.state.logs, []
        for log in self._ids[bisect_left(self._ids, first) : bisect_right(self._ids, last)]:
            if (head := logs[log].head) is not None:
                known = self._items.get(log)
                if known is None or known[0] is not head:
                    item = RangeItem(log, head.epoch, head.size, head.root, head.time // 86_400)
                    known = self._items[log] = (head, item)
                found.append(known[1])
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
            held = logs[log]
            if held.cursor != number or held.head is None:
                continue
            if len(found) == limit:
                return found, reached, True
            found.append(held.head)
            reached = number
        return found, reached, False

    def commit(self, head: Head, frontier: Compact) -> None:
        """As the memory ledger does, and into the index."""
        super().commit(head, frontier)
        insort(self._by_cursor, (self._turn.state.cursors, head.log))
        if len(self._by_cursor) > 4 * len(self._turn.state.logs) + 64:
            logs = self._turn.state.logs
            self._by_cursor = [(at, log) for at, log in self._by_cursor if logs[log].cursor == at]

    def begin_with(self, logs: dict[bytes, Log]) -> None:
        """Index registers that were put there."""
        self._by_cursor = sorted((held.cursor, log) for log, held in logs.items())
        self._ids = sorted(logs)

    def logs_missing(self, limit: int) -> list[bytes]:
        """Nothing is missing where nobody erases or drops."""
        return []

    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """None, where there are resources only."""
        return super().vouches(voucher, limit) if self._concerns_somebody else []

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """None, where there are resources only."""
        return super().endpoints(org) if self._concerns_somebody else ()

    def to_pass_on(self, peer: bytes, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """What may concern a peer, among the records that may concern anybody but their readers at large."""
        return super().to_pass_on(peer, after, limit) if self._concerns_somebody else []

    def append(
        self, org: bytes, space: bytes, start: int, rows: Sequence[Row], leaves: Sequence[bytes]
    ) -> None:
        """As the memory ledger does; are there records that may concern somebody?"""
        if (log := log_id(org, space)) not in self._turn.state.logs:
            insort(self._ids, log)
        super().append(org, space, start, rows, leaves)
        kinds = (header_of(header) for header, _, _ in rows)
        self._concerns_somebody |= any(kind is not None and kind.kind != "resource" for kind in kinds)

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

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self._ledger: CrowdLedger = CrowdLedger(self, clock)

    def holds_what(self, other: MemoryStore) -> None:
        """The registers that another one holds; they are shared until one of the two changes them."""
        state = other.state
        self.state.logs = dict(state.logs)
        self.state.cursors, self.state.arrivals = state.cursors, state.arrivals
        self._ledger.begin_with(self.state.logs)
