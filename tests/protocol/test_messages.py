"""Frames: every type comes back as it was, every wrong shape is named, later versions are met kindly."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import codec, crypto, messages
from mutunode.protocol import messages as m
from mutunode.protocol.errors import Code, Malformed, Refused
from mutunode.protocol.head import Cosignature, Head
from tests.vectors import mutunode

ID = b"i" * 32
LOW, MIDDLE, HIGH = bytes(32), b"\x80" + bytes(31), b"\xff" * 32
KEY = crypto.public_of(ID)
SIGNATURE = b"g" * 64
STORE = b"store_id"
PRINT = b"p" * 16
SALT = b"s" * 16
HEAD = Head(ID, LOW, 0, 0, 3, ID, 1_800_000_000, SIGNATURE)

EACH: list[m.Message] = [
    m.Hello(1, ID, KEY, ID, ("relay", "zstd")),
    m.Auth(SIGNATURE),
    m.Since(1, STORE, 0),
    m.Heads(1, STORE, 2**53 - 1, True, (HEAD, HEAD)),
    m.Range(1, (m.RangePrint(LOW, MIDDLE, 2, PRINT), m.RangePrint(HIGH, HIGH, 0, PRINT))),
    m.Ranges(2, (m.RangePrint(LOW, MIDDLE, 2, PRINT), m.RangeHeads(HIGH, HIGH, (HEAD,)))),
    m.Ranges(2, ()),
    m.Get(3, ID, 1, 40, 80, True),
    m.Entries(3, ID, 40, 1, b"payload"),
    m.Ident(5, KEY, 1),
    m.Identity(5, b"genesis", ((b"op", SIGNATURE),), ((b"rival", SIGNATURE),)),
    m.Identity(5, b"genesis", (), (), m.Proven(b"header", SALT, b"body", 0, (ID,), HEAD)),
    m.Prove(7, ID, 0, 1, 0),
    m.Proof(7, b"header", (ID,) * 64, HEAD, Cosignature(ID, 0, 1, SIGNATURE)),
    m.Deliver(9, b"header", SALT, b"body", 0, (), HEAD),
    m.Taken(9),
    m.Fork(0, m.TwoHeads(HEAD, HEAD)),
    m.Fork(0, m.TwoLeaves(HEAD, HEAD, 2, ID, (ID,), LOW, ())),
    m.Chunk(11, ID, 0),
    m.Data(11, 5, b"bytes", (ID,) * 40),
    m.Have(13, ID),
    m.Holds(13, False),
    m.Err(13, Code.BUSY, 2, "plus tard"),
    m.AskHead(15, ID),
    m.Relay(0, ID, b"\x16" * 70_000),
    m.Unknown(22, 17),
]


def _name(message: m.Message) -> str:
    return type(message).__name__


@pytest.mark.parametrize("message", EACH, ids=_name)
def test_every_message_comes_back_as_it_was(message: m.Message) -> None:
    assert messages.decode(messages.encode(message)) == message


def test_every_type_of_the_protocol_is_among_them() -> None:
    assert {codec.decode(messages.encode(message))[0] for message in EACH} == set(range(23))


def test_the_published_frames_of_a_handshake() -> None:
    auth = mutunode("auth")
    for name in ("client_hello", "server_hello"):
        frame = bytes.fromhex(auth[name])
        assert messages.encode(messages.decode(frame)) == frame
    for case in auth["cases"]:
        frame = bytes.fromhex(case["auth_frame"])
        assert messages.encode(messages.decode(frame)) == frame


@pytest.mark.parametrize("message", EACH, ids=_name)
def test_elements_after_the_known_ones_are_ignored(message: m.Message) -> None:
    longer = [*codec.decode(messages.encode(message)), "later", {"version": 2}]
    assert messages.decode(codec.encode(longer)) == message


@pytest.mark.parametrize("message", EACH, ids=_name)
def test_every_element_that_is_missing_or_of_another_type_is_refused_by_name(message: m.Message) -> None:
    array = codec.decode(messages.encode(message))
    optional = isinstance(message, m.Hello)  # features, which is last
    for place in range(1, len(array)):
        if not (optional and place == len(array) - 1):
            with pytest.raises(Malformed):
                messages.decode(codec.encode(array[:place]))
        other = {"map": 1}
        with pytest.raises(Malformed) as caught:
            messages.decode(codec.encode([*array[:place], other, *array[place + 1 :]]))
        field = type(message).__struct_fields__[place - 1 if not isinstance(message, m.Unknown) else place]
        assert field in caught.value.what


def test_text_is_never_taken_for_bytes() -> None:
    frame = codec.encode([16, 1, "aWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWk="])
    with pytest.raises(Malformed, match="Have: blob: Expected `bytes`, got `str`"):
        messages.decode(frame)


RANGE = [LOW, MIDDLE, 1, PRINT]
WIRE = HEAD.to_wire()
WRONG: dict[str, Any] = {
    "features unsorted": [0, 1, ID, KEY, ID, ["zstd", "relay"]],
    "features doubled": [0, 1, ID, KEY, ID, ["zstd", "zstd"]],
    "a feature too long": [0, 1, ID, KEY, ID, ["é" * 17]],
    "too many features": [0, 1, ID, KEY, ID, [f"{n:02}" for n in range(33)]],
    "a key of small order": [0, 1, ID, bytes(32), ID, []],
    "an id that is negative zero's neighbour": [2, True, STORE, 0],
    "a store of nine bytes": [2, 1, b"123456789", 0],
    "4,097 heads": [3, 0, STORE, 0, False, [WIRE] * 4_097],
    "a head too short": [3, 0, STORE, 0, False, [WIRE[:7]]],
    "ranges that overlap": [4, 1, [RANGE, [MIDDLE, HIGH, 1, PRINT]]],
    "ranges that descend": [4, 1, [[HIGH, HIGH, 1, PRINT], RANGE]],
    "a range that ends before it begins": [4, 1, [[MIDDLE, LOW, 1, PRINT]]],
    "257 ranges": [4, 1, [[bytes(30) + n.to_bytes(2, "big")] * 2 + [0, PRINT] for n in range(257)]],
    "17 heads in a range": [20, 1, [[LOW, HIGH, [WIRE] * 17]]],
    "heads of a range that ends before it begins": [20, 1, [[HIGH, LOW, [WIRE]]]],
    "neither print nor heads": [20, 1, [[LOW, HIGH]]],
    "another way to compress": [6, 1, ID, 0, 2, b""],
    "257 ops": [8, 1, b"", [[b"", SIGNATURE]] * 257, [], []],
    "half a profile": [8, 1, b"", [], [], [b"header", SALT]],
    "an op without its signature": [8, 1, b"", [[b"op"]], [], []],
    "a header of 257 bytes": [11, 1, bytes(257), SALT, b"", 0, [], WIRE],
    "65 hashes": [11, 1, b"", SALT, b"", 0, [ID] * 65, WIRE],
    "a hash of 31 bytes": [11, 1, b"", SALT, b"", 0, [ID[1:]], WIRE],
    "a chunk too long": [15, 1, 300_000, bytes(262_145), []],
    "41 hashes of a chunk": [15, 1, 1, b"", [ID] * 41],
    "three heads of evidence": [13, 0, [WIRE, WIRE, WIRE]],
    "no array": {"type": 1},
    "no type": [],
    "a type that is no number": ["hello"],
    "a type that is a boolean": [True, 1],
    "a later type without a request id": [99],
}


@pytest.mark.parametrize("array", WRONG.values(), ids=WRONG)
def test_wrong_shapes_are_malformed(array: Any) -> None:
    with pytest.raises(Malformed):
        messages.decode(codec.encode(array))


@pytest.mark.parametrize("length", [0, 1, 255, 256, 65_535, 65_536, 262_144])
def test_a_chunk_is_read_where_it_lies_in_its_frame_and_written_as_the_codec_would(length: int) -> None:
    data = m.Data(2**40 + 1, 2**53 - 1, bytes(length), (ID,) * 3)
    frame = messages.encode(data)
    assert frame == codec.encode([15, data.id, data.size, data.chunk, list(data.path)])
    read = messages.decode(frame)
    assert read == data
    assert isinstance(read, m.Data)
    assert isinstance(read.chunk, memoryview)
    assert read.chunk.obj is frame


@pytest.mark.parametrize(
    "head",
    [b"\x95\x0f\xcc\x01\x05\xc4\x05", b"\x95\x0f\x01\xcd\x00\x05\xc4\x05", b"\x95\x0f\x01\x05\xc5\x00\x05"],
    ids=["a long id", "a long size", "a long length"],
)
def test_a_chunk_in_another_form_than_the_shortest_is_malformed(head: bytes) -> None:
    assert messages.decode(b"\x95\x0f\x01\x05\xc4\x05bytes\x90") == m.Data(1, 5, b"bytes", ())
    for frame in (head + b"bytes\x90", b"\x95\x0f\x01\x05\xc4\x05bytes\xdc\x00\x00", head[:1]):
        with pytest.raises(Malformed):
            messages.decode(frame)


def test_another_version_of_hello_is_refused_as_such_whatever_else_it_holds() -> None:
    for array in ([0, 2, ID], [0, 0], [0, 7, {"later": 1}]):
        with pytest.raises(Refused, match="mutunode/1") as caught:
            messages.decode(codec.encode(array))
        assert caught.value.code is Code.VERSION


def test_types_of_later_versions_keep_their_request_id() -> None:
    assert messages.decode(codec.encode([4_000, 8, {"what": "ever"}])) == m.Unknown(4_000, 8)


def test_a_frame_that_would_be_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="1,048,576"):
        messages.encode(m.Relay(0, ID, bytes(1_048_576)))


def test_a_page_of_heads_fits_one_frame() -> None:
    most = msgspec.structs.replace(HEAD, epoch=2**53 - 1, base=2**53 - 1, size=2**53 - 1, time=2**53 - 1)
    assert len(messages.encode(m.Heads(0, STORE, 0, False, (most,) * 4_096))) <= 1_048_576
    parts = (m.RangeHeads(LOW, HIGH, (most,) * 16),) * 256
    assert len(messages.encode(m.Ranges(0, parts))) <= 1_048_576


@given(st.binary(max_size=120))
def test_noise_is_malformed_or_a_message_and_nothing_else(frame: bytes) -> None:
    try:
        message = messages.decode(frame)
    except (Malformed, Refused):
        return
    assert messages.decode(messages.encode(message)) == message


@given(st.sampled_from(EACH), st.data())
def test_a_frame_with_a_changed_byte_is_malformed_or_another_message(
    message: m.Message, data: st.DataObject
) -> None:
    frame = bytearray(messages.encode(message))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = messages.decode(bytes(frame))
    except (Malformed, Refused):
        return
    assert changed != message or messages.encode(changed) != bytes(frame)
