"""A database whose pages are broken: what can still be read is carried into a new one.

Row by row, around what is broken. Nothing is believed because it could be read: afterwards registers are
compared with what was signed, what is missing is had from others, and projections are made anew. The broken
file is put aside, not removed: it may be the only copy of something.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import msgspec

from mutunode.protocol.head import log_id
from mutunode.store import chains, sql
from mutunode.store.connection import harden, open_writer
from mutunode.store.mending import begin_from_nothing
from mutunode.store.sqlite_logs import unpack_head

FOLLOWS = frozenset({"record", "mention", "inbox", "external_ref", "vouch", "shelf"})  # made anew
BELONGS = ("", "-wal", "-shm")
STEPS_MAX = 4_096  # rows that are tried one by one beyond a broken page: some 20 ms
LOWEST, HIGHEST = -1, 1 << 61
LEAP_BELIEVED_MAX = 1 << 40  # 256 logs of which nothing can be read, in a row
ROWS_A_PAGE_MAX = 400

Told = Callable[[int, int], None]


class Salvaged(msgspec.Struct, frozen=True):
    """What became of a broken database."""

    aside: str  # where it is now
    rows: int  # that could be read
    lost: bool  # whether some could not


def is_sound(path: Path) -> bool:
    """Whether SQLite can read all of a file."""
    try:
        db = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)
        try:
            harden(db)
            return bool(sql.value(db, "PRAGMA integrity_check(1)") == "ok")
        finally:
            db.close()
    except apsw.Error:
        return False


def salvage(path: Path, told: Told) -> Salvaged:
    """Put a new database in the place of a broken one, with every row that can be read."""
    new = path.with_name(path.name + "-salvaged")
    for old in BELONGS:
        new.with_name(new.name + old).unlink(missing_ok=True)
    into = open_writer(new)
    try:
        rows, lost = _carry(path, into, told)
    finally:
        into.close()
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for old in BELONGS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + old).rename(aside.with_name(aside.name + old))
    new.rename(path)
    return Salvaged(str(aside), rows, lost)


def _carry(path: Path, into: apsw.Connection, told: Told) -> tuple[int, bool]:
    try:
        db = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)
        harden(db)
        sql.value(db, "SELECT count(*) FROM sqlite_schema")
    except apsw.Error:
        return 0, True  # not even its declarations can be read
    rows, lost = 0, False
    tables = [name for name in _tables(into) if name not in FOLLOWS]
    with into:
        for number, table in enumerate(tables):
            told(number, len(tables))
            taken, whole = _carry_table(db, into, table)
            rows, lost = rows + taken, lost or not whole
        into.execute("UPDATE log SET projected = 0, records = 0, missing = 0, pending = 0")
        _drop_changed_chains(into)
        _put_registers_right(into)
    with suppress(apsw.Error):
        db.close()
    return rows, lost


def _drop_changed_chains(db: apsw.Connection) -> None:
    """An identity that does not verify any more is had from others again; with it nobody could be met."""
    for org_no, org, raw in sql.rows(db, "SELECT org_no, org, chain FROM org WHERE chain IS NOT NULL"):
        chain = chains.unpack_if_intact(raw, org)
        if chain is None or not chains.is_signed(chain):
            db.execute("UPDATE org SET chain = NULL WHERE org_no = ?", (org_no,))


def _put_registers_right(db: apsw.Connection) -> None:
    """Whose a register is follows from its head, as its id is a hash of both; others begin from nothing."""
    for log_no, log, raw in sql.rows(db, "SELECT log_no, log, head FROM log"):
        head = unpack_head(raw)
        if head is not None and log_id(head.org, head.space) == log:
            db.execute("INSERT OR IGNORE INTO org (org) VALUES (?)", (head.org,))
            db.execute(
                "UPDATE OR IGNORE log SET org_no = (SELECT org_no FROM org WHERE org = ?), space = ?"
                " WHERE log_no = ?",
                (head.org, head.space, log_no),
            )
        else:
            begin_from_nothing(db, log_no)
            db.execute(
                "UPDATE log SET org_no = NULL, space = NULL"
                " WHERE log_no = ? AND NOT EXISTS (SELECT 1 FROM org WHERE org.org_no = log.org_no)",
                (log_no,),
            )


def _tables(db: apsw.Connection) -> list[str]:
    """Tables of our own schema, those that others refer to first."""
    rows = sql.rows(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def _carry_table(db: apsw.Connection, into: apsw.Connection, table: str) -> tuple[int, bool]:
    columns = [name for (name,) in sql.rows(into, "SELECT name FROM pragma_table_info(?)", (table,))]
    places = ", ".join("?" * len(columns))
    put = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
    has_rowid = not sql.value(into, "SELECT wr FROM pragma_table_list WHERE name = ?", (table,))
    reading = (_ByNumber if has_rowid else _InOrder)(db, table, columns)
    taken = 0
    for row in reading:
        with suppress(apsw.ConstraintError, apsw.MismatchError):  # what a flipped bit made of a value
            into.execute(put, row)
            taken += 1
    return taken, reading.whole


class _InOrder:
    """Rows of a table without numbers, up to the first that cannot be read."""

    def __init__(self, db: apsw.Connection, table: str, columns: list[str]) -> None:
        self._db = db
        self._table = table
        self._columns = ", ".join(columns)
        self.whole = True

    def __iter__(self) -> Iterator[sql.Answer]:
        try:
            yield from sql.each(self._db, f"SELECT {self._columns} FROM {self._table}")  # noqa: S608
        except apsw.Error:
            self.whole = False


class _ByNumber(_InOrder):
    """Rows in the order of their numbers, around pages that are broken."""

    def __iter__(self) -> Iterator[sql.Answer]:
        after: int | None = LOWEST
        left = (
            1 + int(sql.value(self._db, "PRAGMA page_count")) * ROWS_A_PAGE_MAX
        )  # broken pages may go round
        asked = f"SELECT rowid, {self._columns} FROM {self._table} WHERE rowid > ? ORDER BY rowid"  # noqa: S608
        while after is not None and left > 0:
            left -= 1
            try:
                for rowid, *row in sql.each(self._db, asked, (after,)):
                    left -= 1
                    if left <= 0:
                        break
                    if after < rowid < after + LEAP_BELIEVED_MAX:  # a number may be what was changed
                        after = int(rowid)
                        yield tuple(row)
                return
            except apsw.Error:
                self.whole = False
                after = self._beyond(after)

    def _beyond(self, after: int) -> int | None:
        """The number before the next that can be read; None when there is none.

        Step by step first: a page holds a few hundred rows. Then in leaps, and back by halves.
        """
        for at in range(after + 2, after + 2 + STEPS_MAX):  # what stands at the next one is what raised
            if (found := self._is_readable(at)) is not None:
                return at - 1 if found else None
        low, leap = after + 1 + STEPS_MAX, STEPS_MAX
        while (found := self._is_readable(low + leap)) is None:
            low, leap = low + leap, leap * 2
            if low > HIGHEST:
                return None
        high = low + leap
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_readable(middle) is None:
                low = middle
            else:
                high = middle
        return high - 1 if self._is_readable(high) else None

    def _is_readable(self, at: int) -> bool | None:
        """Whether there is a row from a number on; None when it cannot be told."""
        asked = f"SELECT {self._columns} FROM {self._table} WHERE rowid >= ? ORDER BY rowid LIMIT 1"  # noqa: S608
        try:
            return sql.first(self._db, asked, (at,)) is not None
        except apsw.Error:
            return None
