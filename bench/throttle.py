"""A line with a limited upload: a TCP proxy before a node, which passes on so many bytes a second of its own.

What it is asked passes at once: asking costs next to nothing. Bytes are held back, never dropped, as a line
at home does with its full buffer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

PIECE = 16_384  # passed on at once: so short a burst is lost in the sum


class Throttle:
    """Before one node, for as long as it is entered; ``address`` is where others reach the node by it."""

    def __init__(self, target: str, bytes_a_second: float) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._pace = bytes_a_second
        self._free_at = 0.0  # when all that was taken so far has passed: one line, however many links
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="throttle", daemon=True)
        self.address = ""

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._carry, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for link in asyncio.all_tasks() - {asyncio.current_task()}:
            link.cancel()
        await asyncio.sleep(0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):  # it ends: so does the link
            to, back = await asyncio.open_connection(self._host, self._port)
            given = self._pass(to, writer, limited=True)
            await asyncio.gather(self._pass(reader, back, limited=False), given)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limited: bool
    ) -> None:
        try:
            while piece := await reader.read(PIECE):
                if limited:
                    now = self._loop.time()
                    self._free_at = max(self._free_at, now) + len(piece) / self._pace
                    await asyncio.sleep(self._free_at - now)
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()
