"""The bare loop: what no replication can do without, and nothing else.

For each record: hash it, decode it and see that it is canonical, insert it; one transaction for a thousand,
on the disk before the next. No network, no signatures, no tree, no projections. Each of the three also stands
alone, with the loopback between two processes, so that one sees which of them is the limit.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import msgpack  # type: ignore[import-untyped]

from bench.corpus import bodies
from bench.figures import Figure
from mutunode.protocol import codec

BATCH_RECORDS = 1_000
SENT_BYTES = 1 << 18  # at once, on the loopback
Rows = list[tuple[int, bytes, bytes]]


def measure(folder: Path, records: int) -> Figure:
    """All of it, in records a second."""
    raw = [codec.encode(body) for body in bodies(records)]
    seconds = _into(folder / "bare.sqlite", raw, _rows)
    size = sum(map(len, raw)) / len(raw)
    return Figure(
        "bare loop: hash, canonical decode, SQLite insert",
        records / seconds,
        "records/s",
        note=f"{size:.0f} bytes a record",
    )


def spent(folder: Path, records: int) -> float:
    """All of it, in microseconds of processor a record: what a busy machine does not change much."""
    raw = [codec.encode(body) for body in bodies(records)]
    started = time.process_time()
    _into(folder / "spent.sqlite", raw, _rows)
    return (time.process_time() - started) / records * 1e6


def parts(folder: Path, records: int) -> Iterator[Figure]:
    """Each part alone, in records a second."""
    raw = [codec.encode(body) for body in bodies(records)]
    started = time.perf_counter()
    for body in raw:
        hashlib.sha256(body).digest()
    yield _part("hash", records, time.perf_counter() - started)
    started = time.perf_counter()
    for number, body in enumerate(raw):
        _check(number, body)
    yield _part("canonical decode", records, time.perf_counter() - started)
    yield _part("SQLite insert", records, _into(folder / "insert.sqlite", raw, _as_they_are))
    yield _part("loopback between two processes", records, _through_a_socket(b"".join(raw)))


def _part(name: str, records: int, seconds: float) -> Figure:
    return Figure(f"bare: {name} alone", records / seconds, "records/s")


def _check(number: int, body: bytes) -> None:
    value = msgpack.unpackb(body, strict_map_key=True)
    if msgpack.packb(value) != body:
        raise ValueError(f"record {number} is not canonical")


def _rows(first: int, some: Sequence[bytes]) -> Rows:
    rows = []
    for number, body in enumerate(some, first):
        _check(number, body)
        rows.append((number, hashlib.sha256(body).digest(), body))
    return rows


def _as_they_are(first: int, some: Sequence[bytes]) -> Rows:
    return [(number, bytes(32), body) for number, body in enumerate(some, first)]


def _into(path: Path, raw: Sequence[bytes], make: Callable[[int, Sequence[bytes]], Rows]) -> float:
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE entries (n INTEGER PRIMARY KEY, hash BLOB, body BLOB) STRICT")
    started = time.perf_counter()
    for first in range(0, len(raw), BATCH_RECORDS):
        rows = make(first, raw[first : first + BATCH_RECORDS])
        with database:
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
    seconds = time.perf_counter() - started
    database.close()
    return seconds


def _through_a_socket(content: bytes) -> float:
    listener = socket.create_server(("127.0.0.1", 0))
    giver = multiprocessing.get_context("spawn").Process(
        target=_give, args=(listener.getsockname(), len(content)), daemon=True
    )
    giver.start()
    taken, left = listener.accept()[0], len(content)
    taken.recv(1)  # it is there
    started = time.perf_counter()
    while left:
        left -= len(taken.recv(SENT_BYTES))
    seconds = time.perf_counter() - started
    giver.join()
    listener.close()
    return seconds


def _give(address: tuple[str, int], size: int) -> None:
    with socket.create_connection(address) as link:
        link.sendall(b"!")
        for _ in range(size // SENT_BYTES):
            link.sendall(bytes(SENT_BYTES))
        link.sendall(bytes(size % SENT_BYTES))
