"""Equivocation: an author who signed two logs where there may be one, and the proof anybody can check.

Two heads of one log and epoch with equal sizes and different roots say it by themselves; so do two bases.
For different sizes, two inclusion proofs show different leaves at one index below both (PROTOCOL §3).
"""

from __future__ import annotations

from collections.abc import Sequence

from mutunode.protocol import messages
from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import PUBLIC, Head, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.merkle import verify_inclusion
from mutunode.protocol.messages import Fork, TwoHeads, TwoLeaves


def of_heads(one: Head, other: Head) -> Fork:
    """Evidence that two heads are by themselves: equal sizes, or two bases."""
    if one.size == other.size:
        first, second = sorted((one, other), key=lambda head: head.root)
    else:
        first, second = sorted((one, other), key=lambda head: head.base)
    return Fork(messages.PUSH, TwoHeads(first, second))


def of_leaves(
    index: int, one: tuple[Head, bytes, Sequence[bytes]], other: tuple[Head, bytes, Sequence[bytes]]
) -> Fork:
    """Evidence by different leaves at one index; each side is a head, its leaf and the leaf's proof."""
    small, large = sorted((one, other), key=lambda side: side[0].size)
    return Fork(
        messages.PUSH,
        TwoLeaves(small[0], large[0], index, small[1], tuple(small[2]), large[1], tuple(large[2])),
    )


def heads_of(fork: Fork) -> tuple[Head, Head]:
    """The two heads that contradict each other."""
    return fork.evidence.head_a, fork.evidence.head_b


def first_index(fork: Fork) -> int:
    """From where on the two differ for certain, as evidence that was checked says it."""
    return fork.evidence.index if isinstance(fork.evidence, TwoLeaves) else fork.evidence.head_a.base


def check(fork: Fork, chain: Chain) -> int:
    """The first index known to differ; ``Invalid`` unless the organisation really signed both."""
    a, b = heads_of(fork)
    if (a.org, a.space, a.epoch) != (b.org, b.space, b.epoch):
        raise Invalid("fork: two heads of different logs or epochs")
    verify_head(a, chain)
    verify_head(b, chain)
    if isinstance(fork.evidence, TwoLeaves):
        return _check_leaves(fork.evidence)
    if (a.size == b.size and a.root < b.root) or (a.base < b.base and a.space != PUBLIC):
        return first_index(fork)
    raise Invalid("fork: these heads do not contradict each other, or stand in the wrong order")


def _check_leaves(two: TwoLeaves) -> int:
    a, b, index = two.head_a, two.head_b, two.index
    if not index < a.size < b.size or two.leaf_a == two.leaf_b:
        raise Invalid("fork: sizes, index or leaves that show no contradiction")
    for head, leaf, path in ((a, two.leaf_a, two.path_a), (b, two.leaf_b, two.path_b)):
        if not verify_inclusion(leaf, index, head.size, path, head.root):
            raise Invalid("fork: a leaf that is not in its tree")
    return index
