"""Importer: a catalogue as a table. Look at it, say what each column is, see what is wrong, then sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from mutunode.commons.kind import Kind
from mutunode.service import peeking
from mutunode.service.errors import Exit, Refusal
from mutunode.service.importing import Source
from mutunode.service.peeking import Peek
from mutunode.service.shapes import Imported
from mutunode.web import forms, render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.controls import Offer
from mutunode.web.forms import Form
from mutunode.web.settings import LANGUAGES
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.uploads import Uploads, Waiting
from mutunode.web.visit import Visit

UPLOADS: web.AppKey[Uploads] = web.AppKey("uploads", Uploads)
ROWS_SHOWN = 5
BAD_SHOWN = 30
CELL_LENGTH_MAX = 80
FORMATS = {"csv": "csv", "tsv": "csv", "txt": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"}
_NO_COLUMN = (
    "Aucune colonne n’est prise. Dites quelle colonne est le titre, puis regardez de nouveau.",
    "No column is taken. Say which column is the title, then look again.",
)


class Column(msgspec.Struct, frozen=True):
    """One column of the file: what it is taken for, and what stands in it."""

    number: int
    name: str
    field: str
    cells: tuple[str, ...]


class ImportPage(msgspec.Struct, frozen=True):
    """The page's context, at any of its steps."""

    kinds: tuple[Offer, ...]
    kind: str
    size_max: int
    file: Waiting | None = None
    columns: tuple[Column, ...] = ()
    targets: tuple[Offer, ...] = ()
    found: Imported | None = None  # what would happen, or what happened
    taken: bool = False
    keyed: bool = False  # rows bear a reference of their author's: importing again corrects
    troubles: tuple[Trouble, ...] = ()

    @property
    def good(self) -> int:
        """Rows that can be taken."""
        return self.found.read - self.found.refused if self.found else 0


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/importer``"""
    visit = visits.of(request)
    visit.writer()
    return await _show(request, _empty(visit, ""))


async def act(request: web.Request) -> web.StreamResponse:
    """A file was given, its columns were corrected, or it is to be taken."""
    visit = visits.of(request)
    form = await forms.read(request, bytes_max=forms.UPLOAD_BYTES_MAX)
    uploads, session = request.app[UPLOADS], visit.writer().key
    page = _empty(visit, form.get("kind"))
    if form.get("do") == "read":
        return await _show(request, await _read(visit, uploads, page, form))
    file = uploads.get(session, form.get("file"))
    if file is None:
        text = visit.speech.gettext("The file is no longer here. Give it again; nothing was signed.")
        return await _show(
            request, msgspec.structs.replace(page, troubles=(Trouble(text, "file", "f-file"),))
        )
    kind = visit.clerk.registry()[page.kind]
    page = msgspec.structs.replace(page, file=file)
    if form.get("do") != "take":
        return await _show(request, await _look(visit, page, kind, file, _typed_mapping(form)))
    return await _take(request, page, kind, file, form)


async def _read(visit: Visit, uploads: Uploads, page: ImportPage, form: Form) -> ImportPage:
    """A file was given: put it aside, and guess."""
    words = visit.speech
    upload = form.files.get("file")
    if upload is None or not upload.size:
        text = words.gettext("Choose a file; this one is missing or empty.")
        return msgspec.structs.replace(page, troubles=(Trouble(text, "file", "f-file"),))
    ending = FORMATS.get(upload.name.lower().rpartition(".")[2], "")
    if not ending:
        text = words.gettext("The name %(name)s does not say the format: it must end in .csv or .jsonl.")
        found = (Trouble(text % {"name": upload.name[:80]}, "file", "f-file"),)
        return msgspec.structs.replace(page, troubles=found)
    mapping = form.files.get("mapping")
    file = await ask(uploads.keep, visit.writer().key, upload, ending, mapping)
    return await _look(visit, page, visit.clerk.registry()[page.kind], file, None)


async def _look(
    visit: Visit, page: ImportPage, kind: Kind, file: Waiting, mapping: Mapping[str, str] | None
) -> ImportPage:
    """The columns, the first rows, and what would happen."""
    try:
        peek = await ask(_peek, file)
        given = peeking.guess(kind, peek.columns, LANGUAGES) if mapping is None else mapping
        page = msgspec.structs.replace(page, file=file)
        if not file.mapping:
            columns = _columns(peek, given)
            page = msgspec.structs.replace(page, columns=columns, targets=_targets(visit, kind))
        source = _source(kind, file, given)
        found = await ask(visit.clerk.import_lines, source, dry_run=True)
    except Refusal as refusal:
        return msgspec.structs.replace(page, troubles=troubles(refusal, visit.language, ()))
    return msgspec.structs.replace(page, found=found, keyed=peeking.is_keyed(source, peek.columns))


async def _take(
    request: web.Request, page: ImportPage, kind: Kind, file: Waiting, form: Form
) -> web.StreamResponse:
    visit = visits.of(request)
    try:
        source = _source(kind, file, _typed_mapping(form))
        found = await ask(visit.clerk.import_lines, source, dry_run=False)
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        again = await _look(visit, page, kind, file, _typed_mapping(form))
        wrong = troubles(refusal, visit.language, ())
        page = msgspec.structs.replace(again, troubles=wrong)
        return await _show(request, page, form_status(refusal))
    request.app[UPLOADS].drop(visit.writer().key)
    page = msgspec.structs.replace(page, found=found, taken=True, keyed=peeking.is_keyed(source))
    return await _show(request, page)


def _peek(file: Waiting) -> Peek:
    with file.path.open("rb") as stream:
        return peeking.peek(stream, file.format, ROWS_SHOWN)


def _source(kind: Kind, file: Waiting, mapping: Mapping[str, str]) -> Source:
    pairs = {field: column for column, field in mapping.items() if field}
    if not pairs and not file.mapping:  # without any rule, columns would be read by their own names
        raise Refusal("no_column", Exit.USAGE, *_NO_COLUMN)
    return peeking.source(file.path, file.format, kind.name, {} if file.mapping else pairs, file.mapping)


def _typed_mapping(form: Form) -> dict[str, str]:
    """Column → field, from the selects: ``column.0`` names the column, ``field.0`` its field."""
    names = {name.removeprefix("column."): value for name, value in form if name.startswith("column.")}
    return {column: form.get(f"field.{number}") for number, column in names.items()}


def _columns(peek: Peek, mapping: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(
        Column(number, name, mapping.get(name, ""), tuple(_cell(row.get(name)) for row in peek.rows))
        for number, name in enumerate(peek.columns)
    )


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= CELL_LENGTH_MAX else text[: CELL_LENGTH_MAX - 1] + "…"


def _targets(visit: Visit, kind: Kind) -> tuple[Offer, ...]:
    offers = []
    for name, field_name in peeking.targets(kind, LANGUAGES).items():
        label = kind.by_name[field_name].label.text(visit.language)
        if "." in name:
            label = f"{label} ({visit.speech.language_name(name.rpartition('.')[2])})"
        offers.append(Offer(name, label))
    return tuple(offers)


def _empty(visit: Visit, wanted: str) -> ImportPage:
    kinds = [kind for kind in visit.clerk.registry().listed if not kind.last_wins]
    offers = tuple(Offer(kind.name, kind.plural.text(visit.language)) for kind in kinds)
    chosen = wanted if any(offer.code == wanted for offer in offers) else _first(offers)
    return ImportPage(offers, chosen, forms.UPLOAD_BYTES_MAX)


def _first(offers: Iterable[Offer]) -> str:
    return next((offer.code for offer in offers), "")


async def _show(request: web.Request, page: ImportPage, status: int = 0) -> web.StreamResponse:
    status = status or (400 if page.troubles else 200)
    return await render.page(request, "import.html", {"page": page}, status=status)
