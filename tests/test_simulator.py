"""The simulated network: partitions heal, crashes lose nothing acknowledged; ``chaos`` has the bad days."""

from __future__ import annotations

import pytest

from mutunode.protocol.effects import NoticeKind
from tests.simulator import Actor, World


def village(seed: int, count: int, **network: object) -> tuple[World, list[Actor]]:
    """Organisations that all accepted each other and know the first one's address."""
    world = World(seed, **network)  # type: ignore[arg-type]
    actors = [world.node(f"org{i}") for i in range(count)]
    for actor in actors:
        actor.accepts(*(other for other in actors if other is not actor))
        actor.knows_address_of(*(other for other in actors if other is not actor))
    world.run(10)
    return world, actors


def all_hold_the_same(actors: list[Actor]) -> bool:
    return all(
        (held := reader.held(writer)) is not None and held.head == writer.newest()
        for reader in actors
        for writer in actors
        if writer.newest() is not None
    )


def nothing_is_amiss(actors: list[Actor]) -> None:
    """What must hold at any time: all that is held verifies, nobody honest is taken for a liar."""
    for actor in actors:
        with actor.turn():
            heads, _, _ = actor.store.ledger.heads_since(0, 1_000)
        assert all(actor.store.verify(head.log) == [] for head in heads)
        assert not {NoticeKind.FORK, NoticeKind.BROKEN} & set(actor.notices)


def busy_day(seed: int) -> str:
    """Publications, loss, a partition and two crashes, all by the seed."""
    world, actors = village(seed, 6, latency=(0.015, 0.135), loss=0.02)
    chance = world.chance
    for _ in range(12):
        actor = chance.choice([actor for actor in actors if actor.up])
        if actor.signing().allowed:
            actor.publishes(*(f"Fiche {chance.random()}" for _ in range(chance.randint(1, 30))))
        match chance.randrange(5):
            case 0:
                world.part(actors[:3], actors[3:])
            case 1:
                world.heal()
            case 2:
                victim = chance.choice(actors)
                if victim.up:
                    victim.dies_in_next_turn = True
                else:
                    victim.starts()
        world.run(chance.uniform(0, 20))
    world.heal()
    for actor in actors:
        actor.dies_in_next_turn = False
        if not actor.up:
            actor.starts()
    world.run(900)
    nothing_is_amiss(actors)
    assert all_hold_the_same(actors)
    return world.trace


def test_the_same_seed_gives_the_same_trace_and_another_one_another() -> None:
    assert busy_day(1) == busy_day(1) != busy_day(2)


@pytest.mark.parametrize("seed", range(3, 6))
def test_after_quiet_everybody_holds_the_same(seed: int) -> None:
    busy_day(seed)


def test_a_record_reaches_twenty_organisations_within_two_seconds() -> None:
    world, actors = village(7, 20, latency=(0.015, 0.135))
    actors[0].publishes("Fiche")
    world.run(2)
    assert all(actor.size_of(actors[0]) == 1 for actor in actors)


def test_a_network_that_fell_apart_comes_together() -> None:
    world, actors = village(8, 8, latency=(0.015, 0.135))
    world.part(actors[:4], actors[4:])
    for actor in actors:
        actor.publishes(f"Fiche de {actor.name}")
    world.run(3_600)
    assert actors[0].size_of(actors[7]) == 0
    world.heal()
    world.run(
        1_800
    )  # redialling after an hour waits up to an hour, by chance: half of it for one of 16 links
    assert all_hold_the_same(actors)


def test_an_interrupted_fetch_goes_on_after_a_crash() -> None:
    world, (alice, bob) = village(9, 2)
    alice.says(*(("resource", {"n": i, "title": {"fr": "é" * 300}}) for i in range(3_000)))
    while not _pending(bob, alice):
        world.run(0.005)
    bob.dies_in_next_turn = True
    world.run(1)
    with bob.turn():
        bob.store.ledger.drop_pending(alice.log)  # as opening a store does
    assert not bob.up
    bob.starts()
    world.run(30)
    assert bob.size_of(alice) == 3_000


def _pending(actor: Actor, other: Actor) -> int:
    held = actor.held(other)
    return held.pending if held is not None else 0


def test_a_thousand_fetched_logs_come_from_several_peers() -> None:
    world, actors = village(10, 5, latency=(0.01, 0.02))
    for actor in actors[:4]:
        actor.publishes("Fiche")
    world.run(5)
    newcomer = world.node("newcomer")
    newcomer.accepts(*actors)
    for actor in actors:
        actor.accepts(newcomer)
    newcomer.knows_address_of(*actors)
    world.run(5)
    assert [newcomer.size_of(actor) for actor in actors[:4]] == [1] * 4


def test_who_holds_my_records_is_what_they_say_themselves() -> None:
    world, (alice, bob, carol) = village(11, 3)
    head = alice.publishes("Fiche")
    assert alice.holders() == {}
    world.run(3)
    assert alice.holders() == {bob.org: head.order, carol.org: head.order}
    world.part([alice], [bob, carol])
    world.run(1)
    assert alice.holders() == {}


def test_a_quiet_network_costs_little() -> None:
    world, actors = village(12, 8)
    for actor in actors:
        actor.publishes("Fiche")
    world.run(600)
    before = world.bytes
    world.run(3_600)
    assert (world.bytes - before) / len(actors) < 30_000
