"""The tree of a log, from what the store keeps of it: headers, and roots of subtrees of 256 leaves and more.

Keeping every node would double the rows that a fetch writes. Keeping one in 128 costs nothing that can be
measured, and any root or proof still takes at most 256 leaves and a few dozen nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import apsw

from mutunode.protocol.merkle import Compact, node_hash, over, prove, run_root
from mutunode.store import sql
from mutunode.store.places import place_of

TILE_LEVEL = 8
TILE_LEAVES = 1 << TILE_LEVEL  # 256 headers are read and hashed in 0.3 ms


class StoredTree:
    """Reads one log's tree, for the length of one call."""

    def __init__(self, db: apsw.Connection, log_no: int) -> None:
        self._db = db
        self._log_no = log_no
        self._tiles: dict[int, list[bytes]] = {}
        self._right: dict[int, bool] = {}

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Leaf hashes from ``start`` to ``end`` (excluded)."""
        rows = sql.each(
            self._db,
            "SELECT header FROM entry WHERE place >= ? AND place < ? ORDER BY place",
            (place_of(self._log_no, start), place_of(self._log_no, end)),
        )
        return [sha256(b"\0" + header).digest() for (header,) in rows]

    def subtree(self, level: int, i: int) -> bytes:
        """Root over the leaves from i·2^level on, as many as make it complete."""
        if level >= TILE_LEVEL:
            kept = self._subtree_kept(level, i)
            if not isinstance(kept, bytes):
                raise LookupError(f"no subtree {level}/{i} is kept")
            return kept
        per_tile = TILE_LEAVES >> level
        return over(self._tile(i // per_tile))(level, i % per_tile)

    def _subtree_kept(self, level: int, i: int) -> object:
        asked = "SELECT hash FROM subtree WHERE log_no = ? AND level = ? AND i = ?"
        return sql.value(self._db, asked, (self._log_no, level, i))

    def _tile(self, tile: int) -> list[bytes]:
        if tile not in self._tiles:
            self._tiles[tile] = self.leaves(tile * TILE_LEAVES, (tile + 1) * TILE_LEAVES)
        return self._tiles[tile]

    def is_right(self, index: int, size: int, frontier: bytes) -> bool:
        """Whether the leaves of the tile around a leaf still give what is kept of them."""
        tile = index // TILE_LEAVES
        if tile not in self._right:
            leaves = self.leaves(tile * TILE_LEAVES, min((tile + 1) * TILE_LEAVES, size))
            kept = self._subtree_kept(TILE_LEVEL, tile)
            if len(leaves) == TILE_LEAVES:
                self._right[tile] = kept == over(leaves)(TILE_LEVEL, 0)
            else:
                self._right[tile] = self._is_rest_right(leaves, size, frontier)
        return self._right[tile]

    def _is_rest_right(self, leaves: list[bytes], size: int, frontier: bytes) -> bool:
        try:
            tree = self.frontier(size // TILE_LEAVES * TILE_LEAVES)
        except LookupError:
            return False  # a subtree is gone
        tree.extend(leaves)
        return tree.to_bytes() == frontier

    def frontier(self, size: int) -> Compact:
        """The compact tree of the first ``size`` leaves."""
        peaks, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                peaks.append(self.subtree(level, start >> level))
                start += 1 << level
        return Compact(size, peaks)

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` leaves."""
        return run_root(self.subtree, 0, size)

    def proof(self, size: int, index: int) -> list[bytes]:
        """The inclusion path of a leaf among the first ``size``."""
        return prove(self.subtree, size, index)

    # --- writing -------------------------------------------------------------------------------
    def extend(self, start: int, leaves: Sequence[bytes]) -> None:
        """Keep the subtrees that become complete when ``leaves`` come to stand from ``start`` on."""
        end = start + len(leaves)
        first = start // TILE_LEAVES
        if first == end // TILE_LEAVES:
            return
        inside = start % TILE_LEAVES
        run = [*self.leaves(start - inside, start), *leaves] if inside else leaves
        new = [
            (TILE_LEVEL, first + at // TILE_LEAVES, over(run[at : at + TILE_LEAVES])(TILE_LEVEL, 0))
            for at in range(0, len(run) - TILE_LEAVES + 1, TILE_LEAVES)
        ]
        made = {(level, i): digest for level, i, digest in new}
        for level, i, digest in new:  # grows while it is read: each right child completes its parent
            if i & 1:
                left = made.get((level, i - 1)) or self.subtree(level, i - 1)
                made[level + 1, i >> 1] = parent = node_hash(left, digest)
                new.append((level + 1, i >> 1, parent))
        self._db.executemany(
            "INSERT INTO subtree VALUES (?, ?, ?, ?)", [(self._log_no, *node) for node in new]
        )

    def truncate(self, size: int) -> None:
        """Forget the subtrees that reach beyond ``size``."""
        highest = sql.value(self._db, "SELECT max(level) FROM subtree WHERE log_no = ?", (self._log_no,))
        for level in range(TILE_LEVEL, (highest or 0) + 1):
            self._db.execute(
                "DELETE FROM subtree WHERE log_no = ? AND level = ? AND i >= ?",
                (self._log_no, level, size >> level),
            )
