"""The key was stolen, and the thief goes on signing with it: after the new epoch nobody takes any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.outside.author import Author, now
from tests.outside.conftest import accepted_by, newcomer, org_text
from tests.outside.house import House, eventually
from tests.outside.link import Link
from tests.outside.page import Head, log_of
from tests.outside.stranger import Stranger

RECORDS = 3
DAY = 86_400


@pytest.fixture(scope="module")
def owner(library: House, branch: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The one that is robbed: a node that both others listen to, with some records that they hold."""
    house = House(tmp_path_factory.mktemp("owner") / "home", "Owner").init().start()
    try:
        for number in range(RECORDS):
            house.ok("publish", "resource", "--title", f"Owned {number}")
        for other in (library, branch):
            other.accept(house.org_text, "--address", house.peer)
            house.accept(other.org_text, "--address", other.peer)
        yield house
    finally:
        assert house.stop() == 0


def stolen_key(house: House) -> Ed25519PrivateKey:
    """What a stolen disk gives away where no passphrase guards it: the last of that name in the file."""
    raw = (house.home / "identity").read_bytes()
    return Ed25519PrivateKey.from_private_bytes(raw.rsplit(b"\xa9operating\xc4\x20", 1)[1][:32])


async def thief_of(house: House, holder: House) -> Author:
    """Somebody with the owner's key, chain and register."""
    async with newcomer().meet(holder.peer) as link:
        head = await link.newest(log_of(house.org))
        assert head is not None
        register = await link.whole(head)
    thief = Author("Thief")
    thief.org, thief.genesis, thief.log = register.org, register.genesis, register.log
    thief.ops, thief.items, thief.head = register.ops, register.items, register.head
    thief.operating, thief.base = stolen_key(house), 0
    return thief


async def public_head(link: Link, log: bytes) -> Head:
    """What the other side holds of the owner's register."""
    head = await link.newest(log)
    assert head is not None
    return head


async def test_what_a_thief_signs_after_the_new_epoch_is_refused_everywhere_even_backdated(
    owner: House, library: House, branch: House, tmp_path: Path
) -> None:
    houses, log = (owner, library, branch), log_of(owner.org)
    async with newcomer().meet(library.peer) as one, newcomer().meet(branch.peer) as other:
        for link in (one, other):
            await link.reaches(log, RECORDS, every_seconds=0.6)
    thief = await thief_of(owner, library)

    phrase = str(owner.home.with_suffix(".phrase"))
    opened = owner.ok("key", "rotate", "--phrase-file", phrase, "--reason", "The disk was stolen")
    assert opened["base"] == RECORDS
    owner.ok("publish", "resource", "--title", "Under the new key")
    for house in houses:
        async with newcomer().meet(house.peer) as link:
            await link.reaches(log, RECORDS + 1, epoch=1, every_seconds=0.6)

    # The thief in person: with the old key there is no way in any more.
    for house in (library, branch):
        async with Stranger(thief).meet(house.peer) as link:
            assert (await link.ended())[1] == 4003

    # Through somebody who is listened to, with dates of before and after, smaller, larger and much larger.
    accomplice = accepted_by(library, branch, name="Accomplice")
    accomplice.hold(thief)
    thief.resource("By the thief")
    for more, at in ((0, now()), (0, now() - 30 * DAY), (9, now() - DAY), (0, now() + 3_600)):
        for number in range(more):
            thief.resource(f"More by the thief {number}")
        thief.sign(at=at)
        for house in (library, branch):
            async with accomplice.meet(house.peer) as link:
                await link.push(thief.head)
                await asyncio.sleep(0.3)
                assert (await public_head(link, log))[2:5:2] == [1, RECORDS + 1]
    for house in (library, branch):
        assert not house.member(owner.org)["forked"]
        found_there = house.ok("search", "thief")
        assert all(hit["title"] != "By the thief" for hit in found_there["hits"])

    # Who hears of the owner through the accomplice alone follows the owner as soon as anybody else is met.
    fresh = House(tmp_path / "fresh", "Fresh").init().start()
    try:
        fresh.accept(owner.org_text)
        fresh.accept(org_text(accomplice.author))
        async with accomplice.meet(fresh.peer) as link:
            await link.push(thief.head)
            await link.reaches(log, len(thief.items), every_seconds=0.3)
        fresh.accept(library.org_text, "--address", library.peer)
        await eventually(lambda: fresh.ok("log", "show", owner.org_text)["size"] == RECORDS + 1, 0.6)
        assert not fresh.member(owner.org)["forked"]
        async with accomplice.meet(fresh.peer) as link:
            await link.push(thief.sign(at=now() + 60))
            await asyncio.sleep(0.3)
            assert (await public_head(link, log))[2:5:2] == [1, RECORDS + 1]
    finally:
        assert fresh.stop() == 0
