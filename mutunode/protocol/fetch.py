"""Which logs to get from whom: every announced head becomes a committed one, or is refused, or waits.

A log is pulled once, from the first who announced it, and from another after three seconds of silence.
Nothing of it is shown before its root is the signed one. When it is not, headers are read from the first
leaf on: either the author signed two trees, or the peer lied, and the head is asked from another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mutunode.protocol import messages, rows
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Changed
from mutunode.protocol.entry import Row
from mutunode.protocol.errors import Malformed
from mutunode.protocol.forks import Forks
from mutunode.protocol.head import Head
from mutunode.protocol.interest import Interest
from mutunode.protocol.judgement import NOTHING_HELD, Judgement, judge
from mutunode.protocol.landing import Landing, Outcome
from mutunode.protocol.limits import (
    ANSWER_BYTES_FIRST,
    ANSWER_BYTES_MIN,
    FETCHES_MAX,
    FRAME_BYTES_MAX,
    LARGE_FETCHES_MAX,
    OTHER_SOURCE_SECONDS,
    REQUEST_SECONDS_MAX,
    WINDOW,
)
from mutunode.protocol.pull import Pull
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session

HEAD_STARTS_MAX = 64  # begun in one go: × 150 µs for a signature = 10 ms of a turn
LARGE_ENTRIES = 2_048  # × 512 bytes = 1 MiB: more than one answer


class Wanted:
    """One log that somebody announced and we lack."""

    def __init__(self) -> None:
        self.heads: dict[int, Head] = {}  # by link, the newest that each announced
        self.source: Session | None = None
        self.pull: Pull | None = None
        self.attempt = 0  # answers to an earlier one are of no interest any more
        self.changes = 0  # of source, for want of an answer


class Queue:
    """What one link announced and has not been asked for."""

    def __init__(self) -> None:
        self.small: deque[bytes] = deque()
        self.large: deque[bytes] = deque()
        self.active: set[bytes] = set()
        self.active_large: set[bytes] = set()
        self.answer_bytes = ANSWER_BYTES_FIRST
        self.answered = False

    def pop(self) -> tuple[bytes, bool] | None:
        """The next log that this link has room for, and whether it is a large one."""
        if len(self.active) >= FETCHES_MAX:
            return None
        if self.large and len(self.active_large) < LARGE_FETCHES_MAX:
            return self.large.popleft(), True
        return (self.small.popleft(), False) if self.small else None

    def done(self, log: bytes) -> None:
        """A log is not under way here any more."""
        self.active.discard(log)
        self.active_large.discard(log)


class Fetches:
    """All logs that are wanted, and the links they come from."""

    def __init__(
        self,
        core: Core,
        chains: Chains,
        interest: Interest,
        forks: Forks,
        reputation: Reputation,
        *,
        on_committed: Callable[[Head, Session, float], None],
        on_refused: Callable[[Head, float], None],
    ) -> None:
        self._core = core
        self._chains = chains
        self._interest = interest
        self._forks = forks
        self._reputation = reputation
        self._landing = Landing(core, forks)
        self._on_committed = on_committed
        self._on_refused = on_refused
        self._wanted: dict[bytes, Wanted] = {}
        self._queues: dict[int, Queue] = {}

    def __len__(self) -> int:
        return len(self._wanted)

    # --- what is announced ---------------------------------------------------------------------
    def offer(self, head: Head, session: Session, now: float) -> bool:
        """A peer announced a head; True when there is nothing in it to wait for."""
        if not self._interest.wants(head.org, head.space):
            return True
        log = head.log
        held = self._core.ledger.log(log)
        ours = held.head if held is not None else None
        if ours is not None and head.tree == ours.tree and head.time <= ours.time:
            return True
        wanted = self._wanted.setdefault(log, Wanted())
        wanted.heads[session.link] = head
        queue = self._queues.setdefault(session.link, Queue())
        large = head.size - (held.size if held is not None else 0) > LARGE_ENTRIES
        (queue.large if large else queue.small).append(log)
        self._soon(session, now)
        if wanted.source is not None and not self._core.agenda.has(("stall", log)):
            self._watch(log, wanted, now)
        return False

    def _soon(self, session: Session, now: float) -> None:
        # After the frame that is being read: what one frame announces is begun together, the rest later.
        self._core.agenda.at(("fetch", session.link), now, lambda then: self.next(session, then))

    def next(self, session: Session, now: float) -> None:
        """Begin what this link has room for."""
        queue = self._queues.get(session.link)
        if queue is None or session.is_closed:
            return
        for _ in range(HEAD_STARTS_MAX):
            picked = queue.pop()
            if picked is None:
                return
            log, large = picked
            wanted = self._wanted.get(log)
            if wanted is not None and wanted.source is None and session.link in wanted.heads:
                self._begin(log, wanted, session, large, now)
        self._soon(session, now)

    # --- beginning -----------------------------------------------------------------------------
    def _begin(self, log: bytes, wanted: Wanted, session: Session, large: bool, now: float) -> None:
        head = wanted.heads[session.link]
        chain = self._chains.known(head.org)
        if chain is None:
            self._set_aside(log, wanted, session, now)
            return
        held = self._core.ledger.log(log) or NOTHING_HELD
        judgement = judge(
            head,
            held,
            chain,
            lambda size: self._core.ledger.root_at(log, size),
            frozen=self._forks.is_frozen(log, head.epoch),
            own=head.org == self._core.me.org,
        )
        match judgement:
            case Judgement.UNPROVEN:
                self._set_aside(log, wanted, session, now)
            case Judgement.NEWER | Judgement.SUSPECT:
                self._pull_from(log, wanted, session, large)
                begin = self._landing.begin(head, held, chain) if judgement is Judgement.NEWER else None
                wanted.pull = begin or self._landing.compare(head, chain)
                self._go_on(log, wanted, now)
            case Judgement.RENEWAL:
                self._landing.renew(head)
                self._committed(log, wanted, head, session, now)
            case Judgement.CONTRADICTION:
                assert held.head is not None
                self._landing.contradiction(head, held.head, now)
                self._refused(log, wanted, session, now)
            case Judgement.FROZEN:
                self._forks.show(session, head, now)
                self._refused(log, wanted, session, now)
            case _:
                self._refused(log, wanted, session, now)

    def _set_aside(self, log: bytes, wanted: Wanted, session: Session, now: float) -> None:
        head = wanted.heads.pop(session.link)
        self._chains.wait(head, session, now)
        self._tidy(log, wanted)

    def _pull_from(self, log: bytes, wanted: Wanted, session: Session, large: bool) -> None:
        wanted.source = session
        queue = self._queues[session.link]
        queue.active.add(log)
        if large:
            queue.active_large.add(log)

    # --- under way -----------------------------------------------------------------------------
    def _go_on(self, log: bytes, wanted: Wanted, now: float) -> None:
        """Ask for more, or end what is complete."""
        while wanted.pull is not None and wanted.pull.assembly.is_complete:
            self._finish(log, wanted, now)
        pull, session = wanted.pull, wanted.source
        if pull is None or session is None:
            return
        self._watch(log, wanted, now)
        queue = self._queues[session.link]
        window = WINDOW if queue.answered else 1  # of a link we know nothing of, one small answer first
        while (wanted_range := pull.next_range(queue.answer_bytes, window)) is not None:
            self._ask(log, wanted, session, pull, wanted_range, now)

    def _ask(
        self, log: bytes, wanted: Wanted, session: Session, pull: Pull, span: tuple[int, int], now: float
    ) -> None:
        start, end = span
        attempt = wanted.attempt

        def answered(reply: Reply, then: float) -> None:
            if wanted.attempt == attempt and self._wanted.get(log) is wanted:
                self._answered(log, wanted, span, reply, then - now, then)

        session.ask(messages.Get(0, log, pull.head.epoch, start, end, pull.bodies), answered, now)

    def _answered(
        self, log: bytes, wanted: Wanted, span: tuple[int, int], reply: Reply, seconds: float, now: float
    ) -> None:
        session, pull = wanted.source, wanted.pull
        assert session is not None
        assert pull is not None
        if not isinstance(reply, messages.Entries):
            if reply is None and not session.is_closed:
                self._reputation.promised_only(session, now)
            self._leave(log, wanted, session, now)
            return
        try:
            taken = _rows_of(reply, log, span)
        except Malformed:
            self._reputation.bad_answer(session, now)
            self._leave(log, wanted, session, now)
            return
        if not taken:
            self._reputation.promised_only(session, now)
            self._leave(log, wanted, session, now)
            return
        self._adapt(session, seconds)
        size = sum(len(header) + len(salt) + len(body) + 8 for header, salt, body in taken)
        for start, run in pull.came(span[0], taken, size):
            outcome = self._landing.take(pull, start, run)
            if outcome is not None:
                self._end(log, wanted, outcome, now)
                return
        self._go_on(log, wanted, now)

    def _adapt(self, session: Session, seconds: float) -> None:
        # An answer should take about a second: slow links get small ones, so that nothing else starves.
        queue = self._queues[session.link]
        queue.answered = True
        if seconds > OTHER_SOURCE_SECONDS:
            queue.answer_bytes = max(ANSWER_BYTES_MIN, queue.answer_bytes // 2)
        elif seconds < 1:
            queue.answer_bytes = min(FRAME_BYTES_MAX - FRAME_BYTES_MAX // 16, queue.answer_bytes * 2)

    # --- silence -------------------------------------------------------------------------------
    def _watch(self, log: bytes, wanted: Wanted, now: float) -> None:
        # Twice as long with every change of source: where all are slow, one of them must come to its end.
        due = now + min(REQUEST_SECONDS_MAX, OTHER_SOURCE_SECONDS * 2**wanted.changes)
        self._core.agenda.at(("stall", log), due, lambda then: self._stalled(log, then))

    def _stalled(self, log: bytes, now: float) -> None:
        wanted = self._wanted.get(log)
        if wanted is None or wanted.source is None:
            return
        others = [link for link in wanted.heads if link != wanted.source.link]
        if others:
            # It stays an announcer: slow is not bad. Somebody else has the first word now.
            link = wanted.source.link
            wanted.heads[link] = wanted.heads.pop(link)
            wanted.changes += 1
            self._release(log, wanted)
            self._ask_others(log, wanted, now)

    def _release(self, log: bytes, wanted: Wanted) -> None:
        if wanted.source is not None and (queue := self._queues.get(wanted.source.link)) is not None:
            queue.done(log)
        if wanted.pull is not None:
            self._core.ledger.drop_pending(log)
        wanted.source, wanted.pull = None, None
        wanted.attempt += 1

    def _leave(self, log: bytes, wanted: Wanted, session: Session, now: float) -> None:
        """This source does not give what it announced."""
        wanted.heads.pop(session.link, None)
        self._release(log, wanted)
        self._ask_others(log, wanted, now)
        self._soon(session, now)

    def _ask_others(self, log: bytes, wanted: Wanted, now: float) -> None:
        for link in wanted.heads:
            session = self._core.sessions.get(link)
            if session is not None and session.is_ready:
                self._queues[link].small.appendleft(log)
                self._soon(session, now)
                return
        self._tidy(log, wanted)

    def _tidy(self, log: bytes, wanted: Wanted) -> None:
        if not wanted.heads and wanted.source is None:
            self._wanted.pop(log, None)
            self._core.agenda.cancel(("stall", log))

    # --- the end -------------------------------------------------------------------------------
    def _finish(self, log: bytes, wanted: Wanted, now: float) -> None:
        pull = wanted.pull
        assert pull is not None
        chain = self._chains.known(pull.head.org)
        held = self._core.ledger.log(log) or NOTHING_HELD
        assert chain is not None
        result = self._landing.finish(pull, held, chain, now)
        if isinstance(result, Pull):
            wanted.pull = result
            wanted.attempt += 1
        else:
            self._end(log, wanted, result, now)

    def _end(self, log: bytes, wanted: Wanted, outcome: Outcome, now: float) -> None:
        session, pull = wanted.source, wanted.pull
        assert session is not None
        assert pull is not None
        match outcome:
            case Outcome.COMMITTED:
                self._reputation.delivered(session)
                wanted.pull = None
                self._committed(log, wanted, pull.head, session, now)
            case Outcome.REFUSED:
                self._refused(log, wanted, session, now)
            case Outcome.LIED:
                self._reputation.bad_answer(session, now)
                self._leave(log, wanted, session, now)

    def _committed(self, log: bytes, wanted: Wanted, head: Head, session: Session, now: float) -> None:
        self._release(log, wanted)
        self._core.do(Changed(log))
        wanted.heads = {link: other for link, other in wanted.heads.items() if other.order > head.order}
        self._on_committed(head, session, now)
        self._ask_others(log, wanted, now)
        self._soon(session, now)

    def _refused(self, log: bytes, wanted: Wanted, session: Session, now: float) -> None:
        """Nothing will come of this head, whoever is asked."""
        head = wanted.heads.pop(session.link, None)
        self._release(log, wanted)
        if head is not None:
            self._on_refused(head, now)
        self._ask_others(log, wanted, now)
        self._soon(session, now)

    def forget(self, session: Session, now: float) -> None:
        """The link is gone."""
        self._queues.pop(session.link, None)
        for log, wanted in list(self._wanted.items()):
            if wanted.heads.pop(session.link, None) is not None or wanted.source is session:
                if wanted.source is session:
                    self._release(log, wanted)
                    self._ask_others(log, wanted, now)
                else:
                    self._tidy(log, wanted)


def _rows_of(reply: messages.Entries, log: bytes, span: tuple[int, int]) -> list[Row]:
    if reply.log != log or reply.start != span[0]:
        raise Malformed("entries: of another log or place than asked for")
    taken = rows.unpack(reply.enc, reply.payload)
    if len(taken) > span[1] - span[0]:
        raise Malformed("entries: more than asked for")
    return taken
