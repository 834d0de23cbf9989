"""``python -m tests.realnet slow|half-open|lan|crowd``: real nodes on real networks; prints what it measured.

As root, on Linux: namespaces and devices are made, and taken away at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e import nodes
from tests.e2e.nodes import MUTUNODE, ROOT, Node, environment
from tests.simulator.table import Table

RECORDS = 1_000


class Placed(Node):
    """A node in a network namespace."""

    namespace = ""
    options: tuple[str, ...] = ("--no-lan",)

    def launch(self, *more: str, program: tuple[str, ...] = MUTUNODE) -> None:
        """Run the daemon there."""
        command = ["ip", "netns", "exec", self.namespace, sys.executable, *program, "run"]
        command += ["--home", str(self.home), *self.options, "--peer-listen", self.listen]
        command += ["--web-listen", "127.0.0.1:0", *more]
        self.log.write_bytes(b"")
        self.starts.append(time.monotonic())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
            )


def placed(folder: Path, name: str, namespace: str, listen: str, *, lan: bool = False) -> Placed:
    """Made, with an identity."""
    node = Placed(name, folder, listen=listen)
    node.namespace, node.options = namespace, () if lan else ("--no-lan",)
    node.init()
    return node


@contextlib.contextmanager
def line(**given: float) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Two namespaces and the line between them."""
    names = (f"mn{os.getpid()}a", f"mn{os.getpid()}b")
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    words = [f"--{key}={value}" for key, value in given.items()]
    wire = subprocess.Popen(
        [sys.executable, "-m", "tests.realnet.wire", *names, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    try:
        assert wire.stdout is not None
        assert wire.stdout.readline().strip() == "up"
        yield names[0], names[1], wire
    finally:
        if wire.stdin is not None:
            wire.stdin.close()
        wire.wait(10)
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def slow() -> Table:
    """A thousand records over a line of 256 kbit/s that is late and loses."""
    table = Table(f"{RECORDS:,} records over 256 kbit/s, 150 to 180 ms each way, 5 % lost, reordered")
    with tempfile.TemporaryDirectory() as home, line() as (a, b, wire):
        folder = Path(home)
        jardin = placed(folder, "Jardin", a, "10.232.0.1:7447")
        atelier = placed(folder, "Atelier", b, "10.232.0.2:7447")
        with running(jardin, atelier):
            _publish(jardin, folder)
            jardin.ask("peer_accept", org=atelier.org)
            began = time.monotonic()
            atelier.ask("peer_accept", org=jardin.org, address="10.232.0.1:7447")
            wanted = jardin.register()
            while atelier.holds_of(jardin) != wanted:
                time.sleep(0.2)
            table.row("all held after, seconds (goal 90)", time.monotonic() - began)
            began = time.monotonic()
            rec = jardin.publish("Encore une fiche")
            while atelier.ask("search", q="Encore une fiche")["total"] == 0:
                time.sleep(0.05)
            table.row("one more, published to found, seconds", time.monotonic() - began)
            assert rec
        assert wire.stdin is not None
        wire.stdin.close()
        assert wire.stdout is not None
        table.row("the line", wire.stdout.read().strip())
    return table


def half_open() -> Table:
    """One direction of a line is cut: who notices when?"""
    table = Table("A link of which one direction was cut")
    with tempfile.TemporaryDirectory() as home, line(loss=0.0, rate=10_000_000, delay=0.01) as (a, b, wire):
        folder = Path(home)
        jardin = placed(folder, "Jardin", a, "10.232.0.1:7447")
        atelier = placed(folder, "Atelier", b, "10.232.0.2:7447")
        with running(jardin, atelier):
            jardin.ask("peer_accept", org=atelier.org)
            atelier.ask("peer_accept", org=jardin.org, address="10.232.0.1:7447")
            nodes.until(lambda: _linked(jardin) and _linked(atelier), "they are linked")
            time.sleep(5)
            assert wire.stdin is not None
            wire.stdin.write("cut\n")
            wire.stdin.flush()
            began = time.monotonic()
            noticed: dict[str, float] = {}
            while len(noticed) < 2 and time.monotonic() - began < 180:
                for node in (jardin, atelier):
                    if node.name not in noticed and not _linked(node):
                        noticed[node.name] = time.monotonic() - began
                time.sleep(0.5)
            for name, seconds in sorted(noticed.items()):
                table.row(f"{name} noticed after, seconds (goal 60)", seconds)
            wire.stdin.write("mend\n")
            wire.stdin.flush()
            began = time.monotonic()
            while not (_linked(jardin) and _linked(atelier)) and time.monotonic() - began < 300:
                time.sleep(0.5)
            table.row("linked again after it was mended, seconds", time.monotonic() - began)
    return table


def lan() -> Table:
    """Two namespaces on one bridge: seen by each other, and by another program's mDNS."""
    table = Table("Two nodes on one local network")
    tag = f"mn{os.getpid()}"
    names = (f"{tag}a", f"{tag}b")
    with tempfile.TemporaryDirectory() as home, bridged(tag, names):
        folder = Path(home)
        jardin = placed(folder, "Jardin", names[0], "[::]:7447", lan=True)
        atelier = placed(folder, "Atelier", names[1], "[::]:7447", lan=True)
        began = time.monotonic()
        with running(jardin, atelier):
            nodes.until(lambda: any(each["name"] == "Atelier" for each in jardin.ask("peer_nearby")), "seen")
            table.row("both ready, and one saw the other's name after, seconds", time.monotonic() - began)
            seen = subprocess.run(
                ["ip", "netns", "exec", names[0], sys.executable, "-c", BROWSE],
                capture_output=True, text=True, timeout=30, env=environment(), check=False,
            ).stdout  # fmt: skip
            table.row("another mDNS reader in the same network sees", seen.strip() or "nothing")
            jardin.ask("peer_accept", org=atelier.org)
            atelier.ask("peer_accept", org=jardin.org)
            jardin.publish("Vue sur le réseau local")
            began = time.monotonic()
            nodes.until(lambda: atelier.holds_of(jardin) == jardin.register(), "held")
            table.row("a record is there after, seconds", time.monotonic() - began)
    return table


BROWSE = """
import socket, struct, time
# a reader of mDNS in thirty lines that shares nothing with the library the nodes use
name = b'\\x09_mutunode\\x04_tcp\\x05local\\x00'
question = struct.pack('!6H', 0, 0, 1, 0, 0, 0) + name + struct.pack('!2H', 12, 0x8001)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
names, end = set(), time.time() + 6
while time.time() < end:
    s.sendto(question, ('224.0.0.251', 5353))
    try:
        while True:
            data = s.recv(9000)
            for part in data.split(b'org=')[1:]:
                names.add(part[:12].decode('ascii', 'replace'))
    except TimeoutError:
        pass
print(len(names), 'announced:', ' '.join(sorted(names)))
"""


@contextlib.contextmanager
def bridged(tag: str, names: tuple[str, str]) -> Iterator[None]:
    """Two namespaces on one bridge, in a third."""
    middle = f"{tag}m"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        ip("netns", "add", middle)
        ip("-n", middle, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", middle, "link", "set", "br0", "up")
        for number, name in enumerate(names, 1):
            ip("netns", "add", name)
            ip("link", "add", "v0", "netns", name, "type", "veth", "peer", f"v{number}", "netns", middle)
            ip("-n", middle, "link", "set", f"v{number}", "master", "br0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "v0", "up")
            ip("-n", name, "addr", "add", f"10.233.0.{number}/24", "dev", "v0")
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "v0")
        yield
    finally:
        for name in (*names, middle):
            subprocess.run(["ip", "netns", "del", name], check=False)


def crowd(count: int = 100) -> Table:
    """So many processes on one machine, each with an organisation of its own."""
    table = Table(f"{count} processes on one machine")
    made: list[Node] = []
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        try:
            for number in range(count):
                made.append(Node(f"Org{number}", folder).init())
                made[-1].launch(*(("--seed", made[0].peer) if number else ()))
                made[-1].wait_ready()
            ready = time.monotonic()
            for node in made:
                for other in made:
                    if other is not node:
                        node.ask("peer_accept", org=other.org)
            table.row("everybody accepted everybody, seconds", time.monotonic() - ready)
            for node in made:
                node.publish(f"Fiche de {node.name}")
            began = time.monotonic()
            left = set(range(count))
            while left and time.monotonic() - began < 600:
                left = {n for n in left if made[n].ask("status")["organisations"] < count}
                time.sleep(0.5)
            table.row("all hold all after the last publication, seconds (goal 60)", time.monotonic() - began)
            table.row("not complete", len(left))
            memory = sum(_memory(node) for node in made)
            table.row("memory of all, MB", round(memory / 1_000))
        finally:
            for node in made:
                node.kill()
    return table


def _memory(node: Node) -> int:
    """Kilobytes."""
    assert node.process is not None
    text = Path(f"/proc/{node.process.pid}/status").read_text()
    return next(int(row.split()[1]) for row in text.splitlines() if row.startswith("VmRSS"))


def _linked(node: Node) -> bool:
    return any(each["state"] == "connected" for each in node.ask("status")["peers"])


def _publish(node: Node, folder: Path) -> None:
    """Records whose texts do not repeat: compression gets no more of them than of what people write."""
    chance = random.Random(1)

    def words(count: int) -> str:
        return " ".join(
            "".join(chance.choices("aeiouéèlmnprstvcd", k=chance.randint(2, 9))) for _ in range(count)
        )

    lines = [
        json.dumps({"kind": "resource", "title": {"fr": words(5)}, "abstract": {"fr": words(60)}})
        for _ in range(RECORDS)
    ]
    file = folder / "records.jsonl"
    file.write_text("\n".join(lines))
    answer: Any = node("import", str(file))
    assert answer["created"] == RECORDS, answer


@contextlib.contextmanager
def running(*given: Node) -> Iterator[None]:
    """They run, and are gone at the end."""
    try:
        for node in given:
            node.launch()
        for node in given:
            node.wait_ready()
        yield
    finally:
        for node in given:
            node.kill()


SCENES = {"slow": slow, "half-open": half_open, "lan": lan, "crowd": crowd}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.realnet", description=__doc__)
    parser.add_argument("scene", choices=sorted(SCENES))
    parser.add_argument("--count", type=int, default=100, help="processes of `crowd`")
    given = parser.parse_args()
    print(crowd(given.count) if given.scene == "crowd" else SCENES[given.scene]())
