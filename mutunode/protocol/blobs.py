"""Files by what they contain: chunks as the leaves of a tree, so that each is checked alone (PROTOCOL §5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from mutunode.protocol.errors import Invalid
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.protocol.merkle import HASH_BYTES, Compact, node_hash, root_by_proof


def blob_id(size: int, root: bytes) -> bytes:
    """The id of a file of ``size`` bytes whose chunks have this root."""
    return sha256(b"mutunode/blob/1\0" + size.to_bytes(8, "big") + root).digest()


def blob_of(chunks: Iterable[bytes]) -> tuple[bytes, int, list[bytes]]:
    """(id, size, leaves) of a file that is read chunk by chunk."""
    size, leaves = 0, []
    for chunk in chunks:
        size += len(chunk)
        leaves.append(chunk_leaf(chunk))
    return blob_of_leaves(size, leaves), size, leaves


def chunk_leaf(chunk: bytes | memoryview) -> bytes:
    """The leaf of a chunk, hashed where it lies: putting the zero before it would copy it."""
    hashed = sha256(b"\0")
    hashed.update(chunk)
    return hashed.digest()


def blob_of_leaves(size: int, leaves: Iterable[bytes]) -> bytes:
    """The id of a file whose chunks have these leaves."""
    return blob_id(size, Compact.of(leaves).root())


def chunk_count(size: int) -> int:
    """How many chunks a file has; an empty one has none."""
    return -(-size // CHUNK_BYTES)


def chunk_bytes(size: int, index: int) -> int:
    """How long a chunk is."""
    return min(CHUNK_BYTES, size - index * CHUNK_BYTES)


def check_chunk(
    blob: bytes, size: int, index: int, chunk: bytes | memoryview, path: Sequence[bytes]
) -> bytes:
    """The leaf of a chunk; raises ``Invalid`` unless it is the chunk of that file."""
    count = chunk_count(size)
    if not index < count or len(chunk) != chunk_bytes(size, index):
        raise Invalid(f"chunk: {len(chunk):,} bytes are not chunk {index} of a file of {size:,}")
    leaf = chunk_leaf(chunk)
    root = root_by_proof(leaf, index, count, path)
    if root is None or blob_id(size, root) != blob:
        raise Invalid(f"chunk: the proof of chunk {index} does not lead to the file's id")
    return leaf


class Tree:
    """All nodes over the chunks of one file, so that a proof costs some forty look-ups at any size.

    What has nobody beside it at the end of a level stands in the next one as it is: the tree of RFC 6962.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """64 bytes a chunk: 786 kB for 3 GiB."""
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(below := self._levels[-1]) > 1:
            pairs = [node_hash(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)]
            self._levels.append(pairs + below[2 * len(pairs) :])

    @classmethod
    def from_bytes(cls, raw: bytes) -> Tree:
        """The leaves one after the other, as a store keeps them."""
        return cls([raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)])

    def leaf(self, index: int) -> bytes:
        """One leaf."""
        return self._levels[0][index]

    def leaves(self) -> list[bytes]:
        """All of them."""
        return list(self._levels[0])

    def proof(self, index: int) -> list[bytes]:
        """What proves a chunk, nearest first."""
        if not 0 <= index < self.size:
            raise ValueError(f"no chunk {index} of {self.size}")
        proof = []
        for level in self._levels:
            if (beside := index ^ 1) < len(level):
                proof.append(level[beside])
            index >>= 1
        return proof
