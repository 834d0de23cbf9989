"""How the reference store answers: it looks at everything, each time.

What records are and what became of them is said here once more, as plainly as it can be said; the other
stores keep indexes that must come to the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from msgspec.structs import replace as replace_struct

from mutunode.protocol.entry import Entry, Header, Ref, rec_id
from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Address, Stance
from mutunode.store.interface import LIKE_MAX, Counts, Draft, Organisation, State, Stored
from mutunode.store.meaning import Said, fields_of, header_of, read


@dataclass(frozen=True, eq=False)
class Leaf:
    """One entry as it is kept."""

    header: bytes
    salt: bytes
    body: bytes
    leaf: bytes

    @cached_property
    def parsed(self) -> Header | None:
        """The header; None for a leaf without a record."""
        return header_of(self.header)

    @cached_property
    def said(self) -> Said | None:
        """What the body says; None when it is not held or opaque."""
        return read(self.parsed.kind, self.body) if self.parsed and self.body else None


@dataclass(frozen=True, eq=False)
class Retracted:
    """A record that an epoch dropped."""

    index: int
    row: Leaf
    by: int | None  # None: until the head of the new epoch is there


@dataclass(eq=False)
class Record:
    """A leaf that is a record, and what became of it in its log."""

    index: int
    row: Leaf
    header: Header
    rec: bytes
    arrival: int
    state: State
    superseded_by: int | None = None
    withdrawn_by: int | None = None
    erased: bool = False

    @property
    def current(self) -> bool:
        """Neither superseded nor withdrawn."""
        return self.superseded_by is None and self.withdrawn_by is None

    @property
    def look(self) -> tuple[object, ...]:
        """What a search index would have to know again if it changed."""
        return (self.index, self.state, self.superseded_by, self.withdrawn_by)

    def fields(self) -> dict[str, Any]:
        """The decoded body."""
        return fields_of(self.row.body) or {}


@dataclass(frozen=True, eq=False)
class Log:
    """All that is held of one log."""

    log: bytes
    org: bytes
    space: bytes
    head: Head | None = None
    leaves: tuple[Leaf, ...] = ()
    committed: int = 0
    projected: int = 0
    arrivals: tuple[int, ...] = ()
    retracted: dict[bytes, Retracted] = field(default_factory=dict)  # by record id
    broken_at: int | None = None
    broken_epoch: int = 0
    cursor: int = 0
    received_at: int = 0
    asked: int = 0

    @property
    def pending(self) -> int:
        """Entries beyond the committed ones."""
        return len(self.leaves) - self.committed

    @cached_property
    def records(self) -> dict[int, Record]:
        """The records among the projected leaves, by index."""
        found: dict[int, Record] = {}
        seen: set[bytes] = set()
        for index, row in enumerate(self.leaves[: self.projected]):
            if row.parsed is None or row.leaf in seen:
                continue
            seen.add(row.leaf)
            state: State = "missing" if not row.body else "opaque" if row.said is None else "ok"
            rec = rec_id(self.log, row.leaf)
            found[index] = Record(index, row, row.parsed, rec, self.arrivals[index], state)
        for record in found.values():
            self._relate(record, found)
        return found

    def _relate(self, record: Record, found: dict[int, Record]) -> None:
        """Let a record supersede or withdraw an earlier one; of several the first counts."""
        said = record.row.said
        if said is None:
            return
        earlier = self._earlier(said.supersedes, record, found)
        if earlier and earlier.header.kind == record.header.kind and earlier.superseded_by is None:
            earlier.superseded_by = record.index
        withdrawn = self._earlier(said.withdraws, record, found)
        if withdrawn and withdrawn.withdrawn_by is None:
            withdrawn.withdrawn_by = record.index
        if withdrawn and said.erases and withdrawn.state == "missing":
            withdrawn.state = "erased"

    def _earlier(self, ref: Ref | None, record: Record, found: dict[int, Record]) -> Record | None:
        if ref is None or ref[0] != self.log or ref[1] >= record.index:
            return None
        target = found.get(ref[1])
        return target if target and target.row.leaf == ref[2] else None


class Contents:
    """Everything a store holds at one moment; values are immutable, a copy shares them."""

    def __init__(self, store_id: bytes) -> None:
        self.store_id = store_id
        self.own: bytes | None = None
        self.chains: dict[bytes, Chain] = {}
        self.logs: dict[bytes, Log] = {}
        self.evidence: dict[tuple[bytes, int], tuple[bytes, int]] = {}  # (log, epoch): frame, first index
        self.stances: dict[bytes, tuple[Stance, int]] = {}
        self.peer_cursors: dict[bytes, tuple[bytes, int]] = {}
        self.addresses: dict[str, Address] = {}
        self.scores: dict[bytes, tuple[float, int]] = {}
        self.drafts: dict[str, Draft] = {}
        self.feed: dict[bytes, int] = {}  # record id: number of its newest change
        self.cursors = self.arrivals = self.changes = 0

    def copy(self) -> Self:
        """A state to work on."""
        other = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(other, name, dict(value))
        return other

    def evidence_of(self, log: bytes) -> list[int]:
        """The epochs in which two trees were signed."""
        return [epoch for of, epoch in self.evidence if of == log]

    def frozen_epoch(self, held: Log) -> int | None:
        """The epoch in which two trees were signed, unless a newer one ended it."""
        newest = max(self.evidence_of(held.log), default=None)
        return newest if newest is not None and (not held.head or held.head.epoch <= newest) else None

    def blocked(self, org: bytes) -> bool:
        """Whether a person blocked this organisation."""
        return org in self.stances and self.stances[org][0].blocked

    def note_changes(self, since: Contents) -> None:
        """Number what a turn changed, for the feed."""
        for log, held in self.logs.items():
            before = since.logs.get(log)
            if held is before:
                continue
            old, new = (_looks(before) if before else {}), _looks(held)
            for rec, look in new.items():
                if old.get(rec) != look:
                    self.changes += 1
                    self.feed[rec] = self.changes

    def stored(self, held: Log, record: Record) -> Stored:
        """A record as people may see it."""
        frozen = self.evidence.get((held.log, held.head.epoch)) if held.head else None
        row = record.row
        return Stored(
            log=held.log,
            index=record.index,
            org=held.org,
            space=held.space,
            leaf=row.leaf,
            rec=record.rec,
            kind=record.header.kind,
            time=record.header.time,
            header=row.header,
            salt=row.salt,
            body=row.body or None,
            state=record.state,
            superseded_by=record.superseded_by,
            withdrawn_by=record.withdrawn_by,
            contested=frozen is not None and record.index >= frozen[1],
        )

    def retracted(self, held: Log, rec: bytes) -> Stored:
        """A record that an epoch dropped."""
        item = held.retracted[rec]
        assert item.row.parsed is not None
        record = Record(item.index, item.row, item.row.parsed, rec, 0, "retracted")
        return replace_struct(self.stored(held, record), contested=False, retracted_by=item.by)


def _looks(held: Log) -> dict[bytes, tuple[object, ...]]:
    looks: dict[bytes, tuple[object, ...]] = {
        rec: ("retracted", item.by) for rec, item in held.retracted.items()
    }
    looks.update((record.rec, record.look) for record in held.records.values())
    return looks


class MemoryReader:
    """Reads the state that stood when each call began."""

    def __init__(self, now_held: Callable[[], Contents]) -> None:
        self._held = now_held

    def record(self, rec: bytes) -> Stored | None:
        """A record by its id, also a retracted one."""
        return _record(self._held(), rec)

    def records_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Record ids from ``low`` to ``high``, ascending."""
        found: set[bytes] = set()
        for held in self._held().logs.values():
            found.update(record.rec for record in held.records.values())
            found.update(held.retracted)
        return sorted(rec for rec in found if low <= rec <= high)[:LIKE_MAX]

    def at(self, log: bytes, index: int) -> Stored | None:
        """The record that stands there."""
        state = self._held()
        held = state.logs.get(log)
        record = held.records.get(index) if held else None
        return state.stored(held, record) if held and record else None

    def mentions(self, log: bytes, index: int, kinds: Sequence[str] = ()) -> list[Stored]:
        """Records that cite exactly the leaf that stands there, in order of arrival."""
        state = self._held()
        cited = state.logs.get(log)
        if cited is None or not 0 <= index < cited.committed:
            return []
        ref = (log, index, cited.leaves[index].leaf)
        return [
            state.stored(held, record)
            for held, record in _shown(state, (PUBLIC, cited.space), kinds)
            if record.row.said and ref in record.row.said.refs
        ]

    def mentioning_log(
        self, log: bytes, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0
    ) -> list[Stored]:
        """Records of other logs that cite any leaf of this one, newest arrival first."""
        state = self._held()
        cited = state.logs.get(log)
        if cited is None:
            return []
        stands = {(log, index, row.leaf) for index, row in enumerate(cited.leaves[: cited.committed])}
        found = [
            state.stored(held, record)
            for held, record in _shown(state, (PUBLIC, cited.space), kinds)
            if held is not cited and record.row.said and not stands.isdisjoint(record.row.said.refs)
        ]
        return found[::-1][offset : offset + limit]

    def of_kind(
        self,
        kind: str,
        org: bytes | None = None,
        space: bytes = PUBLIC,
        limit: int = 50,
        offset: int = 0,
        current: bool = True,
    ) -> list[Stored]:
        """Records of a kind, newest arrival first."""
        state = self._held()
        found = [
            state.stored(held, record)
            for held, record in _shown(state, (space,), (kind,), org)
            if record.current or not current
        ]
        return found[::-1][offset : offset + limit]

    def current(self, org: bytes, kind: str, space: bytes = PUBLIC) -> Stored | None:
        """The newest current record of a kind."""
        return next(iter(self.of_kind(kind, org, space, limit=1)), None)

    def by_external_ref(
        self, org: bytes, kind: str, external_ref: str, space: bytes = PUBLIC
    ) -> Stored | None:
        """The newest current record that bears this key of its author."""
        state = self._held()
        for held, record in reversed(_shown(state, (space,), (kind,), org)):
            if record.current and record.row.said and record.row.said.external_ref == external_ref:
                return state.stored(held, record)
        return None

    def organisations(self) -> list[Organisation]:
        """Every organisation known, by id."""
        state = self._held()
        return [_organisation(state, org) for org in sorted({*state.chains, *state.stances})]

    def organisation(self, org: bytes) -> Organisation | None:
        """One of them."""
        state = self._held()
        return _organisation(state, org) if org in state.chains or org in state.stances else None

    def counts(self) -> Counts:
        """How much is shown."""
        state = self._held()
        public = [held for held in state.logs.values() if held.space == PUBLIC and held.head]
        public = [held for held in public if not state.blocked(held.org)]
        records = sum(record.current for held in public for record in held.records.values())
        return Counts(len(public), records)

    def changes(self, after: int, limit: int) -> list[tuple[int, Stored]]:
        """Records whose newest change has a number above ``after``, by number."""
        state = self._held()
        newer = sorted((number, rec) for rec, number in state.feed.items() if number > after)
        found = ((number, _record(state, rec)) for number, rec in newer[:limit])
        return [(number, stored) for number, stored in found if stored]

    def newest_change(self) -> int:
        """The number of the newest change."""
        return self._held().changes

    def log_walk(self, log: bytes) -> Iterator[Entry]:
        """Every committed entry of a log."""
        held = self._held().logs.get(log)
        for row in held.leaves[: held.committed] if held else ():
            yield Entry(row.header, row.salt, row.body)

    def drafts(self) -> list[Draft]:
        """Drafts, newest first."""
        return sorted(self._held().drafts.values(), key=lambda draft: (-draft.updated, draft.id))

    def draft(self, id: str) -> Draft | None:
        """One draft."""
        return self._held().drafts.get(id)


def _record(state: Contents, rec: bytes) -> Stored | None:
    for held in state.logs.values():
        for record in held.records.values():
            if record.rec == rec:
                return state.stored(held, record)
    for held in state.logs.values():
        if rec in held.retracted:
            return state.retracted(held, rec)
    return None


def _shown(
    state: Contents, spaces: Sequence[bytes], kinds: Sequence[str] = (), org: bytes | None = None
) -> list[tuple[Log, Record]]:
    """Records in some spaces, in order of arrival; without ``org``, nothing of blocked ones."""
    found = [
        (held, record)
        for held in state.logs.values()
        if held.space in spaces and (held.org == org if org else not state.blocked(held.org))
        for record in held.records.values()
        if not kinds or record.header.kind in kinds
    ]
    return sorted(found, key=lambda pair: pair[1].arrival)


def _organisation(state: Contents, org: bytes) -> Organisation:
    chain, log = state.chains.get(org), log_id(org, PUBLIC)
    held = state.logs.get(log)
    stance, decided = state.stances.get(org, (Stance(), 0))
    vouchers = (
        held.org
        for held, record in _shown(state, (PUBLIC,), ("vouch",))
        if record.current and record.row.said and record.row.said.vouches_for == org
    )
    return Organisation(
        org=org,
        name=chain.name if chain else "",
        chain=chain,
        accepted=stance.accepted,
        blocked=stance.blocked,
        stance_time=decided,
        log=log,
        head=held.head if held else None,
        size=held.committed if held else 0,
        records=sum(record.current for record in held.records.values()) if held else 0,
        received_at=held.received_at if held else 0,
        vouched_by=tuple(dict.fromkeys(vouchers)),
        evidence=any(of == log for of, _ in state.evidence),
        frozen=held is not None and state.frozen_epoch(held) is not None,
        broken_at=held.broken_at if held else None,
    )
