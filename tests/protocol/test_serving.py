"""What a peer may have of us, how much of it, and how refusals sound."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.protocol import codec, messages, rows
from mutunode.protocol.head import verify_cosignature, verify_head
from mutunode.protocol.identity import parse_genesis
from mutunode.protocol.merkle import leaf_hash, verify_inclusion
from mutunode.protocol.messages import AskHead, Entries, Err, Get, Heads, Identity, Proof, Proven
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author, take


@pytest.fixture
def bob(world: World) -> Actor:
    bob = world.node("bob")
    bob.publishes("Fiche 1", "Fiche 2", "Fiche 3")
    return bob


@pytest.fixture
def reader(bob: Actor) -> Puppet:
    """A stranger that reads."""
    return Puppet(bob, "reader").greets()


@pytest.fixture
def friend(bob: Actor) -> Puppet:
    """Somebody listened to."""
    puppet = Puppet(bob, "friend")
    bob.accepts(puppet)
    return puppet.greets()


def one(answers: list[messages.Message]) -> Any:
    (answer,) = answers
    return answer


# --- GET -------------------------------------------------------------------------------------------
def test_strangers_read_public_logs(bob: Actor, reader: Puppet) -> None:
    entries = one(reader.asks(Get, bob.log, 0, 1, 3, True))
    assert (entries.log, entries.start) == (bob.log, 1)
    taken = rows.unpack(entries.enc, entries.payload)
    assert [row[0] for row in taken] == [entry.header for entry in bob.author.entries[bytes(32)][1:]]
    assert all(body for _, _, body in taken)


def test_headers_alone_when_bodies_are_not_wanted(bob: Actor, reader: Puppet) -> None:
    entries = one(reader.asks(Get, bob.log, 0, 0, 3, False))
    assert codec.decode(entries.payload) == [[entry.header] for entry in bob.author.entries[bytes(32)]]


@pytest.mark.parametrize(("start", "end"), [(3, 9), (7, 9), (2, 2), (2, 1)])
def test_beyond_what_is_held_and_upside_down_there_is_nothing(
    bob: Actor, reader: Puppet, start: int, end: int
) -> None:
    entries = one(reader.asks(Get, bob.log, 0, start, end, True))
    assert rows.unpack(entries.enc, entries.payload) == []


def test_an_unknown_log_and_another_epoch_get_the_same_answer(bob: Actor, reader: Puppet) -> None:
    unknown = one(reader.asks(Get, bytes(32), 0, 0, 1, True))
    epoch = one(reader.asks(Get, bob.log, 1, 0, 1, True))
    assert (unknown.code, unknown.text) == (epoch.code, epoch.text) == (2, "unknown")


def test_an_answer_fits_a_frame_however_much_is_asked(world: World, bob: Actor, friend: Puppet) -> None:
    bob.says(*(("resource", {"title": {"fr": "é" * 8_000}, "n": i}) for i in range(100)))
    world.run(1)
    entries = one(friend.asks(Get, bob.log, 0, 0, 103, True))
    taken = rows.unpack(entries.enc, entries.payload)
    assert 60 < len(taken) < 103
    assert len(friend.frames[-1]) <= 1024 * 1024


def test_one_entry_is_served_however_large(world: World, bob: Actor, friend: Puppet) -> None:
    bob.says(("resource", {"title": {"fr": "x" * 65_000}}))
    entries = one(friend.asks(Get, bob.log, 0, 3, 4, True))
    assert len(rows.unpack(entries.enc, entries.payload)) == 1


# --- IDENT -----------------------------------------------------------------------------------------
def test_an_identity_comes_with_its_profile_proven(world: World, bob: Actor, reader: Puppet) -> None:
    bob.says(("profile", {"name": {"fr": "Bob"}, "languages": ["fr"], "endpoints": ["bob:1"]}))
    bob.publishes("Fiche 4")
    identity = one(reader.asks(messages.Ident, bob.org, 1))
    assert isinstance(identity, Identity)
    assert parse_genesis(identity.genesis).org == bob.org
    profile = identity.profile
    assert isinstance(profile, Proven)
    assert codec.decode(profile.body)["name"] == {"fr": "Bob"}
    verify_head(profile.head, bob.author.chain)
    leaf = leaf_hash(profile.header)
    assert verify_inclusion(leaf, profile.index, profile.head.size, profile.path, profile.head.root)


def test_an_identity_without_profile_has_an_empty_place(bob: Actor, reader: Puppet) -> None:
    one(reader.asks(messages.Ident, bob.org, 1))
    assert codec.decode(reader.frames[-1])[5] == []


def test_a_root_key_finds_its_organisation(bob: Actor, reader: Puppet) -> None:
    identity = one(reader.asks(messages.Ident, bob.author.chain.roots[0], 1))
    assert parse_genesis(identity.genesis).org == bob.org
    assert one(reader.asks(messages.Ident, bytes(32), 1)).code == 2


def test_a_chain_is_served_from_the_epoch_asked_with_its_rivals(
    world: World, bob: Actor, reader: Puppet
) -> None:
    alice = Author("alice")
    for _ in range(3):
        alice.open_epoch(0)
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    identity = one(reader.asks(messages.Ident, alice.org, 2))
    assert [raw for raw, _ in identity.ops] == [signed.op.raw for signed in alice.chain.ops[1:]]
    assert identity.genesis == alice.chain.genesis.raw


# --- HEAD, PROVE -----------------------------------------------------------------------------------
def test_the_newest_head_of_a_log_or_none(bob: Actor, reader: Puppet) -> None:
    assert one(reader.asks(AskHead, bob.log)).heads[0].size == 3
    assert one(reader.asks(AskHead, bytes(32))).heads == ()


@pytest.mark.parametrize("size", [0, 3])
def test_a_proof_bears_the_answerers_cosignature(world: World, bob: Actor, reader: Puppet, size: int) -> None:
    alice = Author("alice")
    alice.write(*(("resource", {"n": i}) for i in range(3)))
    take(bob.store, alice)
    proof = one(reader.asks(messages.Prove, alice.log(), 0, 1, size))
    assert isinstance(proof, Proof)
    verify_head(proof.head, alice.chain)
    assert verify_inclusion(leaf_hash(proof.header), 1, 3, proof.path, proof.head.root)
    verify_cosignature(proof.head, proof.cosignature, bob.author.chain)
    assert proof.cosignature.time == int(world.now)


@pytest.mark.parametrize(("epoch", "index", "size"), [(0, 3, 0), (0, 0, 2), (1, 0, 0)])
def test_what_cannot_be_proven_is_unknown(
    bob: Actor, reader: Puppet, epoch: int, index: int, size: int
) -> None:
    assert one(reader.asks(messages.Prove, bob.log, epoch, index, size)).code == 2


# --- what is not offered ---------------------------------------------------------------------------
def test_files_are_unknown_for_now(reader: Puppet) -> None:
    assert one(reader.asks(messages.Chunk, bytes(32), 0)).code == 2
    assert one(reader.asks(messages.Have, bytes(32))).holds is False


def test_unknown_requests_get_nine_and_unknown_pushes_nothing(reader: Puppet) -> None:
    reader.sends_bytes(codec.encode([99, 1, "from a later version"]))
    assert reader.errors == [9]
    reader.sends_bytes(codec.encode([99, 0, "from a later version"]))
    reader.sends_bytes(codec.encode([99, 2, "of the wrong parity"]))
    assert reader.errors == [9]
    assert reader.close_code() is None


def test_relay_without_the_feature_is_answered_once_a_minute(world: World, reader: Puppet) -> None:
    for _ in range(5):
        reader.sends(messages.Relay(0, bytes(32), b"x"))
    assert reader.errors == [9]
    assert reader.last(Err).id == 0
    world.run(61)
    reader.sends(messages.Relay(0, bytes(32), b"x"))
    assert reader.errors == [9, 9]


# --- shapes ----------------------------------------------------------------------------------------
def test_elements_after_the_known_ones_are_ignored(bob: Actor, reader: Puppet) -> None:
    reader.sends_bytes(codec.encode([19, 1, bob.log, "later", {"versions": "say more"}]))
    assert reader.last(Heads).heads[0].size == 3


@pytest.mark.parametrize(
    "frame",
    [
        codec.encode([5, 1, bytes(31), 0, 0, 1, True]),
        codec.encode([5, 1, bytes(32), 0, 0, 1]),
        codec.encode([5, "1", bytes(32), 0, 0, 1, True]),
        codec.encode([3, 0, bytes(8), 0, False, [[bytes(32)]]]),
        codec.encode([13, 0, []]),
        codec.encode([]),
        codec.encode(["5"]),
        b"\x93\x05\x01",
        codec.encode([19, 1, bytes(32)]) + b"\0",
        b"\xdc\x00\x03\x13\x01\xc4\x20" + bytes(32),  # not the shortest form
    ],
)
def test_a_wrong_shape_of_a_known_type_ends_the_link(reader: Puppet, frame: bytes) -> None:
    reader.sends_bytes(frame)
    assert reader.errors == [1]
    assert reader.last(Err).id == 0
    assert reader.close_code() == 1002


def test_request_ids_ascend(bob: Actor, reader: Puppet) -> None:
    reader.sends(AskHead(5, bob.log))
    reader.sends(AskHead(9, bob.log))
    reader.sends(AskHead(9, bob.log))
    assert reader.errors == [1]
    assert reader.close_code() == 1002


def test_ids_of_the_wrong_parity_are_ignored(bob: Actor, reader: Puppet) -> None:
    asked = len(reader.heard(AskHead))
    reader.sends(AskHead(2, bob.log))
    reader.sends(AskHead(4, bob.log))
    assert reader.close_code() is None
    assert len(reader.heard(AskHead)) == asked
    assert not [heads for heads in reader.heard(Heads) if heads.id]


# --- budgets ---------------------------------------------------------------------------------------
def test_a_stranger_has_twenty_messages_at_once_and_two_a_second(
    world: World, bob: Actor, reader: Puppet
) -> None:
    answers = [one(reader.asks(AskHead, bob.log)) for _ in range(25)]
    assert sum(isinstance(answer, Heads) for answer in answers) == 20
    refusal = reader.last(Err)
    assert (refusal.code, refusal.retry_after_s) == (3, 1)
    world.run(2)
    assert isinstance(one(reader.asks(AskHead, bob.log)), Heads)


def test_those_listened_to_have_two_hundred(bob: Actor, friend: Puppet) -> None:
    answers = [one(friend.asks(AskHead, bob.log)) for _ in range(210)]
    assert 199 <= sum(isinstance(answer, Heads) for answer in answers) <= 200


def test_who_does_not_wait_when_asked_to_is_left(world: World, bob: Actor, reader: Puppet) -> None:
    for _ in range(60):
        if reader.close_code() is None:
            reader.asks(AskHead, bob.log)
            world.run(0.1)
    assert reader.close_code() == 4029


def test_who_waits_is_not(world: World, bob: Actor, reader: Puppet) -> None:
    for _ in range(60):
        answer = one(reader.asks(AskHead, bob.log))
        world.run(answer.retry_after_s if isinstance(answer, Err) else 0)
    assert reader.close_code() is None


def test_a_stranger_off_the_lan_is_served_64_kb_a_second(world: World, bob: Actor) -> None:
    for n in range(10):
        bob.says(*(("resource", {"n": n, "m": i, "title": {"fr": "é" * 20_000}}) for i in range(20)))
        world.run(10)
    reader = Puppet(bob, "reader", lan=False, address="192.0.2.7:4000").greets()
    got = 0
    begin = world.now
    for start in range(0, 120, 10):
        reader.asks(Get, bob.log, 0, start, start + 10, True)
        while len(reader.heard(Entries)) <= start // 10:
            world.run(0.5)
        got += len(reader.last(Entries).payload)
    allowed = 2 * 1024 * 1024 + 64_000 * (world.now - begin)
    assert got > 3 * 1024 * 1024
    assert got < allowed


def test_requests_wait_while_what_was_sent_is_still_on_its_way(world: World, bob: Actor) -> None:
    for n in range(10):
        bob.says(*(("resource", {"n": n, "m": i, "title": {"fr": "é" * 20_000}}) for i in range(20)))
        world.run(10)
    slow = Puppet(bob, "slow")
    bob.accepts(slow)
    slow.greets()
    slow.reads = False
    for start in range(0, 140, 20):
        slow.asks(Get, bob.log, 0, start, start + 20, True)
    assert 1 < len(slow.heard(Entries)) < 7
    assert slow.close_code() is None
    slow.reads = True
    slow.read_all()
    world.run(1)
    assert len(slow.heard(Entries)) == 7


def test_requests_in_flight_are_bounded(bob: Actor, world: World) -> None:
    for n in range(3):
        bob.says(*(("resource", {"n": n, "m": i, "title": {"fr": "é" * 20_000}}) for i in range(20)))
        world.run(10)
    slow = Puppet(bob, "slow").greets()
    slow.reads = False
    for _ in range(8):
        slow.asks(Get, bob.log, 0, 0, 20, True)
    assert len(slow.heard(Entries)) == 1  # a stranger gets one at a time
    assert slow.errors.count(3) == 8 - 1 - 4


def test_who_never_reads_is_left(world: World, bob: Actor, friend: Puppet) -> None:
    friend.reads = False
    bob.does(lambda node, now: node.drained(friend.link, 6 * 1024 * 1024, now))
    assert friend.close_code() is None
    bob.publishes("Fiche 4")
    world.run(1)
    assert friend.close_code() == 4029


# --- places ----------------------------------------------------------------------------------------
def test_when_all_places_are_taken_strangers_stay_outside(world: World) -> None:
    bob = world.node("bob", links_max=3)
    links = [Puppet(bob, f"org {i}").greets() for i in range(4)]
    assert [link.close_code() for link in links] == [None, None, None, 4029]


def test_and_somebody_listened_to_takes_the_place_of_a_stranger(world: World) -> None:
    bob = world.node("bob", links_max=3)
    friends = [Puppet(bob, f"friend {i}") for i in range(3)]
    bob.accepts(*friends)
    friends[0].greets()
    strangers = [Puppet(bob, f"org {i}").greets() for i in range(2)]
    friends[1].greets()
    friends[2].greets()
    assert [link.close_code() for link in strangers] == [4029, 4029]
    assert [link.close_code() for link in friends] == [None, None, None]


def test_those_who_are_known_as_well_take_turns(world: World) -> None:
    bob = world.node("bob", links_max=3)

    def somebody_accepted(name: str) -> Puppet:
        friend = Puppet(bob, name)
        bob.accepts(friend)
        return friend.greets()

    friends = []
    for number in range(3):
        friends.append(somebody_accepted(f"friend {number}"))
        world.run(0.5)
    early = somebody_accepted("early")
    world.run(29)
    late = somebody_accepted("late")
    assert early.close_code() == 4029, "nobody had a place for half a minute yet"
    assert late.close_code() is None
    assert [friend.close_code() for friend in friends] == [4029, None, None], "who came first leaves"
    err = friends[0].last(Err)
    assert (err.id, err.code, err.retry_after_s) == (0, 3, 30), "and comes back later"
