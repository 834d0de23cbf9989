"""Whom a node listens to, and whom it dials."""

from __future__ import annotations

import pytest

from mutunode.protocol import ids
from mutunode.protocol.dialling import check_address, parse_seed
from mutunode.protocol.effects import Dial
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ledger import Address
from mutunode.protocol.messages import Get
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author, take


def distances(actor: Actor, *others: Actor | Author) -> list[int | None]:
    return [actor.node.distance(other.org) for other in others]


# --- vouches ---------------------------------------------------------------------------------------
def vouching(bob: Actor, author: Author, *others: Author, listed: bool = True) -> None:
    """Bob holds vouches of somebody."""
    author.write(*(("vouch", {"endpoints": [], "listed": listed, "org": other.org}) for other in others))
    take(bob.store, author)
    bob.does(lambda node, now: node.interest_changed(now))


def test_listed_vouches_extend_listening_by_two_hops(world: World) -> None:
    bob = world.node("bob")
    one, two, three, four = (Author(name) for name in ("one", "two", "three", "four"))
    bob.accepts(one)
    vouching(bob, one, two)
    vouching(bob, two, three)
    vouching(bob, three, four)
    assert distances(bob, one, two, three, four) == [0, 1, 2, None]


def test_unlisted_vouches_do_not(world: World) -> None:
    bob = world.node("bob")
    one, two = Author("one"), Author("two")
    bob.accepts(one)
    vouching(bob, one, two, listed=False)
    assert distances(bob, two) == [None]


def test_a_voucher_introduces_a_hundred_at_most(world: World) -> None:
    bob = world.node("bob")
    one = Author("one")
    many = [Author(f"sybil {i}") for i in range(120)]
    bob.accepts(one)
    vouching(bob, one, *many)
    assert [distance is not None for distance in distances(bob, *many)] == [True] * 100 + [False] * 20


def test_a_block_holds_against_vouches_heads_and_links(world: World) -> None:
    bob = world.node("bob")
    one, two = Author("one"), Author("two")
    bob.accepts(one)
    link = Puppet(bob, author=two).greets()
    assert link.close_code() is None
    bob.blocks(two)
    assert link.close_code() == 4003
    vouching(bob, one, two)
    assert distances(bob, two) == [None]
    other = Puppet(bob, "other").greets()
    two.write(("resource", {"n": 1}))
    other.pushes(two.head())
    assert not other.heard(Get)
    again = Puppet(bob, author=two).greets()
    assert (again.errors, again.close_code()) == ([5], 4003)


def test_a_block_holds_against_what_is_under_way(world: World) -> None:
    bob = world.node("bob")
    one = Author("one")
    bob.accepts(one)
    with bob.turn():
        bob.store.ledger.put_chain(one.chain)
    other = Puppet(bob, "other").greets()
    entries = one.write(("resource", {"n": 1}))
    other.pushes(one.head())
    bob.blocks(one)
    assert other.answers_gets(entries) == 1
    with bob.turn():
        assert bob.store.ledger.log(one.log()) is None


def test_whoever_is_blocked_introduces_nobody(world: World) -> None:
    bob = world.node("bob")
    one, two = Author("one"), Author("two")
    bob.accepts(one)
    vouching(bob, one, two)
    bob.blocks(one)
    assert distances(bob, one, two) == [None, None]


def test_a_vouch_that_comes_over_the_network_brings_the_log_it_speaks_of(world: World) -> None:
    alice, bob, carol = world.node("alice"), world.node("bob"), world.node("carol")
    carol.publishes("Fiche de Carol")
    alice.accepts(carol)
    bob.accepts(alice)
    bob.knows_address_of(alice)
    alice.knows_address_of(carol)
    world.run(3)
    assert bob.size_of(carol) == 0
    alice.vouches_for(carol)
    world.run(5)
    assert bob.size_of(carol) == 1
    assert distances(bob, carol) == [1]


def test_whoever_is_accepted_on_an_open_link_is_read_at_once(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.publishes("Fiche")
    bob.knows_address_of(alice)
    world.run(2)
    assert bob.size_of(alice) == 0
    bob.accepts(alice)
    world.run(1)
    assert bob.size_of(alice) == 1


# --- addresses -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    ["example.org:7447", "192.0.2.1:7447", "[2001:db8::1]:7447", "wss://name.example", "wss://n:8443"],
)
def test_both_forms_of_addresses_are_understood(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.org",
        "example.org:0",
        "example.org:70000",
        "http://a:1",
        "wss://",
        "a b:1",
        "wss://a/path",
        "2001:db8::1:7447",
    ],
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(address: str) -> None:
    with pytest.raises(Malformed, match="host:port"):
        check_address(address)


def test_a_seed_may_be_pinned() -> None:
    org = Author("alice").org
    assert parse_seed(f"alice.example:7447#{ids.org_text(org)}") == Address("alice.example:7447", org, "seed")
    assert parse_seed("alice.example:7447") == Address("alice.example:7447", None, "seed")
    with pytest.raises(Malformed):
        parse_seed("alice.example:7447#org_nonsense")


def dials(actor: Actor) -> list[Dial]:
    return actor.dialled


def test_seeds_are_dialled_at_the_start(world: World) -> None:
    alice = world.node("alice")
    bob = world.node("bob", seeds=(parse_seed("alice:1"),))
    world.run(1)
    assert bob.is_linked_with(alice)
    assert dials(bob) == [Dial("alice:1", None, True)]


def test_endpoints_of_profiles_are_dialled_but_not_trusted_with_private_ranges(world: World) -> None:
    bob = world.node("bob")
    alice, carol = Author("alice"), Author("carol")
    bob.accepts(alice)
    alice.write(("profile", {"name": {"fr": "Alice"}, "endpoints": ["alice:1", "not an address"]}))
    alice.write(("vouch", {"org": carol.org, "listed": True, "endpoints": ["carol:1"]}))
    take(bob.store, alice)
    bob.does(lambda node, now: node.interest_changed(now))
    assert sorted(dials(bob), key=lambda dial: dial.address) == [
        Dial("alice:1", alice.org, False),
        Dial("carol:1", carol.org, False),
    ]


def test_whoever_is_nearby_is_dialled_as_a_hint(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.does(lambda node, now: node.nearby(alice.org, alice.address, now))
    world.run(1)
    assert bob.is_linked_with(alice)
    assert dials(bob) == [Dial("alice:1", alice.org, True)]
    assert bob.size_of(alice) == 0


def test_what_the_lan_shouts_is_bounded_and_may_be_nonsense(world: World) -> None:
    bob = world.node("bob")
    for i in range(1_000):
        org = Author("alice").org[:-4] + i.to_bytes(4, "big")
        bob.does(lambda node, now, org=org: node.nearby(org, "nonsense", now))
        bob.does(lambda node, now, org=org, i=i: node.nearby(org, f"host{i}:1", now))
    assert len(bob.node.nearby_addresses()) == 256


def test_an_address_that_does_not_answer_is_tried_again_after_growing_pauses(world: World) -> None:
    bob = world.node("bob")
    bob.does(lambda node, now: node.add_address("nowhere:1", None, now))
    world.run(600)
    first = len(dials(bob))
    assert 5 <= first <= 20
    world.run(36_000)
    assert 10 <= len(dials(bob)) - first <= 60  # about twice an hour, never forgotten


def test_a_peer_that_comes_back_is_found_again(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.accepts(alice)
    bob.knows_address_of(alice)
    world.run(1)
    alice.crashes()
    world.run(30)
    assert not bob.is_linked_with(alice)
    alice.starts()
    alice.publishes("Fiche")
    world.run(120)
    assert bob.size_of(alice) == 1


def test_with_many_peers_known_six_to_eight_links_are_kept(world: World) -> None:
    bob = world.node("bob")
    others = [world.node(f"node{i}") for i in range(60)]
    bob.knows_address_of(*others)
    world.run(60)
    ready = [link for link in bob.links() if link.ready]
    assert 6 <= len(ready) <= 8
    assert sum(link.outgoing for link in ready) >= 4
    before = {link.org for link in ready}
    world.run(3_600)
    after = {link.org for link in bob.links() if link.ready}
    assert 6 <= len(after) <= 8
    assert after != before  # one is exchanged every ten minutes
