"""The stylesheet and the mark: read once, served from memory, cached until they change."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import msgspec
from aiohttp import web

_TYPES = {"mutunode.css": "text/css", "mark.svg": "image/svg+xml", "files.js": "text/javascript"}


class StaticFile(msgspec.Struct, frozen=True):
    """One file, and the address under which it never changes."""

    content: bytes
    media_type: str
    address: str


@cache
def files() -> dict[str, StaticFile]:
    """Every file a page may ask for, by name."""
    folder = resources.files("mutunode.web").joinpath("static")
    found = {}
    for name, media_type in _TYPES.items():
        content = folder.joinpath(name).read_bytes()
        mark = hashlib.sha256(content).hexdigest()[:16]
        found[name] = StaticFile(content, media_type, f"/static/{mark}/{name}")
    return found


async def serve(request: web.Request) -> web.Response:
    """``/static/<mark>/<name>``; an old mark gets the new content, uncached."""
    file = files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    fresh = request.path == file.address
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if fresh else "no-cache"}
    return web.Response(body=file.content, content_type=file.media_type, charset="utf-8", headers=headers)
