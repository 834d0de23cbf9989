"""The scenes ``slow`` and ``half-open``: two nodes at the ends of a bad line."""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.e2e import nodes
from tests.e2e.nodes import Node
from tests.realnet.placed import line, placed, running
from tests.realnet.told import Told

RECORDS = 1_000


def slow() -> Told:
    """A thousand records over a line of 256 kbit/s that is late and loses."""
    table = Told(f"{RECORDS:,} records over 256 kbit/s, 150 to 180 ms each way, 5 % lost, reordered")
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


def half_open() -> Told:
    """One direction of a line is cut: who notices when?"""
    table = Told("A link of which one direction was cut")
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
