"""A log that a disk has changed: what can be put right from what is left, and what has to be had from others.

Headers are taken from anybody, since the tree that was signed says whether they are the right ones. Bodies
that are not their header's are dropped and asked for like any other that is missing. Everything else
follows from entries and heads, and is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apsw

from mutunode.protocol.entry import rec_id
from mutunode.protocol.head import Head
from mutunode.protocol.merkle import Compact, over
from mutunode.store import chains, sql
from mutunode.store.interface import Damage, promise
from mutunode.store.meaning import is_body_of, leaf_of
from mutunode.store.places import first64, index_of, place_of
from mutunode.store.sqlite_logs import unpack_head
from mutunode.store.tree import TILE_LEAVES, TILE_LEVEL, StoredTree
from mutunode.store.turn import Turn
from mutunode.store.verify import signature_problems, stands_without_a_head

Run = tuple[int, Sequence[bytes]]  # where it begins, and the headers that stand there

_GAP = b""  # an entry that is not there at all


def survey(db: apsw.Connection, log: bytes) -> Damage | None:
    """What has to be done for a log to be as it was signed."""
    asked = "SELECT log_no, head, size, frontier, chain FROM log LEFT JOIN org USING (org_no) WHERE log = ?"
    row = sql.first(db, asked, (log,))
    if row is None or (row[1] is None and not row[2]):
        return None
    log_no, raw_head, size, frontier, raw_chain = row
    head = unpack_head(raw_head)
    if raw_head is None:
        return _survey_headless(db, log, log_no, size, frontier, raw_chain)
    if head is None or signature_problems(raw_head, raw_chain):
        return Damage(log, 0, head=True)
    tree, kept_differs, suspects, bodies = Compact(), False, list[int](), list[int]()
    for start, headers, wrong in _tiles(db, log_no, head.size):
        leaves = [leaf_of(header) for header in headers]
        differs = len(leaves) == TILE_LEAVES and over(leaves)(TILE_LEVEL, 0) != _kept(db, log_no, start)
        kept_differs |= differs
        if differs or _GAP in headers:
            suspects.append(start)
        bodies += wrong
        tree.extend(leaves)
    if tree.root() == head.root:
        kept_differs |= size != head.size or frontier != tree.to_bytes()
        derived = kept_differs or not _kept_all(db, log_no, head) or not _is_shown_right(db, log_no, log)
        found = Damage(log, head.epoch, bodies=tuple(bodies), derived=derived)
        return found if derived or bodies else None
    spans = [(start, min(start + TILE_LEAVES, head.size)) for start in suspects]
    tail = head.size // TILE_LEAVES * TILE_LEAVES
    if tail < head.size and tail not in suspects and not _kept_all(db, log_no, head):
        spans.insert(0, (tail, head.size))  # first: with it right, what is kept vouches for the others
    return Damage(log, head.epoch, spans=tuple(spans), bodies=tuple(bodies), derived=True)


def _survey_headless(
    db: apsw.Connection, log: bytes, log_no: int, size: int, frontier: bytes | None, raw_chain: bytes | None
) -> Damage | None:
    """What a new start keeps of a register that is still to come; anything else has lost its head."""
    tree, bodies = Compact(), list[int]()
    for _, headers, wrong in _tiles(db, log_no, size):
        if _GAP in headers:
            return Damage(log, 0, head=True)
        tree.extend(leaf_of(header) for header in headers)
        bodies += wrong
    if not stands_without_a_head(raw_chain, tree, frontier):
        return Damage(log, 0, head=True)
    derived = not _is_shown_right(db, log_no, log)
    return Damage(log, 0, bodies=tuple(bodies), derived=derived) if bodies or derived else None


def _tiles(db: apsw.Connection, log_no: int, size: int) -> Iterator[tuple[int, list[bytes], list[int]]]:
    """(first index, headers, indices whose body is not the header's), by tiles; nothing stands for gaps."""
    for start in range(0, size, TILE_LEAVES):
        end = min(start + TILE_LEAVES, size)
        rows = sql.rows(
            db,
            "SELECT place, header, salt, body FROM entry WHERE place >= ? AND place < ?",
            (place_of(log_no, start), place_of(log_no, end)),
        )
        headers, wrong = [_GAP] * (end - start), []
        for place, header, salt, body in rows:
            headers[index_of(place) - start] = header
            if (salt or body) and not is_body_of(header, salt, body):
                wrong.append(index_of(place))
        yield start, headers, wrong


def _kept(db: apsw.Connection, log_no: int, start: int) -> bytes | None:
    asked = "SELECT hash FROM subtree WHERE log_no = ? AND level = ? AND i = ?"
    found = sql.value(db, asked, (log_no, TILE_LEVEL, start // TILE_LEAVES))
    return found if isinstance(found, bytes) else None


def _kept_all(db: apsw.Connection, log_no: int, head: Head) -> bool:
    """Whether the subtrees that are kept, of every level, give the root that was signed."""
    try:
        return StoredTree(db, log_no).root(head.size) == head.root
    except LookupError:
        return False  # one of them is not there


def are_entries_kept(db: apsw.Connection, log_no: int, size: int, frontier: bytes | None) -> bool:
    """Whether the entries, all of them, give the compact tree that is kept beside the head."""
    tree = Compact()
    for _, headers, _ in _tiles(db, log_no, size):
        if _GAP in headers:
            return False
        tree.extend(leaf_of(header) for header in headers)
    return tree.to_bytes() == frontier


def begin_from_nothing(db: apsw.Connection, log_no: int) -> None:
    """Forget all entries of a log: without a head, nothing tells the right ones from the others."""
    span = (place_of(log_no, 0), place_of(log_no + 1, 0))
    db.execute("DELETE FROM entry WHERE place >= ? AND place < ?", span)
    db.execute("DELETE FROM subtree WHERE log_no = ?", (log_no,))
    db.execute(
        "UPDATE log SET head = NULL, cursor = NULL, frontier = NULL, size = 0, pending = 0, projected = 0,"
        " bytes = 0, records = 0, missing = 0 WHERE log_no = ?",
        (log_no,),
    )


def _is_shown_right(db: apsw.Connection, log_no: int, log: bytes) -> bool:
    """Whether each record that is shown bears the id of the leaf that stands there."""
    rows = sql.each(
        db,
        "SELECT header, rec64 FROM record LEFT JOIN entry USING (place) WHERE place >= ? AND place < ?",
        (place_of(log_no, 0), place_of(log_no + 1, 0)),
    )
    return all(
        header is not None and first64(rec_id(log, leaf_of(header))) == rec64 for header, rec64 in rows
    )


class Mending:
    """The part of the ledger that puts a damaged log right."""

    _turn: Turn

    def touch(self) -> None:
        """Write something that changes nothing."""
        self._turn.db.execute("UPDATE store SET number = number")

    def lose_head(self, log: bytes) -> None:
        """Drop a head that cannot be believed; entries stay if the tree that is kept says they are right."""
        db = self._turn.db
        asked = "SELECT log_no, size, frontier, org_no, org, chain FROM log JOIN org USING (org_no)"
        row = sql.first(db, f"{asked} WHERE log = ?", (log,))
        if row is None:
            return
        log_no, size, frontier, org_no, org, raw_chain = row
        db.execute("UPDATE log SET head = NULL, cursor = NULL WHERE log_no = ?", (log_no,))
        if not are_entries_kept(db, log_no, size, frontier):
            begin_from_nothing(db, log_no)
        if chains.unpack_if_intact(raw_chain, org) is None:
            db.execute("UPDATE org SET chain = NULL WHERE org_no = ?", (org_no,))
            self._turn.changed(("chain", org))

    def lose_bodies(self, log: bytes, indices: Sequence[int]) -> None:
        """Drop salts and bodies that are not what their headers speak of."""
        db, log_no = self._turn.db, self._turn.log_no(log)
        promise(log_no is not None, "a log that is held")
        db.executemany(
            "UPDATE entry SET salt = x'', body = x'' WHERE place = ?",
            [(place_of(log_no or 0, index),) for index in indices],
        )

    def mend_headers(self, log: bytes, runs: Sequence[Run]) -> int:
        """Put those headers where they stand with which the tree is the one that was signed."""
        db = self._turn.db
        row = sql.first(db, "SELECT log_no, head FROM log WHERE log = ?", (log,))
        head = unpack_head(row[1]) if row else None
        if row is None or head is None:
            return 0
        log_no = row[0]
        fit = [run for run in runs if run[0] + len(run[1]) <= head.size]
        if not self._give_the_root(log_no, head, fit):  # somebody lied about one of them
            fit = [run for run in fit if self._fits_what_is_kept(log_no, head, *run)]
        for start, headers in fit:
            for index, header in enumerate(headers, start):
                self._put_header(place_of(log_no, index), header)
        return sum(len(headers) for _, headers in fit)

    def _give_the_root(self, log_no: int, head: Head, runs: Sequence[Run]) -> bool:
        """Whether all of them together make the tree what was signed."""
        given = {start + at: header for start, headers in runs for at, header in enumerate(headers)}
        tree = Compact()
        for first, held, _ in _tiles(self._turn.db, log_no, head.size):
            for index, header in enumerate(held, first):
                tree.append(leaf_of(given.get(index, header)))
        return tree.root() == head.root

    def _fits_what_is_kept(self, log_no: int, head: Head, start: int, headers: Sequence[bytes]) -> bool:
        """A tile: what is kept of it, and leads to the signed root; or the last leaves, after kept tiles."""
        db, leaves = self._turn.db, [leaf_of(header) for header in headers]
        if len(leaves) == TILE_LEAVES and start % TILE_LEAVES == 0:
            return over(leaves)(TILE_LEVEL, 0) == _kept(db, log_no, start) and _kept_all(db, log_no, head)
        if start % TILE_LEAVES or start + len(leaves) != head.size:
            return False
        try:
            tree = StoredTree(db, log_no).frontier(start)
        except LookupError:
            return False  # one of the subtrees is not there
        tree.extend(leaves)
        return tree.root() == head.root

    def _put_header(self, place: int, header: bytes) -> None:
        db = self._turn.db
        held = sql.first(db, "SELECT header, salt, body FROM entry WHERE place = ?", (place,))
        if held is not None and held[0] == header:
            return
        salt, body = (held[1], held[2]) if held is not None else (b"", b"")
        if not is_body_of(header, salt, body):
            salt = body = b""
        db.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", (place, header, salt, body))

    def derive_again(self) -> None:
        """Make everything anew that follows from entries and heads: trees that are kept, and projections."""
        db = self._turn.db
        for log_no, raw in sql.rows(db, "SELECT log_no, head FROM log WHERE head IS NOT NULL"):
            head = unpack_head(raw)
            if head is not None:
                self._grow_again(log_no, head)
        self._turn.projection.begin_again()
        for log_no, log, space, size in sql.rows(
            db, "SELECT log_no, log, space, size FROM log WHERE size > 0 ORDER BY log_no"
        ):
            self._turn.projection.show(log_no, log, space, 0, size)
        self._turn.projection.end_again()
        self._turn.interested()

    def _grow_again(self, log_no: int, head: Head) -> None:
        db, tree = self._turn.db, Compact()
        leaves = [leaf_of(header) for _, headers, _ in _tiles(db, log_no, head.size) for header in headers]
        tree.extend(leaves)
        if tree.root() != head.root:
            return  # what is kept is what tells the right headers from the wrong ones
        db.execute("DELETE FROM subtree WHERE log_no = ?", (log_no,))
        StoredTree(db, log_no).extend(0, leaves)
        first, end, beyond = place_of(log_no, 0), place_of(log_no, head.size), place_of(log_no + 1, 0)
        db.execute("DELETE FROM entry WHERE place >= ? AND place < ?", (end, beyond))
        db.execute(
            "UPDATE log SET size = ?1, pending = 0, frontier = ?2, bytes ="
            " (SELECT CAST(total(length(header) + length(salt) + length(body)) AS INTEGER) FROM entry"
            " WHERE place >= ?3 AND place < ?4) WHERE log_no = ?5",
            (head.size, tree.to_bytes(), first, end, log_no),
        )
