"""The part of the office for files: what pages and commands ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mutunode.protocol import ids
from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.service.files import attaching, having, releasing, showing
from mutunode.service.params import Emit
from mutunode.service.shapes import FileLine


class Archive:
    """Files of records; each method may be called from any thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take_in(self, fields: Mapping[str, Any], emit: Emit, *, dry_run: bool = False) -> dict[str, Any]:
        """Fields in which files named by a path of this machine are taken in: for commands alone."""
        return attaching.take_in(self._desk, fields, emit, dry_run=dry_run)

    def upload(self, name: str, media_type: str = "") -> attaching.Upload:
        """Begin to take a file in that comes in pieces."""
        return attaching.Upload(self._desk, name, media_type)

    def lines(self, rec: str) -> tuple[FileLine, ...]:
        """The files of a record, and who holds them."""
        return having.lines(self._desk, lookup.record(self._desk, rec))

    def fetch(self, rec: str, blob: str = "") -> int:
        """Have the files of a record fetched that are not here, or one of them; how many are wanted now."""
        stored = lookup.record(self._desk, rec)
        return len(having.fetch(self._desk, stored, ids.parse(blob, "blob") if blob else None))

    def release(self, target: str) -> releasing.Released:
        """Stop keeping the files of a record, or those promised of an organisation."""
        return releasing.release(self._desk, target)

    def opened(self, rec: str, index: int) -> showing.Opened:
        """A file of a record, as it may be given to a browser."""
        return showing.opened(self._desk, rec, index)

    def read(self, blob: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The content of a file that is here, each piece checked."""
        return having.read(self._desk, ids.parse(blob, "blob"), start, end)

    def picture_of(self, file: showing.Opened) -> bytes | None:
        """A small PNG made anew of a file, where one can be made."""
        return showing.small_picture(self._desk, file, ids.parse(file.blob, "blob"))

    def beginning_of(self, file: showing.Opened) -> showing.Beginning | None:
        """The first page of a text."""
        return showing.beginning(self._desk, file, ids.parse(file.blob, "blob"))

    def progress(self, blob: str) -> tuple[int, int]:
        """(chunks here, chunks in all) of a file on its way; (0, 0) when nothing is under way."""
        told = having.progress(self._desk, ids.parse(blob, "blob"))
        return (told.done, told.count) if told is not None else (0, 0)

    def ask_holders(self, rec: str) -> None:
        """Ask peers whether they hold the files of a record; the answers are there a moment later."""
        having.ask_holders(self._desk, lookup.record(self._desk, rec))

    def get(self, rec: str, path: str, timeout: float, emit: Emit) -> having.Got:
        """Write the files of a record into a folder of this machine, fetched first where need be."""
        return having.get(self._desk, rec, path, timeout, emit)

    def whose(self, blob: str) -> tuple[having.Whose, ...]:
        """The records that carry a file."""
        return having.whose(self._desk, blob)
