"""How many connections may stand: in all, from one address, and from one before it says who it is.

Counted from the moment a connection is accepted, before TLS has cost anything. This machine itself is exempt
from what counts by address (a proxy, a demo, other nodes of the same office), not from the whole.
"""

from __future__ import annotations

from collections import Counter

from mutunode.net.addresses import IP, plain
from mutunode.protocol.limits import (
    LINKS_AN_ADDRESS_MAX,
    LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX,
)

STRANGERS_MAX = 64  # places beside those of links, so that somebody known still finds one to begin with


class Admission:
    """The count."""

    def __init__(self, links_max: int) -> None:
        self._connections_max = links_max + STRANGERS_MAX
        self._count = 0
        self._by_address: Counter[IP] = Counter()
        self._unknown: Counter[IP] = Counter()

    def enter(self, ip: IP) -> bool:
        """A connection from this address, of somebody not known yet; False: no room for it."""
        ip = plain(ip)
        if self._count >= self._connections_max:
            return False
        if not ip.is_loopback and (
            self._by_address[ip] >= LINKS_AN_ADDRESS_MAX
            or self._unknown[ip] >= LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX
        ):
            return False
        self._count += 1
        self._by_address[ip] += 1
        self._unknown[ip] += 1
        return True

    def known(self, ip: IP) -> None:
        """Somebody who entered from there has said who they are."""
        self._less(self._unknown, plain(ip))

    def leave(self, ip: IP, was_known: bool) -> None:
        """A connection that entered has ended."""
        ip = plain(ip)
        self._count -= 1
        self._less(self._by_address, ip)
        if not was_known:
            self._less(self._unknown, ip)

    @staticmethod
    def _less(counter: Counter[IP], ip: IP) -> None:
        counter[ip] -= 1
        if counter[ip] <= 0:
            del counter[ip]  # a counter of zeros would grow with every address ever seen
