"""What a new start keeps stays where it is, and comes back to its author, though nobody has a head of it."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from mutunode.protocol import rivals, rows
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import ASK_OWN_HEAD_SECONDS, REPAIR_SECONDS
from mutunode.protocol.merkle import Compact
from mutunode.protocol.messages import AskHead, Entries, Get, Heads
from mutunode.protocol.node import Node
from mutunode.protocol.signing import Reason
from mutunode.store.memory import MemoryStore
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.simulator.epochs import ENTRUSTED, Thief, open_epoch
from tests.simulator.invariants import Watch
from tests.store.authors import Author, take


def begun(machine: str, *keeps: int, writes: int = 3) -> Author:
    """One organisation of three records, as the machine on which it began anew; then it publishes more."""
    author = Author("alice")
    author.write(*(("resource", {"title": {"fr": f"Fiche {number}"}}) for number in range(3)))
    for keep in keeps:
        author.open_epoch(keep, machine=machine)
        author.write(*(("resource", {"title": {"fr": f"{machine} {number}"}}) for number in range(writes)))
    return author


def held_of(actor: Actor, author: Author | Actor) -> HeldLog:
    with actor.turn():
        held = actor.store.ledger.log(author.log() if isinstance(author, Author) else author.log)
    assert held is not None
    return held


def follower_of(world: World, lost: Author, won: Author) -> Actor:
    """It holds what one branch signed, and then a person there follows the other one."""
    bob = world.node("bob")
    bob.accepts(lost)
    take(bob.store, lost)
    with bob.turn():
        bob.store.ledger.put_chain(rivals.joined(lost.chain, won.chain))
    bob.does(Node.decide, lost.org, 1, True)
    return bob


def gives_all(bob: Actor, won: Author) -> None:
    """The owner is met, shows its register and answers whatever is asked of it."""
    owner = Puppet(bob, author=won).greets()
    owner.pushes(won.head())
    answered = 0
    while asked := owner.answers_gets(won.entries[PUBLIC], skip=answered):
        answered += asked


# --- what stays -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("keeps", "size", "stays"),
    [((2,), 6, 2), ((2, 1), 6, 1), ((2, 4), 6, 2), ((2, 4), 2, 2), ((0,), 6, 0), ((3,), 2, 0), ((), 6, 0)],
)
def test_an_op_says_what_stays_of_a_register_that_another_branch_signed(
    keeps: tuple[int, ...], size: int, stays: int
) -> None:
    lost, won = begun("thief", 3), begun("owner", *keeps)
    assert rivals.kept(won.chain, size, lambda at: lost.tree(size=at).root()) == stays


@pytest.mark.parametrize("keeps", [0, 1, 3])
def test_who_leaves_the_branch_of_a_thief_keeps_what_the_owners_keeps(world: World, keeps: int) -> None:
    lost, won = begun("thief", 3), begun("owner", keeps)
    bob = follower_of(world, lost, won)
    with bob.turn():
        held = bob.store.ledger.log(lost.log())
    assert (held.size if held is not None else 0) == keeps
    assert held is None or held.head is None
    shown = bob.store.reader().organisation(lost.org)
    assert shown is not None
    assert (shown.records, bob.store.reader().counts().records) == (keeps, keeps)
    for index in range(6):
        record = bob.store.reader().record(lost.rec(index))
        assert record is not None
        assert (record.retracted_by is None) is (index < keeps)
    assert not keeps or bob.store.verify(lost.log()) == []


def test_entries_that_no_new_start_keeps_do_not_stand_without_a_head(world: World) -> None:
    lost, won = begun("thief", 3), begun("owner", 2)
    bob = follower_of(world, lost, won)
    with bob.turn():
        bob.store.ledger.cut(won.log(), 1)
        bob.store.ledger.disown(won.log(), 1, keep=1)
    assert [problem.what for problem in bob.store.verify(won.log())] == [
        "no head, and no new start that keeps these entries"
    ]


@pytest.mark.parametrize("later", [(3,), (3, 1), (3, 5), (1,), (0,)])
def test_the_register_that_is_still_to_come_is_laid_over_what_stayed(
    world: World, later: tuple[int, ...]
) -> None:
    """Also where its author went on from less, or from more, before it was met again."""
    lost, won = begun("thief", 3), begun("owner", later[0])
    bob = follower_of(world, lost, won)
    won = begun("owner", *later)
    gives_all(bob, won)
    held = held_of(bob, won)
    assert held.head is not None
    assert (held.head.root, held.size) == (won.tree().root(), len(won.entries[PUBLIC]))
    assert bob.store.verify(won.log()) == []


def test_a_base_that_is_not_its_ops_is_seen_under_what_stayed_too(world: World) -> None:
    """The author goes on with the same entries, and its op says that they are others."""
    lost, won = begun("thief", 3), begun("owner", 3)
    bob = follower_of(world, lost, won)
    entries = won.entries[PUBLIC]
    won.open_epoch(1, root=bytes(32))
    won.entries[PUBLIC] = entries[:4]
    gives_all(bob, won)
    held = held_of(bob, won)
    assert (held.head, held.broken_at) == (None, 1)


def test_what_was_under_way_of_a_branch_that_is_left_ends(world: World) -> None:
    lost, won = begun("thief", 3), begun("owner", 2)
    bob = world.node("bob")
    bob.accepts(lost)
    take(bob.store, lost)
    lost.write(("resource", {"title": {"fr": "Encore"}}))
    carol = Puppet(bob, "carol").greets()
    carol.pushes(lost.head())
    assert carol.last(Get).start == 6
    with bob.turn():
        bob.store.ledger.put_chain(rivals.joined(lost.chain, won.chain))
    chain = rivals.decide(rivals.joined(lost.chain, won.chain), 1, take_rival=True)
    with bob.turn():
        bob.node._chains._put(bob.store.ledger.chain(lost.org), chain, bob.now)
    carol.answers_gets(lost.entries[PUBLIC])
    held = held_of(bob, lost)
    assert (held.head, held.size, held.pending) == (None, 2, 0)


# --- and comes back -----------------------------------------------------------------------------------------
def robbed(world: World) -> tuple[Actor, Actor, Actor]:
    """A thief of an entrusted root and the owner began anew from the same entries; the owner's disk is gone.

    The friend follows the thief still; another one comes later and holds nothing.
    """
    Watch(world)
    world.roots = 2
    owner, friend, later = world.node("owner"), world.node("friend"), world.node("later")
    owner.publishes("Une", "Deux", "Trois")
    thief = Thief(world, owner)
    open_epoch(thief, by=ENTRUSTED)
    thief.publishes("Volée")
    thief.crashes()
    for one, other in itertools.permutations((owner, friend, later), 2):
        one.accepts(other)
    with friend.turn():
        friend.store.ledger.put_chain(thief.author.chain)
    take_from(thief, friend)
    open_epoch(owner)
    loses_store(owner)
    return owner, friend, later


def take_from(source: Actor, reader: Actor) -> None:
    """What one holds of its own register, the other holds too."""
    held = source.store.state.logs[source.log]
    with reader.turn():
        rows = [(row.header, row.salt, row.body) for row in held.leaves]
        reader.store.ledger.append(source.org, PUBLIC, 0, rows, [row.leaf for row in held.leaves])
        assert held.head is not None
        reader.store.ledger.commit(held.head, Compact.of(row.leaf for row in held.leaves))


def loses_store(actor: Actor) -> None:
    """The disk is gone; chain, keys and the mark are kept elsewhere."""
    actor.crashes()
    stances = actor.store.state.stances
    actor.store = MemoryStore(clock=lambda: actor.now)
    actor.store.state.stances = stances
    with actor.turn():
        actor.store.ledger.put_own(actor.org)
        actor.store.ledger.put_chain(actor.author.chain)
    for watch in actor.world.watchers:
        watch.__self__.went_back(actor)  # type: ignore[attr-defined]
    actor.world.run(0.1)
    actor.starts()


def test_an_author_that_lost_what_its_new_start_keeps_has_it_back_from_who_left_a_thief(world: World) -> None:
    owner, friend, later = robbed(world)
    for actor in (owner, later):
        actor.knows_address_of(friend)
    world.run(ASK_OWN_HEAD_SECONDS - 2)
    left = held_of(friend, owner)
    assert (left.head, left.size) == (None, 3)
    world.run(5)
    for actor in (owner, friend, later):
        held = held_of(actor, owner)
        assert held.head is not None
        assert (held.head.epoch, held.head.base, held.size) == (1, 3, 3)
    assert owner.signing().allowed, "the mark is of the very head that began the epoch"


def test_it_signs_nothing_more_where_its_mark_says_that_it_had_gone_on(world: World) -> None:
    owner, friend, _ = robbed(world)
    mark = owner.marks[owner.log]
    owner.marks[owner.log] = replace(mark, size=mark.size + 1, root=bytes(32))
    owner.crashes()
    world.run(0.1)
    owner.starts()
    owner.knows_address_of(friend)
    world.run(ASK_OWN_HEAD_SECONDS + 5)
    assert held_of(friend, owner).size == held_of(owner, owner).size == 3
    assert owner.signing().reason is Reason.STALE


def test_a_second_machine_with_the_same_key_signs_no_first_head_of_an_epoch(world: World) -> None:
    owner, friend, _ = robbed(world)
    with owner.turn():
        owner.node._signatory.saw_second_machine()
    owner.knows_address_of(friend)
    world.run(ASK_OWN_HEAD_SECONDS + 5)
    assert owner.signing().reason is Reason.SECOND_MACHINE
    with owner.turn():
        held = owner.store.ledger.log(owner.log)
    assert held is None
    assert held_of(friend, owner).head is None


def test_what_a_new_start_keeps_and_nobody_has_is_asked_for_now_and_then_and_costs_nobody_anything(
    world: World,
) -> None:
    owner, friend, _ = robbed(world)
    with friend.turn():
        friend.store.ledger.disown(owner.log, 1)
    owner.knows_address_of(friend)
    world.run(2 * REPAIR_SECONDS)
    assert owner.signing().reason is Reason.UNFINISHED
    with owner.turn():
        assert owner.store.ledger.score(friend.org)[0] >= 0
    open_epoch(owner)
    world.run(5)
    assert owner.signing().allowed, "a person begins once more with what is here"
    owner.publishes("Une de nouveau")
    world.run(5)
    assert held_of(friend, owner).head == owner.newest()


def test_whoever_shows_a_register_of_the_new_start_is_asked_for_that_one(world: World) -> None:
    owner, _, _ = robbed(world)
    signed = next_head(owner)
    carol = Puppet(owner, "carol").greets()
    asked = next(ask for ask in carol.heard(AskHead) if ask.log == owner.log)
    carol.sends(Heads(asked.id, bytes(8), 0, False, (signed,)))
    world.run(ASK_OWN_HEAD_SECONDS + 5)
    assert owner.signing().reason is Reason.BEHIND
    assert {get.end for get in carol.heard(Get)} == {4}


def next_head(owner: Actor) -> Head:
    """What the owner had signed after its new start: one record more."""
    author = owner.author
    author.entries[PUBLIC] = author.entries[PUBLIC][:3]
    author.write(("resource", {"title": {"fr": "Quatre"}}))
    return author.head()


def test_a_headless_register_is_given_for_the_epoch_that_keeps_it_and_no_other(world: World) -> None:
    lost, won = begun("thief", 3), begun("owner", 2)
    bob = follower_of(world, lost, won)
    carol = Puppet(bob, "carol").greets()
    carol.asks(Get, won.log(), 0, 0, 6, True)
    carol.asks(Get, won.log(), 2, 0, 6, True)
    assert carol.errors == [2, 2]
    carol.asks(Get, won.log(), 1, 0, 6, True)
    answer = carol.last(Entries)
    given = rows.unpack(answer.enc, answer.payload)
    assert [header for header, _, _ in given] == [entry.header for entry in won.entries[PUBLIC][:2]]
    won.open_epoch(1)  # and keeps less, of which no register is here either
    with bob.turn():
        bob.store.ledger.put_chain(rivals.joined(won.chain, lost.chain))
    carol.asks(Get, won.log(), 2, 0, 6, True)
    answer = carol.last(Entries)
    assert len(rows.unpack(answer.enc, answer.payload)) == 1
