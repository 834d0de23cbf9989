"""Connections for readers, lent out one call at a time, each on one consistent state."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from mutunode.store.connection import READER_CACHE_KIB, open_reader, refusals
from mutunode.store.interface import StoreError

IDLE_MAX = 4  # × 4 MiB of cache
READ_SECONDS = 0.01  # after an answer: whoever got it may ask again


class Pool:
    """As many connections as calls at one moment; a few are kept open between them."""

    def __init__(self, path: Path, vfs: str | None, cache_kib: int = READER_CACHE_KIB) -> None:
        self._path = path
        self._cache_kib = cache_kib  # of each connection
        self._vfs = vfs
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._at_once = 0  # answers that are being made
        self._read_at = float("-inf")  # when the last of them was done
        self._here = threading.local()  # the connection this thread has at once

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Until the end, all snapshots of this thread are one: a call for each took a quarter of a search."""
        if getattr(self._here, "db", None) is not None:
            yield
            return
        with self.snapshot() as db:
            self._here.db = db
            self._count(1)
            try:
                yield
            finally:
                self._count(-1)
                self._here.db = None

    def _count(self, more: int) -> None:
        with self._lock:
            self._at_once += more
            self._read_at = time.monotonic()

    @property
    def is_read(self) -> bool:
        """Whether somebody waits for an answer just now, or did a moment ago."""
        return self._at_once > 0 or time.monotonic() < self._read_at + READ_SECONDS

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A connection that sees one state until it is given back."""
        with refusals(self._path):
            shared = getattr(self._here, "db", None)
            if shared is not None:
                yield shared
                return
            db = self._take()
            try:
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    db.execute("ROLLBACK")  # it only read
            finally:
                self._give_back(db)

    @contextmanager
    def whole(self) -> Iterator[apsw.Connection]:
        """A connection for a statement that brings its own transaction."""
        with refusals(self._path):
            db = self._take()
            try:
                yield db
            finally:
                self._give_back(db)

    def _take(self) -> apsw.Connection:
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._path}: the store is closed")
            if self._idle:
                return self._idle.pop()
        return open_reader(self._path, self._vfs, self._cache_kib)

    def _give_back(self, db: apsw.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(db)
                return
        db.close()

    def close(self) -> None:
        """Close what is idle; what is lent out is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()
