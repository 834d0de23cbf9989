"""The payload of ENTRIES: rows as they travel, plain or as one zstd frame.

What does not declare its size is never inflated, and nothing inflates beyond a frame (PROTOCOL §4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import zstandard

from mutunode.protocol import codec
from mutunode.protocol.entry import Row
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ENTRIES_PER_ANSWER_MAX, FRAME_BYTES_MAX, SALT_BYTES

PLAIN, COMPRESSED = 0, 1  # ``enc``
LEVEL = 3  # 800-byte records shrink to a third at 250 MB/s; higher levels cost more than they save

# Lengths stand before what they count: more rows, or emptier ones, are refused before they are built.
_Fields = Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=3)]
_decoder = msgspec.msgpack.Decoder(Annotated[list[_Fields], msgspec.Meta(max_length=ENTRIES_PER_ANSWER_MAX)])
# What nearly every answer is: whole rows, which need no second look.
_Whole = tuple[bytes, Annotated[bytes, msgspec.Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)], bytes]
_whole = msgspec.msgpack.Decoder(Annotated[list[_Whole], msgspec.Meta(max_length=ENTRIES_PER_ANSWER_MAX)])
_encoder = msgspec.msgpack.Encoder()


def pack(rows: Sequence[Row], *, compressed: bool) -> tuple[int, bytes]:
    """``enc`` and ``payload`` for these rows; the caller keeps them below a frame."""
    payload = _encoder.encode([row if row[1] else row[:1] for row in rows])
    if not compressed:
        return PLAIN, payload
    return COMPRESSED, zstandard.ZstdCompressor(level=LEVEL).compress(payload)


def unpack(enc: int, payload: bytes) -> list[Row]:
    """The rows of an answer; ``Malformed`` names what is wrong with them."""
    plain = _inflate(payload) if enc == COMPRESSED else payload
    taken = _rows_of_bytes(plain)
    if taken is not None:
        return taken
    value = codec.decode(plain)
    if not isinstance(value, list):
        raise Malformed("entries: the payload is not an array")
    return [_row(element) for element in value]


def _rows_of_bytes(plain: bytes) -> list[Row] | None:
    """Rows that are nothing but bytes, which all of today are; None: perhaps of a later version, or wrong."""
    for decoder in (_whole, _decoder):
        try:
            value = decoder.decode(plain)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if _encoder.encode(value) != plain:
            return None
        return value if decoder is _whole else [_row(element) for element in value]
    return None


def _row(element: Any) -> Row:
    parts = len(element) if type(element) is list else 0
    if parts == 1 and type(element[0]) is bytes:
        return element[0], b"", b""
    if parts > 2:
        header, salt, body = element[:3]
        if type(header) is type(salt) is type(body) is bytes and len(salt) == SALT_BYTES:
            return header, salt, body
    raise Malformed("entries: a row is neither [header] nor [header, salt, body]")


def _inflate(payload: bytes) -> bytes:
    try:
        declared = zstandard.frame_content_size(payload)
        if not 0 <= declared <= FRAME_BYTES_MAX:
            raise Malformed(f"entries: a compressed payload that declares {declared} bytes")
        return zstandard.ZstdDecompressor().decompress(
            payload, max_output_size=FRAME_BYTES_MAX, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise Malformed(f"entries: {error}") from None
