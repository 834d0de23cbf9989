"""Files by what they contain: chunks as the leaves of a tree, so that each is checked alone (PROTOCOL §5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from mutunode.protocol.errors import Invalid
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.protocol.merkle import Compact, leaf_hash, root_by_proof


def blob_id(size: int, root: bytes) -> bytes:
    """The id of a file of ``size`` bytes whose chunks have this root."""
    return sha256(b"mutunode/blob/1\0" + size.to_bytes(8, "big") + root).digest()


def blob_of(chunks: Iterable[bytes]) -> tuple[bytes, int, list[bytes]]:
    """(id, size, leaves) of a file that is read chunk by chunk."""
    size, leaves = 0, []
    for chunk in chunks:
        size += len(chunk)
        leaves.append(leaf_hash(chunk))
    return blob_id(size, Compact.of(leaves).root()), size, leaves


def chunk_count(size: int) -> int:
    """How many chunks a file has; an empty one has none."""
    return -(-size // CHUNK_BYTES)


def chunk_bytes(size: int, index: int) -> int:
    """How long a chunk is."""
    return min(CHUNK_BYTES, size - index * CHUNK_BYTES)


def check_chunk(blob: bytes, size: int, index: int, chunk: bytes, path: Sequence[bytes]) -> None:
    """Raise ``Invalid`` unless this is the chunk of that file."""
    count = chunk_count(size)
    if not index < count or len(chunk) != chunk_bytes(size, index):
        raise Invalid(f"chunk: {len(chunk):,} bytes are not chunk {index} of a file of {size:,}")
    root = root_by_proof(leaf_hash(chunk), index, count, path)
    if root is None or blob_id(size, root) != blob:
        raise Invalid(f"chunk: the proof of chunk {index} does not lead to the file's id")
