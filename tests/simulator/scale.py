"""Gossip among many (PROTOCOL §8): how long, how many bytes, who carries most; in calm and on bad days.

Every table ends with what was simulated and how long it took, for the figures mean nothing without.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

from tests.simulator.actor import Actor
from tests.simulator.crowd import Crowd, median, quantile
from tests.simulator.invariants import Watch
from tests.simulator.liars import Silent, Spammer, TwoFaced
from tests.simulator.swift import remembering
from tests.simulator.table import Table

SETTLE = 60.0  # simulated seconds after the last publication
WARM_UP = 90.0
SETTLE_LINKS, SETTLE_RECORDS = 600.0, 30  # before what is measured in calm: links find their places
LOOKED_AT_ONE_IN = 500  # turns, above a hundred nodes
PARTITION_RECORDS = 60  # on both sides together, in the hour


def calm(nodes: int, seed: int, minutes: float) -> Table:
    """Everybody up, one record an hour each, one packet in a hundred lost."""
    run = _Run("Calm: one record an hour each, 1 % loss", nodes, seed)
    crowd = run.crowd
    crowd.publish_around(SETTLE_LINKS, per_hour=SETTLE_RECORDS * 3_600 / SETTLE_LINKS / len(crowd.honest))
    crowd.world.run(SETTLE_LINKS + SETTLE)
    run.links("links then")
    crowd.published.clear()
    run.counting_from_here()
    published = crowd.publish_around(60 * minutes)
    crowd.world.run(60 * minutes + SETTLE)
    run.delays(published)
    run.costs(published)
    run.senders()
    return run.done()


def quiet(nodes: int, seed: int, minutes: float) -> Table:
    """Nobody publishes: what does it cost to be there?"""
    run = _Run("Quiet: everybody has published, nobody does, 1 % loss", nodes, seed)
    for actor in run.crowd.honest:
        run.crowd.publish(actor)
    run.crowd.world.run(SETTLE_LINKS)
    run.links("links then")
    run.counting_from_here()
    run.crowd.world.run(60 * minutes)
    sent = sum(run.crowd.by_sender.values()) / nodes * 60 / minutes
    run.table.row("bytes a node and hour, frames only (goal 30,000)", round(sent))
    run.by_type()
    return run.done()


def churn(nodes: int, seed: int, minutes: float) -> Table:
    """Half are offline; each is online for an hour and offline for an hour, in the mean."""
    run = _Run("Half offline, sessions of an hour, 1 % loss", nodes, seed)
    crowd, world = run.crowd, run.crowd.world
    back: dict[str, float] = {}
    current: list[float] = []

    def goes(actor: Actor) -> None:
        if actor.up:
            actor.crashes()
        else:
            actor.starts()
            back[actor.name] = world.now
        world.at(world.now + world.chance.expovariate(1 / 3_600), goes, actor)

    for actor in crowd.actors:
        if world.chance.random() < 0.5:
            actor.crashes()
        world.at(world.now + world.chance.expovariate(1 / 3_600), goes, actor)
    world.run(120)
    run.counting_from_here()
    since, end = world.now, world.now + 60 * minutes
    expected = crowd.publish_around(60 * minutes)
    steady: dict[tuple[bytes, int], list[Actor]] = {}
    while world.now < end + SETTLE:
        world.run(1)
        newest = _newest(crowd)
        for name, at in list(back.items()):
            actor = world.actors[f"{name}:1"]
            if not actor.up:
                del back[name]
            elif crowd.is_current(actor, newest) or world.now - at > 120:
                current.append(world.now - at)
                del back[name]
        for key, at in crowd.published.items():
            if key not in steady and world.now - at < 2 and at >= since:
                steady[key] = [actor for actor in crowd.actors if actor.up and actor.name not in back]
    delays = sorted(
        _reached(crowd, key, [actor for actor in there if actor.up], 0.99) for key, there in steady.items()
    )
    run.table.row("records published", len(steady) or expected)
    run.table.row("t99 of those online all along, median, seconds", median(delays))
    run.table.row("t99 of those online all along, p95 (goal 8)", quantile(delays, 0.95))
    run.table.row("who came back", len(current))
    run.table.row("current again, median, seconds", median(sorted(current)))
    run.table.row("current again, p95 (goal 20)", quantile(sorted(current), 0.95))
    run.costs(len(steady))
    return run.done()


def crash(nodes: int, seed: int, minutes: float) -> Table:
    """Half crash at once: how long until the rest is one network?"""
    run = _Run("Half crash in one moment", nodes, seed)
    crowd, world = run.crowd, run.crowd.world
    for actor in world.chance.sample(crowd.actors, k=nodes // 2):
        actor.crashes()
    start = world.now
    world.run(0.5)
    found = world.run_until(lambda: crowd.components() == 1, 600, every=0.5)
    run.table.row(
        "one component again after, seconds (goal 60)", found + 0.5 if found is not None else float("inf")
    )
    world.run_until(lambda: crowd.links()[0] >= 4, 600, every=5)
    run.table.row("everybody has four links again after, seconds", world.now - start)
    published = _publishes_from(crowd, 20)
    world.run(SETTLE)
    delays = crowd.delays(0.99, since=start, of=sum(actor.up for actor in crowd.honest))
    run.table.row("t99 of a record then, worst of " + str(published), delays[-1])
    return run.done()


def partition(nodes: int, seed: int, minutes: float) -> Table:
    """Two halves, then the cut heals."""
    run = _Run(f"A partition of {minutes:.0f} minutes, {PARTITION_RECORDS} records meanwhile", nodes, seed)
    crowd, world = run.crowd, run.crowd.world
    half = nodes // 2
    world.part(crowd.actors[:half], crowd.actors[half:])
    for _ in range(PARTITION_RECORDS):
        world.at(
            world.now + 60 * minutes * world.chance.random(), crowd.publish, world.chance.choice(crowd.honest)
        )
    world.run(60 * minutes)
    world.heal()
    run.counting_from_here()
    part = world.run_until(lambda: crowd.complete(0.99), 1_800, every=2)
    run.table.row(
        "99 % complete after healing, seconds (goal 60)", part if part is not None else float("inf")
    )
    whole = world.run_until(crowd.complete, 3_600, every=5)
    total = (part or 0.0) + whole if whole is not None else float("inf")
    run.table.row("all complete after healing, seconds (goal 180)", total)
    return run.done()


def silent(nodes: int, seed: int, minutes: float) -> Table:
    """One in ten announces and gives nothing."""
    return _with_liars("One in ten announces and gives nothing", nodes, seed, minutes, Silent)


def spam(nodes: int, seed: int, minutes: float) -> Table:
    """One in ten floods the others with registers that it made up, and with forged ones."""
    return _with_liars("One in ten spams invented and forged registers", nodes, seed, minutes, Spammer)


def _with_liars(title: str, nodes: int, seed: int, minutes: float, kind: type[Silent | Spammer]) -> Table:
    run = _Run(title, nodes, seed, liars=kind)
    crowd = run.crowd
    run.counting_from_here()
    published = crowd.publish_around(60 * minutes)
    crowd.world.run(60 * minutes + SETTLE)
    run.delays(published)
    run.table.row(
        "frames of honest nodes with something unverified", 0
    )  # ``Watch`` ends the run at the first
    run.table.row("frames of honest nodes looked into", run.watch.checks["what is passed on verifies"])
    return run.done()


def equivocation(nodes: int, seed: int, minutes: float) -> Table:
    """One signs two registers and shows one to half of its peers, the other to the rest."""
    run = _Run("One organisation signs two registers", nodes, seed, faces=True)
    crowd, world = run.crowd, run.crowd.world
    liar = next(actor for actor in crowd.actors if not actor.is_honest)
    liar.says(*(("resource", {"title": {"fr": f"Fiche {i}"}}) for i in range(6)))
    start = world.now

    def warned() -> float:
        return len(crowd.warned) / len(crowd.honest)

    most = world.run_until(lambda: warned() >= 0.99, 600, every=0.25)
    run.table.row("99 % hold the proof after, seconds (goal 5)", most if most is not None else float("inf"))
    world.run_until(lambda: warned() == 1.0, 600, every=1)
    run.table.row("nodes that hold it", f"{len(crowd.warned)} of {len(crowd.honest)}")
    first = min(crowd.warned.values(), default=start) - start
    run.table.row("first noticed after, seconds", first)
    return run.done()


SCENARIOS: dict[str, Callable[[int, int, float], Table]] = {
    each.__name__: each for each in (calm, quiet, churn, crash, partition, silent, spam, equivocation)
}


class _Run:
    """A crowd that has come together, and its table."""

    def __init__(
        self, title: str, nodes: int, seed: int, *, liars: type | None = None, faces: bool = False
    ) -> None:
        self._remembering = remembering()
        self._remembering.__enter__()
        self._began = time.process_time()
        nodes = nodes or 100
        self.crowd = Crowd(nodes, seed, liars=liars, one=TwoFaced if faces else None)
        self.watch = Watch(self.crowd.world, one_in=1 if nodes <= 100 else LOOKED_AT_ONE_IN)
        self.table = Table(f"{title} ({nodes:,} nodes, seed {seed})")
        self.crowd.join(WARM_UP)
        self.links("links of a node: fewest, middle, most")

    def links(self, name: str) -> None:
        """How many each has."""
        links = self.crowd.links()
        self.table.row(name, f"{links[0]}, {links[len(links) // 2]}, {links[-1]}")

    def counting_from_here(self) -> None:
        """What joining cost is not counted."""
        crowd = self.crowd
        crowd.by_sender.clear()
        crowd.by_type.clear()
        crowd.entry_bytes = crowd.unique_bytes = 0

    def delays(self, published: int) -> None:
        """How long records took."""
        crowd, table = self.crowd, self.table
        table.row("records published", published)
        half, most, last = (crowd.delays(part) for part in (0.5, 0.99, 1.0))
        table.row("t50, median of records, seconds (goal 2)", median(half))
        table.row("t99, median of records, seconds (goal 5)", median(most))
        table.row("t99, p95 of records", quantile(most, 0.95))
        table.row("the last node, p95 of records, seconds (goal 15)", quantile(last, 0.95))

    def costs(self, published: int) -> None:
        """What they cost."""
        crowd, table = self.crowd, self.table
        nodes = len(crowd.actors)
        sent = sum(crowd.by_sender.values())
        table.row("bytes a record and node, all frames (goal 4,000)", round(sent / max(1, published) / nodes))
        received = crowd.entry_bytes / max(1, crowd.unique_bytes * (len(crowd.honest) - 1))
        table.row("record bytes received / unique (goal 1.1)", received)

    def senders(self) -> None:
        """Who carried most."""
        values = sorted(self.crowd.by_sender.values())
        self.table.row("worst sender / mean (goal 2.5)", values[-1] / (sum(values) / len(values)))

    def by_type(self) -> None:
        """Bytes by type of frame."""
        for kind, size in self.crowd.by_type.most_common(4):
            self.table.row(
                f"of which frames of type {kind}, bytes a node", round(size / len(self.crowd.actors))
            )

    def done(self) -> Table:
        """The table, with what it took."""
        world, table = self.crowd.world, self.table
        table.row("simulated seconds, joining included", world.now - 1_700_000_000)
        table.row("frames", world.frames)
        table.row("processor seconds", time.process_time() - self._began)
        table.row("memory at most, MB", round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000))
        table.row("turns looked at", self.watch.checks["queues are bounded"])
        table.row("trace", world.trace[:16])
        self._remembering.__exit__(None, None, None)
        return table


def _publishes_from(crowd: Crowd, count: int) -> int:
    up = [actor for actor in crowd.honest if actor.up]
    for actor in crowd.world.chance.sample(up, k=min(count, len(up))):
        crowd.world.at(crowd.world.now + 20 * crowd.world.chance.random(), crowd.publish, actor)
    return min(count, len(up))


def _newest(crowd: Crowd) -> dict[bytes, tuple[int, int, int]]:
    """The newest heads of those who are up, three seconds old at least."""
    now, found = crowd.world.now, {}
    for (log, size), at in crowd.published.items():
        if now - at > 3:
            found[log] = (0, size, 0)
    return found


def _reached(crowd: Crowd, key: tuple[bytes, int], there: list[Actor], part: float) -> float:
    """When this part of those who were there had it."""
    names = {actor.name for actor in there}
    times = sorted(at for at, name in crowd.received[key] if name in names)
    place = max(1, round(part * (len(there) - 1)))
    return times[place - 1] - crowd.published[key] if len(times) >= place else float("inf")
