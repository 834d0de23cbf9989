"""One machine with a real writer, a real SQLite file and a real outside mark on a disk that a test controls.

Two neighbours are linked with it, in this process, so that heads leave while the disk is at work: ours to
both, and the register of the first one to the second. What is sent and what a person is told stand on the
same timeline as the writes of the disk.
"""

from __future__ import annotations

import itertools
import os
import random
import stat
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PosixPath
from typing import Any

import msgspec

from mutunode import home
from mutunode.home import Home
from mutunode.protocol import messages
from mutunode.protocol.core import Me, NodeSettings
from mutunode.protocol.effects import Effect, Send
from mutunode.protocol.entry import make_entry
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.ledger import Stance
from mutunode.protocol.node import Node
from mutunode.protocol.signing import Mark
from mutunode.store.memory import MemoryStore
from mutunode.store.sqlite import SqliteStore
from mutunode.turns import Outward, Turn, Turns
from tests.store.authors import Author, append
from tests.store.faulty_disks import RecordingDisk

WAIT_SECONDS = 10.0
STORE = "store.db"
WAL_PAGES = 12  # instead of thousands, so that the file itself is written all the time
CHANNEL = bytes(32)
ROUNDS = 5  # a question, its answer, what follows from it, its answer, and telling others


class Sent(msgspec.Struct, frozen=True):
    """A head that left the machine, and after how many operations of its disk."""

    at: int
    head: Head


class WatchedFolder(PosixPath):
    """The node's folder: its renamings are told to the disk."""

    disk: RecordingDisk  # set once for the length of a test

    def replace(self, target: Any) -> Any:
        """Put a file in the place of another."""
        self.disk.note("rename", self.name, 0, Path(target).name.encode())
        return super().replace(target)


class WatchedSystem:
    """``os`` as the home sees it: what it flushes is told to the disk, and not flushed in fact."""

    def __init__(self, disk: RecordingDisk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, file: int) -> None:
        """A file, with all that was written to it; or a folder, with its renamings."""
        path = Path(os.readlink(f"/proc/self/fd/{file}"))
        if stat.S_ISDIR(os.fstat(file).st_mode):
            self._disk.note("sync-folder", path.name)
            return
        self._disk.note("truncate", path.name)
        self._disk.note("write", path.name, 0, path.read_bytes())
        self._disk.note("sync", path.name)


class Neighbour:
    """Another organisation with its core; it lives in the memory of the test."""

    def __init__(self, name: str) -> None:
        self.author = Author(name)
        self.store = MemoryStore()
        with self.store.ledger.transaction():
            self.store.ledger.put_own(self.author.org)
            self.store.ledger.put_chain(self.author.chain)
        draws = random.Random(name)
        self.node = Node(me_of(self.author), self.store.ledger, NodeSettings(), draws.randbytes)
        self.does(lambda node, now: node.start(now), time.time())

    def does(self, given: Any, now: float) -> list[Effect]:
        """One turn."""
        with self.store.ledger.transaction():
            return list(given(self.node, now))

    def listens_to(self, org: bytes) -> None:
        """A person accepts another organisation."""
        with self.store.ledger.transaction():
            self.store.ledger.put_stance(org, Stance(accepted=True))

    def publishes(self, count: int, now: float) -> list[Effect]:
        """So many records, one signature."""
        self.author.write(*[("resource", {"title": {"fr": "d’à côté"}})] * count)
        with self.store.ledger.transaction():
            append(self.store.ledger, self.author, self.author.entries[PUBLIC][-count:])
            head = self.author.head()
            self.store.ledger.commit(head, self.author.tree())
            return self.node.published([head], now)


def me_of(author: Author) -> Me:
    """An author as the core takes it."""
    operating = author._operating
    return Me(author.org, operating.public_key().public_bytes_raw(), operating.sign)


class Machine:
    """The machine whose power is cut, or whose disk refuses."""

    def __init__(self, folder: Path, disk: RecordingDisk | None = None, vfs: str | None = None) -> None:
        self.author = Author("Jardin")
        self.disk = disk
        self.sent: list[Sent] = []
        self.told: list[tuple[int, int]] = []  # operations of the disk, size a person was told to be kept
        self.neighbours: list[Neighbour] = []
        self.ahead_seconds = 0.0
        self.home = Home(WatchedFolder(folder) if disk is not None else folder)
        self.store = SqliteStore(folder / STORE, self.clock, vfs=vfs)
        self.store.ledger._db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        with self.store.ledger.transaction():
            self.store.ledger.put_own(self.author.org)
            self.store.ledger.put_chain(self.author.chain)
        draws = itertools.count()
        me = me_of(self.author)

        def make_node(me: Me) -> Node:
            marks = [Mark(log, m.epoch, m.size, m.root) for log, m in self.home.marks().items()]
            return Node(
                me, self.store.ledger, NodeSettings(), lambda size: next(draws).to_bytes(size, "big"), marks
            )

        self.turns = Turns(me, self.store, self.home, make_node, self.clock, self.perform)

    def clock(self) -> float:
        """The time."""
        return time.time() + self.ahead_seconds

    def starts(self) -> None:
        """The writer begins."""
        self.turns.start()

    def ends(self) -> None:
        """The process ends in order."""
        self.turns.stop()
        self.store.close()

    # --- what leaves -----------------------------------------------------------------------------
    def perform(self, effects: Sequence[Outward]) -> None:
        """What leaves reaches the neighbours at once; their answers come in with the next turn."""
        for effect in effects:
            if isinstance(effect, Send):
                self._note(effect.frame)
                self._carry(effect.link, effect.frame)

    def _carry(self, link: int, frame: bytes) -> None:
        neighbour = self.neighbours[link - 1]
        self.turns.post(lambda node, now: node.drained(link, 0, now))
        self._hear(link, neighbour.does(lambda node, now: node.received(1, frame, now), self.clock()))

    def _note(self, frame: bytes) -> None:
        message = messages.decode(frame)
        if isinstance(message, messages.Heads):
            at = len(self.disk.ops) if self.disk is not None else 0
            self.sent += [Sent(at, head) for head in message.heads]

    def _hear(self, link: int, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                frame = effect.frame
                self.turns.post(lambda node, now, frame=frame: node.received(link, frame, now))  # type: ignore[misc]

    # --- what people do --------------------------------------------------------------------------
    def meets(self, *neighbours: Neighbour) -> None:
        """Links with neighbours who listen to each other, and to whom we listen."""

        def accept(turn: Turn) -> None:
            for each in neighbours:
                turn.ledger.put_stance(each.author.org, Stance(accepted=True))
            turn.tell(lambda node, now: node.interest_changed(now))

        self.turns.act(accept).result(WAIT_SECONDS)
        for neighbour in neighbours:
            for other in (self.author, *(each.author for each in neighbours)):
                neighbour.listens_to(other.org)
            self._in_turn(partial(self._link_with, neighbour))
        self.time_passes(1.0)

    def _link_with(self, neighbour: Neighbour) -> None:
        self.neighbours.append(neighbour)
        link, address = len(self.neighbours), f"{neighbour.author.name}:1"
        self.turns.post(lambda node, now: node.opened(link, True, address, CHANNEL, True, None, now))
        self._hear(
            link,
            neighbour.does(
                lambda node, now: node.opened(1, False, "jardin:1", CHANNEL, True, None, now), self.clock()
            ),
        )

    def publishes(self, titles: Sequence[str]) -> int:
        """Records in one turn; the size of our register that the person is told.

        Raises:
            Exception: whatever the turn raised; nothing is told then.
        """

        def act(turn: Turn) -> int:
            for title in titles:
                salt = turn.size().to_bytes(16, "big")
                turn.append(make_entry("resource", {"title": {"fr": title}}, int(turn.now), salt))
            return turn.size()

        size = self.turns.act(act).result(WAIT_SECONDS)
        self.told.append((len(self.disk.ops) if self.disk is not None else 0, size))
        return size

    def hears_of(self, number: int, count: int) -> None:
        """A neighbour publishes."""
        self._in_turn(lambda: self._hear(number + 1, self.neighbours[number].publishes(count, self.clock())))
        self.time_passes()

    def time_passes(self, seconds: float = 11.0) -> None:
        """Some time passes, and everything that waited for it happens."""
        for _ in range(ROUNDS):
            self.ahead_seconds += seconds / ROUNDS
            self._in_turn(self._wake_neighbours)

    def _wake_neighbours(self) -> None:
        for link, neighbour in enumerate(self.neighbours, 1):
            self._hear(link, neighbour.does(lambda node, now: node.timer(now), self.clock()))

    def _in_turn(self, job: Callable[[], None]) -> None:
        """Neighbours are spoken with in the writer's thread only."""
        self.turns.act(lambda turn: job()).result(WAIT_SECONDS)


def watch_home(monkeypatch: Any, disk: RecordingDisk) -> None:
    """Have what the home does to its disk be told to this one."""
    monkeypatch.setattr(home, "os", WatchedSystem(disk))
    monkeypatch.setattr(WatchedFolder, "disk", disk, raising=False)
