"""One organisation of a simulated network: its keys, its store, its node, and the shell around it.

A crash loses the turn in hand and everything the core kept in memory; a disk that lied loses the turns
before it too. What an organisation signs it builds from its store, as the real service does, so that a
store that went back could fork its register if the core let it.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from mutunode.protocol.blobs import blob_of
from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.effects import (
    Changed,
    Close,
    Dial,
    Effect,
    LeaveFile,
    Notice,
    NoticeKind,
    OpenFile,
    PutChunk,
    ReadChunk,
    Send,
    WakeAt,
)
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.ledger import HeldLog, Ledger, Stance
from mutunode.protocol.node import LinkInfo, Node
from mutunode.protocol.rivals import joined
from mutunode.protocol.sealed import Opened, open_sealed
from mutunode.protocol.signing import Mark, Signing, heads_due
from mutunode.store.interface import Cite, File
from mutunode.store.memory import MemoryStore
from tests.simulated_disk import Disk, chunks_of
from tests.simulator.world import NO_ANSWER_SECONDS
from tests.store.authors import Author

if TYPE_CHECKING:
    from mutunode.store.memory_contents import Contents
    from tests.simulator.world import Wire, World


class Known(Protocol):
    """Whoever has an id."""

    @property
    def org(self) -> bytes: ...


class PowerCut(Exception):
    """The machine stops in the middle of a turn: nothing of it is kept, nothing of it leaves."""


class Actor:
    """An organisation, its keys, its store and its node."""

    def __init__(
        self, world: World, name: str, settings: NodeSettings, store: MemoryStore | None = None
    ) -> None:
        self.world = world
        self.name = name
        self.machine = ""  # each makes keys of its own
        self.author = Author(name, roots=world.roots)
        self.settings = settings
        self.skew = 0.0  # how far its clock is ahead
        self.store = store or MemoryStore(clock=lambda: self.now)
        self.wires: dict[int, Wire] = {}
        self.notices: list[NoticeKind] = []
        self.closes: list[Close] = []
        self.marks: dict[bytes, Mark] = {}
        self._marked: Head | None = None  # the head that was looked at last
        self.puppets: dict[int, Any] = {}  # links of peers whose frames are written by hand
        self.disk = Disk(self)
        self.on_lan = True
        self.told_of_changes: Callable[[Actor, bytes], None] | None = None
        self.dialled: list[Dial] = []
        self.copies: list[Any] = []  # of the store, to be put back
        self.history: deque[Contents] = deque(maxlen=0)  # earlier states of the store, for a disk that lied
        self.up = False
        self.dies_in_next_turn = False
        self.keeps_frames = True
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

    @cached_property
    def log(self) -> bytes:
        """Its public log."""
        return self.author.log()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self.name}:1"

    @property
    def now(self) -> float:
        """What its clock says."""
        return self.world.now + self.skew

    @property
    def is_honest(self) -> bool:
        """Whether it does what the protocol says."""
        return True

    # --- turns ---------------------------------------------------------------------------------
    def turn(self) -> AbstractContextManager[None]:
        """What is done in it is durable at its end, and only then leaves."""
        return self.store.ledger.transaction()

    def does(self, act: Callable[..., list[Effect]], *given: Any) -> None:
        """One turn: the core acts, the ledger commits, the mark is raised, the effects leave."""
        if not self.up:
            return
        try:
            with self.store.ledger.transaction():
                effects = act(self.node, *given, self.world.now + self.skew)
                if self.dies_in_next_turn:
                    raise PowerCut
        except PowerCut:
            self.crashes()
            return
        self.marks_what_is_held()
        for watch in self.world.watchers:
            watch(self)
        self.performs(effects)

    def marks_what_is_held(self) -> None:
        """The newest head of its own, kept outside the store."""
        held = self.store.state.logs.get(self.log)
        if held is None or held.head is None:
            return
        head, mark = held.head, self.marks.get(self.log)
        if head is self._marked and mark is not None:
            return
        self._marked = head
        if mark is None or (head.epoch, head.size) > (mark.epoch, mark.size):
            self.marks[self.log] = Mark(self.log, head.epoch, head.size, head.root)

    def performs(self, effects: list[Effect]) -> None:
        """The shell's part."""
        for effect in effects:
            if self.puppets and isinstance(effect, (Send, Close)) and effect.link in self.puppets:
                self.puppets[effect.link].hears(effect)
            elif type(effect) is Send:
                wire = self.wires.get(effect.link)
                if wire is not None and wire.open:
                    self.sends(wire, effect.frame)
            elif type(effect) is WakeAt:
                self._wakes_at(effect.time)
            else:
                self._performs_one(effect)

    def _performs_one(self, effect: Effect) -> None:
        match effect:
            case Close():
                self.closes.append(effect)
                self._closes(effect)
            case Dial(address, org):
                self.dialled.append(effect)
                self._dials(address, org)
            case Notice(kind):
                self.notices.append(kind)
            case Changed(log):
                if self.told_of_changes is not None:
                    self.told_of_changes(self, log)
            case OpenFile() | PutChunk() | LeaveFile() | ReadChunk():
                self.disk.does(effect)

    def sends(self, wire: Wire, frame: bytes) -> None:
        """A frame leaves."""
        self.world.carry(wire, frame)

    def _closes(self, close: Close) -> None:
        wire = self.wires.pop(close.link, None)
        if wire is not None and wire.open:
            wire.open = False
            self.world.drop_stuck(wire)
            arrival = max(wire.last_arrival + 1e-6, self.world.now + self.world.delay())
            self.world.at(arrival, self.world.cut, wire)

    def _dials(self, address: str, org: bytes | None) -> None:
        other = self.world.actors.get(address)
        self.world.note("dial", self.name, address)
        self.world.count["dials"] += 1
        if other is None or not other.up or self.world.apart(self, other):
            self.world.at(self.world.now + 0.1, self._dial_failed, address)
        elif self.world.half_open(self, other):
            self.world.at(self.world.now + NO_ANSWER_SECONDS, self._dial_failed, address)
        else:
            self.world.connect(self, other, address, org)

    def _dial_failed(self, address: str) -> None:
        self.does(lambda node, now: node.dial_failed(address, "nobody", now))

    def _wakes_at(self, time: float) -> None:
        if time < self._wake_at or self._wake_at <= self.now:
            self._wake_at = time
            self.world.at(time - self.skew, self._wakes)

    def _wakes(self) -> None:
        if not self.up or self._wake_at > self.now + 1e-6:
            return
        self._wake_at = float("inf")
        due = self.node._core.agenda.next_time()
        if due is not None and due > self.now + 1e-6:
            self._wakes_at(due)  # what it was woken for has been put off: no turn of its own
        else:
            self.does(Node.timer)

    # --- what happens to it --------------------------------------------------------------------
    def starts(self) -> None:
        """The process starts, on whatever the store holds; chain and keys are kept outside it."""
        with self.turn():
            held = self.store.ledger.chain(self.org) or self.author.chain
            if (chain := joined(held, self.author.chain)) != held:
                self.store.ledger.put_chain(chain)
        operating = self.author._operating
        me = Me(self.org, operating.public_key().public_bytes_raw(), operating.sign, opens=self.opens)
        self.node = Node(
            me, self.store.ledger, self.settings, self._chance.randbytes, list(self.marks.values())
        )
        self.up = True
        self._wake_at = float("inf")
        self.does(Node.start)

    def opens(self, log: bytes, body: dict[str, Any]) -> Opened | None:
        """What a sealed record holds for this organisation."""
        return open_sealed(body, log, self.org, [self.author.sealing_private])

    def crashes(self) -> None:
        """The process is gone, and with it all that was not committed."""
        self.up = self.dies_in_next_turn = False
        self.world.note("crash", self.name)
        for wire in list(self.wires.values()):
            self.world.cut(wire)
        self.wires.clear()
        with self.turn():  # as opening a store does
            for log, held in list(self.store.state.logs.items()):
                if held.pending:
                    self.store.ledger.drop_pending(log)

    def loses_turns(self) -> None:
        """A power cut, and a disk that had said "written" before it was: the last turns are gone too."""
        self.crashes()
        if self.history:
            self.store.state = self.history[0]
            self.history.clear()

    def sets_clock(self, ahead: float) -> None:
        """Somebody sets its clock; the shell begins anew, as for whatever else a core cannot take."""
        self.crashes()
        self.skew = ahead
        self.starts()

    def is_connected(
        self, wire: Wire, outgoing: bool, address: str, server: Actor, lan: bool, pinned: bytes | None
    ) -> None:
        """A link opened."""
        if wire.open:
            channel = server.channel
            self.does(Node.opened, wire.number, outgoing, address, channel, lan, pinned)

    @cached_property
    def channel(self) -> bytes:
        """What links to it are bound to."""
        return hashlib.sha256(b"certificate of " + self.name.encode()).digest()

    def receives(self, wire: Wire, frame: bytes) -> None:
        """A frame came."""
        if self.keeps_frames:
            self.seen.append(frame)
        if self.history.maxlen:
            self.history.append(self.store.state)
        self.does(Node.received, wire.number, frame)

    def has_drained(self, wire: Wire) -> None:
        """What it sent has left; the core has a turn for it where something waits for that."""
        session = self.node._core.sessions.get(wire.number)
        if session is None:
            return
        if session.waiting or wire.under_way:
            self.does(Node.drained, wire.number, wire.under_way)
        else:
            session.buffered_bytes = 0  # all that the turn would do

    def is_disconnected(self, wire: Wire) -> None:
        """A link ended."""
        self.wires.pop(wire.number, None)
        number = wire.number
        self.does(lambda node, now: node.closed(number, "gone", now))

    # --- what people do ------------------------------------------------------------------------
    def publishes(self, *titles: str) -> Head:
        """Publish records, one signature for all."""
        return self.says(*(("resource", {"title": {"fr": title}}) for title in titles))

    def says(self, *said: tuple[str, dict[str, Any]]) -> Head:
        """Publish records of any kind."""
        with self.turn():
            ledger = self.store.ledger
            signing = self.node.signing(self.now)
            assert signing.allowed, signing.reason
            first = self.finishes_epoch(ledger)
            tree = ledger.frontier(self.log)
            written = self.author.entries.setdefault(PUBLIC, [])
            del written[tree.size :]  # what a store that went back does not know
            entries = self.author.write(*said)
            rows = [(entry.header, entry.salt, entry.body) for entry in entries]
            ledger.append(self.org, PUBLIC, tree.size, rows, [entry.leaf for entry in entries])
            tree.extend(entry.leaf for entry in entries)
            self.author.time = max(self.author.time, int(self.now))
            head = self.author.head(tree=tree)
            ledger.commit(head, tree)
        for signed in (first, head):
            if signed is not None:
                self.has_signed(signed)
        self.does(lambda node, now: node.published([head], now))
        return head

    def finishes_epoch(self, ledger: Ledger) -> Head | None:
        """Within a turn that signs: the first head of the newest epoch, where it is lacking."""
        chain = ledger.chain(self.org)
        if chain is None or PUBLIC not in heads_due(ledger, self.org):
            return None
        held, base = ledger.log(self.log), chain.base(chain.epoch)
        if held is not None:
            ledger.drop_pending(self.log)
        if held is not None and base < held.size:
            ledger.cut(self.log, base)
        self.author.time = max(self.author.time, int(self.now))
        tree = ledger.frontier(self.log)
        head = self.author.head(tree=tree)
        ledger.commit(head, tree)
        return head

    def has_signed(self, head: Head) -> None:
        """A head of its own was committed: what is kept outside the store follows."""
        self.marks_what_is_held()
        self.world.signed(self, head)

    def renews(self) -> Head | None:
        """Sign the same tree at a newer time, as once a day."""
        with self.turn():
            ledger = self.store.ledger
            held = ledger.log(self.log)
            if held is None or held.head is None or not self.node.signing(self.now).allowed:
                return None
            self.author.time = max(self.author.time, int(self.now), held.head.time)
            self.finishes_epoch(ledger)
            head = self.author.head(tree=ledger.frontier(self.log))
            ledger.commit(head, ledger.frontier(self.log))
        self.has_signed(head)
        self.does(lambda node, now: node.published([head], now))
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
            effects = self.node.interest_changed(self.now)
        self.performs(effects)

    def vouches_for(self, *others: Known) -> None:
        """Publish that it knows others."""
        self.says(*(("vouch", {"endpoints": [], "listed": True, "org": other.org}) for other in others))

    def knows_address_of(self, *others: Actor) -> None:
        """A person adds addresses."""
        for other in others:
            self.does(lambda node, now, other=other: node.add_address(other.address, None, now))

    def adds_file(self, content: bytes, *cited_by: Known, public: bool = True) -> bytes:
        """Hold a file, cited by records of others too, or of itself alone; its id."""
        blob, size, _ = blob_of(chunks_of(content))
        self.disk.whole[blob] = chunks_of(content)
        with self.turn():
            self.store.ledger.put_file(File(blob, size, True, "added", int(self.world.now)))
            self._cites(blob, size, cited_by or (self,), public)
        return blob

    def wants_file(self, blob: bytes, size: int, *cited_by: Known, reason: str = "asked") -> None:
        """Have it fetched."""
        with self.turn():
            file = File(blob, size, False, reason, int(self.world.now))  # type: ignore[arg-type]
            self.store.ledger.put_file(file)
            self._cites(blob, size, cited_by, True)
            effects = self.node.files_wanted(self.world.now)
        self.performs(effects)

    def _cites(self, blob: bytes, size: int, orgs: Iterable[Known], public: bool) -> None:
        cites = [Cite(blob, (blob + each.org)[16:48], each.org, size, public, True) for each in orgs]
        self.store.ledger.put_cites([cite.rec for cite in cites], cites, 0)

    def has_file(self, blob: bytes) -> bool:
        """Whether it holds a file whole, and says so."""
        file = self.store.state.files.get(blob)
        return file is not None and file.held and blob in self.disk.whole

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
            return self.node.signing(self.now)

    def is_linked_with(self, other: Actor) -> bool:
        """Whether a handshake with another is complete."""
        return any(link.ready and link.org == other.org for link in self.links())
