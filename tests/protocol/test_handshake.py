"""Who is there: HELLO, AUTH, IDENT, and everything that ends a link before it begins."""

from __future__ import annotations

import pytest

from mutunode.protocol import codec, messages
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.limits import HANDSHAKE_SECONDS_MAX
from mutunode.protocol.messages import Err, Heads, Hello, Ident
from mutunode.protocol.signing import Reason
from tests.protocol.puppet import Puppet
from tests.simulator import World
from tests.store.authors import Author


def test_both_say_hello_first_and_auth_as_soon_as_the_others_hello_is_there(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    assert [type(message).__name__ for message in puppet.got] == ["Hello"]
    puppet.sends(puppet.hello())
    assert [type(message).__name__ for message in puppet.got] == ["Hello", "Auth"]


def test_a_peer_whose_chain_is_not_held_is_asked_for_it_first(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    assert puppet.last(Ident) == Ident(2, puppet.author.org, 1)
    assert not puppet.actor.links()[0].ready
    puppet.introduces_itself()
    assert puppet.actor.links()[0].ready
    assert puppet.actor.links()[0].name == "mallory"


def test_a_peer_whose_chain_is_held_is_welcome_at_once(world: World) -> None:
    bob = world.node("bob")
    alice = Author("alice")
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    puppet = Puppet(bob, author=alice)
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    assert bob.links()[0].ready


def test_the_handshake_has_ten_seconds(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    puppet.sends(puppet.hello())
    world.run(HANDSHAKE_SECONDS_MAX - 1)
    assert puppet.close_code() is None
    world.run(2)
    assert puppet.close_code() == 4003


def test_until_its_chain_is_known_a_peer_is_served_identities_and_nothing_else(world: World) -> None:
    bob = world.node("bob")
    bob.publishes("Fiche")
    puppet = Puppet(bob)
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    assert puppet.asks(messages.Ident, bob.org, 1)
    assert not puppet.asks(messages.AskHead, bob.log)
    puppet.introduces_itself()
    world.run(0)
    assert puppet.last(Heads).heads[0].size == 1


def test_sixteen_requests_are_held_back_and_the_next_is_told_to_come_later(world: World) -> None:
    bob = world.node("bob")
    puppet = Puppet(bob)
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    for _ in range(16):
        assert puppet.asks(messages.AskHead, bob.log) == []
    (refusal,) = puppet.asks(messages.AskHead, bob.log)
    assert isinstance(refusal, Err)
    assert refusal.code == 3


def test_another_version_is_told_so(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    puppet.sends_bytes(codec.encode([0, 2, {"quite": "different"}]))
    assert puppet.errors == [7]
    assert puppet.close_code() == 1002


def test_another_organisation_than_the_one_pinned_is_left(world: World) -> None:
    puppet = Puppet(world.node("bob"), dialled=True, pinned=Author("alice").org)
    puppet.sends(puppet.hello())
    assert puppet.close_code() == 4003


@pytest.mark.parametrize("dialled", [False, True])
def test_a_role_taken_from_the_other_side_is_refused(world: World, dialled: bool) -> None:
    puppet = Puppet(world.node("bob"), dialled=dialled)
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.dialled = not dialled
    puppet.sends(puppet.auth(hello))
    assert puppet.errors == [6]
    assert puppet.close_code() == 4003


def test_an_auth_of_another_channel_is_refused(world: World) -> None:
    puppet = Puppet(world.node("bob"), channel=bytes(32))
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    assert puppet.errors == [6]


def test_an_auth_replayed_on_another_link_is_refused(world: World) -> None:
    bob = world.node("bob")
    first = Puppet(bob)
    hello = first.hello()
    first.sends(hello)
    auth = first.auth(hello)
    second = Puppet(bob)
    second.sends(hello)
    second.sends(auth)
    assert second.errors == [6]
    assert second.close_code() == 4003


def test_a_key_that_is_not_the_current_one_is_refused(world: World) -> None:
    thief, owner = Author("alice"), Author("alice")
    owner.open_epoch(0)
    puppet = Puppet(world.node("bob"), author=thief)
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    puppet.answers_ident(puppet.last(Ident), owner.chain)
    assert puppet.errors == [6]
    assert puppet.close_code() == 4003


def test_a_rotated_organisation_brings_its_new_epoch_with_it(world: World) -> None:
    bob, alice = world.node("bob"), Author("alice")
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    alice.open_epoch(0)
    Puppet(bob, author=alice).greets()
    assert bob.links()[0].ready
    with bob.turn():
        chain = bob.store.ledger.chain(alice.org)
    assert chain is not None
    assert chain.epoch == 1


@pytest.mark.parametrize(
    "frame",
    [
        codec.encode([1, bytes(64)]),  # AUTH before HELLO
        codec.encode([2, 1, bytes(8), 0]),  # a request before HELLO
        codec.encode([0, 1, bytes(32)]),
        codec.encode([0, 1, bytes(32), bytes(32), bytes(32), []]),  # a key of small order
        codec.encode({"not": "an array"}),
        b"",
        b"\xc1",
    ],
)
def test_what_does_not_begin_with_hello_is_malformed(world: World, frame: bytes) -> None:
    puppet = Puppet(world.node("bob"))
    puppet.sends_bytes(frame)
    assert puppet.errors == [1]
    assert puppet.close_code() == 1002


def test_features_unsorted_or_twice_are_malformed(world: World) -> None:
    for features in (["zstd", "relay"], ["zstd", "zstd"]):
        puppet = Puppet(world.node(f"bob {features}"))
        hello = puppet.hello()
        puppet.sends_bytes(codec.encode([0, 1, hello.org, hello.operating, hello.nonce, features]))
        assert puppet.errors == [1]


def test_a_second_hello_is_malformed(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    puppet.greets()
    puppet.sends(puppet.hello())
    assert puppet.errors == [1]


def test_a_frame_larger_than_a_mebibyte_ends_the_link(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    puppet.sends_bytes(bytes(1024 * 1024 + 1))
    assert puppet.errors == [1]
    assert puppet.close_code() == 1009


def test_a_node_that_reaches_itself_hangs_up_and_does_not_dial_there_again(world: World) -> None:
    bob = world.node("bob")
    bob.knows_address_of(bob)
    world.run(30)
    assert [close.code for close in bob.closes] == [4003, 4003]
    assert NoticeKind.SECOND_MACHINE not in bob.notices
    closes = len(bob.closes)
    world.run(7_200)
    assert len(bob.closes) == closes


def test_a_second_machine_with_the_same_key_makes_both_read_only(world: World) -> None:
    bob = world.node("bob")
    twin = Puppet(bob, author=Author("bob"))
    hello = twin.hello()
    twin.sends(hello)
    assert bob.notices == []
    twin.sends(twin.auth(hello))
    assert bob.notices == [NoticeKind.SECOND_MACHINE]
    assert twin.close_code() == 4003
    assert bob.signing().reason is Reason.SECOND_MACHINE
    assert isinstance(twin.got[1], messages.Auth)  # so that the other machine learns it too


def test_who_only_claims_to_be_us_changes_nothing(world: World) -> None:
    bob = world.node("bob")
    for puppet in (Puppet(bob, "mallory"), Puppet(bob, "mallory")):
        puppet.sends(puppet.hello(org=bob.org))
        assert puppet.errors == [5]
        assert puppet.close_code() == 4003
    liar = Puppet(bob, "mallory")
    hello = liar.hello(org=bob.org, operating=bob.node.me.operating)
    liar.sends(hello)
    liar.sends(liar.auth(hello))
    assert liar.errors == [6]
    assert bob.notices == []


def test_of_two_links_the_one_dialled_by_the_smaller_organisation_stays(world: World) -> None:
    alice, bob = sorted((world.node("alice"), world.node("bob")), key=lambda actor: actor.org)
    world.connect(alice, bob, bob.address)
    world.connect(bob, alice, alice.address)
    world.run(2)
    assert [link.outgoing for link in alice.links()] == [True]
    assert [link.outgoing for link in bob.links()] == [False]


def test_features_are_in_use_when_both_named_them(world: World) -> None:
    bob = world.node("bob")
    bob.publishes(*(f"Fiche {i}" for i in range(50)))
    enc = {}
    for features in ((), ("zstd",), ("later", "zstd")):
        puppet = Puppet(bob, f"mallory {features}", features=features).greets()
        (entries,) = puppet.asks(messages.Get, bob.log, 0, 0, 50, True)
        assert isinstance(entries, messages.Entries)
        enc[features] = entries.enc
    assert enc == {(): 0, ("zstd",): 1, ("later", "zstd"): 1}


def test_this_node_offers_to_relay(world: World) -> None:
    puppet = Puppet(world.node("bob"))
    assert puppet.last(Hello).features == ("relay", "zstd")
