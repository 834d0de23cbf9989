"""What our newest epoch keeps of the public log and we lack, asked of whoever may hold it without a head.

A machine that lost its disk's last turns, or all of them, finds its own register again by the heads that
others show. Those who left the branch of a thief show none: the thief's heads went, and what both branches
keep stayed. But its size and root stand in our op, and with them the first head of the epoch, which says no
more and contradicts nothing that was ever signed in it. So that head is made here, and fetched as if each
peer had announced it; where it is committed, others are told of it as of any other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mutunode.protocol.core import Core
from mutunode.protocol.head import PUBLIC, Head, sign_head
from mutunode.protocol.limits import ASK_OWN_HEAD_SECONDS, REPAIR_SECONDS
from mutunode.protocol.session import Session
from mutunode.protocol.signing import Reason, Signatory


class Basis:
    """Asks for the beginning that our newest epoch has."""

    def __init__(
        self, core: Core, signatory: Signatory, fetch: Callable[[Head, Session, float], object]
    ) -> None:
        self._core = core
        self._signatory = signatory
        self._fetch = fetch
        self._head: Head | None = None

    def ready(self, session: Session, now: float) -> None:
        """Somebody is there; what they show of our register themselves comes first."""
        if self._signatory.lacks_base:
            key = ("basis", session.link)
            self._core.agenda.at(key, now + ASK_OWN_HEAD_SECONDS, partial(self._ask, session))

    def _ask(self, session: Session, now: float) -> None:
        """Ask, and again as often as we compare with others: it may have been busy, or been told since."""
        if not session.is_ready or not self._signatory.lacks_base:
            return
        again = now + self._core.around(REPAIR_SECONDS)
        self._core.agenda.at(("basis", session.link), again, partial(self._ask, session))
        if self._signatory.signing(now).reason is Reason.UNFINISHED:
            self._head = self._head or self._first_head(now)
            self._fetch(self._head, session, now)

    def _first_head(self, now: float) -> Head:
        me = self._core.me
        chain = self._core.ledger.chain(me.org)
        assert chain is not None, "without a chain there is no epoch that keeps anything"
        epoch, base = chain.epoch, chain.op(chain.epoch).op.base
        return sign_head(
            me.org,
            PUBLIC,
            epoch=epoch,
            base=base.size,
            size=base.size,
            root=base.root,
            time=int(now),
            sign=me.sign,
        )
