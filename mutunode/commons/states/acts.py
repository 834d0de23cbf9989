"""Records as acts of their authors, and a set of them that can be asked questions.

Order never matters: acts are looked up by place, (log, index), and versions of one record are whatever
``supersedes`` joins within one log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.protocol.entry import is_ref
from mutunode.protocol.limits import FUTURE_SECONDS_MAX

Place = tuple[bytes, int]
Ref = Sequence[Any]  # [log32, index, leaf32]


class Act(msgspec.Struct, frozen=True):
    """One record, as this node holds it: the store's ``Stored`` with its body decoded."""

    log: bytes
    index: int
    org: bytes
    rec: bytes
    leaf: bytes
    kind: str
    time: int  # its author's claim
    body: dict[str, Any] | None  # None: missing, erased, or unreadable
    superseded_by: int | None = None  # index in the same log
    withdrawn_by: int | None = None
    state: str = "ok"  # ok · opaque · missing · erased · retracted · draft
    sealed: bool = False  # said to one organisation alone
    brought: bool = False  # by somebody, from a log that is not followed: in no figure
    era: int = 0  # the epoch of its author in which it was written

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.log, self.index

    def at_era(self, era: int) -> Act:
        """The same, written in an epoch of its author."""
        return msgspec.structs.replace(self, era=era)

    @property
    def stands(self) -> bool:
        """Whether it is its author's present word."""
        return self.state == "ok" and self.superseded_by is None and self.withdrawn_by is None


class Held:
    """Acts by place and by kind, without those whose time has not come."""

    def __init__(self, acts: Iterable[Act], now: int) -> None:
        latest = now + FUTURE_SECONDS_MAX
        self._at = {act.place: act for act in acts if act.time <= latest}
        self._parent: dict[Place, Place] = {}
        for act in self._at.values():
            self._join(act)
        self._versions: dict[Place, list[Act]] = {}
        for act in sorted(self._at.values(), key=lambda act: act.place):
            self._versions.setdefault(self.root(act.place), []).append(act)

    def of_kind(self, name: str) -> list[Act]:
        """All of one kind, by place."""
        return sorted((act for act in self._at.values() if act.kind == name), key=lambda act: act.place)

    def standing(self, kind: Kind) -> list[Act]:
        """Those of one kind that are their authors' present words and can be understood."""
        return [act for act in self.of_kind(kind.name) if act.stands and readable(act, kind)]

    def at(self, ref: Any) -> Act | None:
        """What a ref stands for: only if that very leaf stands at its place."""
        if ref is None or not is_ref(ref):
            return None
        act = self._at.get((ref[0], ref[1]))
        return act if act is not None and act.leaf == ref[2] else None

    def root(self, place: Place) -> Place:
        """The same place for all versions of one record: the earliest known."""
        while (parent := self._parent.get(place, place)) != place:
            place = parent
        return place

    def versions(self, place: Place) -> list[Act]:
        """Every version held of the record at a place, oldest first."""
        return self._versions.get(self.root(place), [])

    def holds(self, place: Place) -> bool:
        """Whether the act at a place is here."""
        return place in self._at

    def _join(self, act: Act) -> None:
        before: Any = (act.body or {}).get("supersedes")
        if is_ref(before) and before[0] == act.log and before[1] < act.index:
            self._unite(act.place, (act.log, before[1]))
        if act.superseded_by is not None:
            self._unite(act.place, (act.log, act.superseded_by))

    def _unite(self, one: Place, other: Place) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low


def readable(act: Act, kind: Kind) -> bool:
    """Whether an act says what its kind says. What does not is shown as opaque and counts for nothing."""
    return act.body is not None and not kind.check(act.body)


def field(act: Act, name: str, default: Any) -> Any:
    """A field of a readable act."""
    return (act.body or {}).get(name, default)
