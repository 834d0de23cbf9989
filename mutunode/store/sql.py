"""Asking SQLite: each way of asking has the type of its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw

Values = Sequence[Any] | Mapping[str, Any]
Answer = tuple[Any, ...]


def each(db: apsw.Connection, sql: str, values: Values = ()) -> Iterator[Answer]:
    """Rows as they come; nothing else may be written to these tables meanwhile."""
    return iter(db.execute(sql, values))


def rows(db: apsw.Connection, sql: str, values: Values = ()) -> list[Answer]:
    """All rows."""
    return db.execute(sql, values).fetchall()


def first(db: apsw.Connection, sql: str, values: Values = ()) -> Answer | None:
    """The first row, if there is one."""
    return db.execute(sql, values).fetchone()


def value(db: apsw.Connection, sql: str, values: Values = ()) -> Any:
    """The first column of the first row; None without a row."""
    row = db.execute(sql, values).fetchone()
    return row[0] if row else None
