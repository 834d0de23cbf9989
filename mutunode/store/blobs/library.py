"""All files of a node: what is whole on its shelf, what is on its way in, and nothing read unchecked.

Every chunk is hashed again when it is read, before a byte of it goes anywhere: a disk that lies is found out
by whoever asks first, and the file is taken back, what is good of it kept, the rest fetched again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from mutunode.protocol.blobs import Tree, blob_of_leaves, chunk_count, chunk_leaf
from mutunode.protocol.ids import blob_text
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.store.blobs.interface import BlobDamaged, BlobGone, Shelf
from mutunode.store.blobs.staging import ROOM_KEPT_BYTES, Adding, Incoming, Staging

TREES_LEAVES_MAX = 65_536  # of all trees kept at hand: × 100 bytes = 6.5 MB, for 16 GiB of files
READ_CHUNKS = 4  # read at once where a file is read through


class Library:
    """Safe to share between threads."""

    def __init__(self, shelf: Shelf, staging: Path, room_kept_bytes: int = ROOM_KEPT_BYTES) -> None:
        self._shelf = shelf
        self._staging = Staging(staging, room_kept_bytes)
        self._lock = threading.Lock()  # of the shelf's contents
        self._trees: OrderedDict[bytes, tuple[int, Tree]] = OrderedDict()
        self._leaves = 0  # of all trees kept
        self._trees_lock = threading.Lock()

    # --- in ------------------------------------------------------------------------------------
    def add(self) -> Adding:
        """Begin a file that is given here."""
        self._staging.check_room()
        return Adding(self._staging)

    def keep(self, adding: Adding) -> tuple[bytes, int]:
        """(id, size) of what was added, durably whole when this returns; kept once however often given."""
        try:
            blob, leaves = adding.end()
            with self._lock:
                self._shelf.put(blob, adding.path, leaves)
        except BaseException:
            adding.abandon()
            raise
        return blob, adding.size

    def arrived_short(self, files: Sequence[tuple[bytes, bytes | memoryview]]) -> None:
        """Files of one chunk, checked against their ids by who brings them: all whole when this returns.

        When it raises, some may be held and others not; each may be brought again.
        """
        placed = [(blob, content, self._staging.new()) for blob, content in files]
        try:
            self._staging.write(((path, content) for _, content, path in placed))
            with self._lock:
                self._shelf.put_short([(blob, path) for blob, _, path in placed])
        except BaseException:
            for _, _, path in placed:
                path.unlink(missing_ok=True)
            raise

    def fetch(self, blob: bytes, size: int) -> Incoming:
        """Begin or go on with a file that is fetched."""
        return Incoming(self._staging, blob, size)

    def arrived(self, incoming: Incoming) -> None:
        """All chunks came: durably whole when this returns."""
        leaves = incoming.end()
        with self._lock:
            self._shelf.put(incoming.blob, incoming.path, leaves)
        incoming.end_of_journal()

    def begun(self) -> set[bytes]:
        """Files of which some chunks came."""
        return self._staging.begun()

    def give_up(self, blob: bytes) -> None:
        """Forget the chunks that came of a file."""
        self._staging.drop(blob)

    # --- out -----------------------------------------------------------------------------------
    def size(self, blob: bytes) -> int | None:
        """How long a file is; None when it is not held whole."""
        return self._shelf.size(blob)

    def chunk(self, blob: bytes, index: int) -> tuple[int, bytes, list[bytes]]:
        """(size of the file, chunk, its proof), checked.

        Raises:
            BlobGone, BlobDamaged
        """
        size = self._short(blob)
        if size is not None and index == 0:
            return size, self._whole(blob, size), []
        size, tree = self._tree(blob)
        if not 0 <= index < tree.size:
            raise BlobGone(f"{blob_text(blob)}: no chunk {index}")
        chunk = self._checked(blob, tree, index, self._shelf.read(blob, *_span(index, index + 1)))
        return size, chunk, tree.proof(index)

    def pieces(self, blob: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` ≤ i < ``end`` of a file, in pieces of a chunk at most, each checked."""
        size = self._short(blob)
        if size is not None:
            yield from filter(None, (self._whole(blob, size)[start:end],))
            return
        size, tree = self._tree(blob)
        end = size if end is None else min(end, size)
        for first in range(start // CHUNK_BYTES, chunk_count(end), READ_CHUNKS):
            last = min(first + READ_CHUNKS, chunk_count(end))
            read = memoryview(self._shelf.read(blob, *_span(first, last)))
            for index in range(first, last):
                at = (index - first) * CHUNK_BYTES
                chunk = self._checked(blob, tree, index, bytes(read[at : at + CHUNK_BYTES]))
                low, high = max(start - index * CHUNK_BYTES, 0), min(end - index * CHUNK_BYTES, CHUNK_BYTES)
                yield chunk[low:high] if (low, high) != (0, CHUNK_BYTES) else chunk

    def _short(self, blob: bytes) -> int | None:
        """The size of a file of one chunk, which is read and hashed once; None: it is longer, or not here."""
        with self._trees_lock:
            if blob in self._trees:
                return None
        size = self._shelf.size(blob)
        return size if size is not None and 0 < size <= CHUNK_BYTES else None

    def _whole(self, blob: bytes, size: int) -> bytes:
        content = self._shelf.read(blob, 0, CHUNK_BYTES)
        if blob_of_leaves(size, [chunk_leaf(content)]) != blob:
            raise _damaged(blob)
        return content

    def _checked(self, blob: bytes, tree: Tree, index: int, chunk: bytes) -> bytes:
        if chunk_leaf(chunk) != tree.leaf(index):
            raise BlobDamaged(f"{blob_text(blob)}: chunk {index} is not what was put there")
        return chunk

    def each(self) -> Iterator[tuple[bytes, int]]:
        """(id, size) of every file held whole."""
        return self._shelf.each()

    # --- trees ---------------------------------------------------------------------------------
    def _tree(self, blob: bytes) -> tuple[int, Tree]:
        with self._trees_lock:
            kept = self._trees.get(blob)
            if kept is not None:
                self._trees.move_to_end(blob)
                return kept
        made = self._make_tree(blob)
        with self._trees_lock:
            self._leaves += made[1].size - (self._trees[blob][1].size if blob in self._trees else 0)
            self._trees[blob] = made
            while len(self._trees) > 1 and self._leaves > TREES_LEAVES_MAX:
                self._leaves -= self._trees.popitem(last=False)[1][1].size
        return made

    def _make_tree(self, blob: bytes) -> tuple[int, Tree]:
        size = self._shelf.size(blob)
        if size is None:
            raise BlobGone(f"{blob_text(blob)}: not here")
        tree = Tree.from_bytes(self._shelf.leaves(blob))
        if tree.size == chunk_count(size) and blob_of_leaves(size, tree.leaves()) == blob:
            return size, tree
        tree = Tree([chunk_leaf(self._shelf.read(blob, *_span(i, i + 1))) for i in range(chunk_count(size))])
        if blob_of_leaves(size, tree.leaves()) != blob:
            raise _damaged(blob)
        return size, tree

    def _forget_tree(self, blob: bytes) -> None:
        with self._trees_lock:
            if (kept := self._trees.pop(blob, None)) is not None:
                self._leaves -= kept[1].size

    # --- away ----------------------------------------------------------------------------------
    def drop(self, blob: bytes) -> None:
        """Forget a file, and what came of it."""
        with self._lock:
            self._shelf.drop(blob)
        self._forget_tree(blob)
        self._staging.drop(blob)

    def take_back(self, blob: bytes, size: int) -> None:
        """A damaged file is none any more: its good chunks count as come, the others are to be fetched."""
        leaves = self._leaves_to_judge_by(blob, size)
        if leaves:
            incoming = self.fetch(blob, size)
            for index, leaf in enumerate(leaves):
                chunk = self._shelf.read(blob, *_span(index, index + 1))
                if chunk_leaf(chunk) == leaf:
                    incoming.put(index, chunk, leaf)
            incoming.close()
        with self._lock:
            self._shelf.drop(blob)
        self._forget_tree(blob)

    def _leaves_to_judge_by(self, blob: bytes, size: int) -> list[bytes]:
        """The leaves that lead to the id; none when they are damaged too."""
        try:
            leaves = Tree.from_bytes(self._shelf.leaves(blob)).leaves()
        except BlobGone:
            return []
        return leaves if blob_of_leaves(size, leaves) == blob else []

    def clean(self, wanted: set[bytes]) -> int:
        """Remove what no stop should leave, and what came of files that nobody wants; how many things."""
        unwanted = self.begun() - wanted
        for blob in unwanted:
            self._staging.drop(blob)
        with self._lock:
            return len(unwanted) + self._shelf.clean()

    def check(self, blob: bytes) -> None:
        """Read a file through; raises ``BlobDamaged`` or ``BlobGone``."""
        for _ in self.pieces(blob):
            pass


def _damaged(blob: bytes) -> BlobDamaged:
    return BlobDamaged(f"{blob_text(blob)}: what is on the disk is not what was put there")


def _span(first: int, last: int) -> tuple[int, int]:
    return first * CHUNK_BYTES, last * CHUNK_BYTES
