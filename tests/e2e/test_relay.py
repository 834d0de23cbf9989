"""Two organisations that only reach a third work together through it, and it reads nothing of theirs."""

from __future__ import annotations

import contextlib
import html
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mutunode.protocol import ids
from tests.e2e.nodes import Node, until

CANARY = "canaripourpreuve"
SECOND = "secondcanaripourpreuve"


def memory_of(process: int) -> bytes:
    """Everything a process may write to: heap, stacks, buffers."""
    found = []
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                found.append(memory.read(end - start))
            except (OSError, ValueError, OverflowError):
                continue  # a mapping that cannot be read, or that went meanwhile
    return b"".join(found)


def relayed(frames: bytes, *ends: Node) -> bool:
    """Whether both ends of a relayed link stand in what a relay heard and said."""
    orgs = [ids.parse(node.org, "org") for node in ends]
    return all(b"\x94\x15\x00\xc4\x20" + org in frames for org in orgs)


def page(node: Node, path: str) -> str:
    """A page as anybody at that computer sees it."""
    with urllib.request.urlopen(f"{node.web.rstrip('/')}/{path}", timeout=30) as answer:
        return str(answer.read(), "utf-8")


class Wiretap:
    """Stands before a node's peer port and keeps every byte that passes, either way."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._listening = socket.create_server((self._host, 0))
        self.address = f"{self._host}:{self._listening.getsockname()[1]}"
        self.passed = bytearray()
        self._ends: list[socket.socket] = [self._listening]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *given: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=given, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._ends.append(near)
                far = socket.create_connection((self._host, self._port))
                self._ends.append(far)
                self._start(self._pour, near, far)
                self._start(self._pour, far, near)

    def _pour(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                self.passed += piece
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nothing passes any more."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """Where the relay's frames are, as it could read them itself."""
    return tmp_path / "heard"


@pytest.fixture
def wire(make: Callable[[str], Node], heard: Path) -> Iterator[tuple[Node, Wiretap]]:
    """Relais, and whoever listens on its line."""
    relay = make("Relais").start(program=("-m", "tests.e2e.overheard", str(heard)))
    tap = Wiretap(relay.peer)
    yield relay, tap
    tap.close()


@pytest.fixture
def three(make: Callable[[str], Node], wire: tuple[Node, Wiretap]) -> tuple[Node, Node, Node]:
    """Jardin and Cantine know the address of Relais only; nobody can dial them, and Relais follows nobody."""
    relay, tap = wire
    jardin, cantine = make("Jardin"), make("Cantine")
    for node in (jardin, cantine):
        node.start("--seed", f"{tap.address}#{relay.org}")
    jardin.ask("peer_accept", org=cantine.org)
    cantine.ask("peer_accept", org=jardin.org)
    return relay, jardin, cantine


def test_two_who_only_reach_a_third_work_together_and_it_reads_nothing(
    three: tuple[Node, Node, Node], wire: tuple[Node, Wiretap], heard: Path
) -> None:
    relay, jardin, cantine = three
    jardin.publish(f"Potager {CANARY}")
    until(lambda: cantine.ask("search", q=CANARY)["total"] == 1, "Cantine finds it")
    cantine.publish(f"Menu {SECOND}")
    until(lambda: jardin.ask("search", q=SECOND)["total"] == 1, "Jardin finds it")
    until(lambda: jardin.ask("status")["holders"] >= 1, "Jardin knows that Cantine holds it")

    # the relay carried it, and cannot have read it
    assert relay.process is not None
    assert jardin.process is not None
    if os.access(f"/proc/{relay.process.pid}/mem", os.R_OK):
        held = memory_of(relay.process.pid)
        assert b"Relais" in held, "this is the relay's memory"
        assert CANARY.encode() not in held
        assert SECOND.encode() not in held
        assert CANARY.encode() in memory_of(jardin.process.pid), "a reader would be found"
    for passed in (bytes(wire[1].passed), heard.read_bytes()):
        assert len(passed) > 10_000, "what passed was kept"
        assert CANARY.encode() not in passed
        assert SECOND.encode() not in passed
    assert relayed(heard.read_bytes(), jardin, cantine), "it did pass here"
    on_disk = b"".join(path.read_bytes() for path in relay.home.rglob("*") if path.is_file())
    assert CANARY.encode() not in on_disk
    assert {each["org"] for each in relay.ask("peer_ls") if each["records"]} <= {relay.org}

    # each is told how it stands
    reach = {each["name"]: each for each in jardin.ask("doctor")}["reach"]
    assert reach["well"]
    assert reach["fr"] == "Non joignable, sans gravité tant que Relais vous relaie."
    assert reach["en"] == "Not reachable, no matter as long as Relais relays for you."
    assert reach["fr"] in page(jardin, "fr/reseau")
    assert reach["en"] in page(jardin, "en/network")
    reach = {each["name"]: each for each in relay.ask("doctor")}["reach"]
    assert reach["fr"].startswith("Joignable")
    assert html.escape(reach["fr"], quote=False) in page(relay, "fr/reseau")
    assert reach["en"].startswith("Reachable")
    assert html.escape(reach["en"], quote=False) in page(relay, "en/network")
    [line] = [each for each in jardin.ask("peer_ls") if each["org"] == cantine.org]
    assert line["by_relay"] == "Relais"

    # whoever comes back is found again, and a direct way is taken where there is one
    cantine.stop()
    cantine.start("--seed", f"{relay.peer}#{relay.org}")
    cantine.publish("Encore un menu")
    until(lambda: jardin.holds_of(cantine) == cantine.register(), "Jardin holds it after the restart")
    jardin.ask("peer_accept", org=cantine.org, address=cantine.peer)

    def direct() -> bool:
        lines = [each for each in jardin.ask("peer_ls") if each["org"] == cantine.org]
        return bool(lines) and lines[0]["connected"] and not lines[0]["by_relay"]

    until(direct, "a direct link takes the place of the relayed one")
    assert not re.search(r"Traceback", "".join(node.log.read_text() for node in three))
