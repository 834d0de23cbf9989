"""What this organisation may read beyond what everybody may: records sealed for it, and those it sealed.

The same questions as to any reader, and answers that hold both. Only what a session or a command of this
node asks for goes through here; pages and programs without one, search, feeds and exports read the public
side alone, and so can show nothing of this by mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mutunode.protocol.entry import Entry, Ref
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ledger import Delivered, Invitation, Outgoing
from mutunode.store.interface import (
    LIKE_MAX,
    Catalogues,
    Cite,
    Counts,
    Draft,
    File,
    Organisation,
    Reader,
    Stored,
    stored_of,
)
from mutunode.store.meaning import read


class PrivateReader:
    """A reader that also gives what was opened, as records of the kind inside (``Stored.sealed``)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def at_once(self) -> AbstractContextManager[None]:
        """One state for all calls of this thread until the end of a ``with``."""
        return self._reader.at_once()

    @property
    def is_read(self) -> bool:
        """Whether somebody does so just now, or did a moment ago."""
        return self._reader.is_read

    # --- both sides together -------------------------------------------------------------------
    def record(self, rec: bytes) -> Stored | None:
        """A record by its id."""
        return self._inside(self._reader.record(rec)) or self._reader.delivered_record(rec)

    def records(self, recs: Sequence[bytes]) -> dict[bytes, Stored]:
        """Several by their ids."""
        found = {rec: self.record(rec) for rec in recs}
        return {rec: stored for rec, stored in found.items() if stored is not None}

    def at(self, log: bytes, index: int) -> Stored | None:
        """The record that stands there."""
        found = self._inside(self._reader.at(log, index))
        if found is not None:
            return found
        return next((each for each in self._brought(()) if (each.log, each.index) == (log, index)), None)

    def mentions(self, log: bytes, index: int, kinds: Sequence[str] = ()) -> list[Stored]:
        """Records that cite exactly the leaf that stands there; public ones first."""
        found = self._reader.mentions(log, index, kinds)
        cited = self.at(log, index)
        if cited is None:
            return found
        if cited.brought:
            found = self._reader.citing(log, index, cited.leaf, kinds)
        brought = [each for each in self._brought(kinds) if _cites(each, (log, index, cited.leaf))]
        return found + self._reader.opened_mentions(log, index, cited.leaf, kinds) + brought

    def mentioned(self, records: Sequence[Stored]) -> set[bytes]:
        """Any may be cited by what is sealed."""
        return {each.rec for each in records}

    def awaited(self, log: bytes, kinds: Sequence[str]) -> list[Stored]:
        """Records whose bodies are not held; of what is sealed, nobody can tell the kind."""
        return self._reader.awaited(log, kinds)

    def mentioning_log(
        self, log: bytes, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0
    ) -> list[Stored]:
        """Records of other logs that cite any leaf of this one, those with the latest date first."""
        wanted = offset + limit
        found = self._reader.mentioning_log(log, kinds, wanted)
        opened = self._reader.opened_mentioning_log(log, kinds, wanted)
        brought = [each for each in self._brought(kinds) if any(ref[0] == log for ref in _refs(each))]
        return _by_date(found, opened, brought)[offset:wanted]

    def of_kind(
        self,
        kind: str,
        org: bytes | None = None,
        space: bytes = PUBLIC,
        limit: int = 50,
        offset: int = 0,
        current: bool = True,
    ) -> list[Stored]:
        """Records of a kind; of one organisation in the order of its log, of all those dated latest first."""
        if space != PUBLIC:
            return self._reader.of_kind(kind, org, space, limit, offset, current)
        wanted = offset + limit
        found = self._reader.of_kind(kind, org, space, wanted, current=current)
        opened = self._reader.opened_of_kind(kind, org, wanted, current=current)
        if org is not None:
            return sorted(found + opened, key=lambda each: -each.index)[offset:wanted]
        return _by_date(found, opened)[offset:wanted]

    def _brought(self, kinds: Sequence[str]) -> list[Stored]:
        """What was brought to us: a few hundred at most."""
        found = (each for each in self._reader.delivered_waiting() if not kinds or each.kind in kinds)
        return [stored_of(each) for each in found]

    def _inside(self, stored: Stored | None) -> Stored | None:
        if stored is None or stored.kind != "sealed":
            return stored
        return self._reader.opened_at(stored.log, stored.index) or stored

    # --- the public side alone -----------------------------------------------------------------
    def records_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Record ids between two."""
        brought = [each.rec for each in self._reader.delivered_waiting() if low <= each.rec <= high]
        return sorted({*self._reader.records_like(low, high), *brought})[:LIKE_MAX]

    def current(self, org: bytes, kind: str, space: bytes = PUBLIC) -> Stored | None:
        """The newest current record of a kind: who an organisation is, it says in public."""
        return self._reader.current(org, kind, space)

    def by_external_ref(
        self, org: bytes, kind: str, external_ref: str, space: bytes = PUBLIC
    ) -> Stored | None:
        """The newest current record that bears this key of its author."""
        return self._reader.by_external_ref(org, kind, external_ref, space)

    def organisations(self) -> list[Organisation]:
        """Every organisation known."""
        return self._reader.organisations()

    def organisation(self, org: bytes) -> Organisation | None:
        """One of them."""
        return self._reader.organisation(org)

    def catalogues(self, own: bytes) -> Catalogues:
        """All of them together."""
        return self._reader.catalogues(own)

    def rivalled(self) -> list[Organisation]:
        """Those whose chain has rivals."""
        return self._reader.rivalled()

    def counts(self) -> Counts:
        """How much is shown to everybody."""
        return self._reader.counts()

    def changes(
        self, after: int, limit: int, within: bytes = b"", kinds: Sequence[str] = ()
    ) -> list[tuple[int, Stored]]:
        """Changes of what everybody may see."""
        return self._reader.changes(after, limit, within, kinds)

    def newest_change(self) -> int:
        """The number of the last change."""
        return self._reader.newest_change()

    def behind(self) -> int:
        """What waits to be projected, ours or not."""
        return self._reader.behind()

    def log_walk(self, log: bytes) -> Iterator[Entry]:
        """Every committed entry of a log, as it was signed."""
        return self._reader.log_walk(log)

    def sealed_waiting(self, limit: int) -> list[Stored]:
        """Sealed records to be tried."""
        return self._reader.sealed_waiting(limit)

    def opened_at(self, log: bytes, index: int) -> Stored | None:
        """What is inside the sealed record there."""
        return self._reader.opened_at(log, index)

    def opened_of_kind(
        self, kind: str, org: bytes | None = None, limit: int = 50, offset: int = 0, current: bool = True
    ) -> list[Stored]:
        """What was opened of a kind."""
        return self._reader.opened_of_kind(kind, org, limit, offset, current)

    def opened_mentions(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """What was opened that cites exactly this leaf."""
        return self._reader.opened_mentions(log, index, leaf, kinds)

    def opened_mentioning_log(self, log: bytes, kinds: Sequence[str] = (), limit: int = 50) -> list[Stored]:
        """What others sealed that cites a leaf of this log."""
        return self._reader.opened_mentioning_log(log, kinds, limit)

    def delivered_waiting(self) -> list[Delivered]:
        """What was brought."""
        return self._reader.delivered_waiting()

    def citing(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """Public records that cite this leaf of a log that need not be held."""
        return self._reader.citing(log, index, leaf, kinds)

    def delivered_record(self, rec: bytes) -> Stored | None:
        """One of them, as a record."""
        return self._reader.delivered_record(rec)

    def delivered_state(self, rec: bytes) -> str:
        """What became of something that was brought."""
        return self._reader.delivered_state(rec)

    def outgoing_of(self, log: bytes, index: int) -> list[Outgoing]:
        """Where a record of ours is being brought."""
        return self._reader.outgoing_of(log, index)

    def invitations(self) -> list[Invitation]:
        """Invitations of ours."""
        return self._reader.invitations()

    def drafts(self) -> list[Draft]:
        """Drafts."""
        return self._reader.drafts()

    def draft(self, id: str) -> Draft | None:
        """One draft."""
        return self._reader.draft(id)

    # --- files, which only public records cite so far ------------------------------------------
    def file(self, blob: bytes) -> File | None:
        """What is held or wanted under this id."""
        return self._reader.file(blob)

    def files(self) -> list[File]:
        """All that is held or wanted."""
        return self._reader.files()

    def files_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Ids of files between two."""
        return self._reader.files_like(low, high)

    def cites(self, blob: bytes) -> list[Cite]:
        """Records that cite a file."""
        return self._reader.cites(blob)

    def cited_by(self, recs: Sequence[bytes]) -> list[Cite]:
        """The files that these records cite."""
        return self._reader.cited_by(recs)

    def current_cites(self, after: tuple[bytes, bytes], limit: int) -> list[Cite]:
        """Cites of current records."""
        return self._reader.current_cites(after, limit)

    def cited_until(self) -> int:
        """How far the feed was read."""
        return self._reader.cited_until()

    def uncited(self) -> list[File]:
        """Files that no record cites."""
        return self._reader.uncited()

    def file_holders(self, blob: bytes) -> list[tuple[bytes, int]]:
        """Who said that they hold a file."""
        return self._reader.file_holders(blob)


def _refs(stored: Stored) -> tuple[Ref, ...]:
    said = read(stored.kind, stored.body or b"")
    return said.refs if said is not None else ()


def _cites(stored: Stored, ref: Ref) -> bool:
    return ref in _refs(stored)


def _by_date(*lists: list[Stored]) -> list[Stored]:
    return sorted((each for found in lists for each in found), key=lambda each: -each.time)


if TYPE_CHECKING:
    _: type[Reader] = PrivateReader
