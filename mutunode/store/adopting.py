"""A database from elsewhere (a backup, somebody's hands) before it becomes a node's store.

Nothing of it is executed: it is opened with triggers, views and untrusted functions switched off, and taken
only if its schema is, to the letter, one that a version of this program made.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import apsw

from mutunode.store import sql
from mutunode.store.connection import APPLICATION_ID, harden, refusals, schema_of
from mutunode.store.interface import StoreDamaged

Schema = set[tuple[str, str, str]]


def check_stranger(path: Path) -> None:
    """Look at a file without changing it.

    Raises:
        StoreDamaged: it is no store of ours, is damaged, or holds what no store of ours holds.
    """
    with refusals(path):
        db = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)
        try:
            harden(db)
            version = int(sql.value(db, "PRAGMA user_version"))
            if sql.value(db, "PRAGMA application_id") != APPLICATION_ID:
                raise StoreDamaged(f"{path}: a database, but not a store of mutunode's")
            foreign = schema(db) ^ _made_by_us(version)
            if foreign:
                kind, name, _ = sorted(foreign)[0]
                raise StoreDamaged(f"{path}: its {kind} {name!r} is none that mutunode made")
            for (found,) in sql.rows(db, "PRAGMA integrity_check(1)"):
                if found != "ok":
                    raise StoreDamaged(f"{path}: this file is damaged ({found})")
        finally:
            db.close()


def _made_by_us(version: int) -> Schema:
    db = apsw.Connection(":memory:")
    for script in schema_of(version):
        db.execute(script)
    return schema(db)


def schema(db: apsw.Connection) -> Schema:
    """What a database declares: kind, name and text of each."""
    rows = sql.each(db, "SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
    return {(kind, name, text) for kind, name, text in rows if not name.startswith("sqlite_")}


def make_own(path: Path) -> None:
    """Give a copy an id of its own: cursors that others hold were of the store it was copied from."""
    with refusals(path):
        db = apsw.Connection(str(path))
        harden(db)
        db.execute("UPDATE store SET store_id = ?", (secrets.token_bytes(8),))
        db.close()
