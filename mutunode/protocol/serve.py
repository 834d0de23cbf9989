"""What a peer may have of us: answers to requests, within the budget that its standing gives it.

Requests wait their turn while the peer's share of bytes is used up or what it was sent is still on its
way, as many as may be in flight; the next one is told to come back. Unknown and "not for you" get the
same answer after the same work.
"""

from __future__ import annotations

import msgspec

from mutunode.protocol import messages, reconcile, rows
from mutunode.protocol.blobs import chunk_bytes, chunk_count
from mutunode.protocol.chains import identity_of
from mutunode.protocol.core import Core
from mutunode.protocol.delivery import Deliveries
from mutunode.protocol.effects import ReadChunk
from mutunode.protocol.errors import Code, Refused
from mutunode.protocol.forks import Forks
from mutunode.protocol.gossip import Gossip
from mutunode.protocol.head import PUBLIC, Head, cosign, log_id
from mutunode.protocol.interest import Interest
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import (
    CHUNK_BYTES,
    ENTRIES_PER_ANSWER_MAX,
    FRAME_BYTES_MAX,
    FUTURE_SECONDS_MAX,
    HEADS_PER_FRAME_MAX,
    HELD_REQUESTS_MAX,
    SEND_BUFFER_BYTES_GOAL,
)
from mutunode.protocol.session import CLOSE_MALFORMED, Session, State

Request = (
    messages.Since
    | messages.Range
    | messages.Get
    | messages.Ident
    | messages.Prove
    | messages.Deliver
    | messages.Chunk
    | messages.Have
    | messages.AskHead
    | messages.Unknown
)

ENTRIES_BYTES_MAX = FRAME_BYTES_MAX - 1_024  # ids, framing, and bodies of exactly 64 KiB


class Server:
    """Answers requests."""

    def __init__(
        self, core: Core, interest: Interest, forks: Forks, gossip: Gossip, deliveries: Deliveries
    ) -> None:
        self._core = core
        self._interest = interest
        self._forks = forks
        self._gossip = gossip
        self._deliveries = deliveries

    # --- whose turn it is ----------------------------------------------------------------------
    def request(self, session: Session, request: Request, now: float) -> None:
        """A request came: answer it, have it wait, or refuse it."""
        if not session.ascends(request.id):
            session.refuse(messages.PUSH, Code.MALFORMED, "request ids do not ascend", now)
            session.end(CLOSE_MALFORMED, "request ids do not ascend", now)
        elif isinstance(request, messages.Ident):
            self._answer_if_in_time(session, request, now)  # in every state: it is how handshakes end
        elif session.state is State.DISPUTED:
            text = "two rivals of equal rank: a person has to decide"
            session.refuse(request.id, Code.REFUSED, text, now)
        elif session.state is State.MEETING:
            self._hold(session, request, now)
        else:
            self._answer_if_in_time(session, request, now)

    def _hold(self, session: Session, request: Request, now: float) -> None:
        if len(session.waiting) >= HELD_REQUESTS_MAX:
            session.say_busy(request.id, now)
        else:
            session.waiting.append(request)

    def _answer_if_in_time(self, session: Session, request: Request, now: float) -> None:
        under_way = len(session.waiting) + session.reading
        if session.too_fast(now, request) or under_way >= session.in_flight_max:
            session.say_busy(request.id, now)
        elif session.is_ready:
            session.waiting.append(request)
            self.go_on(session, now)
        else:
            self._answer(session, request, now)

    def go_on(self, session: Session, now: float) -> None:
        """Answer what waits, as far as the peer's share and its link allow."""
        while session.waiting and session.is_ready:
            coming = session.buffered_bytes + session.reading * CHUNK_BYTES
            if coming > (SEND_BUFFER_BYTES_GOAL if session.listened else 0):
                return  # ``drained`` and ``chunk_read`` come back here
            if not session.lan and not session.served.take(0, now):
                wait = session.served.wait_seconds(now)
                self._core.agenda.at(("serve", session.link), now + wait, lambda at: self.go_on(session, at))
                return
            request = session.waiting.popleft()
            if isinstance(request, messages.Chunk):
                self._read_chunk(session, request, now)
                continue
            before = session.buffered_bytes
            self._answer(session, request, now)
            session.served.take(session.buffered_bytes - before, now)

    def _answer(self, session: Session, request: messages.Message, now: float) -> None:
        if isinstance(request, messages.Deliver):
            self._deliveries.take(session, request, now)  # which may have to ask before it answers
            return
        try:
            session.send(self.reply(session, request, now), now)
        except Refused as refused:
            session.refuse(request.id, refused.code, refused.what, now)  # type: ignore[union-attr]

    # --- files ---------------------------------------------------------------------------------
    def _read_chunk(self, session: Session, chunk: messages.Chunk, now: float) -> None:
        """Have a chunk read outside the turn: a slow disk keeps nobody but who asked."""
        size = self._core.ledger.file_to_serve(chunk.blob)
        if size is None or chunk.index >= chunk_count(size):
            session.refuse(chunk.id, Code.UNKNOWN, "unknown", now)
            return
        session.reading += 1
        session.served.take(chunk_bytes(size, chunk.index), now)  # at once, or all that wait would be let in
        self._core.do(ReadChunk(session.link, chunk.id, chunk.blob, size, chunk.index))

    def chunk_read(self, session: Session, id: int, frame: bytes | None, now: float) -> None:
        """It was read, or (None) is not what was put there."""
        session.reading -= 1
        if frame is None:
            session.refuse(id, Code.UNKNOWN, "unknown", now)
        else:
            session.send_frame(frame, now)
        self.go_on(session, now)

    # --- answers -------------------------------------------------------------------------------
    def reply(self, session: Session, request: messages.Message, now: float) -> messages.Message:
        """The answer to one request; ``Refused`` says why there is none."""
        match request:
            case messages.Since():
                return self._since(session, request, now)
            case messages.Range():
                parts = [
                    part for asked in request.ranges for part in reconcile.answer(self._core.ledger, asked)
                ]
                return messages.Ranges(request.id, tuple(parts))
            case messages.Get():
                return self._get(session, request, now)
            case messages.Ident():
                return self._ident(request)
            case messages.Prove():
                return self._prove(session, request, now)
            case messages.AskHead():
                return self._head(session, request, now)
            case messages.Have():
                return messages.Holds(request.id, self._core.ledger.file_to_serve(request.blob) is not None)
            case _:
                raise Refused(Code.UNKNOWN_TYPE, "unknown type of request")

    def _since(self, session: Session, since: messages.Since, now: float) -> messages.Heads:
        ledger = self._core.ledger
        store, newest = ledger.store_id(), ledger.newest_cursor()
        cursor = since.cursor if since.store == store else 0
        goes_on = since.store == store and cursor <= newest  # beyond it: what there is, it compares otherwise
        self._forks.tell_since(session, cursor if goes_on else None, now)
        if cursor >= newest:
            return messages.Heads(since.id, store, newest, False, ())
        heads, reached, more = ledger.heads_since(cursor, HEADS_PER_FRAME_MAX)
        if not more:
            reached = newest  # evidence is a change too
        shown = tuple(head for head in heads if self._shows(session, head, now))
        self._gossip.answered(session, shown, reached, now)
        return messages.Heads(since.id, store, reached, more, shown)

    def _shows(self, session: Session, head: Head, now: float) -> bool:
        return self._interest.may_see(session.org, head.space) and head.time <= now + FUTURE_SECONDS_MAX

    def _held(self, session: Session, log: bytes, *, headless: bool = False) -> HeldLog:
        held = self._core.ledger.log(log)
        if held is None or not self._interest.may_see(session.org, held.space):
            raise Refused(Code.UNKNOWN, "unknown")
        if held.head is None and not headless:
            raise Refused(Code.UNKNOWN, "unknown")
        return held

    def _tree(self, held: HeldLog) -> tuple[int, int]:
        """The epoch whose tree is held, and how much of it; without a head, what the newest op keeps."""
        if held.head is not None:
            return held.head.epoch, held.size
        chain = self._core.ledger.chain(held.org)
        if chain is None or held.space != PUBLIC or not held.size:
            raise Refused(Code.UNKNOWN, "unknown")
        return chain.epoch, min(held.size, chain.base(chain.epoch))

    def _get(self, session: Session, get: messages.Get, now: float) -> messages.Entries:
        held = self._held(session, get.log, headless=True)
        if held.frozen and held.head is not None:
            self._forks.show(session, held.head, now)
        epoch, size = self._tree(held)
        if epoch != get.epoch:
            raise Refused(Code.UNKNOWN, "unknown")
        end = min(get.end, size, get.start + ENTRIES_PER_ANSWER_MAX)
        found = (
            self._core.ledger.entries(get.log, get.start, end, get.bodies, ENTRIES_BYTES_MAX)
            if get.start < end
            else []
        )
        enc, payload = rows.pack(found, compressed=messages.ZSTD in session.features)
        return messages.Entries(get.id, get.log, get.start, 1 if enc else 0, payload)

    def _ident(self, ident: messages.Ident) -> messages.Identity:
        ledger, passing = self._core.ledger, self._core.me.passing
        chain = passing if passing is not None and passing.org == ident.key else ledger.chain(ident.key)
        if chain is None and (org := ledger.org_of_root(ident.key)) is not None:
            chain = ledger.chain(org)
        if chain is None:
            raise Refused(Code.UNKNOWN, "unknown")
        shown = identity_of(chain, ident.id, max(1, ident.epoch))
        return msgspec.structs.replace(shown, profile=self._profile(chain.org))

    def _profile(self, org: bytes) -> messages.Proven | tuple[()]:
        log = log_id(org, PUBLIC)
        held, entry = self._core.ledger.log(log), self._core.ledger.profile_entry(org)
        if held is None or held.head is None or entry is None or entry[0] >= held.size:
            return ()
        index, (header, salt, body) = entry
        path = tuple(self._core.ledger.proof(log, held.size, index))
        return messages.Proven(header, salt, body, index, path, held.head)

    def _prove(self, session: Session, prove: messages.Prove, now: float) -> messages.Proof:
        held = self._held(session, prove.log)
        head = held.head
        assert head is not None
        if head.epoch != prove.epoch or prove.size not in (0, head.size) or prove.index >= head.size:
            raise Refused(Code.UNKNOWN, "unknown")
        ledger, me = self._core.ledger, self._core.me
        ((header, _, _),) = ledger.entries(prove.log, prove.index, prove.index + 1, False, FRAME_BYTES_MAX)
        path = tuple(ledger.proof(prove.log, head.size, prove.index))
        chain = ledger.chain(me.org)
        epoch = chain.epoch if chain is not None else 0
        return messages.Proof(prove.id, header, path, head, cosign(head, me.org, epoch, int(now), me.sign))

    def _head(self, session: Session, ask: messages.AskHead, now: float) -> messages.Heads:
        held = self._core.ledger.log(ask.log)
        head = held.head if held is not None else None
        shown = (head,) if head is not None and self._shows(session, head, now) else ()
        return messages.Heads(ask.id, self._core.ledger.store_id(), 0, False, shown)
