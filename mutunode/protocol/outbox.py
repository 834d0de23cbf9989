"""What of ours is to be brought to organisations that may not follow us, until they have it.

On a link with them when there is one; else at an address of theirs that is known, dialled when its turn
comes; else whoever follows us passes it on (``passing``). Tried again with growing pauses for a month; the
list is in the ledger, so that a restart goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.dialling import Dialler, is_address
from mutunode.protocol.errors import Code
from mutunode.protocol.holders import Holders
from mutunode.protocol.invitation import REFUSALS
from mutunode.protocol.ledger import Address, HeldLog, Outgoing, OutgoingState
from mutunode.protocol.limits import (
    FRAME_BYTES_MAX,
    OUTGOING_DAYS_MAX,
    OUTGOING_FOLLOWED_SECONDS,
    OUTGOING_RETRY_SECONDS,
    OUTGOING_RETRY_SECONDS_MAX,
    STRANGER_IN_FLIGHT_MAX,
)
from mutunode.protocol.session import Reply, Session

DAY_SECONDS = 86_400
SOON_SECONDS = 1.0  # what is written in a row is brought together

BY_HAND = "by hand"  # the reason of what has to be shown also to whom it comes by itself: a token
HELD = "held"  # the reason of what came by itself: its reader follows our log

Key = tuple[bytes, int, bytes]


class Outbox:
    """Brings what waits in the ledger."""

    def __init__(self, core: Core, dialler: Dialler, holders: Holders) -> None:
        self._core = core
        self._dialler = dialler
        self._holders = holders
        self._under_way: dict[Key, int] = {}  # → link

    def start(self, now: float) -> None:
        """The node starts."""
        self._later(now, SOON_SECONDS)

    def changed(self, now: float) -> None:
        """Something was added."""
        self._later(now, SOON_SECONDS)

    def ready(self, session: Session, now: float) -> None:
        """A link with somebody is complete: what waits for them need not wait for its time."""
        self._bring(
            session, [each for each in self._core.ledger.outgoing() if each.reader == session.org], now
        )

    def forget(self, session: Session) -> None:
        """The link is gone; whoever waited for an answer on it was told."""
        for key in [key for key, link in self._under_way.items() if link == session.link]:
            del self._under_way[key]

    def _later(self, now: float, seconds: float) -> None:
        self._core.agenda.at(("outbox",), now + seconds, self._look)

    # --- looking -------------------------------------------------------------------------------
    def _look(self, now: float) -> None:
        waiting = self._core.ledger.outgoing()
        for reader in dict.fromkeys(each.reader for each in waiting):
            due = [each for each in waiting if each.reader == reader and each.next_at <= now]
            session = self._core.session_of(reader)
            if due and session is not None:
                self._bring(session, due, now)
            elif due:
                self._reach(reader, due, now)
        left = self._core.ledger.outgoing()
        free = [each.next_at for each in left if _key(each) not in self._under_way]
        if free:
            self._later(now, max(SOON_SECONDS, min(free) - now))

    def _reach(self, reader: bytes, due: list[Outgoing], now: float) -> None:
        """No link: dial one of their addresses, another one each time, and come back."""
        known = self._addresses(reader)
        if known:
            address = known[due[0].tries % len(known)]
            if self._dialler.is_free(address):
                self._dialler.dial(address, now)
        for each in due:
            self._postpone(each, now)

    def _addresses(self, reader: bytes) -> list[Address]:
        book = [each for each in self._core.ledger.addresses() if each.org == reader]
        told = {each.address for each in book}
        own = [each for each in self._core.ledger.endpoints(reader) if each not in told and is_address(each)]
        return book + [Address(each, reader, "profile") for each in own]

    # --- bringing ------------------------------------------------------------------------------
    def _bring(self, session: Session, due: Iterable[Outgoing], now: float) -> None:
        for each in due:
            busy = sum(link == session.link for link in self._under_way.values())
            if busy >= STRANGER_IN_FLIGHT_MAX:
                return  # the answer to one of them comes back here
            if _key(each) not in self._under_way:
                self._bring_one(session, each, now)

    def _bring_one(self, session: Session, each: Outgoing, now: float) -> None:
        held = self._core.ledger.log(each.log)
        if held is None or held.head is None or each.index >= held.size:
            self._postpone(each, now)  # an epoch dropped it, or it is to be signed yet
            return
        theirs = None if each.reason == BY_HAND else self._holders.of(each.log).get(session.org)
        if theirs is not None and theirs[0] == held.head.epoch and theirs[1] > each.index:
            self._end(each, "taken", HELD)
        elif theirs is not None and theirs[1] and each.tries < 2:
            self._postpone(each, now, OUTGOING_FOLLOWED_SECONDS)  # they follow us: it comes by itself
        elif (deliver := self._letter(each, held)) is None:
            self._end(each, "dropped")
        else:
            self._under_way[_key(each)] = session.link
            session.ask(deliver, lambda reply, then: self._answered(session, each, reply, then), now)

    def _letter(self, each: Outgoing, held: HeldLog) -> messages.Deliver | None:
        """The record with its proof; None when it has no content any more."""
        ledger, head = self._core.ledger, held.head
        assert head is not None
        ((header, salt, body),) = ledger.entries(each.log, each.index, each.index + 1, True, FRAME_BYTES_MAX)
        if not body:
            return None
        path = tuple(ledger.proof(each.log, head.size, each.index))
        return messages.Deliver(0, header, salt, body, each.index, path, head)

    # --- what came of it -----------------------------------------------------------------------
    def _answered(self, session: Session, each: Outgoing, reply: Reply, now: float) -> None:
        self._under_way.pop(_key(each), None)
        if isinstance(reply, messages.Taken):
            self._end(each, "taken")
        elif isinstance(reply, messages.Err) and reply.code == Code.REFUSED and reply.text in REFUSALS:
            self._end(each, "refused", reply.text)
        else:
            self._postpone(each, now)
        self._later(now, SOON_SECONDS)

    def _end(self, each: Outgoing, state: OutgoingState, reason: str = "") -> None:
        self._core.ledger.put_outgoing(msgspec.structs.replace(each, state=state, reason=reason))

    def _postpone(self, each: Outgoing, now: float, seconds: float = 0.0) -> None:
        if now > each.made_at + OUTGOING_DAYS_MAX * DAY_SECONDS:
            self._end(each, "given_up")
            return
        pause = min(OUTGOING_RETRY_SECONDS * 2 ** min(each.tries, 16), OUTGOING_RETRY_SECONDS_MAX)
        next_at = int(now + (seconds or self._core.around(pause))) + 1
        self._core.ledger.put_outgoing(msgspec.structs.replace(each, tries=each.tries + 1, next_at=next_at))


def _key(each: Outgoing) -> Key:
    return each.log, each.index, each.reader
