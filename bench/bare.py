"""The bare loop: what no replication can do without, and nothing else.

For each record: hash it, decode it and see that it is canonical, insert it; one transaction for a thousand,
on the disk before the next. No network, no signatures, no tree, no projections.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import apsw
import msgpack  # type: ignore[import-untyped]

from bench.corpus import bodies
from bench.figures import Figure
from mutunode.protocol import codec

BATCH_RECORDS = 1_000


def measure(folder: Path, records: int) -> Figure:
    """Records a second."""
    raw = [codec.encode(body) for body in bodies(records)]
    seconds = _loop(folder / "bare.sqlite", raw)
    size = sum(map(len, raw)) / len(raw)
    return Figure(
        "bare loop: hash, canonical decode, SQLite insert",
        records / seconds,
        "records/s",
        note=f"{size:.0f} bytes a record",
    )


def _loop(path: Path, raw: Sequence[bytes]) -> float:
    database = apsw.Connection(str(path))
    database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE entries (n INTEGER PRIMARY KEY, hash BLOB, body BLOB) STRICT")
    started = time.perf_counter()
    for first in range(0, len(raw), BATCH_RECORDS):
        rows = []
        for number, body in enumerate(raw[first : first + BATCH_RECORDS], first):
            value = msgpack.unpackb(body, strict_map_key=True)
            if msgpack.packb(value) != body:
                raise ValueError(f"record {number} is not canonical")
            rows.append((number, hashlib.sha256(body).digest(), body))
        with database:
            database.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
    seconds = time.perf_counter() - started
    database.close()
    return seconds
