"""A WebSocket after its opening handshake (RFC 6455): whole binary messages, both ways, with few copies.

Nearly all that travels are chunks of files, a quarter of a megabyte each. All that has come is read into one
buffer, out of which a message is copied once, and what is to be sent leaves together. Whatever the RFC
forbids ends the connection with its code, as do text, which no node sends, and a message larger than any.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections import deque
from collections.abc import Iterable
from enum import IntEnum
from hashlib import sha1
from typing import NamedTuple

from aiohttp import WSCloseCode
from aiohttp._websocket.helpers import websocket_mask

from mutunode.protocol.limits import FRAME_BYTES_MAX

KEY_BYTES = 16  # of the request that opens one
STAGE_BYTES = 8 * 1_024  # of the buffer of a link that says little…
STAGE_BYTES_MAX = FRAME_BYTES_MAX + 64 * 1_024  # …and of one that is full of files
CONTROL_BYTES_MAX = 125
QUEUED_BYTES_MAX = FRAME_BYTES_MAX  # beyond it nothing more is read
QUEUED_BYTES_EACH = 512  # what a message costs besides its bytes
JOINED_BYTES_MAX = 4_096  # copied behind their header; more leave by themselves
_CODES = frozenset(range(1_000, 1_004)) | frozenset(range(1_007, 1_015))  # that a frame may carry


VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted_key(key: str) -> bytes | None:
    """What a listener answers to the key of a request; None when it is none."""
    try:
        if len(base64.b64decode(key, validate=True)) != KEY_BYTES:
            return None
    except ValueError:
        return None
    return base64.b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest())


class Opcode(IntEnum):
    """Kinds of frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class End(NamedTuple):
    """Why no message comes any more."""

    code: int  # what the other side closed with, or what it is closed with; 0: neither said anything
    text: str
    by_other: bool = False  # in words


class _Violation(Exception):
    """What the other side may not send."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Header(NamedTuple):
    """Of a frame."""

    is_last: bool
    opcode: Opcode
    mask: bytes
    length: int
    size: int  # of the header itself


class WebSocket(asyncio.BufferedProtocol):
    """Takes a connection over from whoever opened it; ``below`` goes on hearing of its end."""

    def __init__(
        self,
        transport: asyncio.Transport,
        below: asyncio.BaseProtocol,
        *,
        is_client: bool,
        ping_seconds: float,
        close_seconds: float,
    ) -> None:
        self.transport = transport
        self._below = below
        self._is_client = is_client
        self._close_seconds = close_seconds
        self._loop = asyncio.get_running_loop()
        # in
        self._stage = bytearray(STAGE_BYTES)
        self._staged = 0
        self._lacking = 0  # bytes of the frame that is not whole yet, its header included
        self._fragments = bytearray()
        self._kind: Opcode | None = None  # of the message that was begun
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._is_reading = True
        self._is_broken = False  # where the next frame begins is not known any more
        self._end: End | None = None
        self._fresh: asyncio.Future[None] | None = None  # somebody waits for a message
        # out
        self._said_goodbye = False
        self._answers: bytes | None = None  # a ping, once there is room
        self._room = asyncio.Event()
        self._room.set()
        self._over = asyncio.Event()  # the other side said goodbye too, or is gone
        # alive
        self._ping_seconds = ping_seconds
        self._heard_at = self._loop.time()
        self._listening = self._loop.call_later(ping_seconds, self._look_alive)
        transport.set_protocol(self)

    # --- for the link -----------------------------------------------------------------------------
    async def receive(self) -> bytes | End:
        """The next message; once there is none, why."""
        while not self._queue:
            if self._end is not None:
                return self._end
            self._fresh = self._loop.create_future()
            try:
                await self._fresh
            finally:
                self._fresh = None
        message = self._queue.popleft()
        self._queued_bytes -= len(message) + QUEUED_BYTES_EACH
        if not self._is_reading and self._queued_bytes <= QUEUED_BYTES_MAX // 2:
            self._is_reading = True
            self.transport.resume_reading()
        return message

    async def send(self, messages: Iterable[bytes]) -> None:
        """Send messages; returns when there is room for others.

        Raises:
            ConnectionResetError: there is no connection.
        """
        if self._said_goodbye or self._over.is_set() or self.transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._write(Opcode.BINARY, messages)
        if not self._room.is_set():
            await self._room.wait()
            if self._over.is_set():
                raise ConnectionResetError("the connection ended")

    async def close(self, code: int, reason: bytes) -> None:
        """Say goodbye, and wait for the other side to say it, not long; then hang up."""
        self._say_goodbye(code, reason)
        self._queue.clear()
        if not self._is_reading:  # nobody receives any more, and the other side's goodbye is to be seen
            self._is_reading = True
            self.transport.resume_reading()
        try:
            async with asyncio.timeout(self._close_seconds):
                await self._over.wait()
        except TimeoutError:
            pass
        self.transport.close()

    # --- out --------------------------------------------------------------------------------------
    def _write(self, opcode: Opcode, payloads: Iterable[bytes]) -> None:
        parts: list[bytes] = []
        for payload in payloads:
            header = _written_header(opcode, len(payload), 0x80 if self._is_client else 0)
            if self._is_client:
                mask, masked = os.urandom(4), bytearray(payload)
                websocket_mask(mask, masked)
                parts.append(b"".join((header, mask, masked)))
            elif len(payload) <= JOINED_BYTES_MAX:
                parts.append(header + payload)
            else:
                parts += (header, payload)
        self.transport.writelines(parts)

    def _say_goodbye(self, code: int, reason: bytes) -> None:
        if not self._said_goodbye and not self.transport.is_closing():
            self._write(Opcode.CLOSE, [struct.pack(">H", code) + reason if code else b""])
        self._said_goodbye = True

    def _answer(self, ping: bytes) -> None:
        """Of several that wait for room only the last is answered, as the RFC allows."""
        if self._room.is_set():
            if not self._said_goodbye:
                self._write(Opcode.PONG, [ping])
        else:
            self._answers = ping

    def pause_writing(self) -> None:
        """Too much waits in the connection."""
        self._room.clear()

    def resume_writing(self) -> None:
        """There is room again."""
        self._room.set()
        if self._answers is not None:
            ping, self._answers = self._answers, None
            self._answer(ping)

    # --- alive ------------------------------------------------------------------------------------
    def _look_alive(self) -> None:
        """After long silence, ask whether somebody is there; one timer, since most of the time it speaks."""
        silent = self._loop.time() - self._heard_at
        if silent < self._ping_seconds:
            self._listening = self._loop.call_later(self._ping_seconds - silent, self._look_alive)
            return
        if not self._staged:
            self._stage = bytearray(STAGE_BYTES)
        self._listening = self._loop.call_later(self._ping_seconds / 2, self._look_dead, self._heard_at)
        if not self._said_goodbye and not self.transport.is_closing():
            self._write(Opcode.PING, [b""])

    def _look_dead(self, heard_at: float) -> None:
        if self._heard_at == heard_at:
            self._ended(
                End(0, f"nothing came for {self._loop.time() - heard_at:.0f} s, and no answer to a ping")
            )
        else:
            self._look_alive()

    # --- in ---------------------------------------------------------------------------------------
    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: behind those that are no whole frame yet."""
        if self._staged == len(self._stage):
            self._grow()
        return memoryview(self._stage)[self._staged :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many came."""
        self._heard_at = self._loop.time()
        if self._is_broken:
            return
        self._staged += nbytes
        if self._staged < self._lacking:
            return
        try:
            self._read_stage()
        except _Violation as violation:
            self._is_broken, self._staged = True, 0
            self._ended(End(violation.code, str(violation)))
            self._say_goodbye(violation.code, str(violation).encode())

    def _grow(self) -> None:
        """It is full: more than it holds comes at once."""
        larger = bytearray(min(8 * len(self._stage), STAGE_BYTES_MAX))
        larger[: self._staged] = self._stage
        self._stage = larger

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """What came before this took over; the answer is what aiohttp's protocols expect of a parser."""
        rest = memoryview(data)
        while rest:
            room = self.get_buffer(len(rest))
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self.buffer_updated(size)
            rest = rest[size:]
        return False, b""

    def feed_eof(self) -> None:
        """Said by ``below`` at its end, which is ours."""

    def _read_stage(self) -> None:
        at, view = 0, memoryview(self._stage)
        self._lacking = 0
        while (header := self._read_header(at)) is not None:
            start, end = at + header.size, at + header.size + header.length
            if end > self._staged:
                self._lacking = end - at
                break
            at = end
            self._frame(header, bytes(view[start:end]))
        rest = self._staged - at
        if at:
            view[:rest] = view[at : self._staged]
        self._staged = rest

    def _read_header(self, at: int) -> _Header | None:
        """The header at this place of the stage; None when it is not whole yet."""
        stage, left = self._stage, self._staged - at
        if left < 2:
            return None
        first, second = stage[at], stage[at + 1]
        length, size = second & 0x7F, 2
        extra = {126: 2, 127: 8}.get(length, 0)
        masked = bool(second & 0x80)
        if first & 0x70:
            raise _Violation(WSCloseCode.PROTOCOL_ERROR, "a reserved bit is set")
        if masked == self._is_client:
            raise _Violation(WSCloseCode.PROTOCOL_ERROR, "masked as only the other side may")
        opcode = _opcode(first & 0x0F)
        if opcode >= Opcode.CLOSE and (length > CONTROL_BYTES_MAX or not first & 0x80):
            raise _Violation(WSCloseCode.PROTOCOL_ERROR, "a control frame in pieces, or too long")
        if left < 2 + extra + 4 * masked:
            return None
        if extra:
            length, size = int.from_bytes(stage[at + 2 : at + 2 + extra], "big"), 2 + extra
            if length < (126 if extra == 2 else 1 << 16):
                raise _Violation(
                    WSCloseCode.PROTOCOL_ERROR, "a length that is not written in its shortest form"
                )
        if length + len(self._fragments) > FRAME_BYTES_MAX:
            raise _Violation(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"a message of {length + len(self._fragments)} bytes exceeds limit",
            )
        mask = bytes(stage[at + size : at + size + 4]) if masked else b""
        return _Header(bool(first & 0x80), opcode, mask, length, size + len(mask))

    def _frame(self, header: _Header, payload: bytes) -> None:
        if header.mask and payload and header.mask != bytes(4):
            unmasked = bytearray(payload)
            websocket_mask(header.mask, unmasked)
            payload = bytes(unmasked)
        match header.opcode:
            case Opcode.PING:
                self._answer(payload)
            case Opcode.PONG:
                pass  # that it was heard is all it says
            case Opcode.CLOSE:
                self._closed_by_other(payload)
            case _:
                self._data(header, payload)

    def _data(self, header: _Header, payload: bytes) -> None:
        if (header.opcode is Opcode.CONTINUATION) == (self._kind is None):
            raise _Violation(WSCloseCode.PROTOCOL_ERROR, "a piece of a message out of place")
        kind = self._kind or header.opcode
        if not header.is_last:
            self._kind = kind
            self._fragments += payload
            return
        if self._kind is not None:
            payload, self._kind = bytes(self._fragments + payload), None
            self._fragments.clear()
        if kind is Opcode.TEXT:
            self._ended(End(WSCloseCode.UNSUPPORTED_DATA, "a text frame"))
        if self._end is not None or self._said_goodbye:
            return  # it crossed our goodbye
        self._queue.append(payload)
        self._queued_bytes += len(payload) + QUEUED_BYTES_EACH
        if self._is_reading and self._queued_bytes > QUEUED_BYTES_MAX:
            self._is_reading = False
            self.transport.pause_reading()
        self._wake()

    def _closed_by_other(self, payload: bytes) -> None:
        code, reason = int.from_bytes(payload[:2], "big"), ""
        if len(payload) == 1 or (code and code < 3_000 and code not in _CODES):
            raise _Violation(WSCloseCode.PROTOCOL_ERROR, "a close frame without a code that may be sent")
        try:
            reason = payload[2:].decode()
        except UnicodeDecodeError:
            raise _Violation(WSCloseCode.INVALID_TEXT, "a reason that is not UTF-8") from None
        self._ended(End(code, reason, by_other=True))
        self._say_goodbye(code, b"")
        self._over.set()

    # --- the end ----------------------------------------------------------------------------------
    def _ended(self, end: End) -> None:
        if self._end is None:
            self._end = end
            self._wake()

    def _wake(self) -> None:
        if self._fresh is not None and not self._fresh.done():
            self._fresh.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was made before."""

    def eof_received(self) -> None:
        """They hung up; the connection is closed on our side too."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._listening.cancel()
        self._ended(End(0, str(exc) if exc else "the connection ended"))
        self._over.set()
        self._room.set()
        self._below.connection_lost(exc)


def _opcode(number: int) -> Opcode:
    try:
        return Opcode(number)
    except ValueError:
        raise _Violation(WSCloseCode.PROTOCOL_ERROR, f"a frame of the unknown kind {number}") from None


def _written_header(opcode: Opcode, length: int, mask_bit: int) -> bytes:
    if length < 126:
        return bytes((0x80 | opcode, mask_bit | length))
    if length < 1 << 16:
        return struct.pack(">BBH", 0x80 | opcode, mask_bit | 126, length)
    return struct.pack(">BBQ", 0x80 | opcode, mask_bit | 127, length)
