"""What the reference store holds, and what it makes of it.

What records are and what became of them is said here once more, as plainly as it can be said; the other
stores keep indexes that must come to the same answers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from msgspec.structs import replace as replace_struct

from mutunode.protocol.entry import Header, Ref, rec_id
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Address, Delivered, Invitation, Outgoing, Stance
from mutunode.store.interface import Cite, Draft, File, State, Stored
from mutunode.store.meaning import WITHDRAWAL, Said, fields_of, header_of, read


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


@dataclass(frozen=True, eq=False)
class Inside:
    """What a sealed record holds, as far as it was opened here."""

    leaf: bytes
    kind: str
    body: bytes
    reader: bytes | None

    @cached_property
    def said(self) -> Said | None:
        """What the body says."""
        return read(self.kind, self.body)


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

    @property
    def current(self) -> bool:
        """Neither superseded nor withdrawn nor erased."""
        return self.superseded_by is None and self.withdrawn_by is None and self.state != "erased"

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
    erased: frozenset[bytes] = frozenset()  # leaves whose content is never taken again
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
    def bytes(self) -> int:
        """Of headers, salts and bodies."""
        return sum(len(row.header) + len(row.salt) + len(row.body) for row in self.leaves)

    @cached_property
    def missing(self) -> list[int]:
        """Indices of records whose body should be held and is not."""
        return [index for index, record in self.records.items() if record.state == "missing"]

    @cached_property
    def records(self) -> dict[int, Record]:
        """The records among the projected leaves, by index."""
        found: dict[int, Record] = {}
        seen: set[bytes] = set()
        for index, row in enumerate(self.leaves[: self.projected]):
            if row.parsed is None or row.leaf in seen:
                continue
            seen.add(row.leaf)
            state: State = "opaque" if row.said is None else "ok"
            if not row.body:
                state = "erased" if row.leaf in self.erased else "missing"
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
        earlier = self.earlier(said.supersedes, record, found)
        if earlier and earlier.header.kind == record.header.kind and earlier.superseded_by is None:
            earlier.superseded_by = record.index
        withdrawn = self.earlier(said.withdraws, record, found)
        if withdrawn and withdrawn.withdrawn_by is None:
            withdrawn.withdrawn_by = record.index

    def earlier(self, ref: Ref | None, record: Record, found: dict[int, Record]) -> Record | None:
        """The record that a ref of this log names, if it stands there and below."""
        if ref is None or ref[0] != self.log or ref[1] >= record.index:
            return None
        target = found.get(ref[1])
        return target if target and target.row.leaf == ref[2] else None


def erased_by(held: Log, index: int) -> bytes | None:
    """The leaf that the record at an index erases; withdrawals themselves stay (see ``erase``)."""
    record = held.records.get(index)
    said = record.row.said if record else None
    if record is None or said is None or not said.erases:
        return None
    target = held.earlier(said.withdraws, record, held.records)
    return target.row.leaf if target and target.header.kind != WITHDRAWAL else None


def without(held: Log, gone: Collection[bytes]) -> Log:
    """A log of which more leaves are erased."""
    leaves = tuple(
        replace(row, salt=b"", body=b"") if row.leaf in gone and row.body else row for row in held.leaves
    )
    return replace(held, leaves=leaves, erased=held.erased.union(gone)) if gone else held


class Contents:
    """Everything a store holds at one moment; values are immutable, a copy shares them."""

    def __init__(self, store_id: bytes) -> None:
        self.store_id = store_id
        self.own: bytes | None = None
        self.chains: dict[bytes, Chain] = {}
        self.rivalled: dict[bytes, None] = {}  # organisations whose chain has rivals
        self.logs: dict[bytes, Log] = {}
        self.evidence: dict[tuple[bytes, int], tuple[bytes, int]] = {}  # (log, epoch): frame, first index
        self.stances: dict[bytes, tuple[Stance, int]] = {}
        self.peer_cursors: dict[bytes, tuple[bytes, int]] = {}
        self.addresses: dict[str, Address] = {}
        self.scores: dict[bytes, tuple[float, int]] = {}
        self.drafts: dict[str, Draft] = {}
        self.opened: dict[tuple[bytes, int], Inside] = {}  # by (log, index) of the sealed record
        self.opened_over: dict[tuple[bytes, int], int] = {}  # what it superseded: by which index
        self.tried: dict[tuple[bytes, int], bytes] = {}  # (log, index) of what needs no trying: its leaf
        self.tried_with: dict[bytes, None] = {}
        self.cites: dict[bytes, tuple[Cite, ...]] = {}  # by record id
        self.cited_until = 0
        self.files: dict[bytes, File] = {}
        self.file_holders: dict[tuple[bytes, bytes], int] = {}  # (blob, organisation): heard at
        self.delivered: dict[bytes, Delivered] = {}
        self.outgoing: dict[tuple[bytes, int, bytes], Outgoing] = {}
        self.invitations: dict[bytes, Invitation] = {}
        self.passed_on: dict[bytes, int] = {}
        self.feed: dict[bytes, int] = {}  # record id: number of its newest change
        self.cursors = self.arrivals = self.changes = 0

    def copy(self) -> Self:
        """A state to work on."""
        other = object.__new__(type(self))
        other.__dict__ = {
            name: dict(value) if type(value) is dict else value for name, value in vars(self).items()
        }
        return other

    def evidence_of(self, log: bytes) -> list[int]:
        """The epochs in which two trees were signed."""
        return [epoch for of, epoch in self.evidence if of == log]

    def frozen_epoch(self, held: Log) -> int | None:
        """The epoch in which two trees were signed, unless a newer one ended it."""
        newest = max(self.evidence_of(held.log), default=None)
        return newest if newest is not None and (not held.head or held.head.epoch <= newest) else None

    def cites_of(self, blob: bytes) -> list[Cite]:
        """Records that cite a file, current ones first."""
        found = [cite for cites in self.cites.values() for cite in cites if cite.blob == blob]
        return sorted(found, key=lambda cite: (not cite.current, cite.rec))

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
        state: State = "erased" if not item.row.body and item.row.leaf in held.erased else "retracted"
        record = Record(item.index, item.row, item.row.parsed, rec, 0, state)
        return replace_struct(self.stored(held, record), contested=False, retracted_by=item.by)


def _looks(held: Log) -> dict[bytes, tuple[object, ...]]:
    looks: dict[bytes, tuple[object, ...]] = {
        rec: ("retracted", item.by) for rec, item in held.retracted.items()
    }
    looks.update((record.rec, record.look) for record in held.records.values())
    return looks
