"""Whoever proves who it is may read what a node published, and needs to believe nothing of it."""

from __future__ import annotations

import asyncio
import os
from itertools import pairwise
from typing import Any

import pytest

from tests.outside import ranges
from tests.outside.author import Author, Register
from tests.outside.conftest import CROWD, SHEETS, newcomer
from tests.outside.house import House
from tests.outside.link import CHUNK, GET, HAVE, IDENT, PROVE, RANGE, SINCE, Err, Link
from tests.outside.page import (
    Head,
    base32,
    check_head,
    check_item,
    cosigned,
    included_root,
    leaf_hash,
    log_of,
    uncm,
    verified,
)
from tests.outside.stranger import Stranger

UNKNOWN = bytes(31) + b"\1"


async def refused(link: Link, type: int, *fields: object) -> int:
    """The code of the ERR that a question gets."""
    with pytest.raises(Err) as refusal:
        await link.ask(type, *fields)
    return refusal.value.code


async def library_of(link: Link, library: House) -> Register:
    """Everything of the library's own log, verified."""
    head = await link.newest(log_of(library.org))
    assert head
    register = await link.whole(head)
    register.verify()
    return register


async def test_a_stranger_verifies_everything_from_nothing(library: House) -> None:
    async with newcomer().meet(library.peer) as link:
        _, _, heads = await link.everything()
        head = next(head for head in heads if head[0] == library.org)
        register = await link.whole(head)
        register.verify()
        kinds = [uncm(item[0])[1] for item in register.items]
        assert kinds[0] == "profile"
        assert set(kinds[1 : SHEETS + 2]) == {"resource"}
        titles = [uncm(item[2])["title"]["en"] for item in register.items[1 : SHEETS + 2]]
        assert titles == [f"Sheet {number}" for number in range(SHEETS)] + ["A guide"]


async def test_heads_name_every_log_once_with_its_newest_head(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        store, cursor, heads = await link.everything()
        logs = [log_of(*head[:2]) for head in heads]
        assert len(set(logs)) == len(logs) >= CROWD + 2
        assert len(store) == 8
        assert cursor >= len(logs)
        for register in crowd.shelf.values():
            assert register.head in heads


async def test_a_cursor_continues_where_it_stopped(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        store, cursor, heads = await link.everything()
        assert heads
        assert await link.everything(store, cursor) == (store, cursor, [])
        title = f"Later {os.urandom(4).hex()}"
        library.ok("publish", "resource", "--title", title)
        same, later, changed = await link.everything(store, cursor)
        assert (same, later > cursor) == (store, True)
        assert [head[0] for head in changed] == [library.org]


async def test_an_unknown_store_is_answered_from_the_beginning(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        first = await link.everything()
        assert await link.everything(b"elsewher", 7) == first
        assert await link.everything(b"elsewher", first[1] + 1_000) == first


async def test_a_cursor_beyond_the_newest_is_answered_with_the_newest(
    library: House, friend: Stranger
) -> None:
    async with friend.meet(library.peer) as link:
        store, cursor, _ = await link.everything()
        _, _, *answer = await link.ask(SINCE, store, cursor + 1_000)
        assert answer == [store, cursor, False, []]


async def test_entries_come_plain_to_those_who_did_not_name_zstd(library: House) -> None:
    async with newcomer(features=()).meet(library.peer) as link:
        await library_of(link, library)
        _, _, _, _, enc, _ = await link.ask(GET, log_of(library.org), 0, 0, SHEETS, True)
        assert enc == 0


async def test_compressed_entries_are_the_same(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as packed, newcomer(features=()).meet(library.peer) as plain:
        request = (log_of(library.org), 0, 0, SHEETS)
        assert await packed.entries(*request) == await plain.entries(*request)
        assert (await packed.ask(GET, *request, True))[4] == 1


async def test_get_stops_where_the_log_does(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        log = log_of(library.org)
        size = len((await library_of(link, library)).items)
        assert len(await link.entries(log, 0, size - 2, size + 5)) == 2
        assert len(await link.entries(log, 0, 3, 4)) == 1
        for start, end in ((size, size + 1), (size + 9, size + 19), (5, 5), (9, 3), (0, 0)):
            assert await link.entries(log, 0, start, end) == []
        assert await link.entries(log, 0, 2**53 - 1, 2**53 - 1) == []


async def test_get_of_another_epoch_or_log_is_unknown(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        assert await refused(link, GET, log_of(library.org), 1, 0, 1, True) == 2
        assert await refused(link, GET, UNKNOWN, 0, 0, 1, True) == 2


async def test_headers_alone_give_the_same_tree(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        register = await library_of(link, library)
        items = await link.entries(register.log, 0, 0, len(register.items), bodies=False)
        assert all(len(item) == 1 for item in items)
        assert [leaf_hash(item[0]) for item in items] == register.leaves()


@pytest.mark.parametrize("newest", [True, False])
async def test_one_record_is_proven_with_a_cosignature(
    library: House, friend: Stranger, newest: bool
) -> None:
    async with friend.meet(library.peer) as link:
        register = await library_of(link, library)
        size = 0 if newest else register.head[4]
        for index in (0, 1, register.head[4] - 1):
            _, _, header, proof, head, witness = await link.ask(PROVE, register.log, 0, index, size)
            assert head == register.head
            assert header == register.items[index][0]
            assert included_root(leaf_hash(header), index, head[4], proof) == head[5]
            org, epoch, time, signature = witness
            assert (org, epoch) == (library.org, 0)
            assert verified(link.hello[3], signature, cosigned(head, time))


async def test_a_peer_cosigns_what_it_holds_of_others(library: House, crowd: Stranger) -> None:
    member = list(crowd.shelf.values())[5]
    async with crowd.meet(library.peer) as link:
        _, _, header, proof, head, witness = await link.ask(PROVE, member.log, 0, 0, 0)
        assert (header, proof, head) == (member.items[0][0], [], member.head)
        assert witness[0] == library.org
        assert verified(link.hello[3], witness[3], cosigned(head, witness[2]))


async def test_proofs_of_what_is_not_held_are_refused(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        log = log_of(library.org)
        size = len((await library_of(link, library)).items)
        for fields in ((log, 0, 0, size + 1), (log, 0, size, 0), (log, 1, 0, 0), (UNKNOWN, 0, 0, 0)):
            assert await refused(link, PROVE, *fields) == 2


async def test_a_log_nobody_holds_has_no_head(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        assert await link.newest(UNKNOWN) is None
        head = await link.newest(log_of(library.org))
        register = await link.identity(library.org)
        assert head
        check_head(head, [uncm(register.genesis)])


async def test_an_identity_is_found_by_its_org_and_by_its_root_key(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        answer = await link.ask(IDENT, library.org, 1)
        _, _, genesis, ops, rivals, profile = answer
        assert (ops, rivals) == ([], [])
        root = uncm(genesis)["roots"][0]
        assert (await link.ask(IDENT, root, 1))[2:] == answer[2:]
        assert (await link.ask(IDENT, library.org, 9))[2:5] == [genesis, [], []]
        assert await refused(link, IDENT, UNKNOWN, 1) == 2
        header, salt, body, index, proof, head = profile
        check_item([header, salt, body])
        assert uncm(body)["name"] == {"en": "Library"}
        assert included_root(leaf_hash(header), index, head[4], proof) == head[5]
        check_head(head, [uncm(genesis)])


async def test_files_nobody_brought_are_not_held(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer) as link:
        assert (await link.ask(HAVE, UNKNOWN))[2] is False
        assert await refused(link, CHUNK, UNKNOWN, 0) == 2


class Bag:
    """A shelf's place for a head, of whomever."""

    def __init__(self, head: Head, frozen: bool = False) -> None:
        self.head = head
        self.frozen = frozen


async def held(link: Link, house: House) -> dict[bytes, Bag]:
    """What a node holds, as the other end of a reconciliation would hold it."""
    _, _, heads = await link.everything()
    forked = {row["org"] for row in house.ok("peer", "ls") if row["forked"]}
    # every fork that these tests make is one of epoch 0
    return {
        log_of(*head[:2]): Bag(head, f"org_{base32(head[0])}" in forked and head[2] == 0) for head in heads
    }


async def ask_ranges(link: Link, rows: list[Any]) -> list[Any]:
    """One RANGE and the rows of its answer."""
    return list((await link.ask(RANGE, rows))[2])


async def test_ranges_agree_when_both_hold_the_same(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        assert await ask_ranges(link, [ranges.row(await held(link, library))]) == []


async def test_many_logs_are_cut_into_sixteen_parts_that_meet(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        theirs = await held(link, library)
        rows = await ask_ranges(link, [ranges.row({})])
        assert len(rows) == ranges.PARTS
        assert (rows[0][0], rows[-1][1]) == (ranges.FIRST_LOG, ranges.LAST_LOG)
        counts = [row[2] for row in rows]
        assert sum(counts) == len(theirs)
        assert max(counts) - min(counts) <= 1
        for before, after in pairwise(rows):
            assert int.from_bytes(before[1]) + 1 == int.from_bytes(after[0])
        for first, last, *summary in rows:
            assert ranges.row(theirs, first, last)[2:] == summary


async def test_few_logs_are_answered_with_their_heads(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        theirs = await held(link, library)
        last = sorted(theirs)[15]
        answer = await ask_ranges(link, [[ranges.FIRST_LOG, last, 0, ranges.row({})[3]]])
        assert answer == [[ranges.FIRST_LOG, last, ranges.within(theirs, ranges.FIRST_LOG, last)]]


async def test_only_the_ranges_that_differ_are_answered(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        theirs = await held(link, library)
        edges = sorted(theirs)
        same = ranges.row(theirs, edges[0], edges[4])
        other = [edges[5], edges[9], 0, ranges.row({})[3]]
        nothing = [bytes(32), bytes(32), 0, ranges.row({})[3]]
        answer = await ask_ranges(link, [nothing, same, other])
        assert answer == [[edges[5], edges[9], ranges.within(theirs, edges[5], edges[9])]]
        assert await ask_ranges(link, [[bytes(32), bytes(32), 1, bytes(16)]]) == [[bytes(32), bytes(32), []]]


async def test_a_conversation_of_ranges_finds_what_each_side_lacks(library: House, crowd: Stranger) -> None:
    async with crowd.meet(library.peer) as link:
        theirs = await held(link, library)
        known = sorted(theirs)
        mine = {log: theirs[log] for position, log in enumerate(known) if position % 9}
        unheard = Author("Unheard of")
        mine[unheard.log] = Bag(unheard.head)
        taken, ahead, rounds = await ranges.converse(mine, lambda rows: ask_ranges(link, rows))
        assert sorted(log_of(*head[:2]) for head in taken) == known[::9]
        assert ahead == [unheard.head]
        assert 2 <= rounds <= 4


async def test_a_stranger_reads_within_a_budget(library: House) -> None:
    async with newcomer().meet(library.peer) as link:
        asked = [link.newest(UNKNOWN) for _ in range(60)]
        answered = await asyncio.gather(*asked, return_exceptions=True)
        refusals = [answer for answer in answered if isinstance(answer, Err)]
        assert {refusal.code for refusal in refusals} == {3}
        assert all(refusal.retry_after_s >= 1 for refusal in refusals)


async def test_questions_asked_at_once_are_each_answered_under_their_id(
    library: House, friend: Stranger
) -> None:
    async with friend.meet(library.peer) as link:
        log = log_of(library.org)
        asked = [link.entries(log, 0, index, index + 1) for index in range(20)]
        answered = await asyncio.gather(*asked)
        assert [item for items in answered for item in items] == await link.entries(log, 0, 0, 20)
