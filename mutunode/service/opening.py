"""Sealed records are tried with our keys when they come, beside everything else.

Nobody is named on a sealed record, so that whoever may be meant tries (PROTOCOL §3). A try is one X25519
and one decryption, and happens in a thread of its own that reads what waits and hands over what it found: a
turn of the writer holds only what is to be kept. What opens and is not what it should be stays shut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from mutunode.follower import Follower
from mutunode.protocol.crypto import sealing_public_of
from mutunode.protocol.entry import encode_body
from mutunode.protocol.errors import Malformed
from mutunode.protocol.sealed import Opened, open_sealed
from mutunode.service.errors import Refusal
from mutunode.store.interface import Reader, Stored, StoreError
from mutunode.turns import Turn, Turns

TRIED_AT_ONCE_MAX = 64  # × 0.1 ms: the lock of Python is given to others after each few of them

Privates = Callable[[], Mapping[int, bytes]]


class Found(msgspec.Struct, frozen=True):
    """One sealed record that was tried, and what it holds for us."""

    stored: Stored
    opened: Opened | None


class Opener(Follower):
    """The thread that tries; ``privates`` are our sealing keys by epoch, as they are now."""

    name = "opener"
    gather_seconds = 0.05  # a file that arrives is thousands of turns
    pause_seconds = 0.02  # between two lots while many wait, as long as one of them takes
    waits_for = (StoreError, OSError, Refusal)

    def __init__(
        self, org: bytes, privates: Privates, reader: Reader, turns: Turns, afterwards: Callable[[], None]
    ) -> None:
        """``afterwards`` is called when nothing waits any more: to look at what was brought."""
        super().__init__()
        self._org = org
        self._afterwards = afterwards
        self._privates = privates
        self._reader = reader
        self._turns = turns
        self._known: frozenset[bytes] = frozenset()  # keys of which the store was told

    def step(self) -> bool:
        """Try a lot of what waits; is there more?"""
        privates = [private for _, private in sorted(self._privates().items(), reverse=True)]
        keys = frozenset(map(sealing_public_of, privates))
        if keys != self._known:
            self._turns.act(lambda turn: turn.ledger.try_sealed_with(sorted(keys))).result()
            self._known = keys
        waiting = self._reader.sealed_waiting(TRIED_AT_ONCE_MAX)
        if not waiting:
            self._afterwards()
            return False
        found = [Found(each, unseal(each, self._org, privates)) for each in waiting]
        self._turns.act(lambda turn: keep(turn, found)).result()
        return True


def unseal(stored: Stored, org: bytes, privates: Sequence[bytes]) -> Opened | None:
    """What is inside for us; None for what is not, or is not what it should be."""
    try:
        return open_sealed(stored.fields(), stored.log, org, privates)
    except Malformed:
        return None


def keep(turn: Turn, found: Sequence[Found]) -> None:
    """Keep what was opened; all of it was tried."""
    for each in found:
        stored, inside = each.stored, each.opened
        if inside is not None:
            body = encode_body(inside.body)
            turn.ledger.put_opened(stored.log, stored.index, stored.leaf, inside.kind, body)
    turn.ledger.sealed_tried([(each.stored.log, each.stored.index) for each in found])
