"""Who announced what, and whose turn it is to give it.

A log is asked of one peer at a time: the first who announced it, another after three seconds of silence,
and after twice as long with every change, so that where all are slow one of them comes to its end. A peer
gives a few logs at once, of which two may be large.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mutunode.protocol.core import Core
from mutunode.protocol.head import Head
from mutunode.protocol.limits import (
    ANSWER_BYTES_FIRST,
    ANSWER_BYTES_MAX,
    ANSWER_BYTES_MIN,
    FETCHES_LAN_MAX,
    FETCHES_MAX,
    LARGE_FETCHES_MAX,
    OTHER_SOURCE_SECONDS,
    REQUEST_SECONDS_MAX,
    STARTS_A_TURN_MAX,
    WINDOW,
)
from mutunode.protocol.pull import Pull
from mutunode.protocol.session import Session


class Wanted:
    """One log that somebody announced and we lack."""

    def __init__(self, log: bytes) -> None:
        self.log = log
        self.heads: dict[int, Head] = {}  # by link, the newest that each announced
        self.source: Session | None = None
        self.pull: Pull | None = None
        self.attempt = 0  # answers to an earlier one are of no interest any more
        self.changes = 0  # of source, for want of an answer


class Queue:
    """What one link announced, and how fast it gives."""

    def __init__(self, session: Session) -> None:
        self._fetches_max = FETCHES_LAN_MAX if session.lan else FETCHES_MAX
        self._small: deque[bytes] = deque()
        self._large: deque[bytes] = deque()
        self._queued: set[bytes] = set()
        self._active: dict[bytes, bool] = {}  # log → whether it is a large one
        self._answer_bytes = ANSWER_BYTES_FIRST
        self._answered = False

    def add(self, log: bytes, *, large: bool = False, first: bool = False) -> None:
        """A log to ask for, once however often it is announced."""
        if log in self._queued:
            return
        self._queued.add(log)
        queue = self._large if large else self._small
        if first:
            queue.appendleft(log)
        else:
            queue.append(log)

    def pop(self) -> tuple[bytes, bool] | None:
        """The next log that this link has room for, and whether it is a large one."""
        if len(self._active) >= self._fetches_max:
            return None
        large = bool(self._large) and sum(self._active.values()) < LARGE_FETCHES_MAX
        if not large and not self._small:
            return None
        log = (self._large if large else self._small).popleft()
        self._queued.discard(log)
        return log, large

    def begin(self, log: bytes, *, large: bool) -> None:
        """A log is under way here."""
        self._active[log] = large

    def done(self, log: bytes) -> None:
        """A log is not under way here any more."""
        self._active.pop(log, None)

    @property
    def has_given(self) -> bool:
        """Whether it ever answered a request for entries."""
        return self._answered

    def share(self) -> tuple[int, int]:
        """How large an answer may be, and how many of one log under way: of an unknown link, one small."""
        return self._answer_bytes, WINDOW if self._answered else 1

    def learn(self, seconds: float) -> None:
        """An answer took so long: a second is right; slow links get small ones, or all else starves."""
        self._answered = True
        if seconds > OTHER_SOURCE_SECONDS:
            self._answer_bytes = max(ANSWER_BYTES_MIN, self._answer_bytes // 2)
        elif seconds < 1:
            self._answer_bytes = min(ANSWER_BYTES_MAX, self._answer_bytes * 2)


class Sources:
    """All logs that are wanted, and the links that announced them."""

    def __init__(self, core: Core, begin: Callable[[Wanted, Session, bool, float], None]) -> None:
        self._core = core
        self._begin = begin
        self._wanted: dict[bytes, Wanted] = {}
        self._queues: dict[int, Queue] = {}

    def add(self, head: Head, session: Session, *, large: bool, now: float) -> None:
        """A link announced a head of a log that we lack."""
        log = head.log
        if (wanted := self._wanted.get(log)) is None:
            wanted = self._wanted[log] = Wanted(log)
        wanted.heads[session.link] = head
        if (queue := self._queues.get(session.link)) is None:
            queue = self._queues[session.link] = Queue(session)
        queue.add(log, large=large)
        self.soon(session, now)
        if wanted.source is not None and not self._core.agenda.has(("stall", wanted.log)):
            self.watch(wanted, now)

    def soon(self, session: Session, now: float) -> None:
        """Begin what this link has room for, once the frame in hand was read."""
        self._core.agenda.at(("fetch", session.link), now, lambda then: self._next(session, then))

    def _next(self, session: Session, now: float) -> None:
        queue = self._queues.get(session.link)
        if queue is None or session.is_closed:
            return
        for _ in range(STARTS_A_TURN_MAX):
            picked = queue.pop()
            if picked is None:
                return
            wanted = self._wanted.get(picked[0])
            if wanted is not None and wanted.source is None and session.link in wanted.heads:
                self._begin(wanted, session, picked[1], now)
        self.soon(session, now)

    def queue(self, session: Session) -> Queue:
        """The queue of a link that announced something."""
        return self._queues[session.link]

    def get(self, log: bytes) -> Wanted | None:
        """What is wanted of a log."""
        return self._wanted.get(log)

    def stands(self, wanted: Wanted, attempt: int) -> bool:
        """Whether an answer to this attempt is still of interest."""
        return wanted.attempt == attempt and self._wanted.get(wanted.log) is wanted

    # --- one source at a time ------------------------------------------------------------------
    def take(self, wanted: Wanted, session: Session, *, large: bool) -> None:
        """From now on this log comes from this link."""
        wanted.source = session
        self._queues[session.link].begin(wanted.log, large=large)

    def release(self, wanted: Wanted) -> None:
        """It comes from nobody for now."""
        if wanted.source is not None and (queue := self._queues.get(wanted.source.link)) is not None:
            queue.done(wanted.log)
        if wanted.pull is not None:
            self._core.ledger.drop_pending(wanted.log)
        wanted.source, wanted.pull = None, None
        wanted.attempt += 1

    def leave(self, wanted: Wanted, session: Session, now: float) -> Head | None:
        """Nothing comes of what this link announced: ask others; gives the head it had announced."""
        head = wanted.heads.pop(session.link, None)
        self.go_on(wanted, session, now)
        return head

    def go_on(self, wanted: Wanted, session: Session, now: float) -> None:
        """This link is done with a log: others may still have something newer, and the link other logs."""
        self.release(wanted)
        self._ask_others(wanted, now)
        self.soon(session, now)

    def _ask_others(self, wanted: Wanted, now: float) -> None:
        # Whoever has given something on its link before whoever never did: the silent come last.
        for link in sorted(wanted.heads, key=lambda link: not self._has_given(link)):
            session = self._core.sessions.get(link)
            if session is not None and session.is_ready:
                self._queues[link].add(wanted.log, first=True)
                self.soon(session, now)
                return
        self.tidy(wanted)

    def _has_given(self, link: int) -> bool:
        queue = self._queues.get(link)
        return queue is not None and queue.has_given

    def tidy(self, wanted: Wanted) -> None:
        """Forget what nobody announces any more."""
        if not wanted.heads and wanted.source is None:
            self._wanted.pop(wanted.log, None)
            self._core.agenda.cancel(("stall", wanted.log))

    # --- silence -------------------------------------------------------------------------------
    def watch(self, wanted: Wanted, now: float) -> None:
        """Something was asked or came: wait for the next answer."""
        due = now + min(REQUEST_SECONDS_MAX, OTHER_SOURCE_SECONDS * 2**wanted.changes)
        self._core.agenda.at(("stall", wanted.log), due, lambda then: self._stalled(wanted, then))

    def _stalled(self, wanted: Wanted, now: float) -> None:
        if wanted.source is None or len(wanted.heads) < 2:
            return
        link = wanted.source.link
        if link in wanted.heads:
            wanted.heads[link] = wanted.heads.pop(link)  # it stays an announcer, the last: slow is not bad
        if self._has_given(link):
            wanted.changes += 1  # slow: more time for the next, or where all are slow nothing ever ends
        self.go_on(wanted, wanted.source, now)

    def forget(self, session: Session, now: float) -> None:
        """The link is gone."""
        self._queues.pop(session.link, None)
        for wanted in list(self._wanted.values()):
            wanted.heads.pop(session.link, None)
            if wanted.source is session:
                self.release(wanted)
                self._ask_others(wanted, now)
            else:
                self.tidy(wanted)
