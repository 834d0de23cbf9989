"""Projections: from entries that stand in a log to records that can be found.

Made in the writer's thread, in the database of the entries themselves, and always derived: what a leaf is,
what became of it (``relate``), who cites it. A ref is kept as it was written and compared with the leaf
that stands there when somebody asks, so that it does not matter which of the two logs came first, nor what
an epoch replaced in between.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from mutunode.protocol.entry import rec_id
from mutunode.store import sql
from mutunode.store.erase import ERASED, MISSING, OK, OPAQUE, Erasure
from mutunode.store.meaning import INTERESTING, SEALED, Said, header_of, leaf_of, read
from mutunode.store.numbering import Interest, keep_number, last_number, log_no_for, shelf_for
from mutunode.store.opened import queue
from mutunode.store.places import INDEX_MAX, first64, key64, log_no_of, place_of
from mutunode.store.relate import Relations
from mutunode.store.retract import Retraction


class Batch:
    """What some entries of one log bring, before it is written."""

    def __init__(self) -> None:
        self.records: list[tuple[int, int, int, int, int, int]] = []
        self.mentions: list[tuple[int, bytes, int]] = []
        self.inbox: dict[tuple[int, int], int] = {}
        self.external_refs: list[tuple[int, int, int]] = []
        self.vouches: list[tuple[bytes, int]] = []
        self.relations: list[tuple[int, Said]] = []
        self.sealed: list[int] = []  # places of what may be for us
        self.no_records: list[int] = []  # places whose salt and body have nothing to say
        self.missing = 0


class Projection:
    """Keeps the projections of every log; all calls inside a turn."""

    def __init__(self, db: apsw.Connection, interest: Interest) -> None:
        self._db = db
        self._interest = interest
        self.erasure = Erasure(db, interest)
        self._relations = Relations(db, interest, self.erasure)
        self._retraction = Retraction(db, self._relations, interest)
        self._log_nos: dict[bytes, int] = {}  # of logs cited, for the length of one call

    def show(self, log_no: int, log: bytes, space: bytes, start: int, end: int) -> None:
        """Read the entries from ``start`` to ``end`` (excluded) for the first time."""
        self._log_nos = {log: log_no}
        number, batch, shelves = last_number(self._db), Batch(), dict[str, int]()
        returning, erased = self._retraction.is_any(log_no), self.erasure.is_any(log_no)
        if returning:
            self._retraction.give_bodies_back(log_no, log, start, end)
        for place, kind, leaf, rec64, body in self._records(batch, log_no, log, start, end):
            if kind not in shelves:
                shelves[kind] = shelf_for(self._db, space, kind)
                self._interest.changes += kind in INTERESTING
            number += 1
            if body:
                state = self._hear(batch, kind, read(kind, body), place, number)
            elif erased and self.erasure.is_erased(log_no, leaf):
                state = ERASED
            else:
                state = MISSING
                batch.missing += 1
            batch.records.append((place, shelves[kind], rec64, number, number, state))
        self._db.executemany(
            "INSERT INTO record (place, shelf_no, rec64, arrival, change, state) VALUES (?, ?, ?, ?, ?, ?)",
            batch.records,
        )
        if returning:
            self._retraction.forget(log_no, [(record[2], record[0]) for record in batch.records])
        current = sum(record[5] != ERASED for record in batch.records)
        self._db.execute(
            "UPDATE log SET projected = ?, records = records + ?, missing = missing + ? WHERE log_no = ?",
            (end, current, batch.missing, log_no),
        )
        self._db.execute(
            "UPDATE delivered SET state = 'settled', salt = x'', body = x'', inside = x''"
            " WHERE log = ? AND stood_at >= ? AND stood_at < ?",
            (log, start, end),
        )
        self._finish(batch, number)

    def fill(self, place: int, header: bytes, body: bytes) -> None:
        """The body of a record that was missing is there now."""
        parsed = header_of(header)
        assert parsed is not None, "what is missing has a header that can be read"
        self._log_nos = {}
        batch, number = Batch(), last_number(self._db) + 1
        arrival = int(sql.value(self._db, "SELECT arrival FROM record WHERE place = ?", (place,)))
        state = self._hear(batch, parsed.kind, read(parsed.kind, body), place, arrival)
        self._db.execute("UPDATE record SET state = ?, change = ? WHERE place = ?", (state, number, place))
        self._db.execute("UPDATE log SET missing = missing - 1 WHERE log_no = ?", (log_no_of(place),))
        self._interest.changes += parsed.kind in INTERESTING
        self._finish(batch, number)

    # --- all of it again -----------------------------------------------------------------------
    def begin_again(self) -> None:
        """Forget what was read; in which order records arrived follows from nothing else, and is kept."""
        db = self._db
        db.execute("CREATE TEMP TABLE IF NOT EXISTS arrived (place INTEGER PRIMARY KEY, arrival INTEGER)")
        db.execute("DELETE FROM temp.arrived")
        db.execute("INSERT INTO temp.arrived SELECT place, arrival FROM record WHERE arrival > 0")
        changes = "SELECT change FROM record UNION ALL SELECT change FROM retracted"
        newest = sql.value(db, f"SELECT coalesce(max(change), 0) FROM ({changes})")  # noqa: S608
        keep_number(db, max(last_number(db), newest))
        for table in ("record", "mention", "inbox", "external_ref", "vouch"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608  (names that stand here)
        db.execute("UPDATE log SET projected = 0, records = 0, missing = 0")

    def end_again(self) -> None:
        """Everything was shown again: in the order in which it came, and not tried again where it is open."""
        earlier = "SELECT arrived.arrival FROM temp.arrived WHERE arrived.place"
        self._db.execute(f"UPDATE record SET arrival = coalesce(({earlier} = record.place), arrival)")  # noqa: S608
        self._db.execute(f"UPDATE OR IGNORE inbox SET arrival = coalesce(({earlier} = source), arrival)")  # noqa: S608
        self._db.execute("DELETE FROM temp.arrived")
        self._db.execute("DELETE FROM sealed_waiting WHERE place IN (SELECT place FROM opened)")

    def drop(self, log_no: int, size: int) -> None:
        """An epoch keeps ``size`` leaves: the records beyond are retracted."""
        self._retraction.drop(log_no, size)

    # --- reading -------------------------------------------------------------------------------
    def _records(
        self, batch: Batch, log_no: int, log: bytes, start: int, end: int
    ) -> Iterator[tuple[int, str, bytes, int, bytes]]:
        """(place, kind, leaf, rec64, body) of what is a record; the rest gives up its salt and body."""
        rows = sql.rows(
            self._db,
            "SELECT place, header, body FROM entry WHERE place >= ? AND place < ? ORDER BY place",
            (place_of(log_no, start), place_of(log_no, end)),
        )
        leaves = [leaf_of(header) for _, header, _ in rows]
        keys = [first64(rec_id(log, leaf)) for leaf in leaves]
        seen = self._standing(keys, log_no) if start else set()
        for (place, raw, body), leaf, rec64 in zip(rows, leaves, keys, strict=True):
            header = header_of(raw)
            if header is not None and raw not in seen:
                seen.add(raw)
                yield place, header.kind, leaf, rec64, body
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

    def _hear(self, batch: Batch, kind: str, said: Said | None, place: int, arrival: int) -> int:
        """Note what a body says; the state of its record."""
        if said is None:
            return OPAQUE
        log_no = log_no_of(place)
        for cited, index, leaf in said.refs:
            if index <= INDEX_MAX:
                cited_no = self._log_no(cited)
                batch.mentions.append((place_of(cited_no, index), leaf, place))
                if cited_no != log_no:
                    batch.inbox[cited_no, arrival] = place
        if kind == SEALED:
            batch.sealed.append(place)
        if said.external_ref is not None:
            batch.external_refs.append((log_no, key64(kind, said.external_ref), place))
        if said.vouches_for is not None:
            batch.vouches.append((said.vouches_for, place))
        if said.supersedes or said.withdraws:
            batch.relations.append((place, said))
        return OK

    def _log_no(self, log: bytes) -> int:
        if log not in self._log_nos:
            self._log_nos[log] = log_no_for(self._db, log)
        return self._log_nos[log]

    # --- writing -------------------------------------------------------------------------------
    def _finish(self, batch: Batch, number: int) -> None:
        db = self._db
        db.executemany("INSERT INTO mention VALUES (?, ?, ?)", batch.mentions)
        db.executemany(
            "INSERT INTO inbox VALUES (?, ?, ?)", [(*key, place) for key, place in batch.inbox.items()]
        )
        db.executemany("INSERT INTO external_ref VALUES (?, ?, ?)", batch.external_refs)
        db.executemany("INSERT INTO vouch VALUES (?, ?)", batch.vouches)
        queue(db, batch.sealed)
        for place in batch.no_records:
            self._empty(place)
        for place, said in batch.relations:
            number = self._relations.apply(place, said, number)
        keep_number(db, number)

    def _empty(self, place: int) -> None:
        """Drop the salt and body of a leaf without a record."""
        self._db.execute(
            "UPDATE log SET bytes = bytes - (SELECT length(salt) + length(body) FROM entry WHERE place = ?1)"
            " WHERE log_no = ?1 >> 32",
            (place,),
        )
        self._db.execute("UPDATE entry SET salt = x'', body = x'' WHERE place = ?", (place,))
