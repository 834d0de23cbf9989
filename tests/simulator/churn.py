"""Half are offline at any time; each is online for an hour and offline for an hour, in the mean."""

from __future__ import annotations

from tests.simulator.actor import Actor
from tests.simulator.crowd import median, quantile
from tests.simulator.runs import Aside, Run
from tests.simulator.table import Table

SESSION_SECONDS = 3_600.0
WARM_UP_SECONDS = 120.0
SPREAD_SECONDS = 3.0  # what is younger is under way everywhere
GIVEN_UP_SECONDS = 300.0
SETTLE_SECONDS = 60.0

Key = tuple[bytes, int]  # a register and its size


class Comings:
    """Who comes and goes, and when those who came hold all there is."""

    def __init__(self, run: Run) -> None:
        self.crowd, self.world = run.crowd, run.crowd.world
        self.back: dict[str, float] = {}
        self.current: list[float] = []
        self.steady: dict[Key, list[Actor]] = {}  # for each record, who was there when it was published
        for actor in self.crowd.actors:
            if self.world.chance.random() < 0.5:
                actor.crashes()
            self._in_a_while(actor)

    def _in_a_while(self, actor: Actor) -> None:
        world = self.world
        world.at(world.now + world.chance.expovariate(1 / SESSION_SECONDS), self._goes, actor)

    def _goes(self, actor: Actor) -> None:
        if actor.up:
            actor.crashes()
        else:
            actor.starts()
            self.back[actor.name] = self.world.now
        self._in_a_while(actor)

    def look(self) -> None:
        """A second has passed: who is current again, and who is there to receive what is new?"""
        now, newest = self.world.now, self._newest()
        for name, at in list(self.back.items()):
            actor = self.world.actors[f"{name}:1"]
            if not actor.up:
                del self.back[name]
            elif self.crowd.is_current(actor, newest):
                self.current.append(now - at)
                del self.back[name]
            elif now - at > GIVEN_UP_SECONDS:
                self.current.append(float("inf"))
                del self.back[name]
        for key, at in self.crowd.published.items():
            if key not in self.steady and now - at < 2:
                there = [actor for actor in self.crowd.actors if actor.up and actor.name not in self.back]
                self.steady[key] = there

    def _newest(self) -> dict[bytes, tuple[int, int, int]]:
        """What whoever is current holds."""
        published = self.crowd.published.items()
        return {log: (0, size, 0) for (log, size), at in published if self.world.now - at > SPREAD_SECONDS}

    def delays(self) -> list[float]:
        """For each record, how long until 99 % of those who were there all along had it."""
        return sorted(self._reached(key, [actor for actor in there if actor.up], 0.99)
                      for key, there in self.steady.items())  # fmt: skip

    def _reached(self, key: Key, there: list[Actor], part: float) -> float:
        names = {actor.name for actor in there}
        times = sorted(at for at, name in self.crowd.received[key] if name in names)
        place = max(1, round(part * (len(there) - 1)))
        return times[place - 1] - self.crowd.published[key] if len(times) >= place else float("inf")


def churn(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Half are offline; who comes back holds everything soon, and records reach those who are there."""
    run = Run("Half offline, sessions of an hour, 1 % loss", nodes, seed)
    comings = Comings(run)
    run.crowd.world.run(WARM_UP_SECONDS)
    comings.back.clear()  # who came back before anything was published
    run.counting_from_here()
    run.crowd.publish_around(60 * minutes)
    end = run.crowd.world.now + 60 * minutes + SETTLE_SECONDS
    while run.crowd.world.now < end:
        run.crowd.world.run(1)
        comings.look()
    delays, current = comings.delays(), sorted(comings.current)
    run.row("records published", len(comings.steady))
    run.row("t99 of those online all along, median, seconds", median(delays))
    run.row("t99 of those online all along, p95 (goal 8)", quantile(delays, 0.95))
    run.row("who came back", len(current))
    run.row("current again, median, seconds", median(current))
    run.row("current again, p95, seconds (goal 20)", quantile(current, 0.95))
    run.row("current again, the last, seconds", quantile(current, 1.0))
    run.costs(len(comings.steady))
    return run.done()
