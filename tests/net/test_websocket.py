"""The frames of RFC 6455, as our WebSocket reads and writes them: in pieces, and those that are forbidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mutunode.net import websocket
from mutunode.net.websocket import End, WebSocket, accepted_key
from mutunode.protocol.limits import FRAME_BYTES_MAX

SILENCE = 60.0


class Wire(asyncio.Transport):
    """A connection whose other end is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reads = True
        self.closed = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Whoever takes it over."""

    def write(self, data: Any) -> None:
        """To the test."""
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        """As told."""
        return self.closed

    def close(self) -> None:
        """Hang up."""
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing more, please."""
        self.reads = False

    def resume_reading(self) -> None:
        """Go on."""
        self.reads = True


def opened(*, is_client: bool = False) -> tuple[WebSocket, Wire]:
    """One that stands; frames for a server are masked."""
    wire = Wire()
    socket = WebSocket(wire, asyncio.Protocol(), is_client=is_client, ping_seconds=SILENCE, close_seconds=0.1)
    return socket, wire


def framed(payload: bytes, first: int = 0x82, mask: bytes | None = b"\1\2\3\4") -> bytes:
    """A frame as a peer writes it."""
    bit, size = (0x80 if mask is not None else 0), len(payload)
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def taken(socket: WebSocket) -> bytes | End:
    """What it has by now."""
    return await asyncio.wait_for(socket.receive(), 5)


SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 300_000)


@pytest.mark.parametrize("step", [1_000_000, 8_191, 13])
@pytest.mark.parametrize("is_client", [True, False])
async def test_messages_of_all_lengths_come_whole_however_they_are_cut(step: int, is_client: bool) -> None:
    socket, _ = opened(is_client=is_client)
    messages = [bytes([size % 251]) * size for size in SIZES]
    stream = b"".join(framed(message, mask=None if is_client else b"\1\2\3\4") for message in messages)
    for at in range(0, len(stream), step):
        socket.feed_data(stream[at : at + step])
    assert [await taken(socket) for _ in messages] == messages


@pytest.mark.parametrize("is_client", [True, False])
async def test_what_one_side_writes_the_other_reads(is_client: bool) -> None:
    socket, wire = opened(is_client=is_client)
    other, _ = opened(is_client=not is_client)
    messages = [bytes([size % 251]) * size for size in SIZES]
    await socket.send(messages)
    other.feed_data(wire.sent)
    assert [await taken(other) for _ in messages] == messages


async def test_the_masks_of_a_client_differ_from_frame_to_frame() -> None:
    socket, wire = opened(is_client=True)
    await socket.send([b"same", b"same"])
    first, second = wire.sent[:10], wire.sent[10:]
    assert first[:2] == second[:2] == b"\x82\x84"
    assert first[2:] != second[2:]


async def test_pieces_of_a_message_are_put_together_and_a_ping_between_them_is_answered() -> None:
    socket, wire = opened()
    socket.feed_data(
        framed(b"one", 0x02) + framed(b"?", 0x89) + framed(b" two", 0x00) + framed(b" three", 0x80)
    )
    assert await taken(socket) == b"one two three"
    assert wire.sent == b"\x8a\x01?"


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (framed(b"x", 0xC2), 1002),  # compressed, which nobody agreed to
        (framed(b"x", 0x92), 1002),
        (framed(b"x", 0x83), 1002),  # of no kind
        (framed(b"x", 0x8B), 1002),
        (framed(b"x", mask=None), 1002),  # a client masks
        (framed(b"x", 0x80), 1002),  # goes on with nothing
        (framed(b"x", 0x02) + framed(b"y", 0x82), 1002),  # begins anew in the middle
        (framed(b"x", 0x09), 1002),  # a ping in pieces
        (framed(bytes(126), 0x89), 1002),  # a long ping
        (b"\x82\xfe\x00\x7d" + bytes(4 + 125), 1002),  # lengths written longer than they need be
        (b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff" + bytes(4), 1002),
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + bytes(4), 1009),
        (framed(bytes(FRAME_BYTES_MAX + 1))[:14], 1009),  # refused by its header
        (framed(bytes(FRAME_BYTES_MAX), 0x02) + framed(b"x", 0x80), 1009),
        (framed(b"\x03", 0x88), 1002),  # half a code
        (framed(b"\x03\xed", 0x88), 1002),  # 1005 is never written
        (framed(b"\x03\xe8\xff", 0x88), 1007),
    ],
)
async def test_what_the_rfc_forbids_ends_the_connection_with_its_code(stream: bytes, code: int) -> None:
    socket, wire = opened()
    socket.feed_data(stream + framed(b"and then"))
    end = await taken(socket)
    assert isinstance(end, End)
    assert (end.code, end.by_other) == (code, False)
    assert wire.sent[0] == 0x88
    assert int.from_bytes(wire.sent[2:4], "big") == code


async def test_a_listener_that_masks_is_refused() -> None:
    socket, _ = opened(is_client=True)
    socket.feed_data(framed(b"x"))
    assert await taken(socket) == End(1002, "masked as only the other side may")


async def test_a_goodbye_is_answered_after_what_came_before_was_given() -> None:
    socket, wire = opened()
    socket.feed_data(framed(b"last") + framed((4003).to_bytes(2, "big") + "adieu é".encode(), 0x88))
    assert await taken(socket) == b"last"
    assert await taken(socket) == End(4003, "adieu é", by_other=True)
    assert wire.sent == b"\x88\x02" + (4003).to_bytes(2, "big")
    with pytest.raises(ConnectionResetError):
        await socket.send([b"too late"])


async def test_who_says_goodbye_waits_for_the_answer_not_long_and_drops_what_crosses_it() -> None:
    socket, wire = opened()
    began = asyncio.get_running_loop().time()
    closing = asyncio.create_task(socket.close(1000, b"bye"))
    await asyncio.sleep(0)
    socket.feed_data(framed(b"crosses it"))
    await closing
    assert asyncio.get_running_loop().time() - began >= 0.1
    assert wire.closed
    socket.connection_lost(None)
    assert isinstance(await taken(socket), End)


async def test_nobody_is_read_whose_messages_nobody_takes() -> None:
    socket, wire = opened()
    large = framed(bytes(FRAME_BYTES_MAX), mask=bytes(4))
    socket.feed_data(large)
    socket.feed_data(large)
    assert not wire.reads
    assert await taken(socket) == await taken(socket) == bytes(FRAME_BYTES_MAX)
    assert wire.reads


async def test_of_many_pings_only_the_last_is_answered_where_there_is_no_room() -> None:
    socket, wire = opened()
    socket.pause_writing()
    for number in range(1_000):
        socket.feed_data(framed(number.to_bytes(2, "big"), 0x89))
    assert wire.sent == b""
    socket.resume_writing()
    assert wire.sent == b"\x8a\x02" + (999).to_bytes(2, "big")


async def test_text_is_no_message() -> None:
    socket, _ = opened()
    socket.feed_data(framed(b"hello", 0x81))
    end = await taken(socket)
    assert isinstance(end, End)
    assert end.code == 1003


def test_the_answer_to_a_key_is_that_of_the_rfc() -> None:
    assert accepted_key("dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert accepted_key("") is accepted_key("AAAA") is accepted_key("nonsense!") is None


async def test_the_buffer_of_a_link_grows_with_what_comes_and_no_further_than_a_frame() -> None:
    socket, _ = opened()
    assert len(socket.get_buffer(-1)) == websocket.STAGE_BYTES
    for _ in range(3):
        socket.feed_data(framed(bytes(FRAME_BYTES_MAX), mask=bytes(4)))
        await taken(socket)
    assert len(socket.get_buffer(-1)) == websocket.STAGE_BYTES_MAX
