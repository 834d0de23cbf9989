"""The pages' front door: it does not wait for slow callers, and does not let in more than it can serve.

aiohttp has no deadline for the head of a request, but closes a connection that stays idle before its first
whole request; the keep-alive time is therefore that deadline too, and dripping a byte now and then does not
extend it. Bodies have their own deadline where they are read (`forms`).
"""

from __future__ import annotations

import asyncio

from aiohttp import web

HEAD_SECONDS_MAX = 10.0  # to send a whole request head; also how long an idle connection is kept
CONNECTIONS_MAX = 1_000  # a browser opens six; file descriptors are 1,024 on a usual machine
STOP_SECONDS_MAX = 1.0
HEADERS_MAX = 64
HEADER_BYTES_MAX = 8_190


class _Full(asyncio.Protocol):
    """Turns a connection away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


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

        def answer() -> asyncio.Protocol:
            serving = runner.server
            full = serving is None or len(serving.connections) >= CONNECTIONS_MAX
            return _Full() if full or serving is None else serving()

        try:
            server = await asyncio.get_running_loop().create_server(answer, host, port)
        except OSError:
            await runner.cleanup()
            raise
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
