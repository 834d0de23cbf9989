"""Bad days, drawn by a seed: whatever happens, what must hold holds; once it is quiet, all hold the same.

A run has two parts. In the first everything goes wrong at once and ``Watch`` looks at every turn. In the
second the faults *freeze*: nothing new happens, but what was cut stays cut, what is down stays down, and
the liar goes on lying (or, for half of the seeds, everything is mended). Honest nodes that can reach each
other must then come to hold equal registers, in bounded time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from mutunode.protocol.core import NodeSettings
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain, Standing
from mutunode.protocol.node import Node
from mutunode.protocol.signing import Reason
from mutunode.store.meaning import WITHDRAWAL
from tests.simulator.actor import Actor
from tests.simulator.epochs import ENTRUSTED, OF_THE_OWNER, Thief, lose_machine, open_epoch
from tests.simulator.invariants import Violation, Watch
from tests.simulator.liars import KINDS, Liar, TwoFaced
from tests.simulator.swift import remembering
from tests.simulator.world import World

SETTLE_SECONDS = 3_600.0  # redialling waits up to 160 s after such a day, a liar is noticed after 60
CLOCKS_SECONDS = 6 * 3_600.0  # more than 24 h ahead is a rule of its own
PATIENCE_SECONDS = 1_200.0  # before somebody no longer believes that what is missing will come


class Day(msgspec.Struct):
    """What came of one seed."""

    seed: int
    nodes: int
    trace: str
    seconds: float  # simulated, until all that can reach each other held the same
    frames: int
    events: dict[str, int]
    checks: dict[str, int]


def run(seed: int, nodes: int = 0, steps: int = 14) -> Day:
    """One bad day; ``nodes`` 0: three to seven, by the seed. ``Violation`` says what broke."""
    with remembering():
        return Chaos(seed, nodes, steps).run()


class Chaos:
    """A bad day under way."""

    def __init__(self, seed: int, nodes: int, steps: int) -> None:
        world = self.world = World(seed)
        chance = self.chance = world.chance
        count = nodes or chance.randint(3, 7)
        world.latency = chance.choice([(0.001, 0.005), (0.015, 0.135), (0.1, 0.6)])
        world.loss = chance.choice([0.0, 0.01, 0.05])
        world.roots = 2
        self.thieves: dict[str, Thief] = {}  # by the name of whose root key it is
        self.waits_since: dict[str, float] = {}  # who cannot begin its own new start
        self.steps = steps
        self.watch = Watch(world)
        self.events: Counter[str] = Counter()
        lied_disk = chance.random() < 0.3
        skewed = chance.random() < 0.5
        self.actors: list[Actor] = []
        liar = chance.choice(KINDS) if chance.random() < 0.5 else None
        for i in range(count):
            kind: type[Actor] = liar if liar is not None and i == count - 1 else Actor
            actor = kind(world, f"org{i}", NodeSettings())
            actor.keeps_frames = kind is not Actor
            if skewed:
                actor.skew = chance.uniform(-CLOCKS_SECONDS, CLOCKS_SECONDS)
            if lied_disk:
                actor.history = type(actor.history)(maxlen=chance.randint(1, 8))
            self.actors.append(world.add(actor))
        for actor in self.actors:
            actor.accepts(*(other for other in self.actors if other is not actor))
            actor.knows_address_of(*(other for other in self.actors if other is not actor))

    def run(self) -> Day:
        """All of it."""
        self.world.run(3)
        for _ in range(self.steps):
            self._something_happens()
            self.world.run(self.chance.uniform(0, 8))
        self._freeze()
        seconds = self.settles()
        self.watch.conserved()
        world = self.world
        return Day(
            world.seed, len(self.actors), world.trace, seconds, world.frames, dict(self.events),
            dict(self.watch.checks),
        )  # fmt: skip

    # --- what happens --------------------------------------------------------------------------
    def _something_happens(self) -> None:
        acts = [
            (6, self._publishes), (2, self._parts), (2, self._goes_half_open), (2, self._heals),
            (2, self._power_cut), (1, self._lying_disk), (1, self._stops), (3, self._starts),
            (1, self._sets_clock), (1, self._renews), (1, self._breaks_tcp), (3, self._erases),
            (1, self._opens_epoch), (1, self._loses_machine), (1, self._steals_root),
        ]  # fmt: skip
        (act,) = self.chance.choices([act for _, act in acts], [weight for weight, _ in acts])
        self.events[act.__name__.strip("_")] += 1
        act()

    def _up(self) -> list[Actor]:
        return [actor for actor in self.actors if actor.up]

    def _publishes(self) -> None:
        for actor in self.chance.sample(self._up(), k=min(2, len(self._up()))):
            if actor.signing().allowed:
                actor.publishes(*(f"Fiche {self.chance.random()}" for _ in range(self.chance.randint(1, 6))))

    def _erases(self) -> None:
        """Somebody takes a record of theirs back with its content."""
        for actor in self.chance.sample(self._up(), k=min(2, len(self._up()))):
            held = actor.store.state.logs.get(actor.log)
            if actor.signing().allowed and held is not None and held.records:
                record = self.chance.choice(list(held.records.values()))
                target = [held.log, record.index, record.row.leaf]
                actor.says((WITHDRAWAL, {"erase": True, "reason": "legal", "target": target}))

    def _opens_epoch(self) -> None:
        """A new key; now and then the register goes on from an earlier entry, and keeps what erases."""
        for actor in self._some(actor for actor in self._up() if actor.is_honest):
            held = actor.store.state.logs.get(actor.log)
            records = held.records.values() if held is not None else ()
            least = max((each.index + 1 for each in records if each.header.kind == WITHDRAWAL), default=0)
            size = held.committed if held is not None else 0
            if actor.signing().allowed:
                open_epoch(actor, self.chance.choice([size, self.chance.randint(least, size)]))

    def _loses_machine(self) -> None:
        """Nothing is left of somebody but the phrase, and what another one holds of the register."""
        for actor in self._some(actor for actor in self.actors if actor.is_honest):
            holders = [
                held
                for other in self._up()
                if other is not actor and other.is_honest
                if (held := other.store.state.logs.get(actor.log)) is not None and held.head is not None
            ]
            source = max(holders, key=lambda held: held.head.order if held.head else (0, 0, 0), default=None)
            if self._was_erased(actor) or actor.name in self.thieves:
                return  # a withdrawal that is lost with the machine: others know better what it erased
            self.watch.went_back(actor)
            lose_machine(actor, source)

    def _was_erased(self, author: Actor) -> bool:
        logs = (other.store.state.logs.get(author.log) for other in self.actors)
        return any(held is not None and held.erased for held in logs)

    def _steals_root(self) -> None:
        """Somebody opens an epoch with a root key entrusted to them, or with the phrase, and signs in it."""
        for actor in self._some(actor for actor in self.actors if actor.is_honest):
            if actor.name not in self.thieves:
                thief = self.thieves[actor.name] = Thief(self.world, actor)
                self.world.actors[thief.address] = thief
                by = self.chance.choice([ENTRUSTED, OF_THE_OWNER])
                open_epoch(thief, by=by)
                if by == OF_THE_OWNER and actor.up and actor.signing().allowed:
                    open_epoch(actor)  # in the same moment: neither knows of the other
                self.world.run(self.chance.uniform(0, 8))
                if thief.signing().allowed:
                    thief.publishes("volé")

    def _people_act(self) -> None:
        """Who is asked which new start counts says the owner's; whose key was replaced begins anew.

        Whose new start keeps what nobody gives begins once more, with what is here, as its pages say.
        """
        for actor in [actor for actor in self._up() if actor.is_honest]:
            for org, chain in list(actor.store.state.chains.items()):
                if chain.disputed:
                    self._decides(actor, org, chain)
            if actor.signing().reason is Reason.REPLACED and actor.name in self.thieves:
                open_epoch(actor)
            if self._waits_in_vain(actor):
                self.events["begun once more"] += 1
                open_epoch(actor)

    def _waits_in_vain(self, actor: Actor) -> bool:
        head, chain = _newest(actor, actor), actor.store.state.chains[actor.org]
        begun = head is not None and head.epoch >= chain.epoch
        if begun or actor.signing().reason not in (Reason.UNFINISHED, Reason.STALE):
            self.waits_since.pop(actor.name, None)
            return False
        since = self.waits_since.setdefault(actor.name, self.world.now)
        return self.world.now - since >= PATIENCE_SECONDS

    def _decides(self, actor: Actor, org: bytes, chain: Chain) -> None:
        owner = next(each for each in self.actors if each.org == org)
        for rival in chain.rivals:
            if rival.standing is Standing.TIED:
                self.events["disputes decided"] += 1
                theirs = owner.author.chain.epoch >= rival.epoch and owner.author.chain.op(rival.epoch).op
                take = rival.ops[0].op == theirs
                actor.does(Node.decide, org, rival.epoch, take)

    def _some(self, actors: Iterable[Actor]) -> list[Actor]:
        found = list(actors)
        return [self.chance.choice(found)] if found else []

    def _halves(self) -> tuple[list[Actor], list[Actor]]:
        shuffled = self.chance.sample(self.actors, k=len(self.actors))
        cut = self.chance.randint(1, len(shuffled) - 1)
        return shuffled[:cut], shuffled[cut:]

    def _parts(self) -> None:
        self.world.part(*self._halves())

    def _goes_half_open(self) -> None:
        self.world.mute(*self._halves())

    def _heals(self) -> None:
        self.world.heal()

    def _power_cut(self) -> None:
        for actor in self._up()[:1] and [self.chance.choice(self._up())]:
            actor.dies_in_next_turn = True

    def _lying_disk(self) -> None:
        for actor in self._up()[:1] and [self.chance.choice(self._up())]:
            if actor.history.maxlen:
                actor.loses_turns()
                self.watch.went_back(actor)

    def _stops(self) -> None:
        for actor in self._up()[1:] and [self.chance.choice(self._up())]:
            actor.crashes()

    def _starts(self) -> None:
        for actor in self.actors:
            if not actor.up:
                actor.starts()

    def _sets_clock(self) -> None:
        for actor in self._up()[:1] and [self.chance.choice(self._up())]:
            actor.sets_clock(self.chance.uniform(-CLOCKS_SECONDS, CLOCKS_SECONDS))

    def _renews(self) -> None:
        for actor in self._up():
            actor.renews()

    def _breaks_tcp(self) -> None:
        self.world.disorder = self.chance.choice([0.0, 0.01])

    # --- quiet ---------------------------------------------------------------------------------
    def _freeze(self) -> None:
        self.world.disorder = 0.0
        for actor in self.actors:
            actor.dies_in_next_turn = False
        if self.chance.random() < 0.5:
            self.world.heal()
            self._starts()
        elif not [actor for actor in self._up() if actor.is_honest]:
            self._starts()

    def settles(self) -> float:
        """Wait until all that can reach each other hold the same; how long that took, in seconds."""
        groups = self._groups()

        def agree() -> bool:
            self._people_act()
            return all(map(self._agrees, groups))

        seconds = self.world.run_until(agree, SETTLE_SECONDS, every=10)
        if seconds is None:
            raise Violation(
                f"seed {self.world.seed}: after an hour of quiet they differ: {self._differences()}"
            )
        return seconds

    def _groups(self) -> list[list[Actor]]:
        """Honest nodes that can reach each other, by way of other honest ones."""
        left = [actor for actor in self._up() if actor.is_honest]
        groups = []
        while left:
            group = [left.pop()]
            for member in group:
                near = [other for other in left if self._reach(member, other)]
                group += near
                left = [other for other in left if other not in near]
            groups.append(group)
        return groups

    def _reach(self, one: Actor, other: Actor) -> bool:
        return not (self.world.apart(one, other) or self.world.half_open(one, other))

    def _agrees(self, group: list[Actor]) -> bool:
        return all(self._agree_on(author, group) for author in self.actors)

    def _agree_on(self, author: Actor, group: list[Actor]) -> bool:
        if author.name in self.thieves and author not in group:
            return True  # who left the thief's branch has nothing until the owner shows its own
        held = [_newest(actor, author) for actor in group]
        if author not in group and _wait_for_a_first_head(author, group):
            return True
        if author.is_honest and len({_contents(actor, author) for actor in group}) > 1:
            return False
        if isinstance(author, TwoFaced) and len({head.tree for head in held if head and head.size > 2}) > 1:
            return all(actor.store.state.evidence_of(author.log) for actor in group)
        if isinstance(author, Liar) and any(actor.store.state.evidence_of(author.log) for actor in group):
            return all(actor.store.state.evidence_of(author.log) for actor in group)
        return len(set(held)) == 1

    def _differences(self) -> list[Any]:
        return [
            (reader.name, author.name, head and head.order, reader.signing().reason)
            for group in self._groups()
            for author in self.actors
            if not self._agree_on(author, group)
            for reader in group
            for head in [_newest(reader, author)]
        ]


def _wait_for_a_first_head(author: Actor, group: list[Actor]) -> bool:
    """Whether a new start is known there, and no register of it.

    "Once a node holds op *n* it takes no new head of an epoch below *n*" (PROTOCOL §2): a key that was
    replaced may be a stolen one. Until the author is there, or somebody who holds a register of that epoch,
    each serves what it held before, and who held nothing gets nothing.
    """
    chains = [chain for actor in group if (chain := actor.store.state.chains.get(author.org))]
    epoch = max((chain.epoch for chain in chains), default=0)
    heads = [_newest(actor, author) for actor in group]
    return epoch > 0 and not any(head is not None and head.epoch == epoch for head in heads)


def _newest(reader: Actor, author: Actor) -> Head | None:
    held = reader.store.state.logs.get(author.log)
    return held.head if held is not None else None


def _contents(reader: Actor, author: Actor) -> frozenset[tuple[int, str, bool]]:
    """Of each record, what became of it and whether its content is there."""
    held = reader.store.state.logs.get(author.log)
    records = held.records.values() if held is not None else ()
    return frozenset((record.index, record.state, bool(record.row.body)) for record in records)
