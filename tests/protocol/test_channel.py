"""What AUTH signs: role, both HELLOs, and the channel under them."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.protocol import channel, crypto, messages
from mutunode.protocol.channel import auth_signed, certificate_channel, host_channel, host_name
from mutunode.protocol.errors import Malformed
from tests.vectors import mutunode

AUTH = mutunode("auth")
HELLOS = (bytes.fromhex(AUTH["client_hello"]), bytes.fromhex(AUTH["server_hello"]))


@pytest.mark.parametrize(
    "case", AUTH["cases"], ids=lambda case: f"{case['channel_of'][:30]}, role {case['role']}"
)
def test_published_signatures(case: dict[str, Any]) -> None:
    role = bytes([case["role"]])
    assert role in (channel.CLIENT, channel.SERVER)
    signed = auth_signed(role, *HELLOS, bytes.fromhex(case["channel"]))
    assert signed.hex() == case["signed"]
    hello, auth = messages.decode(HELLOS[case["role"]]), messages.decode(bytes.fromhex(case["auth_frame"]))
    assert isinstance(hello, messages.Hello)
    assert isinstance(auth, messages.Auth)
    assert crypto.verify(hello.operating, auth.signature, signed)


def test_published_channels() -> None:
    published = {case["channel_of"]: case["channel"] for case in AUTH["cases"]}
    by_certificate, by_host, by_foreign_host = published.values()
    assert certificate_channel(b"a certificate's DER").hex() == by_certificate
    assert host_channel("node.example").hex() == by_host
    assert host_channel("Bücher.example.", 8443).hex() == by_foreign_host


def test_no_part_of_what_is_signed_can_be_exchanged() -> None:
    parts = (channel.CLIENT, *HELLOS, bytes(32))
    others = {
        auth_signed(*parts),
        auth_signed(channel.SERVER, *parts[1:]),
        auth_signed(channel.CLIENT, HELLOS[1], HELLOS[0], bytes(32)),
        auth_signed(channel.CLIENT, HELLOS[0] + b"\0", HELLOS[1], bytes(32)),
        auth_signed(*parts[:3], b"\1" * 32),
    }
    assert len(others) == 5


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Node.Example", "node.example"),
        ("node.example.", "node.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("épicerie。example", "xn--picerie-9xa.example"),
    ],
)
def test_a_host_has_one_name(given: str, name: str) -> None:
    assert host_name(given) == name


@pytest.mark.parametrize("given", ["", ".", "é..example", "-é.example", "a" * 254, "é" * 80])
def test_what_is_no_host_name_is_named(given: str) -> None:
    with pytest.raises(Malformed, match="host name"):
        host_name(given)
