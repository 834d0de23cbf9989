"""Records as text that other programs read, and that `import` reads back to the same fields."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from mutunode.interop.csvfile import FORMULA
from mutunode.interop.flat import columns_of

_MARK = "\ufeff"  # spreadsheets take a CSV file for UTF-8 only when it begins with this


class Exported(msgspec.Struct, frozen=True):
    """One record to write: ``body`` as its kind's ``to_json`` gives it."""

    id: str
    kind: str
    org: str
    time: int
    body: dict[str, Any]

    def row(self) -> dict[str, Any]:
        """Kind and fields as `import` and ``publish --manifest`` take them, and where they come from."""
        return {
            "kind": self.kind,
            **self.body,
            "@id": self.id,
            "@org": self.org,
            "@time": self.time,
        }


def to_jsonl(records: Iterable[Exported]) -> Iterator[str]:
    """One line a record."""
    for record in records:
        yield json.dumps(record.row(), ensure_ascii=False, separators=(",", ":")) + "\n"


def to_csv(records: Sequence[Exported]) -> Iterator[str]:
    """A heading with every column that some record has, then one row a record."""
    rows = [dict(columns_of(record.row())) for record in records]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    columns.sort(key=lambda name: name.startswith("@"))
    yield _MARK + _row(columns)
    for row in rows:
        yield _row([_inert(row.get(name, "")) for name in columns])


def _inert(cell: str) -> str:
    """What a spreadsheet would run as a formula gets an apostrophe, which `read_csv` takes away."""
    return "'" + cell if FORMULA.match(cell) else cell


def _row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
