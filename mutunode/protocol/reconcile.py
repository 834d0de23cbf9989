"""Range-based reconciliation: two peers find the logs in which they differ without listing all of them.

Prints over ranges of log ids are compared; where they differ the answerer cuts its part into sixteen, or
gives the heads when there are sixteen at most. The asker takes heads that are ahead of its own, pushes
those it has ahead, and asks on; it ends when nothing differs, or after eight rounds (PROTOCOL §4). What the
other side asked for itself meanwhile, and was given, is not pushed once more.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.head import Head
from mutunode.protocol.interest import Interest
from mutunode.protocol.ledger import Ledger, RangeItem
from mutunode.protocol.limits import (
    HEADS_PER_FRAME_MAX,
    HEADS_PER_RANGE_MAX,
    RANGE_PARTS,
    RANGE_ROUNDS_MAX,
    RANGES_OPEN_MAX,
    RANGES_PER_FRAME_MAX,
)
from mutunode.protocol.messages import RangeHeads, RangePrint
from mutunode.protocol.prints import range_print
from mutunode.protocol.session import Reply, Session

FIRST, LAST = bytes(32), b"\xff" * 32

Done = Callable[[float], None]
Offer = Callable[[Head, Session, float], bool]


def ours(ledger: Ledger, first: bytes = FIRST, last: bytes = LAST) -> RangePrint:
    """What we hold in a range, or in all of them."""
    items = ledger.range_items(first, last)
    return RangePrint(first, last, len(items), range_print(items))


# --- answering -------------------------------------------------------------------------------------
def answer(ledger: Ledger, asked: RangePrint) -> list[RangePrint | RangeHeads]:
    """What to say of one range: nothing where both hold the same."""
    items = ledger.range_items(asked.first, asked.last)
    if len(items) == asked.count and range_print(items) == asked.print:
        return []
    if len(items) <= HEADS_PER_RANGE_MAX:
        return [RangeHeads(asked.first, asked.last, tuple(heads_of(ledger, items)))]
    return cut(asked.first, asked.last, items)


def heads_of(ledger: Ledger, items: list[RangeItem]) -> list[Head]:
    """The newest heads of these logs."""
    held = (ledger.log(item.log) for item in items)
    return [log.head for log in held if log is not None and log.head is not None]


def cut(first: bytes, last: bytes, items: list[RangeItem]) -> list[RangePrint | RangeHeads]:
    """Sixteen parts whose counts differ by one at most and whose bounds meet."""
    parts: list[RangePrint | RangeHeads] = []
    for i in range(RANGE_PARTS):
        part = items[len(items) * i // RANGE_PARTS : len(items) * (i + 1) // RANGE_PARTS]
        following = items[len(items) * (i + 1) // RANGE_PARTS :]
        end = before(following[0].log) if following else last
        parts.append(RangePrint(first, end, len(part), range_print(part)))
        first = after(end) if following else first
    return parts


def before(log: bytes) -> bytes:
    """The id just below."""
    return (int.from_bytes(log, "big") - 1).to_bytes(32, "big")


def after(log: bytes) -> bytes:
    """The id just above."""
    return (int.from_bytes(log, "big") + 1).to_bytes(32, "big")


# --- asking ----------------------------------------------------------------------------------------
def _disjoint(parts: list[RangePrint]) -> list[RangePrint]:
    """What may be asked next: an answerer that gives overlapping parts is not followed into them."""
    kept: list[RangePrint] = []
    for part in sorted(parts, key=lambda part: part.first):
        if not kept or part.first > kept[-1].last:
            kept.append(part)
    return kept[:RANGES_OPEN_MAX]


class Reconciliation:
    """One reconciliation with one peer: at most one at a time a link."""

    def __init__(self, session: Session, done: Done) -> None:
        self.session = session
        self.done = done
        self.round = 0
        self.under_way = 0
        self.next: list[RangePrint] = []


class Reconciliations:
    """Those under way."""

    def __init__(self, core: Core, interest: Interest, offer: Offer) -> None:
        self._core = core
        self._interest = interest
        self._offer = offer
        self._by_link: dict[int, Reconciliation] = {}

    def begin(self, session: Session, done: Done, now: float) -> None:
        """Compare everything with a peer; ``done`` hears of the end, whatever it is."""
        if session.link in self._by_link:
            done(now)
            return
        reconciliation = self._by_link[session.link] = Reconciliation(session, done)
        reconciliation.next = [ours(self._core.ledger)]
        self._next_round(reconciliation, now)

    def _next_round(self, at: Reconciliation, now: float) -> None:
        ranges, at.next = at.next, []
        at.round += 1
        if not ranges or at.round > RANGE_ROUNDS_MAX or at.session.is_closed:
            del self._by_link[at.session.link]
            at.session.given = None  # a later comparison looks for what was lost since
            at.done(now)
            return
        groups = [
            tuple(ranges[i : i + RANGES_PER_FRAME_MAX]) for i in range(0, len(ranges), RANGES_PER_FRAME_MAX)
        ]
        at.under_way = len(groups)
        for group in groups:
            ask = messages.Range(0, group)
            at.session.ask(ask, lambda reply, then: self._answered(at, reply, then), now, urgent=True)

    def _answered(self, at: Reconciliation, reply: Reply, now: float) -> None:
        if isinstance(reply, messages.Ranges) and not at.session.is_closed:
            for part in reply.answers:
                if isinstance(part, RangeHeads):
                    self._compare_heads(at.session, part, now)
                elif (held := ours(self._core.ledger, part.first, part.last)) != part:
                    at.next.append(held)
        at.under_way -= 1
        if at.under_way == 0:
            at.next = _disjoint(at.next)
            self._next_round(at, now)

    def _compare_heads(self, session: Session, part: RangeHeads, now: float) -> None:
        theirs = {head.log: head for head in part.heads}
        given = session.given or {}
        for head in part.heads:
            self._offer(head, session, now)
        held = heads_of(self._core.ledger, self._core.ledger.range_items(part.first, part.last))
        ahead = [
            head
            for head in held
            if (head.log not in theirs or head.order > theirs[head.log].order)
            and given.get(head.log) != head.order
            and self._interest.may_see(session.org, head.space)
        ]
        if ahead:
            self._push(session, ahead, now)

    def _push(self, session: Session, heads: list[Head], now: float) -> None:
        # Cursor 0 continues nothing: these heads are old ones, out of the order of changes.
        store = self._core.ledger.store_id()
        for i in range(0, len(heads), HEADS_PER_FRAME_MAX):
            page = tuple(heads[i : i + HEADS_PER_FRAME_MAX])
            session.send(messages.Heads(messages.PUSH, store, 0, False, page), now)
