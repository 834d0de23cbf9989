"""The network between simulated nodes, and its clock.

A link keeps the order of its frames, as TCP does, unless a test asks for worse; latency, loss (a frame that
is sent again, and what stands behind it), partitions both ways or one way, and duplicates are the network's.
"""

from __future__ import annotations

import gc
import hashlib
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from mutunode.protocol.core import NodeSettings
from tests.store.authors import START

if TYPE_CHECKING:
    from mutunode.protocol.head import Head
    from tests.simulator.actor import Actor

RESEND_SECONDS = 0.3  # what a lost packet costs the frames behind it
SILENCE_SECONDS = 90.0  # the shell ends a link whose other side gave no sign for so long
NO_ANSWER_SECONDS = 10.0  # how long a dial waits for somebody whose answers do not come back
TOLD_TOGETHER = 1_000  # that happened, in one step of the trace


class Wire:
    """One end of a link: what it sends arrives at the other end, in order."""

    __slots__ = ("last_arrival", "number", "open", "other", "owner", "stuck", "under_way")

    def __init__(self, number: int, owner: Actor) -> None:
        self.number = number
        self.owner = owner
        self.other: Wire
        self.last_arrival = 0.0
        self.under_way = 0
        self.open = True
        self.stuck: list[bytes] = []  # frames that wait for a one-way partition to end


class World:
    """The network and its clock."""

    def __init__(
        self, seed: int = 1, *, latency: tuple[float, float] = (0.01, 0.01), loss: float = 0.0
    ) -> None:
        self.seed = seed
        self.now = float(START)
        self.chance = random.Random(seed)
        self.latency = latency
        self.loss = loss
        self.disorder = 0.0  # how often a frame overtakes, or comes twice: no TCP does that
        self.roots = 1  # keys that each organisation has
        self.actors: dict[str, Actor] = {}
        self.count: Counter[str] = Counter()  # frames: sent, arrived, lost; dials
        self.bytes = 0
        self.watchers: list[Callable[[Actor], None]] = []  # called after each turn of an actor
        self.eavesdroppers: list[Callable[[Wire, bytes], None]] = []  # called for each frame that leaves
        self.witnesses: list[Callable[[Actor, Head], None]] = []  # called for each head that is signed
        self.steps = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._made = count()
        self._links = 0
        self._apart: set[frozenset[str]] = set()
        self._mute: set[tuple[str, str]] = set()
        self._trace, self._told = b"", list[bytes]()  # what happened: as a hash, and since then

    def signed(self, actor: Actor, head: Head) -> None:
        """An honest node signed a head: whoever watches may look at the tree under it."""
        for witness in self.witnesses:
            witness(actor, head)

    @property
    def frames(self) -> int:
        """How many frames left."""
        return self.count["sent"]

    # --- who is there --------------------------------------------------------------------------
    def node(self, name: str, **settings: Any) -> Actor:
        """A new organisation with its node, started."""
        from tests.simulator.actor import Actor

        return self.add(Actor(self, name, NodeSettings(**settings)))

    def add(self, actor: Actor) -> Actor:
        """An actor that was made by hand joins, and starts."""
        self.actors[actor.address] = actor
        actor.starts()
        return actor

    # --- time ----------------------------------------------------------------------------------
    def at(self, time: float, action: Callable[..., None], *given: Any) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (max(time, self.now), next(self._made), action, given))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end, events, pop = self.now + seconds, self._events, heapq.heappop
        was_on = gc.isenabled()
        gc.disable()  # next to nothing of what comes and goes refers to itself: what does waits until the end
        try:
            while events and events[0][0] <= end:
                self.now, _, action, given = pop(events)
                self.steps += 1
                action(*given)
        finally:
            if was_on:
                gc.enable()
        self.now = end

    def run_until(self, reached: Callable[[], bool], seconds: float, *, every: float = 1.0) -> float | None:
        """Let time pass until something holds; how long it took, None when it did not come to hold."""
        start = self.now
        while not reached():
            if self.now - start >= seconds:
                return None
            self.run(min(every, seconds))
        return self.now - start

    def note(self, *what: object) -> None:
        """What happens goes into the trace."""
        self._tell(repr((round(self.now - START, 6), *what)).encode())

    def _tell(self, what: bytes) -> None:
        self._told.append(what)
        if len(self._told) >= TOLD_TOGETHER:  # a hash that can be put aside and taken up again
            self._trace, self._told = hashlib.sha256(self._trace + b"".join(self._told)).digest(), []

    @property
    def trace(self) -> str:
        """What happened so far, as one hash."""
        return hashlib.sha256(self._trace + b"".join(self._told)).hexdigest()

    # --- the network ---------------------------------------------------------------------------
    def part(self, *groups: list[Actor]) -> None:
        """Cut all links between groups, and let none be opened."""
        for one, other in ((a, b) for a in groups for b in groups if a is not b):
            for left, right in ((left, right) for left in one for right in other):
                self._apart.add(frozenset((left.name, right.name)))
                for wire in [wire for wire in left.wires.values() if wire.other.owner is right]:
                    self.cut(wire)

    def mute(self, senders: Iterable[Actor], receivers: Iterable[Actor]) -> None:
        """What senders send does not arrive, while they hear everything: a partition in one direction."""
        heard = list(receivers)
        self._mute.update((one.name, other.name) for one in senders for other in heard if one is not other)

    def heal(self) -> None:
        """Everybody may reach everybody again; what was stuck arrives late, as TCP has it."""
        self._apart.clear()
        self._mute.clear()
        for actor in self.actors.values():
            for wire in list(actor.wires.values()):
                stuck, wire.stuck = wire.stuck, []
                for frame in stuck:
                    self._leave(wire, frame)

    def apart(self, one: Actor, other: Actor) -> bool:
        """Whether two cannot reach each other."""
        return frozenset((one.name, other.name)) in self._apart

    def half_open(self, one: Actor, other: Actor) -> bool:
        """Whether only one of two hears the other."""
        return (one.name, other.name) in self._mute or (other.name, one.name) in self._mute

    def delay(self) -> float:
        """How long one frame takes."""
        lost = 0
        while self.loss and self.chance.random() < self.loss:
            lost += 1
        low, high = self.latency
        return low + (high - low) * self.chance.random() + lost * RESEND_SECONDS

    def connect(self, client: Actor, server: Actor, address: str, pinned: bytes | None = None) -> None:
        """Open a link: who is dialled hears of it first, and what it says comes after the dial's answer."""
        self._links += 2
        ours, theirs = Wire(self._links - 1, client), Wire(self._links, server)
        ours.other, theirs.other = theirs, ours
        client.wires[ours.number], server.wires[theirs.number] = ours, theirs
        there = self.now + self.delay()
        back = there + self.delay()
        ours.last_arrival, theirs.last_arrival = there, back
        peer = f"{client.name}:{50_000 + self._links}"
        lan = client.on_lan
        self.at(there, server.is_connected, theirs, False, peer, server, lan, None)
        self.at(back, client.is_connected, ours, True, address, server, lan, pinned)

    def carry(self, wire: Wire, frame: bytes) -> None:
        """A frame leaves; it arrives after those before it."""
        self.count["sent"] += 1
        self.bytes += len(frame)
        wire.under_way += len(frame)
        for eavesdropper in self.eavesdroppers:
            eavesdropper(wire, frame)
        if self._mute and (wire.owner.name, wire.other.owner.name) in self._mute:
            if not wire.stuck:
                self.at(self.now + SILENCE_SECONDS, self._too_silent, wire)
            wire.stuck.append(frame)
        else:
            self._leave(wire, frame)

    def _leave(self, wire: Wire, frame: bytes) -> None:
        arrival = self.now + self.delay()
        if self.disorder and self.chance.random() < self.disorder:
            if self.chance.random() < 0.5:
                self.count["doubled"] += 1
                self.at(arrival + self.delay(), self._arrive, wire, frame, True)
        else:
            arrival = wire.last_arrival = max(wire.last_arrival + 1e-6, arrival)
        self.at(arrival, self._arrive, wire, frame, False)

    def _arrive(self, wire: Wire, frame: bytes, again: bool) -> None:
        if not again:
            wire.under_way -= len(frame)
        other = wire.other
        if other.open and other.owner.up:
            self.count["arrived twice" if again else "arrived"] += 1
            self._tell(b"%d %d" % (int((self.now - START) * 1e6), wire.number) + frame)
            other.owner.receives(other, frame)
        elif not again:
            self.count["lost"] += 1
        if wire.open:
            wire.owner.has_drained(wire)

    def _too_silent(self, wire: Wire) -> None:
        if wire.open and wire.stuck:
            self.cut(wire)

    def cut(self, wire: Wire) -> None:
        """A link breaks; both ends hear of it."""
        for end in (wire, wire.other):
            if end.open:
                end.open = False
                self.drop_stuck(end)
                self.at(self.now + self.delay(), end.owner.is_disconnected, end)

    def drop_stuck(self, wire: Wire) -> None:
        """What could not arrive never will."""
        self.count["lost"] += len(wire.stuck)
        wire.stuck = []
