"""The bare loop: what no replication can do without, and nothing else.

For each record: hash it, decode it and see that it is canonical, insert it; one transaction for a thousand,
on the disk before the next. No network, no signatures, no tree, no projections. Each of the three also stands
alone, with the loopback between two processes, so that one sees which of them is the limit.

Many organisations bring work that few do not: who each of them is, and its head, are to be checked. A second
loop has that too, and the tree between a record and the head (``signed``); it replaces nothing.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import apsw
import msgpack  # type: ignore[import-untyped]

from bench.corpus import bodies
from bench.figures import Figure
from bench.seed import BEGAN, Author, authors, signed_head
from mutunode.protocol import codec, crypto
from mutunode.protocol.entry import Row, body_hash
from mutunode.protocol.head import Head, verify_head
from mutunode.protocol.identity import Chain, parse_genesis
from mutunode.protocol.limits import SALT_BYTES
from mutunode.protocol.merkle import Compact, leaf_hash

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


Lot = tuple[bytes, Head, list[Row]]  # genesis, head, and the entries under it


def signed(folder: Path, records: int, organisations: int) -> Figure:
    """The same with what is signed, in records a second."""
    lots = [_lot(*each) for each in _shares(records, organisations)]
    crypto._on_curve.cache_clear()  # it has just seen these keys: who replicates has not
    database = _database(folder / "signed.sqlite", "header BLOB, salt BLOB, body BLOB")
    started, taken, size = time.perf_counter(), list[Row](), 0
    for lot in lots:
        taken += _checked(lot)
        if len(taken) >= BATCH_RECORDS or lot is lots[-1]:
            rows = [(number, *row) for number, row in enumerate(taken, size)]
            with database:
                database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
            size, taken = size + len(taken), []
    seconds = time.perf_counter() - started
    database.close()
    return Figure(
        f"bare loop with what is signed, {organisations:,} organisations",
        records / seconds,
        "records/s",
        note="and leaf, tree, the keys of each organisation, the signature of its head",
    )


def _shares(records: int, organisations: int) -> Iterator[tuple[Author, list[bytes]]]:
    written, share = bodies(records), records // organisations
    for author in authors(organisations):
        yield author, [codec.encode(body) for body in islice(written, share)]


def _lot(author: Author, raw: Sequence[bytes]) -> Lot:
    rows = []
    for number, body in enumerate(raw):
        salt = number.to_bytes(SALT_BYTES, "big")
        header = codec.encode([1, "resource", BEGAN, body_hash(salt, body), len(body)])
        rows.append((header, salt, body))
    tree = Compact.of(leaf_hash(header) for header, _, _ in rows)
    return author.chain.genesis.raw, signed_head(author, tree, BEGAN), rows


def _checked(lot: Lot) -> list[Row]:
    genesis, head, rows = lot
    chain = Chain(parse_genesis(genesis))
    leaves = []
    for number, (header, salt, body) in enumerate(rows):
        _check(number, header)
        _check(number, body)
        if msgpack.unpackb(header)[3] != body_hash(salt, body):
            raise ValueError(f"record {number} is not the one its header speaks of")
        leaves.append(leaf_hash(header))
    if Compact.of(leaves).root() != head.root:
        raise ValueError("these are not the entries under this head")
    verify_head(head, chain)
    return rows


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
    database = _database(path, "hash BLOB, body BLOB")
    started = time.perf_counter()
    for first in range(0, len(raw), BATCH_RECORDS):
        rows = make(first, raw[first : first + BATCH_RECORDS])
        with database:
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
    seconds = time.perf_counter() - started
    database.close()
    return seconds


def _database(path: Path, columns: str) -> apsw.Connection:
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    database.execute(f"CREATE TABLE entries (n INTEGER PRIMARY KEY, {columns}) STRICT")
    return database


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
