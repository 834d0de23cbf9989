"""Gossip among many (PROTOCOL §8): how long, how many bytes, who carries most; in calm and on bad days.

Every table ends with what was simulated and how long it took, for the figures mean nothing without.
"""

from __future__ import annotations

from tests.simulator.crowd import Crowd
from tests.simulator.runs import Aside, Run
from tests.simulator.table import Table

SETTLE = 60.0  # simulated seconds after the last publication
SETTLE_LINKS, SETTLE_RECORDS = 600.0, 30  # before what is measured in calm: links find their places
PARTITION_RECORDS = 60  # on both sides together, in the hour


def calm(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Everybody up, one record an hour each, one packet in a hundred lost."""
    run = Run.of(aside) or Run("Calm: one record an hour each, 1 % loss", nodes, seed)
    crowd = run.puts_aside(aside).crowd
    if run.once("settling"):
        crowd.publish_around(SETTLE_LINKS, per_hour=SETTLE_RECORDS * 3_600 / SETTLE_LINKS / len(crowd.honest))
    run.passes("settling", SETTLE_LINKS + SETTLE)
    if run.once("publishing"):
        run.links("links then")
        crowd.published.clear()
        run.counting_from_here()
        crowd.publish_around(60 * minutes)
    run.passes("publishing", 60 * minutes + SETTLE)
    run.row("simulated minutes of publishing", f"{minutes:g}")
    run.delays(len(crowd.published))
    run.costs(len(crowd.published))
    run.senders()
    return run.done()


def quiet(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Nobody publishes: what does it cost to be there?"""
    title = "Quiet: everybody has published, nobody does, 1 % loss"
    run = Run.of(aside) or Run(title, nodes, seed, published=True)
    crowd = run.puts_aside(aside).crowd
    run.passes("settling", SETTLE_LINKS)
    if run.once("counting"):
        run.links("links then")
        run.counting_from_here()
    run.passes("quiet", 60 * minutes)
    sent = sum(crowd.by_sender.values()) / len(crowd.actors) * 60 / minutes
    run.row("bytes a node and hour, frames only (goal 30,000)", round(sent))
    run.by_type()
    return run.done()


def crash(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Half crash at once: how long until the rest is one network?"""
    run = Run("Half crash in one moment", nodes, seed)
    crowd, world = run.crowd, run.crowd.world
    for actor in world.chance.sample(crowd.actors, k=nodes // 2):
        actor.crashes()
    start = world.now
    world.run(0.5)
    found = world.run_until(lambda: crowd.components() == 1, 600, every=0.5)
    run.row(
        "one component again after, seconds (goal 60)", found + 0.5 if found is not None else float("inf")
    )
    world.run_until(lambda: crowd.links()[0] >= 4, 600, every=5)
    run.row("everybody has four links again after, seconds", world.now - start)
    published = _publishes_from(crowd, 20)
    world.run(SETTLE)
    delays = crowd.delays(0.99, since=start, of=sum(actor.up for actor in crowd.honest))
    run.row("t99 of a record then, worst of " + str(published), delays[-1])
    return run.done()


def partition(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Two halves, then the cut heals."""
    title = f"A partition of {minutes:.0f} minutes, {PARTITION_RECORDS} records meanwhile"
    run = Run.of(aside) or Run(title, nodes, seed)
    crowd, world = run.puts_aside(aside).crowd, run.crowd.world
    half = len(crowd.actors) // 2
    if run.once("parting"):
        world.part(crowd.actors[:half], crowd.actors[half:])
        for _ in range(PARTITION_RECORDS):
            at = world.now + 60 * minutes * world.chance.random()
            world.at(at, crowd.publish, world.chance.choice(crowd.honest))
    run.passes("apart", 60 * minutes)
    world.heal()
    run.counting_from_here()
    part = world.run_until(lambda: crowd.complete(0.99), 1_800, every=2)
    run.reached("99 % complete after healing, seconds (goal 60)", part)
    whole = world.run_until(crowd.complete, 3_600, every=5)
    total = (part or 0.0) + whole if whole is not None else None
    run.reached("all complete after healing, seconds (goal 180)", total)
    return run.done()


def _publishes_from(crowd: Crowd, count: int) -> int:
    up = [actor for actor in crowd.honest if actor.up]
    for actor in crowd.world.chance.sample(up, k=min(count, len(up))):
        crowd.world.at(crowd.world.now + 20 * crowd.world.chance.random(), crowd.publish, actor)
    return min(count, len(up))
