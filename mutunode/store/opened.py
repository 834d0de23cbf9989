"""What was read in sealed records goes with them: whoever drops the body of a record, or the record, says so
here, and nothing of what was inside stays (``secure_delete`` takes it out of the file).
"""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from mutunode.store.places import place_of


def queue(db: apsw.Connection, places: Iterable[int]) -> None:
    """Sealed records whose body came: they are to be tried."""
    db.executemany("INSERT OR IGNORE INTO sealed_waiting VALUES (?)", [(place,) for place in places])


def forget(db: apsw.Connection, first: int, end: int | None = None) -> None:
    """Drop what was inside of the record at a place, or at those from ``first`` to ``end`` (excluded).

    What it had superseded stays superseded: an erased version does not bring the one before back.
    """
    between = (first, first + 1 if end is None else end)
    db.execute("DELETE FROM sealed_waiting WHERE place >= ? AND place < ?", between)
    db.execute("DELETE FROM opened WHERE place >= ? AND place < ?", between)
    db.execute("DELETE FROM opened_mention WHERE source >= ? AND source < ?", between)


def forget_beyond(db: apsw.Connection, log_no: int, size: int) -> None:
    """An epoch keeps ``size`` leaves: what the rest held is gone, and what it superseded stands again."""
    forget(db, place_of(log_no, size), place_of(log_no + 1, 0))
    db.execute(
        "UPDATE opened SET superseded_by = NULL WHERE place >= ? AND place < ? AND superseded_by >= ?",
        (place_of(log_no, 0), place_of(log_no, size), size),
    )
