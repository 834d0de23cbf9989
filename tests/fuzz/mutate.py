"""Changes to bytes that are close to valid: what an attacker, a broken disk or a bad writer would make."""

from __future__ import annotations

import random
from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgspec

NUMBERS = (0, 1, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xC4, 0xC6, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFF)
LENGTHS = (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\x7f\xff\xff\xff")
NEST = b"\x91" * 40 + b"\xc0"


def mutate(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One to four changes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        _once(changed, others, chance)
    return bytes(changed[:1_100_000])


def _once(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.randint(1, 64))
    match chance.randrange(9):
        case 0 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 1 if data:
            data[at % len(data)] = chance.choice(NUMBERS)
        case 2:
            del data[at:end]
        case 3:
            data[at:at] = data[at:end]
        case 4:
            data[at:at] = chance.randbytes(chance.randint(1, 16))
        case 5:
            data[at:at] = chance.choice(LENGTHS)
        case 6:
            data[at:end] = NEST
        case 7:
            other = chance.choice(others)
            data[at:] = other[chance.randrange(len(other) + 1) :]
        case _:
            del data[at:]


# --- by values -------------------------------------------------------------------------------------
INTEGERS = (0, 1, 2, 9, 22, 127, 128, 255, 256, 65_535, 65_536, 2**31, 2**32 - 1, 2**53 - 1, 2**53, 2**64 - 1)
TEXTS = ("", "a", "é", "\u0000", "e\u0301", "\u202e", "z" * 300, "sealed", "zstd", "\U0001f33b")


def reshape(data: bytes, chance: random.Random) -> bytes:
    """One to three other values, written as they must be: what a peer who knows the format would send."""
    try:
        value = msgpack.unpackb(data, strict_map_key=False)
        for _ in range(chance.randint(1, 3)):
            value = _other(value, chance)
        return msgspec.msgpack.encode(value, order="sorted")[:1_100_000]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return mutate(data, [data], chance)


def _other(value: Any, chance: random.Random) -> Any:
    """The value with one change somewhere in it; bytes may hold values of their own."""
    if isinstance(value, (list, dict)) and value and chance.random() < 0.85:
        return _inside(value, chance)
    if isinstance(value, bytes) and value and chance.random() < 0.5:
        return reshape(value, chance)
    match value:
        case bool():
            return not value
        case int():
            return chance.choice((value + 1, abs(value - 1), *INTEGERS))
        case str():
            return chance.choice((value[:-1], value * 2, *TEXTS))
        case bytes():
            return chance.choice((value[:-1], value + b"\0", bytes(len(value)), value[::-1], b""))
        case _:
            return chance.choice((0, "", b"", [], {}, value))


def _inside(value: Any, chance: random.Random) -> Any:
    """A list or map with one thing in it changed, gone, twice or elsewhere."""
    if isinstance(value, dict):
        key = chance.choice(list(value))
        rest = {other: value[other] for other in value if other != key}
        named = {chance.choice((*TEXTS, key)): value[key]}
        return chance.choice((rest, {**rest, **named}, {**value, key: _other(value[key], chance)}))
    changed, at = list(value), chance.randrange(len(value))
    match chance.randrange(6):
        case 0:
            del changed[at]
        case 1:
            changed.insert(at, changed[at])
        case 2:
            changed[at], changed[0] = changed[0], changed[at]
        case _:
            changed[at] = _other(changed[at], chance)
    return changed
