"""Changes to bytes that are close to valid: what an attacker, a broken disk or a bad writer would make."""

from __future__ import annotations

import random

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
