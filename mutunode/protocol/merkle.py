"""The trees of RFC 6962: one root says everything that stands in a log, and in which order.

A log that only grows needs no tree in memory: the roots of its complete subtrees, at most one a level,
are enough to append and to know the root (``Compact``). Proofs are made from complete subtrees, which a
store may keep or recompute: ``Subtree(level, i)`` gives the root over the leaves from i·2^level on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Self

from mutunode.protocol.errors import Malformed

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Subtree = Callable[[int, int], bytes]


def leaf_hash(content: bytes) -> bytes:
    """The leaf that stands for a header, or for a chunk of a file."""
    return sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node above two others."""
    return sha256(b"\1" + left + right).digest()


class Compact:
    """A growing tree, held as the roots of its complete subtrees, largest first."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count():
            raise Malformed(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(self._peaks)}")

    @classmethod
    def of(cls, leaves: Iterable[bytes]) -> Self:
        """The tree over these leaves."""
        tree = cls()
        tree.extend(leaves)
        return tree

    def append(self, leaf: bytes) -> None:
        """Add one leaf."""
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves in order."""
        peaks, size, hashed = self._peaks, self.size, sha256
        for node in leaves:
            full = size
            while full & 1:  # every complete subtree on the right closes into one twice as large
                node = hashed(b"\1" + peaks.pop() + node).digest()
                full >>= 1
            peaks.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node

    def copy(self) -> Compact:
        """An independent tree to try things on."""
        return Compact(self.size, self._peaks)

    def to_bytes(self) -> bytes:
        """For a store: the size as 8 bytes, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """What ``to_bytes`` gave."""
        if len(raw) % HASH_BYTES != 8:
            raise Malformed(f"{len(raw)} bytes are no compact tree")
        peaks = (raw[at : at + HASH_BYTES] for at in range(8, len(raw), HASH_BYTES))
        return cls(int.from_bytes(raw[:8], "big"), peaks)


def inclusion_path(size: int, index: int) -> list[tuple[int, int]]:
    """The runs [start, end) of leaves whose roots prove leaf ``index`` of ``size``, nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def run_root(subtree: Subtree, start: int, end: int) -> bytes:
    """The root over leaves [start, end), where ``start`` is where a run of a tree can begin."""
    if start == end:
        return EMPTY_ROOT
    peaks = []
    while start < end:  # complete subtrees, largest first
        level = (end - start).bit_length() - 1
        peaks.append(subtree(level, start >> level))
        start += 1 << level
    node = peaks.pop()
    while peaks:
        node = node_hash(peaks.pop(), node)
    return node


def prove(subtree: Subtree, size: int, index: int) -> list[bytes]:
    """The inclusion proof of leaf ``index`` in the tree of the first ``size`` leaves."""
    return [run_root(subtree, start, end) for start, end in inclusion_path(size, index)]


def over(leaves: Sequence[bytes]) -> Subtree:
    """The subtrees of leaves at hand."""

    def subtree(level: int, i: int) -> bytes:
        if level == 0:
            return leaves[i]
        return node_hash(subtree(level - 1, 2 * i), subtree(level - 1, 2 * i + 1))

    return subtree


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``leaf`` stands at ``index`` in the tree of ``size`` leaves under ``root``."""
    return root_by_proof(leaf, index, size, proof) == root


def root_by_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The only root that ``proof`` can lead to from ``leaf``; None when it has another length."""
    if not 0 <= index < size:
        return None
    node, last, hashed = leaf, size - 1, sha256
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return None  # longer than the tree is high
        if index & 1 or index == last:
            node = hashed(b"\1" + sibling + node).digest()
            while index & 1 == 0 and index:  # levels where a right edge has no sibling
                index, last = index >> 1, last >> 1
        else:
            node = hashed(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below ``size``: how many leaves stand on the left."""
    return 1 << (size - 1).bit_length() - 1
