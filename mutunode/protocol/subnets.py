"""How near two addresses are: one /24 or one /48 is one neighbour, for more of it costs nothing."""

from __future__ import annotations

import ipaddress

V4_BITS, V6_BITS = 24, 48


def subnet_of(host: str) -> str:
    """The /24 or /48 of a numeric address; empty for a name, for this machine and for private networks."""
    try:
        ip = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if not ip.is_global:
        return ""
    bits = V4_BITS if ip.version == 4 else V6_BITS
    return str(ipaddress.ip_network((ip, bits), strict=False))


def subnet_of_address(address: str) -> str:
    """The same, of ``host:port``; empty where only a look-up would tell."""
    return "" if address.startswith("wss://") else subnet_of(address.rpartition(":")[0])
