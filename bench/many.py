"""A first replication from one organisation and from a thousand, and what follows it: a few new records.

One node holds them all and gives; the other accepted the authors and knows nothing of them. *Durable* is read
in the receiver's file, *shown* and *searchable* are asked of the node.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import zstandard

from bench import seed
from bench.corpus import bodies
from bench.figures import Figure, Target
from bench.node import GIVER, Node, wait_until
from bench.wire import CountingProxy
from mutunode.protocol.entry import encode_body

SECONDS_MAX = 1_200.0
POLL_SECONDS = 0.02
SETTLE_SECONDS = 2.5  # after which nothing more belongs to what was counted: cursors are told by then (2 s)…
SEEK_SECONDS = 2.0  # …and others are sought through this link from 3 s on, which is counted by itself
NEW_RECORDS, NEW_AUTHORS = 10, 5
DELAY_SECONDS = 0.1  # one way: 200 ms there and back
COMPRESSED_RECORDS = 1_000  # about what one answer holds

DURABLE = Target(0.5, "at least", share=True)
SEARCHABLE = Target(4_000, "at least")
PEAK_MB = Target(250, "at most")
WIRE_BYTES = Target(450, "at most")
NEW_BYTES = Target(14_000, "at most")
NEW_ROUND_TRIPS = Target(2, "at most")


class Limits(msgspec.Struct, frozen=True):
    """What stands beside, measured in the same run."""

    records: float  # a second, by the bare loop
    signed: float | None  # the same, with the signatures of as many organisations
    spent: float  # µs of processor a record, by the same
    tantivy: float  # documents a second


def prepared(folder: Path, records: int, organisations: int) -> tuple[Node, list[seed.Author]]:
    """A home that holds so many records of so many organisations; made unless it is there already."""
    known = seed.authors(organisations)
    node = Node(folder / f"seed-{records}-{organisations}", "Semence")
    if node.home.exists():
        node.org = json.loads(node.run("--json", "status"))["org"]
    else:
        node.init()
        seed.accept(node.home, known)
        seed.fill(node.home, known, records)
    return node, known


def copied(kept: Node, to: Node) -> None:
    """Another home that holds the same, and may be written to; it is the same organisation."""
    shutil.copytree(kept.home, to.home)
    to.org = kept.org


def replication(
    folder: Path, seeds: Path, records: int, organisations: int, limits: Limits
) -> Iterator[Figure]:
    """From nothing to everything; then, from a thousand, ten more."""
    giver, known = prepared(seeds, records, organisations)
    whose = f"{organisations:,} organisation{'s' * (organisations > 1)}"
    with giver, Node(folder / f"taker-{organisations}", "Lectrice") as taker:
        taker.init()
        seed.accept(taker.home, known)
        giver.start(program=GIVER)
        giver.ask("peer_accept", org=taker.org)
        yield from _first(giver, taker, records, whose, limits)


def _first(giver: Node, taker: Node, records: int, whose: str, limits: Limits) -> Iterator[Figure]:
    taker.start("--seed", giver.peer_address)
    spent = giver.cpu_seconds(), taker.cpu_seconds()
    started = time.perf_counter()
    with giver.watched() as giving, taker.watched() as taking:
        _until(lambda: taker.durable() >= records, f"{records} records durable")
        durable = time.perf_counter() - started
        cost = giver.cpu_seconds() - spent[0], taker.cpu_seconds() - spent[1]
        _until(lambda: taker.records() >= records, f"{records} records shown")
        shown = time.perf_counter() - started
        _until(lambda: taker.found() >= records, f"{records} records searchable")
        searchable = time.perf_counter() - started
    note = f"{records:,} records"
    name = f"first replication from {whose}"
    yield Figure(f"{name}: durable", records / durable, "records/s", limits.records, DURABLE, note)
    if limits.signed:
        share = f"{records / durable / limits.signed:.2f} of the bare loop with what is signed"
        yield Figure(
            f"{name}: durable, beside what is signed",
            records / durable,
            "records/s",
            limits.signed,
            note=share,
        )
    yield Figure(f"{name}: shown", records / shown, "records/s", limits.records, note=note)
    yield Figure(
        f"{name}: searchable",
        records / searchable,
        "records/s",
        limits.tantivy,
        SEARCHABLE,
        f"{note}; beside: Tantivy",
    )
    yield _cost(f"{name}: giver", cost[0], durable, records)
    yield _cost(f"{name}: receiver until durable", cost[1], durable, records, limits.spent)
    total = taker.cpu_seconds() - spent[1]
    yield _cost(f"{name}: receiver until searchable", total, searchable, records)
    yield Figure(f"{name}: receiver's peak memory", taking.mb, "MB", target=PEAK_MB, note=note)
    yield Figure(f"{name}: giver's peak memory", giving.mb, "MB", note=note)


def _cost(name: str, spent: float, wall: float, records: int, bare: float | None = None) -> Figure:
    note = f"{spent / wall * 100:.0f} % of a core"
    return Figure(f"{name}: processor", spent / records * 1e6, "µs a record", bare, note=note)


def _until(condition: object, what: str) -> None:
    wait_until(condition, SECONDS_MAX, POLL_SECONDS, what)


# --- bytes, and a few new records ------------------------------------------------------------------
def wire(folder: Path, seeds: Path, records: int, organisations: int) -> Iterator[Figure]:
    """All bytes of a first replication; then of ten new records, and of a link that has nothing new."""
    kept, known = prepared(seeds, records, organisations)
    with Node(folder / "growing", "Semence") as giver, Node(folder / "counted", "Comptée") as taker:
        copied(kept, giver)
        taker.init()
        seed.accept(taker.home, known)
        giver.start(program=GIVER)
        giver.ask("peer_accept", org=taker.org)
        proxy = CountingProxy(giver.peer_address)
        taker.start("--seed", proxy.address)
        _until(lambda: taker.durable() >= records, f"{records} records counted")
        time.sleep(SETTLE_SECONDS)
        note = f"{proxy.bytes_down:,} down, {proxy.bytes_up:,} up; TCP payload; beside: bodies through zstd"
        yield Figure(
            f"on the wire, {organisations:,} organisations",
            proxy.counted / records,
            "bytes/record",
            _compressed(),
            WIRE_BYTES,
            note,
        )
        yield from _incremental(giver, taker, proxy, known, records)
        proxy.close()


def _compressed() -> float:
    """Bytes a record when an answer's bodies alone are compressed: what no framing can beat."""
    packer = zstandard.ZstdCompressor(level=3)
    raw = b"".join(encode_body(body) for body in bodies(COMPRESSED_RECORDS))
    return len(packer.compress(raw)) / COMPRESSED_RECORDS


def _incremental(
    giver: Node, taker: Node, proxy: CountingProxy, known: Sequence[seed.Author], records: int
) -> Iterator[Figure]:
    """The giver comes back, first with nothing new, then with ten records, then the same far away."""
    some = known[:: len(known) // NEW_AUTHORS][:NEW_AUTHORS]
    held, note = records, f"{NEW_RECORDS} of {records:,}, by {NEW_AUTHORS} of {len(known):,}"
    _again(giver, taker, proxy, (), held)
    nothing, quiet = proxy.counted, proxy.flights_up
    yield Figure("a link that has nothing new", nothing, "bytes", note="TLS, HELLO, AUTH, SINCE, HEADS")
    time.sleep(SEEK_SECONDS)
    sought = proxy.counted - nothing
    yield Figure(
        "others sought through it", sought, "bytes", note="16 at once, less and less often; none is there"
    )
    held += NEW_RECORDS
    seconds = _again(giver, taker, proxy, some, held)
    yield Figure(
        "incremental: on the wire", proxy.counted, "bytes", nothing, NEW_BYTES, f"{note}; the link included"
    )
    yield Figure(
        "incremental: from the first byte of the link until durable", seconds * 1_000, "ms", note=note
    )
    proxy.delay_seconds = DELAY_SECONDS
    _again(giver, taker, proxy, (), held)
    quiet = proxy.flights_up
    held += NEW_RECORDS
    seconds = _again(giver, taker, proxy, some, held, seed_number=3)
    yield Figure(
        "incremental: round trips after the handshake",
        proxy.flights_up - quiet + 1,
        "",
        target=NEW_ROUND_TRIPS,
        note=f"SINCE, and what a link with news takes more than one without; {quiet} with the handshake",
    )
    yield Figure(
        "incremental, 200 ms away: until durable", seconds * 1_000, "ms", note="TLS and WebSocket included"
    )


def _again(
    giver: Node,
    taker: Node,
    proxy: CountingProxy,
    some: Sequence[seed.Author],
    held: int,
    *,
    seed_number: int = 2,
) -> float:
    """The giver stops, holds more, comes back and is found again; seconds from the first byte to the last."""
    giver.stop()
    if some:
        seed.fill(giver.home, some, NEW_RECORDS, seed=seed_number)
    giver.start(program=GIVER)
    proxy.begin()
    proxy.to(giver.peer_address)
    _until(lambda: proxy.bytes_down > 0, "found again")
    _until(lambda: taker.durable() >= held, "the new ones durable")
    seconds = time.perf_counter() - proxy.first_at
    time.sleep(SETTLE_SECONDS)
    return seconds
