"""The read side: what people may see, from any thread, each call on one consistent state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager

import apsw
import msgspec

from mutunode.protocol.entry import Entry, find_refs, rec_id
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.store import sql
from mutunode.store.interface import LIKE_MAX, Catalogues, Counts, Draft, Organisation, Stored, StoreDamaged
from mutunode.store.look import Look
from mutunode.store.meaning import fields_of, is_body_of, leaf_of
from mutunode.store.organisations import read_organisations
from mutunode.store.places import INDEX_MAX, first64, index_of, key64, place_of
from mutunode.store.pool import Pool
from mutunode.store.sqlite_delivered import DeliveredReader
from mutunode.store.sqlite_files import FileReader
from mutunode.store.sqlite_opened import OpenedReader

# Records that cite one leaf, or another log; in public or in the space of what is cited, of some kinds
# (a JSON list, empty for all), and not of organisations that are blocked.
_MENTIONS = (
    "SELECT source FROM mention CROSS JOIN record ON record.place = source CROSS JOIN shelf USING (shelf_no)"
    " CROSS JOIN log ON log.log_no = source >> 32 CROSS JOIN org ON org.org_no = log.org_no"
    " WHERE target = :target AND leaf = :leaf AND NOT blocked AND shelf.space IN (:public, :space)"
    " AND (:kinds = '[]' OR shelf.kind IN (SELECT value FROM json_each(:kinds))) ORDER BY arrival"
)
_MENTIONED = (
    "SELECT given.key FROM json_each(?) AS given JOIN log ON log = unhex(given.value ->> 0)"
    " WHERE EXISTS (SELECT 1 FROM mention WHERE target = (log_no << 32 | given.value ->> 1))"
)
_INBOX = (
    "SELECT source FROM inbox CROSS JOIN record ON record.place = source CROSS JOIN shelf USING (shelf_no)"
    " CROSS JOIN log ON log.log_no = source >> 32 CROSS JOIN org ON org.org_no = log.org_no"
    " WHERE inbox.log_no = :log_no AND NOT blocked AND shelf.space IN (:public, :space)"
    " AND (:kinds = '[]' OR shelf.kind IN (SELECT value FROM json_each(:kinds)))"
    " ORDER BY inbox.arrival DESC"
)

# Records of one shelf, newest arrival first; in one log that is the order of their places.
_OF_ALL = (
    "SELECT place FROM record CROSS JOIN log ON log.log_no = place >> 32"
    " CROSS JOIN org ON org.org_no = log.org_no WHERE NOT blocked AND shelf_no = :shelf AND gone = 0"
    " ORDER BY arrival DESC LIMIT :limit OFFSET :offset"
)
_OF_ONE = (
    "SELECT place FROM record WHERE shelf_no = :shelf AND gone = 0 AND place >= :low AND place < :high"
    " ORDER BY place DESC LIMIT :limit OFFSET :offset"
)
# With the history, two runs that are in order already: merged, not sorted.
_OF_ALL_EVER = (
    "SELECT place, arrival FROM record CROSS JOIN log ON log.log_no = place >> 32"
    " CROSS JOIN org ON org.org_no = log.org_no WHERE NOT blocked AND shelf_no = :shelf AND gone = 0"
    " UNION ALL SELECT place, arrival FROM record CROSS JOIN log ON log.log_no = place >> 32"
    " CROSS JOIN org ON org.org_no = log.org_no WHERE NOT blocked AND shelf_no = :shelf AND gone = 1"
    " ORDER BY arrival DESC LIMIT :limit OFFSET :offset"
)
_OF_ONE_EVER = (
    "SELECT place FROM record WHERE shelf_no = :shelf AND gone = 0 AND place >= :low AND place < :high"
    " UNION ALL"
    " SELECT place FROM record WHERE shelf_no = :shelf AND gone = 1 AND place >= :low AND place < :high"
    " ORDER BY place DESC LIMIT :limit OFFSET :offset"
)


_CATALOGUES = (
    "SELECT count(*) FILTER (WHERE NOT blocked), min(received_at) FILTER (WHERE org <> ?2)"
    " FROM org JOIN log USING (org_no) WHERE space = ?1 AND size > 0"
    " AND (chain IS NOT NULL OR decided_at IS NOT NULL)"
)

_CONNECTIONS_MAX = 8  # whose organisations are remembered; × 1 KB an organisation


class SqliteReader(OpenedReader, DeliveredReader, FileReader):
    """Answers from the projections; safe to share."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # connection → (its version of the file, what it read): a page asks for them again and again
        self._organisations: dict[apsw.Connection, tuple[int, list[Organisation]]] = {}

    def at_once(self) -> AbstractContextManager[None]:
        """One state for all calls of this thread until the end of a ``with``."""
        return self._pool.at_once()

    @property
    def is_read(self) -> bool:
        """Whether somebody does so just now, or did a moment ago."""
        return self._pool.is_read

    # --- one record ----------------------------------------------------------------------------
    def record(self, rec: bytes) -> Stored | None:
        """A record by its id, also a retracted one."""
        with self._pool.snapshot() as db:
            key = first64(rec)
            return next((stored for stored in Look(db).between(key, key) if stored.rec == rec), None)

    def records(self, recs: Sequence[bytes]) -> dict[bytes, Stored]:
        """Several by their ids."""
        with self._pool.snapshot() as db:
            found: dict[bytes, Stored] = {}
            for stored in Look(db).with_ids([first64(rec) for rec in recs]):
                found.setdefault(stored.rec, stored)
            return {rec: found[rec] for rec in recs if rec in found}

    def records_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Record ids from ``low`` to ``high``, ascending."""
        found: set[bytes] = set()
        with self._pool.snapshot() as db:
            for stored in Look(db).between(first64(low), first64(high)):
                if low <= stored.rec <= high:
                    found.add(stored.rec)
        return sorted(found)[:LIKE_MAX]

    def at(self, log: bytes, index: int) -> Stored | None:
        """The record that stands there."""
        with self._pool.snapshot() as db:
            held = _held(db, log)
            if held is None or not 0 <= index <= INDEX_MAX:
                return None
            return Look(db).at(place_of(held[0], index))

    def current(self, org: bytes, kind: str, space: bytes = PUBLIC) -> Stored | None:
        """The newest current record of a kind."""
        return next(iter(self.of_kind(kind, org, space, limit=1)), None)

    def by_external_ref(
        self, org: bytes, kind: str, external_ref: str, space: bytes = PUBLIC
    ) -> Stored | None:
        """The newest current record that bears this key of its author."""
        with self._pool.snapshot() as db:
            held = _held(db, log_id(org, space)) or (0, 0, space)
            asked = (
                "SELECT place FROM external_ref CROSS JOIN record USING (place)"
                " WHERE log_no = ? AND key64 = ? AND gone = 0 ORDER BY place DESC"
            )
            for stored in _all(db, sql.each(db, asked, (held[0], key64(kind, external_ref)))):
                if stored.kind == kind and stored.fields().get("external_ref") == external_ref:
                    return stored
        return None

    # --- lists ---------------------------------------------------------------------------------
    def mentions(self, log: bytes, index: int, kinds: Sequence[str] = ()) -> list[Stored]:
        """Records that cite exactly the leaf that stands there, in order of arrival."""
        with self._pool.snapshot() as db:
            held = _held(db, log)
            if held is None or not 0 <= index < held[1]:
                return []
            place = place_of(held[0], index)
            if sql.first(db, "SELECT 1 FROM mention WHERE target = ? LIMIT 1", (place,)) is None:
                return []  # true of most records, and asked for each card and several times for each page
            header = sql.value(db, "SELECT header FROM entry WHERE place = ?", (place,))
            asked = {"target": place, "leaf": leaf_of(header), **_visible(held[2], kinds)}
            rows = sql.each(db, _MENTIONS, asked)
            return list(_all(db, rows))

    def mentioned(self, records: Sequence[Stored]) -> set[bytes]:
        """The ids of those that some record may cite."""
        with self._pool.snapshot() as db:
            places = [(each.log.hex(), each.index) for each in records]
            found = sql.rows(db, _MENTIONED, (msgspec.json.encode(places).decode(),))
            return {records[at].rec for (at,) in found}

    def citing(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """Public records that cite this leaf, whether or not it is held."""
        with self._pool.snapshot() as db:
            log_no = sql.value(db, "SELECT log_no FROM log WHERE log = ?", (log,))
            if log_no is None or not 0 <= index <= INDEX_MAX:
                return []
            asked = {"target": place_of(log_no, index), "leaf": leaf, **_visible(PUBLIC, kinds)}
            return list(_all(db, sql.each(db, _MENTIONS, asked)))

    def mentioning_log(
        self, log: bytes, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0
    ) -> list[Stored]:
        """Records of other logs that cite any leaf of this one, newest arrival first."""
        with self._pool.snapshot() as db:
            held = _held(db, log)
            if held is None:
                return []
            asked = {"log_no": held[0], **_visible(held[2], kinds)}
            rows = sql.each(db, _INBOX, asked)
            found: list[Stored] = []
            for stored in _all(db, rows):
                if len(found) >= offset + limit:
                    break
                if _cites(db, stored, log, held[0], held[1]):
                    found.append(stored)
            return found[offset:]

    def of_kind(
        self,
        kind: str,
        org: bytes | None = None,
        space: bytes = PUBLIC,
        limit: int = 50,
        offset: int = 0,
        current: bool = True,
    ) -> list[Stored]:
        """Records of a kind, newest arrival first."""
        with self._pool.snapshot() as db:
            shelf = sql.value(db, "SELECT shelf_no FROM shelf WHERE kind = ? AND space = ?", (kind, space))
            asked = {"shelf": shelf, "limit": limit, "offset": offset}
            if org is None:
                return list(_all(db, sql.each(db, _OF_ALL if current else _OF_ALL_EVER, asked)))
            held = _held(db, log_id(org, space)) or (0, 0, space)
            asked |= {"low": place_of(held[0], 0), "high": place_of(held[0] + 1, 0)}
            return list(_all(db, sql.each(db, _OF_ONE if current else _OF_ONE_EVER, asked)))

    def awaited(self, log: bytes, kinds: Sequence[str]) -> list[Stored]:
        """Records of these kinds in a log whose bodies are not held."""
        with self._pool.snapshot() as db:
            held = _held(db, log)
            if held is None:
                return []
            asked = (
                "SELECT place FROM record CROSS JOIN shelf USING (shelf_no) WHERE state = 2"
                " AND place >= ? AND place < ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY place"
            )
            names = msgspec.json.encode(list(kinds)).decode()
            return list(
                _all(db, sql.each(db, asked, (place_of(held[0], 0), place_of(held[0] + 1, 0), names)))
            )

    def changes(
        self, after: int, limit: int, within: bytes = b"", kinds: Sequence[str] = ()
    ) -> list[tuple[int, Stored]]:
        """Records whose newest change has a number above ``after``, by number."""
        with self._pool.snapshot() as db:
            return Look(db).changed(after, limit, within, kinds)

    def newest_change(self) -> int:
        """The number of the newest change."""
        with self._pool.snapshot() as db:
            newest = sql.rows(
                db, "SELECT max(change) FROM record UNION ALL SELECT max(change) FROM retracted"
            )
            return max(number or 0 for (number,) in newest)

    def behind(self) -> int:
        """How many entries wait to be projected."""
        asked = "SELECT coalesce(sum(size - projected), 0) FROM log WHERE projected < size"
        with self._pool.snapshot() as db:
            return int(sql.value(db, asked))

    # --- organisations -------------------------------------------------------------------------
    def organisations(self) -> list[Organisation]:
        """Every organisation known, by id."""
        with self._pool.snapshot() as db:
            version = int(sql.value(db, "PRAGMA data_version"))  # of what this connection sees
            known = self._organisations.get(db)
            if known is None or known[0] != version:
                if len(self._organisations) >= _CONNECTIONS_MAX:
                    self._organisations.clear()
                known = self._organisations[db] = (version, list(read_organisations(db)))
            return list(known[1])

    def organisation(self, org: bytes) -> Organisation | None:
        """One of them."""
        with self._pool.snapshot() as db:
            return next(read_organisations(db, org), None)

    def catalogues(self, own: bytes) -> Catalogues:
        """All of them together, counted by SQLite: each row that is read here is a wait for Python's lock."""
        with self._pool.snapshot() as db:
            blocked = tuple(org for (org,) in sql.rows(db, "SELECT org FROM org WHERE blocked ORDER BY org"))
            number, oldest = sql.rows(db, _CATALOGUES, (PUBLIC, own))[0]
            return Catalogues(number, blocked, oldest or 0)

    def rivalled(self) -> list[Organisation]:
        """Those whose chain has rivals, by id."""
        with self._pool.snapshot() as db:
            asked = "SELECT org FROM org WHERE rivalled ORDER BY org"
            found = [next(read_organisations(db, org), None) for (org,) in sql.rows(db, asked)]
        return [each for each in found if each is not None and each.chain is not None and each.chain.rivals]

    def counts(self) -> Counts:
        """How much is shown."""
        with self._pool.snapshot() as db:
            asked = (
                "SELECT count(*), coalesce(sum(records), 0) FROM log JOIN org USING (org_no)"
                " WHERE (head IS NOT NULL OR size > 0) AND space = ? AND NOT blocked"
            )
            organisations, records = sql.rows(db, asked, (PUBLIC,))[0]
            return Counts(organisations, records)

    # --- whole logs ----------------------------------------------------------------------------
    def log_walk(self, log: bytes) -> Iterator[Entry]:
        """Every committed entry of a log."""
        with self._pool.snapshot() as db:
            log_no, size, _ = _held(db, log) or (0, 0, b"")
            asked = (
                "SELECT place, header, salt, body, rec64 FROM entry LEFT JOIN record USING (place)"
                " WHERE place >= ? AND place < ? ORDER BY place"
            )
            span = (place_of(log_no, 0), place_of(log_no, size))
            for place, header, salt, body, rec64 in sql.each(db, asked, span):
                if rec64 is not None and first64(rec_id(log, leaf_of(header))) != rec64:
                    index = index_of(place)
                    raise StoreDamaged(f"entry {index} is not what was signed: `mutunode doctor --repair`")
                intact = not body or is_body_of(header, salt, body)
                yield Entry(header, salt, body) if intact else Entry(header, b"", b"")

    # --- drafts --------------------------------------------------------------------------------
    def drafts(self) -> list[Draft]:
        """Drafts, newest first."""
        with self._pool.snapshot() as db:
            rows = sql.each(db, "SELECT id, kind, input, updated FROM draft ORDER BY updated DESC, id")
            return [_draft(*row) for row in rows]

    def draft(self, id: str) -> Draft | None:
        """One draft."""
        with self._pool.snapshot() as db:
            row = sql.first(db, "SELECT id, kind, input, updated FROM draft WHERE id = ?", (id,))
            return _draft(*row) if row else None


def _held(db: apsw.Connection, log: bytes) -> tuple[int, int, bytes] | None:
    """(number, size, space) of a log of somebody's."""
    row = sql.first(db, "SELECT log_no, size, space FROM log WHERE log = ? AND org_no IS NOT NULL", (log,))
    return (row[0], row[1], row[2]) if row else None


def _all(db: apsw.Connection, places: Iterable[sql.Answer]) -> Iterator[Stored]:
    return Look(db).all_at(place for place, *_ in places)


def _visible(space: bytes, kinds: Sequence[str]) -> dict[str, object]:
    """What a circle's members say of a public record is not seen from it; what they say of theirs is."""
    return {"public": PUBLIC, "space": space, "kinds": msgspec.json.encode(list(kinds)).decode()}


def _cites(db: apsw.Connection, stored: Stored, log: bytes, log_no: int, size: int) -> bool:
    """Whether one of its refs to this log names a leaf that stands there."""
    for cited, index, leaf in find_refs(fields_of(stored.body) or {}):
        if cited == log and index < size:
            asked = "SELECT header FROM entry WHERE place = ?"
            if leaf_of(sql.value(db, asked, (place_of(log_no, index),))) == leaf:
                return True
    return False


def _draft(id: str, kind: str, text: str, updated: int) -> Draft:
    return Draft(id, kind, msgspec.json.decode(text), updated)
