"""The frames of PROTOCOL §4: one frozen struct a type, an array ``[type, request id, …]`` on the wire.

The structs *are* the wire format: an array is checked against their fields, and elements after the known
ones are ignored. They say what shape alone can say; whether a head verifies or a proof belongs to it is
for those who know the logs. HELLO and AUTH come before requests are counted and carry no id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from mutunode.protocol import codec
from mutunode.protocol.channel import CLIENT as CLIENT
from mutunode.protocol.channel import SERVER as SERVER
from mutunode.protocol.channel import auth_signed as auth_signed
from mutunode.protocol.channel import host_channel as host_channel
from mutunode.protocol.crypto import check_ed25519
from mutunode.protocol.errors import Code, Malformed, Refused
from mutunode.protocol.head import Cosignature, Count, Head, Id, Signature
from mutunode.protocol.limits import (
    CHUNK_BYTES,
    CHUNK_PROOF_HASHES_MAX,
    FEATURE_BYTES_MAX,
    FEATURES_MAX,
    FRAME_BYTES_MAX,
    HEADER_BYTES_MAX,
    HEADS_PER_FRAME_MAX,
    HEADS_PER_RANGE_MAX,
    IDENTITY_OPS_MAX,
    INTEGER_MAX,
    PROOF_HASHES_MAX,
    RANGE_PARTS,
    RANGES_PER_FRAME_MAX,
    SALT_BYTES,
)

PUSH = 0  # the request id of what asks for no reply
VERSION = 1
ZSTD, RELAY = "zstd", "relay"  # the features mutunode/1 defines

StoreId = Annotated[bytes, Meta(min_length=8, max_length=8)]
Print = Annotated[bytes, Meta(min_length=16, max_length=16)]
Salt = Annotated[bytes, Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
HeaderBytes = Annotated[bytes, Meta(max_length=HEADER_BYTES_MAX)]
Path = Annotated[tuple[Id, ...], Meta(max_length=PROOF_HASHES_MAX)]
ChunkPath = Annotated[tuple[Id, ...], Meta(max_length=CHUNK_PROOF_HASHES_MAX)]
Ops = tuple[tuple[bytes, Signature], ...]  # ops as their authors wrote them


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Who we are; the first frame of both sides."""

    version: Literal[1]
    org: Id
    operating: Id
    nonce: Id
    features: Annotated[tuple[str, ...], Meta(max_length=FEATURES_MAX)] = ()

    def __post_init__(self) -> None:
        """Features are sorted, each once, and the key is one that can be trusted."""
        if list(self.features) != sorted(set(self.features)):
            raise ValueError("features: unsorted or named twice")
        if any(len(feature.encode()) > FEATURE_BYTES_MAX for feature in self.features):
            raise ValueError(f"features: one is longer than {FEATURE_BYTES_MAX} bytes")
        check_ed25519(self.operating, "Hello: operating")


class Auth(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """That it is really us, on this very channel."""

    signature: Signature


class Since(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What changed after a cursor?"""

    id: Count
    store: StoreId
    cursor: Count


class Heads(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Newest heads: the answer to ``Since`` and ``AskHead``, or pushed."""

    id: Count
    store: StoreId
    cursor: Count
    more: bool
    heads: Annotated[tuple[Head, ...], Meta(max_length=HEADS_PER_FRAME_MAX)]


class RangePrint(msgspec.Struct, frozen=True, array_like=True):
    """How many logs stand between two ids, both included, and a print over them."""

    first: Id
    last: Id
    count: Count
    print: Print

    def __post_init__(self) -> None:
        """A range runs upwards."""
        _check_range(self.first, self.last)


class RangeHeads(msgspec.Struct, frozen=True, array_like=True):
    """The heads of all logs between two ids, both included."""

    first: Id
    last: Id
    heads: Annotated[tuple[Head, ...], Meta(max_length=HEADS_PER_RANGE_MAX)]

    def __post_init__(self) -> None:
        """A range runs upwards."""
        _check_range(self.first, self.last)


class Range(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Do you hold the same in these ranges?"""

    id: Count
    ranges: Annotated[tuple[RangePrint, ...], Meta(max_length=RANGES_PER_FRAME_MAX)]

    def __post_init__(self) -> None:
        """Ranges are disjoint and ascend."""
        for before, after in zip(self.ranges, self.ranges[1:], strict=False):
            if after.first <= before.last:
                raise ValueError("ranges: not disjoint, or not ascending")


class Ranges(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """Only where the answerer differs: heads where it has few, prints of parts elsewhere."""

    id: Count
    answers: tuple[RangePrint | RangeHeads, ...]


class Get(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Give me the entries ``start`` ≤ i < ``end`` of that epoch's tree."""

    id: Count
    log: Id
    epoch: Count
    start: Count
    end: Count
    bodies: bool


class Entries(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Entries from ``start`` on; ``rows`` reads and writes the payload."""

    id: Count
    log: Id
    start: Count
    enc: Literal[0, 1]
    payload: bytes


class Ident(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Who is this organisation, or the one this root key belongs to?"""

    id: Count
    key: Id
    epoch: Count


class Proven(msgspec.Struct, frozen=True, array_like=True):
    """A record with its place in its log, proven."""

    header: HeaderBytes
    salt: Salt
    body: bytes
    index: Count
    path: Path
    head: Head


class Identity(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """An identity chain from the epoch asked for; an organisation need not have a profile."""

    id: Count
    genesis: bytes
    ops: Annotated[Ops, Meta(max_length=IDENTITY_OPS_MAX)]
    rivals: Ops
    profile: Proven | tuple[()] = ()


class Prove(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """Prove what stands at an index, in the tree of ``size`` leaves (0: the newest)."""

    id: Count
    log: Id
    epoch: Count
    index: Count
    size: Count


class Proof(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """A header, its proof, and the answerer as a witness."""

    id: Count
    header: HeaderBytes
    path: Path
    head: Head
    cosignature: Cosignature


class Deliver(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """One proven record for someone who does not replicate its log."""

    id: Count
    header: HeaderBytes
    salt: Salt
    body: bytes
    index: Count
    path: Path
    head: Head


class Taken(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """What was delivered is stored durably."""

    id: Count


class TwoHeads(msgspec.Struct, frozen=True, array_like=True):
    """Evidence in itself: equal sizes and different roots (smaller first), or two bases (smaller first)."""

    head_a: Head
    head_b: Head


class TwoLeaves(msgspec.Struct, frozen=True, array_like=True):
    """Evidence by proofs: different leaves at one index below both sizes; the smaller tree is ``a``."""

    head_a: Head
    head_b: Head
    index: Count
    leaf_a: Id
    path_a: Path
    leaf_b: Id
    path_b: Path


class Fork(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """That an author signed two logs, for anyone to check."""

    id: Count
    evidence: TwoHeads | TwoLeaves


class Chunk(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """Give me a chunk of a file."""

    id: Count
    blob: Id
    index: Count


class Data(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """A chunk, the size of its file and its proof."""

    id: Count
    size: Count
    chunk: bytes | memoryview  # CHUNK_BYTES at most; of what was read, where it lies in its frame
    path: ChunkPath


class Have(msgspec.Struct, frozen=True, array_like=True, tag=16):
    """Do you hold this file?"""

    id: Count
    blob: Id


class Holds(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """Whether this file is held."""

    id: Count
    holds: bool


class Err(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """A refusal; ``code`` is a ``errors.Code``, or a later one."""

    id: Count
    code: Count
    retry_after_s: Count
    text: str


class AskHead(msgspec.Struct, frozen=True, array_like=True, tag=19):
    """Your newest head of this log?"""

    id: Count
    log: Id


class Relay(msgspec.Struct, frozen=True, array_like=True, tag=21):
    """Bytes for, or from, an organisation that is reached through the relay."""

    id: Count
    org: Id
    payload: bytes  # too many of them are ERR 4, not malformed


class Unknown(msgspec.Struct, frozen=True, array_like=True):
    """A type of a later version: requests get ERR 9, the rest is ignored."""

    type: Count
    id: Count


Message = (
    Hello
    | Auth
    | Since
    | Heads
    | Range
    | Ranges
    | Get
    | Entries
    | Ident
    | Identity
    | Prove
    | Proof
    | Deliver
    | Taken
    | Fork
    | Chunk
    | Data
    | Have
    | Holds
    | Err
    | AskHead
    | Relay
    | Unknown
)

_TYPES: dict[Any, Any] = {
    shape.__struct_config__.tag: shape for shape in get_args(Message) if shape is not Unknown
}


def encode(message: Message) -> bytes:
    """The frame of a message; ``ValueError`` when it holds what no frame can."""
    if isinstance(message, Data):
        before, after = _around_chunk(message)
        frame = b"".join((before, message.chunk, after))
    else:
        frame = codec.encode(msgspec.to_builtins(message, builtin_types=(bytes,)))
    if len(frame) > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(frame):,} bytes where at most {FRAME_BYTES_MAX:,} are allowed")
    return frame


def decode(frame: bytes) -> Message:
    """Read a frame: ``Malformed`` names what is wrong, ``Refused`` an unknown version of HELLO."""
    if frame.startswith(_DATA_START) and (data := _view_data(frame)) is not None:
        return data
    value = codec.decode(frame)
    if not isinstance(value, list) or not value or type(value[0]) is not int:
        raise Malformed("frame: it is not an array that begins with a type")
    shape = _TYPES.get(value[0])
    if shape is None:
        return codec.convert(value, Unknown, "frame")
    if shape is Hello and len(value) > 1 and type(value[1]) is int and value[1] != VERSION:
        raise Refused(Code.VERSION, f"this node speaks mutunode/{VERSION}, the other one mutunode/{value[1]}")
    reader = _READERS.get(value[0])
    message: Message = reader(value) if reader else codec.convert(value, shape, shape.__name__)
    return message


# --- chunks: nearly all bytes that travel, so that they are neither copied nor walked through ---------
class _DataWire(msgspec.Struct, array_like=True, tag=15):
    id: Count
    size: Count
    chunk: Annotated[bytes, Meta(max_length=CHUNK_BYTES)]
    path: ChunkPath


class _DataView(msgspec.Struct, array_like=True, tag=15):
    id: Count
    size: Count
    chunk: memoryview
    path: ChunkPath


_DATA_START = bytes((0x95, 15))  # an array of five, as this version writes it
_data_reader = msgspec.msgpack.Decoder(_DataView)
_data_writer = msgspec.msgpack.Encoder()


def _around_chunk(data: Data) -> tuple[bytes, bytes]:
    """What stands before the bytes of the chunk in its frame, and behind them."""
    if not (0 <= data.id <= INTEGER_MAX and 0 <= data.size <= INTEGER_MAX):
        raise ValueError("Data: a number that no frame can hold")
    length = len(data.chunk)
    size = 1 if length < 1 << 8 else 2 if length < 1 << 16 else 4
    start = bytes((0xC4 + size // 2,)) + length.to_bytes(size, "big")
    # Whole numbers and bytes have one form, and this encoder writes it: nothing is left to be checked.
    return _DATA_START + _data_writer.encode((data.id, data.size))[1:] + start, _data_writer.encode(data.path)


def _view_data(frame: bytes) -> Data | None:
    """A chunk whose frame is just as we would write it; None for all others, which are read in full."""
    try:
        wire = _data_reader.decode(frame)
    except msgspec.MsgspecError:
        return None
    data = Data(wire.id, wire.size, wire.chunk, wire.path)
    before, after = _around_chunk(data)
    is_whole = len(before) + len(data.chunk) + len(after) == len(frame) and len(data.chunk) <= CHUNK_BYTES
    return data if is_whole and frame.startswith(before) and frame.endswith(after) else None


def _read_data(value: list[Any]) -> Data:
    wire = codec.convert(value, _DataWire, "Data")
    return Data(wire.id, wire.size, wire.chunk, wire.path)


class _RangesWire(msgspec.Struct, array_like=True, tag=20):
    id: Count
    answers: Annotated[list[list[Any]], Meta(max_length=RANGES_PER_FRAME_MAX * RANGE_PARTS)]


class _IdentityWire(msgspec.Struct, array_like=True, tag=8):
    id: Count
    genesis: bytes
    ops: Annotated[Ops, Meta(max_length=IDENTITY_OPS_MAX)]
    rivals: Ops
    profile: list[Any]


class _ForkWire(msgspec.Struct, array_like=True, tag=13):
    id: Count
    evidence: list[Any]


def _read_ranges(value: list[Any]) -> Ranges:
    wire = codec.convert(value, _RangesWire, "Ranges")
    return Ranges(wire.id, tuple(_range_answer(answer) for answer in wire.answers))


def _range_answer(answer: list[Any]) -> RangePrint | RangeHeads:
    if len(answer) > 2 and isinstance(answer[2], list):
        return codec.convert(answer, RangeHeads, "Ranges: answers")
    return codec.convert(answer, RangePrint, "Ranges: answers")


def _read_identity(value: list[Any]) -> Identity:
    wire = codec.convert(value, _IdentityWire, "Identity")
    profile = codec.convert(wire.profile, Proven, "Identity: profile") if wire.profile else ()
    return Identity(wire.id, wire.genesis, wire.ops, wire.rivals, profile)


def _read_fork(value: list[Any]) -> Fork:
    wire = codec.convert(value, _ForkWire, "Fork")
    if len(wire.evidence) == len(TwoHeads.__struct_fields__):
        return Fork(wire.id, codec.convert(wire.evidence, TwoHeads, "Fork: evidence"))
    return Fork(wire.id, codec.convert(wire.evidence, TwoLeaves, "Fork: evidence"))


# What msgspec cannot tell apart by itself: shapes that differ in length or in one element.
_READERS: dict[int, Callable[[list[Any]], Message]] = {
    8: _read_identity,
    13: _read_fork,
    15: _read_data,
    20: _read_ranges,
}


def _check_range(first: bytes, last: bytes) -> None:
    if first > last:
        raise ValueError("the range ends before it begins")
