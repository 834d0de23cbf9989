"""Carrying for two who reach only us: what comes for one of them from the other is passed on unread.

On each link the side that was dialled is the relay (PROTOCOL §4, type 21): whoever could dial us cannot
always be dialled. A pair has 64 kB a second in each direction and 1 MiB that may wait; beyond it the sender
is told. Inside is TLS between the two, so that we see lengths and times, and nothing else.
"""

from __future__ import annotations

from collections import deque

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Relayed
from mutunode.protocol.errors import Code
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import (
    RELAY_BURST,
    RELAY_BYTES_A_SECOND,
    RELAY_BYTES_MAX,
    RELAY_FLOWS_MAX,
    RELAY_HELD_BYTES_MAX,
    RELAY_SILENCE_SECONDS,
    RELAYED_BURST,
    RELAYED_BYTES_A_SECOND,
    SEND_BUFFER_BYTES_GOAL,
)
from mutunode.protocol.pace import Pace
from mutunode.protocol.session import Session

TOLD_SECONDS = 60.0  # between two answers that say the same
BUSY_SECONDS = 1.0
FULL_SECONDS = 0.25  # until the destination's link is looked at again
TOLD_MAX = 1_024
FRAMING_BYTES = 64  # what a frame costs whatever it carries

Pair = tuple[int, int]  # the sender's link, the destination's


class Flow:
    """One direction between two."""

    def __init__(self, now: float) -> None:
        self.pace = Pace(RELAY_BURST, RELAY_BYTES_A_SECOND, now)
        self.held: deque[bytes] = deque()
        self.held_bytes = 0
        self.busy_said = float("-inf")


class Relaying:
    """What comes for others, and what comes for us by others."""

    def __init__(self, core: Core, interest: Interest) -> None:
        self._core = core
        self._interest = interest
        self._flows: dict[Pair, Flow] = {}
        self._arriving: dict[int, Pace] = {}  # link → what a relay may bring us
        self._told: dict[tuple[int, bytes], float] = {}

    def received(self, session: Session, push: messages.Relay, now: float) -> None:
        """A frame to pass on, or, from a relay that we dialled, one for us."""
        if messages.RELAY not in session.features:
            self._once(session, b"", Code.UNKNOWN_TYPE, "this link does not relay", now)
        elif len(push.payload) > RELAY_BYTES_MAX:
            text = f"{len(push.payload)} bytes to relay, {RELAY_BYTES_MAX} at most"
            session.refuse(messages.PUSH, Code.LIMIT, text, now)
        elif session.outgoing:
            self._arrives(session, push, now)
        elif (target := self._target(session, push.org)) is None:
            self._once(session, push.org, Code.UNKNOWN, "unknown", now)
        else:
            self._pass_on(session, target, push.payload, now)

    def send(self, link: int, org: bytes, payload: bytes, now: float) -> None:
        """Hand a relay something for somebody."""
        session = self._core.sessions.get(link)
        if session is not None and session.is_ready and messages.RELAY in session.features:
            session.send(messages.Relay(messages.PUSH, org, payload), now)

    def forget(self, session: Session) -> None:
        """The link is gone, and with it all that went over it."""
        for pair in [pair for pair in self._flows if session.link in pair]:
            self._end(pair)
        for told in [told for told in self._told if told[0] == session.link]:
            del self._told[told]
        self._arriving.pop(session.link, None)

    # --- for us --------------------------------------------------------------------------------
    def _arrives(self, session: Session, push: messages.Relay, now: float) -> None:
        pace = self._arriving.setdefault(session.link, Pace(RELAYED_BURST, RELAYED_BYTES_A_SECOND, now))
        if self._interest.blocked(push.org) or not pace.take(len(push.payload) + FRAMING_BYTES, now):
            return  # a flow that lacks something ends by itself
        self._core.do(Relayed(session.link, push.org, push.payload))

    # --- for others ----------------------------------------------------------------------------
    def _target(self, session: Session, org: bytes) -> Session | None:
        for other in self._core.ready():
            relays = not other.outgoing and messages.RELAY in other.features
            if other.org == org and other is not session and relays:
                return other
        return None

    def _pass_on(self, session: Session, target: Session, payload: bytes, now: float) -> None:
        pair = (session.link, target.link)
        flow = self._flows.get(pair)
        if flow is None:
            if sum(source == session.link for source, _ in self._flows) >= RELAY_FLOWS_MAX:
                self._once(session, b"busy", Code.BUSY, "too many at once through this relay", now)
                return
            flow = self._flows[pair] = Flow(now)
        self._core.agenda.at(("flow", *pair), now + RELAY_SILENCE_SECONDS, lambda _: self._end(pair))
        if flow.held_bytes + len(payload) > RELAY_HELD_BYTES_MAX:
            if now >= flow.busy_said + BUSY_SECONDS:
                flow.busy_said = now
                session.refuse(messages.PUSH, Code.BUSY, "more than this relay carries", now, 1)
            return
        flow.held.append(payload)
        flow.held_bytes += len(payload)
        self._pump(pair, now)

    def _pump(self, pair: Pair, now: float) -> None:
        flow = self._flows.get(pair)
        source, target = (self._core.sessions.get(link) for link in pair)
        if flow is None or source is None or target is None:
            return
        while flow.held:
            wait = flow.pace.wait_seconds(now)
            if target.buffered_bytes > SEND_BUFFER_BYTES_GOAL:
                wait = max(wait, FULL_SECONDS)
            if wait > 0:
                self._core.agenda.at(("relay", *pair), now + wait, lambda then: self._pump(pair, then))
                return
            payload = flow.held.popleft()
            flow.held_bytes -= len(payload)
            flow.pace.take(len(payload) + FRAMING_BYTES, now)
            target.send(messages.Relay(messages.PUSH, source.org, payload), now)

    def _end(self, pair: Pair) -> None:
        self._flows.pop(pair, None)
        self._core.agenda.cancel(("flow", *pair))
        self._core.agenda.cancel(("relay", *pair))

    def _once(self, session: Session, what: bytes, code: Code, text: str, now: float) -> None:
        """Say something at most once a minute about one thing."""
        if now < self._told.get((session.link, what), float("-inf")) + TOLD_SECONDS:
            return
        self._told[session.link, what] = now
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        session.refuse(messages.PUSH, code, text, now, 1 if code is Code.BUSY else 0)
