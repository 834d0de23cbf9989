"""Sending files in, for scripts of our pages: in parts, each where the last ended, also after a break.

    POST  …/envoi            X-CSRF, X-File-Name       → {"upload": id}
    PATCH …/envoi/<id>       X-CSRF, X-Offset, a part  → {"offset": n}, or {"file": {…}} with X-Last
    GET   …/envoi/<id>                                 → {"offset": n}
    DELETE …/envoi/<id>      X-CSRF                    → 204, nothing of it is left

Without scripts, files come with the form itself (`forms.read_with_files`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web

from mutunode.service.errors import Refusal
from mutunode.web import visit as visits
from mutunode.web.clerk import Upload, ask
from mutunode.web.forms import Forged
from mutunode.web.sessions import Session

OPEN_MAX = 16  # uploads begun and not ended, of all sessions
IDLE_SECONDS_MAX = 3_600.0
PART_SECONDS_MAX = 60.0  # without a byte
NAME_LENGTH_MAX = 1_000


class Sending:
    """Uploads that are under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, Upload, float]] = {}  # id → session, upload, last heard of
        self.busy: set[str] = set()

    def begin(self, session: str, upload: Upload) -> tuple[str, list[Upload]]:
        """(id, those that nobody goes on with and that made room: to be abandoned)."""
        idle = [number for number in self._open if number not in self.busy]
        idle.sort(key=lambda number: self._open[number][2])
        too_many = max(0, len(self._open) - OPEN_MAX + 1)
        old = self._clock() - IDLE_SECONDS_MAX
        gone = [
            number for place, number in enumerate(idle) if place < too_many or self._open[number][2] < old
        ]
        made = secrets.token_urlsafe(24)
        left = [self._open.pop(number)[1] for number in gone]
        self._open[made] = (session, upload, self._clock())
        return made, left

    def find(self, session: str, id: str) -> Upload | None:
        """One of this session."""
        of, upload, _ = self._open.get(id, ("", None, 0.0))
        if upload is None or of != session:
            return None
        self._open[id] = (of, upload, self._clock())
        return upload

    def end(self, id: str) -> None:
        """It was kept or thrown away."""
        self._open.pop(id, None)

    def close(self) -> None:
        """The node stops."""
        for _, upload, _ in self._open.values():
            upload.abandon()
        self._open.clear()


SENDING = web.AppKey("sending", Sending)


def _session(request: web.Request) -> Session:
    session = visits.of(request).writer()
    if not request.app[visits.SESSIONS].may_write_with(session, request.headers.get("X-CSRF", "")):
        raise Forged
    return session


async def begin(request: web.Request) -> web.StreamResponse:
    """A file is to come."""
    session = _session(request)
    name = unquote(request.headers.get("X-File-Name", ""))[:NAME_LENGTH_MAX]
    try:
        upload = await ask(visits.of(request).clerk.archive.upload, name)
    except Refusal as refusal:
        return _refused(request, refusal)
    number, left = request.app[SENDING].begin(session.key, upload)
    for each in left:
        await ask(each.abandon)
    return web.json_response({"upload": number}, status=201)


async def where(request: web.Request) -> web.StreamResponse:
    """How much is here?"""
    session = visits.of(request).writer()
    upload = request.app[SENDING].find(session.key, request.match_info["upload"])
    if upload is None:
        raise web.HTTPNotFound
    return web.json_response({"offset": upload.size})


async def go_on(request: web.Request) -> web.StreamResponse:
    """A part of it comes."""
    session, sending, number = _session(request), request.app[SENDING], request.match_info["upload"]
    upload = sending.find(session.key, number)
    if upload is None:
        raise web.HTTPNotFound
    if number in sending.busy or request.headers.get("X-Offset", "") != str(upload.size):
        return web.json_response({"offset": upload.size}, status=409)
    sending.busy.add(number)
    described = None
    try:
        await _take(request, upload)
        if "X-Last" not in request.headers:
            return web.json_response({"offset": upload.size})
        described = await ask(upload.keep)
        sending.end(number)
        return web.json_response({"file": described})
    except Refusal as refusal:
        sending.end(number)
        return _refused(request, refusal)
    finally:
        sending.busy.discard(number)
        if described is None and sending.find(session.key, number) is None:  # refused, or taken out meanwhile
            await ask(upload.abandon)


async def give_up(request: web.Request) -> web.StreamResponse:
    """It is taken out of the form before it was all here."""
    session, sending, number = _session(request), request.app[SENDING], request.match_info["upload"]
    upload = sending.find(session.key, number)
    if upload is None:
        raise web.HTTPNotFound
    sending.end(number)
    if number not in sending.busy:  # else whoever writes to it throws it away
        await ask(upload.abandon)
    return web.Response(status=204)


async def _take(request: web.Request, upload: Upload) -> None:
    while True:
        async with asyncio.timeout(PART_SECONDS_MAX):
            piece = await request.content.readany()
        if not piece:
            return
        await ask(upload.write, piece)


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    text = refusal.fr if visits.of(request).language == "fr" else refusal.en
    return web.json_response({"error": text}, status=507 if refusal.code == "full" else 400)
