"""What was sealed and can be read here, as the reference store keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from mutunode.protocol.limits import BODY_BYTES_MAX
from mutunode.store.interface import Stored, promise
from mutunode.store.meaning import SEALED
from mutunode.store.memory_contents import Contents, Inside, Log, Record
from mutunode.store.memory_turn import MemoryTurn

Place = tuple[bytes, int]


def forget_beyond(state: Contents, log: bytes, size: int) -> None:
    """An epoch keeps ``size`` leaves of a log."""
    for place in [place for place in state.opened if place[0] == log and place[1] >= size]:
        del state.opened[place]
    for place, by in list(state.opened_over.items()):
        if place[0] == log and max(place[1], by) >= size:
            del state.opened_over[place]


class MemoryOpened:
    """The part of the ledger that is about contents of sealed records."""

    _turn: MemoryTurn

    def put_opened(
        self, log: bytes, index: int, leaf: bytes, kind: str, body: bytes, reader: bytes | None = None
    ) -> None:
        """Keep what is inside the sealed record at a place."""
        promise(0 < len(body) <= BODY_BYTES_MAX, "an inner body that is none")
        state, place = self._turn.state, (log, index)
        held = state.logs.get(log)
        record = held.records.get(index) if held else None
        if record is None and reader is None:
            return
        if record is not None and (record.row.leaf != leaf or record.state != "ok"):
            return
        state.opened[place] = Inside(leaf, kind, body, reader)
        for by, inside in list(state.opened.items()):
            for target, below in list(state.opened.items()):
                if _supersedes(by, inside, target, below):
                    state.opened_over[target] = min(by[1], state.opened_over.get(target, by[1]))

    def sealed_tried(self, places: Sequence[Place]) -> None:
        """These wait no longer."""
        state = self._turn.state
        for log, index in places:
            held = state.logs.get(log)
            if held is not None and index in held.records:
                state.tried[log, index] = held.records[index].row.leaf

    def try_sealed_with(self, keys: Sequence[bytes]) -> bool:
        """These are our sealing keys."""
        state = self._turn.state
        new = [key for key in keys if key not in state.tried_with]
        state.tried_with = dict.fromkeys(keys)
        if new:
            state.tried = {place: leaf for place, leaf in state.tried.items() if place in state.opened}
        return bool(new)

    def forget_opened(self, log: bytes, index: int) -> None:
        """The record there is erased."""
        self._turn.state.opened.pop((log, index), None)


class MemoryOpenedReader:
    """The read side of the same."""

    _held: Callable[[], Contents]

    def sealed_waiting(self, limit: int) -> list[Stored]:
        """Sealed records to be tried."""
        state = self._held()
        waiting = [
            (record.arrival, state.stored(held, record))
            for held in state.logs.values()
            for record in held.records.values()
            if record.header.kind == SEALED
            and record.state == "ok"
            and state.tried.get((held.log, record.index)) != record.row.leaf
        ]
        return [stored for _, stored in sorted(waiting, key=lambda pair: pair[0])][:limit]

    def opened_at(self, log: bytes, index: int) -> Stored | None:
        """What is inside the sealed record there."""
        return next((each for _, each in _all(self._held()) if (each.log, each.index) == (log, index)), None)

    def opened_of_kind(
        self, kind: str, org: bytes | None = None, limit: int = 50, offset: int = 0, current: bool = True
    ) -> list[Stored]:
        """What was opened of one kind, newest arrival first."""
        state = self._held()
        found = [
            each
            for _, each in _all(state)
            if each.kind == kind
            and not state.blocked(each.org)
            and (org is None or each.org == org)
            and not (current and (each.superseded_by is not None or each.withdrawn_by is not None))
        ]
        return found[::-1][offset : offset + limit]

    def opened_mentions(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """What was opened that cites exactly this leaf."""
        state, ref = self._held(), (log, index, leaf)
        return [
            each
            for inside, each in _all(state)
            if inside.said
            and ref in inside.said.refs
            and not state.blocked(each.org)
            and (not kinds or each.kind in kinds)
        ]

    def opened_mentioning_log(self, log: bytes, kinds: Sequence[str] = (), limit: int = 50) -> list[Stored]:
        """What others sealed that cites a leaf of this log, newest arrival first."""
        state = self._held()
        cited = state.logs.get(log)
        if cited is None:
            return []
        stands = {(log, index, row.leaf) for index, row in enumerate(cited.leaves[: cited.committed])}
        found = [
            each
            for inside, each in _all(state)
            if each.log != log
            and inside.said
            and not stands.isdisjoint(inside.said.refs)
            and not state.blocked(each.org)
            and (not kinds or each.kind in kinds)
        ]
        return found[::-1][:limit]


def _all(state: Contents) -> list[tuple[Inside, Stored]]:
    """Everything that was opened and still stands, in order of arrival."""
    found = [
        (record.arrival, inside, _stored(state, held, record, inside))
        for held, record, inside in _standing(state)
    ]
    return [(inside, stored) for _, inside, stored in sorted(found, key=lambda each: each[0])]


def _standing(state: Contents) -> Iterator[tuple[Log, Record, Inside]]:
    for (log, index), inside in state.opened.items():
        held = state.logs.get(log)
        record = held.records.get(index) if held else None
        if held is None or record is None or record.row.leaf != inside.leaf or record.state == "erased":
            continue
        yield held, record, inside


def _stored(state: Contents, held: Log, record: Record, inside: Inside) -> Stored:
    outer = state.stored(held, record)
    later = state.opened_over.get((held.log, record.index))
    return msgspec.structs.replace(
        outer,
        kind=inside.kind,
        body=inside.body,
        state="opaque" if inside.said is None else "ok",
        sealed=True,
        sealed_for=inside.reader,
        superseded_by=outer.superseded_by if outer.superseded_by is not None else later,
    )


def _supersedes(by: Place, inside: Inside, target: Place, below: Inside) -> bool:
    ref = inside.said.supersedes if inside.said else None
    same = by[0] == target[0] and inside.kind == below.kind
    return same and ref == (*target, below.leaf) and target[1] < by[1]
