"""Files of a record: taken as a download, played, or seen small; never opened in a page of ours.

What others wrote comes as an attachment, or to a player, each time under a policy of its own that lets it
load and run nothing; pictures are made anew by this node.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
from aiohttp import web

from mutunode.service.errors import Refusal
from mutunode.service.files.showing import Beginning, Opened
from mutunode.service.shapes import FileLine, Record
from mutunode.web import forms, guard, text
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read
from mutunode.web.visit import Visit

PREVIEWS_MAX = 6  # texts shown and pictures offered on one page
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_END: bytes = b""


class Shown(msgspec.Struct, frozen=True):
    """One file on a record's page."""

    file: FileLine
    name: str
    pictured: bool = False
    player: str = ""  # "audio" | "video"
    beginning: Beginning | None = None
    markdown: str = ""
    done: int = 0  # chunks here of one that is on its way
    count: int = 0

    @property
    def here(self) -> int:
        """Bytes here of one that is on its way."""
        return self.file.size * self.done // max(1, self.count)


async def shown(visit: Visit, record: Record) -> tuple[Shown, ...]:
    """The files of a record, with what a reader sees of them."""
    return tuple([await _shown(visit, record, line) for line in record.files])


async def _shown(visit: Visit, record: Record, line: FileLine) -> Shown:
    file = await ask(visit.clerk.archive.opened, record.id, line.index)
    made = Shown(line, file.name)
    if line.wanted:
        done, count = await ask(visit.clerk.archive.progress, line.blob)
        return msgspec.structs.replace(made, done=done, count=count)
    if not line.held or line.index >= PREVIEWS_MAX:
        return made
    if file.is_played:
        return msgspec.structs.replace(made, player=file.media_type.partition("/")[0])
    begins = await ask(visit.clerk.archive.beginning_of, file)
    if begins is not None:
        html = await read(text.markdown, begins.text) if begins.markdown else ""
        return msgspec.structs.replace(made, beginning=begins, markdown=html)
    return msgspec.structs.replace(made, pictured=await ask(visit.clerk.archive.picture_of, file) is not None)


# --- giving ---------------------------------------------------------------------------------------
async def download(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…/fichier/0``: the file itself, to be kept."""
    file = await _opened(request)
    return await _give(request, file, "application/octet-stream", _attachment(file.name))


async def play(request: web.Request) -> web.StreamResponse:
    """For the browser's own player: sound and film, nothing else."""
    file = await _opened(request)
    if not file.is_played:
        raise web.HTTPNotFound
    return await _give(request, file, file.media_type, "inline")


async def picture(request: web.Request) -> web.StreamResponse:
    """A small picture, made anew."""
    visit, file = visits.of(request), await _opened(request)
    drawn = await ask(visit.clerk.archive.picture_of, file)
    if drawn is None:
        raise web.HTTPNotFound
    return web.Response(
        body=drawn,
        content_type="image/png",
        headers={guard.POLICY_NAME: guard.SANDBOX, "Cache-Control": "private, max-age=3600"},
    )


async def _opened(request: web.Request) -> Opened:
    visit = visits.of(request)
    rec, index = request.match_info["rec"], int(request.match_info["index"])
    file = await ask(visit.clerk.archive.opened, rec, index)
    if not file.held:
        raise web.HTTPNotFound
    return file


def _attachment(name: str) -> str:
    plain = "".join(letter if letter.isascii() and letter not in '"\\%;' else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _give(request: web.Request, file: Opened, media_type: str, disposition: str) -> web.StreamResponse:
    tag = f'"{file.blob}"'  # the content is the address: it never changes
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition,
        "Cache-Control": "private, no-cache",
        guard.POLICY_NAME: guard.SANDBOX,
    }
    if _matches(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=headers)
    start, end, partial = 0, file.size, False
    if "Range" in request.headers and request.headers.get("If-Range", tag) == tag:
        wanted = _range(request.headers["Range"], file.size)
        if wanted is None:
            return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{file.size}"})
        start, end, partial = wanted
    response = web.StreamResponse(status=206 if partial else 200, headers=headers)
    if partial:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    response.content_type = media_type
    response.content_length = end - start
    await response.prepare(request)
    if request.method != "HEAD":
        await _pour(request, response, visits.of(request).clerk.archive.read(file.blob, start, end))
    await response.write_eof()
    return response


async def _pour(request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]) -> None:
    """Piece by piece, at the reader's pace. What turns out to be damaged breaks off: never a wrong byte."""
    try:
        while piece := await asyncio.to_thread(next, pieces, _END):
            await response.write(piece)
    except Refusal:
        if request.transport is not None:
            request.transport.abort()
        raise


def _matches(given: str, tag: str) -> bool:
    return given.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in given.split(","))


def _range(given: str, size: int) -> tuple[int, int, bool] | None:
    """(start, end, whether it is a part); None when nothing of it is there. Several ranges: the whole."""
    found = _RANGE.fullmatch(given.strip())
    if found is None or found[1] == found[2] == "":
        return 0, size, False
    first, last = found[1], found[2]
    if not first:
        start, end = max(0, size - int(last[:18])), size
    else:
        start = int(first[:18])
        end = min(size, int(last[:18]) + 1) if last else size
    if last and first and int(last[:18]) < start:
        return 0, size, False  # a range that runs backwards is none (RFC 9110)
    return (start, end, True) if start < end else None


# --- fetching -------------------------------------------------------------------------------------
async def fetch(request: web.Request) -> web.StreamResponse:
    """The form « Aller les chercher » was sent."""
    visit = visits.of(request)
    form = await forms.read(request)
    rec = request.match_info["rec"]
    await ask(visit.clerk.archive.fetch, rec, form.get("blob"))
    visit.writer().notices.append(
        visit.speech.gettext("Asked for: the files come from whoever has them, and stay on this computer.")
    )
    raise web.HTTPSeeOther(visit.to("record", rec=rec) + "#files")


async def release(request: web.Request) -> web.StreamResponse:
    """The form « Ne plus les garder » was sent."""
    visit = visits.of(request)
    await forms.read(request)
    rec = request.match_info["rec"]
    released = await ask(visit.clerk.archive.release, rec)
    gettext, said = visit.speech.gettext, []
    if released.withdrawn:
        said.append(gettext("Signed: your promise is taken back."))
    if released.dropped or not released.kept:
        said.append(gettext("What nothing else needs has left this computer."))
    if released.kept:
        said.append(
            gettext(
                "What stays is kept by a promise for the whole organisation, a setting or another record."
            )
        )
    visit.writer().notices.append(" ".join(said))
    raise web.HTTPSeeOther(visit.to("record", rec=rec) + "#files")
