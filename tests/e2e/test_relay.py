"""Two organisations that only reach a third work together through it, and it reads nothing of theirs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.fixture
def three(make: Callable[[str], Node]) -> tuple[Node, Node, Node]:
    """Jardin and Cantine know the address of Relais only; nobody can dial them, and Relais follows nobody."""
    relay, jardin, cantine = make("Relais").start(), make("Jardin"), make("Cantine")
    for node in (jardin, cantine):
        node.start("--seed", f"{relay.peer}#{relay.org}")
    jardin.ask("peer_accept", org=cantine.org)
    cantine.ask("peer_accept", org=jardin.org)
    return relay, jardin, cantine


def test_two_who_only_reach_a_third_work_together_and_it_reads_nothing(
    three: tuple[Node, Node, Node],
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
    on_disk = b"".join(path.read_bytes() for path in relay.home.rglob("*") if path.is_file())
    assert CANARY.encode() not in on_disk
    assert {each["org"] for each in relay.ask("peer_ls") if each["records"]} <= {relay.org}

    # each is told how it stands
    reach = {each["name"]: each for each in jardin.ask("doctor")}["reach"]
    assert reach["well"]
    assert reach["fr"] == "Non joignable, sans gravité tant que Relais vous relaie."
    assert reach["en"] == "Not reachable, no matter as long as Relais relays for you."
    reach = {each["name"]: each for each in relay.ask("doctor")}["reach"]
    assert reach["fr"].startswith("Joignable")
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
