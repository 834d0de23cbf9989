"""Equivocation, once it is proven: kept, told to people, passed on once, and the log frozen.

Whoever announces a frozen log is answered with the evidence, once a link; and whoever asks what changed is
told what came since, for no head tells of it where none of that epoch is held. Evidence that does not verify
costs its sender, not the author (PROTOCOL §3).
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import evidence, messages
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Changed, NoticeKind
from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import Head
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import FORKS_TOLD_MAX
from mutunode.protocol.messages import Fork
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session


class Forks:
    """Evidence that came, or that we found."""

    def __init__(
        self,
        core: Core,
        chains: Chains,
        interest: Interest,
        reputation: Reputation,
        on_told: Callable[[Head, float], None],
        on_proven: Callable[[Head, float], None],
    ) -> None:
        """``on_told``: evidence came from outside, whatever of that log is under way ends."""
        self._core = core
        self._chains = chains
        self._interest = interest
        self._reputation = reputation
        self._on_told = on_told
        self._on_proven = on_proven
        self._shown: dict[int, set[bytes]] = {}  # link → logs whose evidence it was shown
        self._asked: dict[int, set[bytes]] = {}  # link → organisations it was asked the chain of

    def received(self, session: Session, fork: Fork, now: float) -> None:
        """A peer says that somebody signed two logs."""
        head, _ = evidence.heads_of(fork)
        if not self._interest.wants(head.org, head.space):
            return
        if head.org == self._core.settings.collects:
            return  # who recovers takes what there is; the epoch that follows ends the dispute
        chain = self._chains.known(head.org)
        if chain is None or head.epoch > chain.epoch:
            self._ask_who(session, fork, now)
            return
        self._shown.setdefault(session.link, set()).add(head.log)
        if self.is_frozen(head.log, head.epoch):
            return
        try:
            first_index = evidence.check(fork, chain)
        except Invalid:
            self._reputation.bad_signature(session, now)
            return
        self.proven(fork, first_index, now)
        self._on_told(head, now)

    def _ask_who(self, session: Session, fork: Fork, now: float) -> None:
        """Evidence against somebody of whom its sender holds more than we do: once a link it is asked for."""
        head, _ = evidence.heads_of(fork)
        asked = self._asked.setdefault(session.link, set())
        if head.org in asked:
            return
        asked.add(head.org)

        def answered(reply: Reply, then: float) -> None:
            chain = self._chains.introduced(session, head.org, reply, then)
            if chain is not None and head.epoch <= chain.epoch:
                self.received(session, fork, then)

        session.ask(messages.Ident(0, head.org, 1), answered, now)

    def proven(self, fork: Fork, first_index: int, now: float) -> None:
        """Keep evidence, and pass it on.

        It is checked once more when we found it ourselves: what contradicts the author may be our own disk.
        """
        head, _ = evidence.heads_of(fork)
        ledger, log = self._core.ledger, head.log
        if not self._holds(fork):
            self._core.tell(NoticeKind.DAMAGED, head.org)
            return
        held = ledger.log(log)
        if held is not None and held.head is not None and held.head.epoch > head.epoch:
            return  # a later epoch has healed it
        ledger.drop_pending(log)
        ledger.freeze(log, head.org, head.space, head.epoch, messages.encode(fork), first_index)
        self._core.tell(NoticeKind.FORK, head.org)
        self._core.do(Changed(log))
        for session in self._core.ready():
            if self._interest.may_see(session.org, head.space):
                self.show(session, head, now)
        self._on_proven(head, now)

    def ready(self, session: Session, now: float) -> None:
        """An author is there: one that signed two registers by accident learns of it from us."""
        for log in self._core.ledger.logs_of(session.org):
            held = self._core.ledger.log(log)
            if held is not None and held.frozen and held.head is not None:
                self.show(session, held.head, now)

    def _holds(self, fork: Fork) -> bool:
        chain = self._chains.known(evidence.heads_of(fork)[0].org)
        try:
            return chain is not None and evidence.check(fork, chain) >= 0
        except Invalid:
            return False

    def is_frozen(self, log: bytes, epoch: int) -> bool:
        """Whether evidence is held against this epoch of a log."""
        return self._core.ledger.evidence(log, epoch) is not None

    def show(self, session: Session, head: Head, now: float) -> None:
        """Answer an announcement of a frozen log, once a link."""
        shown = self._shown.setdefault(session.link, set())
        frame = self._core.ledger.evidence(head.log, head.epoch)
        if frame is not None and head.log not in shown:
            shown.add(head.log)
            session.send_frame(frame, now)

    def tell_since(self, session: Session, cursor: int | None, now: float) -> None:
        """A peer asks what changed after a cursor of ours; None: it begins anew, whatever it was shown."""
        if cursor is None:
            self._shown.pop(session.link, None)
        for frame in self._core.ledger.evidence_since(cursor or 0, FORKS_TOLD_MAX):
            fork = messages.decode(frame)
            assert isinstance(fork, Fork)
            head, _ = evidence.heads_of(fork)
            if self._interest.may_see(session.org, head.space):
                self.show(session, head, now)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._shown.pop(session.link, None)
        self._asked.pop(session.link, None)
