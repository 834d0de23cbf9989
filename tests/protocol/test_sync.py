"""Two and three nodes: what one publishes, those who listen to it hold."""

from __future__ import annotations

from tests.simulator import World


def test_what_one_publishes_the_other_holds() -> None:
    world = World()
    alice, bob = world.node("alice"), world.node("bob")
    bob.accepts(alice)
    bob.knows_address_of(alice)
    world.run(1)
    assert bob.is_linked_with(alice)
    alice.publishes("Fiche 1", "Fiche 2")
    world.run(1)
    assert bob.size_of(alice) == 2


def test_what_was_published_before_they_met_comes_too() -> None:
    world = World()
    alice, bob = world.node("alice"), world.node("bob")
    alice.publishes(*(f"Fiche {i}" for i in range(300)))
    bob.accepts(alice)
    bob.knows_address_of(alice)
    world.run(2)
    assert bob.size_of(alice) == 300


def test_who_asked_by_itself_is_counted_among_those_who_hold_my_records() -> None:
    world = World(5)
    alice, bob = world.node("alice"), world.node("bob")
    head = alice.publishes("Fiche")
    bob.accepts(alice)
    bob.knows_address_of(alice)
    world.run(10)
    assert alice.holders() == {bob.org: head.order}
