"""Cursors, pushes and ranges: nothing is missed, nothing is told twice."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from mutunode.protocol import codec, messages
from mutunode.protocol.head import Head
from mutunode.protocol.messages import AskHead, Get, Heads, Range, RangeHeads, RangePrint, Ranges, Since
from mutunode.protocol.prints import range_print
from mutunode.protocol.reconcile import FIRST, LAST, ours
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import START, Author, take

STORE = b"mallorys"


def cursor_of(bob: Actor, puppet: Puppet) -> tuple[bytes, int] | None:
    with bob.turn():
        return bob.store.ledger.cursor(puppet.org)


def answers_since(puppet: Puppet, *heads: Head, cursor: int, more: bool = False) -> None:
    puppet.sends(Heads(puppet.last(Since).id, STORE, cursor, more, heads))


def writer(name: str, count: int = 1) -> Author:
    author = Author(name)
    author.write(*(("resource", {"n": i}) for i in range(count)))
    return author


# --- cursors ---------------------------------------------------------------------------------------
def test_a_new_peer_is_asked_from_the_beginning(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    since = puppet.last(Since)
    assert (since.store, since.cursor) == (bytes(8), 0)


def test_a_cursor_is_stored_once_everything_up_to_it_is_held(bob: Actor) -> None:
    alice = writer("alice")
    puppet = Puppet(bob, author=alice)
    bob.accepts(puppet)
    puppet.greets()
    answers_since(puppet, alice.head(), cursor=7)
    assert cursor_of(bob, puppet) is None
    puppet.answers_gets(alice.entries[bytes(32)])
    assert cursor_of(bob, puppet) == (STORE, 7)


def test_heads_that_are_not_wanted_do_not_hold_a_cursor_up(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    answers_since(puppet, writer("alice").head(), cursor=7)
    assert cursor_of(bob, puppet) == (STORE, 7)
    assert not puppet.heard(Get)


def test_page_after_page_is_asked(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    for cursor in (10, 20, 30):
        answers_since(puppet, cursor=cursor, more=True)
        assert (puppet.last(Since).store, puppet.last(Since).cursor) == (STORE, cursor)
    answers_since(puppet, cursor=31)
    assert len(puppet.heard(Since)) == 4
    assert cursor_of(bob, puppet) == (STORE, 31)


def test_a_peer_that_says_more_for_ever_without_going_on_is_left_alone(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    answers_since(puppet, cursor=10, more=True)
    answers_since(puppet, cursor=10, more=True)
    assert len(puppet.heard(Since)) == 2


def test_the_stored_cursor_is_where_the_next_link_begins(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    answers_since(puppet, cursor=12)
    again = Puppet(bob).greets()
    assert (again.last(Since).store, again.last(Since).cursor) == (STORE, 12)


def test_a_push_moves_the_cursor_only_if_it_continues_the_one_held(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    puppet.pushes(cursor=5)
    assert cursor_of(bob, puppet) is None  # the answer to SINCE is still to come
    answers_since(puppet, cursor=4)
    puppet.pushes(cursor=6)
    assert cursor_of(bob, puppet) == (STORE, 6)
    puppet.sends(Heads(0, b"another!", 9, False, ()))
    assert cursor_of(bob, puppet) == (STORE, 6)


def test_a_link_that_breaks_before_the_entries_came_leaves_the_cursor_behind(
    world: World, bob: Actor
) -> None:
    alice = writer("alice")
    puppet = Puppet(bob, author=alice)
    bob.accepts(puppet)
    puppet.greets()
    answers_since(puppet, alice.head(), cursor=7)
    bob.does(lambda node, now: node.closed(puppet.link, "gone", now))
    assert cursor_of(bob, puppet) is None
    again = Puppet(bob, author=alice).greets()
    assert again.last(Since).cursor == 0


def test_when_what_we_want_grows_everybody_is_asked_again_from_the_beginning(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    answers_since(puppet, cursor=12)
    bob.accepts(writer("alice"))
    assert cursor_of(bob, puppet) is None
    assert (puppet.last(Since).store, puppet.last(Since).cursor) == (bytes(8), 0)


# --- serving changes -------------------------------------------------------------------------------
def test_changes_are_served_each_log_once_with_its_newest_head(bob: Actor) -> None:
    first, second = writer("first"), writer("second")
    take(bob.store, first)
    take(bob.store, second)
    first.write(("resource", {"n": 2}))
    take(bob.store, first)
    puppet = Puppet(bob).greets()
    (heads,) = puppet.asks(Since, bytes(8), 0)
    assert isinstance(heads, Heads)
    assert [(head.org, head.size) for head in heads.heads] == [(second.org, 1), (first.org, 2)]
    assert not heads.more
    (rest,) = puppet.asks(Since, heads.store, heads.cursor)
    assert isinstance(rest, Heads)
    assert (rest.cursor, rest.heads) == (heads.cursor, ())
    (beyond,) = puppet.asks(Since, heads.store, 2**53 - 1)
    assert isinstance(beyond, Heads)
    assert (beyond.cursor, beyond.heads) == (heads.cursor, ())
    (unknown,) = puppet.asks(Since, b"another!", heads.cursor)
    assert isinstance(unknown, Heads)
    assert len(unknown.heads) == 2


def test_heads_from_the_future_are_held_and_not_passed_on(world: World, bob: Actor) -> None:
    puppet = Puppet(bob, "carol").greets()
    alice = writer("alice")
    alice.time = int(world.now) + 2 * 86_400
    alices = Puppet(bob, author=alice)
    bob.accepts(alices)
    alices.greets()
    alices.pushes(alice.head())
    alices.answers_gets(alice.entries[bytes(32)])
    with bob.turn():
        assert bob.store.ledger.log(alice.log()) is not None
    world.run(2)
    assert not [push for push in puppet.heard(Heads) if push.heads]
    (heads,) = puppet.asks(Since, bytes(8), 0)
    assert isinstance(heads, Heads)
    assert heads.heads == ()


# --- pushes ----------------------------------------------------------------------------------------
def pushed(puppet: Puppet) -> list[Heads]:
    return [heads for heads in puppet.heard(Heads) if heads.id == messages.PUSH]


def test_changes_within_a_fifth_of_a_second_travel_together(world: World, bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    bob.publishes("1")
    world.run(0.1)
    bob.publishes("2")
    assert not pushed(puppet)
    world.run(0.15)
    (push,) = pushed(puppet)
    assert [head.size for head in push.heads] == [2]


def test_a_head_never_goes_back_to_where_it_came_from(world: World, bob: Actor) -> None:
    alice = writer("alice")
    puppet, other = Puppet(bob, author=alice), Puppet(bob, "other").greets()
    bob.accepts(puppet)
    puppet.greets()
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    world.run(1)
    assert [head.org for push in pushed(other) for head in push.heads] == [alice.org]
    assert not pushed(puppet)


def test_a_push_continues_the_cursor_of_the_answer_before_it(world: World, bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    (heads,) = puppet.asks(Since, bytes(8), 0)
    bob.publishes("1")
    world.run(1)
    (push,) = pushed(puppet)
    assert isinstance(heads, Heads)
    assert (push.store, push.cursor > heads.cursor) == (heads.store, True)
    (rest,) = puppet.asks(Since, push.store, push.cursor)
    assert isinstance(rest, Heads)
    assert rest.heads == ()


def test_after_a_burst_of_six_our_own_heads_are_ten_seconds_apart(world: World, bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    for n in range(20):
        bob.publishes(f"{n}")
        world.run(1)
    assert len(pushed(puppet)) <= 6 + 2
    world.run(10)
    assert pushed(puppet)[-1].heads[0].size == 20  # the newest, never dropped


def test_a_hop_passes_sixty_heads_an_hour_of_one_organisation_and_the_newest_later(
    world: World, bob: Actor
) -> None:
    alice = writer("alice")
    puppet, other = Puppet(bob, author=alice), Puppet(bob, "other").greets()
    bob.accepts(puppet)
    puppet.greets()
    for n in range(100):
        alice.write(("resource", {"n": n}))
        puppet.pushes(alice.head())
        puppet.answers_gets(alice.entries[bytes(32)], skip=n)
        world.run(1)
    assert 60 <= len(pushed(other)) <= 62
    world.run(120)
    assert pushed(other)[-1].heads[0].size == 101


def test_while_a_head_is_held_back_the_cursor_told_stays_behind_it(world: World, bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    for n in range(8):
        bob.publishes(f"{n}")
        world.run(1)
    push = pushed(puppet)[-1]
    (rest,) = puppet.asks(Since, push.store, push.cursor)
    assert isinstance(rest, Heads)
    assert [head.size for head in rest.heads] == [8]


def test_who_showed_many_heads_is_told_the_cursor_and_will_not_ask_for_them_when_it_comes_back(
    world: World, bob: Actor
) -> None:
    alice, authors = world.node("alice"), writers("many", 20)
    with alice.turn():
        for author in authors:
            put(alice, author)
    for actor, other in ((alice, bob), (bob, alice)):
        actor.accepts(other, *authors)
    bob.knows_address_of(alice)
    world.run(30)
    with alice.turn():
        told = alice.store.ledger.cursor(bob.org)
    with bob.turn():
        assert bob.store.ledger.newest_cursor() == 20
        assert told == (bob.store.ledger.store_id(), 20)


# --- ranges ----------------------------------------------------------------------------------------
def fill(bob: Actor, count: int, name: str = "author") -> list[Author]:
    authors = writers(name, count)
    for author in authors:
        take(bob.store, author)
    return authors


def test_equal_ranges_need_no_words(bob: Actor) -> None:
    fill(bob, 40)
    puppet = Puppet(bob).greets()
    with bob.turn():
        same = ours(bob.store.ledger)
    (ranges,) = puppet.asks(Range, (same,))
    assert isinstance(ranges, Ranges)
    assert ranges.answers == ()


def test_sixteen_logs_or_fewer_are_shown_more_are_cut_into_sixteen_parts(bob: Actor) -> None:
    authors = fill(bob, 16)
    puppet = Puppet(bob).greets()
    asked = RangePrint(FIRST, LAST, 0, range_print([]))
    (ranges,) = puppet.asks(Range, (asked,))
    assert isinstance(ranges, Ranges)
    (part,) = ranges.answers
    assert isinstance(part, RangeHeads)
    assert {head.org for head in part.heads} == {author.org for author in authors}

    fill(bob, 40, "others")
    (ranges,) = puppet.asks(Range, (asked,))
    assert isinstance(ranges, Ranges)
    parts: list[Any] = list(ranges.answers)
    assert [part.count for part in parts] == [3, 4] * 8
    assert (parts[0].first, parts[-1].last) == (FIRST, LAST)
    for before, after in pairwise(parts):
        assert int.from_bytes(before.last, "big") + 1 == int.from_bytes(after.first, "big")


def test_two_that_hold_many_logs_find_the_few_that_differ(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutunode.protocol.serve.HEADS_PER_FRAME_MAX", 50)  # so that 1,000 logs are many
    alice, bob = world.node("alice"), world.node("bob")
    both, only_alice, only_bob = writers("both", 1_000), writers("alice", 5), writers("bob", 5)
    for actor, authors in ((alice, [*both, *only_alice]), (bob, [*both, *only_bob])):
        with actor.turn():
            for author in authors:
                put(actor, author)
        actor.accepts(*both, *only_alice, *only_bob)
    alice.accepts(bob)
    bob.accepts(alice)
    bob.knows_address_of(alice)
    world.run(30)
    for actor in (alice, bob):
        with actor.turn():
            assert all(actor.store.ledger.log(author.log()) for author in (*only_alice, *only_bob))
    with bob.turn():
        followed = bob.store.ledger.cursor(alice.org)
    with alice.turn():
        assert followed == (alice.store.ledger.store_id(), 1_005)  # what bob gave it needs no following
    assert world.bytes < 2 * 1_000 * 190 / 2  # less than half of what listing all heads would take


def writers(name: str, count: int) -> list[Author]:
    return [writer(f"{name} {i}") for i in range(count)]


def put(actor: Actor, author: Author) -> None:
    """As ``take``, many in one turn."""
    ledger = actor.store.ledger
    ledger.put_chain(author.chain)
    (entry,) = author.entries[bytes(32)]
    ledger.append(author.org, bytes(32), 0, [(entry.header, entry.salt, entry.body)], [entry.leaf])
    author.time = START  # so that everybody holds the same head
    ledger.commit(author.head(), author.tree())


def test_a_cursor_is_stored_only_once_the_ranges_were_compared(bob: Actor) -> None:
    authors = writers("author", 20)
    bob.accepts(*authors)
    with bob.turn():
        for author in authors:
            put(bob, author)
    puppet = Puppet(bob).greets()
    puppet.sends(Heads(puppet.last(AskHead).id, STORE, 7, False, ()))
    answers_since(puppet, cursor=7)
    asked = puppet.last(Range)
    assert cursor_of(bob, puppet) is None  # a crash here loses nothing: all is compared again
    puppet.sends(Ranges(asked.id, ()))
    assert cursor_of(bob, puppet) == (STORE, 7)


def test_what_a_new_peer_asked_for_itself_is_not_pushed_once_more_when_ranges_are_compared(
    bob: Actor,
) -> None:
    authors, late = writers("author", 20), writer("late")
    bob.accepts(*authors, late)
    with bob.turn():
        for author in authors:
            put(bob, author)
    puppet = Puppet(bob).greets()
    (all_of_them,) = puppet.asks(Since, bytes(8), 0)
    assert isinstance(all_of_them, Heads)
    with bob.turn():
        put(bob, late)  # after it was answered
    puppet.sends(Heads(puppet.last(AskHead).id, STORE, 7, False, ()))
    answers_since(puppet, cursor=7)
    puppet.sends(Ranges(puppet.last(Range).id, (RangeHeads(FIRST, LAST, ()),)))
    given = {head.org for head in all_of_them.heads}
    assert given == {author.org for author in authors}
    assert {head.org for push in pushed(puppet) if not push.cursor for head in push.heads} == {late.org}


def test_what_a_peer_was_given_before_an_earlier_comparison_is_pushed_again(bob: Actor) -> None:
    authors = writers("author", 20)
    bob.accepts(*authors)
    with bob.turn():
        for author in authors:
            put(bob, author)
    puppet = Puppet(bob).greets()
    puppet.asks(Since, bytes(8), 0)
    puppet.sends(Heads(puppet.last(AskHead).id, STORE, 7, False, ()))
    answers_since(puppet, cursor=7)
    puppet.sends(Ranges(puppet.last(Range).id, ()))
    with bob.turn():
        session = bob.node._core.sessions[puppet.link]
        bob.node._reconciliations.begin(session, lambda then: None, bob.world.now)
        effects = bob.node.repair(bob.world.now)
    bob.performs(effects)
    puppet.sends(Ranges(puppet.last(Range).id, (RangeHeads(FIRST, LAST, ()),)))
    again = [head.org for push in pushed(puppet) if not push.cursor for head in push.heads]
    assert sorted(again) == sorted(author.org for author in authors)  # it may have lost them since


def test_an_answerer_that_finds_differences_for_ever_is_left_after_eight_rounds(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    reconciliations = bob.node._reconciliations
    ends: list[float] = []
    with bob.turn():
        session = bob.node._core.sessions[puppet.link]
        reconciliations.begin(session, ends.append, bob.world.now)
        effects = bob.node.repair(bob.world.now)
    bob.performs(effects)
    for rounds in range(1, 9):
        assert len(puppet.heard(Range)) == rounds
        asked = puppet.last(Range)
        parts = [RangePrint(part.first, part.last, 1, bytes(16)) for part in asked.ranges]
        puppet.sends(Ranges(asked.id, tuple(parts)))
    assert len(puppet.heard(Range)) == 8
    assert len(ends) == 1


def test_overlapping_parts_are_not_followed(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    with bob.turn():
        session = bob.node._core.sessions[puppet.link]
        bob.node._reconciliations.begin(session, lambda now: None, bob.world.now)
        effects = bob.node.repair(bob.world.now)
    bob.performs(effects)
    asked = puppet.last(Range)
    puppet.sends(
        Ranges(asked.id, (RangePrint(FIRST, LAST, 1, bytes(16)), RangePrint(FIRST, FIRST, 1, bytes(16))))
    )
    assert len(puppet.last(Range).ranges) == 1
    assert puppet.close_code() is None


@pytest.mark.parametrize(
    "ranges",
    [
        [[LAST, FIRST, 0, bytes(16)]],
        [[FIRST, LAST, 0, bytes(16)], [FIRST, LAST, 0, bytes(16)]],
        [[b"\x05" * 32, LAST, 0, bytes(16)], [FIRST, b"\x04" * 32, 0, bytes(16)]],
        [[FIRST, LAST, 0, bytes(15)]],
    ],
)
def test_ranges_that_overlap_or_do_not_ascend_are_malformed(bob: Actor, ranges: list[Any]) -> None:
    puppet = Puppet(bob).greets()
    puppet.sends_bytes(codec.encode([4, 1, ranges]))
    assert puppet.errors == [1]
    assert puppet.close_code() == 1002


def test_two_who_hold_the_same_hundred_heads_find_out_for_a_few_hundred_bytes() -> None:
    world = World(5)
    alice, bob = world.node("alice"), world.node("bob")
    authors = [Author(f"author {i}") for i in range(100)]
    for author in authors:
        author.write(("resource", {"n": 1}))
    for actor in (alice, bob):
        actor.accepts(*authors)
        for author in authors:
            take(actor.store, author)
    before = world.bytes
    alice.knows_address_of(bob)
    world.run(30)
    assert alice.is_linked_with(bob)
    assert world.bytes - before < 4_000  # the heads alone are 19,000 each way
    with alice.turn():
        assert alice.store.ledger.cursor(bob.org) is not None
