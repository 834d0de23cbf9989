"""Records that an epoch drops: gone from their log, still readable where they were cited."""

from __future__ import annotations

import apsw

from mutunode.protocol.entry import rec_id
from mutunode.store import sql
from mutunode.store.hearing import unhear
from mutunode.store.meaning import leaf_of
from mutunode.store.numbering import Interest, keep_number, last_number
from mutunode.store.opened import forget_beyond
from mutunode.store.places import first64, index_of, place_of
from mutunode.store.relate import Relations


class Retraction:
    """Takes records out of the projections, and back in when their leaf returns."""

    def __init__(self, db: apsw.Connection, relations: Relations, interest: Interest) -> None:
        self._db = db
        self._relations = relations
        self._interest = interest

    def drop(self, log_no: int, size: int) -> None:
        """Everything from ``size`` on leaves the log."""
        number = last_number(self._db)
        first, end = place_of(log_no, size), place_of(log_no + 1, 0)
        dropped = sql.each(
            self._db,
            "SELECT place, rec64, header, salt, body, arrival FROM record JOIN entry USING (place)"
            " WHERE place >= ? AND place < ?",
            (first, end),
        )
        for place, rec64, header, salt, body, arrival in dropped:
            number += 1
            self._db.execute(
                "INSERT INTO retracted (log_no, stood_at, rec64, change, header, salt, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (log_no, index_of(place), rec64, number, header, salt, body),
            )
            unhear(self._db, place, header, body, arrival)
        self._db.execute("DELETE FROM record WHERE place >= ? AND place < ?", (first, end))
        forget_beyond(self._db, log_no, size)
        keep_number(self._db, self._relations.undo(log_no, size, number))
        self._db.execute(
            "UPDATE log SET projected = ?4,"
            " records = (SELECT count(*) FROM record WHERE place >= ?1 AND place < ?2 AND NOT gone),"
            " missing = (SELECT count(*) FROM record WHERE place >= ?1 AND place < ?2 AND state = 2)"
            " WHERE log_no = ?3",
            (place_of(log_no, 0), first, log_no, size),
        )
        self._interest.changes += 1

    # --- coming back ---------------------------------------------------------------------------
    def is_any(self, log_no: int) -> bool:
        """Whether an epoch dropped anything of this log."""
        return sql.first(self._db, "SELECT 1 FROM retracted WHERE log_no = ? LIMIT 1", (log_no,)) is not None

    def give_bodies_back(self, log_no: int, log: bytes, start: int, end: int) -> None:
        """A leaf that stands again has the body that it had, when it came without."""
        bare = sql.rows(
            self._db,
            "SELECT place, header FROM entry WHERE place >= ? AND place < ? AND body = x''",
            (place_of(log_no, start), place_of(log_no, end)),
        )
        for place, header in bare:
            kept = sql.first(
                self._db,
                "SELECT salt, body FROM retracted"
                " WHERE log_no = ? AND rec64 = ? AND header = ? AND body != x''",
                (log_no, first64(rec_id(log, leaf_of(header))), header),
            )
            if kept is not None:
                self._db.execute("UPDATE entry SET salt = ?, body = ? WHERE place = ?", (*kept, place))
                self._db.execute(
                    "UPDATE log SET bytes = bytes + ? WHERE log_no = ?", (len(kept[0]) + len(kept[1]), log_no)
                )

    def forget(self, log_no: int, standing: list[tuple[int, int]]) -> None:
        """What stands in the log again, by (rec64, place), is not retracted any more."""
        self._db.executemany(
            "DELETE FROM retracted WHERE log_no = ?1 AND rec64 = ?2"
            " AND header = (SELECT header FROM entry WHERE place = ?3)",
            [(log_no, rec64, place) for rec64, place in standing],
        )
