"""What a form sent: bounded, in time, and made by a page of the same session.

Limits are far above what a person types; who meets one is told which, and by how much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from aiohttp import BodyPartReader, MultipartReader, web

from mutunode.service.errors import Exit, Refusal
from mutunode.web import clerk
from mutunode.web import visit as visits

FORM_BYTES_MAX = 512 * 1024  # eight records of 64 KiB, as a form sends them
UPLOAD_BYTES_MAX = 8_000_000  # a catalogue of 10,000 records of 800 bytes: read in a few seconds
FIELDS_MAX = 500
NAME_LENGTH_MAX = 200
PIECE_BYTES = 256 * 1024
READ_SECONDS_MAX = 20.0  # for a form; an upload gets as much for every 4 MiB


@dataclass(frozen=True)
class Upload:
    """A file that came with a form."""

    name: str
    size: int
    file: BinaryIO


@dataclass(frozen=True)
class Form:
    """The fields of a form, in the order of the page."""

    pairs: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, Upload] = field(default_factory=dict)
    refusal: Refusal | None = None  # a file that came with it could not be kept; what was typed is all here

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def get(self, name: str, otherwise: str = "") -> str:
        """The first value of a field."""
        return next((value for key, value in self.pairs if key == name), otherwise)

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for key, value in self.pairs if key == name]

    def has(self, name: str) -> bool:
        """Whether the field was sent at all (a ticked box, the button that was pressed)."""
        return any(key == name for key, _ in self.pairs)


class Forged(Exception):
    """The form was not made by a page of this session."""


async def read(request: web.Request, *, bytes_max: int = FORM_BYTES_MAX) -> Form:
    """The form of a session's page.

    How long a text may be is for the service to say, so that it comes back in its form with what was typed.

    Raises:
        NeedsSession: nobody is logged in.
        Forged: the token is missing or another session's.
        Refusal: the form is too large, or cannot be read.
    """
    session = visits.of(request).writer()
    form = await read_unchecked(request, bytes_max=bytes_max)
    if not request.app[visits.SESSIONS].may_write_with(session, form.get("csrf")):
        raise Forged
    return form


async def read_with_files(
    request: web.Request, begin: Callable[[str], clerk.Upload]
) -> tuple[Form, list[Any]]:
    """The form of a session's page, and the files that came with it, each taken in as it comes.

    The token stands first in every form of ours: nothing is taken from a page that did not know it. ``begin``
    is called in a thread with each file's name.

    A file that is refused (the disk is full, it is too large) is the form's ``refusal``; those after it are
    read to their end and not kept, since a browser shows no answer before, nor gives back what was typed.

    Raises:
        As ``read``.
    """
    if not request.content_type.startswith("multipart/"):
        return await read(request), []
    session = visits.of(request).writer()
    pairs: list[tuple[str, str]] = []
    files: list[Any] = []
    refusal: Refusal | None = None
    room = FORM_BYTES_MAX
    reader = await request.multipart()
    while (part := await _next_part(reader)) is not None:
        if len(pairs) + len(files) >= FIELDS_MAX:
            raise _refused("form_too_many_fields", *_TOO_MANY)
        if part.filename is None:
            text = await _text(part, room)
            room -= len(text.encode())
            pairs.append((part.name or "", text.replace("\r\n", "\n").replace("\r", "\n")))
            continue
        if not request.app[visits.SESSIONS].may_write_with(session, dict(pairs).get("csrf", "")):
            raise Forged
        if not part.filename:
            continue
        try:
            if refusal is None:
                files.append(await _take(part, begin))
        except Refusal as refused:
            refusal = refused
        while await _piece(part):
            pass
    if not request.app[visits.SESSIONS].may_write_with(session, dict(pairs).get("csrf", "")):
        raise Forged
    return Form(tuple(pairs), refusal=refusal), files


async def _next_part(reader: MultipartReader) -> BodyPartReader | None:
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            part = await reader.next()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ValueError, UnicodeError) as error:
        raise _refused("form_unreadable", *_UNREADABLE) from error
    if isinstance(part, MultipartReader):
        raise _refused("form_unreadable", *_UNREADABLE)
    return part


async def _text(part: BodyPartReader, room: int) -> str:
    raw = b""
    while chunk := await _piece(part):
        raw += chunk
        if len(raw) > room:
            raise too_large(len(raw), FORM_BYTES_MAX)
    return raw.decode("utf-8", "replace")


async def _take(part: BodyPartReader, begin: Callable[[str], clerk.Upload]) -> Any:
    taking = await asyncio.to_thread(begin, part.filename or "")
    try:
        while chunk := await _piece(part):
            await asyncio.to_thread(taking.write, chunk)
    except BaseException:
        await asyncio.to_thread(taking.abandon)
        raise
    return await asyncio.to_thread(taking.keep)


async def _piece(part: BodyPartReader) -> bytes:
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):  # without a byte; a large file may take hours
            return bytes(await part.read_chunk(PIECE_BYTES))
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error


async def read_unchecked(request: web.Request, *, bytes_max: int) -> Form:
    """Any form, within the limits; who it is from is for the caller to check."""
    if request.content_length is None:
        raise web.HTTPLengthRequired
    if request.content_length > bytes_max:
        raise too_large(request.content_length, bytes_max)
    try:
        async with asyncio.timeout(READ_SECONDS_MAX * max(1, bytes_max // (4 * 1024 * 1024))):
            posted = await request.post()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ValueError, UnicodeError) as error:
        raise _refused("form_unreadable", *_UNREADABLE) from error
    if len(posted) > FIELDS_MAX:
        raise _refused("form_too_many_fields", *_TOO_MANY)
    return _sorted_out(list(posted.items()))


def _sorted_out(items: list[tuple[str, str | bytes | bytearray | web.FileField]]) -> Form:
    pairs: list[tuple[str, str]] = []
    files: dict[str, Upload] = {}
    for name, value in items:
        if len(name) > NAME_LENGTH_MAX:
            raise _refused("form_unreadable", *_UNREADABLE)
        if isinstance(value, web.FileField):
            if value.filename:
                files[name] = Upload(value.filename, value.file.seek(0, 2), value.file)  # type: ignore[arg-type]
                value.file.seek(0)
            continue
        text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
        # browsers send CRLF; people typed a line end
        pairs.append((name, text.replace("\r\n", "\n").replace("\r", "\n")))
    return Form(tuple(pairs), files)


def too_large(given: int, bytes_max: int) -> Refusal:
    """The whole form or file is larger than a page takes."""
    return _refused(
        "form_too_large",
        f"L’envoi fait {given} octets ; cette page en accepte {bytes_max}. Rien n’a été gardé. "
        "Pour un grand catalogue, utilisez la commande « mutunode import ».",
        f"What was sent has {given} bytes; this page takes {bytes_max}. Nothing was kept. "
        "For a large catalogue use the command “mutunode import”.",
    )


_UNREADABLE = (
    "Le formulaire est arrivé abîmé. Revenez à la page précédente et envoyez-le de nouveau.",
    "The form arrived damaged. Go back to the page before and send it again.",
)
_TOO_MANY = (
    f"Le formulaire a plus de {FIELDS_MAX} champs. Envoyez-le en plusieurs fois.",
    f"The form has more than {FIELDS_MAX} fields. Send it in parts.",
)


def _refused(code: str, fr: str, en: str) -> Refusal:
    return Refusal(code, Exit.USAGE, fr, en)
