"""RELAY: who dialled us meets others who did; what passes is bounded, in order, and nobody else's affair."""

from __future__ import annotations

import pytest

from mutunode.protocol import messages
from mutunode.protocol.effects import DialRelayed, Relayed
from mutunode.protocol.ledger import Stance
from mutunode.protocol.messages import Err, Hello, Relay
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author

FEATURES = ("relay", "zstd")


class Wishes(Actor):
    """Keeps what the core wants of the shell's relayed links."""

    def performs(self, effects):  # type: ignore[no-untyped-def]
        self.sought = [*getattr(self, "sought", []), *(e for e in effects if isinstance(e, DialRelayed))]
        self.arrived = [*getattr(self, "arrived", []), *(e for e in effects if isinstance(e, Relayed))]
        super().performs(effects)


@pytest.fixture
def bob(world: World) -> Wishes:
    from mutunode.protocol.core import NodeSettings

    return world.add(Wishes(world, "bob", NodeSettings()))  # type: ignore[return-value]


def caller(bob: Actor, name: str, **given: object) -> Puppet:
    """Somebody whom the relay listens to, linked with it."""
    author = Author(name)
    bob.accepts(author)
    return Puppet(bob, author=author, features=FEATURES, **given).greets()  # type: ignore[arg-type]


@pytest.fixture
def alice(bob: Wishes) -> Puppet:
    return caller(bob, "alice")


@pytest.fixture
def carol(bob: Wishes) -> Puppet:
    return caller(bob, "carol")


def test_what_one_sends_reaches_the_other_in_order_under_the_senders_name(
    alice: Puppet, carol: Puppet
) -> None:
    for piece in (b"one", b"two", b"three"):
        alice.sends(Relay(0, carol.org, piece))
    assert carol.heard(Relay) == [Relay(0, alice.org, piece) for piece in (b"one", b"two", b"three")]
    assert alice.errors == []


def test_somebody_who_is_not_there_is_said_once_a_minute(world: World, alice: Puppet) -> None:
    for _ in range(5):
        alice.sends(Relay(0, bytes(32), b"x"))
    assert alice.errors == [2]
    alice.sends(Relay(0, bytes([1]) * 32, b"x"))
    assert alice.errors == [2, 2]
    world.run(61)
    alice.sends(Relay(0, bytes(32), b"x"))
    assert alice.errors == [2, 2, 2]
    assert alice.last(Err).id == 0


def test_it_is_passed_on_only_to_those_who_dialled_the_relay(bob: Wishes, alice: Puppet) -> None:
    dialled = caller(bob, "dave", dialled=True)
    alice.sends(Relay(0, dialled.org, b"x"))
    assert dialled.heard(Relay) == []
    assert alice.errors == [2]


def test_whoever_did_not_name_the_feature_is_not_sent_relayed_bytes(bob: Wishes, alice: Puppet) -> None:
    author = Author("eve")
    bob.accepts(author)
    plain = Puppet(bob, author=author, features=("zstd",)).greets()
    alice.sends(Relay(0, plain.org, b"x"))
    assert plain.heard(Relay) == []
    assert alice.errors == [2]


def test_more_than_sixty_four_kibibytes_are_over_a_limit(alice: Puppet, carol: Puppet) -> None:
    alice.sends(Relay(0, carol.org, bytes(64 * 1024)))
    alice.sends(Relay(0, carol.org, bytes(64 * 1024 + 1)))
    assert alice.errors == [4]
    assert alice.close_code() is None
    assert [len(each.payload) for each in carol.heard(Relay)] == [64 * 1024]


def test_a_pair_has_its_pace_then_a_mebibyte_waits_then_the_sender_is_told(
    world: World, alice: Puppet, carol: Puppet
) -> None:
    start = world.now
    for number in range(30):
        alice.sends(Relay(0, carol.org, bytes([number]) * 60_000))
    assert alice.errors == [3]  # once: it does not shout back
    world.run(120)
    passed = carol.heard(Relay)
    assert 17 <= len(passed) <= 19  # 64 KiB at once, 1 MiB held, the rest refused
    assert [each.payload[0] for each in passed] == list(range(len(passed)))
    assert sum(len(each.payload) for each in passed) <= 64_000 * (world.now - start) + 64 * 1024
    assert alice.close_code() is None


def test_one_pair_does_not_slow_another(world: World, bob: Wishes, alice: Puppet, carol: Puppet) -> None:
    dave = caller(bob, "dave")
    for _ in range(20):
        alice.sends(Relay(0, carol.org, bytes(60_000)))
    dave.sends(Relay(0, alice.org, b"here I am"))
    assert alice.heard(Relay) == [Relay(0, dave.org, b"here I am")]


def test_nothing_is_kept_of_a_flow_that_is_silent_or_whose_ends_went(
    world: World, bob: Wishes, alice: Puppet, carol: Puppet
) -> None:
    flows = bob.node._relaying._flows
    alice.sends(Relay(0, carol.org, b"x"))
    assert len(flows) == 1
    world.run(61)
    assert flows == {}
    for _ in range(20):
        alice.sends(Relay(0, carol.org, bytes(60_000)))
    bob.does(lambda node, now: node.closed(carol.link, "gone", now))
    assert flows == {}
    world.run(30)
    assert bob.node._relaying._told.keys() <= {(alice.link, carol.org)}


def test_a_relay_takes_no_more_flows_from_one_link_than_there_are_links(
    bob: Wishes, alice: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutunode.protocol.relaying.RELAY_FLOWS_MAX", 2)
    others = [caller(bob, f"other{i}") for i in range(3)]
    for other in others:
        alice.sends(Relay(0, other.org, b"x"))
    assert [len(other.heard(Relay)) for other in others] == [1, 1, 0]
    assert alice.errors == [3]


# --- the ends ----------------------------------------------------------------------------------------------
def test_what_a_relay_brings_is_for_the_shell_and_a_block_holds_there_too(bob: Wishes) -> None:
    relay = caller(bob, "relay", dialled=True)
    relay.sends(Relay(0, Author("alice").org, b"hello"))
    assert bob.arrived == [Relayed(relay.link, Author("alice").org, b"hello")]
    with bob.turn():
        bob.store.ledger.put_stance(Author("mallory").org, Stance(blocked=True))
    relay.sends(Relay(0, Author("mallory").org, b"hello"))
    assert len(bob.arrived) == 1


def test_a_relay_that_pours_is_not_listened_to_beyond_its_pace(world: World, bob: Wishes) -> None:
    relay = caller(bob, "relay", dialled=True)
    for _ in range(200):
        relay.sends(Relay(0, Author("alice").org, bytes(64 * 1024)))
    assert 64 <= len(bob.arrived) <= 66  # 4 MiB, then 256 kB a second
    world.run(10)
    relay.sends(Relay(0, Author("alice").org, b"x"))
    assert len(bob.arrived) <= 67


def test_those_whom_nobody_connects_us_with_are_sought_through_who_was_dialled(
    world: World, bob: Wishes
) -> None:
    caller(bob, "relay", dialled=True)
    bob.accepts(Author("alice"))
    world.run(10)
    assert [wish.org for wish in bob.sought] == [Author("alice").org]
    world.run(3_600)
    assert 2 <= len(bob.sought) <= 12  # the pauses grow


def test_nobody_is_sought_through_those_who_dialled_us(world: World, bob: Wishes, alice: Puppet) -> None:
    bob.accepts(Author("dave"))
    world.run(300)
    assert bob.sought == []


def test_a_relayed_link_is_one_like_others_and_relays_nothing_itself(world: World, bob: Wishes) -> None:
    relay = caller(bob, "relay", dialled=True)
    alice = relayed(bob, "alice", relay)
    assert alice.last(Hello).features == ("zstd",)
    assert alice.asks(messages.AskHead, bob.log)
    (link,) = [link for link in bob.links() if link.org == alice.org]
    assert (link.ready, link.via, link.relays) == (True, relay.org, False)
    before = len(alice.heard(messages.AskHead))
    world.run(45)
    assert len(alice.heard(messages.AskHead)) > before  # before the relay takes the flow for silent


def test_a_direct_link_takes_the_place_of_a_relayed_one(bob: Wishes) -> None:
    relay = caller(bob, "relay", dialled=True)
    by_relay = relayed(bob, "alice", relay)
    direct = Puppet(bob, author=Author("alice"), features=FEATURES).greets()
    assert by_relay.close_code() == 1000
    assert direct.close_code() is None
    again = relayed(bob, "alice", relay)
    assert again.close_code() == 1000
    assert direct.close_code() is None


def relayed(bob: Wishes, name: str, relay: Puppet) -> Puppet:
    """Somebody who comes through a relay; the TLS inside is the shell's affair."""
    bob.accepts(Author(name))
    puppet = Puppet.__new__(Puppet)
    opened = type(bob.node).opened

    def by_relay(node, *given):  # type: ignore[no-untyped-def]
        return opened(node, *given, via=relay.link)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(bob.node), "opened", by_relay)
        puppet.__init__(bob, author=Author(name), features=("zstd",))  # type: ignore[misc]
    return puppet.greets()
