"""The write side of logs: entries come, a head commits them, an epoch cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice

import msgspec

from mutunode.protocol.entry import rec_id
from mutunode.protocol.head import Head, log_id
from mutunode.protocol.ledger import HeldLog, RangeItem, Row
from mutunode.protocol.merkle import Compact
from mutunode.store import sql
from mutunode.store.erase import MISSING
from mutunode.store.interface import BrokenPromise, promise
from mutunode.store.meaning import is_body_of, leaf_of
from mutunode.store.places import first64, index_of, log_no_of, place_of
from mutunode.store.tree import StoredTree
from mutunode.store.turn import Turn

ROW_FRAMING_BYTES = 8  # what ``entries`` counts for the wrapping of a row
DAY_SECONDS = 86_400

_FROM_ENTRIES = "FROM entry LEFT JOIN record USING (place) WHERE place >= ? AND place < ? ORDER BY place"
_WHOLE_ENTRIES = f"SELECT place, header, salt, body, rec64 {_FROM_ENTRIES}"
_HEADERS = f"SELECT place, header, x'', x'', rec64 {_FROM_ENTRIES}"

_heads = msgspec.msgpack.Decoder(Head)


def pack_head(head: Head) -> bytes:
    """A head as it travels."""
    return msgspec.msgpack.encode(head)


def unpack_head(raw: bytes | None) -> Head | None:
    """The head that was kept; None also where the disk has changed it beyond reading."""
    try:
        return _heads.decode(raw) if raw else None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None


def frozen_epoch(forked_in: int | None, head: Head | None) -> int | None:
    """The epoch in which a log is frozen: until a head of a higher one is committed."""
    return forked_in if forked_in is not None and (head is None or head.epoch <= forked_in) else None


class Logs:
    """The part of the ledger that is about logs."""

    _turn: Turn

    # --- what is held --------------------------------------------------------------------------
    def store_id(self) -> bytes:
        """Eight random bytes made with the store."""
        return bytes(sql.value(self._turn.db, "SELECT store_id FROM store"))

    def log(self, log: bytes) -> HeldLog | None:
        """What is held of a log, or None."""
        return self._turn.remembered(("log", log), lambda: self._log(log))  # type: ignore[no-any-return]

    def _log(self, log: bytes) -> HeldLog | None:
        row = sql.first(
            self._turn.db,
            "SELECT org, space, head, size, pending, missing, broken_at, broken_epoch, bytes, forked_in"
            " FROM log JOIN org USING (org_no) WHERE log = ?",
            (log,),
        )
        if row is None:
            return None
        org, space, raw, size, pending, missing, broken_at, broken_epoch, held_bytes, forked_in = row
        # Entries without a head are what a damaged disk leaves: the next head that comes is laid over them.
        if raw is None and not (size or pending) and broken_at is None and forked_in is None:
            return None
        head = unpack_head(raw)
        return HeldLog(
            log=log,
            org=org,
            space=space,
            head=head,
            size=size,
            pending=pending,
            missing=missing,
            frozen=frozen_epoch(forked_in, head) is not None,
            broken_at=broken_at,
            broken_epoch=broken_epoch,
            bytes=held_bytes,
        )

    def logs_of(self, org: bytes) -> list[bytes]:
        """Logs of one organisation of which something is held, by id."""
        return list(self._turn.remembered(("logs of", org), lambda: self._logs_of(org)))

    def _logs_of(self, org: bytes) -> list[bytes]:
        rows = sql.each(
            self._turn.db,
            "SELECT log FROM log JOIN org USING (org_no) WHERE org = ? AND (head IS NOT NULL OR pending > 0"
            " OR size > 0 OR broken_at IS NOT NULL OR forked_in IS NOT NULL) ORDER BY log",
            (org,),
        )
        return [log for (log,) in rows]

    def newest_cursor(self) -> int:
        """The cursor of the newest head committed, or of the newest evidence."""
        return int(sql.value(self._turn.db, "SELECT coalesce(max(cursor), 0) FROM log"))

    def heads_since(self, cursor: int, limit: int) -> tuple[list[Head], int, bool]:
        """Heads changed after ``cursor``, in order of change; the cursor reached; more?"""
        rows = sql.rows(
            self._turn.db,
            "SELECT cursor, head FROM log WHERE cursor > ? AND head IS NOT NULL ORDER BY cursor LIMIT ?",
            (cursor, limit + 1),
        )
        page = rows[:limit]
        heads = [head for _, raw in page if (head := unpack_head(raw)) is not None]
        return heads, page[-1][0] if page else cursor, len(rows) > limit

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs between two ids, ascending."""
        rows = sql.each(
            self._turn.db,
            "SELECT log, head, forked_in FROM log"
            " WHERE log BETWEEN ? AND ? AND head IS NOT NULL ORDER BY log",
            (first, last),
        )
        heads = ((log, unpack_head(raw), forked_in) for log, raw, forked_in in rows)
        return [_range_item(log, head, forked_in) for log, head, forked_in in heads if head is not None]

    # --- trees ---------------------------------------------------------------------------------
    def frontier(self, log: bytes, size: int | None = None) -> Compact:
        """The compact tree of the first ``size`` committed entries."""
        row = sql.first(self._turn.db, "SELECT log_no, size, frontier FROM log WHERE log = ?", (log,))
        log_no, held, raw = row or (0, 0, None)
        promise(size is None or 0 <= size <= held, f"asked for a tree of {size} where {held} are committed")
        if size is None or size == held:
            return Compact.from_bytes(raw) if raw else Compact()
        return StoredTree(self._turn.db, log_no).frontier(size)

    def root_at(self, log: bytes, size: int) -> bytes:
        """Root of the first ``size`` leaves."""
        return self._tree(log, size).root(size)

    def leaves(self, log: bytes, start: int, end: int) -> list[bytes]:
        """Leaf hashes of committed entries."""
        row = sql.first(self._turn.db, "SELECT log_no, size FROM log WHERE log = ?", (log,))
        log_no, size = row or (0, 0)
        return StoredTree(self._turn.db, log_no).leaves(start, min(end, size))

    def proof(self, log: bytes, size: int, index: int) -> list[bytes]:
        """Inclusion path of leaf ``index`` among the first ``size``."""
        return self._tree(log, size).proof(size, index)

    def _tree(self, log: bytes, size: int) -> StoredTree:
        row = sql.first(self._turn.db, "SELECT log_no, size FROM log WHERE log = ?", (log,))
        log_no, held = row or (0, 0)
        promise(0 <= size <= held, f"asked for {size} leaves where {held} are committed")
        return StoredTree(self._turn.db, log_no)

    # --- entries -------------------------------------------------------------------------------
    def entries(self, log: bytes, start: int, end: int, bodies: bool, bytes_max: int) -> list[Row]:
        """Committed rows, cut before ``bytes_max``, and before what the disk has changed."""
        known = sql.first(self._turn.db, "SELECT log_no, size, frontier FROM log WHERE log = ?", (log,))
        log_no, size, frontier = known or (0, 0, b"")
        taken: list[Row] = []
        asked = _WHOLE_ENTRIES if bodies else _HEADERS
        span = (place_of(log_no, start), place_of(log_no, min(end, size)))
        tree = StoredTree(self._turn.db, log_no)
        for place, header, salt, body, rec64 in sql.each(self._turn.db, asked, span):
            if rec64 is None:  # not shown yet, or a leaf without a record: the tree tells
                if not tree.is_right(index_of(place), size, frontier):
                    break
            elif first64(rec_id(log, leaf_of(header))) != rec64:
                break
            if body and not is_body_of(header, salt, body):
                salt = body = b""  # as if it were missing: others are asked
            bytes_max -= len(header) + len(salt) + len(body) + ROW_FRAMING_BYTES
            if bytes_max < 0 and taken:
                break
            taken.append((header, salt, body))
        return taken

    def append(
        self, org: bytes, space: bytes, start: int, rows: Sequence[Row], leaves: Sequence[bytes]
    ) -> None:
        """Store rows as pending."""
        log = log_id(org, space)
        db, log_no = self._turn.db, self._turn.claim_log(log, org, space)
        size, pending = sql.first(db, "SELECT size, pending FROM log WHERE log_no = ?", (log_no,)) or (0, 0)
        promise(start == size + pending, f"appended at {start} where {size + pending} is next")
        promise(len(rows) == len(leaves), f"{len(leaves)} leaves for {len(rows)} rows")
        rows = self._without_erased(log_no, rows, leaves)
        first = place_of(log_no, start)
        db.executemany(
            "INSERT INTO entry VALUES (?, ?, ?, ?)", ((place, *row) for place, row in enumerate(rows, first))
        )
        StoredTree(db, log_no).extend(start, leaves)
        db.execute(
            "UPDATE log SET pending = pending + ?, bytes = bytes + ? WHERE log_no = ?",
            (len(rows), sum(map(len, chain.from_iterable(rows))), log_no),
        )

    def _without_erased(self, log_no: int, rows: Sequence[Row], leaves: Sequence[bytes]) -> Sequence[Row]:
        """What was erased does not come back, whoever gives it."""
        erasure = self._turn.projection.erasure
        if not erasure.is_any(log_no):
            return rows
        return [
            (row[0], b"", b"") if row[1] and erasure.is_erased(log_no, leaf) else row
            for row, leaf in zip(rows, leaves, strict=True)
        ]

    def commit(self, head: Head, frontier: Compact) -> None:
        """Everything pending is now part of the log."""
        db, log_no = self._turn.db, self._turn.claim_log(head.log, head.org, head.space)
        asked = "SELECT head, size + pending, projected FROM log WHERE log_no = ?"
        raw, reached, projected = sql.rows(db, asked, (log_no,))[0]
        old = unpack_head(raw)
        promise(old is None or head.order > old.order, "a head that is not newer")
        promise(head.size == reached, f"a head of {head.size} over {reached} entries")
        promise(frontier.size == head.size and frontier.root() == head.root, "a tree that is not the head's")
        db.execute(
            "UPDATE log SET head = ?, frontier = ?, size = ?, pending = 0, received_at = ?,"
            " cursor = (SELECT coalesce(max(cursor), 0) + 1 FROM log) WHERE log_no = ?",
            (pack_head(head), frontier.to_bytes(), head.size, int(self._turn.clock()), log_no),
        )
        if log_no in self._turn.cut:
            self._turn.cut.remove(log_no)
            db.execute(
                "UPDATE retracted SET epoch = ? WHERE log_no = ? AND epoch IS NULL", (head.epoch, log_no)
            )
        if head.size - projected > 0 and (
            head.size - projected <= self._turn.shown_at_commit_max
            or sql.value(db, "SELECT own = ? FROM store", (head.org,))
        ):
            self._turn.projection.show(log_no, head.log, head.space, projected, head.size)

    def project_some(self, limit: int) -> bool:
        """Show up to ``limit`` more entries."""
        db = self._turn.db
        asked = "SELECT log_no, log, space, projected, size FROM log WHERE projected < size"
        behind = self._turn.remembered(("behind",), lambda: sql.rows(db, asked))
        for log_no, log, space, projected, size in behind:
            if limit <= 0:
                return True
            end = min(size, projected + limit)
            self._turn.projection.show(log_no, log, space, projected, end)
            limit -= end - projected
            if end < size:
                return True
        return False

    def drop_pending(self, log: bytes) -> None:
        """Forget entries beyond the committed size."""
        row = sql.first(self._turn.db, "SELECT log_no, size, pending FROM log WHERE log = ?", (log,))
        if row is not None and row[2]:
            self._truncate(row[0], row[1])

    def drop_all_pending(self) -> None:
        """Forget what a stop left behind."""
        for log_no, size in sql.rows(self._turn.db, "SELECT log_no, size FROM log WHERE pending > 0"):
            self._truncate(log_no, size)

    def cut(self, log: bytes, size: int) -> None:
        """Keep ``size`` leaves; the rest becomes retracted."""
        self.drop_pending(log)
        db = self._turn.db
        row = sql.first(db, "SELECT log_no, space, size, projected FROM log WHERE log = ?", (log,))
        log_no, space, held, projected = row or (0, b"", 0, 0)
        promise(bool(log_no) and size <= held, f"cut at {size} of {held}")
        if projected < held:
            self._turn.projection.show(log_no, log, space, projected, held)
        self._turn.projection.drop(log_no, size)
        kept = StoredTree(db, log_no).frontier(size)
        self._truncate(log_no, size)
        db.execute("UPDATE log SET size = ?, frontier = ? WHERE log_no = ?", (size, kept.to_bytes(), log_no))
        self._turn.cut.add(log_no)

    def disown(self, log: bytes, epoch: int, keep: int = 0) -> None:
        """What nobody signed leaves the log; it has no head until its author's chain brings one."""
        db, log_no = self._turn.db, self._turn.log_no(log)
        promise(log_no is not None, "a log of which nothing is held")
        self.cut(log, keep)
        assert log_no is not None
        self._turn.cut.discard(log_no)
        db.execute("UPDATE retracted SET epoch = ? WHERE log_no = ? AND epoch IS NULL", (epoch, log_no))
        db.execute("DELETE FROM evidence WHERE log_no = ? AND epoch >= ?", (log_no, epoch))
        db.execute(
            "UPDATE log SET head = NULL, broken_at = NULL,"
            " forked_in = (SELECT max(epoch) FROM evidence WHERE log_no = ?1) WHERE log_no = ?1",
            (log_no,),
        )

    def _truncate(self, log_no: int, size: int) -> None:
        db = self._turn.db
        beyond = (place_of(log_no, size), place_of(log_no + 1, 0))
        gone = sql.value(
            db,
            "SELECT total(length(header) + length(salt) + length(body)) FROM entry"
            " WHERE place >= ? AND place < ?",
            beyond,
        )
        db.execute("DELETE FROM entry WHERE place >= ? AND place < ?", beyond)
        StoredTree(db, log_no).truncate(size)
        db.execute("UPDATE log SET pending = 0, bytes = bytes - ? WHERE log_no = ?", (int(gone), log_no))

    # --- bodies that are missing ---------------------------------------------------------------
    def missing(self, log: bytes, start: int, limit: int) -> list[int]:
        """Indices of entries whose body should be held and is not."""
        db, log_no = self._turn.db, self._turn.log_no(log)
        if log_no is None:
            return []
        db.execute(
            "UPDATE log SET asked = (SELECT coalesce(max(asked), 0) + 1 FROM log WHERE missing > 0)"
            " WHERE log_no = ?",
            (log_no,),
        )
        rows = sql.each(
            db,
            "SELECT place FROM record WHERE state = 2 AND place >= ? AND place < ? ORDER BY place LIMIT ?",
            (place_of(log_no, start), place_of(log_no + 1, 0), limit),
        )
        return [index_of(place) for (place,) in rows]

    def logs_missing(self, limit: int) -> list[bytes]:
        """Logs with missing bodies, those asked for least recently first."""
        asked = "SELECT log FROM log WHERE missing > 0 ORDER BY asked, log LIMIT ?"
        rows = sql.each(self._turn.db, asked, (limit,))
        return [log for (log,) in rows]

    def fill(self, log: bytes, index: int, salt: bytes, body: bytes) -> None:
        """Store a body that was missing."""
        db = self._turn.db
        row = sql.first(
            db,
            "SELECT place, header FROM entry JOIN record USING (place) WHERE state = ? AND place ="
            " ((SELECT log_no FROM log WHERE log = ?) << 32) + ?",
            (MISSING, log, index),
        )
        if row is None:
            raise BrokenPromise(f"nothing is missing at {index}")
        place, header = row
        db.execute("UPDATE entry SET salt = ?, body = ? WHERE place = ?", (salt, body, place))
        db.execute(
            "UPDATE log SET bytes = bytes + ? WHERE log_no = ?", (len(salt) + len(body), log_no_of(place))
        )
        self._turn.projection.fill(place, header, body)

    # --- what is wrong with a log --------------------------------------------------------------
    def freeze(
        self, log: bytes, org: bytes, space: bytes, epoch: int, evidence: bytes, first_index: int
    ) -> None:
        """Keep one FORK frame as evidence; the first one stays."""
        promise(log == log_id(org, space), "a log that is not this organisation's")
        db, log_no = self._turn.db, self._turn.claim_log(log, org, space)
        if self.evidence(log, epoch) is not None:
            return
        db.execute("INSERT INTO evidence VALUES (?, ?, ?, ?)", (log_no, epoch, evidence, first_index))
        db.execute(
            "UPDATE log SET forked_in = max(coalesce(forked_in, 0), ?),"
            " cursor = (SELECT coalesce(max(cursor), 0) + 1 FROM log) WHERE log_no = ?",
            (epoch, log_no),
        )

    def evidence(self, log: bytes, epoch: int) -> bytes | None:
        """The FORK frame kept."""
        held = sql.value(
            self._turn.db,
            "SELECT frame FROM evidence JOIN log USING (log_no) WHERE log = ? AND epoch = ?",
            (log, epoch),
        )
        return held if isinstance(held, bytes) else None

    def evidence_since(self, cursor: int, limit: int) -> list[bytes]:
        """The FORK frames that logs are frozen by and that came after ``cursor``, the newest first."""
        rows = sql.each(  # a cross join: from the few that signed two registers, not from all logs
            self._turn.db,
            "SELECT frame, head, forked_in FROM evidence CROSS JOIN log USING (log_no)"
            " WHERE evidence.epoch = forked_in AND cursor > ? ORDER BY cursor DESC",
            (cursor,),
        )
        frozen = (frame for frame, raw, epoch in rows if frozen_epoch(epoch, unpack_head(raw)) is not None)
        return list(islice(frozen, limit))

    def mark_broken(self, log: bytes, org: bytes, space: bytes, epoch: int, index: int | None) -> None:
        """The log cannot be taken from ``index`` on in this epoch."""
        promise(log == log_id(org, space), "a log that is not this organisation's")
        self._turn.db.execute(
            "UPDATE log SET broken_at = ?, broken_epoch = ? WHERE log_no = ?",
            (index, epoch, self._turn.claim_log(log, org, space)),
        )


def _range_item(log: bytes, head: Head, forked_in: int | None) -> RangeItem:
    frozen = frozen_epoch(forked_in, head)
    if frozen is not None:
        return RangeItem(log, frozen, 0, bytes(32), 0)
    return RangeItem(log, head.epoch, head.size, head.root, head.time // DAY_SECONDS)
