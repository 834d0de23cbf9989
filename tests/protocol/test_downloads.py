"""Files on their way between nodes: from whoever has them, whole or not at all, whatever happens."""

from __future__ import annotations

import random

import pytest

from mutunode.protocol import messages
from mutunode.protocol.blobs import blob_of
from mutunode.protocol.errors import Code
from mutunode.protocol.limits import CHUNK_BYTES, CHUNKS_A_LINK_MAX, CHUNKS_UNDER_WAY_MAX
from mutunode.protocol.messages import Chunk, Data, Err, Have, Holds
from mutunode.protocol.session import State
from tests.protocol.puppet import Puppet
from tests.simulated_disk import chunks_of, data_of
from tests.simulator import Actor, World

BIG = random.Random(7).randbytes(12 * CHUNK_BYTES + 5)
HUGE = random.Random(8).randbytes(100 * CHUNK_BYTES)
SMALL = b"a poster for the open day"


def friends(world: World, *names: str, lan: bool = True) -> list[Actor]:
    """Organisations that accepted each other and are linked."""
    actors = [world.node(name) for name in names]
    for actor in actors:
        actor.on_lan = lan
        actor.publishes(f"Fiche de {actor.name}")
        actor.accepts(*(other for other in actors if other is not actor))
    for one, other in ((one, other) for one in actors for other in actors if one.name < other.name):
        one.knows_address_of(other)
    world.run(3)
    return actors


# --- it arrives ------------------------------------------------------------------------------------
@pytest.mark.parametrize("content", [b"", SMALL, BIG[:CHUNK_BYTES], BIG], ids=len)
def test_a_file_arrives_from_its_author(world: World, content: bytes) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(content)
    bob.wants_file(blob, len(content), ann)
    world.run(5)
    assert bob.has_file(blob)
    assert b"".join(bob.disk.whole[blob]) == content
    assert not bob.disk.open - {blob}


def test_who_fetched_a_file_gives_it_when_the_author_is_gone(world: World) -> None:
    ann, bob, cleo = friends(world, "ann", "bob", "cleo")
    blob = ann.adds_file(BIG)
    bob.wants_file(blob, len(BIG), ann)
    world.run(5)
    ann.crashes()
    cleo.wants_file(blob, len(BIG), ann)
    world.run(5)
    assert cleo.has_file(blob)
    assert (blob, bob.org) in cleo.store.state.file_holders


def test_several_holders_share_the_work(world: World) -> None:
    ann, bob, cleo, dan = friends(world, "ann", "bob", "cleo", "dan")
    blob = ann.adds_file(HUGE)
    for other in (bob, cleo):
        other.adds_file(HUGE, ann)
    dan.wants_file(blob, len(HUGE), ann)
    world.run(20)
    assert dan.has_file(blob)
    assert all(actor.disk.reads >= 20 for actor in (ann, bob, cleo))
    assert sum(actor.disk.reads for actor in (ann, bob, cleo)) <= 110


def test_three_holders_with_limited_upload_give_two_and_a_half_times_one() -> None:
    def seconds(holders: int) -> float:
        world = World()
        actors = friends(world, "ann", "bob", "cleo", "dan", lan=False)
        blob = actors[0].adds_file(HUGE)
        for other in actors[1:holders]:
            other.adds_file(HUGE, actors[0])
        began = world.now
        actors[3].wants_file(blob, len(HUGE), actors[0])
        while not actors[3].has_file(blob):
            world.run(0.1)
            assert world.now < began + 60
        return world.now - began

    assert seconds(1) >= 2.5 * seconds(3)


def test_many_small_files_arrive(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    contents = [b"file %d" % number for number in range(300)]
    blobs = [ann.adds_file(content) for content in contents]
    for blob, content in zip(blobs, contents, strict=True):
        bob.wants_file(blob, len(content), ann, reason="automatic")
    world.run(10)
    assert all(bob.has_file(blob) for blob in blobs)


def test_what_a_person_waits_for_goes_before_the_rest(world: World) -> None:
    ann, bob = friends(world, "ann", "bob", lan=False)
    slow = [ann.adds_file(HUGE[number:]) for number in range(3)]
    wanted = ann.adds_file(BIG)
    for number, blob in enumerate(slow):
        bob.wants_file(blob, len(HUGE) - number, ann, reason="automatic")
    world.run(5)
    bob.wants_file(wanted, len(BIG), ann)
    world.run(5)
    assert bob.has_file(wanted)
    assert not any(bob.has_file(blob) for blob in slow)


# --- it goes on after a stop -----------------------------------------------------------------------
@pytest.mark.parametrize("who", ["giver", "taker"])
def test_a_stop_on_either_side_loses_no_chunk(world: World, who: str) -> None:
    ann, bob = friends(world, "ann", "bob", lan=False)
    blob = ann.adds_file(HUGE)
    bob.wants_file(blob, len(HUGE), ann)
    world.run(6)
    before = len(bob.disk.parts[blob])
    assert 20 < before < 100
    stops = {"giver": ann, "taker": bob}[who]
    stops.crashes()
    world.run(2)
    stops.starts()
    stops.knows_address_of(bob if stops is ann else ann)
    world.run(60)
    assert bob.has_file(blob)
    assert ann.disk.reads <= 100 + 20  # those under way when it stopped


def test_nobody_has_it_until_somebody_does(world: World) -> None:
    ann, bob, cleo = friends(world, "ann", "bob", "cleo")
    blob, size, _ = blob_of(chunks_of(BIG))
    cleo.wants_file(blob, size, ann)
    world.run(30)
    assert not cleo.has_file(blob)
    with cleo.turn():
        progress = cleo.node.download(blob)
    assert progress is not None
    assert progress.waiting
    bob.adds_file(BIG, ann)
    world.run(200)
    assert cleo.has_file(blob)


def test_a_newcomer_is_asked_for_what_nobody_had(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    ann.crashes()
    world.run(1)
    bob.wants_file(blob, len(BIG), ann)
    world.run(600)
    ann.starts()
    ann.knows_address_of(bob)
    world.run(3)
    assert bob.has_file(blob)


def test_what_is_not_wanted_any_more_is_left(world: World) -> None:
    ann, bob = friends(world, "ann", "bob", lan=False)
    blob = ann.adds_file(HUGE)
    bob.wants_file(blob, len(HUGE), ann)
    world.run(3)
    with bob.turn():
        bob.store.ledger.drop_file(blob)
        effects = bob.node.file_unwanted(blob, world.now)
    bob.performs(effects)
    world.run(1)
    reads = ann.disk.reads
    world.run(30)
    assert ann.disk.reads <= reads + CHUNKS_A_LINK_MAX  # what was under way
    assert not bob.disk.open


# --- holders that lie, vanish or stall -------------------------------------------------------------
class Giver(Puppet):
    """A friend that says it has a file; what it gives is the test's affair."""

    def chunks(self) -> list[Chunk]:
        return self.heard(Chunk)


def giver(actor: Actor, blob: bytes) -> Giver:
    puppet = Giver(actor, "mallory")
    actor.accepts(puppet)
    puppet.greets()
    with actor.turn():
        actor.store.ledger.put_holder(blob, puppet.org, True, 0)
    return puppet


def true_data(request: Chunk, content: bytes) -> Data:
    return data_of(request.id, chunks_of(content), request.index)


def test_a_liar_is_found_out_avoided_and_replaced(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    liar = giver(bob, blob)
    bob.wants_file(blob, len(BIG), ann)
    world.run(0)
    (first, *rest) = liar.chunks()
    true = true_data(first, BIG)
    liar.sends(Data(first.id, true.size, bytes(len(true.chunk)), true.path))
    world.run(10)
    assert bob.has_file(blob)
    assert b"".join(bob.disk.whole[blob]) == BIG
    assert len(liar.chunks()) == 1 + len(rest)  # nothing more was asked of it
    with bob.turn():
        assert bob.store.ledger.score(liar.org)[0] < 0


def test_a_holder_that_is_silent_does_not_hold_the_file_up(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    silent = giver(bob, blob)
    bob.wants_file(blob, len(BIG), ann)
    world.run(12)
    assert silent.chunks()
    assert bob.has_file(blob)


def test_a_holder_that_vanishes_does_not_hold_the_file_up(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    vanishing = giver(bob, blob)
    bob.wants_file(blob, len(BIG), ann)
    world.run(0)
    assert vanishing.chunks()
    bob.does(lambda node, now: node.closed(vanishing.link, "gone", now))
    world.run(3)
    assert bob.has_file(blob)


def test_a_late_answer_is_taken_once(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    slow = giver(bob, blob)
    bob.wants_file(blob, len(BIG), ann)
    world.run(12)
    assert bob.has_file(blob)
    for request in slow.chunks():
        slow.sends(true_data(request, BIG))
    world.run(1)
    assert slow.closed is None
    other = ann.adds_file(HUGE)
    bob.wants_file(other, len(HUGE), ann)  # nothing of the budget was lost
    world.run(20)
    assert bob.has_file(other)


def test_a_record_that_states_another_size_gets_nothing(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    bob.wants_file(blob, len(BIG) - 10, ann)
    world.run(5)
    assert not bob.has_file(blob)
    with bob.turn():
        progress = bob.node.download(blob)
    assert progress is not None
    assert progress.trouble == "size"


@pytest.mark.parametrize("size", [2**41, 2**53 - 1])
def test_a_size_beyond_all_bounds_is_not_even_begun(world: World, size: int) -> None:
    ann, bob = friends(world, "ann", "bob")
    bob.wants_file(bytes(range(32)), size, ann)
    world.run(5)
    assert not bob.disk.open


def test_strangers_are_not_asked_for_what_a_rule_fetches(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    stranger = Puppet(bob, "stranger").greets()
    blob, size, _ = blob_of(chunks_of(BIG))
    bob.wants_file(blob, size, ann, reason="automatic")
    world.run(30)
    assert not stranger.heard(Chunk)
    assert not stranger.heard(Have)


def test_strangers_are_not_asked_while_somebody_known_has_it(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    stranger = Puppet(bob, "stranger").greets()
    blob = ann.adds_file(BIG)
    bob.wants_file(blob, len(BIG), ann)
    world.run(30)
    assert bob.has_file(blob)
    assert not stranger.heard(Chunk)


@pytest.mark.parametrize("when", ["linked before", "linked after"])
def test_what_a_person_waits_for_comes_from_a_stranger_when_nobody_else_has_it(
    world: World, when: str
) -> None:
    ann, bob, cleo = world.node("ann"), world.node("bob"), world.node("cleo")
    for one, other in ((ann, bob), (ann, cleo)):  # bob and cleo do not know each other
        one.accepts(other)
        other.accepts(one)
        other.knows_address_of(one)
    if when == "linked before":
        bob.knows_address_of(cleo)
    blob = ann.adds_file(BIG)
    ann.publishes("Une fiche")
    world.run(3)
    bob.wants_file(blob, len(BIG), ann)
    world.run(5)
    ann.crashes()
    cleo.wants_file(blob, len(BIG), ann)
    world.run(5)
    if when == "linked after":
        bob.knows_address_of(cleo)
    world.run(200)  # 64 kB a second for strangers
    assert cleo.has_file(blob)
    assert b"".join(cleo.disk.whole[blob]) == BIG


def test_a_stranger_is_asked_for_one_chunk_at_a_time_and_no_more_once_it_lied(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    stranger = Puppet(bob, "stranger").greets()
    blob, size, _ = blob_of(chunks_of(BIG))
    bob.wants_file(blob, size, ann)
    world.run(5)
    (first,) = stranger.heard(Chunk)
    stranger.sends(true_data(first, BIG))
    world.run(1)
    (second,) = stranger.heard(Chunk)[1:]
    true = true_data(second, BIG)
    stranger.sends(Data(second.id, true.size, bytes(len(true.chunk)), true.path))
    world.run(600)
    assert len(stranger.heard(Chunk)) == 2


def test_no_more_is_under_way_than_memory_allows(world: World) -> None:
    (bob,) = friends(world, "bob")
    blob, size, _ = blob_of(chunks_of(HUGE + HUGE))
    puppets = []
    for number in range(12):
        puppet = Puppet(bob, f"peer {number}")
        bob.accepts(puppet)
        puppets.append(puppet.greets())
        with bob.turn():
            bob.store.ledger.put_holder(blob, puppet.org, True, 0)
    bob.wants_file(blob, size, bob)
    world.run(0)
    given = 0
    for turn in range(15):  # each gives one, and is asked for two
        for puppet in puppets:
            requests = puppet.heard(Chunk)
            if turn < len(requests):
                puppet.sends(true_data(requests[turn], HUGE + HUGE))
                given += 1
        assert sum(len(puppet.heard(Chunk)) for puppet in puppets) - given <= CHUNKS_UNDER_WAY_MAX
    assert given > CHUNKS_UNDER_WAY_MAX


# --- the disk --------------------------------------------------------------------------------------
def test_a_full_disk_is_said_and_tried_again(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    bob.disk.is_full = True
    bob.wants_file(blob, len(BIG), ann)
    world.run(5)
    with bob.turn():
        progress = bob.node.download(blob)
    assert progress is not None
    assert progress.trouble == "full"
    bob.disk.is_full = False
    world.run(60)
    assert bob.has_file(blob)


def test_a_damaged_file_is_fetched_again(world: World) -> None:
    ann, bob = friends(world, "ann", "bob")
    blob = ann.adds_file(BIG)
    bob.adds_file(BIG, ann)
    bob.disk.parts[blob] = {i: chunk for i, chunk in enumerate(bob.disk.whole.pop(blob)) if i != 3}
    bob.does(lambda node, now: node.file_lost(blob, now))
    assert not bob.has_file(blob)
    world.run(5)
    assert bob.has_file(blob)
    assert ann.disk.reads == 1


# --- serving ---------------------------------------------------------------------------------------
@pytest.fixture
def ann(world: World) -> Actor:
    ann = world.node("ann")
    ann.publishes("Fiche")
    return ann


def test_strangers_may_have_what_is_cited_in_public(world: World, ann: Actor) -> None:
    blob = ann.adds_file(BIG)
    stranger = Puppet(ann, "stranger").greets()
    assert stranger.asks(Have, blob) == [Holds(1, True)]
    stranger.asks(Chunk, blob, 12)
    world.run(1)
    assert stranger.last(Data) == true_data(Chunk(3, blob, 12), BIG)


def test_the_rest_is_unknown(world: World, ann: Actor) -> None:
    private = ann.adds_file(BIG, public=False)
    public = ann.adds_file(SMALL)
    friend = Puppet(ann, "friend")
    ann.accepts(friend)
    friend.greets()
    for blob, index in ((private, 0), (bytes(32), 0), (public, 1), (public, 2**52)):
        (answer,) = friend.asks(Chunk, blob, index)
        assert isinstance(answer, Err)
        assert (answer.code, answer.text) == (Code.UNKNOWN, "unknown")
    assert friend.asks(Have, private)[0].holds is False  # type: ignore[union-attr]
    assert ann.disk.reads == 0


def test_a_chunk_that_cannot_be_read_is_unknown(world: World, ann: Actor) -> None:
    blob = ann.adds_file(BIG)
    stranger = Puppet(ann, "stranger").greets()
    ann.disk.read_seconds = 5.0
    stranger.asks(Chunk, blob, 0)
    ann.does(lambda node, now: node.chunk_read(stranger.link, 1, None, now))
    assert stranger.errors == [Code.UNKNOWN]


def test_a_slow_disk_keeps_nobody_but_who_asked(world: World, ann: Actor) -> None:
    blob = ann.adds_file(BIG)
    ann.disk.read_seconds = 30.0
    friend = Puppet(ann, "friend")
    ann.accepts(friend)
    friend.greets()
    assert friend.asks(Chunk, blob, 0) == []
    assert friend.asks(messages.AskHead, ann.log)
    world.run(31)
    assert len(friend.heard(Data)) == 1


def test_chunks_of_strangers_keep_to_their_share(world: World, ann: Actor) -> None:
    blob = ann.adds_file(HUGE)
    stranger = Puppet(ann, "stranger", lan=False).greets()
    world.run(20)  # its pace has recovered from the handshake
    for index in range(4):
        stranger.asks(Chunk, blob, index)
    world.run(2)
    for index in range(4, 8):
        stranger.asks(Chunk, blob, index)
    world.run(0.5)
    got = len(stranger.heard(Data))
    assert got < 8
    world.run(60)
    assert len(stranger.heard(Data)) > got


def test_on_the_lan_friends_may_ask_for_chunks_as_fast_as_they_read(world: World, ann: Actor) -> None:
    blob = ann.adds_file(HUGE)
    friend = Puppet(ann, "friend")
    ann.accepts(friend)
    friend.greets()
    for _ in range(5):
        for index in range(60):
            friend.asks(Chunk, blob, index)
        world.run(0.1)
    assert len(friend.heard(Data)) == 300
    assert not friend.errors


def test_on_the_lan_friends_may_ask_for_entries_and_identities_as_fast_as_they_read(
    world: World, ann: Actor
) -> None:
    ann.publishes("one")
    friend = Puppet(ann, "friend")
    ann.accepts(friend)
    friend.greets()
    for _ in range(5):
        for _ in range(30):
            friend.asks(messages.Get, ann.log, 0, 0, 1, True)
            friend.asks(messages.Ident, ann.org, 1)
        world.run(0.1)
    assert len(friend.heard(messages.Entries)) == len(friend.heard(messages.Identity)) == 150
    assert not friend.errors


def test_peers_are_asked_who_holds_a_file(world: World) -> None:
    ann, bob, cleo = friends(world, "ann", "bob", "cleo")
    blob = ann.adds_file(BIG)
    bob.adds_file(BIG, ann)
    ann.does(lambda node, now: node.ask_holders([blob], now))
    world.run(1)
    assert set(ann.store.state.file_holders) == {(blob, bob.org)}
    frames = world.frames
    ann.does(lambda node, now: node.ask_holders([blob], now))
    world.run(1)
    assert world.frames == frames
    world.run(700)
    del bob.store.state.files[blob]
    ann.does(lambda node, now: node.ask_holders([blob], now))
    world.run(1)
    assert not ann.store.state.file_holders
    assert not cleo.has_file(blob)


# --- everything at once ----------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_file_arrives_as_it_was(seed: int) -> None:
    world = World(seed, latency=(0.01, 0.3), loss=0.05)
    actors = friends(world, "ann", "bob", "cleo", "dan", lan=seed % 2 == 0)
    ann, bob, cleo, dan = actors
    blob = ann.adds_file(HUGE)
    bob.adds_file(HUGE, ann)
    chance = random.Random(seed)
    for taker in (cleo, dan):
        taker.wants_file(blob, len(HUGE), ann)
    for _ in range(12):
        world.run(chance.uniform(0.5, 3))
        victim = chance.choice(actors)
        match chance.randrange(3):
            case 0:
                victim.crashes()
                world.run(chance.uniform(0, 2))
                victim.starts()
                for other in actors:
                    if other is not victim:
                        victim.knows_address_of(other)
            case 1:
                for wire in list(victim.wires.values()):
                    world.cut(wire)
            case 2:
                victim.disk.is_full = not victim.disk.is_full
    for actor in actors:
        actor.disk.is_full = False
    world.run(900)
    for taker in (cleo, dan):
        assert taker.has_file(blob)
        assert b"".join(taker.disk.whole[blob]) == HUGE


def test_who_is_accepted_during_the_handshake_is_no_stranger(world: World) -> None:
    ann, bob = world.node("ann"), world.node("bob")
    ann.publishes("Fiche")
    bob.knows_address_of(ann)
    while not any(session.state is State.MEETING for session in bob.node._core.sessions.values()):
        world.run(0.001)
    bob.accepts(ann)
    while not any(link.ready for link in bob.links()):
        world.run(0.005)
    assert all(link.listened for link in bob.links())
