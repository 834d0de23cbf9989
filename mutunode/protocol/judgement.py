"""A head arrives: what is it to us, given what we hold and whom we know? No side effects, no guesses.

The signature is checked last but before anything is done: most heads a peer shows are ones already held,
and comparing them costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import Head, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import LOG_BYTES_MAX
from mutunode.protocol.rivals import is_signed_by_a_rival

RootAt = Callable[[int], bytes]


class Judgement(Enum):
    """What to do with a head."""

    KNOWN = "known"  # nothing new in it
    PAST = "past"  # of an epoch that is over
    UNPROVEN = "unproven"  # its epoch is above the chain held, or it does not verify
    DISPUTED = "disputed"  # whose key is right waits for a person
    RIVAL = "rival"  # of a branch that is not the one followed here
    FROZEN = "frozen"  # its author signed two trees of this epoch
    BROKEN = "broken"  # it contains an entry that cannot be taken
    FULL = "full"  # the log has all the room it gets
    RENEWAL = "renewal"  # the same tree at a newer time
    NEWER = "newer"  # entries to fetch
    CONTRADICTION = "contradiction"  # beside the head held it is evidence by itself
    SUSPECT = "suspect"  # not above ours, and not our tree: its leaves will tell


NOTHING_HELD = HeldLog(b"", b"", b"", None, 0, 0, 0, False, None)


def judge(head: Head, held: HeldLog, chain: Chain, root_at: RootAt, *, frozen: bool, own: bool) -> Judgement:
    """Judge a head of a log that is wanted; ``frozen``: evidence is held against its epoch."""
    ours = held.head
    if ours is not None and _is_known(head, ours, root_at):
        return Judgement.KNOWN
    # An organisation that collects its own log back may find heads of epochs before its last.
    if (head.epoch < chain.epoch and not own) or (ours is not None and head.epoch < ours.epoch):
        return Judgement.PAST
    if chain.disputed:
        return Judgement.DISPUTED
    try:
        verify_head(head, chain)
    except Invalid:
        return Judgement.RIVAL if is_signed_by_a_rival(head, chain) else Judgement.UNPROVEN
    if frozen:
        return Judgement.FROZEN
    if ours is not None and head.epoch == ours.epoch:
        return _within_epoch(head, held, ours)
    return _room_for(head, held)


def _is_known(head: Head, ours: Head, root_at: RootAt) -> bool:
    if head.epoch != ours.epoch or head.base != ours.base or head.order > ours.order:
        return False
    if head.order == ours.order and head.signature != ours.signature:
        return False  # of the same second, under another key
    return head.root == (ours.root if head.size == ours.size else root_at(head.size))


def _within_epoch(head: Head, held: HeldLog, ours: Head) -> Judgement:
    if head.tree == ours.tree:
        return Judgement.RENEWAL
    if head.size == ours.size or head.base != ours.base:
        return Judgement.CONTRADICTION
    return Judgement.SUSPECT if head.size < ours.size else _room_for(head, held)


def _room_for(head: Head, held: HeldLog) -> Judgement:
    broken_at = held.broken_at
    mended = head.epoch > held.broken_epoch and broken_at is not None and head.base <= broken_at
    if broken_at is not None and head.size > broken_at and not mended:
        return Judgement.BROKEN
    if head.size > held.size and held.bytes >= LOG_BYTES_MAX:
        return Judgement.FULL
    return Judgement.NEWER
