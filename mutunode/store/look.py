"""From rows to records, as people may see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import apsw
import msgspec

from mutunode.protocol.entry import Header, rec_id
from mutunode.store import sql
from mutunode.store.interface import LIKE_MAX, State, Stored
from mutunode.store.meaning import header_of, is_body_of, leaf_of
from mutunode.store.places import first64, index_of, log_no_of
from mutunode.store.sqlite_logs import unpack_head

STATES: tuple[State, ...] = ("ok", "opaque", "missing", "erased")  # as `record.state` counts them

PAGE = 100  # records read at a time: two pages of a list
LOWEST_MAX = 2 * LIKE_MAX  # so that some may turn out to be others that begin alike

_RECORDS = (
    "SELECT place, rec64, header, salt, body, state, superseded_by, withdrawn_by"
    " FROM record CROSS JOIN entry USING (place)"
)
_RECORDS_AT = (
    "SELECT place, rec64, header, salt, body, state, superseded_by, withdrawn_by"
    " FROM json_each(?) CROSS JOIN record ON place = value CROSS JOIN entry USING (place)"
)
_CHANGED = (
    "SELECT change, place, NULL AS retracted_no FROM record WHERE change > ?1"
    " UNION ALL SELECT change, NULL, retracted_no FROM retracted WHERE change > ?1 ORDER BY change LIMIT ?2"
)
# Of these, those whose body holds some bytes, or is not there, or that are of a kind; and the last, whatever
# it is. Chosen by SQLite: each row that is read here is a wait for Python's lock.
_CHANGED_WITHIN = (
    "WITH looked AS (CHANGED) SELECT looked.change, place, retracted_no"
    " FROM looked LEFT JOIN record USING (place) LEFT JOIN entry USING (place)"
    " WHERE place IS NULL OR state <> 0 OR instr(body, ?3) OR shelf_no IN"
    " (SELECT shelf_no FROM shelf WHERE kind IN (SELECT value FROM json_each(?4)))"
    " OR looked.change = (SELECT max(change) FROM looked) ORDER BY looked.change"
).replace("CHANGED", _CHANGED)
_RECORDS_WITH_IDS = (
    "SELECT place, rec64, header, salt, body, state, superseded_by, withdrawn_by"
    " FROM json_each(?) CROSS JOIN record ON rec64 = value CROSS JOIN entry USING (place)"
)
_RETRACTED = "SELECT log_no, stood_at, header, salt, body, epoch FROM retracted"


class _Of(msgspec.Struct, frozen=True):
    """Whose a log is."""

    log: bytes
    org: bytes
    space: bytes
    contested_from: int | None


class Look:
    """Reads records, looking each log up once; for the length of one call."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._logs: dict[int, _Of] = {}

    def at(self, place: int) -> Stored | None:
        """The record at a place."""
        return next(self.all_at([place]), None)

    def all_at(self, places: Iterable[int]) -> Iterator[Stored]:
        """The records at these places, in this order; a page at a time, so that one may stop early."""
        return (stored for _, stored in self.with_places(places))

    def with_places(self, places: Iterable[int]) -> Iterator[tuple[int, Stored]]:
        """The same, each with its place: one whose header was changed by the disk is left out."""
        waiting = iter(places)
        while page := list(islice(waiting, PAGE)):
            for row in sql.rows(self._db, _RECORDS_AT, (str(page),)):
                stored = self._stored(*row)
                if stored is not None:
                    yield row[0], stored

    def between(self, low: int, high: int) -> Iterator[Stored]:
        """Records by the first 64 bits of their ids, ascending; then retracted ones."""
        for row in sql.each(self._db, _RECORDS + " WHERE rec64 BETWEEN ? AND ? ORDER BY rec64", (low, high)):
            stored = self._stored(*row)
            if stored is not None:
                yield stored
        for row in sql.each(
            self._db, _RETRACTED + " WHERE rec64 BETWEEN ? AND ? ORDER BY rec64", (low, high)
        ):
            yield self._retracted(*row)

    def with_ids(self, ids: Sequence[int]) -> Iterator[Stored]:
        """Records by the first 64 bits of their ids; then retracted ones."""
        asked = json.dumps(ids)
        for row in sql.each(self._db, _RECORDS_WITH_IDS, (asked,)):
            stored = self._stored(*row)
            if stored is not None:
                yield stored
        for row in sql.each(self._db, f"{_RETRACTED} CROSS JOIN json_each(?) ON rec64 = value", (asked,)):
            yield self._retracted(*row)

    def changed(
        self, after: int, limit: int, within: bytes = b"", kinds: Sequence[str] = ()
    ) -> list[tuple[int, Stored]]:
        """(number, record) of changes above ``after``, by number; ``within`` as ``changes`` says."""
        if within:
            rows = sql.rows(self._db, _CHANGED_WITHIN, (after, limit, within, json.dumps(kinds)))
        else:
            rows = sql.rows(self._db, _CHANGED, (after, limit))
        live = dict(self.with_places(place for _, place, _ in rows if place is not None))
        told = (
            (number, live.get(place) if retracted_no is None else self._retracted_at(retracted_no))
            for number, place, retracted_no in rows
        )
        return [(number, stored) for number, stored in told if stored is not None]

    def _retracted_at(self, retracted_no: int) -> Stored:
        row = sql.rows(self._db, _RETRACTED + " WHERE retracted_no = ?", (retracted_no,))[0]
        return self._retracted(*row)

    def _of(self, log_no: int) -> _Of:
        if log_no not in self._logs:
            asked = (
                "SELECT log, org, space, head,"
                " EXISTS (SELECT 1 FROM evidence WHERE evidence.log_no = log.log_no)"
                " FROM log JOIN org USING (org_no) WHERE log_no = ?"
            )
            log, org, space, raw, disputed = sql.rows(self._db, asked, (log_no,))[0]
            self._logs[log_no] = _Of(log, org, space, self._contested_from(log_no, raw) if disputed else None)
        return self._logs[log_no]

    def _contested_from(self, log_no: int, raw: bytes | None) -> int | None:
        head = unpack_head(raw)
        asked = "SELECT first_index FROM evidence WHERE log_no = ? AND epoch = ?"
        return sql.value(self._db, asked, (log_no, head.epoch)) if head else None

    def _stored(
        self,
        place: int,
        rec64: int,
        header: bytes,
        salt: bytes,
        body: bytes,
        state: int,
        superseded_by: int | None,
        withdrawn_by: int | None,
    ) -> Stored | None:
        """What the disk has changed since it was signed is not shown: no record, or one without its body."""
        of, index = self._of(log_no_of(place)), index_of(place)
        if first64(rec_id(of.log, leaf_of(header))) != rec64:
            return None
        if body and not is_body_of(header, salt, body):
            salt, body, state = b"", b"", STATES.index("missing")
        return _stored(
            of, index, (header, salt, body), STATES[state], superseded_by, withdrawn_by, of.contested_from
        )

    def _retracted(
        self, log_no: int, index: int, header: bytes, salt: bytes, body: bytes, epoch: int
    ) -> Stored:
        state: State = "retracted" if body or not self._is_erased(log_no, header) else "erased"
        return _stored(self._of(log_no), index, (header, salt, body), state, retracted_by=epoch)

    def _is_erased(self, log_no: int, header: bytes) -> bool:
        asked = "SELECT 1 FROM erased WHERE log_no = ? AND leaf = ?"
        return sql.first(self._db, asked, (log_no, leaf_of(header))) is not None


def _stored(
    of: _Of,
    index: int,
    row: tuple[bytes, bytes, bytes],
    state: State,
    superseded_by: int | None = None,
    withdrawn_by: int | None = None,
    contested_from: int | None = None,
    retracted_by: int | None = None,
) -> Stored:
    header, salt, body = row
    parsed, leaf = header_of(header), leaf_of(header)
    assert isinstance(parsed, Header), "a record has a header that can be read"
    return Stored(
        log=of.log,
        index=index,
        org=of.org,
        space=of.space,
        leaf=leaf,
        rec=rec_id(of.log, leaf),
        kind=parsed.kind,
        time=parsed.time,
        header=header,
        salt=salt,
        body=body or None,
        state=state,
        superseded_by=superseded_by,
        withdrawn_by=withdrawn_by,
        contested=contested_from is not None and index >= contested_from,
        retracted_by=retracted_by,
    )
