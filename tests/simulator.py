"""A small deterministic network: real protocol cores and the strict memory store in one process.

One clock, one source of chance, one queue of events: the same seed gives the same trace, whose hash is
kept. Links keep the order of their frames as TCP does; latency, loss (a frame that is sent again, and
what stands behind it), partitions and crashes are the network's. A crash loses the turn in hand and
everything the core kept in memory.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.effects import Close, Dial, Effect, Notice, NoticeKind, Send, WakeAt
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.ledger import HeldLog, Stance
from mutunode.protocol.node import LinkInfo, Node
from mutunode.protocol.signing import Mark, Signing
from mutunode.store.memory import MemoryStore
from tests.store.authors import START, Author

RESEND_SECONDS = 0.3  # what a lost packet costs the frames behind it


class Known(Protocol):
    """Whoever has an id."""

    @property
    def org(self) -> bytes: ...


class Wire:
    """One end of a link: what it sends arrives at the other end, in order."""

    def __init__(self, number: int, owner: Actor) -> None:
        self.number = number
        self.owner = owner
        self.other: Wire
        self.last_arrival = 0.0
        self.under_way = 0
        self.open = True


class World:
    """The network and its clock."""

    def __init__(
        self, seed: int = 1, *, latency: tuple[float, float] = (0.01, 0.01), loss: float = 0.0
    ) -> None:
        self.now = float(START)
        self.chance = random.Random(seed)
        self.latency = latency
        self.loss = loss
        self.actors: dict[str, Actor] = {}
        self.frames = 0
        self.bytes = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0
        self._links = 0
        self._apart: set[frozenset[str]] = set()
        self._trace = hashlib.sha256()

    # --- who is there --------------------------------------------------------------------------
    def node(self, name: str, **settings: Any) -> Actor:
        """A new organisation with its node, started."""
        actor = Actor(self, name, NodeSettings(**settings))
        self.actors[f"{name}:1"] = actor
        actor.starts()
        return actor

    # --- time ----------------------------------------------------------------------------------
    def at(self, time: float, action: Callable[[], None]) -> None:
        """Have something happen."""
        self._made += 1
        heapq.heappush(self._events, (max(time, self.now), self._made, action))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = end

    def note(self, *what: object) -> None:
        """Everything that happens goes into the trace."""
        self._trace.update(repr((round(self.now - START, 6), *what)).encode())

    @property
    def trace(self) -> str:
        """What happened so far, as one hash."""
        return self._trace.hexdigest()

    # --- the network ---------------------------------------------------------------------------
    def part(self, *groups: list[Actor]) -> None:
        """Cut all links between groups, and let none be opened."""
        for one, other in ((a, b) for a in groups for b in groups if a is not b):
            for left, right in ((left, right) for left in one for right in other):
                self._apart.add(frozenset((left.name, right.name)))
                for wire in [wire for wire in left.wires.values() if wire.other.owner is right]:
                    self.cut(wire)

    def heal(self) -> None:
        """Everybody may reach everybody again."""
        self._apart.clear()

    def apart(self, one: Actor, other: Actor) -> bool:
        """Whether two cannot reach each other."""
        return frozenset((one.name, other.name)) in self._apart

    def delay(self) -> float:
        """How long one frame takes."""
        lost = 0
        while self.loss and self.chance.random() < self.loss:
            lost += 1
        return self.chance.uniform(*self.latency) + lost * RESEND_SECONDS

    def connect(self, client: Actor, server: Actor, address: str, pinned: bytes | None = None) -> None:
        """Open a link; both ends hear of it, in either order."""
        self._links += 2
        ours, theirs = Wire(self._links - 1, client), Wire(self._links, server)
        ours.other, theirs.other = theirs, ours
        client.wires[ours.number], server.wires[theirs.number] = ours, theirs
        peer = f"{client.name}:{50_000 + self._links}"
        lan = client.on_lan
        self.at(
            self.now + self.delay(), lambda: client.is_connected(ours, True, address, server, lan, pinned)
        )
        self.at(self.now + self.delay(), lambda: server.is_connected(theirs, False, peer, server, lan, None))

    def carry(self, wire: Wire, frame: bytes) -> None:
        """A frame leaves; it arrives after those before it."""
        self.frames += 1
        self.bytes += len(frame)
        wire.under_way += len(frame)
        wire.last_arrival = max(wire.last_arrival + 1e-6, self.now + self.delay())
        self.at(wire.last_arrival, lambda: self._arrive(wire, frame))

    def _arrive(self, wire: Wire, frame: bytes) -> None:
        wire.under_way -= len(frame)
        if wire.other.open:
            self.note("frame", wire.owner.name, wire.other.owner.name, hashlib.sha256(frame).digest()[:8])
            wire.other.owner.receives(wire.other, frame)
        if wire.open:
            wire.owner.has_drained(wire)

    def cut(self, wire: Wire) -> None:
        """A link breaks; both ends hear of it."""
        for end in (wire, wire.other):
            if end.open:
                end.open = False
                self.at(self.now + self.delay(), lambda end=end: end.owner.is_disconnected(end))  # type: ignore[misc]


class PowerCut(Exception):
    """The machine stops in the middle of a turn: nothing of it is kept, nothing of it leaves."""


class Actor:
    """An organisation, its keys, its store and its node."""

    def __init__(self, world: World, name: str, settings: NodeSettings) -> None:
        self.world = world
        self.name = name
        self.author = Author(name)
        self.settings = settings
        self.store = MemoryStore(clock=lambda: world.now)
        self.wires: dict[int, Wire] = {}
        self.notices: list[NoticeKind] = []
        self.closes: list[Close] = []
        self.marks: dict[bytes, Mark] = {}
        self.puppets: dict[int, Any] = {}  # links of peers whose frames are written by hand
        self.on_lan = True
        self.dialled: list[Dial] = []
        self.copies: list[Any] = []  # of the store, to be put back
        self.up = False
        self.dies_in_next_turn = False
        self.seen: list[bytes] = []  # frames that came, for those who want to look or to replay
        self._chance = random.Random(world.chance.random())
        self.store.state.store_id = self._chance.randbytes(8)
        self._wake_at = float("inf")
        self.node: Node
        with self.store.ledger.transaction():
            self.store.ledger.put_own(self.org)
            self.store.ledger.put_chain(self.author.chain)

    @property
    def org(self) -> bytes:
        """Its id."""
        return self.author.org

    @property
    def log(self) -> bytes:
        """Its public log."""
        return self.author.log()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self.name}:1"

    # --- turns ---------------------------------------------------------------------------------
    @contextmanager
    def turn(self) -> Iterator[None]:
        """What is done in it is durable at its end, and only then leaves."""
        with self.store.ledger.transaction():
            yield

    def does(self, act: Callable[[Node, float], list[Effect]]) -> None:
        """One turn: the core acts, the ledger commits, the effects leave."""
        if not self.up:
            return
        try:
            with self.turn():
                effects = act(self.node, self.world.now)
                if self.dies_in_next_turn:
                    raise PowerCut
        except PowerCut:
            self.crashes()
        else:
            self.performs(effects)

    def performs(self, effects: list[Effect]) -> None:
        """The shell's part."""
        for effect in effects:
            if isinstance(effect, (Send, Close)) and effect.link in self.puppets:
                self.puppets[effect.link].hears(effect)
                continue
            match effect:
                case Send(link, frame):
                    wire = self.wires.get(link)
                    if wire is not None and wire.open:
                        self.world.carry(wire, frame)
                case Close():
                    self.closes.append(effect)
                    self._closes(effect)
                case Dial(address, org):
                    self.dialled.append(effect)
                    self._dials(address, org)
                case WakeAt(time):
                    self._wakes_at(time)
                case Notice(kind):
                    self.notices.append(kind)

    def _closes(self, close: Close) -> None:
        wire = self.wires.pop(close.link, None)
        if wire is not None and wire.open:
            wire.open = False
            arrival = max(wire.last_arrival + 1e-6, self.world.now + self.world.delay())
            self.world.at(arrival, lambda: self.world.cut(wire))

    def _dials(self, address: str, org: bytes | None) -> None:
        other = self.world.actors.get(address)
        self.world.note("dial", self.name, address)
        if other is None or not other.up or self.world.apart(self, other):
            later = self.world.now + 0.1
            self.world.at(
                later, lambda: self.does(lambda node, now: node.dial_failed(address, "nobody", now))
            )
        else:
            self.world.connect(self, other, address, org)

    def _wakes_at(self, time: float) -> None:
        if time < self._wake_at or self._wake_at <= self.world.now:
            self._wake_at = time
            self.world.at(time, self._wakes)

    def _wakes(self) -> None:
        if self.up and self._wake_at <= self.world.now:
            self._wake_at = float("inf")
            self.does(lambda node, now: node.timer(now))

    # --- what happens to it --------------------------------------------------------------------
    def starts(self) -> None:
        """The process starts, on whatever the store holds."""
        operating = self.author._operating
        me = Me(self.org, operating.public_key().public_bytes_raw(), operating.sign)
        self.node = Node(
            me, self.store.ledger, self.settings, self._chance.randbytes, list(self.marks.values())
        )
        self.up = True
        self._wake_at = float("inf")
        self.does(lambda node, now: node.start(now))

    def crashes(self) -> None:
        """The process is gone, and with it all that was not committed."""
        self.up = self.dies_in_next_turn = False
        for wire in list(self.wires.values()):
            self.world.cut(wire)
        self.wires.clear()

    def is_connected(
        self, wire: Wire, outgoing: bool, address: str, server: Actor, lan: bool, pinned: bytes | None
    ) -> None:
        """A link opened."""
        if not wire.open:
            return
        channel = hashlib.sha256(b"certificate of " + server.name.encode()).digest()
        number = wire.number
        self.does(lambda node, now: node.opened(number, outgoing, address, channel, lan, pinned, now))

    def receives(self, wire: Wire, frame: bytes) -> None:
        """A frame came."""
        self.seen.append(frame)
        self.does(lambda node, now: node.received(wire.number, frame, now))

    def has_drained(self, wire: Wire) -> None:
        """What it sent has left."""
        self.does(lambda node, now: node.drained(wire.number, wire.under_way, now))

    def is_disconnected(self, wire: Wire) -> None:
        """A link ended."""
        self.wires.pop(wire.number, None)
        self.does(lambda node, now: node.closed(wire.number, "gone", now))

    # --- what people do ------------------------------------------------------------------------
    def publishes(self, *titles: str) -> Head:
        """Publish records, one signature for all."""
        return self.says(*(("resource", {"title": {"fr": title}}) for title in titles))

    def says(self, *said: tuple[str, dict[str, Any]]) -> Head:
        """Publish records of any kind."""
        with self.turn():
            ledger = self.store.ledger
            signing = self.node.signing(self.world.now)
            assert signing.allowed, signing.reason
            entries = self.author.write(*said)
            self.author.time = int(self.world.now)
            head = self.author.head()
            start = ledger.frontier(self.log).size
            rows = [(entry.header, entry.salt, entry.body) for entry in entries]
            ledger.append(self.org, PUBLIC, start, rows, [entry.leaf for entry in entries])
            ledger.commit(head, self.author.tree())
            effects = self.node.published([head], self.world.now)
        self.marks[self.log] = Mark(self.log, head.epoch, head.size, head.root)
        self.performs(effects)
        return head

    def accepts(self, *others: Known) -> None:
        """A person listens to others."""
        self._decides(Stance(accepted=True), *others)

    def blocks(self, *others: Known) -> None:
        """A person blocks others."""
        self._decides(Stance(blocked=True), *others)

    def _decides(self, stance: Stance, *others: Known) -> None:
        with self.turn():
            for other in others:
                self.store.ledger.put_stance(other.org, stance)
            effects = self.node.interest_changed(self.world.now)
        self.performs(effects)

    def vouches_for(self, *others: Known) -> None:
        """Publish that it knows others."""
        self.says(*(("vouch", {"endpoints": [], "listed": True, "org": other.org}) for other in others))

    def knows_address_of(self, *others: Actor) -> None:
        """A person adds addresses."""
        for other in others:
            self.does(lambda node, now, other=other: node.add_address(other.address, None, now))  # type: ignore[misc]

    def copy(self) -> None:
        """Somebody copies the store's files."""
        self.copies.append(self.store.state)

    # --- what can be seen ----------------------------------------------------------------------
    def held(self, other: Actor) -> HeldLog | None:
        """What it holds of another's public log."""
        with self.turn():
            return self.store.ledger.log(other.log)

    def newest(self) -> Head | None:
        """Its own newest head."""
        held = self.held(self)
        return held.head if held is not None else None

    def holders(self) -> dict[bytes, tuple[int, int, int]]:
        """Who said that they hold its public log."""
        with self.turn():
            return self.node.holders(self.log)

    def size_of(self, other: Actor) -> int:
        """How many entries it holds of another's public log."""
        held = self.held(other)
        return held.size if held is not None else 0

    def links(self) -> list[LinkInfo]:
        """Its links."""
        with self.turn():
            return self.node.links()

    def signing(self) -> Signing:
        """Whether it may sign."""
        with self.turn():
            return self.node.signing(self.world.now)

    def is_linked_with(self, other: Actor) -> bool:
        """Whether a handshake with another is complete."""
        return any(link.ready and link.org == other.org for link in self.links())
