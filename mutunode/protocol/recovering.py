"""Looking for an organisation of which nothing is left but its recovery phrase.

Whoever we meet is asked, by its root key, who that was; and once we know, what they hold of its register.
Anybody can name our root key in a genesis of theirs: which of several answers is ours, a person decides.
"""

from __future__ import annotations

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Invalid, Malformed
from mutunode.protocol.head import PUBLIC, Head, log_id, verify_head
from mutunode.protocol.identity import Chain, parse_genesis
from mutunode.protocol.session import Reply, Session


class Sought(msgspec.Struct, frozen=True):
    """What the peers met so far answered, each by the id of whoever did."""

    chains: dict[bytes, Chain | None] = {}  # None: it knows no organisation with this root key
    heads: dict[bytes, Head | None] = {}  # None: it holds nothing of the register


class Recovering:
    """Asks for ``settings.recovers`` (a root key) and ``settings.collects`` (an organisation)."""

    def __init__(self, core: Core, chains: Chains) -> None:
        self._core = core
        self._chains = chains
        self._found: dict[bytes, Chain | None] = {}
        self._heads: dict[bytes, Head | None] = {}

    @property
    def sought(self) -> Sought:
        """The answers so far."""
        return Sought(dict(self._found), dict(self._heads))

    def ready(self, session: Session, now: float) -> None:
        """Somebody was met."""
        if root := self._core.settings.recovers:
            ask = messages.Ident(0, root, 1)
            session.ask(ask, lambda reply, then: self._identified(session, root, reply, then), now)
        if org := self._core.settings.collects:
            head = messages.AskHead(0, log_id(org, PUBLIC))
            session.ask(head, lambda reply, then: self._held(session, org, reply), now)

    def _identified(self, session: Session, root: bytes, reply: Reply, now: float) -> None:
        if reply is None:
            return
        chain = None
        if isinstance(reply, messages.Identity):
            try:
                chain = self._chains.read(None, parse_genesis(reply.genesis).org, reply, now)
            except (Malformed, Invalid):
                return  # as if it had not answered
        self._found[session.org] = chain if chain is not None and root in chain.roots else None

    def _held(self, session: Session, org: bytes, reply: Reply) -> None:
        if not isinstance(reply, messages.Heads):
            return
        chain = self._core.ledger.chain(org)
        shown = next((head for head in reply.heads if head.org == org and head.space == PUBLIC), None)
        if shown is not None and (chain is None or not _verifies(shown, chain)):
            shown = None  # nothing that could ever be taken
        self._heads[session.org] = shown


def _verifies(head: Head, chain: Chain) -> bool:
    try:
        verify_head(head, chain)
    except Invalid:
        return False
    return True
