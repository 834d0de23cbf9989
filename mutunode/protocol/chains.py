"""Who is who: identity chains asked for, checked and kept, and heads that wait for one.

A head of an epoch above the chain held, or one that does not verify, is put aside and the chain asked from
its sender, at most once in ten minutes: the author may have opened an epoch we have not heard of. Only an
answer that was read and still does not explain the head makes it a bad one (PROTOCOL §2). To ask who an
organisation is at all, the first time, is none of these questions: a new member that changes its key within
ten minutes of its first record is followed at once.

What changes in a chain is shown to every link at once (IDENTITY, unasked), and what contradicts it to every
new one: a dispute is everybody's affair, and no head tells of it to who holds the same branch. Those who are
disputed themselves hear of it too, and tell: two whose keys were stolen, each linked with the other's thief,
would else never hear of each other.

Chains of strangers are not stored: they live with the link, or the ledger would grow with every key that
somebody makes up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Changed, NoticeKind
from mutunode.protocol.errors import Code, Invalid, Malformed
from mutunode.protocol.head import PUBLIC, Head, verify_head
from mutunode.protocol.identity import Chain, parse_genesis, parse_op
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import (
    CHAIN_ASKED_SECONDS,
    CHAIN_TOLD_BURST,
    CHAIN_TOLD_OPS_MAX,
    CHAIN_TOLD_SECONDS,
    CHAINS_SHOWN_MAX,
    CHAINS_TOLD_MAX,
    HEADS_ASIDE_MAX,
    IDENTITY_OPS_MAX,
    IDENTITY_RIVALS_BYTES_MAX,
    STRANGERS_ASIDE_MAX,
)
from mutunode.protocol.pace import Pace
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.rivals import (
    Unconnected,
    decide,
    first_change,
    is_signed_by_a_rival,
    kept,
    learn,
    settled,
)
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
        on_given_up: Callable[[Head, Session, float], None],
        on_disowned: Callable[[bytes, float], None],
        on_undisputed: Callable[[float], None],
    ) -> None:
        """``on_undisputed``: what was refused of an organisation while it was disputed may be taken now."""
        self._core = core
        self._interest = interest
        self._reputation = reputation
        self._on_explained = on_explained
        self._on_given_up = on_given_up
        self._on_disowned = on_disowned
        self._on_undisputed = on_undisputed
        self._waiting: dict[bytes, dict[bytes, Waiting]] = {}  # organisation → sender
        self._left: OrderedDict[bytes, None] = OrderedDict()  # strangers that are gone, the last at the end
        self._told: dict[bytes, Pace] = {}  # organisation → how often its changes are shown unasked

    def known(self, org: bytes) -> Chain | None:
        """The chain held of an organisation."""
        return self._core.ledger.chain(org)

    # --- heads that wait -----------------------------------------------------------------------
    def wait(self, head: Head, session: Session, now: float) -> None:
        """Keep a head aside that no chain we hold explains, and ask its sender who signed it."""
        waiting = self._ask_in_time(session, head.org, now)
        if waiting.head is None or head.order > waiting.head.order:
            waiting.head = head
        waiting.count += 1
        if waiting.count > HEADS_ASIDE_MAX:
            waiting.count = 0
            self._reputation.bad_answer(session, now)

    def _ask_in_time(self, session: Session, org: bytes, now: float) -> Waiting:
        """Ask for the whole chain, unless this sender was asked for it lately."""
        senders = self._waiting.setdefault(org, {})
        waiting = senders.get(session.org)
        if waiting is None or now >= waiting.asked + CHAIN_ASKED_SECONDS:
            _forget_old(senders, now)
            waiting = senders[session.org] = Waiting(now, of_unknown=self.known(org) is None)
            self._ask(session, org, 1, now, patient=waiting.of_unknown)
        return waiting

    def _ask(self, session: Session, org: bytes, epoch: int, now: float, *, patient: bool = False) -> None:
        def answered(reply: Reply, then: float) -> None:
            self._answered(session, org, reply, then)

        session.ask(messages.Ident(0, org, epoch), answered, now, patient=patient)

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
        chain = self.known(head.org)
        if waiting.answered and not (chain is not None and is_signed_by_a_rival(head, chain)):
            self._reputation.bad_signature(session, now)
        self._on_given_up(head, session, now)

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
        if chain.org == self._core.settings.collects:
            chain = settled(chain, ())  # who recovers goes on from the branch that was begun with
        if session.org == chain.org:
            session.chain = chain
        if before is not None or self._interest.listens(chain.org):
            if before is not None:
                knows = None if chain.rivals else session  # it may have shown one branch of two
                self._tell(chain, first_change(before, chain), now, but=knows)
            self._put(before, chain, now)
        if chain.disputed and not (before is not None and before.disputed):
            self._core.tell(NoticeKind.DISPUTED, chain.org)
        self._try_again(chain.org, now)

    # --- what is told unasked --------------------------------------------------------------------
    def told(self, session: Session, identity: messages.Identity, now: float) -> None:
        """A peer shows what changed in a chain, unasked; of whom we hold no chain, it says nothing to us."""
        if len(identity.ops) + len(identity.rivals) > 2 * CHAIN_TOLD_OPS_MAX:
            return
        try:
            org = parse_genesis(identity.genesis).org
        except Malformed:
            self._reputation.bad_answer(session, now)
            return
        held = self.known(org)
        if held is None:
            return
        try:
            chain = self.read(held, org, identity, now)
        except Unconnected:
            self._ask_in_time(session, org, now)
        except (Malformed, Invalid):
            self._reputation.bad_answer(session, now)
        else:
            if chain != held:
                self._keep(session, chain, now)

    def ready(self, session: Session, now: float) -> None:
        """A new link: it may have heard one branch only of whom two claim, or claimed."""
        for org in self._core.ledger.rivalled(CHAINS_TOLD_MAX):
            chain = self.known(org)
            if chain is not None and chain.rivals:
                session.send(_shown(chain, chain.rivals[0].epoch), now)

    def _hearers(self) -> list[Session]:
        """Links on which identities are told."""
        sessions = self._core.sessions.values()
        return [session for session in sessions if session.is_ready or session.state is State.DISPUTED]

    def show(self, session: Session, org: bytes, now: float) -> None:
        """A peer announced a head that no longer counts here: it has not heard why."""
        chain = self.known(org)
        if chain is None or not chain.epoch:
            return
        mark = (chain.tip, len(chain.rivals))
        if session.shown.get(org) != mark and len(session.shown) < CHAINS_SHOWN_MAX:
            session.shown[org] = mark
            first = min([chain.epoch, *(rival.epoch for rival in chain.rivals)])
            session.send(_shown(chain, first), now)

    def changed(self, before: Chain, now: float) -> None:
        """Somebody here signed an op of another organisation's: it is in the ledger already."""
        chain = self.known(before.org)
        if chain is not None and chain != before:
            self._tell(chain, first_change(before, chain), now)
            self._put(before, chain, now)

    def show_own(self, now: float) -> None:
        """We opened an epoch, and every link is about to end: whoever is there knows it before."""
        chain = self.known(self._core.me.org)
        if chain is not None and chain.epoch:
            self._tell(chain, chain.epoch, now)

    def _tell(self, chain: Chain, first: int, now: float, but: Session | None = None) -> None:
        """Show a chain from an epoch on to every link, at a pace: heads and handshakes tell the rest."""
        if chain.org not in self._told:
            self._told[chain.org] = Pace(CHAIN_TOLD_BURST, 1 / CHAIN_TOLD_SECONDS, now)
        if self._told[chain.org].take_whole(now):
            frame = messages.encode(_shown(chain, first))
            for session in self._hearers():
                if session is not but:
                    session.send_frame(frame, now)

    def decide(self, org: bytes, epoch: int, *, take_rival: bool, now: float) -> None:
        """A person says which of two branches of an organisation is followed here."""
        before = self.known(org)
        if before is None:
            return
        self._put(before, decide(before, epoch, take_rival=take_rival), now)
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
        if before is not None and before.disputed and not chain.disputed:
            for link in self._hearers():
                if link.org == chain.org and link.state is State.DISPUTED:
                    link.end(CLOSE_NORMAL, "it is decided which new start counts: come back", now)
            self._on_undisputed(now)

    def _disown(self, before: Chain, chain: Chain, now: float) -> None:
        """Registers signed in a branch that lost are asked for again: the one that won signs its own.

        What that one keeps stays meanwhile: its author may be away, or have lost it and ask for it here.
        """
        pairs = zip(before.ops, chain.ops, strict=False)
        common = next((n for n, (old, new) in enumerate(pairs) if old.op != new.op), before.epoch)
        if common == before.epoch:
            return  # longer, or as it was
        ledger = self._core.ledger
        for log in ledger.logs_of(chain.org):
            held = ledger.log(log)
            if held is None or (held.head is not None and held.head.epoch <= common):
                continue
            keep = kept(chain, held.size, partial(ledger.root_at, log)) if held.space == PUBLIC else 0
            if held.head is None and keep == held.size:
                continue
            self._on_disowned(log, now)
            ledger.disown(log, common + 1, keep)
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

    def forget(self, session: Session) -> None:
        """A link is gone: of strangers, who may come with ever new keys, the latest few are remembered."""
        if session.listened or not session.org:
            return
        for senders in self._waiting.values():
            if (waiting := senders.get(session.org)) is not None:
                waiting.head = None
        self._left[session.org] = None
        self._left.move_to_end(session.org)
        if len(self._left) > STRANGERS_ASIDE_MAX:
            gone, _ = self._left.popitem(last=False)
            if self._core.session_of(gone) is None:  # else it is remembered anew when it leaves
                for senders in self._waiting.values():
                    senders.pop(gone, None)

    def accept_introduction(self, session: Session) -> None:
        """Somebody we know by their link is listened to from now on: keep what they showed of themselves."""
        chain = session.chain
        if chain is not None and self.known(chain.org) is None and self._interest.listens(chain.org):
            self._core.ledger.put_chain(chain)


def identity_of(chain: Chain, id: int, first: int, ops_max: int = IDENTITY_OPS_MAX) -> messages.Identity:
    """A chain from an epoch on, as it travels: ops, then their losing rivals with what follows them."""
    ops = chain.ops[first - 1 : first - 1 + ops_max]
    shown = tuple((signed.op.raw, signed.signature) for signed in ops)
    return messages.Identity(id, chain.genesis.raw, shown, _rivals(chain, first, first + len(ops) - 1))


def _shown(chain: Chain, first: int) -> messages.Identity:
    return identity_of(chain, messages.PUSH, first, CHAIN_TOLD_OPS_MAX)


def _rivals(chain: Chain, first: int, last: int) -> tuple[tuple[bytes, bytes], ...]:
    """Losing branches of these epochs with what follows them, as many as fit."""
    shown: list[tuple[bytes, bytes]] = []
    room = IDENTITY_RIVALS_BYTES_MAX
    for rival in chain.rivals:
        if not first <= rival.epoch <= last:
            continue
        branch = [(signed.op.raw, signed.signature) for signed in rival.ops]
        room -= sum(len(raw) + len(signature) + 8 for raw, signature in branch)
        if room < 0:
            break
        shown.extend(branch)
    return tuple(shown)


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
