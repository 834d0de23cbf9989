"""What breaks the frames' rules costs the one who broke them, in the measure the page gives."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from tests.outside import ranges
from tests.outside.conftest import newcomer
from tests.outside.house import House
from tests.outside.link import (
    CHUNK,
    DATA,
    DELIVER,
    ENTRIES,
    ERR,
    FORK,
    GET,
    HAVE,
    HEAD,
    HEADS,
    HOLDS,
    IDENT,
    PROVE,
    RANGE,
    RELAY,
    REPLY_SECONDS,
    SINCE,
    Closed,
    Err,
    Link,
)
from tests.outside.page import cm, log_of
from tests.outside.stranger import Stranger

ID = bytes(32)
PRINT = bytes(16)
HIGH = b"\xff" * 32


async def told(house: House, stranger: Stranger, *frames: Any) -> tuple[list[int], int | None]:
    """What a link ends with after these frames."""
    async with stranger.meet(house.peer) as link:
        await link.newest(ID)
        for frame in frames:
            await link.socket.send_bytes(frame if isinstance(frame, bytes) else cm(frame))
        return await link.ended()


async def kept(house: House, stranger: Stranger, *frames: Any) -> list[int]:
    """What a link that stays was told after these frames."""
    async with stranger.meet(house.peer) as link:
        await link.newest(ID)
        for frame in frames:
            await link.send(*frame)
        assert await link.newest(log_of(house.org))
        return [push[2] for push in link.pushes if push[0] == ERR]


NOT_CANONICAL = [
    b"",
    b"\xc0",
    b"\x93\x13\x65\xc0",
    cm([HEAD, 101, ID]) + b"\0",
    b"\x93\x13\xcc\x65\xc4\x20" + ID,
    b"\x93\x13\x65\xc5\x00\x20" + ID,
    b"\xdc\x00\x03\x13\x65\xc4\x20" + ID,
    b"\x94\x13\x65\xc4\x20" + ID + b"\xca\x00\x00\x00\x00",
    b"\x94\x13\x65\xc4\x20" + ID + b"\x82\xa1b\x00\xa1a\x00",
    b"\x94\x13\x65\xc4\x20" + ID + b"\xa1\x00",
    b"\x94\x13\x65\xc4\x20" + ID + b"\x91" * 16 + b"\x00",
    b"\x94\x13\x65\xc4\x20" + ID + b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00",
    cm({"type": HEAD}),
    cm([]),
    cm([HEAD]),
    cm("head"),
    cm(["head", 101, ID]),
    cm([True, 101, ID]),
    cm([HEAD, "one", ID]),
    cm([HEAD, False, ID]),
]


@pytest.mark.parametrize("frame", NOT_CANONICAL, ids=lambda frame: frame[:24].hex() or "empty")
async def test_what_is_not_canonical_ends_the_link(library: House, friend: Stranger, frame: bytes) -> None:
    assert await told(library, friend, frame) == ([1], 1002)


WRONG_SHAPES: list[list[Any]] = [
    [HEAD, 101],
    [HEAD, 101, ID[:31]],
    [HEAD, 101, "x" * 32],
    [SINCE, 101, bytes(8)],
    [SINCE, 101, bytes(7), 0],
    [SINCE, 101, bytes(8), True],
    [GET, 101, ID, 0, 0, 1],
    [GET, 101, ID, 0, 0, 1, 1],
    [GET, 101, ID, 0, "0", 1, True],
    [IDENT, 101, ID],
    [IDENT, 101, ID, "1"],
    [PROVE, 101, ID, 0, 0],
    [CHUNK, 101, ID],
    [HAVE, 101, ID + b"\0"],
    [RANGE, 101, ID],
    [RANGE, 101, [[ID, HIGH, 0]]],
    [RANGE, 101, [[ID, HIGH, 0, bytes(15)]]],
    [RANGE, 101, [[ID, HIGH, 0, PRINT]] * 257],
    [DELIVER, 101, b"", ID],
    [HEADS, 0, bytes(8), 0, False],
    [HEADS, 0, bytes(8), 0, 0, []],
    [HEADS, 0, bytes(8), 0, False, [[ID, ID, 0, 0, 0, ID, 0]]],
    [HEADS, 0, bytes(8), 0, False, [[ID, ID, 0, 0, 0, ID, 0, bytes(63)]]],
    [FORK, 0],
    [FORK, 0, []],
]


@pytest.mark.parametrize("frame", WRONG_SHAPES, ids=lambda frame: cm(frame)[:20].hex())
async def test_a_known_type_of_another_shape_ends_the_link(
    library: House, friend: Stranger, frame: Any
) -> None:
    assert await told(library, friend, frame) == ([1], 1002)


@pytest.mark.parametrize(
    "rows",
    [
        [[ID, HIGH, 0, PRINT], [ID, HIGH, 0, PRINT]],
        [[ID, HIGH[:1] + ID[1:], 0, PRINT], [HIGH[:1] + ID[1:], HIGH, 0, PRINT]],
        [[b"\x80" + ID[1:], HIGH, 0, PRINT], [ID, b"\x70" + ID[1:], 0, PRINT]],
        [[HIGH, ID, 0, PRINT]],
    ],
    ids=["twice", "one id in two", "descending", "backwards"],
)
async def test_ranges_that_are_not_disjoint_and_ascending_are_malformed(
    library: House, friend: Stranger, rows: Any
) -> None:
    assert await told(library, friend, [RANGE, 101, rows]) == ([1], 1002)


async def test_a_text_frame_ends_a_link_that_was_good(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        await link.newest(ID)
        await link.socket.send_str("hello")
        assert await link.ended() == ([1], 1002)


async def test_an_oversize_frame_ends_a_link_that_was_good(library: House, friend: Stranger) -> None:
    assert (await told(library, friend, bytes((1 << 20) + 1)))[1] == 1009


async def test_the_largest_frame_passes(library: House, friend: Stranger) -> None:
    padding = bytes((1 << 20) - len(cm([HEAD, 101, ID, bytes(1 << 19)])) + (1 << 19))
    assert len(cm([HEAD, 101, ID, padding])) == 1 << 20
    assert await kept(library, friend, [99, 0, padding]) == []


@pytest.mark.parametrize("ids", [(101, 101), (101, 99)], ids=["same", "lower"])
async def test_ids_that_do_not_ascend_are_malformed(
    library: House, friend: Stranger, ids: tuple[int, int]
) -> None:
    assert await told(library, friend, *([HEAD, each, ID] for each in ids)) == ([1], 1002)


async def test_what_nobody_asked_for_is_ignored(library: House, friend: Stranger) -> None:
    frames = [
        [HEAD, 100, ID],  # the other side's parity
        [99, 100, "unknown, the other side's parity"],
        [99, 0, "unknown push"],
        [HOLDS, 2_000_000, True],
        [ENTRIES, 2_000_002, ID, 0, 0, cm([])],
        [DATA, 2_000_004, 0, b"", []],
        [ERR, 2_000_006, 2, 0, "unknown"],
        [ERR, 0, 3, 5, "busy"],
    ]
    assert await kept(library, friend, *frames) == []


async def test_an_unknown_question_is_told_so_and_the_link_stays(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        for unknown in (22, 99, 2**53 - 1):
            with pytest.raises(Err) as refusal:
                await link.ask(unknown, "whatever", {"a": 1})
            assert refusal.value.code == 9
        assert await link.newest(log_of(library.org))


async def test_elements_of_tomorrow_are_ignored(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        log = log_of(library.org)
        plain = await link.ask(HEAD, log)
        assert (await link.ask(HEAD, log, "more", {"and": 1}))[2:] == plain[2:]
        row = [*ranges.row({}), "more"]
        assert (await link.ask(RANGE, [row], 7))[2]


async def test_relaying_without_the_feature_is_unknown(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        await link.send(RELAY, 0, ID, b"hello")
        err = await link.until(lambda: next((push for push in link.pushes if push[0] == ERR), None))
        assert err[1:3] == [0, 9]
        await link.send(RELAY, 0, ID, b"hello")  # told once a minute
        assert await link.newest(log_of(library.org))
        assert len([push for push in link.pushes if push[0] == ERR]) == 1


async def test_whoever_does_not_heed_is_closed(library: House) -> None:
    async with newcomer().meet(library.peer) as link:
        await link.newest(ID)
        asked = [link.newest(ID) for _ in range(30)]
        refused = [
            each for each in await asyncio.gather(*asked, return_exceptions=True) if isinstance(each, Err)
        ]
        assert {error.code for error in refused} == {3}
        wait = max(error.retry_after_s for error in refused)
        assert wait >= 1
        with pytest.raises(Closed) as closed:
            await _asks_on_and_on(link)
        assert closed.value.code == 4029


async def _asks_on_and_on(link: Link) -> None:
    """Whatever the answers say."""
    async with asyncio.timeout(REPLY_SECONDS):
        for number in itertools.count(1_001, 2):
            await link.send(HEAD, number, ID)
            await asyncio.sleep(0.02)
