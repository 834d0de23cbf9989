"""An author that signs two histories, and those who only say so."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.outside.author import Author, now
from tests.outside.conftest import known_to, newcomer
from tests.outside.house import House, eventually
from tests.outside.link import ENTRIES, FORK, GET, RANGE, Closed, Link
from tests.outside.page import Head, cm, entry, print_of
from tests.outside.stranger import Stranger


def rewritten(author: Author, index: int, more: int = 0) -> list[list[bytes]]:
    """The author's entries with another one at an index, and some more after them."""
    others = [
        entry("resource", cm({"title": {"en": f"Another {n}"}}), now(), os.urandom(16))
        for n in range(more + 1)
    ]
    return [*author.items[:index], others[0], *author.items[index + 1 :], *others[1:]]


def three_records(stranger: Stranger) -> Author:
    """The stranger's author, with three records signed."""
    for number in range(3):
        stranger.author.resource(f"Number {number}")
    stranger.sign()
    return stranger.author


async def forks(link: Link, log_head: Head) -> list[Any]:
    """The evidence pushed about the author of a head."""
    return list(
        await link.until(
            lambda: next((p for p in link.pushes if p[0] == FORK and p[2][0][0] == log_head[0]), None)
        )
    )


async def test_two_heads_of_one_size_freeze_a_log_and_are_told_to_others(
    library: House, friend: Stranger
) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await other.newest(author.log)
        await link.reaches(author.log, 3)
        first = author.head
        evidence = author.fork_of_equal_sizes(rewritten(author, 1))
        await link.push(next(head for head in evidence if head != first))
        assert (await forks(other, first))[2] == evidence
        assert await link.newest(author.log) == first
        author.resource("Number 3")
        await link.push(stranger.sign())
        assert (await forks(link, first))[2] == evidence
        assert await link.newest(author.log) == first, "no further head of a frozen log"
    assert library.member(author.org)["forked"]


async def test_two_trees_of_two_sizes_are_an_equivocation_too(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await other.newest(author.log)
        await link.reaches(author.log, 3)
        first = author.head
        items = rewritten(author, 1, more=2)
        evidence = author.fork_of_other_sizes(items, 1)
        author.items = items
        await link.push(stranger.sign())
        told = (await forks(other, first))[2]
        assert told == evidence
        assert await link.newest(author.log) == first
    assert library.member(author.org)["forked"]


async def test_evidence_is_believed_from_anybody(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 3)
    async with friend.meet(library.peer) as other:
        evidence = author.fork_of_other_sizes(rewritten(author, 0, more=1), 0)
        await other.send(FORK, 0, evidence)
        await eventually(lambda: library.member(author.org)["forked"])


async def test_evidence_of_what_nobody_holds_yet_is_checked_as_well(library: House) -> None:
    witness, stranger = known_to(library), known_to(library)
    author = three_records(stranger)
    witness.hold(author)
    async with witness.meet(library.peer) as link:
        await link.reaches(author.log, 3)
        await link.send(FORK, 0, author.fork_of_equal_sizes(rewritten(author, 2)))
        await eventually(lambda: library.member(author.org)["forked"])


def false_evidence(author: Author) -> dict[str, list[Any]]:
    """What looks like an equivocation and is none."""
    equal = author.fork_of_equal_sizes(rewritten(author, 1))
    sizes = author.fork_of_other_sizes(rewritten(author, 1, more=1), 1)
    smaller = author.head_of(author.items[:2])
    left, right = sizes[3], sizes[5]
    return {
        "the same head twice": [author.head, author.head],
        "a renewal": sorted(
            [author.head, author.head_of(author.items, at=now() + 60)], key=lambda head: head[6]
        ),
        "a smaller size of the same tree": [smaller, author.head],
        "larger root first": equal[::-1],
        "a forged signature": [[*equal[0][:7], bytes(64)], equal[1]],
        "the same leaf on both sides": [*sizes[:3], left, sizes[4], left, sizes[4]],
        "a wrong proof": [*sizes[:3], left, [bytes(32)] * len(sizes[4]), right, sizes[6]],
        "another index": [*sizes[:2], 2, *sizes[3:]],
        "the larger first": [sizes[1], sizes[0], 1, right, sizes[6], left, sizes[4]],
    }


async def test_evidence_that_does_not_verify_freezes_nothing(library: House) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 3)
        for evidence in false_evidence(author).values():
            async with newcomer("Slanderer").meet(library.peer) as other:
                await other.send(FORK, 0, evidence)
                await other.newest(author.log)
        assert not library.member(author.org)["forked"]
        author.resource("Number 3")
        await link.push(stranger.sign())
        await link.reaches(author.log, 4)


async def test_slander_costs_the_slanderer(library: House) -> None:
    stranger, slanderer = known_to(library), known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 3)
    forged = [[*head[:7], bytes(64)] for head in author.fork_of_equal_sizes(rewritten(author, 1))]

    async def slander(link: Link) -> None:
        for _ in range(10):
            await link.send(FORK, 0, forged)
            await link.newest(author.log)

    async with slanderer.meet(library.peer) as link:
        with pytest.raises(Closed) as end:
            await slander(link)
        assert end.value.code == 4029


async def test_a_frozen_log_enters_reconciliations_without_its_size(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await link.reaches(author.log, 3)
        await other.send(FORK, 0, author.fork_of_equal_sizes(rewritten(author, 1)))
        await eventually(lambda: library.member(author.org)["forked"])
        frozen = [author.log, author.log, 1, print_of([author.head], frozen=(author.log,))]
        assert (await other.ask(RANGE, [frozen]))[2] == []
        told = (await other.ask(RANGE, [[author.log, author.log, 1, print_of([author.head])]]))[2]
        assert told == [[author.log, author.log, [author.head]]]


async def test_a_higher_epoch_ends_a_frozen_log(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await link.reaches(author.log, 3)
        await other.send(FORK, 0, author.fork_of_equal_sizes(rewritten(author, 1)))
        await eventually(lambda: library.member(author.org)["forked"])
    author.open_epoch(1)
    author.resource("After the fork")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        assert await link.reaches(author.log, 2, epoch=1) == author.head
    assert library.show(author.rec(1))["body"]["title"] == {"en": "After the fork"}


BREAKING = {
    "a map": cm({"v": 1}),
    "version nought": cm([0, "resource"]),
    "not canonical": b"\x91\xcc\x01",
    "too long": cm([1, "x" * 253]),
    "nothing": b"",
}


@pytest.mark.parametrize("header", BREAKING.values(), ids=BREAKING)
async def test_a_header_that_is_none_breaks_its_log_there(library: House, header: bytes) -> None:
    stranger = known_to(library)
    author = three_records(stranger)
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 3)
        good = author.head
        author.items.append([header])
        author.resource("Behind it")
        await link.push(stranger.sign())
        await eventually(lambda: library.member(author.org)["broken"])
        assert await link.newest(author.log) == good
        assert await link.entries(author.log, 0, 3, 9) == []
    author.open_epoch(3)
    author.resource("Mended")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(author.log, 4, epoch=1)
    assert not library.member(author.org)["broken"]


async def test_a_liar_s_broken_header_breaks_nothing(library: House) -> None:
    liar, honest = known_to(library), known_to(library)
    author = three_records(honest)
    liar.hold(author)
    liar.answers[GET] = lambda frame: [ENTRIES, frame[2], frame[3], 0, cm([[b"\xc1"]] * 3)]
    async with liar.meet(library.peer) as link:
        await link.asked(GET, author.log)
        async with honest.meet(library.peer) as other:
            await other.reaches(author.log, 3)
    assert not library.member(author.org)["broken"]
