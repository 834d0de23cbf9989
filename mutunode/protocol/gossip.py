"""Whom to tell what changed: every active link, what it does not know yet, together every 0.2 s.

What is told is read from the ledger in the order of its changes, from where each link was told last; so a
push continues the cursor that its receiver holds, and nothing is kept in memory for a slow link. A head
never goes back to a peer that showed it, or a newer one, which is remembered until the cursor that the peer
was told is beyond it; where that were many, the peer is told the cursor alone, or it would ask for all of
them when it comes back. An organisation that signs faster than its pace has its newest head held and passed
on later, never dropped (PROTOCOL §4, §6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.head import Head
from mutunode.protocol.holders import Holders
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import (
    FUTURE_SECONDS_MAX,
    HEADS_AN_HOUR_MAX,
    HEADS_PER_FRAME_MAX,
    PUBLISH_BURST,
    PUBLISH_SECONDS,
    PUSH_SECONDS,
    RANGE_HEADS_MIN,
)
from mutunode.protocol.pace import Pace
from mutunode.protocol.session import Session

Order = tuple[int, int, int]
New = tuple[bytes, Order, Head]  # the log, and what stands there now
SILENT_HEADS_MAX = RANGE_HEADS_MIN  # 16 × 190 bytes = 3 kB at the next meeting
CURSOR_SECONDS = 2.0  # between two cursors alone: they count as messages, of which strangers have 2 a second
GIVEN_MAX = 1_024  # heads remembered of what a new peer asked for itself: × 250 bytes × 64 links = 16 MB
SHOWN_MAX = 20_000  # heads remembered of one peer: × 200 bytes × 64 links = 256 MB at the very worst


class Page(NamedTuple):
    """What changed after a cursor."""

    size: int
    news: list[New]  # what may be told of it now
    cursor: int  # up to which whoever hears of it was told
    passes: bool  # whether that is beyond all of them: none is ever told of again
    more: bool


class Gossip:
    """What each link was told and showed, and what may go on."""

    def __init__(self, core: Core, interest: Interest, holders: Holders) -> None:
        self._core = core
        self._interest = interest
        self._holders = holders
        self._told: dict[int, int] = {}  # link → cursor of ours up to which it was told
        self._silent: dict[int, int] = {}  # link → heads passed over since it last heard a cursor
        self._shown: dict[int, dict[bytes, Order]] = {}  # link → log → the newest it showed, not passed yet
        self._paces: dict[bytes, Pace] = {}
        self._frames: dict[tuple[int, tuple[bytes, ...]], bytes] = {}  # of the push in hand
        self._held: set[bytes] = set()  # logs whose newest head waits for its pace

    # --- what links know -----------------------------------------------------------------------
    def welcome(self, session: Session) -> None:
        """A link is ready: from here on it is told what changes."""
        self._told[session.link] = self._core.ledger.newest_cursor()
        self._shown[session.link] = {}
        self._silent[session.link] = 0

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._told.pop(session.link, None)
        self._silent.pop(session.link, None)
        self._shown.pop(session.link, None)
        self._holders.forget(session)

    def forget_log(self, log: bytes) -> None:
        """Another branch of its author is followed: heads of this one may be smaller, and are news to all."""
        for shown in self._shown.values():
            shown.pop(log, None)

    def showed(self, session: Session, head: Head) -> None:
        """A peer announced a head: it need not be told of it."""
        self._holders.heard(session, head)
        shown = self._shown.get(session.link)
        if shown is not None:
            self._note(shown, head.log, head.order)

    def _note(self, shown: dict[bytes, Order], log: bytes, order: Order) -> None:
        before = shown.pop(log, None)
        shown[log] = order if before is None or before < order else before
        if len(shown) > SHOWN_MAX:
            del shown[next(iter(shown))]

    def answered(self, session: Session, heads: Sequence[Head], cursor: int, now: float) -> None:
        """The peer asked itself, and was answered up to this cursor: it need not be told again."""
        if session.link not in self._told:
            return
        self._told[session.link] = max(self._told[session.link], cursor)
        for head in heads:
            if session.given is not None and len(session.given) < GIVEN_MAX:
                session.given[head.log] = head.order
            if head.org == self._core.me.org:
                self._holders.told(session, head, now)

    # --- telling -------------------------------------------------------------------------------
    def changed(self, head: Head, now: float) -> None:
        """A head was committed: it goes on now, or when its organisation's pace allows."""
        pace = self._paces.get(head.org)
        if pace is None:
            own = head.org == self._core.me.org
            burst, seconds = (PUBLISH_BURST, PUBLISH_SECONDS) if own else (HEADS_AN_HOUR_MAX, 60)
            pace = self._paces[head.org] = Pace(burst, 1 / seconds, now)
        if head.log in self._held:
            return  # the newest goes when its time comes
        if pace.take_whole(now):
            self._soon(now)
            return
        self._held.add(head.log)
        due = now + pace.wait_seconds(now)
        self._core.agenda.at(("held", head.log), due, lambda then: self._release(head, then))

    def _release(self, head: Head, now: float) -> None:
        self._held.discard(head.log)
        self.changed(head, now)

    def _soon(self, now: float) -> None:
        if not self._core.agenda.has(("push",)):
            self._core.agenda.at(("push",), now + PUSH_SECONDS, self._push)

    def _push(self, now: float) -> None:
        pages: dict[int, Page] = {}
        self._frames.clear()
        for session in self._core.ready():
            if not session.lan and session.served.wait_seconds(now) > 0:
                continue  # it had its share: the next change, or its own question, goes on from here
            told = self._told[session.link]
            page = pages.get(told)
            if page is None:
                page = pages[told] = self._page(told, now)
            self._push_to(session, page, now)

    def _page(self, told: int, now: float) -> Page:
        """What changed after a cursor of ours: for most links it is the same."""
        heads, reached, more = self._core.ledger.heads_since(told, HEADS_PER_FRAME_MAX)
        news = [
            (log, head.order, head)
            for head in heads
            if (log := head.log) not in self._held and head.time <= now + FUTURE_SECONDS_MAX
        ]
        waiting = bool(self._held) and any(head.log in self._held for head in heads)
        # While something is held back the cursor stays: whoever reconnects is shown it again.
        return Page(len(heads), news, told if waiting else reached, not waiting, more and not waiting)

    def _push_to(self, session: Session, page: Page, now: float) -> None:
        link = session.link
        shown = self._shown[link]
        news = []
        for new in page.news:
            known = shown.get(new[0])
            if self._is_news(session, known, new):
                news.append(new)
            if page.passes and known is not None and known <= new[1]:
                del shown[new[0]]
        if news:
            before = session.buffered_bytes
            session.send_frame(self._frame(page.cursor, news), now)
            session.served.take(session.buffered_bytes - before, now)
            for log, order, head in news:
                if not page.passes:
                    self._note(shown, log, order)
                self._holders.told(session, head, now)
        self._told[link] = page.cursor
        self._silent[link] = 0 if news else self._silent[link] + page.size
        if self._silent[link] >= SILENT_HEADS_MAX:
            self._say_cursor_soon(session, now)
        if page.more:
            self._soon(now)

    def _frame(self, cursor: int, news: list[New]) -> bytes:
        """The frame that tells of these: most links are told the same."""
        key = (cursor, tuple(log for log, _, _ in news))
        frame = self._frames.get(key)
        if frame is None:
            heads = tuple(head for _, _, head in news)
            push = messages.Heads(messages.PUSH, self._core.ledger.store_id(), cursor, False, heads)
            frame = self._frames[key] = messages.encode(push)
        return frame

    def _say_cursor_soon(self, session: Session, now: float) -> None:
        key = ("cursor", session.link)
        if not self._core.agenda.has(key):
            self._core.agenda.at(key, now + CURSOR_SECONDS, lambda then: self._say_cursor(session, then))

    def _say_cursor(self, session: Session, now: float) -> None:
        if session.is_ready and self._silent.get(session.link):
            cursor = self._told[session.link]
            session.send(messages.Heads(messages.PUSH, self._core.ledger.store_id(), cursor, False, ()), now)
            self._silent[session.link] = 0

    def _is_news(self, session: Session, shown: Order | None, new: New) -> bool:
        return (shown is None or shown < new[1]) and self._interest.may_see(session.org, new[2].space)
