"""Projections: from entries that stand in a log to records that can be found.

Made in the writer's thread, in the database of the entries themselves, and always derived: what a leaf is,
what became of it, who cites it. A ref is kept as it was written and compared with the leaf that stands
there when somebody asks, so that it does not matter which of the two logs came first, nor what an epoch
replaced in between.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from mutunode.protocol.entry import Ref, rec_id
from mutunode.store import sql
from mutunode.store.meaning import INTERESTING, Said, header_of, leaf_of, read
from mutunode.store.places import INDEX_MAX, first64, index_of, key64, log_no_of, place_of

OK, OPAQUE, MISSING, ERASED = range(4)

_SUPERSEDE = (
    "UPDATE record SET superseded_by = :at, change = :number WHERE place = :place"
    " AND (superseded_by IS NULL OR superseded_by > :at)"
    " AND shelf_no = (SELECT shelf_no FROM record WHERE place = :by)"  # of the same kind
)
_WITHDRAW = (
    "UPDATE record SET withdrawn_by = :at, change = :number WHERE place = :place"
    " AND (withdrawn_by IS NULL OR withdrawn_by > :at)"
)


class Batch:
    """What some entries of one log bring, before it is written."""

    def __init__(self) -> None:
        self.records: list[tuple[int, int, int, int, int, int]] = []
        self.mentions: list[tuple[int, bytes, int]] = []
        self.inbox: dict[tuple[int, int], int] = {}
        self.external_refs: list[tuple[int, int, int]] = []
        self.vouches: list[tuple[bytes, int]] = []
        self.relations: list[tuple[int, int, Said]] = []
        self.no_records: list[int] = []  # places whose salt and body have nothing to say
        self.missing = 0


class Projection:
    """Keeps the projections of every log; all calls inside a turn."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._log_nos: dict[bytes, int] = {}  # of logs cited, for the length of one call
        self.interesting = 0  # rises when a profile or a vouch came, changed or went

    # --- showing -------------------------------------------------------------------------------
    def show(self, log_no: int, log: bytes, space: bytes, start: int, end: int) -> None:
        """Read the entries from ``start`` to ``end`` (excluded) for the first time."""
        self._log_nos = {log: log_no}
        number, batch, shelves = self._number(), Batch(), dict[str, int]()
        for place, kind, rec64, body in self._records(batch, log_no, log, start, end):
            if kind not in shelves:
                shelves[kind] = self._shelf(space, kind)
                self.interesting += kind in INTERESTING
            number += 1
            state = MISSING
            if body:
                state = self._hear(batch, kind, read(kind, body), place, number)
            else:
                batch.missing += 1
            batch.records.append((place, shelves[kind], rec64, number, number, state))
        self._db.executemany(
            "INSERT INTO record (place, shelf_no, rec64, arrival, change, state) VALUES (?, ?, ?, ?, ?, ?)",
            batch.records,
        )
        self._forget_retracted(log_no, batch)
        self._db.execute(
            "UPDATE log SET projected = ?, records = records + ?, missing = missing + ? WHERE log_no = ?",
            (end, len(batch.records), batch.missing, log_no),
        )
        self._finish(batch, number)

    def _records(
        self, batch: Batch, log_no: int, log: bytes, start: int, end: int
    ) -> Iterator[tuple[int, str, int, bytes]]:
        """(place, kind, rec64, body) of what is a record; the rest gives up its salt and body."""
        rows = sql.rows(
            self._db,
            "SELECT place, header, body FROM entry WHERE place >= ? AND place < ? ORDER BY place",
            (place_of(log_no, start), place_of(log_no, end)),
        )
        keys = [first64(rec_id(log, leaf_of(header))) for _, header, _ in rows]
        seen = self._standing(keys, log_no) if start else set()
        for (place, raw, body), rec64 in zip(rows, keys, strict=True):
            header = header_of(raw)
            if header is not None and raw not in seen:
                seen.add(raw)
                yield place, header.kind, rec64, body
            elif body:
                batch.no_records.append(place)

    def _standing(self, keys: list[int], log_no: int) -> set[bytes]:
        """Headers of records of this log that have one of these keys: they stand lower."""
        asked = (
            "SELECT header FROM json_each(?) CROSS JOIN record ON rec64 = value"
            " AND place >= ? AND place < ? CROSS JOIN entry USING (place)"
        )
        found = sql.each(self._db, asked, (str(keys), place_of(log_no, 0), place_of(log_no + 1, 0)))
        return {header for (header,) in found}

    def fill(self, place: int, header: bytes, body: bytes) -> None:
        """The body of a record that was missing is there now."""
        log_no = log_no_of(place)
        parsed = header_of(header)
        assert parsed is not None
        arrival = sql.value(self._db, "SELECT arrival FROM record WHERE place = ?", (place,))
        self._log_nos = {}
        batch, number = Batch(), self._number() + 1
        state = self._hear(batch, parsed.kind, read(parsed.kind, body), place, int(arrival))
        self._db.execute("UPDATE record SET state = ?, change = ? WHERE place = ?", (state, number, place))
        self._db.execute("UPDATE log SET missing = missing - 1 WHERE log_no = ?", (log_no,))
        self.interesting += parsed.kind in INTERESTING
        self._finish(batch, number)

    def _hear(self, batch: Batch, kind: str, said: Said | None, place: int, arrival: int) -> int:
        """Note what a body says; the state of its record."""
        if said is None:
            return OPAQUE
        log_no = log_no_of(place)
        for cited, index, leaf in said.refs:
            if index > INDEX_MAX:
                continue
            cited_no = self._log_no(cited)
            batch.mentions.append((place_of(cited_no, index), leaf, place))
            if cited_no != log_no:
                batch.inbox[cited_no, arrival] = place
        if said.external_ref is not None:
            batch.external_refs.append((log_no, key64(kind, said.external_ref), place))
        if said.vouches_for is not None:
            batch.vouches.append((said.vouches_for, place))
        if said.supersedes or said.withdraws:
            batch.relations.append((place, log_no, said))
        return OK

    def _finish(self, batch: Batch, number: int) -> None:
        db = self._db
        db.executemany("INSERT INTO mention VALUES (?, ?, ?)", batch.mentions)
        db.executemany(
            "INSERT INTO inbox VALUES (?, ?, ?)", [(*key, place) for key, place in batch.inbox.items()]
        )
        db.executemany("INSERT INTO external_ref VALUES (?, ?, ?)", batch.external_refs)
        db.executemany("INSERT INTO vouch VALUES (?, ?)", batch.vouches)
        for place in batch.no_records:
            db.execute(
                "UPDATE log SET bytes = bytes -"
                " (SELECT length(salt) + length(body) FROM entry WHERE place = ?1) WHERE log_no = ?1 >> 32",
                (place,),
            )
            db.execute("UPDATE entry SET salt = x'', body = x'' WHERE place = ?", (place,))
        for place, log_no, said in batch.relations:
            number = self._relate(place, log_no, said, number)
        db.execute("UPDATE store SET number = ?", (number,))
        self._log_nos = {}

    def _relate(self, place: int, log_no: int, said: Said, number: int) -> int:
        """Let a record supersede or withdraw an earlier one of its log; of several the first counts."""
        superseded = self._earlier(said.supersedes, place, log_no)
        if superseded is not None:
            number += 1
            self._mark(_SUPERSEDE, superseded, place, number)
        withdrawn = self._earlier(said.withdraws, place, log_no)
        if withdrawn is not None:
            number += 1
            self._mark(_WITHDRAW, withdrawn, place, number)
            if said.erases:
                self._erase(withdrawn, log_no, index_of(place), number)
        return number

    def _mark(self, statement: str, target: int, by: int, number: int) -> None:
        asked = "SELECT gone, kind FROM record JOIN shelf USING (shelf_no) WHERE place = ?"
        gone, kind = sql.rows(self._db, asked, (target,))[0]
        self._db.execute(statement, {"place": target, "by": by, "at": index_of(by), "number": number})
        if self._db.changes():
            self.interesting += kind in INTERESTING
            self._db.execute(
                "UPDATE log SET records = records - ? WHERE log_no = ?", (1 - gone, log_no_of(target))
            )

    def _erase(self, target: int, log_no: int, by: int, number: int) -> None:
        """A body that is not held need not be asked for any more."""
        self._db.execute(
            "UPDATE record SET erased_by = ?2 WHERE place = ?1 AND (erased_by IS NULL OR erased_by > ?2)",
            (target, by),
        )
        self._db.execute(
            "UPDATE record SET state = ?, change = ? WHERE place = ? AND state = ?",
            (ERASED, number, target, MISSING),
        )
        if self._db.changes():
            self._db.execute("UPDATE log SET missing = missing - 1 WHERE log_no = ?", (log_no,))

    def _earlier(self, ref: Ref | None, place: int, log_no: int) -> int | None:
        """The place of a record that a ref of this log names, if it stands there and below."""
        if ref is None or ref[1] >= index_of(place) or self._log_no(ref[0]) != log_no:
            return None
        target = place_of(log_no, ref[1])
        asked = "SELECT header FROM entry JOIN record USING (place) WHERE place = ?"
        header = sql.value(self._db, asked, (target,))
        return target if isinstance(header, bytes) and leaf_of(header) == ref[2] else None

    # --- hiding --------------------------------------------------------------------------------
    def retract(self, log_no: int, log: bytes, size: int) -> None:
        """Everything from ``size`` on leaves the log; its records stay readable as retracted."""
        number = self._number()
        first = place_of(log_no, size)
        beyond = (first, place_of(log_no + 1, 0))
        rows = sql.rows(
            self._db,
            "SELECT place, rec64, header, salt, body, arrival FROM record JOIN entry USING (place)"
            " WHERE place >= ? AND place < ?",
            beyond,
        )
        for place, rec64, header, salt, body, arrival in rows:
            number += 1
            self._db.execute(
                "INSERT INTO retracted (log_no, stood_at, rec64, change, header, salt, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (log_no, index_of(place), rec64, number, header, salt, body),
            )
            self._unhear(place, header, body, arrival)
        self._db.execute(
            "DELETE FROM record WHERE place >= ? AND place < ?", (first, place_of(log_no + 1, 0))
        )
        number = self._restore(log_no, size, number)
        self._db.execute("UPDATE store SET number = ?", (number,))
        kept = (place_of(log_no, 0), first)
        self._db.execute(
            "UPDATE log SET projected = ?4,"
            " records = (SELECT count(*) FROM record WHERE place >= ?1 AND place < ?2 AND NOT gone),"
            " missing = (SELECT count(*) FROM record WHERE place >= ?1 AND place < ?2 AND state = 2)"
            " WHERE log_no = ?3",
            (*kept, log_no, size),
        )
        self.interesting += 1

    def _unhear(self, place: int, header: bytes, body: bytes, arrival: int) -> None:
        parsed = header_of(header)
        said = read(parsed.kind, body) if parsed and body else None
        if parsed is None or said is None:
            return
        log_no = log_no_of(place)
        for cited, index, leaf in said.refs:
            if index > INDEX_MAX:
                continue
            cited_no = self._log_no(cited)
            self._db.execute(
                "DELETE FROM mention WHERE target = ? AND leaf = ? AND source = ?",
                (place_of(cited_no, index), leaf, place),
            )
            self._db.execute("DELETE FROM inbox WHERE log_no = ? AND arrival = ?", (cited_no, arrival))
        if said.external_ref is not None:
            self._db.execute(
                "DELETE FROM external_ref WHERE log_no = ? AND key64 = ? AND place = ?",
                (log_no, key64(parsed.kind, said.external_ref), place),
            )
        if said.vouches_for is not None:
            self._db.execute("DELETE FROM vouch WHERE org = ? AND place = ?", (said.vouches_for, place))

    def _restore(self, log_no: int, size: int, number: int) -> int:
        """Undo what retracted records did to those that stay."""
        touched = sql.rows(
            self._db,
            "SELECT place FROM record WHERE place >= ? AND place < ?"
            " AND (superseded_by >= ?3 OR withdrawn_by >= ?3 OR erased_by >= ?3) ORDER BY place",
            (place_of(log_no, 0), place_of(log_no, size), size),
        )
        for (place,) in touched:
            number += 1
            self._db.execute(
                "UPDATE record SET change = ?1,"
                " state = CASE WHEN state = ?4 AND erased_by >= ?3 THEN ?5 ELSE state END,"
                " superseded_by = CASE WHEN superseded_by < ?3 THEN superseded_by END,"
                " withdrawn_by = CASE WHEN withdrawn_by < ?3 THEN withdrawn_by END,"
                " erased_by = CASE WHEN erased_by < ?3 THEN erased_by END WHERE place = ?2",
                (number, place, size, ERASED, MISSING),
            )
        return number

    def _forget_retracted(self, log_no: int, batch: Batch) -> None:
        """What stands in the log again is not retracted any more."""
        if sql.first(self._db, "SELECT 1 FROM retracted WHERE log_no = ? LIMIT 1", (log_no,)) is None:
            return
        self._db.executemany(
            "DELETE FROM retracted WHERE log_no = ?1 AND rec64 = ?2"
            " AND header = (SELECT header FROM entry WHERE place = ?3)",
            [(log_no, record[2], record[0]) for record in batch.records],
        )

    # --- numbers -------------------------------------------------------------------------------
    def _number(self) -> int:
        return int(sql.value(self._db, "SELECT number FROM store"))

    def _log_no(self, log: bytes) -> int:
        """The number of a log, known or only cited."""
        if log not in self._log_nos:
            self._log_nos[log] = log_no_for(self._db, log)
        return self._log_nos[log]

    def _shelf(self, space: bytes, kind: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO shelf (space, kind) VALUES (?, ?)", (space, kind))
        asked = "SELECT shelf_no FROM shelf WHERE kind = ? AND space = ?"
        return int(sql.value(self._db, asked, (kind, space)))


def log_no_for(db: apsw.Connection, log: bytes) -> int:
    """The number of a log; a new one if it was never heard of."""
    known = sql.value(db, "SELECT log_no FROM log WHERE log = ?", (log,))
    if known is None:
        db.execute("INSERT INTO log (log) VALUES (?)", (log,))
        known = db.last_insert_rowid()
    return int(known)
