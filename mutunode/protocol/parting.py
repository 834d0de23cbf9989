"""Where two registers that were signed with our key part, as peers show it.

Evidence by two heads of one size names no leaf. Whoever holds the other tree still gives its headers; the
first that is not ours is where both part, and all before it is what they have in common.
"""

from __future__ import annotations

from mutunode.protocol import messages, rows
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ENTRIES_PER_ANSWER_MAX, LEAVES_READ_MAX
from mutunode.protocol.merkle import leaf_hash
from mutunode.protocol.session import Reply, Session


class Parting:
    """Compares our leaves of a log that is frozen with those of everybody we are linked with."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._first: dict[bytes, int] = {}  # log → the first index known to differ

    def first(self, log: bytes) -> int | None:
        """Where ours parts from another one, as far as peers have shown it."""
        return self._first.get(log)

    def ready(self, session: Session, now: float) -> None:
        """Somebody is there; perhaps it holds what we have not."""
        for log in self._core.ledger.logs_of(self._core.me.org):
            held = self._core.ledger.log(log)
            if held is not None and held.frozen and held.head is not None and held.size <= LEAVES_READ_MAX:
                self._ask(session, log, held.head.epoch, held.head.base, now)

    def with_all(self, now: float) -> None:
        """Two registers were just found: compare with everybody."""
        for session in self._core.ready():
            self.ready(session, now)

    def _ask(self, session: Session, log: bytes, epoch: int, start: int, now: float) -> None:
        def answered(reply: Reply, then: float) -> None:
            leaves = _leaves(reply, log, start)
            ours = self._core.ledger.leaves(log, start, start + len(leaves))
            for index, (leaf, other) in enumerate(zip(ours, leaves, strict=False), start):
                if leaf != other:
                    self._first[log] = min(index, self._first.get(log, index))
                    return
            if leaves and len(ours) == len(leaves):
                self._ask(session, log, epoch, start + len(leaves), then)

        get = messages.Get(0, log, epoch, start, start + ENTRIES_PER_ANSWER_MAX, False)
        session.ask(get, answered, now)


def _leaves(reply: Reply, log: bytes, start: int) -> list[bytes]:
    if not isinstance(reply, messages.Entries) or (reply.log, reply.start) != (log, start):
        return []
    try:
        return [leaf_hash(row[0]) for row in rows.unpack(reply.enc, reply.payload)]
    except Malformed:
        return []
