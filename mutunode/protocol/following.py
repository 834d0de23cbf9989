"""Cursors: a peer's changes in the order of its own arrivals, followed so that nothing is missed.

SINCE asks for what changed after a cursor; pushes go on from where its last answer ended. A cursor is
stored only when every head up to it was committed, refused, or needs nothing: after a crash, or a link
that broke, the same heads are shown again (PROTOCOL §4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.limits import HEADS_UNSETTLED_MAX, INTEGER_MAX, RANGE_HEADS_MIN
from mutunode.protocol.session import Reply, Session

NO_STORE = bytes(8)

BATCHES_MAX = 1_024  # pushes that wait for one head at 5 a second: three minutes

Offer = Callable[[Head, Session, float], bool]
Order = tuple[int, int, int]


class Batch:
    """The heads of one frame, and the cursor that may be stored once nothing of it is open."""

    __slots__ = ("cursor", "open", "ranges_open")

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.open: dict[bytes, Order] = {}
        self.ranges_open = False  # a reconciliation by ranges has to end first


class Following:
    """How far one peer's changes were followed on one link."""

    __slots__ = ("asked", "batches", "goes_on", "position", "store")

    def __init__(self) -> None:
        self.store = NO_STORE
        self.position = 0  # the cursor reached, whether settled or not
        self.goes_on = False  # what is pushed continues ``position``
        self.asked = False
        self.batches: deque[Batch] = deque()

    def open_count(self) -> int:
        """Heads that are not settled."""
        return sum(len(batch.open) for batch in self.batches) if self.batches else 0


class Cursors:
    """All peers that are followed."""

    def __init__(
        self, core: Core, offer: Offer, reconcile: Callable[[Session, Callable[[float], None], float], None]
    ) -> None:
        self._core = core
        self._offer = offer
        self._reconcile = reconcile
        self._followings: dict[int, Following] = {}

    # --- asking --------------------------------------------------------------------------------
    def follow(self, session: Session, now: float) -> None:
        """Ask a peer what changed since we last followed it."""
        following = self._followings.setdefault(session.link, Following())
        if following.asked:
            return
        stored = self._core.ledger.cursor(session.org)
        following.store, following.position = stored or (NO_STORE, 0)
        following.goes_on = False
        following.batches.clear()
        if stored is None and self._core.ledger.newest_cursor() >= RANGE_HEADS_MIN:
            self._begin_with_ranges(session, following, now)
        else:
            self._ask(session, following, following.position, now)

    def _begin_with_ranges(self, session: Session, following: Following, now: float) -> None:
        """An unknown store is answered from its beginning: a question that costs little tells which it is."""
        following.asked = True

        def named(reply: Reply, then: float) -> None:
            following.asked = False
            if self._followings.get(session.link) is not following:
                return
            if isinstance(reply, messages.Heads):
                following.store = reply.store
                self._skip_to_ranges(session, following, reply, then)
            else:
                self._ask(session, following, following.position, then)

        own = log_id(self._core.me.org, PUBLIC)
        session.ask(messages.AskHead(0, own), named, now, urgent=True)

    def _ask(self, session: Session, following: Following, cursor: int, now: float) -> None:
        following.asked = True
        ask = messages.Since(0, following.store, cursor)

        def answered(reply: Reply, then: float) -> None:
            following.asked = False
            if isinstance(reply, messages.Heads) and self._followings.get(session.link) is following:
                self._answered(session, following, cursor, reply, then)

        session.ask(ask, answered, now, urgent=True)

    def _answered(
        self, session: Session, following: Following, asked: int, reply: messages.Heads, now: float
    ) -> None:
        unknown = reply.store != following.store
        following.store = reply.store
        following.position = reply.cursor
        if unknown and reply.more and self._core.ledger.newest_cursor() >= RANGE_HEADS_MIN:
            # Both hold many heads, and most are the same: ranges cost less than reading them all.
            self._skip_to_ranges(session, following, reply, now)
            return
        self._take(session, following, reply.heads, reply.cursor, now)
        if not reply.more:
            following.goes_on = True
        elif reply.cursor > asked or unknown:
            self._next_page(session, following, now)

    def _next_page(self, session: Session, following: Following, now: float) -> None:
        if following.open_count() < HEADS_UNSETTLED_MAX and not following.asked:
            self._ask(session, following, following.position, now)

    def _skip_to_ranges(
        self, session: Session, following: Following, reply: messages.Heads, now: float
    ) -> None:
        """Learn the newest cursor, then compare ranges; what changes meanwhile is pushed."""
        following.asked = True

        def newest(answer: Reply, then: float) -> None:
            following.asked = False
            if isinstance(answer, messages.Heads) and answer.store == following.store:
                following.position = answer.cursor
                following.goes_on = True
                heads = reply.heads + answer.heads
                batch = self._take(session, following, heads, answer.cursor, then, ranges_open=True)
                self._reconcile(session, lambda end: self._ranges_done(session, following, batch), then)

        session.ask(messages.Since(0, reply.store, INTEGER_MAX), newest, now, urgent=True)

    def _ranges_done(self, session: Session, following: Following, batch: Batch) -> None:
        batch.ranges_open = False
        self._store(session, following)

    # --- pushes --------------------------------------------------------------------------------
    def pushed(self, session: Session, push: messages.Heads, now: float) -> None:
        """A peer's logs changed."""
        following = self._followings.setdefault(session.link, Following())
        if following.open_count() > HEADS_UNSETTLED_MAX or len(following.batches) > BATCHES_MAX:
            following.goes_on = False  # too much is open: the cursor will be asked from where it stands
            following.batches.clear()
        if following.goes_on and push.store == following.store and push.cursor >= following.position:
            following.position = push.cursor
            self._take(session, following, push.heads, push.cursor, now)
        else:
            for head in push.heads:
                self._offer(head, session, now)

    def missed_push(self, session: Session) -> None:
        """A push was dropped: later ones do not continue what is held."""
        if (following := self._followings.get(session.link)) is not None:
            following.goes_on = False

    def _take(
        self,
        session: Session,
        following: Following,
        heads: tuple[Head, ...],
        cursor: int,
        now: float,
        *,
        ranges_open: bool = False,
    ) -> Batch:
        batch = Batch(cursor)
        batch.ranges_open = ranges_open
        following.batches.append(batch)
        for head in heads:
            if not self._offer(head, session, now):
                batch.open[head.log] = head.order
        self._store(session, following)
        return batch

    # --- settling ------------------------------------------------------------------------------
    def settled(self, head: Head, now: float, *, by: Session | None = None) -> None:
        """A head, and so all older ones of its log, was committed or refused; ``by``: of this peer alone."""
        log, order = head.log, head.order
        for link, following in list(self._followings.items()):
            if by is not None and link != by.link:
                continue
            found = False
            for batch in following.batches:
                if log in batch.open and batch.open[log] <= order:
                    del batch.open[log]
                    found = True
            session = self._core.sessions.get(link)
            if found and session is not None:
                self._store(session, following)
                if not following.goes_on and session.is_ready:
                    self._next_page(session, following, now)

    def _store(self, session: Session, following: Following) -> None:
        if self._followings.get(session.link) is not following:
            return  # forgotten since, and the cursor with it
        if not following.batches:
            return
        reached = None
        while following.batches and not following.batches[0].open and not following.batches[0].ranges_open:
            reached = following.batches.popleft().cursor
        if reached is not None and self._core.ledger.cursor(session.org) != (following.store, reached):
            self._core.ledger.put_cursor(session.org, following.store, reached)

    # --- ends ----------------------------------------------------------------------------------
    def start_again(self) -> None:
        """What we want grew: nobody's changes were followed with that in mind."""
        self._core.ledger.forget_cursors()
        self._followings.clear()

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._followings.pop(session.link, None)
