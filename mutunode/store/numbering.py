"""The numbers that rows bear: of logs, of shelves, of changes; and the count of what changed our interest."""

from __future__ import annotations

import apsw

from mutunode.store import sql


class Interest:
    """Rises whenever a profile, a vouch or a decision came, changed or went."""

    def __init__(self) -> None:
        self.changes = 0


def log_no_for(db: apsw.Connection, log: bytes) -> int:
    """The number of a log; a new one if it was never heard of."""
    known = sql.value(db, "SELECT log_no FROM log WHERE log = ?", (log,))
    if known is None:
        db.execute("INSERT INTO log (log) VALUES (?)", (log,))
        known = db.last_insert_rowid()
    return int(known)


def shelf_for(db: apsw.Connection, space: bytes, kind: str) -> int:
    """The number of a shelf; a new one for the first record of a kind in a space."""
    db.execute("INSERT OR IGNORE INTO shelf (space, kind) VALUES (?, ?)", (space, kind))
    return int(sql.value(db, "SELECT shelf_no FROM shelf WHERE kind = ? AND space = ?", (kind, space)))


def last_number(db: apsw.Connection) -> int:
    """The last number given to an arrival or a change."""
    return int(sql.value(db, "SELECT number FROM store"))


def keep_number(db: apsw.Connection, number: int) -> None:
    """Go on from this number the next time."""
    db.execute("UPDATE store SET number = ?", (number,))
