"""Erasing: salt and body of a record go, and all that was read in them; header and tree stay.

It is final. A leaf that was erased is remembered as such: its body is refused wherever it comes from, also
when a later epoch drops the withdrawal that said so, or puts the leaf in another place. Withdrawals
themselves are never erased: without its body nobody could tell what one took back, and a node that comes
late would bring the content in again.

What a record said is unsaid with its body, so that a node that never had the body comes to the same view.
"""

from __future__ import annotations

import apsw

from mutunode.protocol.entry import Ref
from mutunode.store import sql
from mutunode.store.hearing import unhear
from mutunode.store.meaning import INTERESTING, WITHDRAWAL, leaf_of, read
from mutunode.store.numbering import Interest
from mutunode.store.opened import forget
from mutunode.store.places import index_of, log_no_of, place_of

OK, OPAQUE, MISSING, ERASED = range(4)  # record.state


class Erasure:
    """Erases, and keeps out what was erased; all calls inside a turn."""

    def __init__(self, db: apsw.Connection, interest: Interest) -> None:
        self._db = db
        self._interest = interest
        self.done = 0  # rises with every record erased: there is something to sweep out of the files

    # --- what stays out ------------------------------------------------------------------------
    def is_any(self, log_no: int) -> bool:
        """Whether anything of this log was erased."""
        return sql.first(self._db, "SELECT 1 FROM erased WHERE log_no = ? LIMIT 1", (log_no,)) is not None

    def is_erased(self, log_no: int, leaf: bytes) -> bool:
        """Whether this leaf was."""
        asked = "SELECT 1 FROM erased WHERE log_no = ? AND leaf = ?"
        return sql.first(self._db, asked, (log_no, leaf)) is not None

    # --- erasing -------------------------------------------------------------------------------
    def erase(self, place: int, number: int) -> int:
        """Erase the record at a place; the last number given."""
        db, log_no = self._db, log_no_of(place)
        header, salt, body, arrival, state, gone, kind = sql.rows(
            db,
            "SELECT header, salt, body, arrival, state, gone, kind"
            " FROM record JOIN entry USING (place) JOIN shelf USING (shelf_no) WHERE place = ?",
            (place,),
        )[0]
        if kind == WITHDRAWAL or state == ERASED:
            return number
        db.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (log_no, leaf_of(header)))
        said = unhear(db, place, header, body, arrival)
        forget(db, place)  # what was read in it, if it was sealed
        db.execute("UPDATE entry SET salt = x'', body = x'' WHERE place = ?", (place,))
        number += 1
        db.execute("UPDATE record SET state = ?, change = ? WHERE place = ?", (ERASED, number, place))
        db.execute(
            "UPDATE log SET bytes = bytes - ?, records = records - ?, missing = missing - ? WHERE log_no = ?",
            (len(salt) + len(body), 1 - gone, state == MISSING, log_no),
        )
        self._interest.changes += kind in INTERESTING
        self.done += 1
        if said is not None and said.supersedes is not None and said.supersedes[1] < index_of(place):
            number = self._follow(said.supersedes, place, number)
        return number

    def _follow(self, ref: Ref, place: int, number: int) -> int:
        """Let what the erased record superseded have its next successor, or none; the last number given."""
        db, target = self._db, place_of(log_no_of(place), ref[1])
        asked = "SELECT shelf_no, kind FROM record JOIN shelf USING (shelf_no)"
        row = sql.first(db, asked + " WHERE place = ? AND superseded_by = ?", (target, index_of(place)))
        if row is None:
            return number  # it was not this record that superseded it
        shelf_no, kind = row
        number += 1
        db.execute(
            "UPDATE record SET superseded_by = ?, change = ? WHERE place = ?",
            (self._successor(target, ref, shelf_no, kind), number, target),
        )
        db.execute(
            "UPDATE log SET records = records + (SELECT NOT gone FROM record WHERE place = ?1)"
            " WHERE log_no = ?1 >> 32",
            (target,),
        )
        self._interest.changes += kind in INTERESTING
        return number

    def _successor(self, target: int, ref: Ref, shelf_no: int, kind: str) -> int | None:
        """The lowest index of a record of the same kind that says it supersedes the target."""
        sources = sql.each(
            self._db,
            "SELECT source, body FROM mention CROSS JOIN record ON place = source JOIN entry USING (place)"
            " WHERE target = ?1 AND leaf = ?2 AND source > ?1 AND source >> 32 = ?1 >> 32 AND shelf_no = ?3"
            " ORDER BY source",
            (target, ref[2], shelf_no),
        )
        for source, body in sources:
            said = read(kind, body)
            if said is not None and said.supersedes == ref:
                return index_of(source)
        return None
