"""Who is who: identity chains asked for, checked and kept, and heads that wait for one.

A head of an epoch above the chain held, or one that does not verify, is put aside and the chain asked from
its sender, at most once in ten minutes: the author may have opened an epoch we have not heard of. Only an
answer that was read and still does not explain the head makes it a bad one (PROTOCOL §2). To ask who an
organisation is at all, the first time, is none of these questions: a new member that changes its key within
ten minutes of its first record is followed at once.

Chains of strangers are not stored: they live with the link, or the ledger would grow with every key that
somebody makes up.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Changed, NoticeKind
from mutunode.protocol.errors import Code, Invalid, Malformed
from mutunode.protocol.head import Head, verify_head
from mutunode.protocol.identity import Chain, parse_genesis, parse_op
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import CHAIN_ASKED_SECONDS, HEADS_ASIDE_MAX, IDENTITY_OPS_MAX
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.rivals import decide, learn
from mutunode.protocol.session import CLOSE_AUTHENTICATION, CLOSE_NORMAL, Reply, Session, State


class Waiting:
    """What one sender showed us of one organisation and we could not verify."""

    def __init__(self, asked: float, *, of_unknown: bool) -> None:
        self.asked = asked
        self.of_unknown = of_unknown  # no chain was held: the question was who this is
        self.answered = False
        self.head: Head | None = None  # the newest
        self.count = 0


class Chains:
    """Identity chains, and the heads that wait for them."""

    def __init__(
        self,
        core: Core,
        interest: Interest,
        reputation: Reputation,
        on_explained: Callable[[Head, Session, float], object],
        on_given_up: Callable[[Head, float], None],
    ) -> None:
        self._core = core
        self._interest = interest
        self._reputation = reputation
        self._on_explained = on_explained
        self._on_given_up = on_given_up
        self._waiting: dict[bytes, dict[bytes, Waiting]] = {}  # organisation → sender

    def known(self, org: bytes) -> Chain | None:
        """The chain held of an organisation."""
        return self._core.ledger.chain(org)

    # --- heads that wait -----------------------------------------------------------------------
    def wait(self, head: Head, session: Session, now: float) -> None:
        """Keep a head aside that no chain we hold explains, and ask its sender who signed it."""
        senders = self._waiting.setdefault(head.org, {})
        waiting = senders.get(session.org)
        if waiting is None or now >= waiting.asked + CHAIN_ASKED_SECONDS:
            _forget_old(senders, now)
            waiting = senders[session.org] = Waiting(now, of_unknown=self.known(head.org) is None)
            self._ask(session, head.org, 1, now)
        if waiting.head is None or head.order > waiting.head.order:
            waiting.head = head
        waiting.count += 1
        if waiting.count > HEADS_ASIDE_MAX:
            waiting.count = 0
            self._reputation.bad_answer(session, now)

    def _ask(self, session: Session, org: bytes, epoch: int, now: float) -> None:
        ask = messages.Ident(0, org, epoch)
        session.ask(ask, lambda reply, then: self._answered(session, org, reply, then), now)

    def _answered(self, session: Session, org: bytes, reply: Reply, now: float) -> None:
        waiting = self._waiting.get(org, {}).get(session.org)
        if reply is None:
            return  # nothing was said: what waits goes on waiting
        if waiting is not None:
            waiting.answered = isinstance(reply, messages.Identity)
        self.introduced(session, org, reply, now)
        if waiting is not None and waiting.of_unknown and self.known(org) is not None:
            del self._waiting[org][session.org]
        if waiting is not None and waiting.head is not None and not session.is_closed:
            self._settle(waiting.head, session, waiting, now)

    def _settle(self, head: Head, session: Session, waiting: Waiting, now: float) -> None:
        """The sender had its say: its head verifies now, or it is given up."""
        waiting.head = None
        if self.explains(head):
            self._on_explained(head, session, now)
            return
        if waiting.answered:
            self._reputation.bad_signature(session, now)
        self._on_given_up(head, now)

    def explains(self, head: Head) -> bool:
        """Whether the chain held verifies a head."""
        chain = self.known(head.org)
        if chain is None:
            return False
        try:
            verify_head(head, chain)
        except Invalid:
            return False
        return True

    # --- chains that come ----------------------------------------------------------------------
    def introduced(self, session: Session, org: bytes, reply: Reply, now: float) -> Chain | None:
        """Take in the answer to IDENT; the chain as it stands now, None when the answer gave none."""
        if not isinstance(reply, messages.Identity):
            return None
        held = self.known(org) or (session.chain if session.org == org else None)
        try:
            chain = self.read(held, org, reply, now)
        except (Malformed, Invalid):
            self._reputation.bad_answer(session, now)
            return None
        if chain != held:
            self._keep(session, chain, now)
        if len(reply.ops) >= IDENTITY_OPS_MAX and chain.epoch > (held.epoch if held else 0):
            self._ask(session, org, chain.epoch + 1, now)
        return chain

    def read(self, held: Chain | None, org: bytes, reply: messages.Identity, now: float) -> Chain:
        """The chain that an answer leads to from the one held; ``Malformed`` or ``Invalid`` when none."""
        genesis = parse_genesis(reply.genesis)
        if genesis.org != org:
            raise Invalid("identity: another organisation than the one asked for")
        chain = held or Chain(genesis)
        known = chain.epoch
        for raw, signature in reply.ops:
            chain = learn(chain, parse_op(raw), signature, int(now))
        for raw, signature in reply.rivals:
            op = parse_op(raw)
            chain = learn(chain, op, signature, int(now), told_with_chain=op.epoch > known)
        return chain

    def _keep(self, session: Session, chain: Chain, now: float) -> None:
        before = self.known(chain.org)
        if session.org == chain.org:
            session.chain = chain
        if before is not None or self._interest.listens(chain.org):
            self._put(before, chain, now)
        if chain.disputed and not (before is not None and before.disputed):
            self._core.tell(NoticeKind.DISPUTED, chain.org)
        self._try_again(chain.org, now)

    def decide(self, org: bytes, epoch: int, *, take_rival: bool, now: float) -> None:
        """A person says which of two branches of an organisation is followed here."""
        before = self.known(org)
        if before is None:
            return
        self._put(before, decide(before, epoch, take_rival=take_rival), now)
        for session in list(self._core.sessions.values()):
            if session.org == org and session.state is State.DISPUTED:
                session.end(CLOSE_NORMAL, "a person has decided: come back", now)
        self._try_again(org, now)

    def _put(self, before: Chain | None, chain: Chain, now: float) -> None:
        """Keep a chain; what a branch signed that is not in it any more does not stand."""
        self._core.ledger.put_chain(chain)
        for link in self._core.ready():
            if link.org == chain.org and link.operating != chain.operating:
                link.refuse(messages.PUSH, Code.UNAUTHENTICATED, "this key is no longer the current one", now)
                link.end(CLOSE_AUTHENTICATION, "a new epoch has another key", now)
        if before is not None and chain.org != self._core.me.org:
            self._disown(before, chain, now)

    def _disown(self, before: Chain, chain: Chain, now: float) -> None:
        """Registers signed in a branch that lost are asked for again: the one that won signs its own."""
        pairs = zip(before.ops, chain.ops, strict=False)
        common = next((n for n, (old, new) in enumerate(pairs) if old.op != new.op), before.epoch)
        if common == before.epoch:
            return  # longer, or as it was
        ledger = self._core.ledger
        for log in ledger.logs_of(chain.org):
            held = ledger.log(log)
            if held is None or held.head is None or held.head.epoch <= common:
                continue
            ledger.disown(log, common + 1)
            self._core.do(Changed(log))
            for session in self._core.ready():
                self._ask_head(session, log, now)

    def _ask_head(self, session: Session, log: bytes, now: float) -> None:
        def answered(reply: Reply, then: float) -> None:
            for head in reply.heads if isinstance(reply, messages.Heads) else ():
                if head.log == log:
                    self._on_explained(head, session, then)

        session.ask(messages.AskHead(0, log), answered, now)

    def _try_again(self, org: bytes, now: float) -> None:
        """The chain changed: what other senders showed may verify now."""
        for sender, waiting in list(self._waiting.get(org, {}).items()):
            session = self._core.session_of(sender)
            if session is not None and waiting.head is not None and self.explains(waiting.head):
                head, waiting.head = waiting.head, None
                self._on_explained(head, session, now)

    def accept_introduction(self, session: Session) -> None:
        """Somebody we know by their link is listened to from now on: keep what they showed of themselves."""
        chain = session.chain
        if chain is not None and self.known(chain.org) is None and self._interest.listens(chain.org):
            self._core.ledger.put_chain(chain)


def _forget_old(senders: dict[bytes, Waiting], now: float) -> None:
    # Anybody can come with a new key every minute: what is remembered of them ends with what it is for.
    for sender in [one for one, waiting in senders.items() if now >= waiting.asked + CHAIN_ASKED_SECONDS]:
        del senders[sender]


def is_key_of_a_dispute(chain: Chain, operating: bytes) -> bool:
    """Whether a key belongs to one of two rivals of equal rank."""
    if not chain.disputed:
        return False
    branches = [[signed.op for signed in rival.ops] for rival in chain.rivals]
    return operating == chain.operating or any(
        operating == op.operating for branch in branches for op in branch
    )
