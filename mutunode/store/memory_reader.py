"""How the reference store answers: it looks at everything, each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ledger import Stance
from mutunode.store.interface import LIKE_MAX, Catalogues, Cite, Counts, Draft, File, Organisation, Stored
from mutunode.store.memory_contents import Contents, Log, Record
from mutunode.store.memory_delivered import MemoryDeliveredReader
from mutunode.store.memory_opened import MemoryOpenedReader


class MemoryReader(MemoryOpenedReader, MemoryDeliveredReader):
    """Reads the state that stood when each call began."""

    def __init__(self, now_held: Callable[[], Contents]) -> None:
        self._newest = now_held
        self._here = threading.local()  # the state this thread sees at once

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """One state for all calls of this thread until the end of a ``with``."""
        before = getattr(self._here, "state", None)
        self._here.state = before or self._newest()
        try:
            yield
        finally:
            self._here.state = before

    @property
    def is_read(self) -> bool:
        """What is read here is read in no time."""
        return False

    def _held(self) -> Contents:
        return getattr(self._here, "state", None) or self._newest()

    def record(self, rec: bytes) -> Stored | None:
        """A record by its id, also a retracted one."""
        return _record(self._held(), rec)

    def records(self, recs: Sequence[bytes]) -> dict[bytes, Stored]:
        """Several by their ids."""
        state = self._held()
        return {rec: stored for rec in recs if (stored := _record(state, rec)) is not None}

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

    def mentioned(self, records: Sequence[Stored]) -> set[bytes]:
        """The ids of those that some record cites."""
        return {each.rec for each in records if self.mentions(each.log, each.index)}

    def awaited(self, log: bytes, kinds: Sequence[str]) -> list[Stored]:
        """Records of these kinds in a log whose bodies are not held."""
        state = self._held()
        held = state.logs.get(log)
        records = held.records.values() if held is not None else ()
        found = [each for each in records if each.state == "missing" and each.header.kind in kinds]
        return [state.stored(held, each) for each in sorted(found, key=lambda each: each.index) if held]

    def citing(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """Public records that cite this leaf, whether or not it is held."""
        state = self._held()
        return [
            state.stored(held, record)
            for held, record in _shown(state, (PUBLIC,), kinds)
            if record.row.said and (log, index, leaf) in record.row.said.refs
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

    def catalogues(self, own: bytes) -> Catalogues:
        """All of them together."""
        known = self.organisations()
        return Catalogues(
            number=sum(1 for each in known if each.size and not each.blocked),
            blocked=tuple(each.org for each in known if each.blocked),
            oldest_news=min((each.received_at for each in known if each.size and each.org != own), default=0),
        )

    def rivalled(self) -> list[Organisation]:
        """Those whose chain has rivals, by id."""
        state = self._held()
        return [_organisation(state, org) for org in sorted(state.rivalled)]

    def counts(self) -> Counts:
        """How much is shown."""
        state = self._held()
        public = [held for held in state.logs.values() if held.space == PUBLIC]
        public = [held for held in public if held.head or held.committed]
        public = [held for held in public if not state.blocked(held.org)]
        records = sum(record.current for held in public for record in held.records.values())
        return Counts(len(public), records)

    def changes(
        self, after: int, limit: int, within: bytes = b"", kinds: Sequence[str] = ()
    ) -> list[tuple[int, Stored]]:
        """Records whose newest change has a number above ``after``, by number."""
        state = self._held()
        newer = sorted((number, rec) for rec, number in state.feed.items() if number > after)
        found = [(number, _record(state, rec)) for number, rec in newer[:limit]]
        told = [(number, stored) for number, stored in found if stored]
        return [
            (number, stored)
            for number, stored in told
            if stored.state != "ok"
            or within in (stored.body or b"")
            or stored.kind in kinds
            or number == told[-1][0]
        ]

    def newest_change(self) -> int:
        """The number of the newest change."""
        return self._held().changes

    def behind(self) -> int:
        """How many entries wait to be projected."""
        return sum(held.committed - held.projected for held in self._held().logs.values())

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

    def file(self, blob: bytes) -> File | None:
        """What is held or wanted under this id."""
        return self._held().files.get(blob)

    def files(self) -> list[File]:
        """All of them, by id."""
        return [file for _, file in sorted(self._held().files.items())]

    def files_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Ids of files held, wanted or cited, ascending."""
        state = self._held()
        cited = {cite.blob for cites in state.cites.values() for cite in cites}
        return sorted(blob for blob in {*state.files, *cited} if low <= blob <= high)[:LIKE_MAX]

    def cites(self, blob: bytes) -> list[Cite]:
        """Records that cite a file."""
        return self._held().cites_of(blob)

    def cited_by(self, recs: Sequence[bytes]) -> list[Cite]:
        """The files that these records cite, by id."""
        cites = self._held().cites
        return sorted((cite for rec in recs for cite in cites.get(rec, ())), key=lambda cite: cite.blob)

    def current_cites(self, after: tuple[bytes, bytes], limit: int) -> list[Cite]:
        """Cites of current records, in order."""
        cites = (cite for cites in self._held().cites.values() for cite in cites)
        found = [cite for cite in cites if cite.current and (cite.blob, cite.rec) > after]
        return sorted(found, key=lambda cite: (cite.blob, cite.rec))[:limit]

    def cited_until(self) -> int:
        """How far the feed was read."""
        return self._held().cited_until

    def uncited(self) -> list[File]:
        """Files that no record cites."""
        state = self._held()
        return [file for blob, file in sorted(state.files.items()) if not state.cites_of(blob)]

    def file_holders(self, blob: bytes) -> list[tuple[bytes, int]]:
        """Who said that they hold a file, newest first."""
        said = [(org, at) for (of, org), at in self._held().file_holders.items() if of == blob]
        return sorted(said, key=lambda pair: (-pair[1], pair[0]))


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
