"""Somebody between two nodes: whatever is passed on, turned round or shown again, no session comes of it."""

from __future__ import annotations

import pytest

from mutunode.protocol import messages
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.simulator.world import Wire
from tests.store.authors import Author


class MallorysChannel(Actor):
    """Whoever dials it meets another certificate than its own: somebody sits in between."""

    def is_connected(
        self, wire: Wire, outgoing: bool, address: str, server: Actor, lan: bool, pinned: bytes | None
    ) -> None:
        if wire.open:
            channel = b"\x66" * 32 if outgoing else server.channel
            self.does(type(self.node).opened, wire.number, outgoing, address, channel, lan, pinned)


@pytest.mark.parametrize("pinned", [False, True])
def test_a_man_in_the_middle_on_the_lan_gets_no_session_and_no_record(world: World, pinned: bool) -> None:
    """P10: every frame is passed on as it is, and each side sees a certificate of the man in the middle."""
    from mutunode.protocol.core import NodeSettings
    from mutunode.protocol.ledger import Address

    bob = world.node("bob")
    seeds = (Address("bob:1", bob.org if pinned else None, "seed"),)
    alice = world.add(MallorysChannel(world, "alice", NodeSettings(seeds=seeds)))
    alice.accepts(bob)
    bob.accepts(alice)
    bob.publishes("Fiche")
    world.run(120)
    assert alice.size_of(bob) == 0
    assert not any(link.ready for link in (*alice.links(), *bob.links()))
    assert 4003 in {close.code for close in (*alice.closes, *bob.closes)}
    assert not any(frame[1] not in (0, 1, 18) for frame in (*alice.seen, *bob.seen))


def test_a_handshake_that_is_passed_on_to_somebody_else_is_of_no_use(world: World) -> None:
    """P9: Mallory is dialled by Alice, and shows Bob what Alice says, and Alice what Bob says."""
    alice, bob = world.node("alice"), world.node("bob")
    to_bob = Puppet(bob, author=Author("alice"), channel=b"\x01" * 32)
    to_alice = Puppet(alice, author=Author("bob"), dialled=True, channel=b"\x02" * 32)
    to_bob.sends_bytes(to_alice.frames[0])  # Alice's HELLO
    to_alice.sends_bytes(to_bob.frames[0])  # Bob's HELLO
    auth_of_alice, auth_of_bob = to_alice.last(messages.Auth), to_bob.last(messages.Auth)
    # both puppets' links bear one channel here: make Bob's another, as two certificates are
    for session in bob.node._core.sessions.values():
        session.channel = b"\x77" * 32
    to_bob.sends(auth_of_alice)
    assert to_bob.close_code() == 4003
    for session in alice.node._core.sessions.values():
        session.channel = b"\x78" * 32
    to_alice.sends(auth_of_bob)
    assert to_alice.close_code() == 4003


def test_a_handshake_shown_again_later_is_of_no_use(world: World) -> None:
    """P9: all that one side sent, recorded and sent again on a new link."""
    bob = world.node("bob")
    alice = Author("alice")
    bob.accepts(alice)
    first = Puppet(bob, author=alice)
    hello = first.hello()
    auth = first.auth(hello)
    first.sends(hello)
    first.sends(auth)
    first.introduces_itself()
    assert any(link.ready for link in bob.links())
    again = Puppet(bob, author=alice)
    again.sends(hello)
    again.sends(auth)
    assert again.close_code() == 4003
    assert again.errors == [6]


def test_what_was_said_to_a_client_is_of_no_use_to_a_server(world: World) -> None:
    """A node that is made to dial itself, or two nodes that are shown each other's own frames."""
    bob = world.node("bob")
    mirror = Puppet(bob, "mallory")
    mirror.sends_bytes(mirror.frames[0])  # Bob's own HELLO
    assert mirror.close_code() == 4003
    mirror = Puppet(bob, "mallory", dialled=True)
    mirror.sends_bytes(mirror.frames[0])
    assert mirror.close_code() == 4003


@pytest.mark.parametrize("dialled", [False, True])
def test_ten_thousand_fake_announcements_on_the_lan_are_256_hints_at_most(
    world: World, dialled: bool
) -> None:
    """N9: copied or invented mDNS services; whom they name has to prove it, at that address."""
    bob = world.node("bob")
    alice = Author("alice")
    bob.accepts(alice)
    for number in range(10_000):
        org = alice.org if not number else number.to_bytes(32, "big")
        bob.does(
            lambda node, now, org=org, number=number: node.nearby(
                org, f"192.168.{number // 250}.{number % 250}:1", now
            )
        )
    assert len(bob.node.nearby_addresses()) == 256
    mallory = Puppet(bob, "mallory", dialled=dialled, pinned=alice.org if dialled else None)
    mallory.greets()
    assert mallory.close_code() == (4003 if dialled else None)
    assert not any(link.org == alice.org and link.ready for link in bob.links())
