"""DELIVER to a real daemon: what concerns it waits for a person, all else is refused by number."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tests.outside.author import Author
from tests.outside.conftest import newcomer, org_text
from tests.outside.house import House, eventually
from tests.outside.link import DELIVER, IDENT, REPLY_SECONDS, TAKEN, Err, Link
from tests.outside.page import Frame, cm, domain, inclusion, log_of, uncm

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
DAY_MAX = 8  # from one /24; all of these come from 127.0.0.0/24


@contextmanager
def running(folder: Path) -> Iterator[House]:
    """A node that follows nobody; its day is its own."""
    house = House(folder / "home", "Author").init().start()
    try:
        yield house
    finally:
        assert house.stop() == 0


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A node to which the tests of this page bring less than a day's worth."""
    with running(tmp_path_factory.mktemp("author")) as house:
        yield house


def guide(house: House) -> str:
    """A resource of the house; its id."""
    return str(house.ok("publish", "resource", "--title", f"Guide {os.urandom(3).hex()}")["id"])


async def ref_to(house: House, rec: str) -> list[Any]:
    """How another log cites it: read from outside."""
    index = house.ok("show", rec)["proof"]["index"]
    async with newcomer("Reader").meet(house.peer) as link:
        register = await link.whole(await link.reaches(log_of(house.org), index + 1, every_seconds=0.6))
        return register.ref(index)


def usage(ref: list[Any], **more: Any) -> dict[str, Any]:
    return {"resource": ref, "type": "adapted", "period": "2026", "visibility": "public", **more}


async def sealing_key(link: Link, org: bytes) -> bytes:
    """The key of the current epoch, from the identity."""
    register = await link.identity(org)
    key = uncm(register.genesis)["sealing"]
    assert isinstance(key, bytes)
    return key


def sealed(log: bytes, org: bytes, key: bytes, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A box that one organisation opens."""
    bare = len(cm([kind, body, b""]))
    plain = cm([kind, body, bytes(-bare % 256)])
    info = domain("sealed") + log + org
    return {"box": SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(key), info=info), "suite": 1}


async def bring(link: Link, by: Author, index: int) -> Frame:
    return await link.ask(DELIVER, *by.items[index], index, inclusion(by.leaves(), index), by.head)


async def outcome(link: Link, by: Author, index: int) -> int:
    """The code of ERR; 0 when it is taken."""
    try:
        await bring(link, by, index)
    except Err as refused:
        return refused.code
    return 0


async def refusal(link: Link, by: Author, index: int) -> int:
    with pytest.raises(Err) as refused:
        await bring(link, by, index)
    return refused.value.code


def left(house: House, by: Author) -> list[dict[str, Any]]:
    """What waits there of a stranger."""
    waiting = house.ok("todo")["waiting"]
    return [each for each in waiting if each["stranger"] and each["org"] == org_text(by)]


async def test_an_acknowledgement_by_a_stranger_waits_for_a_person(author: House) -> None:
    rec = guide(author)
    ref = await ref_to(author, rec)
    stranger = newcomer("School")
    stranger.author.add("usage", usage(ref))
    stranger.sign()
    async with stranger.meet(author.peer) as link:
        assert (await bring(link, stranger.author, 0))[0] == TAKEN
        assert (await bring(link, stranger.author, 0))[0] == TAKEN  # the same again
    [todo] = left(author, stranger.author)
    assert (todo["org_name"], todo["target"], todo["about"]) == ("School", rec, "usage")
    assert author.ok("usage", rec)["declared"] == 0
    assert author.member(stranger.author.org) is None


async def test_a_confidence_is_read_by_the_author_alone_and_answered_back(author: House) -> None:
    rec = guide(author)
    ref = await ref_to(author, rec)
    stranger = newcomer("Town")
    async with stranger.meet(author.peer) as link:
        key = await sealing_key(link, author.org)
        body = usage(ref, visibility="author_only", purpose={"en": "Between us"})
        stranger.author.add("sealed", sealed(stranger.author.log, author.org, key, "usage", body))
        stranger.sign()
        assert (await bring(link, stranger.author, 0))[0] == TAKEN
        [todo] = left(author, stranger.author)
        assert (todo["private"], todo["text"]) == (True, {"en": "Between us"})
        answered: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()

        def deliver(frame: Frame) -> list[Any]:
            if not answered.done():
                answered.set_result(frame)
            return [TAKEN]

        stranger.answers[DELIVER] = deliver
        author.ok("answer", todo["id"], "thanks")
        frame = await asyncio.wait_for(answered, REPLY_SECONDS)
    header, _, body_raw = frame[2], frame[3], frame[4]
    assert b"sealed" in header
    assert b"thanks" not in body_raw
    assert left(author, stranger.author) == []


async def test_what_is_no_concern_of_theirs_or_not_proven_is_five(author: House) -> None:
    rec = guide(author)
    ref = await ref_to(author, rec)
    stranger = newcomer("Nobody")
    by = stranger.author
    by.add("usage", usage([os.urandom(32), 0, os.urandom(32)]))
    by.add("invite", {"org": os.urandom(32)})
    by.add("sealed", {"box": os.urandom(304), "suite": 1})
    proven = by.add("usage", usage(ref))
    stranger.sign()
    async with stranger.meet(author.peer) as link:
        for index in range(3):
            assert await refusal(link, by, index) == 5
        path = inclusion(by.leaves(), proven)
        wrong = [
            (*by.items[proven], proven, path[:-1], by.head),
            (*by.items[proven], proven - 1, path, by.head),
            (by.items[proven][0], os.urandom(16), by.items[proven][2], proven, path, by.head),
            (*by.items[proven], proven, path, [*by.head[:7], os.urandom(64)]),
        ]
        for fields in wrong:
            with pytest.raises(Err) as refused:
                await link.ask(DELIVER, *fields)
            assert refused.value.code == 5
            await asyncio.sleep(0.6)
        assert await link.newest(log_of(author.org)), "the link stays"
    assert left(author, by) == []


async def test_it_may_be_brought_by_anybody_who_can_say_who_signed_it(author: House) -> None:
    ref = await ref_to(author, guide(author))
    far, carrier = Author("Far away"), newcomer("Carrier")
    far.add("usage", usage(ref))
    far.sign()
    asked: list[Frame] = []
    carrier.hold(far)
    honest = carrier.answers.get(IDENT, carrier._identity)

    def identity(frame: Frame) -> list[Any] | None:
        asked.append(frame)
        return honest(frame)

    carrier.answers[IDENT] = identity
    async with carrier.meet(author.peer) as link:
        assert (await bring(link, far, 0))[0] == TAKEN
    assert far.org in [frame[2] for frame in asked]
    assert len(left(author, far)) == 1


async def test_a_flood_of_strangers_costs_only_the_strangers(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        await flood(house)


async def flood(author: House) -> None:
    rec = guide(author)
    ref = await ref_to(author, rec)
    answers: list[int] = []
    for number in range(DAY_MAX + 2):
        stranger = newcomer(f"Flood {number}")
        stranger.author.add("usage", usage(ref))
        stranger.sign()
        async with stranger.meet(author.peer) as link:
            answers.append(await outcome(link, stranger.author, 0))
    assert answers == [0] * DAY_MAX + [4, 4]
    assert len(author.ok("todo")["waiting"]) == DAY_MAX
    friend = newcomer("Friend")
    author.accept(org_text(friend.author))
    friend.author.add("usage", usage(ref))
    friend.sign()
    async with friend.meet(author.peer) as link:  # those it listens to are not held up
        assert (await bring(link, friend.author, 0))[0] == TAKEN
        await link.reaches(friend.author.log, 1)
    await eventually(lambda: author.ok("usage", rec)["declared"] == 1)


async def test_more_than_sixteen_kilobytes_of_a_stranger_are_four(author: House) -> None:
    ref = await ref_to(author, guide(author))
    stranger = newcomer("Wordy")
    stranger.author.add("usage", usage(ref, purpose={"en": "x" * 17_000}))
    stranger.sign()
    async with stranger.meet(author.peer) as link:
        assert await refusal(link, stranger.author, 0) == 4


async def test_a_block_holds_on_this_way_in_too(author: House) -> None:
    ref = await ref_to(author, guide(author))
    blocked, carrier = Author("Blocked"), newcomer("Carrier")
    author.ok("peer", "block", org_text(blocked))
    blocked.add("usage", usage(ref))
    blocked.sign()
    carrier.hold(blocked)
    async with carrier.meet(author.peer) as link:
        assert await refusal(link, blocked, 0) == 5


async def test_what_was_taken_is_there_after_a_kill(author: House) -> None:
    ref = await ref_to(author, guide(author))
    stranger = newcomer("Patient")
    stranger.author.add("usage", usage(ref))
    stranger.sign()
    async with stranger.meet(author.peer) as link:
        await bring(link, stranger.author, 0)
        killed(author)
    author.start()
    assert len(left(author, stranger.author)) == 1


def killed(house: House) -> None:
    """Without a word of warning."""
    assert house.process
    house.process.kill()
    house.process.wait()
    assert house.process.stderr
    house.process.stderr.close()


async def test_a_link_of_one_use_opens_the_door_to_a_peer_written_by_hand(author: House) -> None:
    made = author.ok("peer", "invite", "--address", author.peer)
    fields = dict(part.split("=", 1) for part in made["link"].partition("?")[2].split("&"))
    guest, second = newcomer("Guest"), newcomer("Second")
    codes: list[int] = []
    for each in (guest, second):
        async with each.meet(author.peer) as link:
            key = await sealing_key(link, author.org)
            body = {"org": author.org, "token": fields["token"]}
            each.author.add("sealed", sealed(each.author.log, author.org, key, "invite", body))
            each.sign()
            codes.append(await outcome(link, each.author, 0))
    assert codes == [0, 5]
    assert author.member(guest.author.org)["stance"] == "accepted"
    assert author.member(second.author.org) is None
