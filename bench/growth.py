"""How a node grows: the same figures at several sizes, and a picture of them.

Each size is a home that holds so many records of up to a thousand organisations, indexed before anything is
measured; then a node without anything replicates it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from bench import bare, many, readers, seed
from bench.figures import Figure, Target, percentile
from bench.node import GIVER, Node, wait_until
from mutunode.store.search import damage, sweeping

SIZES = (10_000, 100_000)  # of a usual run; a million on request
RECORDS_AN_ORGANISATION, ORGANISATIONS_MAX = 100, 1_000
BARE_RECORDS = 20_000
ASKED = 200
SECONDS_MAX = 3_600.0
MEGABYTE = 1_000_000

READY_SECONDS = Target(5, "at most")
PAGE_MS = Target(50, "at most")
DURABLE = Target(0.5, "at least", share=True)


def organisations(records: int) -> int:
    """How many publish so many records."""
    return min(ORGANISATIONS_MAX, max(1, records // RECORDS_AN_ORGANISATION))


def prepare(seeds: Path, records: int) -> Node:
    """A home of this size whose index is up to date; made unless it is there already."""
    node, _ = many.prepared(seeds, records, organisations(records))
    with node:
        node.start()
        wait_until(lambda: node.found() >= records, SECONDS_MAX, 1.0, f"{records} records searchable")
        if records >= sweeping.SCATTERED_RECORDS_MIN:
            wait_until(lambda: _is_gathered(node), SECONDS_MAX, 1.0, "the index in one piece")
    return node


def _is_gathered(node: Node) -> bool:
    """Did the node do with its index what it does a while after a first replication?"""
    folders = [path for path in (node.home / "search").iterdir() if path.is_dir()]
    try:
        sizes = [int(segment["max_doc"]) for segment in damage.segments(folders[0])]
    except FileNotFoundError:
        return False  # another took its place just now
    return len(folders) == 1 and max(sizes) >= sweeping.LARGEST_SHARE * sum(sizes)


def measure(folder: Path, seeds: Path, sizes: Sequence[int]) -> Iterator[Figure]:
    """Every figure at every size; the number of records stands in the note."""
    limit = bare.measure(folder, BARE_RECORDS).value
    for records in sizes:
        yield from _at(folder, prepare(seeds, records), records, limit)


def _at(folder: Path, node: Node, records: int, limit: float) -> Iterator[Figure]:
    note = f"{records:,} records"
    with node, Node(folder / f"taker-of-{records}", "Lectrice") as taker:
        yield Figure("start until ready", node.start(), "s", target=READY_SECONDS, note=note)
        yield Figure("memory, started", node.memory_mb(), "MB", note=note)
        for name, values in _asked(node).items():
            target = PAGE_MS if name == "a page" else None
            yield Figure(f"{name}: p95", percentile(values, 0.95), "ms", target=target, note=note)
        yield Figure("memory, after these", node.memory_mb(), "MB", note=note)
        yield _size(node, "records.sqlite", "the store", records, note)
        yield _size(node, "search", "the index", records, note)
        node.stop()
        taker.init()
        seed.accept(taker.home, seed.authors(organisations(records)))
        node.start(program=GIVER)
        node.ask("peer_accept", org=taker.org)
        taker.start("--seed", node.peer_address, program=GIVER)  # searchable is measured apart
        started = time.perf_counter()
        with taker.watched() as peak:
            wait_until(lambda: taker.durable() >= records, SECONDS_MAX, 0.02, "everything durable")
            durable = records / (time.perf_counter() - started)
            wait_until(lambda: taker.records() >= records, SECONDS_MAX, 0.1, "everything shown")
            shown = records / (time.perf_counter() - started)
        yield Figure("first replication, durable", durable, "records/s", limit, DURABLE, note)
        yield Figure("first replication, shown", shown, "records/s", limit, note=note)
        yield Figure("receiver's peak memory", peak.mb, "MB", note=f"{note}; not indexing")


def _asked(node: Node) -> dict[str, list[float]]:
    """One reader: pages and searches by the API, in milliseconds."""
    base, titles = node.pages, readers.titles(node)
    times: dict[str, list[float]] = {"a page": [], "a search by the API": []}
    for number in range(ASKED):
        words = quote(titles[number % len(titles)])
        for name, path in (("a page", "fr/chercher"), ("a search by the API", "api/v1/search")):
            started = time.perf_counter()
            with urlopen(f"{base}{path}?q={words}") as answer:
                answer.read()
            times[name].append((time.perf_counter() - started) * 1_000)
    return times


def _size(node: Node, where: str, name: str, records: int, note: str) -> Figure:
    paths = [path for path in node.home.glob(f"{where}*") for path in (path, *path.rglob("*"))]
    held = [path for path in paths if path.is_file() and not path.name.endswith("-ballast")]
    size = sum(
        path.stat().st_size for path in held
    )  # without what is there for a full disk, whatever the size
    return Figure(
        f"{name} on the disk", size / records, "bytes/record", note=f"{note}; {size / MEGABYTE:.0f} MB"
    )
