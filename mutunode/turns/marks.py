"""The outside mark follows our own registers: after the commit, before anybody is shown what it covers.

A crash between the two leaves a mark behind the store, and the next start raises it before a frame leaves.
A mark that cannot be written keeps everything in: what others have seen is never more than it says, so that
an old copy of the store put back is always recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mutunode.protocol.core import Me
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.merkle import EMPTY_ROOT
from mutunode.store.interface import StoreLedger

Marked = tuple[int, int, bytes]  # epoch, size, root


class Standing(Protocol):
    """One mark as the home keeps it."""

    @property
    def epoch(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...


class OutsideMark(Protocol):
    """Where the marks are kept: beside the database, never in it."""

    def marks(self) -> Mapping[bytes, Standing]: ...
    def write_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None: ...
    def reset_mark(self, log: bytes, epoch: int, size: int, root: bytes) -> None: ...


class Marks:
    """What is to be marked; the first three ask the ledger and belong inside a transaction."""

    def __init__(self, me: Me, ledger: StoreLedger, outside: OutsideMark) -> None:
        self._me = me
        self._ledger = ledger
        self._outside = outside

    def due_at_start(self) -> dict[bytes, Marked]:
        """What an earlier run committed and did not come to mark; and the first mark of all, of nothing.

        Only where store and mark agree, or an epoch was opened since: a store that is another one than
        marked is not vouched for.
        """
        marks = self._outside.marks()
        due = {
            log: marked
            for log, marked in self._ahead().items()
            if (mark := marks.get(log)) is not None
            and (marked[0] > mark.epoch or self._ledger.root_at(log, mark.size) == mark.root)
        }
        public = log_id(self._me.org, PUBLIC)
        held = self._ledger.log(public)
        chain = self._ledger.chain(self._me.org)
        if public not in marks and chain is not None and (held is None or not held.size):
            due[public] = (chain.epoch, 0, EMPTY_ROOT)
        return due

    def due(self) -> dict[bytes, Marked]:
        """What a turn of a node that may sign committed, from its own hand or from peers."""
        return self._ahead()

    def due_of_trusted(self) -> dict[bytes, Marked]:
        """What is held, whatever the marks say: a person answers for it."""
        chain = self._ledger.chain(self._me.org)
        nothing = (chain.epoch if chain is not None else 0, 0, EMPTY_ROOT)
        held = {each.log: _state(each) or nothing for each in self._own()}
        return {log: held.get(log, nothing) for log in (*self._outside.marks(), *held)}

    def write(self, due: Mapping[bytes, Marked]) -> None:
        """Raise the marks; durable when this returns."""
        for log, (epoch, size, root) in due.items():
            self._outside.write_mark(log, epoch, size, root)

    def reset(self, due: Mapping[bytes, Marked]) -> None:
        """Put the marks where the store is, also back."""
        for log, (epoch, size, root) in due.items():
            self._outside.reset_mark(log, epoch, size, root)

    def _ahead(self) -> dict[bytes, Marked]:
        """Logs of ours that hold more than is marked."""
        marks = self._outside.marks()
        ahead = {}
        for held in self._own():
            marked, mark = _state(held), marks.get(held.log)
            if marked is not None and (mark is None or marked[:2] > (mark.epoch, mark.size)):
                ahead[held.log] = marked
        return ahead

    def _own(self) -> list[HeldLog]:
        logs = (self._ledger.log(log) for log in self._ledger.logs_of(self._me.org))
        return [held for held in logs if held is not None]


def _state(held: HeldLog) -> Marked | None:
    """Epoch, size and root; None where nothing was signed."""
    return None if held.head is None else (held.head.epoch, held.size, held.head.root)
