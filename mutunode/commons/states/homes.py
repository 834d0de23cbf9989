"""A home: the register whose order decides what others may do with an object, and what binds whom.

The order is that of the register through all its starts (epochs), never that of a clock. A record that a
later start dropped binds its author where a record that counts cites it: one of the home, or one of a
register that it was about itself. Nobody else's word makes it count, and without such a citation it is as
if it had not been said.

Records are told apart by register and leaf, not by place: after a new start another leaf may stand there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mutunode.commons.states.acts import Act, Ref
from mutunode.protocol.entry import find_refs, is_ref

Key = tuple[bytes, bytes]  # (log, leaf)


def key_of(ref: Ref) -> Key:
    """What tells the record of a ref from every other."""
    return ref[0], ref[2]


class Records:
    """Acts by key; of one that was dropped and stands again, the one that stands."""

    def __init__(self, acts: Iterable[Act], home: bytes) -> None:
        self._home = home
        self._by_key: dict[Key, Act] = {}
        for act in acts:
            held = self._by_key.get((act.log, act.leaf))
            if held is None or held.state == "retracted":
                self._by_key[act.log, act.leaf] = act
        self._bound = self._binding()

    def at(self, ref: Any) -> Act | None:
        """The record a ref names, whether it stands or not."""
        return self._by_key.get(key_of(ref)) if is_ref(ref) else None

    def get(self, key: Key) -> Act | None:
        """The record of a key."""
        return self._by_key.get(key)

    def bound(self) -> Iterator[Act]:
        """Every record that counts: it stands, or was cited before its author dropped it."""
        return (act for key, act in self._by_key.items() if key in self._bound)

    def binds(self, act: Act) -> bool:
        """Whether a record counts."""
        return (act.log, act.leaf) in self._bound

    def of(self, log: bytes) -> list[Act]:
        """What counts of one register, in the order in which it was written."""
        return in_order(act for act in self.bound() if act.log == log)

    def _binding(self) -> frozenset[Key]:
        bound = {key for key, act in self._by_key.items() if act.state != "retracted"}
        ring = list(bound)
        while ring:
            cited = {(key_of(ref), key[0]) for key in ring for ref in self._refs(key)}
            ring = [
                key for key, by in cited if key in self._by_key and key not in bound and self._may(by, key)
            ]
            bound.update(ring)
        return frozenset(bound)

    def _may(self, by: bytes, cited: Key) -> bool:
        """Whether a register's citation binds the author of a record."""
        return by == self._home or (cited[0] == self._home and any(ref[0] == by for ref in self._refs(cited)))

    def _refs(self, key: Key) -> list[Ref]:
        return list(find_refs(self._by_key[key].body or {}))


def in_order(acts: Iterable[Act]) -> list[Act]:
    """Acts of one register as it was written, through all its starts: each start went on from a place of its
    own, so an index alone does not say which of two came first."""
    return sorted(acts, key=lambda act: (act.era, act.index, act.leaf))


def era_of(index: int, kept: Mapping[int, int], dropped_by: int | None) -> int:
    """The epoch in which the entry at an index was written: the last one that began at it or below, before
    the one that dropped it. ``kept``: epoch → how much of the register it kept."""
    return max(
        (epoch for epoch, size in kept.items() if size <= index and epoch < (dropped_by or epoch + 1)),
        default=0,
    )
