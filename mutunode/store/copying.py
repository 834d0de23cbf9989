"""A copy of the database while it is written to: one state of it, whole, and nothing of what was deleted.

``VACUUM INTO`` and not SQLite's backup interface: that one copies pages, those of erased records included,
and begins again whenever somebody writes. The price is a journal that grows for as long as the copy takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import apsw

from mutunode.store import sql

LOOK_EVERY_STEPS = 20_000  # of SQLite's machine; some ten times a second

Told = Callable[[int, int], None]  # bytes written, bytes at most


def copy_into(db: apsw.Connection, path: Path, told: Told) -> None:
    """Write a copy to a new file that only its owner may read; on the disk when this returns."""
    pages = int(sql.value(db, "PRAGMA page_count"))
    total = pages * int(sql.value(db, "PRAGMA page_size"))
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def look() -> bool:
        told(path.stat().st_size, total)
        return False

    db.set_progress_handler(look, LOOK_EVERY_STEPS)
    try:
        db.execute("VACUUM INTO ?", (str(path),))
    finally:
        db.set_progress_handler(None)
    with path.open("rb") as file:
        os.fsync(file.fileno())
