"""What is said in public of where another organisation is reached."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mutunode.service.peers import is_local
from tests.service.offices import Node

Make = Callable[..., Node]


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("192.168.1.20:7447", True),
        ("10.1.2.3:7447#org_abc", True),
        ("127.0.0.1:7447", True),
        ("[fe80::1]:7447", True),
        ("[fd00::7]:7447", True),
        ("bureau:7447", True),
        ("bureau.local:7447", True),
        ("wss://bureau.lan", True),
        ("[2a01:e0a::1]:7447", False),
        ("93.184.216.34:7447", False),
        ("voisine.example.org:7447", False),
        ("wss://voisine.example.org", False),
    ],
)
def test_an_address_that_leads_nowhere_from_elsewhere(address: str, local: bool) -> None:
    assert is_local(address) == local


@pytest.mark.parametrize(
    ("address", "told"),
    [("192.168.1.20:7447", []), ("voisine.example.org:7447", ["voisine.example.org:7447"])],
)
def test_vouching_tells_only_an_address_that_leads_somewhere(
    make: Make, address: str, told: list[str]
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.meets(atelier)
    jardin.office.accept(atelier.org, address, vouch=True)
    (vouch,) = [each for each in jardin.all_records() if each.kind == "vouch"]
    assert vouch.fields().get("endpoints", []) == told
