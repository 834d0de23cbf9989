"""Whole nodes without doors: real engine, real search index, a store in memory, and cables between them.

A cable carries frames from one writer's thread to the other's inbox, in order, as a link would.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mutunode.config import Settings
from mutunode.engine import Engine
from mutunode.home import Home
from mutunode.protocol.effects import Close, Dial, Send
from mutunode.protocol.ids import rec_text
from mutunode.protocol.ledger import Address
from mutunode.service.errors import Refusal
from mutunode.service.office import Office
from mutunode.service.params import Emit
from mutunode.service.shapes import Imported
from mutunode.shell import read_address
from mutunode.store.interface import Stored
from mutunode.turns import CloseAll, Outward

PATIENCE_SECONDS = 20.0  # a busy machine is slow; a passing test never waits that long
POLL_SECONDS = 0.005


def until(holds: Callable[[], Any], what: str = "") -> Any:
    """Wait for something to become true; its value."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {PATIENCE_SECONDS:.0f} s: {what or holds}")
        time.sleep(POLL_SECONDS)
    return found


class Clock:
    """The time, and a way to go forward in it."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


class Cables:
    """What stands for the network: links between nodes of one process."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._ends: dict[tuple[str, int], tuple[str, int]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def plug(self, node: Node) -> None:
        """From now on a node can be reached at its address."""
        self._nodes[node.address] = node

    def unplug(self, node: Node) -> None:
        """Nobody reaches it any more; its links end."""
        del self._nodes[node.address]
        self._close_all(node.address)

    def perform(self, address: str, effects: Sequence[Outward]) -> None:
        """What the writer's thread of the node at an address decided."""
        for effect in effects:
            match effect:
                case Send(link=link, frame=frame):
                    self._carry(address, link, frame)
                case Close(link=link):
                    self._cut(address, link)
                case Dial(address=other, org=org):
                    self._dial(address, other, org)
                case CloseAll():
                    self._close_all(address)

    def _carry(self, address: str, link: int, frame: bytes) -> None:
        there, number = self._ends.get((address, link), ("", 0))
        if there in self._nodes:
            self._nodes[there].engine.turns.post(lambda node, now: node.received(number, frame, now))
            # what is answered to strangers goes out one at a time
            self._nodes[address].engine.turns.post(lambda node, now: node.drained(link, 0, now))

    def _dial(self, address: str, other: str, org: bytes | None) -> None:
        here, there = self._nodes.get(address), self._nodes.get(other)
        if here is None:
            return
        if there is None:
            here.engine.turns.post(lambda node, now: node.dial_failed(other, "nobody is there", now))
            return
        with self._lock:
            mine, theirs = next(self._numbers), next(self._numbers)
            self._ends[address, mine], self._ends[other, theirs] = (other, theirs), (address, mine)
        channel = sha256(other.encode()).digest()
        there.engine.turns.post(
            lambda node, now: node.opened(theirs, False, address, channel, False, None, now)
        )
        here.engine.turns.post(lambda node, now: node.opened(mine, True, other, channel, False, org, now))

    def _cut(self, address: str, link: int) -> None:
        end = self._ends.pop((address, link), None)
        if end is not None:
            self._ends.pop(end, None)
            self._tell_closed(address, link)
            self._tell_closed(*end)

    def _tell_closed(self, address: str, link: int) -> None:
        if address in self._nodes:
            self._nodes[address].engine.turns.post(lambda node, now: node.closed(link, "cut", now))

    def _close_all(self, address: str) -> None:
        for there, link in list(self._ends):
            if there == address:
                self._cut(there, link)


class Node:
    """One organisation's node: its engine, its office, and the live side that a daemon would be."""

    def __init__(
        self, folder: Path, name: str, cables: Cables, kinds: tuple[Path, ...] = (), store: str = "memory:"
    ) -> None:
        self.address = f"{name.lower().replace(' ', '-')}:1"
        self.clock = Clock()
        self.signatures = 0
        self.near: list[tuple[bytes, str, float]] = []
        self._cables = cables
        self._home = Home.create(
            folder / name, name=name, language="fr", entropy=sha256(name.encode()).digest(), now=1
        )
        self._holding = Home.hold(self._home.path)
        self.home = self._holding.__enter__()
        self.keys = self.home.unlock()
        self.engine = Engine(
            self.home,
            self.keys,
            Settings(store=store),
            self,
            lambda effects: cables.perform(self.address, effects),
            random=lambda size: sha256(f"{name} {next(self._draws)}".encode()).digest()[:size],
            kinds=kinds,
            clock=self.clock,
        )
        self._draws = itertools.count()
        self._count_signatures()
        cables.plug(self)
        self.engine.start()

    def _count_signatures(self) -> None:
        me = self.engine.turns._me

        def sign(message: bytes) -> bytes:
            self.signatures += message.startswith(b"cosignature/v1")
            return self.keys.sign(message)

        self.engine.turns._me = msgspec.structs.replace(me, sign=sign)

    @property
    def office(self) -> Office:
        """What may be asked of it."""
        return self.engine.office

    @property
    def org(self) -> str:
        """Its id."""
        return self.office.org

    def stop(self) -> None:
        """The process ends."""
        self._cables.unplug(self)
        self.engine.stop()
        self._holding.__exit__(None, None, None)

    # --- as the service sees a live node -------------------------------------------------------
    def web_address(self) -> str:
        """Where its pages would be."""
        return "http://127.0.0.1:1/"

    def peer_address(self) -> str:
        """Where others reach it."""
        return self.address

    def reached_at(self) -> tuple[str, ...]:
        """Where others may try."""
        return (self.address,)

    def read_address(self, text: str) -> Address:
        """An address somebody typed."""
        return read_address(text, "person")

    def candidates(self) -> list[tuple[bytes, str, float]]:
        """Who announces itself nearby."""
        return self.near

    def login_link(self, language: str) -> str:
        """A one-time address."""
        return f"http://127.0.0.1:1/session/{language}"

    # --- what tests do all the time ------------------------------------------------------------
    def publish(self, title: str, **more: Any) -> str:
        """Publish a resource; its id."""
        return self.office.publish("resource", {"title": title, **more}).id

    def size(self) -> int:
        """Entries of its own register."""
        return int(self.office.status().logs["public"]["size"])

    def stored(self, rec: str) -> Stored:
        """A record as the store gives it."""
        found = next((each for each in self.all_records() if rec_text(each.rec) == rec), None)
        assert found is not None, rec
        return found

    def all_records(self) -> Iterator[Stored]:
        """Everything its store shows, of anybody."""
        return (stored for _, stored in self.engine.reader.changes(0, 100_000))

    def until_indexed(self) -> None:
        """Wait until search finds what is stored."""
        until(lambda: self.office.status().indexed, "the search index has caught up")

    def titles(self, q: str = "", **filters: Any) -> list[str]:
        """Titles that a search finds, once it has caught up."""
        self.until_indexed()
        return [hit.title for hit in self.office.search(q, **filters).hits]

    def import_text(self, text: str, emit: Emit = lambda event: None, **params: Any) -> Imported:
        """Import lines given as text."""
        answer = self.office.call("import", {"lines": text, **params}, emit)
        assert isinstance(answer, Imported)
        return answer

    def knows(self, rec: str) -> bool:
        """Whether a record of anybody has arrived."""
        return any(rec_text(each.rec) == rec for each in self.all_records())

    def meets(self, other: Node) -> None:
        """Both accept each other and are linked."""
        self.office.accept(other.org, other.address)
        other.office.accept(self.org)
        until(lambda: self._is_linked(other) and other._is_linked(self), "linked")

    def _is_linked(self, other: Node) -> bool:
        return any(link.ready and link.org == other.keys.org for link in self.engine.turns.sight.links)


@contextmanager
def refused(code: str, exit: int) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """What follows is refused so, in both languages."""
    with pytest.raises(Refusal) as found:
        yield found
    refusal = found.value
    assert (refusal.code, int(refusal.exit)) == (code, exit), refusal
    assert refusal.fr.strip()
    assert refusal.en.strip()
    assert refusal.fr != refusal.en
