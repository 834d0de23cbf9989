"""Which addresses are on the local network: those this machine reaches without a gateway.

Linux tells it in /proc. Where it does not, only this machine itself and link-local addresses count as near,
which costs speed (links on the LAN are not throttled), never safety.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from pathlib import Path

from mutunode.net.addresses import IP, plain

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FRESH_SECONDS = 30.0  # laptops change networks, but not between two links
_ROUTE_V4, _ROUTE_V6 = Path("/proc/net/route"), Path("/proc/net/ipv6_route")
_REJECTED = 0x0200  # RTF_REJECT: a route that leads nowhere on purpose


class Subnets:
    """The networks this machine is part of, read again when they may have changed."""

    def __init__(self) -> None:
        self._known: list[Network] = []
        self._read_at = float("-inf")

    def near(self, ip: IP) -> bool:
        """Is this address on this machine or on a network of ours?"""
        ip = plain(ip)
        if ip.is_loopback or ip.is_link_local:
            return True
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._known, self._read_at = _networks(), time.monotonic()
        return any(ip.version == network.version and ip in network for network in self._known)


def own_addresses() -> tuple[str, ...]:
    """Our IPv4 addresses on those networks, this machine's own loopback left out."""
    found = {_source(network) for network in _networks() if network.version == 4}
    return tuple(sorted(found - {""}))


def _source(network: Network) -> str:
    """The address packets to this network would leave from; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(network[min(1, network.num_addresses - 1)]), 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _networks() -> list[Network]:
    found: list[Network] = []
    for path, parse in ((_ROUTE_V4, _network_v4), (_ROUTE_V6, _network_v6)):
        try:
            lines = path.read_text("ascii").splitlines()
        except OSError:
            continue
        networks = (parse(line.split()) for line in lines)
        found += [network for network in networks if network and not network.is_multicast]
    return found


def _network_v4(words: list[str]) -> Network | None:
    """``eth0 00020A0A 00000000 0001 … mask``: numbers are hexadecimal, in the machine's byte order."""
    if len(words) < 8 or words[0] == "Iface" or words[2] != "00000000" or words[7] == "00000000":
        return None
    base, mask = (int.from_bytes(bytes.fromhex(word), "little") for word in (words[1], words[7]))
    return ipaddress.IPv4Network((base, mask.bit_count()), strict=False)


def _network_v6(words: list[str]) -> Network | None:
    """``base length source length next-hop metric count count flags name``, in hexadecimal."""
    if len(words) < 10 or words[9] == "lo" or int(words[4], 16) or int(words[8], 16) & _REJECTED:
        return None
    length = int(words[1], 16)
    return ipaddress.IPv6Network((int(words[0], 16), length), strict=False) if length else None
