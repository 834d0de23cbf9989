"""The scene ``crowd``: a hundred processes on one machine, and how soon all is everywhere once all run."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from mutunode import config
from tests.e2e.nodes import Node
from tests.realnet import homes
from tests.realnet.siege import memory, processor
from tests.realnet.told import Told

PLACES_BESIDE = 28
STARTING_MAX = 4  # at once: a machine of two cores has no use for more
WAIT_SECONDS_MAX = 180.0
LOOK_SECONDS = 1.0


def crowd(count: int = 100) -> Told:
    """So many, each with an organisation and a record, who accepted all others and know one address."""
    table = Told(f"{count} processes on one machine of {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        homes.make(Path(home), count)
        # everybody begins with the first one's address: a hub, which needs more than the usual 64 places
        (homes.home_of(Path(home), 0) / config.FILE_NAME).write_text(f"links_max = {count + PLACES_BESIDE}\n")
        made = [Node(homes.home_of(Path(home), number).name, Path(home)) for number in range(count)]
        table.row("identities, acceptances and a record each made before, seconds", time.monotonic() - began)
        try:
            _start(table, made)
            ready, spent = time.monotonic(), sum(map(processor, made))
            table.row("processor until then, seconds a process", spent / count)
            left, most = _converge(made)
            seconds = time.monotonic() - ready
            table.row("all hold all after the last is ready, seconds (goal 60)", most)
            table.row("not complete", len(left))
            table.row("organisations of which the last to start holds the record", _held(made[-1]))
            table.row("processor meanwhile, seconds a process", (sum(map(processor, made)) - spent) / count)
            table.row("processor meanwhile, cores in use", (sum(map(processor, made)) - spent) / seconds)
            began = time.monotonic()
            made[-1].publish("Une fiche pour tous")
            found = len(_until_found(made, "Une fiche pour tous"))
            table.row("one more record found by all, seconds", time.monotonic() - began)
            table.row("who found it", found)
            table.row("memory of all, MB", sum(map(memory, made)))
        finally:
            for node in made:
                node.kill()
    return table


def _start(table: Told, made: list[Node]) -> None:
    """A few at once; whoever is first is everybody's seed."""
    began = time.monotonic()
    made[0].start()
    starting: list[Node] = []
    for node in made[1:]:
        node.launch("--seed", made[0].peer)
        starting.append(node)
        if len(starting) == STARTING_MAX:
            starting.pop(0).wait_ready()
    for node in starting:
        node.wait_ready()
    table.row(f"all ready, {STARTING_MAX} started at once, seconds", time.monotonic() - began)


def _converge(made: list[Node]) -> tuple[list[Node], float]:
    """Who does not hold a record of everybody in time, and how long the last of the others took."""
    began, left, seconds = time.monotonic(), list(made), 0.0
    while left and time.monotonic() - began < WAIT_SECONDS_MAX:
        still = [node for node in left if node.ask("status")["records"] < len(made)]
        if len(still) < len(left):
            seconds = time.monotonic() - began
        left = still
        time.sleep(LOOK_SECONDS)
    return left, seconds


def _held(node: Node) -> int:
    """Of how many organisations it holds a record."""
    return sum(1 for each in node.ask("peer_ls") if each["records"]) + 1


def _until_found(made: list[Node], words: str) -> list[Node]:
    began, found = time.monotonic(), list[Node]()
    while len(found) < len(made) and time.monotonic() - began < WAIT_SECONDS_MAX:
        found += [node for node in made if node not in found and node.ask("search", q=words)["total"]]
        time.sleep(LOOK_SECONDS / 4)
    return found
