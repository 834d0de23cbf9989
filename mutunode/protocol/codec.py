"""Canonical MessagePack (CM): every value has exactly one encoding, and everything else is refused.

One library decodes, another encodes what was decoded, and the bytes must be the same: that catches long
forms, unsorted or repeated keys and whatever else the two would read leniently. A walk over the values
refuses what both can write but CM does not have: nil, floats, negative or huge integers, U+0000, too much
depth, too many nodes. Size is bounded before anything is built: 1 MB of empty arrays would become 70 MB.

Most of what people write is small, shallow and has no bytes in it: for that a decoder that knows which
values there are does the work of the walk. Whatever it does not take goes the long way, so that both ways
refuse the same and give the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any, TypeVar

import msgpack  # type: ignore[import-untyped]
import msgspec

from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import DEPTH_MAX, FRAME_BYTES_MAX, INTEGER_MAX, NODES_FRAME_MAX

Value = Any  # bool | int | str | bytes | list[Value] | dict[str, Value]
Shaped = TypeVar("Shaped", bound=msgspec.Struct)

_encoder = msgspec.msgpack.Encoder(order="sorted")  # code points sort as their UTF-8 bytes do

_Plain = bool | Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)] | str
_Inner = _Plain | list[_Plain] | dict[str, _Plain]
_Middle = _Plain | list[_Inner] | dict[str, _Inner]
_shallow = msgspec.msgpack.Decoder(dict[str, _Plain | list[_Middle] | dict[str, _Middle]])


def encode(value: Value, *, nodes_max: int = NODES_FRAME_MAX) -> bytes:
    """Encode canonically; ``ValueError`` names what CM cannot hold."""
    try:
        _check(value, nodes_max)
    except Malformed as error:
        raise ValueError(error.what) from None
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        raise ValueError("text with half a character (a lone surrogate)") from None


def decode(data: bytes, *, nodes_max: int = NODES_FRAME_MAX) -> Value:
    """Decode what ``encode`` would have produced, and nothing else: ``Malformed`` says what is wrong."""
    if len(data) <= nodes_max and (shallow := _decode_shallow(data)) is not None:
        return shallow
    if len(data) > FRAME_BYTES_MAX:
        raise Malformed(f"{len(data):,} bytes where at most {FRAME_BYTES_MAX:,} are allowed")
    return _decode_any(data, nodes_max)


def _decode_any(data: bytes, nodes_max: int) -> Value:
    value = _unpack(data, nodes_max)
    _check(value, nodes_max)
    if _encoder.encode(value) != data:
        raise Malformed("not the shortest form, or keys repeated or out of order")
    return value


def _decode_shallow(data: bytes) -> dict[str, Value] | None:
    """A map of few levels without any byte zero, which then is in no text; None: perhaps something else.

    What encodes to exactly these bytes is what they say, whoever decoded them.
    """
    if b"\0" in data:
        return None
    try:
        value = _shallow.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return value if _encoder.encode(value) == data else None


def convert(value: Value, shape: type[Shaped], what: str) -> Shaped:
    """Give a decoded value its shape; ``Malformed`` names the field that does not fit."""
    try:
        # Without ``builtin_types``, text where bytes belong would be read as base64.
        return msgspec.convert(value, shape, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise Malformed(f"{what}: {_named(str(error), shape)}") from None


def _named(error: str, shape: type[msgspec.Struct]) -> str:
    """Positions in an array, as msgspec tells them, by the names of its fields."""
    place = re.search(r"`\$\[(\d+)\]", error)
    if place is None or not shape.__struct_config__.array_like:
        return error
    tagged = shape.__struct_config__.tag is not None
    names = ("type",) * tagged + shape.__struct_fields__
    return f"{names[int(place[1])]}: {error}"


def _unpack(data: bytes, nodes_max: int) -> Value:
    # A node takes a byte at least: shorter data cannot hold more nodes than are allowed. Longer data is
    # counted while it is read, one container at a time, so that a bomb stops early.
    hook = _Budget(nodes_max) if len(data) > nodes_max else None
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_ext_len=0,
            max_array_len=nodes_max,
            max_map_len=nodes_max,
            list_hook=hook,
            object_hook=hook,
        )
    except Malformed:
        raise
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise Malformed(f"not MessagePack: {error or type(error).__name__}") from None


class _Budget:
    """Counts what containers hold while they are being read."""

    def __init__(self, nodes_max: int) -> None:
        self.left = nodes_max

    def __call__(self, held: Value) -> Value:
        self.left -= len(held)
        if self.left < 0:
            raise Malformed("more values than are allowed")
        return held


def _check(value: Value, nodes_max: int) -> None:
    """Refuse what CM does not have."""
    _check_all((value,), 1, nodes_max)


def _check_all(values: Collection[Value], depth: int, left: int) -> int:
    """Check values that stand at ``depth``; return how many more nodes may follow."""
    left -= len(values)
    if left < 0:
        raise Malformed("more values than are allowed")
    if depth > DEPTH_MAX and values:
        raise Malformed(f"nested deeper than {DEPTH_MAX}")
    for value in values:
        kind = type(value)
        if kind is str:
            if "\0" in value:
                raise Malformed("text with U+0000")
        elif kind is dict:
            left = _check_all(value.values(), depth + 1, left - _check_keys(value))
        elif kind is list or kind is tuple:
            left = _check_all(value, depth + 1, left)
        elif kind is int:
            if not 0 <= value <= INTEGER_MAX:
                raise Malformed(f"{value} is not a whole number from 0 to 2^53 - 1")
        elif kind is not bytes and kind is not bool:
            raise Malformed(f"{kind.__name__} does not exist in CM")
    return left


def _check_keys(held: dict[str, Value]) -> int:
    """How many keys a map has, all of them text."""
    try:
        if "\0" in "".join(held):
            raise Malformed("a map key with U+0000")
    except TypeError:
        raise Malformed("a map key that is not text") from None
    return len(held)
