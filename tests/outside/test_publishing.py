"""What an accepted organisation publishes arrives, is shown where it should be, and goes on byte for byte."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from tests.outside.author import Author, Register, now
from tests.outside.conftest import accepted_by, known_to, newcomer, org_text, vouch
from tests.outside.house import House, eventually
from tests.outside.link import DELIVER, ENTRIES, GET, Closed, Err
from tests.outside.page import Frame, base32, cm, entry, inclusion, log_of
from tests.outside.stranger import Stranger

DAY_SECONDS = 86_400
BODY_BYTES_MAX = 64 * 1024


async def offered(stranger: Stranger, house: House) -> None:
    """The house holds everything the stranger's author signed."""
    async with stranger.meet(house.peer) as link:
        await link.reaches(stranger.author.log, len(stranger.author.items), stranger.author.epoch)


async def read_at(house: House, log: bytes, size: int) -> Register:
    """A log of this size, as somebody nobody knows reads it there."""
    async with newcomer("Reader").meet(house.peer) as link:
        head = await link.reaches(log, size, every_seconds=0.6)  # within a stranger's budget
        register = await link.whole(head)
        register.verify()
        return register


async def test_a_record_of_the_outside_is_shown_and_found(library: House) -> None:
    stranger = accepted_by(library, name="Outside Office")
    word = f"unheard{os.urandom(4).hex()}"
    index = stranger.author.resource(f"A {word} guide")
    stranger.sign()
    await offered(stranger, library)
    shown = library.show(stranger.author.rec(index))
    assert shown["body"]["title"] == {"en": f"A {word} guide"}
    assert shown["org"] == org_text(stranger.author)
    assert shown["org_name"] == "Outside Office"
    proof = shown["proof"]
    assert (proof["log"], proof["index"], proof["epoch"], proof["size"]) == (
        "log_" + base32(stranger.author.log),
        index,
        0,
        1,
    )
    await eventually(lambda: library.ok("search", word)["total"] == 1)


async def test_news_are_pushed_on_to_everybody_else_and_not_back(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    stranger.answers[2] = lambda frame: [3, stranger.store, 1, False, []]  # nothing but pushes
    async with stranger.meet(library.peer) as author, friend.meet(library.peer) as other:
        await author.newest(stranger.author.log)
        await other.newest(stranger.author.log)
        stranger.author.resource("News")
        await author.push(stranger.sign())
        assert await other.pushed(stranger.author.log, 1) == stranger.author.head
        await asyncio.sleep(0.3)
        assert author.pushed_head(stranger.author.log) is None


async def test_a_renewed_head_takes_the_place_of_the_older_one(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    stranger.author.resource("Renewed daily")
    stranger.author.sign(at=now() - 3_600)
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await link.reaches(stranger.author.log, 1)
        older = stranger.author.head
        await link.push(stranger.sign())
        await other.until(lambda: (other.pushed_head(stranger.author.log) or older)[6] > older[6] or None)
        assert await link.newest(stranger.author.log) == stranger.author.head
        await link.push(older)
        await asyncio.sleep(0.3)
        assert await link.newest(stranger.author.log) == stranger.author.head


def odd_register(author: Author) -> list[list[bytes]]:
    """Everything a log may hold that no kind explains; and what each of it travels as."""
    author.resource("An ordinary one")
    author.add("zebra", {"stripes": 7, "of": [b"\0" * 32, True, {"é": "ü"}]})
    author.add("resource", b"\xc0")
    author.add("resource", {"no": "title"})
    author.add("resource", b"")
    author.add("zebra", cm({"deep": [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}))
    author.add("zebra", cm({"wide": list(range(2_000))}))
    author.add("zebra", cm({"large": "x" * BODY_BYTES_MAX}))
    author.resource("In an hour", at=now() + 3_600)
    author.add("withdrawal", {"target": [bytes(32), 0, bytes(32)], "reason": "error", "erase": False})
    as_they_travel = list(author.items)
    without_record = [
        cm([2, "future", now(), os.urandom(32), 3]),
        cm([1, "Not A Kind", now(), os.urandom(32), 3]),
        cm([1]),
        cm([2**53 - 1, {"quite": "another"}, True]),
        cm([1, "zebra", now(), os.urandom(32), 3, "more"]),
        cm([1, "zebra", now(), os.urandom(31), 3]),
        author.items[0][0],
    ]
    salted = [[header, os.urandom(16), b"\x80"] for header in without_record[:3]]
    author.items += salted + [[header] for header in without_record[3:]]
    return as_they_travel + [[header] for header in without_record]


async def test_what_no_kind_explains_goes_on_byte_for_byte(library: House, branch: House) -> None:
    stranger = known_to(library)
    travelling = odd_register(stranger.author)
    stranger.sign()
    await offered(stranger, library)
    near = await read_at(library, stranger.author.log, len(travelling))
    far = await read_at(branch, stranger.author.log, len(travelling))
    assert near.items == far.items == travelling
    assert near.head == far.head == stranger.author.head
    assert library.command("log", "verify").code == 0


async def test_what_no_kind_explains_is_shown_as_such(library: House) -> None:
    stranger = known_to(library)
    author = stranger.author
    zebra = author.add("zebra", {"stripes": 7})
    titleless = author.add("resource", {"no": "title"})
    author.items.append([cm([2, "future", now(), os.urandom(32), 3])])
    author.resource("Another")
    stranger.sign()
    await offered(stranger, library)
    assert library.show(author.rec(zebra))["kind"] == "zebra"
    for index in (zebra, titleless):
        assert library.show(author.rec(index))["state"] == "opaque"
    leaf_without_record = "rec_" + base32(author.rec(2))
    assert library.command("show", leaf_without_record).code == 3


async def test_a_record_of_the_day_after_tomorrow_waits_for_its_time(library: House) -> None:
    stranger = known_to(library)
    word = f"early{os.urandom(4).hex()}"
    title = {"title": {"en": f"An {word} one"}}
    early = stranger.author.add("resource", title, at=now() + 2 * DAY_SECONDS)
    soon = stranger.author.add("resource", title, at=now() + DAY_SECONDS // 2)
    stranger.sign()
    await offered(stranger, library)
    assert (await read_at(library, stranger.author.log, 2)).items == stranger.author.items
    found = await eventually(lambda: library.ok("search", word)["hits"])
    assert [hit["id"] for hit in found] == ["rec_" + base32(stranger.author.rec(soon))]
    assert library.command("show", "rec_" + base32(stranger.author.rec(early))).code == 3


async def test_a_large_log_goes_through_in_many_answers(library: House) -> None:
    stranger = known_to(library)
    for number in range(40):
        stranger.author.add("zebra", {"number": number, "noise": os.urandom(60_000)})
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(stranger.author.log, 40)
        assert len([question for question in link.questions if question[0] == GET]) >= 3
        some = await link.entries(stranger.author.log, 0, 0, 40)
        assert 1 <= len(some) < 40
        register = await link.whole(stranger.author.head)
        register.verify()
        assert register.items == stranger.author.items


async def test_nobody_listens_to_a_stranger(library: House, friend: Stranger) -> None:
    stranger = newcomer()
    stranger.author.resource("Unwanted")
    stranger.sign()
    async with stranger.meet(library.peer) as link, friend.meet(library.peer) as other:
        await link.push(stranger.author.head)
        await asyncio.sleep(0.5)
        assert await link.newest(stranger.author.log) is None
        assert await other.newest(stranger.author.log) is None
        assert not [asked for asked in link.questions if asked[0] == GET and asked[2] == stranger.author.log]
        assert library.command("show", "rec_" + base32(stranger.author.rec(0))).code == 3
        library.accept(org_text(stranger.author))  # and from now on it does, without a new link
        await link.reaches(stranger.author.log, 1)


async def test_whoever_is_blocked_is_refused_on_every_way_in(library: House, friend: Stranger) -> None:
    stranger = known_to(library)
    stranger.author.resource("Before")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(stranger.author.log, 1)
        library.ok("peer", "block", org_text(stranger.author))
        with pytest.raises((Closed, ConnectionError)):
            await link.until(lambda: None)
    async with stranger.dial(library.peer) as link:
        await link.shake()
        assert await link.ended() == ([5], 4003)
    stranger.author.resource("After")
    stranger.sign()
    friend.hold(stranger.author)
    async with friend.meet(library.peer) as link:
        await link.push(stranger.author.head)
        await asyncio.sleep(0.4)
        assert (await link.newest(stranger.author.log) or stranger.author.head)[4] == 1
    del friend.shelf[stranger.author.log]
    friend.changes = [log for log in friend.changes if log in friend.shelf]


async def test_vouching_reaches_two_steps_and_only_when_listed(library: House) -> None:
    first = accepted_by(library)
    second, third, fourth, unlisted = (Author(name) for name in ("Second", "Third", "Fourth", "Unlisted"))
    for author in (second, third, fourth, unlisted):
        author.resource(f"By {author.name}")
    vouch(first.author, second.org)
    vouch(first.author, unlisted.org, listed=False)
    vouch(second, third.org)
    vouch(third, fourth.org)
    for author in (second, third, fourth, unlisted):
        author.sign()
    first.hold(second, third, fourth, unlisted)
    first.sign()
    async with first.meet(library.peer) as link:
        for author in (second, third):
            await link.reaches(author.log, len(author.items))
        await link.push(fourth.head, unlisted.head)
        await asyncio.sleep(0.5)
        assert await link.newest(fourth.log) is None
        assert await link.newest(unlisted.log) is None


async def test_a_body_that_was_withheld_is_fetched_from_somebody_else(library: House) -> None:
    miser, giver = known_to(library), known_to(library)
    index = miser.author.resource("Withheld")
    miser.sign()
    miser.answers[GET] = lambda frame: [ENTRIES, frame[2], frame[3], 0, cm([[miser.author.items[0][0]]])]
    async with miser.meet(library.peer) as link:
        await link.reaches(miser.author.log, 1)
        assert library.show(miser.author.rec(index))["state"] == "missing"
    giver.hold(miser.author)
    async with giver.meet(library.peer) as link:
        await link.asked(GET, miser.author.log)
        await eventually(lambda: library.show(miser.author.rec(index))["state"] != "missing")
    assert library.show(miser.author.rec(index))["body"]["title"] == {"en": "Withheld"}


Lie = Any


def other_body(author: Author, items: list[list[bytes]]) -> list[list[bytes]]:
    """The right headers, another body under one of them."""
    return [*items[:-1], [items[-1][0], items[-1][1], cm({"title": {"en": "Forged"}})]]


def other_header(author: Author, items: list[list[bytes]]) -> list[list[bytes]]:
    """A record that its author did not sign."""
    return [*items[:-1], entry("resource", cm({"title": {"en": "Forged"}}), now(), bytes(16))]


def fewer(author: Author, items: list[list[bytes]]) -> list[list[bytes]]:
    """Nothing."""
    return []


@pytest.mark.parametrize("lie", [other_body, other_header, fewer])
async def test_entries_that_do_not_fit_the_head_are_asked_from_another(library: House, lie: Lie) -> None:
    author, liar, honest = Author("Author"), known_to(library), known_to(library)
    library.accept(org_text(author))
    author.resource("First")
    author.resource("Second")
    author.sign()

    def entries(frame: Frame) -> list[Any]:
        items = lie(author, author.items)[frame[3] : frame[4]]
        return [ENTRIES, frame[2], frame[3], 0, cm([item if frame[6] else item[:1] for item in items])]

    liar.hold(author)
    liar.answers[GET] = entries
    honest.hold(author)
    async with liar.meet(library.peer) as link:
        await link.asked(GET, author.log)
        await asyncio.sleep(0.3)
        for item in lie(author, author.items):
            shown = library.command("--json", "show", "rec_" + base32(rec_id(author, item)))
            assert "Forged" not in shown.out
        async with honest.meet(library.peer) as other:
            await other.reaches(author.log, 2)
            await eventually(lambda: library.show(author.rec(1))["body"].get("title") == {"en": "Second"})
    assert not library.member(author.org)["forked"]


def rec_id(author: Author, item: list[bytes]) -> bytes:
    """The id that a header would give in an author's log."""
    mirror = Register(author.org)
    mirror.items = [item]
    return mirror.rec(0)


@pytest.mark.parametrize(
    "part", [2, 3, 4, 5, 6, 7], ids=["epoch", "base", "size", "root", "time", "signature"]
)
async def test_a_head_that_does_not_verify_is_not_taken(library: House, part: int) -> None:
    stranger = known_to(library)
    stranger.author.resource("Right")
    stranger.sign()
    async with stranger.meet(library.peer) as link:
        await link.reaches(stranger.author.log, 1)
        right = list(stranger.author.head)
        wrong = list(right)
        wrong[part] = bytes(len(right[part])) if isinstance(right[part], bytes) else right[part] + 1
        await link.push(wrong)
        await asyncio.sleep(0.3)
        assert await link.newest(stranger.author.log) == right
        stranger.author.resource("Right again")
        await link.push(stranger.sign())
        await link.reaches(stranger.author.log, 2)


async def test_who_used_what_comes_back_to_the_author(library: House) -> None:
    stranger = accepted_by(library, name="User")
    rec = library.ok("publish", "resource", "--title", "Used elsewhere", "--ack", '{"policy":"welcome"}')[
        "id"
    ]
    async with stranger.meet(library.peer) as link:
        shown = library.ok("show", rec)
        head = await link.newest(log_of(library.org))
        assert head
        register = await link.whole(head)
        ref = register.ref(shown["proof"]["index"])
        fields = {"resource": ref, "type": "used", "period": "2026", "visibility": "public", "can_help": True}
        stranger.author.add("usage", fields)
        await link.push(stranger.sign())
        await link.reaches(stranger.author.log, 1)
    await eventually(lambda: library.ok("usage", rec)["declared"] == 1)
    (row,) = library.ok("usage", rec)["organisations"]
    assert (row["org"], row["org_name"], row["type"], row["can_help"]) == (
        org_text(stranger.author),
        "User",
        "used",
        True,
    )


async def test_a_delivery_that_concerns_somebody_else_is_refused_and_the_link_stays(
    library: House, friend: Stranger
) -> None:
    """It cites nothing of theirs, is not sealed for them and invites nobody: ERR 5."""
    author = friend.author
    index = author.resource("Delivered")
    friend.sign()
    proof = inclusion(author.leaves(), index)
    async with friend.meet(library.peer) as link:
        with pytest.raises(Err) as refusal:
            await link.ask(DELIVER, *author.items[index], index, proof, author.head)
        assert refusal.value.code == 5
        assert await link.newest(log_of(library.org))
