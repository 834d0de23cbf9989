"""One measured run of a crowd: it comes together, time passes, its table fills; it can be put aside.

A scenario is played from its beginning also when it is taken up again; what was done before is skipped by
its name (``once``), what of a span of time has passed is not played twice (``passes``).
"""

from __future__ import annotations

import gc
import resource
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.simulator import saving
from tests.simulator.crowd import Crowd, median, quantile
from tests.simulator.invariants import Watch
from tests.simulator.liars import Liar
from tests.simulator.pages import enlarge
from tests.simulator.swift import remembering
from tests.simulator.table import Table

WARM_UP = 90.0
LOOKED_AT_ONE_IN = 500  # turns, above a hundred nodes
SLICE_SECONDS = 60.0  # simulated, between two looks whether the run is to be put aside
MICROSECOND = 1e-6

Asked = tuple[str, int, int, float]


class Aside:
    """Where a run is put aside, and after how much simulated time.

    ``asked``: scenario, nodes, seed and minutes, to be found again; ``run``: one that goes on.
    """

    def __init__(self, path: Path, asked: Asked, *, minutes: float = 15.0, run: Run | None = None) -> None:
        self.path = path
        self.asked = asked
        self.minutes = minutes
        self.run = run

    @classmethod
    def of(cls, path: Path) -> Self:
        """Take up what was put aside there."""
        run: Run = saving.load(path)
        assert run.aside is not None, "what is in a file was put there"
        return cls(path, run.aside.asked, minutes=run.aside.minutes, run=run)


class Run:
    """A crowd that has come together, and its table."""

    def __init__(
        self,
        title: str,
        nodes: int,
        seed: int,
        *,
        liars: type[Liar] | None = None,
        share: float = 0.1,
        one: type[Liar] | None = None,
        published: bool = False,
        kind: type[Crowd] = Crowd,
        warm_up: float = WARM_UP,
    ) -> None:
        """See ``Crowd``; ``warm_up``: seconds in which they find each other (0: ``joins`` follows)."""
        self._taken_up()
        nodes = nodes or 100
        self.aside: Aside | None = None
        self._spent = 0.0
        self._done: set[str] = set()
        self._ends: dict[str, float] = {}
        self.crowd = kind(nodes, seed, liars=liars, share=share, one=one, published=published)
        self.watch = Watch(self.crowd.world, one_in=1 if nodes <= 100 else LOOKED_AT_ONE_IN)
        self.table = Table(f"{title} ({nodes:,} nodes, seed {seed})")
        enlarge()
        self.crowd.join(warm_up)
        enlarge()
        if warm_up:
            self.links("links of a node: fewest, middle, most")
        gc.freeze()

    def _taken_up(self) -> None:
        self._began = time.process_time()
        self._within = ExitStack()
        self._within.enter_context(remembering(frames=True))

    @classmethod
    def of(cls, aside: Aside | None) -> Run | None:
        """The run that goes on, if one does."""
        return aside.run if aside is not None else None

    # --- going on ------------------------------------------------------------------------------
    def __getstate__(self) -> dict[str, object]:
        spent = self._spent + time.process_time() - self._began
        kept = {name: value for name, value in vars(self).items() if name not in ("_began", "_within")}
        return kept | {"_spent": spent}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._taken_up()

    def puts_aside(self, aside: Aside | None) -> Self:
        """From here on it is put aside now and then."""
        self.aside, self._saved_at = aside, self.crowd.world.now
        return self

    def once(self, step: str) -> bool:
        """Whether a step has not been made yet; asking makes it."""
        if step in self._done:
            return False
        self._done.add(step)
        return True

    def joins(self) -> Self:
        """They find each other, where that takes so long that it is to be put aside meanwhile."""
        self.passes("joining", WARM_UP)
        if self.once("joined"):
            self.links("links of a node: fewest, middle, most")
        return self

    def passes(self, span: str, seconds: float) -> None:
        """Let a span of time pass, or what is left of it."""
        world = self.crowd.world
        end = self._ends.setdefault(span, world.now + seconds)
        longest = min(SLICE_SECONDS, 60 * self.aside.minutes) if self.aside else SLICE_SECONDS
        while world.now < end - MICROSECOND:
            world.run(min(longest, end - world.now))
            gc.collect()
            gc.freeze()  # most of what there is stays: it need not be looked at again
            enlarge()
            if self.aside is not None and world.now >= self._saved_at + 60 * self.aside.minutes:
                self._saved_at, self.aside.run = world.now, None
                saving.save(self, self.aside.path)

    # --- what is measured ----------------------------------------------------------------------
    def row(self, name: str, value: object) -> None:
        """One more line of the table."""
        self.table.row(name, value)

    def reached(self, name: str, seconds: float | None) -> None:
        """After how long something came to hold; infinite when it did not."""
        self.row(name, seconds if seconds is not None else float("inf"))

    def links(self, name: str) -> None:
        """How many each has."""
        links = self.crowd.links()
        self.row(name, f"{links[0]}, {links[len(links) // 2]}, {links[-1]}")

    def counting_from_here(self) -> None:
        """What joining cost is not counted."""
        crowd = self.crowd
        crowd.by_sender.clear()
        crowd.by_type.clear()
        crowd.entry_bytes = crowd.unique_bytes = 0

    def delays(self, published: int) -> None:
        """How long records took."""
        crowd = self.crowd
        self.row("records published", published)
        half, most, last = (crowd.delays(part) for part in (0.5, 0.99, 1.0))
        self.row("t50, median of records, seconds (goal 2)", median(half))
        self.row("t99, median of records, seconds (goal 5)", median(most))
        self.row("t99, p95 of records", quantile(most, 0.95))
        self.row("the last node, p95 of records, seconds (goal 15)", quantile(last, 0.95))

    def costs(self, published: int) -> None:
        """What they cost."""
        crowd = self.crowd
        sent = sum(crowd.by_sender.values())
        cost = sent / max(1, published) / len(crowd.actors)
        self.row("bytes a record and node, all frames (goal 4,000)", round(cost))
        received = crowd.entry_bytes / max(1, crowd.unique_bytes * (len(crowd.honest) - 1))
        self.row("record bytes received / unique (goal 1.1)", received)

    def senders(self) -> None:
        """Who carried most."""
        values = sorted(self.crowd.by_sender.values())
        self.row("worst sender / mean (goal 2.5)", values[-1] / (sum(values) / len(values)))

    def by_type(self) -> None:
        """Bytes by type of frame."""
        for kind, size in self.crowd.by_type.most_common(4):
            self.row(f"of which frames of type {kind}, bytes a node", round(size / len(self.crowd.actors)))

    def done(self) -> Table:
        """The table, with what it took."""
        world = self.crowd.world
        self.row("simulated seconds, joining included", world.now - 1_700_000_000)
        self.row("frames", world.frames)
        self.row("processor seconds", self._spent + time.process_time() - self._began)
        self.row("memory at most, MB", round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000))
        self.row("turns looked at", self.watch.checks["queues are bounded"])
        self.row("trace", world.trace[:16])
        self._within.close()
        gc.unfreeze()
        return self.table
