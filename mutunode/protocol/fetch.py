"""From an announced head to a log that is held: every head is committed, or refused, or waits for a chain.

Nothing of a log is shown before its root is the signed one. When it is not, headers are read from the
first leaf on: either the author signed two trees, or the peer lied, and the head is asked from another.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages, rows
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core, Shortage
from mutunode.protocol.effects import Changed, NoticeKind
from mutunode.protocol.entry import Row
from mutunode.protocol.errors import Malformed
from mutunode.protocol.forks import Forks
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain
from mutunode.protocol.interest import Interest
from mutunode.protocol.judgement import NOTHING_HELD, Judgement, judge
from mutunode.protocol.landing import Landing, Outcome
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import ENTRIES_LARGE, LOG_BYTES_MAX
from mutunode.protocol.pull import Pull
from mutunode.protocol.quotas import Quotas
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session
from mutunode.protocol.sources import Sources, Wanted


class Fetches:
    """Fetches what peers announce."""

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
        self._quotas = Quotas(core, interest)
        self._landing = Landing(core, forks, self._quotas)
        self._sources = Sources(core, self._begin)
        self._on_committed = on_committed
        self._on_refused = on_refused

    def offer(self, head: Head, session: Session, now: float) -> bool:
        """A peer announced a head; True when there is nothing in it to wait for."""
        if not self._interest.wants(head.org, head.space):
            return True
        held = self._held(head.log)
        if held.head is not None and _is_no_news(head, held.head):
            if held.frozen:
                self._forks.show(session, head, now)
            return True
        self._sources.add(head, session, large=head.size - held.size > ENTRIES_LARGE, now=now)
        return False

    def abandon(self, log: bytes, now: float) -> None:
        """What is under way of a log ends; what was announced of it is judged again."""
        wanted = self._sources.get(log)
        if wanted is not None and wanted.source is not None:
            self._sources.go_on(wanted, wanted.source, now)

    def forget(self, session: Session, now: float) -> None:
        """The link is gone."""
        self._sources.forget(session, now)

    def _held(self, log: bytes) -> HeldLog:
        return self._core.ledger.log(log) or NOTHING_HELD

    # --- beginning -----------------------------------------------------------------------------
    def _begin(self, wanted: Wanted, session: Session, large: bool, now: float) -> None:
        head = wanted.heads[session.link]
        chain = self._chains.known(head.org)
        if chain is None:
            self._set_aside(wanted, session, now)
            return
        held = self._held(wanted.log)
        match self._judge(head, held, chain):
            case Judgement.UNPROVEN:
                self._set_aside(wanted, session, now)
            case Judgement.NEWER if head.size > held.size and self._quotas.left(head.org) <= 0:
                self._full(wanted, head, session, now)
            case Judgement.FULL:
                self._full(wanted, head, session, now)
            case Judgement.NEWER:
                self._sources.take(wanted, session, large=large)
                self._go_on(wanted, self._landing.begin(head, held, chain), now)
            case Judgement.SUSPECT:
                self._sources.take(wanted, session, large=large)
                self._go_on(wanted, self._landing.compare(head, chain), now)
            case Judgement.RENEWAL:
                self._landing.renew(head)
                self._committed(wanted, head, session, now)
            case Judgement.CONTRADICTION:
                assert held.head is not None
                self._landing.contradiction(head, held.head, now)
                self._refused(wanted, session, now)
            case Judgement.FROZEN:
                self._forks.show(session, head, now)
                self._refused(wanted, session, now)
            case Judgement.PAST | Judgement.DISPUTED | Judgement.RIVAL:
                self._chains.show(session, head.org, now)
                self._refused(wanted, session, now)
            case _:
                self._refused(wanted, session, now)

    def _judge(self, head: Head, held: HeldLog, chain: Chain) -> Judgement:
        log = head.log
        return judge(
            head,
            held,
            chain,
            lambda size: self._core.ledger.root_at(log, size),
            frozen=self._forks.is_frozen(log, head.epoch),
            own=head.org in (self._core.me.org, self._core.settings.collects),
        )

    def _set_aside(self, wanted: Wanted, session: Session, now: float) -> None:
        self._chains.wait(wanted.heads[session.link], session, now)
        self._sources.leave(wanted, session, now)

    # --- under way -----------------------------------------------------------------------------
    def _go_on(self, wanted: Wanted, pull: Pull, now: float) -> None:
        """Ask for more, or end what is complete."""
        wanted.pull = pull
        while pull.assembly.is_complete:
            following = self._finish(wanted, pull, now)
            if following is None:
                return
            wanted.pull = pull = following
        session = wanted.source
        assert session is not None
        self._sources.watch(wanted, now)
        answer_bytes, window = self._sources.queue(session).share()
        while (span := pull.next_range(answer_bytes, window)) is not None:
            self._ask(wanted, session, pull, span, now)

    def _ask(self, wanted: Wanted, session: Session, pull: Pull, span: tuple[int, int], now: float) -> None:
        attempt = wanted.attempt

        def answered(reply: Reply, then: float) -> None:
            if self._sources.stands(wanted, attempt):
                self._answered(wanted, session, pull, span, reply, then - now, then)

        get = messages.Get(0, wanted.log, pull.head.epoch, *span, pull.bodies)
        session.ask(get, answered, now)

    def _answered(
        self,
        wanted: Wanted,
        session: Session,
        pull: Pull,
        span: tuple[int, int],
        reply: Reply,
        seconds: float,
        now: float,
    ) -> None:
        if not isinstance(reply, messages.Entries):
            if reply is None and not session.is_closed:
                self._reputation.promised_only(session, now)
            self._sources.leave(wanted, session, now)
            return
        if not self._interest.wants(pull.head.org, pull.head.space):
            self._refused(wanted, session, now)  # a person changed their mind meanwhile
            return
        try:
            taken = _rows_of(reply, wanted.log, span)
        except Malformed:
            self._end(wanted, session, pull, Outcome.LIED, now)
            return
        if not taken:
            self._reputation.promised_only(session, now)
            self._sources.leave(wanted, session, now)
            return
        self._sources.queue(session).learn(seconds)
        for start, run in pull.came(span[0], taken):
            outcome = self._landing.take(pull, start, run)
            if outcome is not None:
                self._end(wanted, session, pull, outcome, now)
                return
        self._go_on(wanted, pull, now)

    # --- the end -------------------------------------------------------------------------------
    def _finish(self, wanted: Wanted, pull: Pull, now: float) -> Pull | None:
        """A tree is complete; gives the pull that has to follow, if one has to."""
        session = wanted.source
        chain = self._chains.known(pull.head.org)
        assert session is not None
        assert chain is not None
        if self._judge(pull.head, self._held(wanted.log), chain) not in (Judgement.NEWER, Judgement.SUSPECT):
            self._end(wanted, session, pull, Outcome.REFUSED, now)  # another epoch was opened meanwhile
            return None
        result = self._landing.finish(pull, self._held(wanted.log), chain, now)
        if isinstance(result, Pull):
            wanted.attempt += 1
            return result
        self._end(wanted, session, pull, result, now)
        return None

    def _end(self, wanted: Wanted, session: Session, pull: Pull, outcome: Outcome, now: float) -> None:
        match outcome:
            case Outcome.COMMITTED:
                self._reputation.delivered(session)
                session.hears_others |= pull.head.org != session.org
                wanted.pull = None  # nothing of it is pending any more
                self._committed(wanted, pull.head, session, now)
            case Outcome.REFUSED:
                self._refused(wanted, session, now)
            case Outcome.FULL:
                self._full(wanted, pull.head, session, now)
            case Outcome.LIED:
                self._reputation.bad_answer(session, now)
                self._sources.leave(wanted, session, now)

    def _committed(self, wanted: Wanted, head: Head, session: Session, now: float) -> None:
        self._core.do(Changed(wanted.log))
        self._core.full.pop(head.org, None)
        self._quotas.stored(head.org)
        wanted.heads = {link: other for link, other in wanted.heads.items() if other.order > head.order}
        self._on_committed(head, session, now)
        self._sources.go_on(wanted, session, now)

    def _full(self, wanted: Wanted, head: Head, session: Session, now: float) -> None:
        """There is no room: say so once, and in every list until something of it is taken again."""
        held = self._held(wanted.log)
        by_voucher = self._quotas.left(head.org) < LOG_BYTES_MAX - held.bytes
        why = Shortage.VOUCHER if by_voucher else Shortage.LOG
        if self._core.full.get(head.org) is not why:
            self._core.full[head.org] = why
            self._core.tell(NoticeKind.FULL, head.org, why)
        self._refused(wanted, session, now)

    def _refused(self, wanted: Wanted, session: Session, now: float) -> None:
        """Nothing will come of this head, whoever is asked."""
        head = self._sources.leave(wanted, session, now)
        if head is not None:
            self._on_refused(head, now)


def _is_no_news(head: Head, ours: Head) -> bool:
    """Of the tree that we hold; of the same second, also under the same key."""
    if head.tree != ours.tree or head.time > ours.time:
        return False
    return head.time < ours.time or head.signature == ours.signature


def _rows_of(reply: messages.Entries, log: bytes, span: tuple[int, int]) -> list[Row]:
    if reply.log != log or reply.start != span[0]:
        raise Malformed("entries: of another log or place than asked for")
    taken = rows.unpack(reply.enc, reply.payload)
    if len(taken) > span[1] - span[0]:
        raise Malformed("entries: more than asked for")
    return taken
