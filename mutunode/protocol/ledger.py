"""What the sync core needs from a store, and what it promises in return.

All calls happen in the writer's thread, inside one transaction per turn. A log's entries are stored as
they arrive, beyond its committed ``size``; they are *pending* until ``commit`` is given a head whose root
they reproduce, and nobody sees them before. A restart drops what is pending: it can be fetched again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from mutunode.protocol.head import PUBLIC, Head, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.merkle import Compact

# One leaf as it travels: the header alone for a leaf without a record or whose body is not held
# (salt and body empty), else all three.
Row = tuple[bytes, bytes, bytes]


class HeldLog(msgspec.Struct, frozen=True):
    """What is held of one log."""

    log: bytes
    org: bytes
    space: bytes
    head: Head | None  # newest head committed; None: only pending entries are held, or see ``disown``
    size: int  # entries committed, under ``head`` or an op
    pending: int  # entries stored beyond ``size``
    missing: int  # committed entries whose body is not held and not erased
    frozen: bool  # equivocation: nothing more is taken of this epoch
    broken_at: int | None  # index of the first leaf that cannot be taken
    broken_epoch: int = 0  # the epoch in which that leaf stands
    bytes: int = 0  # of headers, salts and bodies held, pending ones included


class RangeItem(msgspec.Struct, frozen=True):
    """One log as it enters a range print (PROTOCOL §4, RANGE); a frozen log comes with its zeros."""

    log: bytes
    epoch: int
    size: int
    root: bytes
    day: int


class Address(msgspec.Struct, frozen=True):
    """One entry of the address book."""

    address: str  # host:port or wss://name[:port]
    org: bytes | None  # who is expected or was met there
    source: str  # "seed" | "lan" | "profile" | "vouch" | "person"
    last_met: int = 0  # Unix seconds of the last completed handshake, 0 = never
    failures: int = 0


class Stance(msgspec.Struct, frozen=True):
    """What a person decided about an organisation."""

    accepted: bool = False
    blocked: bool = False


class Vouch(msgspec.Struct, frozen=True):
    """A current ``vouch`` record: ``voucher`` says it knows ``org``."""

    voucher: bytes
    org: bytes
    endpoints: tuple[str, ...]
    listed: bool


class WantedFile(msgspec.Struct, frozen=True):
    """A file that a person or a rule of ours wants here."""

    blob: bytes
    size: int  # as the records that cite it say
    likely: tuple[bytes, ...]  # organisations that should hold it: authors, and who said so
    urgent: bool  # a person waits for it


DeliveredState = Literal["waiting", "kept", "answered", "ignored", "settled", "erased"]
OutgoingState = Literal["waiting", "taken", "refused", "given_up", "dropped"]


class Delivered(msgspec.Struct, frozen=True):
    """One record that somebody brought (DELIVER), of a log that need not be held here.

    It *waits* for a person; is *kept* without bothering anybody; was *answered* or *ignored*; or is
    *settled*: its log came, and the record stands in it; or *erased* by its author. What is ignored, settled
    or erased has lost its content.
    """

    rec: bytes
    org: bytes  # its author
    index: int
    header: bytes
    salt: bytes
    body: bytes
    kind: str  # of what is inside, when it was sealed
    inside: bytes  # that body; empty when it was not sealed
    about: (
        bytes  # the same for every version of one acknowledgement or invitation of this author; else ``rec``
    )
    subnet: str  # where it came from
    stranger: bool  # it counts in what strangers may leave
    received_at: int
    endpoints: tuple[str, ...] = ()  # where its author's profile says it is reached
    state: DeliveredState = "waiting"

    @property
    def log(self) -> bytes:
        """The author's public log."""
        return log_id(self.org, PUBLIC)


class Outgoing(msgspec.Struct, frozen=True):
    """A record of ours on its way to an organisation that may not follow us."""

    log: bytes
    index: int
    reader: bytes
    made_at: int
    state: OutgoingState = "waiting"
    tries: int = 0
    next_at: int = 0
    reason: str = ""  # what its refusal said


class Invitation(msgspec.Struct, frozen=True):
    """A one-time token of ours, of which only the hash is kept."""

    hash: bytes
    made_at: int
    expires_at: int
    follows: bool  # whoever comes with it is followed at once; else a person is asked
    note: str = ""  # for ourselves: whom it was given to
    used_by: bytes | None = None
    used_at: int = 0
    revoked_at: int = 0


class Ledger(Protocol):
    """The write side of a store, as the sync core sees it."""

    # --- organisations -------------------------------------------------------------------------
    def chain(self, org: bytes) -> Chain | None:
        """The identity chain held, or None."""

    def put_chain(self, chain: Chain) -> None:
        """Keep a verified chain with its rivals, in place of the one held."""

    def org_of_root(self, root_key: bytes) -> bytes | None:
        """The organisation whose current roots hold this key (recovery, IDENT by root key)."""

    def rivalled(self, limit: int) -> list[bytes]:
        """Organisations whose chain has rivals, those heard of last first."""

    # --- logs ----------------------------------------------------------------------------------
    def store_id(self) -> bytes:
        """Eight random bytes made with the store; cursors are only meaningful beside it."""

    def log(self, log: bytes) -> HeldLog | None:
        """What is held of a log, or None."""

    def logs_of(self, org: bytes) -> list[bytes]:
        """Logs of one organisation of which something is held."""

    def newest_cursor(self) -> int:
        """The cursor of the newest head committed, or of the newest evidence."""

    def heads_since(self, cursor: int, limit: int) -> tuple[list[Head], int, bool]:
        """Newest head of each log changed after ``cursor``, in order of change; the cursor reached; more?"""

    def range_items(self, first: bytes, last: bytes) -> list[RangeItem]:
        """Committed logs with ``first`` ≤ id ≤ ``last``, ascending."""

    def frontier(self, log: bytes, size: int | None = None) -> Compact:
        """A copy of the compact tree of the first ``size`` committed entries (None: all).

        Of an unknown log: the empty tree.
        """

    def root_at(self, log: bytes, size: int) -> bytes:
        """Root of the tree of the first ``size`` committed leaves."""

    def leaves(self, log: bytes, start: int, end: int) -> list[bytes]:
        """Leaf hashes of committed entries from ``start`` to ``end`` (excluded), fewer beyond the size."""

    def proof(self, log: bytes, size: int, index: int) -> list[bytes]:
        """Inclusion path of leaf ``index`` in the tree of the first ``size`` committed leaves."""

    def entries(self, log: bytes, start: int, end: int, bodies: bool, bytes_max: int) -> list[Row]:
        """Committed rows from ``start`` to ``end`` (excluded), cut before ``bytes_max``.

        ``bytes_max`` counts headers, salts and bodies with 8 bytes a row for what wraps them. At least one
        row, if any.
        """

    def append(
        self, org: bytes, space: bytes, start: int, rows: Sequence[Row], leaves: Sequence[bytes]
    ) -> None:
        """Store rows as pending. ``start`` must be exactly ``size + pending``.

        Bodies were checked against their headers. A row with a readable header and an empty salt is one whose
        body is missing. A leaf that already stands lower in the log is a leaf without a record: the store
        drops its salt and body.
        """

    def commit(self, head: Head, frontier: Compact) -> None:
        """The entries below ``head.size`` are now part of the log.

        Also used for a renewal (same tree, newer time). ``frontier.size == head.size`` and its root is the
        head's: asserted. Pending entries beyond are an error.
        """

    def drop_pending(self, log: bytes) -> None:
        """Forget entries beyond the committed size."""

    def cut(self, log: bytes, size: int) -> None:
        """A higher epoch keeps only ``size`` leaves: the rest leaves the log, readable where it was cited.

        Followed, in the same turn, by ``append`` and ``commit`` of a head of the higher epoch.
        """

    def disown(self, log: bytes, epoch: int, keep: int = 0) -> None:
        """The author's chain is another one from ``epoch`` on: what is held was signed by nobody.

        All but the first ``keep`` leaves leave the log, readable where they were cited, and with them the
        evidence of these epochs. It has no head until a commit gives it one: what stays stands by the op
        that keeps it.
        """

    def missing(self, log: bytes, start: int, limit: int) -> list[int]:
        """Indices ≥ ``start`` of committed entries whose body should be held and is not."""

    def logs_missing(self, limit: int) -> list[bytes]:
        """Logs with ``missing`` > 0, those asked for least recently first."""

    def fill(self, log: bytes, index: int, salt: bytes, body: bytes) -> None:
        """Store a body that was missing; the caller has checked it against the header."""

    def freeze(
        self, log: bytes, org: bytes, space: bytes, epoch: int, evidence: bytes, first_index: int
    ) -> None:
        """Keep one FORK frame as evidence, mark entries from ``first_index`` contested.

        ``HeldLog.frozen`` holds from then on, until a head of a higher epoch is committed. May come before
        anything else is held of a log. The first evidence of an epoch is a change: it moves the cursor.
        """

    def evidence(self, log: bytes, epoch: int) -> bytes | None:
        """The FORK frame kept for a (log, epoch)."""

    def evidence_since(self, cursor: int, limit: int) -> list[bytes]:
        """The FORK frames that logs are frozen by and that came after ``cursor``, the newest first."""

    def mark_broken(self, log: bytes, org: bytes, space: bytes, epoch: int, index: int | None) -> None:
        """The log cannot be taken from ``index`` on in this epoch (None: mended by a new epoch)."""

    # --- people's decisions --------------------------------------------------------------------
    def interest_stamp(self) -> int:
        """Changes whenever what follows may answer differently: stances, vouches, profiles' endpoints."""

    def stance(self, org: bytes) -> Stance:
        """What a person decided about an organisation."""

    def accepted(self) -> list[bytes]:
        """Organisations a person accepted, ours not included."""

    def vouches(self, voucher: bytes, limit: int) -> list[Vouch]:
        """Current vouches of an organisation's public log, oldest first."""

    def put_stance(self, org: bytes, stance: Stance) -> None:
        """Keep what a person decided: here, that whoever brings an invitation's token is followed."""

    # --- what is brought, and what is to be brought ----------------------------------------------
    def delivered(self, rec: bytes) -> Delivered | None:
        """What was brought, in whatever state."""

    def put_delivered(self, delivered: Delivered) -> None:
        """Keep or change one; what is ignored or settled loses its content."""

    def delivered_about(self, org: bytes, about: bytes) -> Delivered | None:
        """What waits of an author about the same thing."""

    def strangers_waiting(self) -> int:
        """How many strangers' records wait for a person."""

    def strangers_from(self, subnet: str, since: int) -> int:
        """How many records strangers left from one part of the network, received at ``since`` or later."""

    def left_by(self, org: bytes) -> tuple[int, int]:
        """How many records of an author wait, and the bytes of content kept of all that it left."""

    def outgoing(self) -> list[Outgoing]:
        """What waits to be brought, the longest first."""

    def put_outgoing(self, outgoing: Outgoing) -> None:
        """Add or replace by (log, index, reader)."""

    def invitation(self, hash: bytes) -> Invitation | None:
        """An invitation of ours."""

    def put_invitation(self, invitation: Invitation) -> None:
        """Add or replace one."""

    def to_pass_on(self, peer: bytes, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """(arrival, log, index) of others' current records that may concern a peer: they cite its public
        log, or are sealed; in order of arrival, those after a number."""

    def passed_on(self, peer: bytes) -> int | None:
        """Up to which arrival records were offered to a peer; None: never."""

    def put_passed_on(self, peer: bytes, arrival: int) -> None:
        """Remember that."""

    def newest_arrival(self) -> int:
        """The number that the last record shown got, or more."""

    # --- peers ---------------------------------------------------------------------------------
    def cursor(self, peer: bytes) -> tuple[bytes, int] | None:
        """(their store id, cursor) up to which everything of a peer was taken."""

    def put_cursor(self, peer: bytes, store: bytes, cursor: int) -> None:
        """Remember how far a peer's changes were followed."""

    def forget_cursors(self) -> None:
        """What we want grew: everybody must be asked from the beginning again."""

    def forget_peers(self, but: Collection[bytes], now: int) -> None:
        """Drop cursors of all others, and scores of all others who are not away any more."""

    def addresses(self) -> Iterator[Address]:
        """The address book."""

    def put_address(self, address: Address) -> None:
        """Add or replace by ``address``."""

    def endpoints(self, org: bytes) -> tuple[str, ...]:
        """``endpoints`` of an organisation's current profile."""

    def profile_entry(self, org: bytes) -> tuple[int, Row] | None:
        """(index, row) of the current profile in the public log, for IDENTITY."""

    def score(self, peer: bytes) -> tuple[float, int]:
        """(local score, Unix seconds until which the peer is not dialled)."""

    def put_score(self, peer: bytes, score: float, away_until: int) -> None:
        """Keep a peer's local score across reconnects."""

    # --- files ---------------------------------------------------------------------------------
    def file_to_serve(self, blob: bytes) -> int | None:
        """The size of a file that is held whole and cited in public; None for any other."""

    def files_wanted(self, limit: int) -> list[WantedFile]:
        """Files to fetch: what people wait for first, then those wanted longest."""

    def file_arrived(self, blob: bytes) -> None:
        """A file that was wanted is held whole."""

    def file_lost(self, blob: bytes) -> None:
        """A file that was held is damaged: it is wanted again."""

    def put_holder(self, blob: bytes, org: bytes, holds: bool, now: int) -> None:
        """An organisation said whether it holds a file."""
