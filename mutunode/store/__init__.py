"""Where logs live: one interface, several stores, one contract test.

``sqlite:PATH`` is a node's own file; ``memory:`` is the strict reference, gone with its process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mutunode.store.connection import FOLLOWER_CACHE_KIB
from mutunode.store.interface import (
    BrokenPromise,
    Counts,
    Draft,
    Organisation,
    Problem,
    Reader,
    Store,
    Stored,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLedger,
)
from mutunode.store.pool import Pool
from mutunode.store.reader import SqliteReader
from mutunode.store.sqlite import SqliteStore

__all__ = [
    "BrokenPromise",
    "Counts",
    "Draft",
    "Organisation",
    "Problem",
    "Reader",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreLedger",
    "Stored",
    "open_reader",
    "open_store",
]


def open_store(url: str, clock: Callable[[], float] = time.time) -> Store:
    """Open a store, making it if there is none.

    ``clock`` tells when heads were received and decisions taken; nothing is ordered by it.

    Raises:
        StoreError: the address is not one of a store, or what stands there cannot be used.
    """
    kind, _, place = url.partition(":")
    if kind == "memory" and not place:
        from mutunode.store.memory import MemoryStore  # 2 MB of a node that never needs it

        return MemoryStore(clock)
    if kind == "sqlite" and place:
        return SqliteStore(Path(place), clock)
    raise StoreError(f"{url!r} is not the address of a store; expected sqlite:PATH or memory:")


def open_reader(url: str) -> Reader:
    """The read side of a store that another process holds open and writes to, for who follows it.

    Raises:
        StoreError: this one cannot be read from beside.
    """
    kind, _, place = url.partition(":")
    if kind == "sqlite" and place:
        return SqliteReader(Pool(Path(place), None, FOLLOWER_CACHE_KIB))
    raise StoreError(f"{url!r} cannot be read by another process")
