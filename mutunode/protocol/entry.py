"""An entry: a small header that the tree commits to, and a salted body that can be erased.

``header`` names kind, time and the hash of the body; salt and body may be missing, the tree still
verifies. A header that is not a CM array beginning with a version stops a log (``Broken``); any other one
that we cannot read is a leaf without a record (``Unreadable``) and passes on (PROTOCOL §3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mutunode.protocol import codec
from mutunode.protocol.errors import Broken, Invalid, Malformed
from mutunode.protocol.head import Count, Id
from mutunode.protocol.limits import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    ID_BYTES,
    KIND_BYTES_MAX,
    NODES_BODY_MAX,
    SALT_BYTES,
)

KIND_PATTERN = rf"^[a-z][a-z0-9_]{{0,{KIND_BYTES_MAX - 1}}}\Z"

Kind = Annotated[str, Meta(pattern=KIND_PATTERN)]
Ref = tuple[bytes, int, bytes]  # log, index, leaf: resolves only if that leaf stands there
Row = tuple[bytes, bytes, bytes]  # header, salt, body; the last two empty when there is none


class Header(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A header of version 1."""

    kind: Kind
    time: Count
    body_hash: Id
    body_len: Count


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A leaf without a record: a header of another version, or with other fields."""

    version: int


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What an organisation adds to its log."""

    header: bytes
    salt: bytes
    body: bytes

    @property
    def leaf(self) -> bytes:
        """The leaf of the tree."""
        return sha256(b"\0" + self.header).digest()


class Batch(msgspec.Struct, frozen=True):
    """Rows that were checked: their leaves for the tree, their headers for the store."""

    rows: list[Row]  # salt and body dropped where there is no record
    leaves: list[bytes]
    headers: list[Header | None]  # None: a leaf without a record


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Header)


def body_hash(salt: bytes, body: bytes) -> bytes:
    """What a header says of its body."""
    return sha256(b"mutunode/body/1\0" + salt + body).digest()


def rec_id(log: bytes, leaf: bytes) -> bytes:
    """The record a leaf stands for: a copy in another log is another record."""
    return sha256(b"mutunode/record/1\0" + log + leaf).digest()


def make_entry(kind: str, body: dict[str, Any], time: int, salt: bytes) -> Entry:
    """A new entry; ``Malformed`` names what in it cannot be published."""
    raw = encode_body(body)
    if len(salt) != SALT_BYTES:
        raise Malformed(f"salt: {len(salt)} bytes where {SALT_BYTES} are needed")
    header = codec.convert([1, kind, time, body_hash(salt, raw), len(raw)], Header, "header")
    return Entry(_encoder.encode(header), salt, raw)


def encode_body(body: dict[str, Any]) -> bytes:
    """A body as it will be signed, within the limits of a body."""
    try:
        raw = codec.encode(body, nodes_max=NODES_BODY_MAX)
    except ValueError as error:
        raise Malformed(f"body: {error}") from None
    if len(raw) > BODY_BYTES_MAX:
        raise Malformed(f"body: {len(raw):,} bytes where at most {BODY_BYTES_MAX:,} are allowed")
    return raw


def decode_body(raw: bytes) -> dict[str, Any]:
    """A body within its limits; ``Malformed`` means that it is opaque."""
    if len(raw) > BODY_BYTES_MAX:
        raise Malformed(f"body: {len(raw):,} bytes where at most {BODY_BYTES_MAX:,} are allowed")
    body = codec.decode(raw, nodes_max=NODES_BODY_MAX)
    if not isinstance(body, dict):
        raise Malformed("body: it is not a map")
    return body


def read_body(header: Header, raw: bytes) -> dict[str, Any] | None:
    """What people can read of a body that matches its header; None when it is opaque."""
    try:
        return decode_body(raw) if len(raw) == header.body_len else None
    except Malformed:
        return None


def parse_header(raw: bytes) -> Header | Unreadable:
    """Read a header; ``Broken`` when nobody can take it."""
    try:
        header = _decoder.decode(raw)
        if _encoder.encode(header) == raw and len(raw) <= HEADER_BYTES_MAX:
            return header
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # not version 1 in its one form: what it is shows below
    return _unreadable(raw)


def _unreadable(raw: bytes) -> Unreadable:
    if len(raw) > HEADER_BYTES_MAX:
        raise Broken(f"header: {len(raw)} bytes where at most {HEADER_BYTES_MAX} are allowed")
    try:
        value = codec.decode(raw)
    except Malformed as error:
        raise Broken(f"header: {error.what}") from None
    if not isinstance(value, list) or not value or type(value[0]) is not int or value[0] < 1:
        raise Broken("header: it is not an array that begins with a version")
    return Unreadable(value[0])


def check_body(header: Header, salt: bytes, body: bytes) -> None:
    """Raise ``Invalid`` unless the header speaks of exactly this salt and body."""
    if len(salt) != SALT_BYTES or body_hash(salt, body) != header.body_hash:
        raise Invalid("body: it is not the one its header speaks of")


def check_batch(rows: Sequence[Row]) -> Batch:
    """Check entries as they arrive, in order.

    ``Broken`` carries the index within ``rows`` of a header that stops the log; what stands before it can
    be checked and taken again. ``Invalid`` means that the sender gave a body that is not the author's.
    """
    taken: list[Row] = []
    leaves: list[bytes] = []
    headers: list[Header | None] = []
    for row in rows:
        raw, salt, body = row
        try:
            header = parse_header(raw)
        except Broken as error:
            raise Broken(error.what, len(taken)) from None
        leaves.append(sha256(b"\0" + raw).digest())
        if type(header) is Header:
            if salt or body:
                check_body(header, salt, body)
            headers.append(header)
            taken.append(row)
        else:
            headers.append(None)
            taken.append((raw, b"", b""))
    return Batch(taken, leaves, headers)


def find_refs(body: dict[str, Any]) -> list[Ref]:
    """The records that a body cites: as a field's value, in a list there, or in a map of such a list."""
    return [ref for value in body.values() for ref in _refs_of(value)]


def _refs_of(value: Any) -> Iterable[Ref]:
    if type(value) is not list:
        return
    if is_ref(value):
        yield tuple(value)
        return
    for item in value:
        if is_ref(item):
            yield tuple(item)
        elif type(item) is dict:  # based_on[]{ref, relation, …}
            yield from (tuple(held) for held in item.values() if is_ref(held))


def is_ref(value: Any) -> bool:
    """Whether a decoded value has the shape ``[log32, index, leaf32]``."""
    return (
        type(value) is list
        and len(value) == 3
        and type(value[0]) is bytes
        and len(value[0]) == ID_BYTES
        and type(value[1]) is int
        and type(value[2]) is bytes
        and len(value[2]) == ID_BYTES
    )
