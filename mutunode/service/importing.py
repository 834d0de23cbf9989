"""Importing a catalogue: many rows, few signatures, bad rows told by number and reason, good ones kept.

Rows are taken in batches, each in one turn with one signature. Doing it again costs nothing: a row with the
``external_ref`` and the content of a record that stands signs nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from mutunode import system
from mutunode.commons.kind import Kind
from mutunode.interop.items import Item, read_items
from mutunode.interop.mapping import Mapping
from mutunode.interop.problem import Problem, Unreadable
from mutunode.service import lookup, publishing
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.files import attaching
from mutunode.service.params import Emit, Import
from mutunode.service.publishing import Body
from mutunode.service.shapes import BadLine, Imported, Published
from mutunode.turns import Turn

BATCH_ROWS_MAX = 500  # × about 1 kB and 0.1 ms: a turn of 50 ms, so that pages go on answering
BAD_LINES_SHOWN_MAX = 1_000
IDS_SHOWN_MAX = 10_000
STRICT_ROWS_MAX = 20_000  # all or none is one turn; more of them belong in several files


class Source(msgspec.Struct, frozen=True):
    """Where rows come from and how they are read."""

    format: str  # csv | jsonl
    mapping: Mapping
    path: Path | None = None
    text: bytes = b""
    folder: Path | None = None  # what paths of files start from; None: files of this machine are not read

    def open(self) -> BinaryIO:
        """The bytes, from the start."""
        if self.path is None:
            return io.BytesIO(self.text)
        try:
            return self.path.open("rb")
        except OSError as error:
            fr, en = system.why(error)
            raise Refusal(
                "unreadable",
                Exit.NOT_FOUND,
                f"Le fichier « {self.path} » ne peut pas être lu : {fr}.",
                f"The file `{self.path}` cannot be read: {en}.",
            ) from None

    def bytes_total(self) -> int:
        """How much there is to read."""
        return len(self.text) if self.path is None else self.path.stat().st_size


class Row(msgspec.Struct, frozen=True):
    """A row that became a body."""

    line: int
    kind: Kind
    body: Body


def source_of(params: Import) -> Source:
    """What ``import`` was asked to read."""
    if bool(params.path) == bool(params.lines):
        raise _unreadable(
            "Donnez un fichier, ou des lignes, pas les deux.", "Give a file, or lines, not both."
        )
    form = params.format or ("csv" if params.path.lower().endswith(".csv") else "jsonl")
    if form not in ("csv", "jsonl"):
        raise _unreadable(
            f"Format inconnu : « {form} ». Formats lus : csv, jsonl.",
            f"Unknown format `{form}`; csv or jsonl.",
        )
    try:
        mapping = (
            Mapping.from_toml(params.mapping)
            if params.mapping
            else Mapping.from_pairs(
                [f"{field}={column}" for field, column in params.map.items()], params.kind
            )
        )
    except Unreadable as error:
        raise _unreadable(error.fr, error.en) from None
    path = Path(params.path) if params.path else None
    folder = path.absolute().parent if path else Path("/")
    return Source(form, mapping, path, params.lines.encode("utf-8"), folder)


def run(desk: Desk, source: Source, *, strict: bool, dry_run: bool, emit: Emit) -> Imported:
    """Take the rows of a source; ``strict`` takes all or none, ``dry_run`` only says what would happen."""
    tally = _Tally()
    try:
        with source.open() as stream:
            batches = _batches(desk, source, stream, tally, emit, dry_run=dry_run)
            if strict:
                _take_all_or_none(desk, list(batches), tally, dry_run)
            else:
                for batch in batches:
                    _take(desk, batch, tally, dry_run)
    except Unreadable as error:
        raise _unreadable(error.fr, error.en) from None
    return tally.answer()


class _Tally:
    """What became of the rows so far."""

    def __init__(self) -> None:
        self.read = self.created = self.revised = self.unchanged = self.refused = 0
        self.bad: list[BadLine] = []
        self.ids: list[str] = []

    def refuse(self, line: int, field: str, fr: str, en: str) -> None:
        self.refused += 1
        if len(self.bad) < BAD_LINES_SHOWN_MAX:
            self.bad.append(BadLine(line, field, fr, en))

    def take(self, published: Published) -> None:
        if not published.created:
            self.unchanged += 1
        elif published.revises:
            self.revised += 1
        else:
            self.created += 1
        if len(self.ids) < IDS_SHOWN_MAX:
            self.ids.append(published.id)

    def answer(self) -> Imported:
        return Imported(
            self.read,
            self.created,
            self.revised,
            self.unchanged,
            self.refused,
            tuple(self.bad),
            tuple(self.ids),
        )


def _batches(
    desk: Desk, source: Source, stream: BinaryIO, tally: _Tally, emit: Emit, *, dry_run: bool
) -> Iterator[list[Row]]:
    """Rows that can be taken, a batch at a time; the others are told in the tally."""
    total = source.bytes_total()
    batch: list[Row] = []
    for line, item in read_items(stream, source.format, source.mapping):
        tally.read += 1
        row = _row(desk, line, item, tally, source.folder, dry_run=dry_run)
        if row is not None:
            batch.append(row)
        if len(batch) >= BATCH_ROWS_MAX:
            emit({"progress": {"done": min(stream.tell(), total), "total": total, "rows": tally.read}})
            yield batch
            batch = []
    yield batch
    emit({"progress": {"done": total, "total": total, "rows": tally.read}})


def _row(
    desk: Desk, line: int, item: Item | Problem, tally: _Tally, folder: Path | None, *, dry_run: bool
) -> Row | None:
    if isinstance(item, Problem):
        tally.refuse(item.line, item.field, item.fr, item.en)
        return None
    try:
        kind = lookup.kind(desk, item.kind)
        if kind.alone:
            raise Refusal(
                "one_by_one",
                Exit.REFUSED,
                f"« {kind.label.fr} » : ces actes se signent un à un, jamais par lot.",
                f"“{kind.label.en}”: these are signed one by one, never in a batch.",
            )
        fields = item.fields
        if folder is not None:
            fields = attaching.take_in(desk, fields, _unheard, folder=folder, dry_run=dry_run)
        return Row(line, kind, publishing.read_input(desk, kind, fields))
    except Refusal as refusal:
        _tell(line, refusal, tally)
        return None


def _unheard(event: dict[str, object]) -> None:
    """Rows are what progress is counted in."""


def _tell(line: int, refusal: Refusal, tally: _Tally) -> None:
    field = refusal.troubles[0].field if refusal.troubles else ""
    tally.refuse(line, field, refusal.fr, refusal.en)


def _take(desk: Desk, rows: list[Row], tally: _Tally, dry_run: bool) -> None:
    """One batch, one turn, one signature."""
    refused = tally.refused
    done = _sign(desk, rows, tally, dry_run)
    tally.unchanged += len(rows) - (tally.refused - refused) - len(done)  # those said again further down
    for published in done:
        tally.take(published)


def _take_all_or_none(desk: Desk, batches: list[list[Row]], tally: _Tally, dry_run: bool) -> None:
    rows = [row for batch in batches for row in batch]
    if len(rows) > STRICT_ROWS_MAX:
        raise _unreadable(
            f"« strict » prend au plus {STRICT_ROWS_MAX} lignes à la fois ; ce fichier en a {len(rows)}.",
            f"`strict` takes at most {STRICT_ROWS_MAX} rows at once; this file has {len(rows)}.",
        )
    _sign(desk, rows, tally, dry_run=True)  # the rules that need other records
    if tally.refused:
        return
    _take(desk, rows, tally, dry_run)


def _sign(desk: Desk, rows: list[Row], tally: _Tally, dry_run: bool) -> list[Published]:
    """Write the rows in one turn, or only say what would be written."""
    refused: list[tuple[int, Refusal]] = []

    def job(turn: Turn) -> list[Published]:
        done = []
        refused.clear()
        for row in _last_of_each(rows):
            try:
                ready = publishing.draft(desk, row.kind, row.body)
            except Refusal as refusal:
                refused.append((row.line, refusal))
                continue
            done.append(publishing.foresee(ready) if dry_run else publishing.write(desk, turn, ready))
        return done

    published = desk.act(job) if rows else []
    for line, refusal in refused:
        _tell(line, refusal, tally)
    return published


def _last_of_each(rows: list[Row]) -> list[Row]:
    """Rows of one batch with the same key of their author: the last one is what they mean."""
    last: dict[str, Row] = {}
    for row in rows:
        key = row.body.get("external_ref")
        last[key if isinstance(key, str) and key else f"\0{row.line}"] = row
    return list(last.values())


def _unreadable(fr: str, en: str) -> Refusal:
    return Refusal("unreadable", Exit.USAGE, fr, en)
