"""How many links there may be: in all, from one address, and from one address before it said who it is.

Loopback is exempt from the limits by address: many nodes of one machine share it.
"""

from __future__ import annotations

from mutunode.protocol.core import Core
from mutunode.protocol.limits import (
    LINKS_AN_ADDRESS_MAX,
    LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX,
)
from mutunode.protocol.session import Session

LOOPBACK = ("127.", "::1", "::ffff:127.", "localhost")


def host_of(address: str) -> str:
    """The host of ``host:port``, without the brackets of an IPv6 address."""
    return address.rpartition(":")[0].strip("[]")


def objection(core: Core, newcomer: Session) -> str | None:
    """Why a link that was just opened is not wanted."""
    others = [session for session in core.sessions.values() if session is not newcomer]
    if len(others) >= core.settings.links_max:
        return "all places are taken"
    host = host_of(newcomer.address)
    if newcomer.outgoing or host.startswith(LOOPBACK):
        return None
    same = [session for session in others if not session.outgoing and host_of(session.address) == host]
    if len(same) >= LINKS_AN_ADDRESS_MAX:
        return "too many links from this address"
    if sum(not session.is_ready for session in same) >= LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX:
        return "too many links from this address that did not say who they are"
    return None
