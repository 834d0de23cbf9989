"""Addresses: what one may look like, and which of the places it leads to may be dialled.

An address is text that others gave, and text lies: a name may resolve to the machine's own services, and
``①②⑦.0.0.1``, ``0x7f.1`` or ``[::ffff:127.0.0.1]`` are ways to write 127.0.0.1. So a name is resolved once,
every result is checked as a number, and the number is what is dialled, never the name again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from typing import Any

import msgspec

from mutunode.protocol.channel import HTTPS_PORT, host_channel, host_name
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ADDRESS_BYTES_MAX

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

PLACES_MAX = 4  # of one name that are tried: two families, two of each
RESOLVE_SECONDS_MAX = 5.0

_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# The last label of a name is never a number: what ends in one is an address in disguise.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# An IPv4 address travels inside these, and a gateway would unpack it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Unreachable(Exception):
    """This address leads nowhere we may or can go; the text says why."""


class Address(msgspec.Struct, frozen=True):
    """``host:port``, or ``wss://name[:port]`` when ``tls_name``."""

    host: str  # lower-case A-label, or an IP without brackets
    port: int
    tls_name: bool  # validated by the system's trust store, behind a proxy

    def text(self) -> str:
        """The address as it is written and stored."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.tls_name:
            return f"wss://{host}" if self.port == HTTPS_PORT else f"wss://{host}:{self.port}"
        return f"{host}:{self.port}"

    def authority(self) -> str:
        """What an HTTP request calls the host."""
        return self.text().removeprefix("wss://")

    def named_channel(self) -> bytes:
        """The channel of the ``wss://`` form."""
        return host_channel(self.host, self.port)


class Place(msgspec.Struct, frozen=True):
    """A number that may be dialled."""

    ip: IP
    port: int

    def url(self) -> str:
        """Where the WebSocket is."""
        host = f"[{self.ip}]" if self.ip.version == 6 else str(self.ip)
        return f"wss://{host}:{self.port}/mutunode/1"


def parse(text: str) -> Address:
    """Read an address.

    Raises:
        Malformed: naming what is wrong with it.
    """
    if len(text.encode("utf-8", "surrogatepass")) > ADDRESS_BYTES_MAX:
        raise Malformed(f"an address of more than {ADDRESS_BYTES_MAX} bytes")
    tls_name = text.startswith("wss://")
    rest = text.removeprefix("wss://").removesuffix("/") if tls_name else text
    host, port = _split(text, rest, HTTPS_PORT if tls_name else None)
    if host.startswith("["):
        if tls_name:
            raise Malformed(f"{text!r}: after wss:// stands a name, not a number")
        return Address(str(_v6(text, host[1:-1])), port, False)
    name = host_name(host)
    literal = _v4(name)
    if literal is not None and not tls_name:
        return Address(str(literal), port, False)
    if not _NAME.fullmatch(name) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise Malformed(f"{text!r}: {name!r} is not a host name")
    return Address(name, port, tls_name)


def _split(text: str, rest: str, default: int | None) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]/@?#\s]+)(?::([^:]*))?", rest)
    if found is None:
        raise Malformed(f"{text!r} is not an address: host:port or wss://name is expected")
    if found[2] is None and default is not None:
        return found[1], default
    if found[2] is None or not _PORT.fullmatch(found[2]) or int(found[2]) > 65_535:
        raise Malformed(f"{text!r}: a port from 1 to 65535 is expected after the host")
    return found[1], int(found[2])


def _v4(name: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(name)
    except ValueError:
        return None


def _v6(text: str, inside: str) -> IP:
    try:
        if "%" in inside:
            raise Malformed(f"{text!r}: a zone means something on one machine only")
        return plain(ipaddress.IPv6Address(inside))
    except ValueError as error:
        raise Malformed(f"{text!r}: {error}") from None


def plain(ip: IP) -> IP:
    """An IPv4 address that came as ``::ffff:a.b.c.d`` is an IPv4 address."""
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def forbidden(ip: IP, trusted: bool) -> str:
    """Why this number may not be dialled; "" when it may.

    ``trusted`` (a person gave the address, or it was seen on the LAN) opens private ranges and this very
    machine, nothing else.
    """
    inner = _inside(plain(ip))
    if inner.is_multicast or inner.is_unspecified or inner == ipaddress.IPv4Address("255.255.255.255"):
        return f"{ip} is nobody's address"
    if not trusted and not inner.is_global:
        return f"{ip} is in a private range, and nobody here gave this address"
    return ""


def _inside(ip: IP) -> IP:
    """The IPv4 address that a gateway would find in an IPv6 one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


async def places(address: Address, trusted: bool) -> list[Place]:
    """The numbers behind an address that may be dialled, each checked.

    Raises:
        Unreachable: it does not resolve, or to nothing that may be dialled.
    """
    found: dict[IP, None] = {}
    refused = ""
    for ip in await _resolve(address):
        why = forbidden(ip, trusted)
        refused = refused or why
        if not why:
            found[ip] = None
    if not found:
        raise Unreachable(refused or f"{address.host} has no address")
    return [Place(ip, address.port) for ip in list(found)[:PLACES_MAX]]


async def _resolve(address: Address) -> list[IP]:
    try:
        return [plain(ipaddress.ip_address(address.host))]
    except ValueError:
        pass  # a name
    try:
        async with asyncio.timeout(RESOLVE_SECONDS_MAX):
            found: list[Any] = await asyncio.get_running_loop().getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        raise Unreachable(f"{address.host} does not resolve within {RESOLVE_SECONDS_MAX:.0f} s") from None
    except OSError as error:
        raise Unreachable(f"{address.host} does not resolve: {error.strerror or error}") from None
    # a zone (fe80::1%eth0) is dropped with its address: link-local ones are not dialled by name
    return [plain(ipaddress.ip_address(entry[4][0])) for entry in found if "%" not in entry[4][0]]
