"""What was sealed and can be read here: kept beside the projections, apart from what others may see.

A row says what is inside the sealed record at its place, and goes with that record (``opened``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apsw
import msgspec

from mutunode.protocol.entry import Ref
from mutunode.protocol.limits import BODY_BYTES_MAX
from mutunode.store import sql
from mutunode.store.erase import OK
from mutunode.store.interface import Stored, promise
from mutunode.store.look import Look
from mutunode.store.meaning import SEALED, Said, leaf_of, read
from mutunode.store.numbering import log_no_for
from mutunode.store.opened import forget
from mutunode.store.places import INDEX_MAX, index_of, log_no_of, place_of
from mutunode.store.pool import Pool
from mutunode.store.turn import Turn

# Few are opened and many stand in the records: the joins keep the order they are written in. What blocked
# organisations sealed is left out.
_OF_KIND = (
    "SELECT opened.place FROM opened CROSS JOIN record USING (place)"
    " CROSS JOIN log ON log.log_no = opened.place >> 32 CROSS JOIN org ON org.org_no = log.org_no"
    " WHERE NOT blocked AND opened.kind = :kind"
    " AND (:org IS NULL OR org.org = :org)"
    " AND (NOT :current OR (gone = 0 AND opened.superseded_by IS NULL))"
    " ORDER BY arrival DESC LIMIT :limit OFFSET :offset"
)
_MENTIONS = (
    "SELECT source FROM opened_mention CROSS JOIN opened ON opened.place = source"
    " CROSS JOIN record ON record.place = source CROSS JOIN log ON log.log_no = source >> 32"
    " CROSS JOIN org ON org.org_no = log.org_no"
    " WHERE NOT blocked AND target = :target AND opened_mention.leaf = :leaf"
    " AND (:kinds = '[]' OR opened.kind IN (SELECT value FROM json_each(:kinds))) ORDER BY arrival"
)
_INBOX = (
    "SELECT source, target, opened_mention.leaf FROM opened_mention"
    " CROSS JOIN opened ON opened.place = source"
    " CROSS JOIN record ON record.place = source CROSS JOIN log ON log.log_no = source >> 32"
    " CROSS JOIN org ON org.org_no = log.org_no"
    " WHERE NOT blocked AND target >= :low AND target < :high AND source >> 32 != :log_no"
    " AND (:kinds = '[]' OR opened.kind IN (SELECT value FROM json_each(:kinds))) ORDER BY arrival DESC"
)


class Opened:
    """The part of the ledger that is about contents of sealed records."""

    _turn: Turn

    def put_opened(
        self, log: bytes, index: int, leaf: bytes, kind: str, body: bytes, reader: bytes | None = None
    ) -> None:
        """Keep what is inside the sealed record at a place."""
        promise(0 < len(body) <= BODY_BYTES_MAX, "an inner body that is none")
        db = self._turn.db
        place = place_of(log_no_for(db, log), index)
        if not self._stands(place, leaf, ours=reader is not None):
            return
        forget(db, place)
        db.execute("INSERT INTO opened VALUES (?, ?, ?, ?, ?, NULL)", (place, leaf, kind, body, reader))
        said = read(kind, body) or Said()
        targets = [(*self._target(ref), place) for ref in said.refs if ref[1] <= INDEX_MAX]
        db.executemany("INSERT OR IGNORE INTO opened_mention VALUES (?, ?, ?)", targets)
        self._supersede(place, said.supersedes)
        for (later,) in sql.rows(
            db, "SELECT source FROM opened_mention WHERE target = ? AND leaf = ?", (place, leaf)
        ):
            row = sql.first(db, "SELECT kind, body FROM opened WHERE place = ?", (later,))
            told = read(row[0], row[1]) if row else None
            self._supersede(later, told.supersedes if told else None)

    def _stands(self, place: int, leaf: bytes, *, ours: bool) -> bool:
        """Whether what was opened is still there to be read; what we are just signing comes after this."""
        row = sql.first(
            self._turn.db,
            "SELECT header, state FROM record JOIN entry USING (place) WHERE place = ?",
            (place,),
        )
        if row is None:
            return ours
        return leaf_of(row[0]) == leaf and row[1] == OK

    def _target(self, ref: Ref) -> tuple[int, bytes]:
        return place_of(log_no_for(self._turn.db, ref[0]), ref[1]), ref[2]

    def _supersede(self, place: int, ref: Ref | None) -> None:
        """The record at a place stands for the one that a ref names, of its kind and log, below it."""
        if ref is None or ref[1] >= index_of(place):
            return
        target, leaf = self._target(ref)
        if log_no_of(target) == log_no_of(place):
            self._turn.db.execute(
                "UPDATE opened SET superseded_by = ?1 WHERE place = ?2 AND leaf = ?3"
                " AND kind = (SELECT kind FROM opened WHERE place = ?4)"
                " AND (superseded_by IS NULL OR superseded_by > ?1)",
                (index_of(place), target, leaf, place),
            )

    def sealed_tried(self, places: Sequence[tuple[bytes, int]]) -> None:
        """None of our keys opens these, or what they hold is kept: they wait no longer."""
        self._turn.db.executemany(
            "DELETE FROM sealed_waiting WHERE place = ((SELECT log_no FROM log WHERE log = ?) << 32) + ?",
            places,
        )

    def try_sealed_with(self, keys: Sequence[bytes]) -> bool:
        """These are our sealing keys (public halves); with a new one all that stays shut waits again."""
        db = self._turn.db
        known = {key for (key,) in sql.each(db, "SELECT key FROM sealed_tried")}
        new = [key for key in keys if key not in known]
        if new:
            db.execute(
                "INSERT OR IGNORE INTO sealed_waiting SELECT place FROM record"
                " WHERE shelf_no IN (SELECT shelf_no FROM shelf WHERE kind = ?)"
                " AND state = 0 AND place NOT IN (SELECT place FROM opened)",
                (SEALED,),
            )
        if known != set(keys):
            db.execute("DELETE FROM sealed_tried")  # one that is gone would be new if it came back
            db.executemany("INSERT OR IGNORE INTO sealed_tried VALUES (?)", [(key,) for key in keys])
        return bool(new)

    def forget_opened(self, log: bytes, index: int) -> None:
        """The record there is erased: nothing of what was inside stays."""
        log_no = self._turn.log_no(log)
        if log_no is not None:
            forget(self._turn.db, place_of(log_no, index))


class OpenedReader:
    """The read side of the same."""

    _pool: Pool

    def sealed_waiting(self, limit: int) -> list[Stored]:
        """Sealed records to be tried, as they came."""
        with self._pool.snapshot() as db:
            rows = sql.rows(db, "SELECT place FROM sealed_waiting LIMIT ?", (limit,))
            return list(Look(db).all_at(place for (place,) in rows))

    def opened_at(self, log: bytes, index: int) -> Stored | None:
        """The sealed record there, with what is inside for its body."""
        with self._pool.snapshot() as db:
            log_no = sql.value(db, "SELECT log_no FROM log WHERE log = ?", (log,))
            if log_no is None or not 0 <= index <= INDEX_MAX:
                return None
            return next(_opened(db, [place_of(log_no, index)]), None)

    def opened_of_kind(
        self, kind: str, org: bytes | None = None, limit: int = 50, offset: int = 0, current: bool = True
    ) -> list[Stored]:
        """What was opened of one kind, newest arrival first."""
        asked = {"kind": kind, "org": org, "limit": limit, "offset": offset, "current": current}
        with self._pool.snapshot() as db:
            return list(_opened(db, [place for (place,) in sql.rows(db, _OF_KIND, asked)]))

    def opened_mentions(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """What was opened that cites exactly this leaf, in order of arrival."""
        with self._pool.snapshot() as db:
            log_no = sql.value(db, "SELECT log_no FROM log WHERE log = ?", (log,))
            if log_no is None or not 0 <= index <= INDEX_MAX:
                return []
            asked = {"target": place_of(log_no, index), "leaf": leaf, "kinds": _json(kinds)}
            return list(_opened(db, [place for (place,) in sql.rows(db, _MENTIONS, asked)]))

    def opened_mentioning_log(self, log: bytes, kinds: Sequence[str] = (), limit: int = 50) -> list[Stored]:
        """What others sealed that cites a leaf of this log, newest arrival first."""
        with self._pool.snapshot() as db:
            row = sql.first(db, "SELECT log_no, size FROM log WHERE log = ?", (log,))
            if row is None:
                return []
            log_no, size = row
            asked = {
                "low": place_of(log_no, 0),
                "high": place_of(log_no, size),
                "log_no": log_no,
                "kinds": _json(kinds),
            }
            standing = (
                source for source, target, leaf in sql.each(db, _INBOX, asked) if _leaf_at(db, target) == leaf
            )
            places: dict[int, None] = {}
            for place in standing:
                places[place] = None
                if len(places) >= limit:
                    break
            return list(_opened(db, list(places)))


def _opened(db: apsw.Connection, places: Sequence[int]) -> Iterator[Stored]:
    for place, outer in Look(db).with_places(places):
        row = sql.first(
            db, "SELECT leaf, kind, body, reader, superseded_by FROM opened WHERE place = ?", (place,)
        )
        if row is None or row[0] != outer.leaf:
            continue
        _, kind, body, reader, superseded_by = row
        state = "ok" if read(kind, body) is not None else "opaque"
        yield msgspec.structs.replace(
            outer,
            kind=kind,
            body=body,
            state=state,
            sealed=True,
            sealed_for=reader,
            superseded_by=outer.superseded_by if outer.superseded_by is not None else superseded_by,
        )


def _leaf_at(db: apsw.Connection, place: int) -> bytes | None:
    header = sql.value(db, "SELECT header FROM entry WHERE place = ?", (place,))
    return leaf_of(header) if header is not None else None


def _json(kinds: Sequence[str]) -> str:
    return msgspec.json.encode(list(kinds)).decode()
