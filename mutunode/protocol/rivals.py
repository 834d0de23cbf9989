"""Two ops that continue the same one: which of them counts, and what becomes of the other.

A stolen low root, or two machines of one organisation, can open one epoch twice. The key that stands
earlier among the roots in force wins, unless the other was held for so long that people have relied on
it; keys of equal place make the organisation disputed until a person decides (PROTOCOL §2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec.structs import replace

from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import Head, verify_head
from mutunode.protocol.identity import (
    Base,
    Chain,
    Op,
    Rival,
    SignedOp,
    Standing,
    check_follower,
    check_op,
    extend,
)
from mutunode.protocol.limits import RIVAL_FOLLOWERS_MAX, RIVAL_TOO_LATE_SECONDS
from mutunode.protocol.merkle import Compact


class Unconnected(Invalid):
    """An op that continues nothing that is held: something before it is lacking here."""


def learn(chain: Chain, op: Op, signature: bytes, now: int, *, told_with_chain: bool = False) -> Chain:
    """The chain after one op more was seen: longer, replaced, with a rival, or as it was.

    ``told_with_chain`` says that whoever gave us the chain told us of this op as its rival: a newcomer
    cannot know how long others have held the one or the other, and asks a person. ``Unconnected`` when the
    op continues nothing that is held, ``Invalid`` when no root in force signed it.
    """
    if op.epoch == chain.epoch + 1 and op.prev == chain.tip:
        return extend(chain, op, signature, now)
    if op.epoch <= chain.epoch and op.prev == chain.prev(op.epoch):
        held = chain.op(op.epoch)
        if (op.raw, signature) == (held.op.raw, held.signature):
            return chain
        return _meet(chain, check_op(chain, op, signature, now), now, told_with_chain)
    for rival in chain.rivals:
        if any(op.raw == held.op.raw for held in rival.ops[1:]):
            return chain
        if op.prev == rival.ops[-1].op.hash:
            return _follow(chain, rival, check_follower(rival.ops[-1].op, op, signature, now))
    raise Unconnected(f"op: epoch {op.epoch} continues nothing that is held")


def before_later_root(chain: Chain, root: bytes, now: int) -> Chain | None:
    """The chain up to the first op whose place ``root`` can still take, since it comes before its signer."""
    for signed in chain.ops:
        roots = chain.roots_before(signed.op.epoch)
        is_earlier = root in roots and roots.index(root) < signed.place
        if is_earlier and now - signed.held_since < RIVAL_TOO_LATE_SECONDS:
            return replace(chain, ops=chain.ops[: signed.op.epoch - 1], rivals=())
    return None


def joined(chain: Chain, other: Chain) -> Chain:
    """A chain after every op of another copy of it was seen; what continues nothing is left out."""
    with suppress(Invalid):
        for signed in other.ops:
            chain = learn(chain, signed.op, signed.signature, signed.held_since)
    return chain


def is_signed_by_a_rival(head: Head, chain: Chain) -> bool:
    """Whether a branch that is not in the chain signed a head: nobody lied, and nothing of it is taken."""
    for rival in chain.rivals:
        branch = replace(chain, ops=(*chain.ops[: rival.epoch - 1], *rival.ops))
        if rival.epoch <= head.epoch <= branch.epoch:
            with suppress(Invalid):
                verify_head(head, branch)
                return True
    return False


def first_change(before: Chain, chain: Chain) -> int:
    """The first epoch of which a chain says something else than before, rivals included."""
    pairs = zip(before.ops, chain.ops, strict=False)
    common = next((n for n, (old, new) in enumerate(pairs) if old.op != new.op), before.epoch)
    known = {(rival.epoch, len(rival.ops), rival.ops[0].op.raw) for rival in before.rivals}
    others = [
        each.epoch for each in chain.rivals if (each.epoch, len(each.ops), each.ops[0].op.raw) not in known
    ]
    return min([common + 1, *others])


def kept(chain: Chain, size: int, root_at: Callable[[int], bytes]) -> int:
    """How many of ``size`` leaves held are surely in the register that a chain leads to.

    An op says with its root which leaves it keeps, whoever signed the register that they came with: those
    up to the base of one, where no later op keeps fewer.
    """
    least = size
    for signed in reversed(chain.ops):
        base = signed.op.base
        if base.size <= least:
            least = base.size
            if root_at(least) == base.root:
                return least
    return 0


def is_kept(chain: Chain, tree: Compact) -> bool:
    """Whether an op in force keeps exactly this tree: without a head, its leaves stand by that."""
    return any(signed.op.base == Base(tree.size, tree.root()) for signed in chain.ops)


def decide(chain: Chain, epoch: int, *, take_rival: bool) -> Chain:
    """What a person says about the rival of an epoch."""
    rival = next(rival for rival in chain.rivals if rival.epoch == epoch)
    if take_rival:
        return _switch(chain, rival.ops, Standing.DECIDED)
    return _with_rival(chain, replace(rival, standing=Standing.DECIDED))


def settled(chain: Chain, others: Iterable[Chain]) -> Chain:
    """The chain that whoever has the phrase goes on from, where two new starts dispute it or did once.

    Otherwise nothing of its register would be taken, and nobody could bring it back any more. Everybody else
    still decides for themselves.
    """
    for other in others:
        chain = joined(chain, other) if other.org == chain.org else chain
    for rival in chain.rivals:
        if rival.standing is Standing.TIED:
            chain = decide(chain, rival.epoch, take_rival=False)
    return chain


def _meet(chain: Chain, new: SignedOp, now: int, told_with_chain: bool) -> Chain:
    held = chain.op(new.op.epoch)
    if new.op.raw == held.op.raw:
        return _signed_higher(chain, held, new)
    known = next((rival for rival in chain.rivals if rival.epoch == new.op.epoch), None)
    if known is not None and known.ops[0].place <= new.place:
        return chain  # one rival an epoch is kept, of the earliest root
    if new.place > held.place:
        return _with_rival(chain, Rival((new,), Standing.LOST))
    if new.place == held.place:
        return _with_rival(chain, Rival((new,), Standing.TIED))
    if now - held.held_since >= RIVAL_TOO_LATE_SECONDS:
        return _with_rival(chain, Rival((new,), Standing.LATE))
    if told_with_chain:
        return _with_rival(chain, Rival((new,), Standing.ASKED))
    return _switch(chain, (new,), Standing.LOST)


def _signed_higher(chain: Chain, held: SignedOp, new: SignedOp) -> Chain:
    # The same op, signed by two roots: the earlier one is what it can stand against rivals with.
    if new.place >= held.place:
        return chain
    at = held.op.epoch - 1
    better = replace(new, held_since=held.held_since)
    return replace(chain, ops=(*chain.ops[:at], better, *chain.ops[at + 1 :]))


def _follow(chain: Chain, rival: Rival, follower: SignedOp) -> Chain:
    if len(rival.ops) > RIVAL_FOLLOWERS_MAX:
        return chain
    return _with_rival(chain, replace(rival, ops=(*rival.ops, follower)))


def _switch(chain: Chain, branch: tuple[SignedOp, ...], standing: Standing) -> Chain:
    """Put a branch in the place of the chain's own ops from the same epoch on, which become its rival."""
    at = branch[0].op.epoch - 1
    losing = Rival(chain.ops[at : at + 1 + RIVAL_FOLLOWERS_MAX], standing)
    earlier = tuple(rival for rival in chain.rivals if rival.epoch <= at)
    return replace(chain, ops=(*chain.ops[:at], *branch), rivals=(*earlier, losing))


def _with_rival(chain: Chain, rival: Rival) -> Chain:
    others = (other for other in chain.rivals if other.epoch != rival.epoch)
    return replace(chain, rivals=tuple(sorted((*others, rival), key=lambda each: each.epoch)))
