"""How many connections may stand: in all, from one address, and from one before it says who it is.

Counted from the moment a connection is accepted, before TLS has cost anything. This machine itself is exempt
from what counts by address (a proxy, a demo, other nodes of the same office), not from the whole.

When every place is taken, whoever comes from where few stand gets the place of somebody who has not said who
they are, from where most stand: a crowd may hold all places only as long as it comes from as many addresses.
Those who take more than others never displace anybody, so that calling again and again brings nothing.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable

from mutunode.net.addresses import IP, plain
from mutunode.protocol.limits import (
    LINKS_AN_ADDRESS_MAX,
    LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX,
)

STRANGERS_MAX = 64  # places beside those of links, so that somebody known still finds one to begin with
SITE_PREFIX_V6 = 64  # bits: addresses within it cost nothing

Site = IP | ipaddress.IPv6Network


class Place:
    """One connection among the counted. It is left once, however often that is said.

    ``evict`` is called, at most once, when somebody else gets the place: cut the connection.
    """

    def __init__(self, admission: Admission, ip: IP) -> None:
        self.ip = ip
        self.evict: Callable[[], None] = lambda: None
        self.is_known = False
        self._admission = admission
        self._is_left = False

    def known(self) -> None:
        """Whoever stands here has said who they are: nobody takes this place from them any more."""
        if not self.is_known and not self._is_left:
            self._admission.forget_unknown(self)
            self.is_known = True

    def move(self, ip: IP) -> bool:
        """A proxy tells the address behind it: count there; False when there is no room, or it is lost."""
        if self._is_left:
            return False
        self._admission.leave(self)
        has_room = self._admission.has_room(plain(ip))
        if has_room:
            self.ip = plain(ip)
        self._admission.stand(self)
        return has_room

    def leave(self) -> None:
        """The connection has ended."""
        if not self._is_left:
            self._is_left = True
            self._admission.leave(self)


class Admission:
    """The count."""

    def __init__(self, links_max: int) -> None:
        self._connections_max = links_max + STRANGERS_MAX
        self._count = 0
        self._by_address: Counter[IP] = Counter()
        self._unknown: Counter[IP] = Counter()
        self._sites: dict[Site, dict[Place, None]] = {}  # those unknown, the oldest of each site first

    def enter(self, ip: IP) -> Place | None:
        """A connection from this address, of somebody not known yet; None: no room for it."""
        ip = plain(ip)
        if not self._may_stand(ip):
            return None
        if self._count >= self._connections_max and not self._make_room(_site(ip)):
            return None
        place = Place(self, ip)
        self.stand(place)
        return place

    def has_room(self, ip: IP) -> bool:
        """Would one more from there find a place?"""
        return self._count < self._connections_max and self._may_stand(ip)

    def stand(self, place: Place) -> None:
        """Count it."""
        self._count += 1
        self._by_address[place.ip] += 1
        if not place.is_known:
            self._unknown[place.ip] += 1
            self._sites.setdefault(_site(place.ip), {})[place] = None

    def leave(self, place: Place) -> None:
        """Count it no more."""
        self._count -= 1
        _less(self._by_address, place.ip)
        if not place.is_known:
            self.forget_unknown(place)

    def forget_unknown(self, place: Place) -> None:
        """It does not stand among those not known any more."""
        _less(self._unknown, place.ip)
        site = _site(place.ip)
        del self._sites[site][place]
        if not self._sites[site]:
            del self._sites[site]

    def _may_stand(self, ip: IP) -> bool:
        return ip.is_loopback or (
            self._by_address[ip] < LINKS_AN_ADDRESS_MAX
            and self._unknown[ip] < LINKS_UNAUTHENTICATED_AN_ADDRESS_MAX
        )

    def _make_room(self, site: Site) -> bool:
        """The oldest from where most stand leaves, if that is more than there will be from this site."""
        crowded = max(self._sites.values(), key=len, default={})
        if len(crowded) < len(self._sites.get(site, ())) + 2:
            return False
        oldest = next(iter(crowded))
        oldest.leave()
        oldest.evict()
        return True


def _site(ip: IP) -> Site:
    if ip.version == 6:
        return ipaddress.IPv6Network((ip, SITE_PREFIX_V6), strict=False)
    return ip


def _less(counter: Counter[IP], ip: IP) -> None:
    counter[ip] -= 1
    if counter[ip] <= 0:
        del counter[ip]  # a counter of zeros would grow with every address ever seen
