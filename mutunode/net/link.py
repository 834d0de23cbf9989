"""One link: frames in, frames out, in order, each way with a limit on what may stand waiting.

Reading stops while the node still works on what this link sent before (``READ_AHEAD_BYTES_MAX``); writing
stops while the other side does not read, and ends when too much waits for it. The core is told how much is
still on its way, so that it can wait instead of being cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol

from aiohttp import WSCloseCode

from mutunode.net.websocket import End, WebSocket
from mutunode.protocol import messages
from mutunode.protocol.errors import Code
from mutunode.protocol.limits import (
    FRAME_BYTES_MAX,
    REQUEST_SECONDS_MAX,
    SEND_BUFFER_BYTES_MAX,
    STRANGER_SEND_BUFFER_BYTES_MAX,
)

PING_SECONDS = 40.0  # of silence; without a sign in half of it again the link is dead: a minute in all
READ_AHEAD_BYTES_MAX = 2 * FRAME_BYTES_MAX  # one frame in the node's hands, the next one ready
SEND_SECONDS_MAX = 2.0 * REQUEST_SECONDS_MAX  # the slowest link worth keeping needs half of it for a frame
CLOSE_SECONDS_MAX = 3.0
TOLD_SECONDS = 0.05  # the core need not hear of every small frame…
TOLD_BYTES = 1_024 * 1_024  # …but of every third of what it lets stand in the buffer
TOGETHER_BYTES = 512 * 1_024  # of frames that wait, so many leave in one piece
REASON_BYTES_MAX = 123  # a control frame of 125 bytes, less the code

CLOSE_QUOTA = 4029
# The core introduces itself with these to anybody; any other type is for those it has authenticated.
_INTRODUCTIONS = frozenset({0, 1, 7, 8, 18})


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Cut a connection so that the other side hears of it now, also where our bytes are not acknowledged.

    One that is only closed says so behind what still waits; where one direction is dead that is never.
    """
    if not isinstance(transport, asyncio.WriteTransport):
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class LinkInputs(Protocol):
    """What a link tells."""

    def received(self, link: int, frame: bytes) -> asyncio.Future[None]:
        """A frame; the future is done when the node has taken it."""

    def drained(self, link: int, buffered: int) -> None:
        """This much of what was sent still waits here."""


class Link:
    """A WebSocket that is open, from its first frame to its last."""

    def __init__(
        self,
        number: int,
        socket: WebSocket,
        abort: Callable[[], None],
        inputs: LinkInputs,
        reset: Callable[[], None] | None = None,
    ) -> None:
        """``abort`` cuts the connection, whatever still waits on it; ``reset`` says so at once."""
        self.number = number
        self.is_authenticated = False  # as far as what the core sends tells
        self._socket = socket
        self._abort = abort
        self._reset = reset or abort
        self._inputs = inputs
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._writing_bytes = 0
        self._untold_bytes = 0
        self._telling: asyncio.TimerHandle | None = None
        self._more = asyncio.Event()
        self._was_closed = False  # by the other side, in words
        self._ending: tuple[int, str] | None = None
        self._cutting: asyncio.TimerHandle | None = None
        self._write_began = 0.0
        self._patience: asyncio.TimerHandle | None = None  # with the frame being sent
        self.ended = asyncio.Event()

    async def run(self) -> str:
        """Carry frames until the end; why it ended."""
        writer = asyncio.create_task(self._write())
        try:
            why = await self._read()
            if self._ending is not None:  # our own end: let it be said before the connection is cut
                await writer
                return self._ending[1]
            if not self._was_closed:  # nothing came any more: what waits here cannot leave either
                self._reset()
            return why
        finally:
            writer.cancel()
            for timer in (self._telling, self._cutting, self._patience):
                if timer is not None:
                    timer.cancel()
            self._abort()
            await asyncio.gather(writer, return_exceptions=True)
            self.ended.set()

    # --- out ------------------------------------------------------------------------------------
    def send(self, frame: bytes) -> None:
        """Put a frame behind those that wait; too many of them end the link."""
        if self._ending is not None:
            return
        if len(frame) > 1 and frame[1] not in _INTRODUCTIONS:
            self.is_authenticated = True
        limit = SEND_BUFFER_BYTES_MAX if self.is_authenticated else STRANGER_SEND_BUFFER_BYTES_MAX
        # The first frame may have any size: the limit is on what stands behind the one being sent.
        if self._writing_bytes and self._waiting_bytes + len(frame) > limit + FRAME_BYTES_MAX:
            self._waiting.clear()
            self._waiting_bytes = 0
            self.close(CLOSE_QUOTA, "it does not read what it is sent")
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)
        self._more.set()

    def close(self, code: int, reason: str) -> None:
        """End the link after what already waits, if that goes out soon; nothing more is taken."""
        if self._ending is None:
            self._ending = (code, reason)
            self._more.set()
            self._cutting = asyncio.get_running_loop().call_later(CLOSE_SECONDS_MAX, self._abort)

    async def _write(self) -> None:
        try:
            while True:
                while self._waiting:
                    await self._write_some()
                if self._ending is not None:
                    break
                self._more.clear()
                await self._more.wait()
            await self._say_goodbye(*self._ending)
        except (OSError, RuntimeError, TimeoutError):
            pass  # the other side is gone or too slow; the reader, cut off below, says so
        finally:
            self._abort()

    async def _write_some(self) -> None:
        frames, size = [self._waiting.popleft()], 0
        while self._waiting and (size := size + len(frames[-1])) < TOGETHER_BYTES:
            frames.append(self._waiting.popleft())
        size = sum(map(len, frames))
        self._waiting_bytes -= size
        self._writing_bytes = size
        self._write_began = asyncio.get_running_loop().time()
        if self._patience is None:
            self._patience = self._watch_writing(SEND_SECONDS_MAX)
        await self._socket.send(frames)
        self._writing_bytes = 0
        self._untold_bytes += size
        if self._untold_bytes >= TOLD_BYTES:
            self._tell()
        elif self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOLD_SECONDS, self._tell)

    def _watch_writing(self, seconds: float) -> asyncio.TimerHandle:
        """One timer for all frames, set anew when it fires: one for each would cost more than sending it."""
        return asyncio.get_running_loop().call_later(seconds, self._look_at_writing)

    def _look_at_writing(self) -> None:
        self._patience = None
        if self._writing_bytes:
            late = self._write_began + SEND_SECONDS_MAX - asyncio.get_running_loop().time()
            if late <= 0:
                self._abort()
            else:
                self._patience = self._watch_writing(late)

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        self._telling = None
        self._untold_bytes = 0
        self._inputs.drained(self.number, self._waiting_bytes + self._writing_bytes)

    async def _say_goodbye(self, code: int, reason: str) -> None:
        message = reason.encode("utf-8")[:REASON_BYTES_MAX].decode("utf-8", "ignore").encode("utf-8")
        await self._socket.close(code, message)

    # --- in -------------------------------------------------------------------------------------
    async def _read(self) -> str:
        taken: deque[tuple[asyncio.Future[None], int]] = deque()
        ahead = 0
        while self._ending is None:
            frame = await self._socket.receive()
            if isinstance(frame, End):
                return await self._last_words(frame)
            taken.append((self._inputs.received(self.number, frame), len(frame)))
            ahead += len(frame)
            while taken and (ahead > READ_AHEAD_BYTES_MAX or taken[0][0].done()):
                future, size = taken.popleft()
                await future
                ahead -= size
        return self._ending[1]

    async def _last_words(self, end: End) -> str:
        """What came instead of a frame: the end of the link in any case."""
        if end.by_other:
            self._was_closed = True
            return f"the other side closed it with {end.code}"
        if end.code == WSCloseCode.UNSUPPORTED_DATA:
            error = messages.Err(messages.PUSH, Code.MALFORMED, 0, "a text frame; all frames are binary")
            self.send(messages.encode(error))
            self.close(WSCloseCode.PROTOCOL_ERROR, "a text frame")
        elif end.code:
            await self._socket.close(end.code, b"")  # it was told why, and has a moment to read it
        return end.text
