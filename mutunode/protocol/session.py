"""One peer on one link: where its handshake stands, what we asked it, what it may ask of us.

    GREETING ──HELLO──▶ PROVING ──AUTH──▶ MEETING ──IDENTITY──▶ READY
        (our HELLO is sent)  (our AUTH too)   │ (we lack its chain)  ▲
                                              └──── chain held ──────┘

A session counts; it does not judge what frames mean. Our requests leave at a pace the other side allows
and come back through ``answered``; whatever becomes of them, their handler hears of it exactly once:
with the reply, with an ``Err``, or with None when the link or the patience ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Code
from mutunode.protocol.identity import Chain
from mutunode.protocol.limits import (
    BUSY_GRACE_SECONDS,
    BUSY_UNHEEDED_MAX,
    FETCHES_MAX,
    FRAME_BYTES_MAX,
    IN_FLIGHT_MAX,
    MESSAGES_A_SECOND,
    MESSAGES_BURST,
    REQUEST_SECONDS_MAX,
    REQUEST_TRIES_MAX,
    REQUESTS_LAN_MAX,
    SEND_BUFFER_BYTES_MAX,
    SERVED_BYTES_A_SECOND,
    SERVED_BYTES_BURST,
    STRANGER_IN_FLIGHT_MAX,
    STRANGER_MESSAGES_A_SECOND,
    STRANGER_MESSAGES_BURST,
    STRANGER_SEND_BUFFER_BYTES_MAX,
    STRANGER_SERVED_BYTES_A_SECOND,
    STRANGER_SERVED_BYTES_BURST,
)
from mutunode.protocol.pace import Pace

CLOSE_NORMAL = 1000
CLOSE_MALFORMED = 1002
CLOSE_OVERSIZE = 1009
CLOSE_AUTHENTICATION = 4003
CLOSE_QUOTA = 4029

Reply = messages.Message | None
Handler = Callable[[Reply, float], None]

# What a first replication asks for, once for each organisation, log or chunk. Among those who listen to each
# other on the LAN it is not counted: what is on its way sets the pace, and 20 a second would be a thousand
# organisations in two minutes.
CONTENT = (messages.Chunk, messages.Get, messages.Ident)

REPLIES: dict[type[messages.Message], type[messages.Message]] = {
    messages.Since: messages.Heads,
    messages.Range: messages.Ranges,
    messages.Get: messages.Entries,
    messages.Ident: messages.Identity,
    messages.Prove: messages.Proof,
    messages.Deliver: messages.Taken,
    messages.Chunk: messages.Data,
    messages.Have: messages.Holds,
    messages.AskHead: messages.Heads,
}


class State(Enum):
    """How far the handshake came, by what is awaited next."""

    GREETING = "greeting"
    PROVING = "proving"
    MEETING = "meeting"
    DISPUTED = "disputed"  # one of two rivals of equal rank: identities only, until a person decides
    READY = "ready"
    CLOSED = "closed"


class Ask(msgspec.Struct):
    """A request of ours."""

    message: messages.Message
    handler: Handler
    patient: bool = False
    tries: int = 0


class Session:
    """The state of one link; machines keep what is theirs elsewhere."""

    __slots__ = (  # so many fields in a dictionary of each one's own would be 2 kB
        "_busy_said", "_busy_until", "_core", "_is_content_free", "_last_id_seen", "_next_id",
        "_quiet_until", "_unheeded", "address", "asking", "asks", "bad_answers", "buffered_bytes",
        "chain", "channel", "delivered", "features", "given", "hears_others", "lan", "link", "listened",
        "messages", "operating", "org", "outbox", "outgoing", "patient", "patient_asked", "pinned",
        "reading", "served", "shown", "since", "state", "subnet", "trusted", "via", "waiting",
        "wanted_back_after", "window",
    )  # fmt: skip

    def __init__(
        self, core: Core, link: int, outgoing: bool, address: str, channel: bytes, *, lan: bool, now: float
    ) -> None:
        self._core = core
        self.link = link
        self.outgoing = outgoing
        self.address = address
        self.channel = channel
        self.lan = lan
        self.since = now
        self.state = State.GREETING
        self.pinned: bytes | None = None
        self.subnet = ""  # its /24 or /48; empty on the LAN, and where it is not known
        self.trusted = False  # at an address that a person gave
        self.via = b""  # the organisation that relays it; empty for a link of its own
        self.org = b""
        self.operating = b""  # the key of its HELLO
        self.chain: Chain | None = None
        self.features: frozenset[str] = frozenset()
        # what we asked
        self.asks: dict[int, Ask] = {}
        self.outbox: deque[Ask] = deque()
        self.patient: deque[Ask] = deque()  # behind those, but for one that is always under way
        self.patient_asked = 0  # of them under way
        self.window = REQUESTS_LAN_MAX if lan else FETCHES_MAX * 2
        self.asking = Pace(MESSAGES_BURST * 0.9, MESSAGES_A_SECOND * 0.9, now)  # under what is allowed
        self._is_content_free = lan  # on the LAN what is served sets the pace of content, not its count
        self._quiet_until = 0.0
        self._next_id = 1 if outgoing else 2
        # what it may ask
        self.listened = False
        self.messages = Pace(STRANGER_MESSAGES_BURST, STRANGER_MESSAGES_A_SECOND, now)
        self.served = Pace(STRANGER_SERVED_BYTES_BURST, STRANGER_SERVED_BYTES_A_SECOND, now)
        self.waiting: deque[messages.Message] = deque()  # requests and pushes that wait for their turn
        self.buffered_bytes = 0
        self.reading = 0  # chunks that are read from the disk for it
        self._last_id_seen = 0
        self._busy_said = self._busy_until = 0.0
        self._unheeded: list[float] = []
        self.shown: dict[bytes, tuple[bytes, int]] = {}  # organisation → what it was shown of its identity
        self.given: dict[bytes, tuple[int, int, int]] | None = {}  # heads it asked for; None: long ago
        # what became of it
        self.wanted_back_after = 0  # seconds, when it said so
        self.delivered = 0
        self.hears_others = False  # it gave us news of somebody else: it does not depend on us
        self.bad_answers: list[float] = []

    # --- what it is ----------------------------------------------------------------------------
    @property
    def is_ready(self) -> bool:
        """Whether the handshake is complete."""
        return self.state is State.READY

    @property
    def is_closed(self) -> bool:
        """Whether nothing more may be sent."""
        return self.state is State.CLOSED

    @property
    def in_flight_max(self) -> int:
        """How many requests it may have under way."""
        return IN_FLIGHT_MAX if self.listened else STRANGER_IN_FLIGHT_MAX

    def treat_as(self, *, listened: bool, now: float) -> None:
        """Give it the budgets of those listened to, or of strangers."""
        if listened == self.listened:
            return
        self.listened = listened
        if listened:
            self.messages = Pace(MESSAGES_BURST, MESSAGES_A_SECOND, now)
            self.served = Pace(SERVED_BYTES_BURST, SERVED_BYTES_A_SECOND, now)
        else:
            self.messages = Pace(STRANGER_MESSAGES_BURST, STRANGER_MESSAGES_A_SECOND, now)
            self.served = Pace(STRANGER_SERVED_BYTES_BURST, STRANGER_SERVED_BYTES_A_SECOND, now)

    # --- sending -------------------------------------------------------------------------------
    def send(self, message: messages.Message, now: float) -> None:
        """Send a reply or a push."""
        self.send_frame(messages.encode(message), now)

    def send_frame(self, frame: bytes, now: float) -> None:
        """Send what was encoded before."""
        if not self.is_closed:
            self._core.send(self.link, frame)
            self._buffer(len(frame), now)

    def refuse(self, id: int, code: Code, text: str, now: float, retry_after_s: int = 0) -> None:
        """Answer with an ERR."""
        self.send(messages.Err(id, code, retry_after_s, text), now)

    def end(self, code: int, reason: str, now: float) -> None:
        """Close the link from our side; whoever awaits an answer hears that none will come."""
        if not self.is_closed:
            self._core.close(self.link, code, reason)
            self.lost(now)

    def lost(self, now: float) -> None:
        """The link is gone."""
        if not self.is_closed:
            self._core.ended.append(self)
        self.state = State.CLOSED
        self.waiting.clear()
        asks = [*self.asks.values(), *self.outbox, *self.patient]
        self.asks.clear()
        self.outbox.clear()
        self.patient.clear()
        for ask in asks:
            ask.handler(None, now)

    def drained(self, buffered_bytes: int, now: float) -> None:
        """The shell says how much of what we sent is still on its way."""
        self.buffered_bytes = 0
        self._buffer(buffered_bytes, now)

    def _buffer(self, size: int, now: float) -> None:
        # The first frame may have any size: the limit is on what stands behind the one being sent.
        limit = SEND_BUFFER_BYTES_MAX if self.listened else STRANGER_SEND_BUFFER_BYTES_MAX
        if self.buffered_bytes and self.buffered_bytes + size > limit + FRAME_BYTES_MAX:
            self.end(CLOSE_QUOTA, "it does not read what it is sent", now)
        self.buffered_bytes += size

    # --- our requests --------------------------------------------------------------------------
    def ask(
        self,
        message: messages.Message,
        handler: Handler,
        now: float,
        *,
        urgent: bool = False,
        patient: bool = False,
    ) -> None:
        """Send a request as soon as the other side's limits allow.

        ``patient``: beside all others, so that a thousand questions who somebody is do not keep the link from
        giving what those who are known wrote.
        """
        if self.is_closed:
            handler(None, now)
            return
        ask = Ask(message, handler, patient)
        if patient:
            self.patient.append(ask)
        elif urgent:
            self.outbox.appendleft(ask)
        else:
            self.outbox.append(ask)
        self.pump(now)

    def pump(self, now: float) -> None:
        """Send what the other side's limits allow by now."""
        while (waiting := self._whose_turn()) and len(self.asks) < self.window:
            is_free = self._is_content_free and isinstance(waiting[0].message, CONTENT)
            wait = max(self._quiet_until - now, 0.0) or (0.0 if is_free else self.asking.wait_seconds(now))
            if wait > 0:
                self._core.agenda.at(("pump", self.link), now + wait, self.pump)
                return
            if not is_free:
                self.asking.take_whole(now)
            self._send_ask(waiting.popleft(), now)

    def _whose_turn(self) -> deque[Ask]:
        """Where the next request is; one patient one is always under way, or they might wait for ever."""
        is_patient = self.patient and (not self.outbox or not self.patient_asked)
        return self.patient if is_patient else self.outbox

    def _send_ask(self, ask: Ask, now: float) -> None:
        number, self._next_id = self._next_id, self._next_id + 2
        self.asks[number] = ask
        self.patient_asked += ask.patient
        ask.tries += 1
        deadline = now + REQUEST_SECONDS_MAX
        self._core.agenda.at(("ask", self.link, number), deadline, lambda late: self._too_late(number, late))
        self.send(msgspec.structs.replace(ask.message, id=number), now)

    def _too_late(self, id: int, now: float) -> None:
        ask = self.asks.pop(id, None)
        if ask is not None:
            self.patient_asked -= ask.patient
            ask.handler(None, now)
            self.pump(now)

    def answered(self, number: int, reply: messages.Message, now: float) -> None:
        """Hand a reply to whoever asked; what nobody asked for is ignored."""
        ask = self.asks.get(number)
        if ask is None or not isinstance(reply, (REPLIES[type(ask.message)], messages.Err)):
            return
        del self.asks[number]
        self.patient_asked -= ask.patient
        self._core.agenda.cancel(("ask", self.link, number))
        if isinstance(reply, messages.Err) and reply.code == Code.BUSY and ask.tries < REQUEST_TRIES_MAX:
            self._hold_back(ask, reply.retry_after_s, now)
        else:
            ask.handler(reply, now)
        self.pump(now)

    def _hold_back(self, ask: Ask, seconds: int, now: float) -> None:
        if self._is_content_free and isinstance(ask.message, CONTENT):
            self._is_content_free = False  # it counts them like anything else
        elif now >= self._quiet_until:  # else it was on its way when the first of them was refused
            # To this peer we are a stranger, or too fast: take the slower pace at once and for good.
            self.window = STRANGER_IN_FLIGHT_MAX
            self.asking.slow_down(STRANGER_MESSAGES_BURST / 2, STRANGER_MESSAGES_A_SECOND * 0.9, now)
        self._quiet_until = now + min(max(seconds, 1), REQUEST_SECONDS_MAX)
        self.outbox.appendleft(ask)

    # --- its requests --------------------------------------------------------------------------
    def is_its_id(self, id: int) -> bool:
        """Whether the other side may give a request this id; ours have the other parity, pushes have 0."""
        return id != messages.PUSH and id % 2 == (0 if self.outgoing else 1)

    def ascends(self, id: int) -> bool:
        """Note a request's id; whether it is above all before it."""
        if id <= self._last_id_seen:
            return False
        self._last_id_seen = id
        return True

    def too_fast(self, now: float, message: messages.Message | None = None) -> bool:
        """Count a request or a push against its pace."""
        if self.lan and self.listened and isinstance(message, CONTENT):
            return False
        return not self.messages.take_whole(now)

    def say_busy(self, id: int, now: float) -> None:
        """Tell it to come back later; ten requests that do not heed this end the link."""
        wait = max(self.messages.wait_seconds(now), self.served.wait_seconds(now))
        seconds = max(1, -int(-wait // 1))
        if now >= self._busy_until:
            self._busy_said = now
        elif now > self._busy_said + BUSY_GRACE_SECONDS:
            self._unheeded.append(now)
            while self._unheeded[0] < now - 60:
                self._unheeded.pop(0)
        self._busy_until = max(self._busy_until, now + seconds)
        self.refuse(id, Code.BUSY, "too much at once: please come back later", now, seconds)
        if len(self._unheeded) >= BUSY_UNHEEDED_MAX:
            self.end(CLOSE_QUOTA, "it does not wait when asked to", now)
