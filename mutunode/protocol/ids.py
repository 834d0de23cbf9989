"""Ids as people and files see them: a prefix that says of what, and 52 characters of base32."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ID_BYTES

PREFIXES = ("org", "log", "rec", "blob", "circle", "root", "key")
TEXT_LENGTH = 52  # 32 bytes × 8 bits / 5, rounded up
_REMEMBERED = 4_096  # × 250 bytes: a page of results names a thousand organisations, a record 80 files
UNIQUE_LENGTH_MIN = 8  # of a shortened id that a tool accepts: 40 bits

_SHAPE = re.compile(rf"({'|'.join(PREFIXES)})_([a-z2-7]{{1,{TEXT_LENGTH}}})")


def base32(raw: bytes) -> str:
    """Lower-case base32 without padding."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def text(prefix: str, raw: bytes) -> str:
    """The text form of a 32-byte id."""
    if prefix not in PREFIXES or len(raw) != ID_BYTES:
        raise ValueError(f"{prefix!r} with {len(raw)} bytes is no id")
    return f"{prefix}_{base32(raw)}"


_remembered = lru_cache(_REMEMBERED)(text)


def org_text(raw: bytes) -> str:
    """An organisation."""
    return _remembered("org", raw)


def log_text(raw: bytes) -> str:
    """A log: one organisation's register in one space."""
    return text("log", raw)


def rec_text(raw: bytes) -> str:
    """A record."""
    return text("rec", raw)


def blob_text(raw: bytes) -> str:
    """A file."""
    return _remembered("blob", raw)


def circle_text(raw: bytes) -> str:
    """A circle."""
    return text("circle", raw)


def root_text(raw: bytes) -> str:
    """A public root key."""
    return text("root", raw)


def key_text(raw: bytes) -> str:
    """A public operating key."""
    return text("key", raw)


def parse(given: str, prefix: str | None = None) -> bytes:
    """The 32 bytes of a whole id; ``Malformed`` names what was given."""
    found, low, high = _read(given, prefix, TEXT_LENGTH)
    if low != high:
        raise Malformed(f"{given!r} is not a whole {found}_ id of {TEXT_LENGTH} characters")
    return low


def prefix_range(given: str, prefix: str | None = None) -> tuple[str, bytes, bytes]:
    """(prefix, lowest id, highest id) of all ids that begin like ``given``; a whole id gives itself twice."""
    return _read(given, prefix, UNIQUE_LENGTH_MIN)


def _read(given: str, prefix: str | None, length_min: int) -> tuple[str, bytes, bytes]:
    match = _SHAPE.fullmatch(given)
    wanted = f"{prefix}_…" if prefix else "org_…, log_…, rec_…, blob_… or circle_…"
    if match is None or (prefix is not None and match[1] != prefix) or len(match[2]) < length_min:
        raise Malformed(f"{given!r} is not an id like {wanted} and at least {length_min} characters")
    digits = match[2]
    low = _bytes_of(digits.ljust(TEXT_LENGTH, "a"))
    # The last character carries one bit of the id and four that are zero: its highest value is `q`.
    high = _bytes_of(digits.ljust(TEXT_LENGTH, "7")[: TEXT_LENGTH - 1] + (digits[TEXT_LENGTH - 1 :] or "q"))
    if digits[TEXT_LENGTH - 1 :] not in ("", "a", "q"):
        raise Malformed(f"{given!r} is not an id: its last character cannot be {digits[-1]!r}")
    return match[1], low, high


def _bytes_of(digits: str) -> bytes:
    return base64.b32decode(digits.upper() + "====")
