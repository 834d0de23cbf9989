"""What a record does to an earlier one of its log: it supersedes, withdraws or erases it.

The first two are kept as the lowest index that did it, so that an epoch that drops entries needs to look at
nothing else to undo what they did, and a body that comes late takes its proper place. Erasing is not undone.
"""

from __future__ import annotations

import apsw

from mutunode.protocol.entry import Ref
from mutunode.store import sql
from mutunode.store.erase import Erasure
from mutunode.store.meaning import INTERESTING, Said, leaf_of
from mutunode.store.numbering import Interest, log_no_for
from mutunode.store.places import index_of, log_no_of, place_of

_SUPERSEDE = (
    "UPDATE record SET superseded_by = :at, change = :number WHERE place = :place"
    " AND (superseded_by IS NULL OR superseded_by > :at)"
    " AND shelf_no = (SELECT shelf_no FROM record WHERE place = :by)"  # of the same kind
)
_WITHDRAW = (
    "UPDATE record SET withdrawn_by = :at, change = :number WHERE place = :place"
    " AND (withdrawn_by IS NULL OR withdrawn_by > :at)"
)


class Relations:
    """Writes them, and undoes them."""

    def __init__(self, db: apsw.Connection, interest: Interest, erasure: Erasure) -> None:
        self._db = db
        self._interest = interest
        self._erasure = erasure

    def apply(self, place: int, said: Said, number: int) -> int:
        """Let the record at ``place`` do what it says; the last number given."""
        superseded = self._earlier(said.supersedes, place)
        if superseded is not None:
            number += 1
            self._mark(_SUPERSEDE, superseded, place, number)
        withdrawn = self._earlier(said.withdraws, place)
        if withdrawn is not None:
            number += 1
            self._mark(_WITHDRAW, withdrawn, place, number)
            if said.erases:
                number = self._erasure.erase(withdrawn, number)
        return number

    def _earlier(self, ref: Ref | None, place: int) -> int | None:
        """The place of a record that a ref of this log names, if it stands there and below."""
        log_no = log_no_of(place)
        if ref is None or ref[1] >= index_of(place) or log_no_for(self._db, ref[0]) != log_no:
            return None
        target = place_of(log_no, ref[1])
        asked = "SELECT header FROM entry JOIN record USING (place) WHERE place = ?"
        header = sql.value(self._db, asked, (target,))
        return target if header is not None and leaf_of(header) == ref[2] else None

    def _mark(self, statement: str, target: int, by: int, number: int) -> None:
        asked = "SELECT gone, kind FROM record JOIN shelf USING (shelf_no) WHERE place = ?"
        gone, kind = sql.rows(self._db, asked, (target,))[0]
        self._db.execute(statement, {"place": target, "by": by, "at": index_of(by), "number": number})
        if self._db.changes():
            self._interest.changes += kind in INTERESTING
            self._db.execute(
                "UPDATE log SET records = records - ? WHERE log_no = ?", (1 - gone, log_no_of(target))
            )

    def undo(self, log_no: int, size: int, number: int) -> int:
        """Undo what records from ``size`` on did to those below; the last number given."""
        touched = sql.rows(
            self._db,
            "SELECT place FROM record WHERE place >= ? AND place < ?"
            " AND (superseded_by >= ?3 OR withdrawn_by >= ?3) ORDER BY place",
            (place_of(log_no, 0), place_of(log_no, size), size),
        )
        for (place,) in touched:
            number += 1
            self._db.execute(
                "UPDATE record SET change = ?1,"
                " superseded_by = CASE WHEN superseded_by < ?3 THEN superseded_by END,"
                " withdrawn_by = CASE WHEN withdrawn_by < ?3 THEN withdrawn_by END WHERE place = ?2",
                (number, place, size),
            )
        return number
