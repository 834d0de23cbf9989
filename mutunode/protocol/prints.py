"""A range print: sixteen bytes that differ when two peers hold different heads between two log ids.

A plain hash over the sorted range: prints that are combined by XOR can be forged (PROTOCOL §4).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct
from typing import Protocol

DAY_SECONDS = 86_400
PRINT_BYTES = 16

_number, _two_numbers = Struct(">Q").pack, Struct(">QQ").pack


class Item(Protocol):
    """One log as it enters; a frozen log comes with its epoch, size 0, a zero root and day 0."""

    @property
    def log(self) -> bytes: ...
    @property
    def epoch(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...
    @property
    def day(self) -> int: ...


def day_of(time: int) -> int:
    """Renewals within one day do not make a difference."""
    return time // DAY_SECONDS


def range_print(items: Iterable[Item]) -> bytes:
    """The print over logs in ascending order of their ids."""
    rows = [item.log + _two_numbers(item.epoch, item.size) + item.root + _number(item.day) for item in items]
    return sha256(b"mutunode/range/1\0" + b"".join(rows)).digest()[:PRINT_BYTES]
