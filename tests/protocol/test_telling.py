"""What changes in an identity is told unasked: to every link at once, to new ones what contradicts it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from mutunode.protocol import messages, rivals
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.identity import Chain, Rival, Standing
from mutunode.protocol.limits import CHAIN_ASKED_SECONDS, CHAIN_TOLD_BURST
from mutunode.protocol.messages import Ident, Identity
from mutunode.protocol.rows import pack
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.simulator.epochs import Thief, open_epoch
from tests.store.authors import START, Author, take


def alice(machine: str = "", keeps: int = 0) -> Author:
    """One organisation, as the machine on which it began anew."""
    author = Author("alice")
    author.write(("resource", {"title": {"fr": "Fiche"}}))
    author.open_epoch(keeps, machine=machine)
    return author


def follows(world: World, name: str, author: Author) -> Actor:
    """A node that follows an organisation and holds this branch of it."""
    actor = world.node(name)
    actor.accepts(author)
    take(actor.store, author)
    return actor


def chain_of(actor: Actor, author: Author) -> Chain:
    with actor.turn():
        chain = actor.store.ledger.chain(author.org)
    assert chain is not None
    return chain


def goes_on(actor: Actor, author: Author, title: str) -> Head:
    """The machine of an author, linked with this node alone, publishes; the node has it and passes it on."""
    chain = chain_of(actor, author)
    author.write(("resource", {"title": {"fr": title}}))
    take(actor.store, author)
    with actor.turn():
        actor.store.ledger.put_chain(chain)
        held = actor.store.ledger.log(author.log())
    assert held is not None
    assert held.head is not None
    actor.does(lambda node, now: node.published([held.head], now))
    return held.head


def link(world: World, *actors: Actor) -> None:
    """Each with the next."""
    for one, other in itertools.pairwise(actors):
        one.knows_address_of(other)
    world.run(2)


def test_a_dispute_that_one_hears_of_all_hear_of_within_a_second(world: World) -> None:
    one, other = alice(), alice("elsewhere")
    bob, carol, dave = (follows(world, name, one) for name in ("bob", "carol", "dave"))
    link(world, bob, carol, dave)
    sent = {actor.name: len(actor.seen) for actor in (bob, carol, dave)}
    Puppet(bob, author=other).greets()
    world.run(1)
    for actor in (bob, carol, dave):
        assert chain_of(actor, one).disputed
        assert actor.notices.count(NoticeKind.DISPUTED) == 1
        assert len(actor.seen) - sent[actor.name] <= 4, "it is told once a link, and then there is quiet"


def test_who_was_away_hears_of_a_dispute_when_it_comes_back_also_after_a_restart(world: World) -> None:
    one, other = alice(), alice("elsewhere")
    bob, carol = follows(world, "bob", one), follows(world, "carol", one)
    Puppet(bob, author=other).greets()
    assert chain_of(bob, one).disputed
    bob.crashes()
    bob.starts()
    link(world, bob, carol)
    assert chain_of(carol, one).disputed
    assert carol.notices.count(NoticeKind.DISPUTED) == 1


@pytest.mark.parametrize("later", [0, 5])
def test_two_that_hold_one_branch_each_hear_of_it_when_they_meet(world: World, later: int) -> None:
    one, other = alice(), alice("elsewhere")  # the same tree, signed in the same second, or not
    other.time += later
    bob, carol = follows(world, "bob", one), follows(world, "carol", other)
    link(world, bob, carol)
    assert chain_of(bob, one).disputed
    assert chain_of(carol, one).disputed
    with bob.turn(), carol.turn():
        assert bob.store.ledger.score(carol.org)[0] >= 0
        assert carol.store.ledger.score(bob.org)[0] >= 0


def test_heads_of_the_branch_that_was_not_chosen_cost_nobody_anything(world: World) -> None:
    one, other = alice(), alice("elsewhere")
    bob, carol = follows(world, "bob", one), follows(world, "carol", other)
    link(world, bob, carol)
    for actor in (bob, carol):  # each keeps its own
        actor.does(lambda node, now: node.decide(one.org, 1, False, now))
    for number in range(30):
        goes_on(carol, other, f"Là-bas {number}")
        world.run(15)
    shown = sum(isinstance(messages.decode(frame), messages.Heads) for frame in bob.seen)
    assert shown > 25
    with bob.turn():
        held = bob.store.ledger.log(one.log())
        assert held is not None
        assert held.size == 0
        assert bob.store.ledger.score(carol.org)[0] >= 0
    assert bob.is_linked_with(carol)


def test_an_op_signed_for_another_organisation_ends_its_old_key_everywhere_at_once(world: World) -> None:
    old, new = alice(), alice()
    bob, carol = follows(world, "bob", old), follows(world, "carol", old)
    link(world, bob, carol)
    machines = [Puppet(actor, author=old).greets() for actor in (bob, carol)]
    new.open_epoch(0)
    with bob.turn():
        bob.store.ledger.put_chain(new.chain)
    bob.does(lambda node, now: node.identity_changed(old.chain, now))
    world.run(1)
    assert chain_of(carol, old).epoch == 2
    for machine in machines:
        shown = machine.last(Identity)
        assert (shown.id, len(shown.ops)) == (0, 1), "it is told why"
        assert (machine.errors, machine.close_code()) == ([6], 4003)


@pytest.mark.parametrize("what", ["an epoch that is over", "a disputed one"])
def test_who_was_away_and_announces_what_no_longer_counts_is_told_once(world: World, what: str) -> None:
    old, new = alice(), alice()
    bob, carol = follows(world, "bob", old), follows(world, "carol", old)
    if what == "a disputed one":
        op = alice("elsewhere").chain.ops[0]
        chain = rivals.learn(old.chain, op.op, op.signature, 0)
    else:
        new.open_epoch(0)  # signed by a friend, and no head yet
        chain = new.chain
    link(world, bob, carol)
    with bob.turn():
        bob.store.ledger.put_chain(chain)  # as if carol had not been there when it came
    for number in range(3):
        goes_on(carol, old, f"Trop tard {number}")
        world.run(12)
    assert chain_of(carol, old).epoch == chain.epoch
    assert chain_of(carol, old).disputed == (what == "a disputed one")
    shown = [message for frame in carol.seen if isinstance(message := messages.decode(frame), Identity)]
    assert len([each for each in shown if each.id == messages.PUSH]) == 1


def test_an_identity_that_does_not_verify_costs_who_shows_it(world: World) -> None:
    held, next_one = alice(), alice()
    bob = follows(world, "bob", held)
    next_one.open_epoch(0)
    (op,) = next_one.chain.ops[1:]
    puppet = Puppet(bob).greets()
    genesis = held.chain.genesis.raw
    puppet.sends(Identity(0, genesis, ((op.op.raw, bytes(64)),), ()))
    puppet.sends(Identity(0, b"\xc1", (), ()))
    assert chain_of(bob, held).epoch == 1
    with bob.turn():
        assert bob.store.ledger.score(puppet.org)[0] == -20
    puppet.sends(Identity(0, genesis, ((op.op.raw, op.signature),), ()))
    assert chain_of(bob, held).epoch == 2


def test_of_whom_nothing_is_held_an_unasked_identity_says_nothing(world: World) -> None:
    bob, stranger = world.node("bob"), alice()
    puppet = Puppet(bob).greets()
    puppet.sends(Identity(0, stranger.chain.genesis.raw, (), ()))
    with bob.turn():
        assert bob.store.ledger.chain(stranger.org) is None
        assert bob.store.ledger.score(puppet.org)[0] == 0


def test_what_comes_before_an_op_is_asked_for_once_in_ten_minutes(world: World) -> None:
    held, later = alice(), alice()
    bob = follows(world, "bob", held)
    for _ in range(2):
        later.open_epoch(0)
    last = later.chain.ops[-1]
    puppet = Puppet(bob).greets()
    pushed = Identity(0, held.chain.genesis.raw, ((last.op.raw, last.signature),), ())

    def asked() -> int:
        return sum(ident.key == held.org for ident in puppet.heard(Ident))

    for _ in range(3):
        puppet.sends(pushed)
    assert asked() == 1
    world.run(CHAIN_ASKED_SECONDS)
    puppet.sends(pushed)
    assert asked() == 2
    puppet.answers_ident(puppet.last(Ident), later.chain)
    assert chain_of(bob, held).epoch == 3


def test_who_changes_its_keys_all_the_time_is_passed_on_at_a_pace(world: World) -> None:
    author = alice()
    bob, carol = follows(world, "bob", author), follows(world, "carol", author)
    link(world, bob, carol)
    for _ in range(3 * CHAIN_TOLD_BURST):
        before = author.chain
        author.open_epoch(0)
        with bob.turn():
            bob.store.ledger.put_chain(author.chain)
        bob.does(lambda node, now, before=before: node.identity_changed(before, now))
    world.run(1)
    shown = [message for frame in carol.seen if isinstance(message := messages.decode(frame), Identity)]
    assert len([each for each in shown if each.id == messages.PUSH]) == CHAIN_TOLD_BURST
    assert chain_of(carol, author).epoch == 1 + CHAIN_TOLD_BURST


def test_first_change_names_the_epoch_from_which_a_chain_says_something_else() -> None:
    one, other = alice(), alice("elsewhere")
    one.open_epoch(0)
    op = other.chain.ops[0]
    disputed = rivals.learn(one.chain, op.op, op.signature, 0)
    assert rivals.first_change(one.chain, disputed) == 1
    assert rivals.first_change(disputed, rivals.decide(disputed, 1, take_rival=False)) == 3
    assert rivals.first_change(disputed, rivals.decide(disputed, 1, take_rival=True)) == 1
    one.open_epoch(0)
    assert rivals.first_change(disputed, one.chain) == 3


def test_who_hears_of_a_new_start_takes_no_older_register_until_one_of_it_is_there(world: World) -> None:
    """PROTOCOL §2: the key that was replaced may be a stolen one, whoever shows what it signed."""
    author = alice()
    bob, carol = follows(world, "bob", author), world.node("carol")
    carol.accepts(author)
    author.open_epoch(0)
    with bob.turn():
        bob.store.ledger.put_chain(author.chain)  # and its first head never came
    link(world, bob, carol)
    assert chain_of(carol, author).epoch == 2
    assert [held(actor, author) and held(actor, author).epoch for actor in (bob, carol)] == [1, None]
    author.write(("resource", {"title": {"fr": "De nouveau"}}))
    shows(Puppet(bob, author=author).greets(), author)
    world.run(2)
    assert [held(actor, author).order[:2] for actor in (bob, carol)] == [(2, 1), (2, 1)]


def held(actor: Actor, author: Author) -> Any:
    """The head it holds of an organisation's register."""
    return actor.store.state.logs[author.log()].head if author.log() in actor.store.state.logs else None


@pytest.mark.parametrize("knows", ["carol", "dave"])
def test_who_is_disputed_hears_of_others_who_are_and_tells_of_them(world: World, knows: str) -> None:
    """Else two whose roots were stolen, each linked with the other's thief, never hear of each other."""
    one, other = alice(), alice("elsewhere")
    carol, dave = follows(world, "carol", one), follows(world, "dave", one)
    stolen = Author("dave")
    stolen.open_epoch(0, machine="of a thief")
    carol.accepts(stolen)
    take(carol.store, stolen)
    open_epoch(dave)
    knowing, unaware = (carol, dave) if knows == "carol" else (dave, carol)
    with knowing.turn():
        op = other.chain.ops[0]
        knowing.store.ledger.put_chain(rivals.learn(one.chain, op.op, op.signature, 0))
    link(world, carol, dave)
    assert chain_of(carol, stolen).disputed
    assert not carol.is_linked_with(dave), "there are identities alone between them"
    assert chain_of(unaware, one).disputed
    assert unaware.notices.count(NoticeKind.DISPUTED) == 2, "of its own, or that of who tells, and of theirs"


def test_two_each_linked_with_the_others_thief_find_each_other_where_they_met(world: World) -> None:
    one, other = friends(world)
    thieves = [Thief(world, victim) for victim in (one, other)]
    for thief in thieves:
        world.actors[thief.address] = thief
    of_one, of_other = thieves
    world.part([one], [other], [of_one], [of_other])
    for actor in (*thieves, one, other):
        open_epoch(actor)
    world.heal()
    world.part([one, of_other], [other, of_one])
    world.run(60)
    assert one.is_linked_with(other), "with whoever has that key"
    assert chain_of(one, other.author).ops[0].op == of_other.author.chain.ops[0].op
    world.heal()
    world.run(3_600)
    for actor in (one, other):
        assert actor.notices.count(NoticeKind.DISPUTED) == 2, "of its own new start, and of the other's"


def test_whose_key_is_new_is_called_back_once_where_it_was_met_before(world: World) -> None:
    bob, carol = friends(world)
    open_epoch(carol)
    world.run(30)
    assert bob.is_linked_with(carol)
    dialled = len(bob.dialled)
    world.run(86_400)
    assert len(bob.dialled) - dialled <= 1
    assert bob.is_linked_with(carol)


def friends(world: World) -> tuple[Actor, Actor]:
    """Two that met, each at the address of the other."""
    bob, carol = world.node("bob"), world.node("carol")
    for one, other in ((bob, carol), (carol, bob)):
        one.accepts(other)
        one.knows_address_of(other)
    world.run(5)
    return bob, carol


@pytest.mark.parametrize("larger", [0, 2])
def test_the_branch_that_wins_reaches_who_showed_more_of_the_one_that_lost(world: World, larger: int) -> None:
    won, lost = alice(), alice("elsewhere")
    bob, carol = follows(world, "bob", lost), follows(world, "carol", lost)
    link(world, bob, carol)
    for number in range(larger + 1):
        lost.write(("resource", {"title": {"fr": f"Perdue {number}"}}))
    for actor in (bob, carol):
        take(actor.store, lost)
        with actor.turn():
            held = actor.store.ledger.log(lost.log())
        assert held is not None
        actor.does(lambda node, now, head=held.head: node.published([head], now))
    world.run(2)
    rival = Rival(won.chain.ops, Standing.LATE)  # a person follows it all the same
    for actor in (bob, carol):
        with actor.turn():
            actor.store.ledger.put_chain(replace(lost.chain, rivals=(rival,)))
    carol.does(lambda node, now: node.decide(won.org, 1, True, now))
    bob.does(lambda node, now: node.decide(won.org, 1, True, now))
    world.run(1)  # bob has asked carol for the head of that branch, and it had none yet
    won.write(("resource", {"title": {"fr": "Gagnée"}}))
    won.time = START - 1  # nor is it newer
    machine = Puppet(carol, author=won).greets()
    shows(machine, won)
    world.run(2)
    for actor in (bob, carol):
        with actor.turn():
            held = actor.store.ledger.log(won.log())
        assert held is not None
        assert held.head is not None
        assert held.head.root == won.tree().root()


def shows(machine: Puppet, author: Author) -> None:
    """It announces its newest head, and gives the entries it is asked for."""
    machine.pushes(author.head())
    for get in machine.heard(messages.Get):
        rows = [(each.header, each.salt, each.body) for each in author.entries[PUBLIC][get.start : get.end]]
        enc, payload = pack(rows, compressed=False)
        machine.sends(messages.Entries(get.id, get.log, get.start, 1 if enc else 0, payload))
