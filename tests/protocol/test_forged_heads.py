"""Heads that nobody signed: they cost who shows them, and keep nothing from coming that others show."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mutunode.protocol import messages
from mutunode.protocol.messages import Get, Ident
from tests.protocol.puppet import Puppet
from tests.protocol.test_fetching import resources, size, told
from tests.simulator import Actor, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bob(world: World) -> Actor:
    return world.node("bob")


def test_a_head_that_nobody_signed_does_not_keep_the_others_from_being_asked(
    world: World, bob: Actor
) -> None:
    silent, alice = told(bob)
    entries = resources(alice, 3)
    head = alice.head()
    silent.pushes(head)
    forger = Puppet(bob, "forger").greets()
    forger.pushes(replace(head, size=4, time=head.time + 1))
    honest = Puppet(bob, "honest").greets()
    honest.pushes(head)
    world.run(4)  # three seconds of silence, then the forger's turn
    honest.answers_gets(entries)
    assert size(bob, alice) == 3


def test_a_head_that_nobody_signed_settles_nothing_of_what_others_showed(bob: Actor) -> None:
    honest, alice = told(bob)
    resources(alice, 3)
    head = alice.head()
    honest.sends(messages.Heads(honest.last(messages.Since).id, b"honestly", 7, False, (head,)))
    forger = Puppet(bob, "forger").greets()
    forged = replace(head, size=4, time=head.time + 1)
    forger.sends(messages.Heads(forger.last(messages.Since).id, b"a forger", 9, False, (forged,)))
    honest.sends(messages.Err(honest.last(Get).id, 2, 0, "unknown"))  # nothing comes of the true one for now
    forger.answers_ident(forger.last(Ident), alice.chain)
    with bob.turn():
        assert bob.store.ledger.cursor(forger.org) == (b"a forger", 9)
        assert bob.store.ledger.cursor(honest.org) != (b"honestly", 7), "it is shown again when asked"
