"""The CLI's socket: verbs by name, as HTTP on a Unix socket in the node's folder.

Who may open the socket may act for the organisation: it is mode 0600 in a 0700 folder, and that is its whole
access rule. ``POST /v1/<verb>`` takes JSON parameters. Short verbs answer ``{"ok": …}`` or ``{"error": …}``;
verbs that take long answer in lines of JSON: events such as ``{"progress": {"done": 3, "total": 9}}``, and
the same object as the last line.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web

from mutunode.service.errors import Exit, Refusal

Emit = Callable[[dict[str, Any]], None]
Call = Callable[[str, dict[str, Any], Emit], Any]

REQUEST_BYTES_MAX = 64 * 1024 * 1024  # an import through a pipe; files are passed by their path
SOCKET_NAME = "control.sock"

log = structlog.get_logger("control")


class ControlSocket:
    """Serves verbs on ``HOME/control.sock``."""

    def __init__(self, home: Path, call: Call, streaming: frozenset[str]) -> None:
        self._path = home / SOCKET_NAME
        self._call = call
        self._streaming = streaming
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. The home is locked by us, so that a socket found there is a leftover."""
        self._path.unlink(missing_ok=True)
        app = web.Application(client_max_size=REQUEST_BYTES_MAX)
        app.router.add_post("/v1/{verb}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        before = os.umask(0o177)
        try:
            await web.UnixSite(self._runner, str(self._path)).start()
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._path.unlink(missing_ok=True)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        verb = request.match_info["verb"]
        try:
            params = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            return _json(400, _usage(f"the parameters are not a JSON object: {error}"))
        if verb in self._streaming:
            return await self._stream(request, verb, params)
        answer = await asyncio.to_thread(self._outcome, verb, params, _silent)
        return _json(200, answer)

    async def _stream(self, request: web.Request, verb: str, params: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[bytes | None] = asyncio.Queue()

        def emit(event: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(events.put_nowait, msgspec.json.encode(event) + b"\n")

        def work() -> None:
            outcome = self._outcome(verb, params, emit)
            loop.call_soon_threadsafe(events.put_nowait, msgspec.json.encode(outcome) + b"\n")
            loop.call_soon_threadsafe(events.put_nowait, None)

        working = asyncio.create_task(asyncio.to_thread(work))
        try:
            while (line := await events.get()) is not None:
                await response.write(line)
        finally:
            # A reader that leaves does not undo the work: what was taken is durable and stays.
            await working
        return response

    def _outcome(self, verb: str, params: dict[str, Any], emit: Emit) -> dict[str, Any]:
        try:
            return {"ok": msgspec.to_builtins(self._call(verb, params, emit))}
        except Refusal as refusal:
            return {"error": refusal.to_json()}
        except Exception as error:
            log.exception("verb failed", verb=verb)
            return {"error": _unexpected(error).to_json()}


def _silent(event: dict[str, Any]) -> None:
    """Progress of a short verb interests nobody."""


def _json(status: int, value: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


def _usage(text: str) -> dict[str, Any]:
    return {"error": Refusal("usage", Exit.USAGE, text, text).to_json()}


def _unexpected(error: Exception) -> Refusal:
    kind = type(error).__name__
    return Refusal(
        "unexpected",
        Exit.CONFLICT,
        f"Erreur inattendue ({kind}). Le détail est dans le journal du nœud ; rien n’a été signé à moitié.",
        f"Unexpected error ({kind}). The node's own messages say more; nothing was signed by half.",
    )
