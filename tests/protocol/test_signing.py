"""May this node sign? After a restart, with an old store, with a peer that holds more, with nobody there."""

from __future__ import annotations

from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.merkle import EMPTY_ROOT
from mutunode.protocol.messages import AskHead, Heads, Ident
from mutunode.protocol.signing import Mark, Reason
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author


def restarts(actor: Actor) -> None:
    """The process ends and starts again on the same store."""
    actor.crashes()
    actor.world.run(0.1)
    actor.starts()


def loses_last(actor: Actor, keep: int) -> None:
    """An old copy of the store is put back; the outside mark is not part of it."""
    copies = actor.copies
    actor.crashes()
    actor.world.run(0.1)
    actor.store.state = copies[keep]
    actor.starts()


def test_a_new_node_with_nobody_around_signs_at_once(world: World) -> None:
    assert world.node("bob").signing().allowed


def test_a_mark_of_nothing_fits_a_log_without_entries_and_one_whose_first_mark_a_crash_took(
    world: World,
) -> None:
    bob = world.node("bob")
    bob.marks[bob.log] = Mark(bob.log, 0, 0, EMPTY_ROOT)
    restarts(bob)
    assert bob.signing().allowed
    bob.publishes("Fiche 1")
    bob.marks[bob.log] = Mark(bob.log, 0, 0, EMPTY_ROOT)
    restarts(bob)
    assert bob.signing().allowed


def test_a_log_that_is_gone_does_not_fit_a_mark_of_entries(world: World) -> None:
    bob = world.node("bob")
    bob.marks[bob.log] = Mark(bob.log, 0, 1, bytes(32))
    restarts(bob)
    assert bob.signing().reason is Reason.STALE


def test_with_peers_known_it_asks_them_first_and_waits_five_seconds_for_one_answer(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.knows_address_of(alice)
    alice.crashes()
    world.run(1)
    restarts(bob)
    assert bob.signing().reason is Reason.ASKING
    world.run(4.8)
    assert bob.signing().reason is Reason.ASKING
    world.run(0.5)
    assert bob.signing().allowed


def test_one_that_is_followed_is_waited_for_even_without_an_address_of_theirs(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.accepts(alice)
    restarts(bob)
    assert bob.signing().reason is Reason.ASKING
    world.run(5.2)
    assert bob.signing().allowed


def test_one_answer_is_enough(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.knows_address_of(alice)
    world.run(1)
    restarts(bob)
    assert not bob.signing().allowed
    world.run(1)
    assert bob.is_linked_with(alice)
    assert bob.signing().allowed


def test_an_old_copy_of_the_store_fetches_what_it_lacks_and_then_signs_on(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.knows_address_of(alice)
    world.run(1)
    bob.publishes("Fiche 1")
    bob.copy()
    bob.publishes("Fiche 2")
    bob.publishes("Fiche 3")
    world.run(2)
    assert alice.size_of(bob) == 3
    loses_last(bob, 0)
    assert bob.size_of(bob) == 1
    assert not bob.signing().allowed
    world.run(3)
    assert bob.size_of(bob) == 3
    assert bob.notices[-2:] == [NoticeKind.BEHIND, NoticeKind.CAUGHT_UP]
    assert bob.signing().allowed
    bob.publishes("Fiche 4")
    world.run(2)
    assert alice.size_of(bob) == 4
    assert NoticeKind.FORK not in alice.notices


def test_an_old_copy_with_nobody_in_reach_waits_for_a_person(world: World) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    bob.copy()
    bob.publishes("Fiche 2")
    loses_last(bob, 0)
    world.run(600)
    assert bob.signing().reason is Reason.STALE
    bob.does(lambda node, now: node.allow_signing(now))
    assert bob.signing().allowed


def test_an_old_copy_whose_peers_lack_it_too_waits_for_a_person(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    bob.copy()
    bob.publishes("Fiche 2")
    bob.knows_address_of(alice)
    loses_last(bob, 0)
    bob.knows_address_of(alice)
    world.run(10)
    assert bob.is_linked_with(alice)
    assert bob.signing().reason is Reason.STALE


def test_a_store_ahead_of_its_mark_was_killed_between_the_two(world: World) -> None:
    bob = world.node("bob")
    first = bob.publishes("Fiche 1")
    bob.publishes("Fiche 2")
    bob.marks[bob.log] = Mark(bob.log, first.epoch, first.size, first.root)
    restarts(bob)
    assert bob.signing().allowed


def test_a_mark_of_another_tree_is_no_agreement(world: World) -> None:
    bob = world.node("bob")
    head = bob.publishes("Fiche 1")
    bob.marks[bob.log] = Mark(bob.log, head.epoch, head.size, bytes(32))
    restarts(bob)
    assert bob.signing().reason is Reason.STALE


def test_a_store_without_its_mark_takes_a_peers_word(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.knows_address_of(alice)
    world.run(1)
    bob.publishes("Fiche 1")
    world.run(2)
    assert alice.size_of(bob) == 1
    bob.marks.clear()
    restarts(bob)
    assert not bob.signing().allowed
    bob.knows_address_of(alice)
    world.run(2)
    assert bob.signing().allowed


def test_the_word_of_a_peer_that_holds_nothing_of_ours_is_none(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    bob.marks.clear()
    restarts(bob)
    assert bob.signing().reason is Reason.STALE
    bob.knows_address_of(alice)
    world.run(10)
    assert bob.is_linked_with(alice)
    assert bob.signing().reason is Reason.STALE


def test_a_peer_that_invents_a_head_of_ours_does_not_stop_us(world: World) -> None:
    bob = world.node("bob")
    puppet = Puppet(bob).greets()
    ask = puppet.last(AskHead)
    mallory = Author("mallory")
    mallory.write(("resource", {"n": 1}))
    forged = mallory.head()
    puppet.sends(Heads(ask.id, b"mallorys", 0, False, (forged,)))
    assert bob.signing().allowed


def test_who_holds_more_of_our_log_and_does_not_give_it_keeps_us_from_forking(world: World) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    elsewhere = Author("bob")
    elsewhere.write(*bob.author.entries[bytes(32)], ("resource", {"title": {"fr": "Fiche 2"}}))
    puppet = Puppet(bob, "alice").greets()
    puppet.pushes(elsewhere.head())
    assert bob.notices == [NoticeKind.BEHIND]
    world.run(120)
    assert bob.signing().reason is Reason.BEHIND
    other = Puppet(bob, "carol").greets()
    other.pushes(elsewhere.head())
    other.answers_gets(elsewhere.entries[bytes(32)])
    assert bob.signing().allowed
    assert bob.size_of(bob) == 2


def test_a_key_that_was_replaced_elsewhere_signs_no_more(world: World) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    recovered = Author("bob")
    recovered.write(*bob.author.entries[bytes(32)])
    recovered.open_epoch(1)
    recovered.write(("resource", {"title": {"fr": "depuis la nouvelle machine"}}))
    puppet = Puppet(bob, "alice").greets()
    puppet.pushes(recovered.head())
    puppet.answers_ident(puppet.last(Ident), recovered.chain)
    puppet.answers_gets(recovered.entries[bytes(32)])
    assert bob.size_of(bob) == 2
    assert bob.signing().reason is Reason.REPLACED


def test_a_machine_that_was_switched_off_hears_from_whoever_it_meets_that_its_key_is_over(
    world: World,
) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    recovered = Author("bob")
    recovered.write(*bob.author.entries[bytes(32)])
    recovered.open_epoch(1)
    puppet = Puppet(bob, "alice").greets()
    asked = next(ident for ident in puppet.heard(Ident) if ident.key == bob.author.org)
    assert bob.signing().allowed
    puppet.answers_ident(asked, recovered.chain)
    assert bob.signing().reason is Reason.REPLACED


def test_two_registers_of_our_newest_epoch_keep_us_from_signing(world: World) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    with bob.turn():
        bob.store.ledger.freeze(bob.log, bob.author.org, bytes(32), 0, b"evidence", 0)
    assert bob.signing().reason is Reason.FORK
