"""Records as text that other programs read, and that `import` reads back to the same fields.

A row holds a record's fields as its kind gives them for input. It may also name its ``kind``, and tell where
it comes from in names that begin with ``@`` (``@id``, ``@org``), which reading passes over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mutunode.interop.csvfile import FORMULA
from mutunode.interop.flat import columns_of

_MARK = "\ufeff"  # spreadsheets take a CSV file for UTF-8 only when it begins with this


def jsonl_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line a row, its end included."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A heading with every column that some row has, then one piece of text a row, its end included."""
    cells = [dict(columns_of(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in cells for name in row))
    columns.sort(key=lambda name: name.startswith("@"))
    yield _MARK + _line(columns)
    for row in cells:
        yield _line([_inert(row.get(name, "")) for name in columns])


def _inert(cell: str) -> str:
    """What a spreadsheet would run as a formula gets an apostrophe, which `read_csv` takes away."""
    return "'" + cell if FORMULA.match(cell) else cell


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()
