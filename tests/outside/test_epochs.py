"""A new operating key: who may open an epoch, what it keeps, and who wins when two claim the same place."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.outside.author import Author
from tests.outside.conftest import arrival, known_to, newcomer, org_text
from tests.outside.house import PATIENCE_SECONDS, House, eventually
from tests.outside.link import IDENT, IDENTITY, Err
from tests.outside.page import base32, domain, sha256
from tests.outside.stranger import Stranger


async def published(stranger: Stranger, house: House, records: int = 3) -> Author:
    """The stranger's author, with some records that the house holds."""
    for number in range(records):
        stranger.author.resource(f"Number {number}")
    stranger.sign()
    async with stranger.meet(house.peer) as link:
        await link.reaches(stranger.author.log, records)
    return stranger.author


@pytest.mark.parametrize("base", [0, 2, 3])
async def test_an_epoch_is_followed_by_everybody(library: House, branch: House, base: int) -> None:
    stranger = known_to(library)
    author = await published(stranger, library)
    dropped = [author.rec(index) for index in range(base, 3)]
    author.open_epoch(base)
    for number in range(3 - base + 1):
        author.resource(f"Instead of {number}")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        assert await link.reaches(author.log, 4, epoch=1) == author.head
        assert (await link.ask(IDENT, author.org, 1))[2:5] == [author.genesis, author.ops, []]
        assert (await link.ask(IDENT, author.org, 2))[2:5] == [author.genesis, [], []]
    for house in (library, branch):
        async with newcomer().meet(house.peer) as reader:
            head = await reader.reaches(author.log, 4, epoch=1, every_seconds=0.6)
            register = await reader.whole(head)
            register.verify()
            assert register.items == author.items
    for rec in dropped:
        shown = library.command("--json", "show", "rec_" + base32(rec))
        assert shown.code == 3 or shown.json["state"] == "retracted"


async def test_the_old_key_signs_nothing_more(library: House) -> None:
    stranger = known_to(library)
    author = await published(stranger, library)
    old, old_head = author.operating, author.head
    author.open_epoch(3)
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 3, epoch=1)
        author.operating, ops, author.ops, author.base = old, author.ops, [], 0
        author.resource("By the old key")
        await link.push(author.sign())
        await asyncio.sleep(0.3)
        assert (await link.newest(author.log) or old_head)[2] == 1
    async with stranger.meet(library.peer) as link:  # the old key, and a chain that names it
        assert (await link.ended())[1] == 4003
    author.ops = ops
    assert not library.member(author.org)["forked"]


async def test_an_op_no_root_signed_opens_nothing(library: House) -> None:
    stranger = known_to(library)
    author = await published(stranger, library)
    author.open_epoch(3)
    author.ops[0][1] = Ed25519PrivateKey.generate().sign(domain("identity") + author.ops[0][0])
    async with stranger.meet(library.peer) as link:
        assert await link.ended() == ([6], 4003)


@pytest.mark.parametrize(
    "other",
    [
        {"epoch": 2},
        {"prev": bytes(32)},
        {"org": bytes(32)},
        {"v": 2},
        {"more": 1},
        {"reason": "x" * 256},
        {"roots": []},
        {"sealing": bytes(32)},
        {"base": [1]},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_an_op_that_breaks_a_rule_opens_nothing(library: House, other: dict[str, Any]) -> None:
    stranger = known_to(library)
    author = stranger.author
    operating = Ed25519PrivateKey.generate()
    author.ops.append(author.op(0, operating=operating, **other))
    author.operating = operating
    async with stranger.meet(library.peer) as link:
        assert (await link.ended())[1] in (1002, 4003)


@pytest.mark.parametrize("twice", ["root twice", "root is the operating key"])
async def test_an_op_whose_keys_are_not_different_opens_nothing(library: House, twice: str) -> None:
    stranger = known_to(library)
    author = stranger.author
    operating = Ed25519PrivateKey.generate()
    root = author.roots[0].public_key().public_bytes_raw()
    roots = [root, root] if twice == "root twice" else [root, operating.public_key().public_bytes_raw()]
    author.ops.append(author.op(0, operating=operating, roots=roots))
    author.operating = operating
    async with stranger.meet(library.peer) as link:
        assert (await link.ended())[1] in (1002, 4003)


async def test_a_base_that_is_not_the_op_s_is_not_valid(library: House) -> None:
    stranger = known_to(library)
    author = await published(stranger, library)
    author.open_epoch(2)
    author.base = 1
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await asyncio.sleep(0.3)
        assert (await link.newest(author.log) or [])[2] == 0
        author.base = 2
        await link.push(stranger.sign())
        await link.reaches(author.log, 2, epoch=1)


async def test_leaves_that_do_not_give_the_op_s_root_break_the_epoch(library: House) -> None:
    stranger = known_to(library)
    author = await published(stranger, library)
    before = author.head
    operating = Ed25519PrivateKey.generate()
    author.ops.append(author.op(2, operating=operating, base=[2, sha256(b"another tree")]))
    author.operating, author.base = operating, 2
    del author.items[2:]
    author.resource("In an epoch that cannot be")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await eventually(lambda: library.member(author.org)["broken"])
        assert await link.newest(author.log) == before
        assert len(await link.entries(author.log, 0, 0, 9)) == 3
    author.open_epoch(2)
    author.resource("Mended")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        assert await link.reaches(author.log, 3, epoch=2) == author.head
    assert not library.member(author.org)["broken"]


async def rivalling(stranger: Stranger, house: House, *, first: int, second: int) -> tuple[Any, Any]:
    """Two ops with one predecessor, shown to a house one after the other by the organisation itself."""
    author = stranger.author
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    ops = [
        author.op(0, by=by, operating=key, reason=f"by {by}")
        for by, key in zip((first, second), keys, strict=True)
    ]
    for op, key in zip(ops, keys, strict=True):
        author.ops, author.operating = [op], key
        stranger.author.signers[op[0]] = key
        author.sign()
        async with stranger.meet(house.peer) as link:
            await link.identity(house.org)
            await shown_by(house, author.org, op)
    return ops[0], ops[1]


async def shown_by(house: House, org: bytes, op: Any) -> None:
    """Wait until a house serves an op, in the chain or as a rival."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(Err):  # it does not know the organisation yet
                if op in itertools.chain(*await chain_at(house, org)):
                    return
            await asyncio.sleep(0.1)


async def chain_at(house: House, org: bytes) -> tuple[list[Any], list[Any]]:
    """The ops and the rivals that a house serves of an organisation."""
    async with newcomer().meet(house.peer) as reader:
        frame = await reader.ask(IDENT, org, 1)
        assert frame[0] == IDENTITY
        return frame[3], frame[4]


async def test_of_two_rivals_the_earlier_root_wins(library: House) -> None:
    stranger = Stranger(Author("Two roots", roots=2))
    library.accept(org_text(stranger.author))
    low, high = await rivalling(stranger, library, first=1, second=0)
    assert await chain_at(library, stranger.author.org) == ([high], [low])
    author = stranger.author
    author.resource("Under the earlier root")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 1, epoch=1)


async def test_a_rival_of_a_later_root_only_shows(library: House) -> None:
    stranger = Stranger(Author("Two roots", roots=2))
    library.accept(org_text(stranger.author))
    high, low = await rivalling(stranger, library, first=0, second=1)
    assert await chain_at(library, stranger.author.org) == ([high], [low])


async def test_rivals_of_one_root_leave_an_organisation_disputed(library: House) -> None:
    stranger = Stranger(Author("One root"))
    library.accept(org_text(stranger.author))
    first, second = await rivalling(stranger, library, first=0, second=0)
    assert await chain_at(library, stranger.author.org) == ([first], [second])
    assert library.member(stranger.author.org)["disputed"]
    author = stranger.author
    author.resource("Of one side")
    stranger.sign()
    async with stranger.meet(library.peer) as link:  # either key may still show its chain
        await link.push(author.head)
        assert (await link.identity(library.org)).genesis
        await asyncio.sleep(0.3)
    async with newcomer().meet(library.peer) as reader:
        head = await reader.newest(author.log)
        assert head is None or head[4] == 0


@pytest.mark.parametrize("more", [0, 1, 2], ids=["smaller", "as large", "larger"])
async def test_what_the_branch_that_loses_published_gives_way_to_the_one_that_wins(
    library: House, branch: House, more: int
) -> None:
    stranger = Stranger(Author("Two roots and records", roots=2))
    author = stranger.author
    for house in (library, branch):
        house.accept(org_text(author))
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    low, high = (author.op(0, by=by, operating=key) for by, key in zip((1, 0), keys, strict=True))
    author.ops, author.operating = [low], keys[0]
    for number in range(2):
        author.resource(f"By the low root {number}")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 2, epoch=1)
    lost = author.rec(0)
    author.items.clear()
    author.ops, author.operating = [high], keys[1]
    for number in range(more + 1):
        author.resource(f"By the high root {number}")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        head = await link.reaches(author.log, more + 1, epoch=1)
        assert head == author.head
    await arrival(author, branch)
    for house in (library, branch):
        assert not house.member(author.org)["forked"]
        assert not house.member(author.org)["disputed"]
    shown = library.command("--json", "show", "rec_" + base32(lost))
    assert shown.code == 3 or shown.json["state"] == "retracted"


@pytest.mark.parametrize("first", [True, False], ids=["the first held", "the other"])
async def test_a_person_settles_a_dispute_and_the_branch_is_followed(library: House, first: bool) -> None:
    stranger = Stranger(Author("Disputed"))
    author = stranger.author
    library.accept(org_text(author))
    ops = await rivalling(stranger, library, first=0, second=0)
    shown = library.ok("peer", "show", org_text(author))
    assert shown["to_decide"]
    assert [len(shown[each]) for each in ("epochs", "rivals")] == [1, 1]
    assert shown["rivals"][0]["standing"] == "tied"
    words = [shown[each][0]["check_words"]["fr"] for each in ("epochs", "rivals")]
    assert words[0] != words[1]
    wrong = library.command("--json", "peer", "follow", org_text(author), "key_aaaaaaaaaa")
    assert wrong.code == 3
    key = shown["epochs" if first else "rivals"][0]["operating"]
    answer = library.ok("peer", "follow", org_text(author), key[:14])
    assert (answer["operating"], answer["changed"]) == (key, not first)
    assert not library.member(author.org)["disputed"]
    author.ops = [ops[0] if first else ops[1]]
    author.operating = author.signers[author.ops[0][0]]
    author.resource("Of the branch that a person chose")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        assert await link.reaches(author.log, 1, epoch=1) == author.head
    again = library.command("--json", "peer", "follow", org_text(author), key)
    assert again.code == 0, "and it may be said twice"


async def test_a_newcomer_shown_a_rival_of_an_earlier_root_asks_its_people(library: House) -> None:
    stranger = Stranger(Author("Older than this house", roots=2))
    author = stranger.author
    library.accept(org_text(author))
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    low, high = (author.op(0, by=by, operating=key) for by, key in zip((1, 0), keys, strict=True))
    author.ops, author.operating = [low], keys[0]
    author.resource("By the low root, long ago")
    stranger.sign()
    stranger.answers[IDENT] = lambda frame: [IDENTITY, author.genesis, [low], [high], []]
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 1, epoch=1)  # nobody disputes what is followed: it goes on

    def asked() -> list[str]:
        waiting = library.ok("todo")["waiting"]
        return [each["type"] for each in waiting if each["org"] == org_text(author)]

    assert asked() == ["asked"]
    shown = library.ok("peer", "show", org_text(author))
    assert (shown["to_decide"], shown["organisation"]["disputed"]) == (True, False)
    assert shown["rivals"][0]["standing"] == "asked"
    assert library.ok("peer", "follow", org_text(author), shown["rivals"][0]["operating"])["changed"]
    assert asked() == []
    author.items.clear()
    author.ops, author.operating = [high], keys[1]
    author.resource("After a person has said so")
    head = stranger.sign()
    async with stranger.meet(library.peer) as link:
        assert await link.reaches(author.log, len(author.items), epoch=1) == head
