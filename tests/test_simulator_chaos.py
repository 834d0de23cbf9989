"""Bad days by the seed: what must hold holds at every turn, and after quiet all hold the same (S1, S2)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from mutunode.protocol.signing import Signing
from mutunode.store.memory_contents import Log
from tests.simulator import Actor, World, chaos
from tests.simulator.epochs import open_epoch
from tests.simulator.invariants import Violation, Watch

SEEDS = int(os.environ.get("MUTUNODE_TEST_SEEDS", "500"))  # 10,000 in `make soak`
A_TEST = 25
# Days that once did not end well: two stolen roots at once; evidence held by one without the register; a new
# start whose register nobody had; a forged head among true ones; what a new start keeps, dropped with the
# register of the thief who kept the same. What went wrong there has tests of two or three nodes: a frame more
# or less makes another day of a seed.
ONCE_BROKEN = (1037, 1096, 1603, 1782, 9162)


@pytest.mark.parametrize("first", range(1, 1 + SEEDS, A_TEST))
def test_whatever_happens_the_rules_hold_and_after_quiet_all_hold_the_same(first: int) -> None:
    for seed in range(first, min(first + A_TEST, 1 + SEEDS)):
        chaos.run(seed)


@pytest.mark.parametrize("seed", ONCE_BROKEN)
def test_a_day_that_once_did_not_end_well_does(seed: int) -> None:
    chaos.run(seed)


def test_whose_new_start_keeps_what_nobody_has_any_more_begins_once_more() -> None:
    """The one disk that held it is gone before anybody else had it: a person says that it will not come."""
    day = chaos.Chaos(7, nodes=3, steps=0)
    author, friend, late = day.actors
    late.crashes()
    author.publishes("Une")
    day.world.run(10)
    day.world.part([author], [friend])
    before = author.store.state
    author.publishes("Deux", "Trois")
    open_epoch(author)
    author.history = type(author.history)([before], maxlen=1)
    author.loses_turns()
    day.watch.went_back(author)
    day.world.heal()
    for actor in (author, late):
        actor.starts()
    assert day.settles() >= chaos.PATIENCE_SECONDS
    assert day.events["begun once more"] == 1
    assert {actor.size_of(author) for actor in day.actors} == {1}
    assert author.signing().allowed


def test_a_seed_plays_the_same_day_again() -> None:
    once, again = ([chaos.run(seed) for seed in range(5, 10)] for _ in range(2))
    assert once == again
    assert len({day.trace for day in once}) == len(once)
    assert any(day.events.get("loses_machine") for day in once), (
        "a machine that was lost begins with a new store"
    )


def test_a_day_of_thirty_nodes() -> None:
    assert chaos.run(3, nodes=30, steps=8).nodes == 30


def test_the_command_prints_what_it_measured() -> None:
    command = [sys.executable, "-m", "tests.simulator", "--nodes", "4", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "| trace" in done.stdout
    assert "A bad day of 4 nodes (seed 11)" in done.stdout


# --- the watch itself: it sees what it is there to see ---------------------------------------------------
@pytest.fixture
def two() -> tuple[World, Actor, Actor]:
    world = World(5)
    Watch(world)
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.accepts(alice)
    alice.knows_address_of(bob)
    world.run(5)
    return world, alice, bob


def test_the_watch_sees_an_organisation_that_signs_two_registers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(5)
    watch = Watch(world)
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    alice.history = type(alice.history)([alice.store.state], maxlen=1)
    alice.publishes("Fiche")
    world.part([alice], [bob])
    alice.loses_turns()
    watch.went_back(alice)
    alice.starts()
    assert not alice.signing().allowed
    monkeypatch.setattr(type(alice.node), "signing", lambda node, now: Signing(True))
    with pytest.raises(Violation, match="signed two registers"):
        alice.publishes("Une autre")


def test_the_watch_sees_a_store_that_goes_back(two: tuple[World, Actor, Actor]) -> None:
    world, alice, bob = two
    before = bob.store.state
    alice.publishes("Fiche")
    world.run(3)
    bob.store.state = before
    with pytest.raises(Violation, match="forgot a register"):
        world.run(600)


def test_the_watch_sees_a_head_that_does_not_verify(two: tuple[World, Actor, Actor]) -> None:
    _, alice, _ = two
    alice.author.head = lambda tree: _unsigned(alice, tree)  # type: ignore[method-assign,assignment,misc]
    with pytest.raises(Violation, match="does not verify"):
        alice.publishes("Fiche")


def _unsigned(actor: Actor, tree: object) -> object:
    from msgspec.structs import replace as replaced

    return replaced(type(actor.author).head(actor.author, tree=tree), signature=bytes(64))  # type: ignore[arg-type]


def test_the_watch_counts_every_frame(two: tuple[World, Actor, Actor]) -> None:
    world, alice, _ = two
    watch = Watch(world)
    alice.publishes("Fiche")
    watch.conserved()
    world.count["sent"] += 1
    with pytest.raises(Violation, match="do not add up"):
        watch.conserved()


def test_the_watch_sees_a_node_that_serves_what_was_erased(
    two: tuple[World, Actor, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, alice, bob = two
    alice.publishes("Fiche")
    world.run(3)
    monkeypatch.setattr("mutunode.store.memory_logs.without", _keeps_the_body)
    withdrawal = {"target": alice.author.ref(0), "reason": "legal", "erase": True}
    alice.says(("withdrawal", withdrawal))
    world.run(3)
    carol = world.node("carol")
    carol.accepts(alice, bob)
    carol.knows_address_of(bob)
    with pytest.raises(Violation, match="serves what it erased"):
        world.run(10)


def _keeps_the_body(held: Log, gone: set[bytes]) -> Log:
    return replace(held, erased=held.erased.union(gone))
