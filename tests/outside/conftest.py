"""Daemons that many tests share, and the strangers they know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.outside.author import Author
from tests.outside.house import House
from tests.outside.page import base32
from tests.outside.stranger import Stranger

CROWD = 40  # more than two rows of heads in a reconciliation
SHEETS = 40
INTRODUCED = 96  # as many as tests ask for; a voucher may bring a hundred


def org_text(author: Author) -> str:
    """An organisation's id, as commands take it."""
    return "org_" + base32(author.org)


def newcomer(name: str = "Newcomer", features: tuple[str, ...] = ("zstd",)) -> Stranger:
    """A stranger nobody has heard of."""
    return Stranger(Author(name), features=features)


def vouch(author: Author, org: bytes, *, listed: bool = True) -> int:
    """A record that says we know an organisation."""
    return author.add("vouch", {"org": org, "endpoints": [], "listed": listed})


async def bring(stranger: Stranger, house: House) -> None:
    """Connect until the house holds everything on the stranger's shelf."""
    async with stranger.meet(house.peer) as link:
        for register in stranger.shelf.values():
            await link.reaches(register.log, register.head[4], register.head[2])


async def arrival(author: Author, house: House) -> None:
    """What an author published has come to a house by itself."""
    async with newcomer().meet(house.peer) as link:
        await link.reaches(author.log, len(author.items), author.epoch, every_seconds=0.6)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A node that published a profile, a catalogue of forty and a guide."""
    house = House(tmp_path_factory.mktemp("library") / "home", "Library").init().start()
    lines = "".join(
        json.dumps({"title": f"Sheet {number}", "external_ref": f"sheet-{number}"}) + "\n"
        for number in range(SHEETS)
    )
    try:
        house.ok("publish", "profile", "--manifest", "-", stdin=json.dumps(PROFILE))
        house.ok("import", "-", "--format", "jsonl", stdin=lines)
        house.ok("publish", "resource", "--title", "A guide", "--license", "CC-BY-4.0")
        patron = accepted_by(house, name="Patron")
        house.introduced = [newcomer(f"Introduced {number}") for number in range(INTRODUCED)]
        for stranger in house.introduced:
            vouch(patron.author, stranger.author.org)
        patron.sign()
        asyncio.run(bring(patron, house))
        house.patron = patron.author
        yield house
    finally:
        assert house.stop() == 0


@pytest.fixture(scope="session")
def branch(library: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A second node; it and the library accepted each other, are connected, and listen to the same patron."""
    house = House(tmp_path_factory.mktemp("branch") / "home", "Branch").init().start()
    try:
        library.accept(house.org_text)
        house.accept(org_text(library.patron))
        house.accept(library.org_text, "--address", library.peer)
        asyncio.run(arrival(library.patron, house))
        yield house
    finally:
        assert house.stop() == 0


def accepted_by(*houses: House, name: str = "Accepted") -> Stranger:
    """A stranger that these houses accepted by command."""
    stranger = newcomer(name)
    for house in houses:
        house.accept(org_text(stranger.author))
    return stranger


def known_to(house: House) -> Stranger:
    """Another stranger that a house listens to without having been asked: somebody vouches for it."""
    return house.introduced.pop()


@pytest.fixture(scope="session")
def friend(library: House) -> Stranger:
    """An organisation of the outside that the library accepted."""
    friend = accepted_by(library, name="Friend")
    asyncio.run(bring(friend, library))
    return friend


@pytest.fixture(scope="session")
def crowd(library: House) -> Stranger:
    """A friend who brought forty organisations along by vouching for them."""
    voucher = newcomer("Voucher")
    for number in range(CROWD):
        author = Author(f"Member {number}")
        author.resource(f"What member {number} shares")
        author.sign()
        vouch(voucher.author, author.org)
        voucher.hold(author)
    voucher.sign()
    library.accept(org_text(voucher.author))
    asyncio.run(bring(voucher, library))
    return voucher


PROFILE = {
    "name": {"en": "Library"},
    "languages": ["en"],
    "posture": {
        "shares_aval": "open",
        "wants_usage": "welcome",
        "joins_means": False,
        "joins_risk": False,
        "prior_works": "open",
        "statement": {"en": "What we have, others may use."},
    },
}
