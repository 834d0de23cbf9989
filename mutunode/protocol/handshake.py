"""Who is there: HELLO both ways, AUTH both ways over this very channel, then the other's chain if we lack it.

AUTH signs both HELLO frames, the role and the channel, so it is of no use anywhere else. A key says
nothing by itself: it counts only while the organisation's chain names it as its current operating key.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages
from mutunode.protocol.chains import Chains, is_key_of_a_dispute
from mutunode.protocol.channel import CLIENT, SERVER, auth_signed
from mutunode.protocol.core import Core
from mutunode.protocol.crypto import verify
from mutunode.protocol.errors import Code
from mutunode.protocol.identity import Chain
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import HANDSHAKE_SECONDS_MAX, ID_BYTES
from mutunode.protocol.messages import Auth, Hello
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import (
    CLOSE_AUTHENTICATION,
    CLOSE_QUOTA,
    Reply,
    Session,
    State,
)

NONCES_KEPT_MAX = 1_024  # of our own, to recognise ourselves: 16 times as many as there are links


class Handshake:
    """Takes sessions from their first frame to READY, or ends them."""

    def __init__(
        self,
        core: Core,
        chains: Chains,
        interest: Interest,
        reputation: Reputation,
        *,
        on_ready: Callable[[Session, float], None],
        on_disputed: Callable[[Session, float], None],
        on_ourselves: Callable[[Session], None],
        on_second_machine: Callable[[], None],
    ) -> None:
        self._core = core
        self._chains = chains
        self._interest = interest
        self._reputation = reputation
        self._hello_sent: dict[int, bytes] = {}
        self._hello_seen: dict[int, tuple[bytes, Hello]] = {}
        self._nonces: dict[bytes, None] = {}
        self._on_ready = on_ready
        self._on_disputed = on_disputed
        self._on_ourselves = on_ourselves
        self._on_second_machine = on_second_machine

    def begin(self, session: Session, now: float) -> None:
        """Say HELLO, and give the other side ten seconds for all of it."""
        nonce = self._core.random(ID_BYTES)
        self._nonces[nonce] = None
        if len(self._nonces) > NONCES_KEPT_MAX:
            del self._nonces[next(iter(self._nonces))]
        me = self._core.me
        hello = Hello(1, me.org, me.operating, nonce, tuple(sorted(self._offered(session))))
        self._hello_sent[session.link] = messages.encode(hello)
        session.send(hello, now)
        deadline = now + HANDSHAKE_SECONDS_MAX
        self._core.agenda.at(("handshake", session.link), deadline, lambda late: _too_slow(session, late))

    def _offered(self, session: Session) -> frozenset[str]:
        # What is relayed relays nothing: a chain of relays would hide who carries for whom.
        return frozenset(self._core.settings.features) - ({messages.RELAY} if session.via else set())

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._hello_sent.pop(session.link, None)
        self._hello_seen.pop(session.link, None)
        self._core.agenda.cancel(("handshake", session.link))

    # --- HELLO ---------------------------------------------------------------------------------
    def hello(self, session: Session, hello: Hello, frame: bytes, now: float) -> None:
        """Their first frame."""
        if session.pinned not in (None, hello.org):
            session.end(CLOSE_AUTHENTICATION, "another organisation than the one expected", now)
        elif hello.org == self._core.me.org and not self._may_be_a_second_machine(hello):
            if hello.nonce in self._nonces:
                self._on_ourselves(session)
            self._refuse(session, "this is my own organisation", now)
        else:
            session.org, session.operating = hello.org, hello.operating
            session.features = frozenset(hello.features) & self._offered(session)
            session.state = State.PROVING
            self._hello_seen[session.link] = (frame, hello)
            us = CLIENT if session.outgoing else SERVER
            session.send(Auth(self._core.me.sign(self._signed(session, us))), now)

    def _may_be_a_second_machine(self, hello: Hello) -> bool:
        # Under another key it is a machine that lost its key since; under our nonce it is ourselves.
        return hello.operating == self._core.me.operating and hello.nonce not in self._nonces

    def _signed(self, session: Session, role: bytes) -> bytes:
        ours, theirs = self._hello_sent[session.link], self._hello_seen[session.link][0]
        client, server = (ours, theirs) if session.outgoing else (theirs, ours)
        return auth_signed(role, client, server, session.channel)

    # --- AUTH ----------------------------------------------------------------------------------
    def auth(self, session: Session, auth: Auth, now: float) -> None:
        """Their proof that they hold the key of their HELLO, on this channel."""
        hello = self._hello_seen[session.link][1]
        them = SERVER if session.outgoing else CLIENT
        if not verify(hello.operating, auth.signature, self._signed(session, them)):
            session.refuse(messages.PUSH, Code.UNAUTHENTICATED, "AUTH does not verify on this channel", now)
            session.end(CLOSE_AUTHENTICATION, "AUTH does not verify", now)
        elif hello.org == self._core.me.org:
            self._on_second_machine()
            self._refuse(session, "a second machine with the same key", now)
        elif self._interest.blocked(hello.org):
            self._refuse(session, "refused", now)
        elif (seconds := self._reputation.away_seconds(hello.org, now)) > 0:
            session.refuse(messages.PUSH, Code.BUSY, "come back later", now, int(seconds) + 1)
            session.end(CLOSE_QUOTA, "too many bad answers before", now)
        else:
            session.treat_as(listened=self._interest.listens(hello.org), now=now)
            self._meet(session, hello, now)

    # --- the other's chain ---------------------------------------------------------------------
    def _meet(self, session: Session, hello: Hello, now: float) -> None:
        chain = self._core.ledger.chain(session.org)
        if chain is not None and chain.operating == hello.operating and not chain.disputed:
            self._welcome(session, chain, now)
            return
        session.state = State.MEETING
        ask = messages.Ident(0, session.org, 1)
        session.ask(ask, lambda reply, then: self._introduced(session, hello, reply, then), now, urgent=True)

    def _introduced(self, session: Session, hello: Hello, reply: Reply, now: float) -> None:
        if session.state is not State.MEETING:
            return
        chain = self._chains.introduced(session, session.org, reply, now)
        if session.is_closed:
            return
        if chain is not None and chain.operating == hello.operating and not chain.disputed:
            self._welcome(session, chain, now)
        elif chain is not None and is_key_of_a_dispute(chain, hello.operating):
            # Enough to fetch the identities that show the dispute, and nothing else, until a person decides.
            session.state = State.DISPUTED
            self._core.agenda.cancel(("handshake", session.link))
            self._on_disputed(session, now)
        else:
            text = "the key of HELLO is not the organisation's current one"
            session.refuse(messages.PUSH, Code.UNAUTHENTICATED, text, now)
            session.end(CLOSE_AUTHENTICATION, text, now)

    def _welcome(self, session: Session, chain: Chain, now: float) -> None:
        session.chain = chain
        session.state = State.READY
        self._core.agenda.cancel(("handshake", session.link))
        self._on_ready(session, now)

    def _refuse(self, session: Session, reason: str, now: float) -> None:
        session.refuse(messages.PUSH, Code.REFUSED, reason, now)
        session.end(CLOSE_AUTHENTICATION, reason, now)


def _too_slow(session: Session, now: float) -> None:
    if not session.is_ready:
        session.end(CLOSE_AUTHENTICATION, "the handshake took too long", now)
