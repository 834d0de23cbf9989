"""What every store offers: the ledger for the one writer, the reader for everybody, and their promises.

The contract test runs the same sentences against each store; this page gives them their types. Nothing
here is bound to a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Delivered, Invitation, Ledger, Outgoing, Stance
from mutunode.store.meaning import fields_of, header_of, leaf_of, read

State = Literal["ok", "opaque", "missing", "erased", "retracted"]

EMPTY_STATES = ("ignored", "settled", "erased")  # of what was brought: its content is dropped
DELIVERED_KEPT_MAX = 10_000  # remembered of what was brought, so that it is not taken twice; × 300 bytes

LIKE_MAX = 20  # ids that share a prefix: more than anybody would choose among
PROJECTED_AT_COMMIT_MAX = 256  # × 30 µs = 8 ms: what a turn may take without being asked


class Stored(msgspec.Struct, frozen=True):
    """One record, as people may see it."""

    log: bytes
    index: int
    org: bytes
    space: bytes
    leaf: bytes
    rec: bytes
    kind: str
    time: int  # its author's claim
    header: bytes
    salt: bytes
    body: bytes | None  # None: missing or erased
    state: State
    superseded_by: int | None = None  # index in the same log
    withdrawn_by: int | None = None
    contested: bool = False  # its author signed two trees that differ from here on
    retracted_by: int | None = None  # the epoch that dropped it
    sealed: bool = False  # kind and body came out of a sealed record: for us alone, never to be shown around
    brought: bool = False  # by somebody (DELIVER): its author's log is not held
    sealed_for: bytes | None = None  # …which we sealed ourselves, for this organisation

    def fields(self) -> dict[str, Any]:
        """The decoded body; empty when it is not held or cannot be read."""
        return fields_of(self.body) or {}


def stored_of(brought: Delivered) -> Stored:
    """A record that was brought, as people may see it."""
    parsed = header_of(brought.header)
    body = brought.inside or brought.body
    readable = parsed is not None and read(brought.kind, body) is not None
    return Stored(
        log=brought.log,
        index=brought.index,
        org=brought.org,
        space=PUBLIC,
        leaf=leaf_of(brought.header),
        rec=brought.rec,
        kind=brought.kind,
        time=parsed.time if parsed is not None else 0,
        header=brought.header,
        salt=brought.salt,
        body=body,
        state="ok" if readable else "opaque",
        sealed=bool(brought.inside),
        brought=True,
    )


class Organisation(msgspec.Struct, frozen=True):
    """An organisation as this store knows it; of its logs, the public one."""

    org: bytes
    name: str  # as its genesis says; "" while its chain is not held
    chain: Chain | None
    accepted: bool
    blocked: bool
    stance_time: int  # Unix seconds a person decided, 0 = never
    log: bytes
    head: Head | None
    size: int
    records: int  # shown as current: neither superseded nor withdrawn
    received_at: int  # Unix seconds its newest head was committed here, 0 = never
    vouched_by: tuple[bytes, ...]  # organisations with a current vouch for it, oldest first
    evidence: bool  # it signed two trees, and the proof is held
    frozen: bool
    broken_at: int | None


class Counts(msgspec.Struct, frozen=True):
    """Public records that are current, and the organisations they are of; blocked ones are left out."""

    organisations: int
    records: int


class Draft(msgspec.Struct, frozen=True):
    """Something being written: local, unsigned, seen by nobody else."""

    id: str
    kind: str
    input: dict[str, Any]
    updated: int


REASONS = ("automatic", "promised", "asked", "added")  # why a file is here, by how much we care
Reason = Literal["automatic", "promised", "asked", "added"]


class File(msgspec.Struct, frozen=True):
    """A file that is held here, or wanted."""

    blob: bytes
    size: int  # of one that is only wanted: as records say
    held: bool
    reason: Reason
    since: int  # Unix seconds it was wanted or added
    used: int = 0  # Unix seconds somebody here last opened it, 0 = never


class Cite(msgspec.Struct, frozen=True):
    """That a record cites a file."""

    blob: bytes
    rec: bytes
    org: bytes
    size: int
    public: bool
    current: bool


class StoreError(Exception):
    """The store cannot do what was asked; nothing of it was done."""

    def __init__(self, text: str, fr: str = "") -> None:
        """What happened and what to do, in English and in French."""
        super().__init__(text)
        self.fr = fr or text


class StoreFull(StoreError):
    """The disk is full: nothing of this turn was kept, reading goes on, and writing works again with room."""


class StoreDamaged(StoreError):
    """The file is not a store of ours, or is damaged beyond what can be read."""


class BrokenPromise(AssertionError):
    """The caller of a ledger broke its contract: a mistake in this program, never of a peer."""


def promise(kept: bool, what: str) -> None:
    """Hold the caller to its side of the contract."""
    if not kept:
        raise BrokenPromise(what)


class StoreLedger(Ledger, Protocol):
    """The write side: one thread, inside one transaction a turn."""

    def transaction(self, *, freeing: bool = False, hurried: bool = False) -> AbstractContextManager[None]:
        """All or nothing: durable when it ends, undone when it raises.

        ``freeing`` says that this turn gives room back (erasing, dropping): on a full disk the ballast is
        spent on it. ``hurried``: more waits; what is committed of others is left to ``project_some``.

        Raises:
            StoreFull: at its end or in the middle; nothing was kept.
        """

    def written(self) -> int:
        """Another number after every turn that wrote something, or within it; for the thread of turns."""

    def settle(self) -> bool:
        """Get what was erased out of the files, one bounded step of it, between turns; is nothing left?

        Every turn ends with such a step; whoever is idle goes on until there is nothing left.
        """

    def project_some(self, limit: int) -> bool:
        """Read up to ``limit`` committed entries that are not shown yet; are there more?"""

    def touch(self) -> None:
        """Write something that changes nothing: a disk that refuses says so."""

    def lose_head(self, log: bytes) -> None:
        """Drop a head that cannot be believed, and a chain that cannot be read."""

    def lose_bodies(self, log: bytes, indices: Sequence[int]) -> None:
        """Drop salts and bodies that are not their headers'; ``derive_again`` has them missing."""

    def mend_headers(self, log: bytes, runs: Sequence[tuple[int, Sequence[bytes]]]) -> int:
        """Of runs (first index, headers), put those that make the tree what was signed; how many entries.

        All of them, if together they give the signed root; else each one that fits what is kept of the tree.
        """

    def derive_again(self) -> None:
        """Make everything that follows from entries and heads anew: trees that are kept, and projections."""

    def put_own(self, org: bytes) -> None:
        """This organisation is ours: what it commits is shown at once, however much it is."""

    def put_stance(self, org: bytes, stance: Stance) -> None:
        """Keep what a person decided about an organisation."""

    def put_opened(
        self, log: bytes, index: int, leaf: bytes, kind: str, body: bytes, reader: bytes | None = None
    ) -> None:
        """Keep what is inside the sealed record at a place: local, read through ``Reader.opened_…`` alone.

        ``reader``: whom we sealed it for; then the record may be one of this very turn. Nothing is kept of
        what was erased, withdrawn from the log, or replaced meanwhile.
        """

    def sealed_tried(self, places: Sequence[tuple[bytes, int]]) -> None:
        """These sealed records, by (log, index), need not be tried again with the keys we have."""

    def try_sealed_with(self, keys: Sequence[bytes]) -> bool:
        """Our sealing keys (public halves); is there a new one? Then all that stays shut is tried again."""

    def forget_opened(self, log: bytes, index: int) -> None:
        """A sealed record is erased or gone: nothing of what was inside stays."""

    def put_draft(self, draft: Draft) -> None:
        """Add or replace a draft."""

    def drop_draft(self, id: str) -> None:
        """Forget a draft, if it is there."""

    def put_cites(self, recs: Sequence[bytes], cites: Sequence[Cite], change: int | None = None) -> None:
        """What these records cite, in place of what they did; ``change``: the feed was read up to there."""

    def put_file(self, file: File) -> None:
        """Add or replace by ``blob``."""

    def drop_file(self, blob: bytes) -> None:
        """Nothing is held or wanted of it any more."""


class Catalogues(msgspec.Struct, frozen=True):
    """What is searched."""

    number: int  # of organisations that published something and are not blocked
    blocked: tuple[bytes, ...]
    oldest_news: int  # when the one was heard of that was not heard of for longest; 0: there is none


class Reader(Protocol):
    """The read side: any thread, each call on one consistent state, committed turns only.

    It shows records once they are projected. Where no organisation is named, those of blocked
    organisations are left out.
    """

    def at_once(self) -> AbstractContextManager[None]:
        """Until the end of this ``with``, all calls of this thread see one state, and cost less."""

    @property
    def is_read(self) -> bool:
        """Whether somebody does so just now, or did a moment ago: what can wait does."""
        ...

    def record(self, rec: bytes) -> Stored | None:
        """A record by its id, also one that its author's newer epoch dropped."""

    def records(self, recs: Sequence[bytes]) -> dict[bytes, Stored]:
        """The same of several, for little more than the price of one; what is not there is left out."""

    def records_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Record ids from ``low`` to ``high``, ascending, ``LIKE_MAX`` at most."""

    def at(self, log: bytes, index: int) -> Stored | None:
        """The record that stands there; None for nothing, or for a leaf without a record."""

    def mentions(self, log: bytes, index: int, kinds: Sequence[str] = ()) -> list[Stored]:
        """Records that cite exactly the leaf that stands there, in order of arrival."""

    def mentioned(self, records: Sequence[Stored]) -> set[bytes]:
        """The ids of those that some record may cite: of the others, ``mentions`` tells nothing."""

    def mentioning_log(
        self, log: bytes, kinds: Sequence[str] = (), limit: int = 50, offset: int = 0
    ) -> list[Stored]:
        """Records of other logs that cite any leaf of this one, newest arrival first."""

    def of_kind(
        self,
        kind: str,
        org: bytes | None = None,
        space: bytes = PUBLIC,
        limit: int = 50,
        offset: int = 0,
        current: bool = True,
    ) -> list[Stored]:
        """Records of a kind, newest arrival first; ``current``: not superseded, withdrawn or erased."""

    def awaited(self, log: bytes, kinds: Sequence[str]) -> list[Stored]:
        """Records of these kinds in a log whose bodies are not held, by index: what they say is not known."""

    def current(self, org: bytes, kind: str, space: bytes = PUBLIC) -> Stored | None:
        """The newest current record of a kind, as the profile."""

    def by_external_ref(
        self, org: bytes, kind: str, external_ref: str, space: bytes = PUBLIC
    ) -> Stored | None:
        """The newest current record that bears this key of its author."""

    def organisations(self) -> list[Organisation]:
        """Every organisation whose chain is held or about which a person decided, by id."""

    def organisation(self, org: bytes) -> Organisation | None:
        """One of them."""

    def catalogues(self, own: bytes) -> Catalogues:
        """What a search tells of all organisations together; ``own`` is always fresh."""

    def rivalled(self) -> list[Organisation]:
        """Those whose chain has rivals, by id."""

    def counts(self) -> Counts:
        """How much is shown."""

    def changes(
        self, after: int, limit: int, within: bytes = b"", kinds: Sequence[str] = ()
    ) -> list[tuple[int, Stored]]:
        """Records whose newest change has a number above ``after``, by number: each record once.

        The feed of the search index. A change is: shown, superseded, withdrawn, filled, erased, retracted,
        or one of these undone by a newer epoch. Records of blocked organisations are in it.
        ``limit`` of them are looked at; with ``within``, those are left out whose body is there and does not
        hold these bytes, but for the last one looked at, retracted ones, and those of ``kinds``.
        """

    def newest_change(self) -> int:
        """The number of the last change that ``changes`` tells, 0 in an empty store."""

    def behind(self) -> int:
        """How many entries are committed and not projected yet: each will be a change."""

    def log_walk(self, log: bytes) -> Iterator[Entry]:
        """Every committed entry of a log from the first on, as one state of it; streamed."""

    # What was sealed: never among the answers above. ``store.private`` puts both together for who may see.

    def sealed_waiting(self, limit: int) -> list[Stored]:
        """Sealed records to be tried with our keys, in any order."""

    def opened_at(self, log: bytes, index: int) -> Stored | None:
        """What is inside the sealed record there, if it was opened here."""

    def opened_of_kind(
        self, kind: str, org: bytes | None = None, limit: int = 50, offset: int = 0, current: bool = True
    ) -> list[Stored]:
        """What was opened of a kind, newest arrival first."""

    def opened_mentions(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """What was opened that cites exactly this leaf, held or not, in order of arrival."""

    def opened_mentioning_log(self, log: bytes, kinds: Sequence[str] = (), limit: int = 50) -> list[Stored]:
        """What others sealed that cites a leaf of this log, newest arrival first."""

    # What was brought, and what is to be brought.

    def delivered_waiting(self) -> list[Delivered]:
        """What was brought and still has its content, newest first."""

    def citing(self, log: bytes, index: int, leaf: bytes, kinds: Sequence[str] = ()) -> list[Stored]:
        """Public records that cite this leaf of a log that need not be held, in order of arrival."""

    def delivered_record(self, rec: bytes) -> Stored | None:
        """One of them, as a record."""

    def delivered_state(self, rec: bytes) -> str:
        """What became of something that was brought, or of an invitation; "" when nothing did."""

    def outgoing_of(self, log: bytes, index: int) -> list[Outgoing]:
        """Where a record of ours is being brought, and how that stands."""

    def invitations(self) -> list[Invitation]:
        """Invitations of ours, newest first."""

    def drafts(self) -> list[Draft]:
        """Drafts, newest first."""

    def draft(self, id: str) -> Draft | None:
        """One draft."""

    def file(self, blob: bytes) -> File | None:
        """What is held or wanted under this id."""

    def files(self) -> list[File]:
        """All that is held or wanted, by id."""

    def files_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Ids of files held, wanted or cited from ``low`` to ``high``, ascending, ``LIKE_MAX`` at most."""

    def cites(self, blob: bytes) -> list[Cite]:
        """Records that cite a file, current ones first, then by id."""

    def cited_by(self, recs: Sequence[bytes]) -> list[Cite]:
        """The files that these records cite, by id of the file; some hundreds at a time."""

    def current_cites(self, after: tuple[bytes, bytes], limit: int) -> list[Cite]:
        """Cites of current records with (blob, rec) above ``after``, in that order."""

    def cited_until(self) -> int:
        """Up to which number of the feed ``put_cites`` was told."""

    def uncited(self) -> list[File]:
        """Files that no record cites, by id."""

    def file_holders(self, blob: bytes) -> list[tuple[bytes, int]]:
        """(organisation, Unix seconds) of those who said that they hold a file, newest first."""


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it was signed."""

    index: int | None  # of the entry; None: the log as a whole
    what: str


class Damage(msgspec.Struct, frozen=True):
    """What has to be done for a log to be as it was signed again."""

    log: bytes
    epoch: int  # of the head, 0 when it cannot be read
    spans: tuple[tuple[int, int], ...] = ()  # [start, end) whose headers have to be had from others
    bodies: tuple[int, ...] = ()  # indices whose salt or body is not what the header speaks of
    derived: bool = False  # the tree that is kept is not the one of the entries
    head: bool = False  # the head or the chain cannot be read, or the signature does not hold


class Store(Protocol):
    """A place where logs live."""

    @property
    def ledger(self) -> StoreLedger:
        """The write side, for the writer's thread."""

    def reader(self) -> Reader:
        """The read side, for any thread."""

    def verify(self, log: bytes) -> list[Problem]:
        """Recompute everything of a log from what is stored: leaves, bodies, tree, signature."""

    def is_sound(self) -> bool:
        """Whether the file itself can be read, all of it, whatever stands in it."""

    def damage(self, log: bytes) -> Damage | None:
        """What ``verify`` finds, as what has to be done; None when all is well."""

    def copy_into(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Write one state of the whole store to a new file, durably; ``told`` bytes done, bytes at most.

        Any thread; the writer goes on meanwhile. What ``told`` raises ends it.

        Raises:
            StoreFull: there is no room where the copy goes.
        """

    def close(self) -> None:
        """Give everything back. What was committed is already durable."""
