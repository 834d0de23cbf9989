"""Payloads of ENTRIES, plain and compressed."""

from __future__ import annotations

from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import codec, rows
from mutunode.protocol.entry import Row
from mutunode.protocol.errors import Malformed

SALT = b"s" * 16
FULL = st.tuples(st.binary(), st.binary(min_size=16, max_size=16), st.binary())
BARE = st.tuples(st.binary(), st.just(b""), st.just(b""))


@given(st.lists(FULL | BARE), st.booleans())
def test_rows_come_back_as_they_were(given_rows: list[Row], compressed: bool) -> None:
    enc, payload = rows.pack(given_rows, compressed=compressed)
    assert enc == (rows.COMPRESSED if compressed else rows.PLAIN)
    assert rows.unpack(enc, payload) == given_rows


def test_text_shrinks_to_less_than_half() -> None:
    many = [(b"h" * 60, SALT, f"une fiche de catalogue, la {n}e, avec du texte".encode()) for n in range(200)]
    plain, small = rows.pack(many, compressed=False)[1], rows.pack(many, compressed=True)[1]
    assert len(small) < len(plain) / 2


@pytest.mark.parametrize(
    "array",
    [
        {},
        [b"header"],
        [[]],
        [[b"header", SALT]],
        [["text"]],
        [[b"header", SALT[1:], b"body"]],
        [[b"header", SALT, "body"]],
        [[1]],
    ],
    ids=repr,
)
def test_other_shapes_are_malformed(array: Any) -> None:
    with pytest.raises(Malformed, match="entries"):
        rows.unpack(rows.PLAIN, codec.encode(array))


def test_elements_after_the_known_ones_are_ignored() -> None:
    payload = codec.encode([[b"header", SALT, b"body", "later"]])
    assert rows.unpack(rows.PLAIN, payload) == [(b"header", SALT, b"body")]


def _compress(content: bytes, **how: Any) -> bytes:
    return zstandard.ZstdCompressor(**how).compress(content)


EMPTY = codec.encode([])
BOMBS = {
    "two megabytes of zeros": _compress(bytes(2 * 1_048_576)),
    "no declared size": _compress(EMPTY, write_content_size=False),
    "something after the frame": _compress(EMPTY) + b"\0",
    "two frames": _compress(EMPTY) * 2,
    "cut short": _compress(codec.encode([[b"header" * 100]]))[:-1],
    "no frame": b"payload",
    "nothing": b"",
    "a skippable frame": b"\x50\x2a\x4d\x18\x01\0\0\0x" + _compress(EMPTY),
}


@pytest.mark.parametrize("payload", BOMBS.values(), ids=BOMBS)
def test_nothing_is_inflated_but_one_frame_that_declares_its_size(payload: bytes) -> None:
    with pytest.raises(Malformed, match="entries"):
        rows.unpack(rows.COMPRESSED, payload)


def test_a_declared_size_that_is_not_kept_is_refused() -> None:
    frame = bytearray(_compress(bytes(1_000)))
    where = frame.index((1_000 - 256).to_bytes(2, "little"))
    frame[where : where + 2] = (10).to_bytes(2, "little")
    with pytest.raises(Malformed, match="entries"):
        rows.unpack(rows.COMPRESSED, bytes(frame))
