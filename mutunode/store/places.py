"""Numbers that stand for longer things inside the database, so that rows and indexes stay small.

A place is a log and an index in one integer. An id is found by its first 64 bits, as a signed integer that
sorts like the id; what is found is always compared whole, since 64 bits can be made to collide.
"""

from __future__ import annotations

from hashlib import sha256

INDEX_BITS = 32  # 2^32 entries of 34 bytes would be 136 GiB, and a log has at most 1
INDEX_MAX = (1 << INDEX_BITS) - 1


def place_of(log_no: int, index: int) -> int:
    """Where an entry stands."""
    return (log_no << INDEX_BITS) + index


def log_no_of(place: int) -> int:
    """Its log."""
    return place >> INDEX_BITS


def index_of(place: int) -> int:
    """Its index there."""
    return place & INDEX_MAX


def first64(id: bytes) -> int:
    """The first 64 bits of an id."""
    return int.from_bytes(id[:8], "big") - (1 << 63)


def key64(kind: str, key: str) -> int:
    """What an author's own key is found by."""
    return first64(sha256(f"{kind}\0{key}".encode()).digest())
