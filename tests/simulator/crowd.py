"""A thousand nodes in one process: the memory store without its copies, and what all of them did, counted.

The cores, and everything they decide, are the real ones. What is left out is what only a crash in the middle
of a turn needs (a copy of the store for each), and what every node would compute alike is computed once
(``swift``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from mutunode.protocol import messages, rows
from mutunode.protocol.core import NodeSettings
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ledger import Address, Stance
from mutunode.store.memory_contents import Log
from tests.simulator.actor import Actor
from tests.simulator.crowd_store import CrowdStore, Together
from tests.simulator.liars import Liar
from tests.simulator.world import Wire, World

ENTRIES = 6  # the type of frames that carry records


class Crowd:
    """A network of many, who all listen to each other, and its counts."""

    def __init__(
        self,
        nodes: int,
        seed: int,
        *,
        loss: float = 0.01,
        liars: type[Liar] | None = None,
        share: float = 0.1,
        one: type[Liar] | None = None,
        published: bool = False,
    ) -> None:
        """``liars``: what a ``share`` of all are; ``one``: what the last one is.

        ``published``: each has published one record long ago, and everybody holds it.
        """
        self.world = World(seed, latency=(0.015, 0.135), loss=loss)
        self.together = Together()
        self.received: dict[tuple[bytes, int], list[tuple[float, str]]] = defaultdict(
            list
        )  # (log, size): when, who
        self.published: dict[tuple[bytes, int], float] = {}
        self.by_sender: Counter[str] = Counter()
        self.by_type: Counter[int] = Counter()
        self.entry_bytes = self.unique_bytes = 0
        self.warned: dict[str, float] = {}
        self.world.eavesdroppers.append(self._leaves)
        chosen = set(self.world.chance.sample(range(nodes), round(nodes * share))) if liars else set()
        self.actors = [
            self._actor(i, liars if i in chosen else one if i == nodes - 1 else None) for i in range(nodes)
        ]
        self.honest = [actor for actor in self.actors if actor.is_honest]
        self._introduce()
        if published:
            self._share_records()

    def _actor(self, number: int, kind: type[Liar] | None) -> Actor:
        world = self.world
        name = f"org{number}"
        actor = (kind or Actor)(
            world, name, NodeSettings(), store=CrowdStore(lambda: world.now, self.together)
        )
        actor.told_of_changes = self.arrived
        actor.keeps_frames = False
        actor.on_lan = False
        world.actors[actor.address] = actor
        return actor

    def _introduce(self) -> None:
        """Everybody accepted everybody, and has everybody's address."""
        chains = {actor.org: actor.author.chain for actor in self.actors}
        stances = {actor.org: (Stance(accepted=True), 0) for actor in self.actors}
        book = {actor.address: Address(actor.address, actor.org, "profile") for actor in self.actors}
        for actor in self.actors:
            state = actor.store.state
            state.chains = dict(chains)
            state.stances = {org: stance for org, stance in stances.items() if org != actor.org}
            state.addresses = dict(book)
            actor.store.ledger._turn.stamp += 1

    def _share_records(self) -> None:
        """What everybody holds is put together once."""
        holder = self.actors[0].store
        assert isinstance(holder, CrowdStore)
        first = holder.ledger
        for actor in self.actors:
            entries = actor.author.write(record_of("Fiche"))
            rows = [(entry.header, entry.salt, entry.body) for entry in entries]
            first.append(actor.org, PUBLIC, 0, rows, [entry.leaf for entry in entries])
            first.commit(actor.author.head(), actor.author.tree())
        for actor in self.actors:
            assert isinstance(actor.store, CrowdStore)
            actor.store.holds_what(holder)
            actor.marks_what_is_held()

    def join(self, seconds: float = 60.0) -> None:
        """They start together, and find each other."""
        for actor in self.actors:
            self.world.at(self.world.now + 0.05 * self.world.chance.random(), actor.starts)
        self.world.run(seconds)

    # --- what is counted -----------------------------------------------------------------------
    def _leaves(self, wire: Wire, frame: bytes) -> None:
        self.by_sender[wire.owner.name] += len(frame)
        self.by_type[frame[1]] += len(frame)
        if frame[1] == ENTRIES:
            message: Any = messages.decode(frame)
            self.entry_bytes += sum(sum(map(len, row)) for row in rows.unpack(message.enc, message.payload))

    def publish(self, actor: Actor) -> None:
        """One record of ordinary size, if it may sign now."""
        if not actor.up or not actor.signing().allowed:
            return
        head = actor.says(record_of(f"Fiche {self.world.now}"))
        self.published[head.log, head.size] = self.world.now
        row = actor.store.state.logs[head.log].leaves[-1]
        self.unique_bytes += len(row.header) + len(row.salt) + len(row.body)

    def publish_around(self, seconds: float, per_hour: float = 1.0) -> int:
        """Each publishes so often in that time, at any moment; how many records there will be."""
        count = round(len(self.honest) * per_hour * seconds / 3_600)
        for _ in range(count):
            actor = self.world.chance.choice(self.honest)
            self.world.at(self.world.now + seconds * self.world.chance.random(), self.publish, actor)
        return count

    def arrived(self, actor: Actor, log: bytes) -> None:
        """A register grew somewhere, by what somebody published or by evidence."""
        held = actor.store.state.logs.get(log)
        if actor.store.state.evidence and actor.is_honest:
            self.warned.setdefault(actor.name, self.world.now)
        if held is not None and held.head is not None and log != actor.log and actor.is_honest:
            self.received[log, held.head.size].append((self.world.now, actor.name))

    def delays(self, quantile: float, *, since: float = 0.0, of: int | None = None) -> list[float]:
        """For each publication, how long until this part of the others had it (infinite: not yet)."""
        others = (of or len(self.honest)) - 1
        found = []
        for key, at in self.published.items():
            if at < since:
                continue
            times = sorted(time for time, _ in self.received[key])
            place = max(1, -int(-quantile * others // 1))
            found.append(times[place - 1] - at if len(times) >= place else float("inf"))
        return sorted(found)

    def links(self) -> list[int]:
        """How many links each has."""
        return sorted(
            sum(s.is_ready for s in actor.node._core.sessions.values()) for actor in self.actors if actor.up
        )

    def components(self) -> int:
        """How many parts of those that are up cannot hear of each other."""
        left = {actor.name: actor for actor in self.honest if actor.up}
        parts = 0
        while left:
            parts += 1
            ring = [left.popitem()[1]]
            while ring:
                member = ring.pop()
                for wire in member.wires.values():
                    other = left.pop(wire.other.owner.name, None) if wire.open and wire.other.open else None
                    if other is not None:
                        ring.append(other)
        return parts

    def complete(self, part: float = 1.0) -> bool:
        """Whether this part of the honest ones that are up hold the newest of all honest registers."""
        newest = {actor.log: held.head.order for actor in self.honest
                  if (held := actor.store.state.logs.get(actor.log)) is not None and held.head}  # fmt: skip
        up = [actor for actor in self.honest if actor.up]
        missing = sum(not self.is_current(actor, newest) for actor in up)
        return missing <= len(up) * (1 - part)

    def is_current(self, actor: Actor, newest: dict[bytes, Any]) -> bool:
        """Whether it holds all of these."""
        logs = actor.store.state.logs
        return all(log in logs and _order(logs[log]) >= order for log, order in newest.items())


def record_of(title: str) -> tuple[str, dict[str, Any]]:
    """A record of ordinary size."""
    return "resource", {"title": {"fr": title}, "abstract": {"fr": "é" * 150}}


def _order(held: Log) -> tuple[int, int, int]:
    return held.head.order if held.head is not None else (0, 0, -1)


def median(values: list[float]) -> float:
    """The middle of sorted values."""
    return values[len(values) // 2] if values else float("nan")


def quantile(values: list[float], part: float) -> float:
    """So much of sorted values lies at or below it."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


__all__ = ["Crowd", "NoticeKind", "median", "quantile"]
