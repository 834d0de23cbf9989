"""Bringing on what concerns a peer of those whom it does not follow (PROTOCOL §4: "sent by anybody").

Two organisations that only know a third one reach each other through it: it holds what they signed. A peer
that we listen to is offered what cites its log, and what is sealed and may be for it, of those that we listen
to, one at a time and in the order it came; unless it says that it holds that log, or a log was shown to it.
"""

from __future__ import annotations

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Code
from mutunode.protocol.interest import Interest
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import (
    DELIVERED_BYTES_MAX,
    FRAME_BYTES_MAX,
    PASSED_ON_FIRST_MAX,
    PASSED_ON_HOUR_MAX,
    PASSING_RETRY_SECONDS,
    PASSING_SECONDS,
)
from mutunode.protocol.pace import Pace
from mutunode.protocol.session import Reply, Session

Found = tuple[int, bytes, int]  # arrival, log, index


class Passing:
    """Offers each peer what may concern it."""

    def __init__(self, core: Core, interest: Interest) -> None:
        self._core = core
        self._interest = interest
        self._follows: dict[tuple[int, bytes], bool] = {}  # (link, log): whether that peer holds it
        self._pace: dict[int, Pace] = {}
        self._busy: set[int] = set()

    def ready(self, session: Session, now: float) -> None:
        """A link is complete."""
        self._pace[session.link] = Pace(PASSED_ON_HOUR_MAX, PASSED_ON_HOUR_MAX / 3_600, now)
        self._later(session, now, PASSING_SECONDS)

    def more(self, now: float) -> None:
        """Something of others came, or what came before is shown only now."""
        if not self._core.agenda.has(("passing",)):
            self._core.agenda.at(("passing",), now + PASSING_SECONDS, self._look)

    def _look(self, now: float) -> None:
        """Is there anything in what came for one of those linked with us?"""
        for session in self._core.ready():
            if not self._core.agenda.has(("pass", session.link)):  # else its pace, or a pause, is not over
                self._go_on(session, now)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._busy.discard(session.link)
        self._pace.pop(session.link, None)
        self._core.agenda.cancel(("pass", session.link))
        for key in [key for key in self._follows if key[0] == session.link]:
            del self._follows[key]

    def _later(self, session: Session, now: float, seconds: float) -> None:
        self._core.agenda.at(("pass", session.link), now + seconds, lambda then: self._go_on(session, then))

    def _go_on(self, session: Session, now: float) -> None:
        """The next one for this peer."""
        if not session.is_ready or not session.listened or session.link in self._busy:
            return
        ledger = self._core.ledger
        reached, newest = ledger.passed_on(session.org), ledger.newest_arrival()
        after = max(0, newest - PASSED_ON_FIRST_MAX) if reached is None else reached
        found = next(iter(ledger.to_pass_on(session.org, after, 1)), None)
        if found is None:
            if reached is None or newest > reached:
                ledger.put_passed_on(session.org, newest)
            return
        self._consider(session, found, now)

    def _consider(self, session: Session, found: Found, now: float) -> None:
        held = self._core.ledger.log(found[1])
        if (
            held is None
            or held.head is None
            or not self._interest.listens(held.org)
            or held.org == session.org
        ):
            self._done(session, found, now)
            return
        follows = self._follows.get((session.link, held.log))
        pace = self._pace[session.link]
        if follows:
            self._done(session, found, now)
        elif follows is None:
            self._busy.add(session.link)
            ask = messages.AskHead(0, held.log)
            session.ask(ask, lambda reply, then: self._told(session, found, reply, then), now)
        elif pace.wait_seconds(now) > 0:
            self._later(session, now, pace.wait_seconds(now))
        else:
            pace.take_whole(now)
            self._bring(session, found, held, now)

    def _told(self, session: Session, found: Found, reply: Reply, now: float) -> None:
        """Whether the peer holds that log."""
        self._busy.discard(session.link)
        if isinstance(reply, messages.Heads):
            self._follows[session.link, found[1]] = any(
                head.log == found[1] and head.size > 0 for head in reply.heads
            )
            self._later(session, now, 0.0)
        elif reply is not None:
            self._later(session, now, PASSING_RETRY_SECONDS)

    def _bring(self, session: Session, found: Found, held: HeldLog, now: float) -> None:
        _, log, index = found
        ledger, head = self._core.ledger, held.head
        assert head is not None
        ((header, salt, body),) = ledger.entries(log, index, index + 1, True, FRAME_BYTES_MAX)
        if not body or len(header) + len(salt) + len(body) > DELIVERED_BYTES_MAX:
            self._done(session, found, now)
            return
        path = tuple(ledger.proof(log, head.size, index))
        self._busy.add(session.link)
        deliver = messages.Deliver(0, header, salt, body, index, path, head)
        session.ask(deliver, lambda reply, then: self._answered(session, found, reply, then), now)

    def _answered(self, session: Session, found: Found, reply: Reply, now: float) -> None:
        self._busy.discard(session.link)
        if reply is None:
            return  # the next link begins here again
        if isinstance(reply, messages.Err) and reply.code in (Code.BUSY, Code.FULL, Code.LIMIT):
            self._later(session, now, PASSING_RETRY_SECONDS)
        else:
            self._done(session, found, now)

    def _done(self, session: Session, found: Found, now: float) -> None:
        self._core.ledger.put_passed_on(session.org, found[0])
        self._later(session, now, 0.0)
