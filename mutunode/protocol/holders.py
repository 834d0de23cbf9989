"""Who holds what is ours: no peer sends a head back to where it came from, so those who were told are asked.

``sync --wait`` and the page "who holds my records" rest on these answers, never on hope.
"""

from __future__ import annotations

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.head import Head
from mutunode.protocol.session import Reply, Session

ASK_SECONDS = 1.0  # after it was told, doubling: most have it by then
ASK_TRIES_MAX = 6  # 1 + 2 + 4 + … = one minute, then the next publication or repair asks again

Order = tuple[int, int, int]


class Holders:
    """The newest head of each of our own logs that each peer said it holds."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._held: dict[int, dict[bytes, Order]] = {}  # link → log

    def heard(self, session: Session, head: Head) -> None:
        """A peer showed a head."""
        if head.org == self._core.me.org:
            held = self._held.setdefault(session.link, {})
            held[head.log] = max(head.order, held.get(head.log, head.order))

    def met(self, session: Session, now: float) -> None:
        """A peer is there: does it hold what we have?"""
        ledger = self._core.ledger
        for log in ledger.logs_of(self._core.me.org):
            if (held := ledger.log(log)) is not None and held.head is not None:
                self.told(session, held.head, now)

    def told(self, session: Session, head: Head, now: float) -> None:
        """A peer was told of a head of ours: ask it in a while."""
        if head.org == self._core.me.org:
            self._later(session, head.log, head.order, 0, now)

    def of(self, log: bytes) -> dict[bytes, Order]:
        """What each peer holds of a log of ours, as far as it said so."""
        return {
            session.org: held[log]
            for session in self._core.ready()
            if log in (held := self._held.get(session.link, {}))
        }

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._held.pop(session.link, None)

    def _later(self, session: Session, log: bytes, order: Order, tries: int, now: float) -> None:
        def ask(then: float) -> None:
            held = self._held.get(session.link, {}).get(log)
            if session.is_ready and (held is None or held < order):
                session.ask(messages.AskHead(0, log), answered, then)

        def answered(reply: Reply, then: float) -> None:
            if not isinstance(reply, messages.Heads):
                return
            for head in reply.heads:
                if head.log == log:
                    self.heard(session, head)
            held = self._held.get(session.link, {}).get(log)
            if (held is None or held < order) and tries + 1 < ASK_TRIES_MAX:
                self._later(session, log, order, tries + 1, then)

        if session.is_ready:
            # A newer head of the same log takes the place of this appointment.
            self._core.agenda.at(("holds", session.link, log), now + ASK_SECONDS * 2**tries, ask)
