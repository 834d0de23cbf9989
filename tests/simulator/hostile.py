"""Some of many are hostile: silent, spamming with forgeries or with what they validly sign, two-faced."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from mutunode.protocol import messages
from mutunode.protocol.limits import HEADS_AN_HOUR_MAX
from tests.simulator.actor import Actor
from tests.simulator.epochs import open_epoch
from tests.simulator.liars import Flooder, Liar, Silent, Spammer, TwoBases, TwoFaced, TwoSizes
from tests.simulator.runs import Aside, Run
from tests.simulator.table import Table
from tests.simulator.world import Wire

SETTLE = 60.0  # simulated seconds after the last publication
FLOODED_FETCHES_MAX = 3_000  # times nodes: each has a quota of 60 records at once, which everybody fetches
FLOODED_MINUTES_MAX = 2.0  # they sign twice their quota in it
HEADS = 3  # the type of frames that announce


def silent(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """One in ten announces and gives nothing."""
    return _among("One in ten announces and gives nothing", Silent, nodes, seed, minutes, aside)


def spam(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """One in ten floods the others with registers that it made up, and with forged ones.

    While they find each other, each of them calls everybody, and everybody sends it away: of a thousand that
    is a hundred thousand handshakes, and most of what it takes.
    """
    return _among("One in ten spams invented and forged registers", Spammer, nodes, seed, minutes, aside)


def _among(
    title: str, liars: type[Liar], nodes: int, seed: int, minutes: float, aside: Aside | None
) -> Table:
    run = Run.of(aside) or Run(title, nodes, seed, liars=liars, warm_up=0)
    run.puts_aside(aside).joins()
    if run.once("publishing"):
        run.counting_from_here()
        run.crowd.publish_around(60 * minutes)
    run.passes("publishing", 60 * minutes + SETTLE)
    run.delays(len(run.crowd.published))
    _first_hop(run)
    return run.done()


def _first_hop(run: Run) -> None:
    # ``Watch`` ends the run at the first frame of an honest node that holds anything unverified.
    run.row("frames of honest nodes with something unverified", 0)
    run.row("heads in frames of honest nodes, looked at", run.watch.checks["what is passed on verifies"])


class _PassedOn:
    """Which heads of those who flood each honest node pushed."""

    def __init__(self, run: Run) -> None:
        self._logs = {actor.log for actor in run.crowd.actors if not actor.is_honest}
        self.sizes: dict[tuple[str, bytes], set[int]] = defaultdict(set)
        run.crowd.world.eavesdroppers.append(self._leaves)

    def _leaves(self, wire: Wire, frame: bytes) -> None:
        if frame[1] != HEADS or not wire.owner.is_honest:
            return
        message: Any = messages.decode(frame)
        for head in message.heads if message.id == messages.PUSH else ():
            if head.log in self._logs:
                self.sizes[wire.owner.name, head.log].add(head.size)

    def most(self) -> int:
        """Of one author, by one node."""
        return max(map(len, self.sizes.values()), default=0)


def flood(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Some (one in ten of a hundred) sign and announce a new record each second."""
    nodes = nodes or 100
    count = max(1, min(nodes // 10, FLOODED_FETCHES_MAX // nodes))
    minutes = min(minutes, FLOODED_MINUTES_MAX)
    title = f"{count} sign a record each second for {minutes:g} minutes"
    run = Run(title, nodes, seed, liars=Flooder, share=count / nodes)
    passed_on, world = _PassedOn(run), run.crowd.world
    flooders = [actor for actor in run.crowd.actors if isinstance(actor, Flooder)]
    for actor in flooders:
        for second in range(round(60 * minutes)):
            world.at(world.now + second + world.chance.random(), actor.floods)
    published = run.crowd.publish_around(60 * minutes, per_hour=max(1.0, 1_200 / nodes))
    run.passes("publishing", 60 * minutes + SETTLE)
    run.delays(published)
    run.row("records that each of them signed", max(actor.size_of(actor) for actor in flooders))
    quota = HEADS_AN_HOUR_MAX + minutes * HEADS_AN_HOUR_MAX / 60 + SETTLE / 60
    run.row(f"heads of one of them that one node passed on, most (quota {quota:.0f})", passed_on.most())
    _first_hop(run)
    return run.done()


def equivocation(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Two registers of equal size; a new epoch heals it."""
    return _two_registers(
        Run("One organisation signs two registers of equal size", nodes, seed, one=TwoFaced)
    )


def sizes(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Two registers of different sizes; a new epoch heals it."""
    title = "One organisation signs two registers of different sizes"
    return _two_registers(Run(title, nodes, seed, one=TwoSizes))


def bases(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Two heads of one public register on two bases: the one that is not of its chain is not even passed on.

    In a circle's register, where no chain says the base, the two are evidence (``tests/protocol``).
    """
    run = Run("One organisation signs its public register on two bases", nodes, seed, one=TwoBases)
    crowd, world = run.crowd, run.crowd.world
    liar = next(actor for actor in crowd.actors if isinstance(actor, TwoBases))
    start = world.now
    liar.says(*(("resource", {"title": {"fr": f"Fiche {i}"}}) for i in range(6)))

    def holding() -> int:
        return sum(_follows(actor, liar) for actor in crowd.honest)

    world.run_until(lambda: holding() == len(crowd.honest), 600, every=0.25)
    run.row("all hold the register on its true base after, seconds", world.now - start)
    world.run(SETTLE)
    run.row("nodes that hold it", f"{holding()} of {len(crowd.honest)}")
    run.row("heads on another base that it signed", len(liar.shown[True]))
    taken = (actor.store.state.logs.get(liar.log) for actor in crowd.honest)
    wrong = sum(held is not None and held.head is not None and held.head.base > 0 for held in taken)
    run.row("nodes that took one", wrong)
    _first_hop(run)
    return run.done()


def _two_registers(run: Run) -> Table:
    """One is shown to half of the peers, the other to the rest; later its author begins anew."""
    crowd, world = run.crowd, run.crowd.world
    liar = next(actor for actor in crowd.actors if isinstance(actor, TwoFaced))
    liar.says(*(("resource", {"title": {"fr": f"Fiche {i}"}}) for i in range(6)))
    start = world.now

    def warned() -> float:
        return len(crowd.warned) / len(crowd.honest)

    most = world.run_until(lambda: warned() >= 0.99, 600, every=0.25)
    run.reached("99 % hold the proof after, seconds (goal 5)", most)
    world.run_until(lambda: warned() == 1.0, 600, every=1)
    run.row("nodes that hold it", f"{len(crowd.warned)} of {len(crowd.honest)}")
    run.row("first noticed after, seconds", min(crowd.warned.values(), default=start) - start)
    world.run(SETTLE)
    open_epoch(liar, keeps=2)

    def healed(part: float) -> bool:
        return sum(_follows(actor, liar) for actor in crowd.honest) >= part * len(crowd.honest)

    most = world.run_until(lambda: healed(0.99), 600, every=0.25)
    run.reached("99 % follow its new epoch after, seconds", most)
    world.run_until(lambda: healed(1.0), 600, every=1)
    following = sum(_follows(actor, liar) for actor in crowd.honest)
    run.row("nodes that follow it, not frozen any more", f"{following} of {len(crowd.honest)}")
    return run.done()


def _follows(actor: Actor, author: Actor) -> bool:
    held = actor.held(author)
    return held is not None and not held.frozen and held.head == author.newest()
