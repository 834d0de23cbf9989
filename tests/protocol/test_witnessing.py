"""Asking peers to witness a head: what counts, what does not, and what a false answer costs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from mutunode.protocol import messages
from mutunode.protocol.effects import Effect
from mutunode.protocol.errors import Code
from mutunode.protocol.head import Cosignature, Head, cosign
from mutunode.protocol.merkle import leaf_hash
from mutunode.protocol.node import Node
from mutunode.protocol.proof import Witness
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author, take

Told = list[Witness | None]


@pytest.fixture
def bob(world: World) -> Actor:
    bob = world.node("bob")
    bob.publishes("Fiche 1", "Fiche 2", "Fiche 3")
    return bob


@pytest.fixture
def peer(bob: Actor) -> Puppet:
    return Puppet(bob, "peer").greets()


def head_of(bob: Actor) -> Head:
    with bob.turn():
        held = bob.store.ledger.log(bob.author.log())
    assert held is not None
    assert held.head is not None
    return held.head


def asks(bob: Actor, head: Head | None = None) -> tuple[Told, list[int]]:
    """Bob asks everybody; what it is told, and how many it asked."""
    told: Told = []
    asked: list[int] = []

    of = head or head_of(bob)

    def given(node: Node, now: float) -> list[Effect]:
        count, effects = node.ask_witnesses(of, told.append, now)
        asked.append(count)
        return effects

    bob.does(given)
    return told, asked


def score(bob: Actor, peer: Puppet) -> float:
    with bob.turn():
        return bob.store.ledger.score(peer.org)[0]


def signed(peer: Puppet, head: Head, time: int, sign: Callable[[bytes], bytes] | None = None) -> Cosignature:
    return cosign(head, peer.org, 0, time, sign or peer.author._operating.sign)


def answers(peer: Puppet, head: Head, cosignature: Cosignature) -> None:
    prove = peer.last(messages.Prove)
    peer.sends(messages.Proof(prove.id, b"", (), head, cosignature))


def test_a_peer_that_holds_the_same_tree_is_a_witness(world: World, bob: Actor, peer: Puppet) -> None:
    told, asked = asks(bob)
    prove, head = peer.last(messages.Prove), head_of(bob)
    assert (prove.log, prove.epoch, prove.size, asked) == (head.log, 0, 3, [1])
    answers(peer, head, signed(peer, head, int(world.now)))
    (witness,) = told
    assert witness is not None
    assert witness.chain.org == witness.cosignature.org == peer.org


def test_a_renewed_head_is_the_same_tree(world: World, bob: Actor, peer: Puppet) -> None:
    told, _ = asks(bob)
    head = head_of(bob)
    answers(peer, msgspec.structs.replace(head, time=head.time + 1), signed(peer, head, int(world.now)))
    assert told[0] is not None


@pytest.mark.parametrize("days", [-2, 2])
def test_a_time_far_from_ours_is_no_witness_and_costs_nothing(
    world: World, bob: Actor, peer: Puppet, days: int
) -> None:
    told, _ = asks(bob)
    head = head_of(bob)
    answers(peer, head, signed(peer, head, int(world.now) + days * 86_400))
    assert told == [None]
    assert score(bob, peer) == 0


def test_a_false_signature_is_a_bad_answer(world: World, bob: Actor, peer: Puppet) -> None:
    told, _ = asks(bob)
    head = head_of(bob)
    answers(peer, head, signed(peer, head, int(world.now), lambda message: bytes(64)))
    assert told == [None]
    assert score(bob, peer) < 0


def test_nobody_witnesses_in_the_name_of_another(world: World, bob: Actor, peer: Puppet) -> None:
    told, _ = asks(bob)
    head = head_of(bob)
    mine = signed(peer, head, int(world.now))
    answers(peer, head, msgspec.structs.replace(mine, org=leaf_hash(b"another")))
    assert told == [None]


def test_a_refusal_and_a_lost_link_are_heard_once_each(bob: Actor, peer: Puppet) -> None:
    other = Puppet(bob, "other").greets()
    told, asked = asks(bob)
    peer.sends(messages.Err(peer.last(messages.Prove).id, Code.UNKNOWN, 0, "unknown"))
    bob.does(lambda node, now: node.closed(other.link, "gone", now))
    assert (told, asked) == ([None, None], [2])


def test_an_author_is_not_asked_to_witness_itself(bob: Actor, peer: Puppet) -> None:
    told, asked = asks(bob, msgspec.structs.replace(head_of(bob), org=peer.org))
    assert (told, asked, peer.heard(messages.Prove)) == ([], [0], [])


def test_a_peer_that_shows_another_tree_shows_that_its_author_signed_two(
    world: World, bob: Actor, peer: Puppet
) -> None:
    alice, forked = Author("alice"), Author("alice")
    alice.write(("resource", {"n": 1}))
    forked.write(("resource", {"n": 2}))
    bob.accepts(alice)
    take(bob.store, alice)
    told, _ = asks(bob, alice.head())
    other = forked.head()
    answers(peer, other, signed(peer, other, int(world.now)))
    world.run(1)
    assert told == [None]
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert held.frozen
