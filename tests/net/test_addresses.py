"""What an address may look like, and where it may lead."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from mutunode.net.addresses import Address, Unreachable, forbidden, parse, places, plain
from mutunode.net.subnets import Subnets, _network_v4, _network_v6
from mutunode.protocol.channel import host_channel
from mutunode.protocol.errors import Malformed


@pytest.mark.parametrize(
    ("text", "written", "host", "port"),
    [
        ("commune.example:7447", "commune.example:7447", "commune.example", 7447),
        ("Commune.Example.:7447", "commune.example:7447", "commune.example", 7447),
        ("192.0.2.7:1", "192.0.2.7:1", "192.0.2.7", 1),
        ("[2001:DB8::1]:65535", "[2001:db8::1]:65535", "2001:db8::1", 65_535),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7:80", "192.0.2.7", 80),
        ("①⑨②.0.2.7:80", "192.0.2.7:80", "192.0.2.7", 80),
        ("épicerie.example:7447", "xn--picerie-9xa.example:7447", "xn--picerie-9xa.example", 7447),
        ("wss://n.example", "wss://n.example", "n.example", 443),
        ("wss://n.example:443", "wss://n.example", "n.example", 443),
        ("wss://N.example:8443/", "wss://n.example:8443", "n.example", 8443),
        ("atelier_2:7447", "atelier_2:7447", "atelier_2", 7447),
    ],
)
def test_an_address_has_one_written_form(text: str, written: str, host: str, port: int) -> None:
    address = parse(text)
    assert (address.text(), address.host, address.port) == (written, host, port)
    assert parse(written) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "commune.example",
        "commune.example:",
        "commune.example:0",
        "commune.example:65536",
        "commune.example:07447",
        "commune.example:7447/path",
        "user@commune.example:7447",
        "http://commune.example:80",
        "https://commune.example",
        "wss://",
        "wss://192.0.2.7",
        "wss://[2001:db8::1]:443",
        "wss://n.example/path",
        "wss://n.example?x",
        "[fe80::1%eth0]:7447",
        "[::1:7447",
        "2001:db8::1:7447",
        "127.1:80",
        "2130706433:80",
        "0x7f.0.0.1:80",
        "0x7f000001:80",
        "127.0.0.0x1:80",
        "017700000001:80",
        "①②⑦.1:80",
        "-a.example:80",
        "a..example:80",
        "a b:80",
        "a\n.example:80",
        "x" * 254 + ":80",
        "é" * 400 + ":80",
        "\ud800:80",
    ],
)
def test_what_is_not_an_address_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


def test_the_channel_of_a_named_address_is_that_of_name_and_port() -> None:
    assert parse("wss://Épicerie.example.").named_channel() == host_channel("xn--picerie-9xa.example", 443)


PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "::1",
    "fd00::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2001:0:1234:5678:0:0:80ff:fffe",
]
NOBODY = ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "::ffff:0.0.0.0", "64:ff9b::e000:1"]


@pytest.mark.parametrize("text", PRIVATE)
def test_private_ranges_are_not_dialled_on_a_stranger_s_word(text: str) -> None:
    assert "private range" in forbidden(ipaddress.ip_address(text), trusted=False)
    assert not forbidden(ipaddress.ip_address(text), trusted=True)


@pytest.mark.parametrize("text", NOBODY)
def test_what_is_nobody_s_address_is_never_dialled(text: str) -> None:
    assert forbidden(ipaddress.ip_address(text), trusted=True)


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_dialled(text: str) -> None:
    assert not forbidden(ipaddress.ip_address(text), trusted=False)


def resolving(monkeypatch: pytest.MonkeyPatch, *results: str) -> None:
    """Any name resolves to these."""

    async def getaddrinfo(*given: object, **more: object) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (result, 7447)) for result in results]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_a_name_that_resolves_to_this_machine_is_not_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0")
    with pytest.raises(Unreachable, match="private range"):
        await places(parse("rebind.example:7447"), trusted=False)


async def test_of_a_name_s_addresses_only_those_allowed_are_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "10.0.0.1", *(f"1.1.1.{n}" for n in range(1, 9)))
    found = await places(parse("mixed.example:7447"), trusted=False)
    assert [str(place.ip) for place in found] == ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]


async def test_a_name_that_does_not_resolve_says_so() -> None:
    with pytest.raises(Unreachable, match="does not resolve"):
        await places(Address("nothing.invalid", 7447, False), trusted=True)


def test_this_machine_and_its_networks_are_near() -> None:
    subnets = Subnets()
    assert subnets.near(ipaddress.ip_address("::ffff:127.0.0.9"))
    assert subnets.near(ipaddress.ip_address("fe80::9"))
    assert not subnets.near(ipaddress.ip_address("1.1.1.1"))


@pytest.mark.parametrize(
    ("line", "network"),
    [
        ("eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", "192.0.2.0/24"),
        ("eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0", None),
        ("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT", None),
        ("eth0\t0000A8C0\t010200C0\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0", None),
    ],
)
def test_networks_without_a_gateway_are_read_from_the_routes(line: str, network: str | None) -> None:
    found = _network_v4(line.split())
    assert (str(found) if found else None) == network


@pytest.mark.parametrize(
    ("line", "network"),
    [
        (f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001 eth0", "fd00::/64"),
        (f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001 eth0", None),
        (f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 31}1 00000100 00000001 00000000 00000003 eth0", None),
        (f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200 eth0", None),
        (f"{'0' * 31}1 80 {'0' * 32} 00 {'0' * 32} 00000000 00000001 00000000 80200001 lo", None),
    ],
)
def test_networks_of_the_other_family_too(line: str, network: str | None) -> None:
    found = _network_v6(line.split())
    assert (str(found) if found else None) == network


def test_an_address_within_an_address_is_the_same_address() -> None:
    assert plain(ipaddress.ip_address("::ffff:192.0.2.1")) == ipaddress.ip_address("192.0.2.1")
