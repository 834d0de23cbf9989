"""Heads that nobody signed: they cost who shows them, and keep nothing from coming that others show."""

from __future__ import annotations

from msgspec.structs import replace

from mutunode.protocol import messages
from mutunode.protocol.limits import STRANGERS_ASIDE_MAX
from mutunode.protocol.messages import Get, Ident
from tests.protocol.puppet import Puppet
from tests.protocol.test_fetching import resources, size, told
from tests.simulator import Actor, World


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


def leaves(puppet: Puppet, bob: Actor) -> None:
    bob.does(lambda node, now: node.closed(puppet.link, "gone", now))


def aside(bob: Actor) -> int:
    """Of how many senders something is remembered."""
    return sum(map(len, bob.node._chains._waiting.values()))


def test_strangers_that_come_with_ever_new_keys_fill_no_memory(bob: Actor) -> None:
    _, alice = told(bob)
    resources(alice, 1)
    forged = replace(alice.head(), signature=bytes(64))
    for number in range(STRANGERS_ASIDE_MAX + 20):
        stranger = Puppet(bob, f"stranger {number}").greets()
        stranger.pushes(forged)
        assert stranger.last(Ident).key == alice.org
        leaves(stranger, bob)
    assert aside(bob) == STRANGERS_ASIDE_MAX


def test_a_stranger_that_comes_again_is_not_asked_again_within_ten_minutes(bob: Actor) -> None:
    _, alice = told(bob)
    resources(alice, 1)
    forged = replace(alice.head(), signature=bytes(64))
    first = Puppet(bob, "stranger").greets()
    first.pushes(forged)
    leaves(first, bob)
    again = Puppet(bob, author=first.author).greets()
    again.pushes(forged)
    assert not [ident for ident in again.heard(Ident) if ident.key == alice.org]
