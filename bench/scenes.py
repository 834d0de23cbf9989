"""One node: a catalogue, records one by one, and nothing at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.corpus import write_catalogue
from bench.figures import Figure, Target, percentile
from bench.node import Node, NotRunning, wait_until

REPLICATION_SECONDS_MAX = 600.0
FOUND_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1  # for long waits: looking costs the node about 5 ms
FINE_POLL_SECONDS = 0.02  # a search costs the node a few milliseconds

PUBLISH_MS = Target(30, "at most")
FOUND_MS = Target(1_000, "at most")
IDLE_MB = Target(150, "at most")
IDLE_PERCENT = Target(1.0, "at most")


def filled(folder: Path, records: int, bare: float) -> tuple[Node, Figure]:
    """A running node that published a catalogue, and how fast it did."""
    catalogue = folder / "catalogue.jsonl"
    write_catalogue(catalogue, records)
    node = Node(folder / "author", "Banc d'essai")
    node.init()
    node.start()
    try:
        started = time.perf_counter()
        node.ask("import", path=str(catalogue), format="jsonl", kind="resource")
        seconds = time.perf_counter() - started
        published = node.records()
        if published != records:
            raise NotRunning(f"{records} rows were imported and {published} records are there")
        everything = f"all that {node.name} published searchable"
        wait_until(lambda: node.found() >= records, REPLICATION_SECONDS_MAX, POLL_SECONDS, everything)
    except BaseException:
        node.stop()
        raise
    return node, Figure("publishing a catalogue, durable", records / seconds, "records/s", bare)


def publishing(node: Node, times: int = 40) -> Iterator[Figure]:
    """One record at a time, through the daemon."""
    durable, found = [], []
    for number in range(times):
        word = f"zygomorphe{number:04d}"
        started = time.perf_counter()
        node.ask("publish", kind="resource", fields={"title": word, "external_ref": f"one:{number}"})
        durable.append((time.perf_counter() - started) * 1_000)
        wait_until(
            lambda word=word: node.found(f'"{word}"') == 1,
            FOUND_SECONDS_MAX,
            FINE_POLL_SECONDS,
            f"{word} found",
        )
        found.append((time.perf_counter() - started) * 1_000)
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        yield Figure(f"publish one, durable: {name}", percentile(durable, share), "ms", target=PUBLISH_MS)
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        yield Figure(f"publish one, found: {name}", percentile(found, share), "ms", target=FOUND_MS)
    started = time.perf_counter()
    node.run("publish", "resource", "--title", "depuis la ligne de commande", "--external_ref", "one:cli")
    seconds = time.perf_counter() - started
    yield Figure("publish one from the command line", seconds * 1_000, "ms", note="starting Python included")


def idle(node: Node, seconds: float) -> Iterator[Figure]:
    """A node that nobody asks anything, after it had time to settle."""
    time.sleep(min(seconds, 10.0))
    before, started = node.cpu_seconds(), time.perf_counter()
    time.sleep(seconds)
    percent = (node.cpu_seconds() - before) / (time.perf_counter() - started) * 100
    yield Figure("idle: memory", node.memory_mb(), "MB", target=IDLE_MB)
    yield Figure("idle: processor", percent, "% of a core", target=IDLE_PERCENT, note=f"over {seconds:.0f} s")
