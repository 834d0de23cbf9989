"""The pages' front door: it does not wait for slow callers, and does not let in more than it can serve.

aiohttp has no deadline for the head of a request, but closes a connection that stays idle before its first
whole request; the keep-alive time is therefore that deadline too, and dripping a byte now and then does not
extend it. Bodies have their own deadline where they are read (`forms`).

When every place is taken, it is not the newcomer who is turned away: those who stood there longest leave,
at once if they asked for nothing yet, else after their answer. A crowd that only holds places therefore
holds none against somebody who wants a page.
"""

from __future__ import annotations

import asyncio
import os
import socket

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

HEAD_SECONDS_MAX = 10.0  # to send a whole request head; also how long an idle connection is kept
CONNECTIONS_MAX = 256  # a browser opens six; with links and files, less than the usual 1,024 descriptors
LEAVING_MAX = 256  # beside them: whoever is still being answered, and what two turns of the loop accept
STOP_SECONDS_MAX = 1.0
# Calls that wait to be accepted. One more is dropped without a word, and made again only a second later.
# What asyncio accepts in one turn of the loop is bounded by its own, smaller backlog.
WAITING_MAX = 1_024
HEADERS_MAX = 64
HEADER_BYTES_MAX = 8_190


class _Full(asyncio.Protocol):
    """Turns a connection away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Places:
    """Who stands in the door."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner
        self._leaving: dict[RequestHandler, asyncio.Task[None]] = {}

    def take(self) -> asyncio.Protocol:
        """Somebody comes: who serves them."""
        serving = self._runner.server
        if serving is None:
            return _Full()
        standing = serving.connections  # the oldest first
        if len(standing) >= CONNECTIONS_MAX + LEAVING_MAX:
            return _Full()
        for each in standing[: max(0, len(standing) + 1 - CONNECTIONS_MAX)]:
            self._ask_to_leave(each)
        return serving()

    def _ask_to_leave(self, connection: RequestHandler) -> None:
        if connection not in self._leaving:
            connection.close()  # nothing more is waited for…
            task = asyncio.create_task(connection.shutdown(None))  # …what is being answered is finished
            self._leaving[connection] = task
            task.add_done_callback(lambda _: self._leaving.pop(connection))


class Door:
    """An application on one address."""

    def __init__(self, runner: web.AppRunner, server: asyncio.Server) -> None:
        self._runner = runner
        self._server = server

    @classmethod
    async def open(cls, app: web.Application, host: str, port: int) -> Door:
        """Listen; port 0 picks a free one."""
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=HEAD_SECONDS_MAX,
            shutdown_timeout=STOP_SECONDS_MAX,
            max_headers=HEADERS_MAX,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
        )
        await runner.setup()

        places = _Places(runner)
        try:
            server = await asyncio.get_running_loop().create_server(places.take, host, port)
        except OSError:
            await runner.cleanup()
            raise
        for listening in server.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                same.listen(WAITING_MAX)
        return cls(runner, server)

    @property
    def port(self) -> int:
        """The port that was picked."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, finish what is being answered, let go."""
        self._server.close()
        await self._runner.cleanup()
