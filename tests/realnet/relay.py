"""The scene ``relay``: two nodes that only reach a third fetch a file through it; it keeps to its budget."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from pathlib import Path

from tests.e2e.nodes import Node, until
from tests.e2e.test_relay import Wiretap
from tests.realnet.siege import PAGES, memory, pages, processor
from tests.realnet.told import Told

FILE_BYTES = 3_000_000
LOOK_SECONDS = 1.0


def relay() -> Told:
    """A file of a few megabytes passes; how much a second, and what the relay's own pages take meanwhile."""
    table = Told(f"A file of {FILE_BYTES // 1_000_000} MB through a relay")
    with tempfile.TemporaryDirectory() as home:
        relais, jardin, cantine = (Node(name, Path(home)).init() for name in ("Relais", "Jardin", "Cantine"))
        relais.start()
        tap = Wiretap(relais.peer)
        try:
            for node in (jardin, cantine):
                node.start("--seed", f"{tap.address}#{relais.org}")
            jardin.ask("peer_accept", org=cantine.org)
            cantine.ask("peer_accept", org=jardin.org)
            for number in range(3):
                relais.publish(f"Fiche {number}")
            table.row("a page of the relay, alone: middle and p99, seconds", pages(relais)[0])
            film = Path(home) / "film.bin"
            film.write_bytes(os.urandom(FILE_BYTES))
            rec = jardin.publish("Un film", files=[{"path": str(film)}])
            until(lambda: cantine.ask("search", q="film")["total"], "the record has passed")
            _fetched(table, relais, cantine, tap, rec, Path(home) / "had")
        finally:
            for node in (relais, jardin, cantine):
                node.kill()
            tap.close()
    return table


def _fetched(table: Told, relais: Node, cantine: Node, tap: Wiretap, rec: str, had: Path) -> None:
    had.mkdir()
    before, spent, began = len(tap.passed), processor(relais), time.monotonic()
    fetching = threading.Thread(target=lambda: cantine.run("get", rec, "-o", str(had)))
    fetching.start()
    most = 0
    times, refused = "none", PAGES
    while fetching.is_alive():
        passed = len(tap.passed)
        fetching.join(LOOK_SECONDS)
        most = max(most, len(tap.passed) - passed)
        if time.monotonic() - began > 10 and times == "none":
            times, refused = pages(relais)
    seconds = time.monotonic() - began
    whole = [path.stat().st_size for path in had.rglob("*") if path.is_file()]
    table.row("it arrived whole", whole == [FILE_BYTES])
    table.row("seconds", seconds)
    # each byte crosses the relay's line twice: from one end in, to the other out
    table.row("bytes a second, of one pair in one direction (budget 64,000)", FILE_BYTES / seconds)
    table.row("bytes a second on the relay's line, both ways, all told", (len(tap.passed) - before) / seconds)
    table.row("the most within one look of a second or more", most)
    table.row("a page of the relay meanwhile: middle and p99, seconds", times)
    table.row(f"pages not given, of {PAGES}", refused)
    table.row("processor of the relay, share of one core", (processor(relais) - spent) / seconds)
    table.row("memory of the relay, MB", memory(relais))
    assert not re.search(r"Traceback", relais.log.read_text())
