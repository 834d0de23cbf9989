"""Asking peers to witness a head: "I hold this log, and it is so, at this time" (PROTOCOL §3, PROVE).

A witness is worth something only if it is not its author, and if what it signs is the very tree that we
hold. A peer that shows another tree of the same size under a valid signature shows that the author signed
two, which is the affair of whoever takes heads in.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import Head, verify_cosignature
from mutunode.protocol.limits import FUTURE_SECONDS_MAX
from mutunode.protocol.proof import Witness, up_to
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session

Told = Callable[[Witness | None], None]


class Witnessing:
    """Collects cosignatures of peers."""

    def __init__(
        self, core: Core, reputation: Reputation, offer: Callable[[Head, Session, float], object]
    ) -> None:
        self._core = core
        self._reputation = reputation
        self._offer = offer

    def ask(self, head: Head, told: Told, now: float) -> int:
        """Ask everybody but the author; ``told`` hears of each answer once, None when it is no witness.

        Returns how many were asked.
        """
        peers = [session for session in self._core.ready() if session.org != head.org]
        prove = messages.Prove(0, head.log, head.epoch, 0, head.size)
        for session in peers:
            session.ask(prove, self._handler(session, head, told), now)
        return len(peers)

    def _handler(self, session: Session, head: Head, told: Told) -> Callable[[Reply, float], None]:
        def answered(reply: Reply, now: float) -> None:
            told(self._read(session, head, reply, now) if isinstance(reply, messages.Proof) else None)

        return answered

    def _read(self, session: Session, head: Head, proof: messages.Proof, now: float) -> Witness | None:
        if proof.head.tree != head.tree:
            self._offer(proof.head, session, now)
            return None
        cosignature, chain = proof.cosignature, session.chain
        if chain is None or abs(cosignature.time - now) > FUTURE_SECONDS_MAX:
            return None  # its clock is wrong: honest perhaps, and of no use
        try:
            verify_cosignature(head, cosignature, chain)
        except Invalid:
            self._reputation.bad_answer(session, now)
            return None
        return Witness(up_to(chain, cosignature.epoch), cosignature)
