"""Does what is stored still say what was signed? Everything is recomputed from the bytes on the disk."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from mutunode.protocol.entry import Header, check_body, parse_header
from mutunode.protocol.errors import Broken, Invalid, MutunodeError
from mutunode.protocol.head import verify_head
from mutunode.protocol.merkle import Compact, node_hash, over
from mutunode.protocol.rivals import is_kept
from mutunode.store import chains, sql
from mutunode.store.interface import Problem
from mutunode.store.meaning import leaf_of
from mutunode.store.places import index_of, place_of
from mutunode.store.sqlite_logs import unpack_head
from mutunode.store.tree import TILE_LEAVES, TILE_LEVEL

PROBLEMS_MAX = 1_000  # after that, one more tells nothing new


def verify(db: apsw.Connection, log: bytes) -> list[Problem]:
    """What is wrong with a log; nothing, if all is as it was signed."""
    problems: list[Problem] = []
    try:
        for problem in _verify(db, log):
            problems.append(problem)
            if len(problems) >= PROBLEMS_MAX:
                break
    except apsw.Error as error:
        problems.append(Problem(None, f"the file cannot be read any further: {error}"))
    return problems


def _verify(db: apsw.Connection, log: bytes) -> Iterator[Problem]:
    asked = "SELECT log_no, head, size, frontier, chain FROM log LEFT JOIN org USING (org_no) WHERE log = ?"
    row = sql.first(db, asked, (log,))
    if row is None or (row[1] is None and not row[2]):
        yield Problem(None, "nothing is held of this log")
        return
    log_no, raw_head, size, frontier, raw_chain = row
    tree, kept = Compact(), _Subtrees(db, log_no)
    for tile in _tiles(db, log_no, size):
        leaves = []
        for index, header, salt, body in tile:
            leaves.append(leaf_of(header))
            yield from _verify_entry(index, header, salt, body)
        yield from kept.check(tree.size, leaves)
        tree.extend(leaves)
    if raw_head is None:
        if not stands_without_a_head(raw_chain, tree, frontier):
            yield Problem(None, "no head, and no new start that keeps these entries")
        return
    yield from _verify_tree(tree, size, raw_head, frontier)
    yield from signature_problems(raw_head, raw_chain)


def _tiles(db: apsw.Connection, log_no: int, size: int) -> Iterator[list[tuple[int, bytes, bytes, bytes]]]:
    rows = sql.each(
        db,
        "SELECT place, header, salt, body FROM entry WHERE place >= ? AND place < ? ORDER BY place",
        (place_of(log_no, 0), place_of(log_no, size)),
    )
    tile: list[tuple[int, bytes, bytes, bytes]] = []
    for place, header, salt, body in rows:
        tile.append((index_of(place), header, salt, body))
        if len(tile) == TILE_LEAVES:
            yield tile
            tile = []
    yield tile


def _verify_entry(index: int, header: bytes, salt: bytes, body: bytes) -> Iterator[Problem]:
    try:
        parsed = parse_header(header)
        if salt or body:
            if not isinstance(parsed, Header):
                raise Invalid("body: its header speaks of none")
            check_body(parsed, salt, body)
    except (Broken, Invalid) as error:
        yield Problem(index, error.what)


class _Subtrees:
    """The kept roots of subtrees against those that the headers give."""

    def __init__(self, db: apsw.Connection, log_no: int) -> None:
        self._db = db
        self._log_no = log_no
        self._open: list[bytes | None] = []  # left children that wait, by level

    def check(self, start: int, leaves: list[bytes]) -> Iterator[Problem]:
        """A tile, and every subtree that it completes."""
        if len(leaves) < TILE_LEAVES:
            return
        level, i, node = TILE_LEVEL, start >> TILE_LEVEL, over(leaves)(TILE_LEVEL, 0)
        while True:
            asked = "SELECT hash FROM subtree WHERE log_no = ? AND level = ? AND i = ?"
            kept = sql.value(self._db, asked, (self._log_no, level, i))
            if kept != node:
                first, last = i << level, ((i + 1) << level) - 1
                yield Problem(first, f"entries {first} to {last} do not give the root kept for them")
            height = level - TILE_LEVEL
            if height == len(self._open):
                self._open.append(None)
            left = self._open[height]
            if left is None:
                self._open[height] = node
                return
            self._open[height] = None
            level, i, node = level + 1, i >> 1, node_hash(left, node)


def _verify_tree(tree: Compact, size: int, raw_head: bytes, frontier: bytes) -> Iterator[Problem]:
    head = unpack_head(raw_head)
    if head is None:
        yield Problem(None, "the head that is kept cannot be read")
        return
    if tree.size != size or size != head.size:
        yield Problem(None, f"{tree.size} entries are there, {head.size} were signed")
    if tree.root() != head.root:
        yield Problem(None, "the entries do not give the root that was signed")
    if frontier != tree.to_bytes():
        yield Problem(None, "the compact tree that is kept is not the one of the entries")


def stands_without_a_head(raw_chain: bytes | None, tree: Compact, frontier: bytes | None) -> bool:
    """Whether a new start keeps these entries, all of them, and its author's register is still to come."""
    try:
        chain = chains.unpack(raw_chain or b"")
    except (MutunodeError, ValueError):
        return False
    return frontier == tree.to_bytes() and is_kept(chain, tree)


def signature_problems(raw_head: bytes, raw_chain: bytes | None) -> list[Problem]:
    """What is wrong with the signature of a head under its organisation's chain."""
    head = unpack_head(raw_head)
    if raw_chain is None or head is None:
        return [Problem(None, "the head cannot be checked: its organisation's chain is not held")]
    try:
        verify_head(head, chains.unpack(raw_chain))
    except (MutunodeError, ValueError) as error:
        return [Problem(None, str(error))]
    return []
