"""CSV as spreadsheets write it: the first row names the columns, commas, semicolons or tabs between them.

Rows may span lines inside quotes; a row is known by the line it starts on. A quote that is never closed
would swallow the rest of the file in silence, so rows are bounded and what was swallowed is said.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from mutunode.interop.lines import LINE_BYTES_MAX, Line, lines
from mutunode.interop.problem import Problem, Unreadable

COLUMNS_MAX = 256
ROW_CHARS_MAX = LINE_BYTES_MAX
_DELIMITERS = ",;\t"

# What a spreadsheet would run as a formula. Our exports put an apostrophe before such a text, as people do
# by hand; reading takes one away again. `'s Hertogenbosch` matches neither.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")


def read_csv(stream: BinaryIO, *, delimiter: str = "") -> Iterator[tuple[int, dict[str, str] | Problem]]:
    """Each row's first line with its cells by column name, or with what is wrong. Skips empty rows."""
    feed = _Feed(stream)
    reader = csv.reader(feed, delimiter=delimiter or _delimiter(feed.peek()), strict=True)
    header = _header(reader, feed)
    for first, row in _rows(reader, feed):
        if isinstance(row, Problem):
            yield first, row
        elif any(cell.strip() for cell in row):
            yield first, _cells(first, header, row)


class _Endless(Exception):
    """A row longer than any row may be."""


class _Feed:
    """Lines for the CSV parser, which only takes text: remembers where a row began and what ailed it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = lines(stream)
        self._next: Line | None = next(self._lines, None)
        self.begin()

    def begin(self) -> None:
        self.first = 0
        self.problem: Problem | None = None
        self._chars = 0

    def peek(self) -> str:
        return self._next.text if self._next else ""

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._next
        if line is None:
            raise StopIteration
        self.first = self.first or line.number
        self.problem = self.problem or line.problem
        self._chars += len(line.text)
        if self._chars > ROW_CHARS_MAX:
            raise _Endless
        self._next = next(self._lines, None)
        return line.text


def _rows(reader: Iterator[list[str]], feed: _Feed) -> Iterator[tuple[int, list[str] | Problem]]:
    while True:
        feed.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except _Endless:
            yield feed.first, _unclosed(feed.first)
            return  # below an open quote nothing can be trusted
        except csv.Error as error:
            yield feed.first, feed.problem or _not_csv(feed.first, str(error))
        else:
            yield feed.first, feed.problem or row


def _header(reader: Iterator[list[str]], feed: _Feed) -> list[str]:
    first, row = next(_rows(reader, feed), (1, []))
    if isinstance(row, Problem):
        raise Unreadable(
            f"La ligne {first}, celle des titres, {row.fr}.", f"Line {first}, the heading, {row.en}."
        )
    header = [name.strip() for name in row]
    if not any(header):
        raise Unreadable(
            "Le fichier est vide, ou sa première ligne ne nomme pas les colonnes.",
            "The file is empty, or its first line does not name the columns.",
        )
    if len(header) > COLUMNS_MAX:
        raise Unreadable(
            f"Le fichier a {len(header)} colonnes ; {COLUMNS_MAX} au plus.",
            f"The file has {len(header)} columns; {COLUMNS_MAX} at most.",
        )
    for name in header:
        if name and header.count(name) > 1:
            raise Unreadable(f"Deux colonnes s’appellent « {name} ».", f'Two columns are called "{name}".')
    return header


def _cells(first: int, header: list[str], row: list[str]) -> dict[str, str] | Problem:
    if len(row) != len(header) and any(row[len(header) :] or [len(row) < len(header)]):
        return Problem(
            first,
            f"a {len(row)} cellules là où la première ligne nomme {len(header)} colonnes",
            f"has {len(row)} cells where the first line names {len(header)} columns",
        )
    cells = zip(header, row, strict=False)
    return {name: _unquoted(cell) for name, cell in cells if name}


def _unquoted(cell: str) -> str:
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


def _delimiter(heading: str) -> str:
    """The one the heading has most of, outside quotes."""
    bare = re.sub(r'"[^"]*"', "", heading)
    return max(_DELIMITERS, key=bare.count)


def _unclosed(first: int) -> Problem:
    return Problem(
        first,
        "ouvre un guillemet qui n’est jamais refermé ; rien n’a été lu au-delà",
        "opens a quote that is never closed; nothing was read beyond it",
    )


def _not_csv(first: int, reason: str) -> Problem:
    if reason.startswith("unexpected end of data"):
        return _unclosed(first)
    return Problem(first, f"n’est pas du CSV ({reason})", f"is not CSV ({reason})")
