"""What is brought to us, what we have to bring to others, and invitations."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ledger import Delivered, Invitation, Outgoing
from mutunode.store import sql
from mutunode.store.erase import ERASED
from mutunode.store.interface import DELIVERED_KEPT_MAX, EMPTY_STATES, Stored, stored_of
from mutunode.store.meaning import BROUGHT_TO_NOBODY, SEALED, WITHDRAWAL, read
from mutunode.store.numbering import last_number
from mutunode.store.places import index_of, log_no_of, place_of
from mutunode.store.pool import Pool
from mutunode.store.turn import Turn

_DELIVERED = (
    "SELECT rec, org, stood_at, header, salt, body, kind, inside, about, subnet, stranger, received_at,"
    " endpoints, state FROM delivered"
)
_OUTGOING = "SELECT log, stood_at, reader, made_at, state, tries, next_at, reason FROM outgoing"
_INVITATION = "SELECT hash, made_at, expires_at, follows, note, used_by, used_at, revoked_at FROM invitation"
# Whatever cites the peer's log, whatever is sealed, and withdrawals, by others than the peer; by arrival.
_FOR_A_PEER = (
    "SELECT arrival, place, kind FROM (SELECT inbox.arrival AS arrival, source AS place FROM inbox"
    " WHERE inbox.log_no = :log_no AND inbox.arrival > :after"
    " UNION SELECT arrival, place FROM record WHERE shelf_no IN (:sealed, :withdrawal) AND gone = 0"
    " AND arrival > :after)"
    " CROSS JOIN record USING (place, arrival) CROSS JOIN shelf USING (shelf_no)"
    " WHERE gone = 0 AND state = 0 AND place >> 32 != :log_no"
    " ORDER BY arrival"
)


class Deliveries:
    """The part of the ledger that is about them."""

    _turn: Turn

    # --- brought to us -------------------------------------------------------------------------
    def delivered(self, rec: bytes) -> Delivered | None:
        """What was brought, in whatever state."""
        row = sql.first(self._turn.db, _DELIVERED + " WHERE rec = ?", (rec,))
        return _delivered(row) if row else None

    def put_delivered(self, delivered: Delivered) -> None:
        """Keep or change one."""
        if delivered.state in EMPTY_STATES:
            delivered = msgspec.structs.replace(delivered, salt=b"", body=b"", inside=b"")
        if delivered.state == "erased":
            self._turn.projection.erasure.done += 1  # its content is swept out of the files
        each = delivered
        self._turn.db.execute(
            "INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                each.rec, each.org, each.log, each.index, each.header, each.salt, each.body, each.kind,
                each.inside, each.about, each.subnet, each.stranger, each.received_at,
                msgspec.json.encode(each.endpoints).decode(), each.state,
            ),
        )  # fmt: skip
        self._turn.db.execute(
            "DELETE FROM delivered WHERE state != 'waiting' AND received_at <"
            " (SELECT received_at FROM delivered ORDER BY received_at DESC LIMIT 1 OFFSET ?)",
            (DELIVERED_KEPT_MAX,),
        )

    def delivered_about(self, org: bytes, about: bytes) -> Delivered | None:
        """What waits of an author about the same thing."""
        asked = _DELIVERED + " WHERE state = 'waiting' AND org = ? AND about = ?"
        row = sql.first(self._turn.db, asked, (org, about))
        return _delivered(row) if row else None

    def strangers_waiting(self) -> int:
        """How many strangers' records wait for a person."""
        asked = "SELECT count(*) FROM delivered WHERE state = 'waiting' AND stranger"
        return int(sql.value(self._turn.db, asked))

    def strangers_from(self, subnet: str, since: int) -> int:
        """How many records strangers left from one part of the network."""
        asked = "SELECT count(*) FROM delivered WHERE stranger AND subnet = ? AND received_at >= ?"
        return int(sql.value(self._turn.db, asked, (subnet, since)))

    def left_by(self, org: bytes) -> tuple[int, int]:
        """What an author left: how many wait, and the bytes of all."""
        asked = (
            "SELECT coalesce(sum(state = 'waiting'), 0),"
            " coalesce(sum(length(salt) + length(body) + length(inside)), 0) FROM delivered WHERE log = ?"
        )
        ((waiting, content),) = sql.rows(self._turn.db, asked, (log_id(org, PUBLIC),))
        return waiting, content

    # --- to be brought -------------------------------------------------------------------------
    def outgoing(self) -> list[Outgoing]:
        """What waits to be brought."""
        rows = sql.rows(self._turn.db, _OUTGOING + " WHERE state = 'waiting' ORDER BY made_at, log, stood_at")
        return [Outgoing(*row) for row in rows]

    def put_outgoing(self, outgoing: Outgoing) -> None:
        """Add or replace."""
        self._turn.db.execute(
            "INSERT OR REPLACE INTO outgoing VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            msgspec.structs.astuple(outgoing),
        )

    # --- invitations ---------------------------------------------------------------------------
    def invitation(self, hash: bytes) -> Invitation | None:
        """An invitation of ours."""
        row = sql.first(self._turn.db, _INVITATION + " WHERE hash = ?", (hash,))
        return _invitation(row) if row else None

    def put_invitation(self, invitation: Invitation) -> None:
        """Add or replace one."""
        each = invitation
        self._turn.db.execute(
            "INSERT OR REPLACE INTO invitation VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                each.hash, each.made_at, each.expires_at, each.follows, each.note,
                each.used_by, each.used_at, each.revoked_at,
            ),
        )  # fmt: skip

    # --- passed on -----------------------------------------------------------------------------
    def to_pass_on(self, peer: bytes, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Others' records that may concern a peer."""
        db, log_no = self._turn.db, self._turn.log_no(log_id(peer, PUBLIC))
        asked = {"log_no": log_no or 0, "after": after}
        for kind in (SEALED, WITHDRAWAL):
            shelf = sql.value(db, "SELECT shelf_no FROM shelf WHERE kind = ? AND space = ?", (kind, PUBLIC))
            asked[kind] = shelf
        rows = (row for row in sql.each(db, _FOR_A_PEER, asked) if self._may_concern(*row[1:]))
        return [
            (
                arrival,
                sql.value(db, "SELECT log FROM log WHERE log_no = ?", (log_no_of(place),)),
                index_of(place),
            )
            for arrival, place, _ in itertools.islice(rows, limit)
        ]

    def _may_concern(self, place: int, kind: str) -> bool:
        """Of withdrawals only those that erase what may have been brought to somebody."""
        if kind != WITHDRAWAL:
            return True
        db = self._turn.db
        said = read(kind, sql.value(db, "SELECT body FROM entry WHERE place = ?", (place,)))
        if said is None or said.withdraws is None or not said.erases:
            return False
        target = place_of(log_no_of(place), said.withdraws[1])
        asked = "SELECT kind FROM record JOIN shelf USING (shelf_no) WHERE place = ? AND state = ?"
        erased = sql.value(db, asked, (target, ERASED))
        return erased is not None and erased not in BROUGHT_TO_NOBODY

    def passed_on(self, peer: bytes) -> int | None:
        """Up to which arrival records were offered to a peer."""
        arrival = sql.value(self._turn.db, "SELECT arrival FROM passed_on WHERE peer = ?", (peer,))
        return None if arrival is None else int(arrival)

    def put_passed_on(self, peer: bytes, arrival: int) -> None:
        """Remember that."""
        self._turn.db.execute("INSERT OR REPLACE INTO passed_on VALUES (?, ?)", (peer, arrival))

    def newest_arrival(self) -> int:
        """The number of the last record shown, or more."""
        return last_number(self._turn.db)


class DeliveredReader:
    """The read side of the same."""

    _pool: Pool

    def delivered_waiting(self) -> list[Delivered]:
        """What was brought and still has its content, newest first."""
        with self._pool.snapshot() as db:
            asked = (
                _DELIVERED + " WHERE state IN ('waiting', 'kept', 'answered') ORDER BY received_at DESC, rec"
            )
            return [_delivered(row) for row in sql.rows(db, asked)]

    def delivered_record(self, rec: bytes) -> Stored | None:
        """One of them, as a record."""
        with self._pool.snapshot() as db:
            row = sql.first(db, _DELIVERED + " WHERE rec = ? AND body != x''", (rec,))
            return stored_of(_delivered(row)) if row else None

    def delivered_state(self, rec: bytes) -> str:
        """What became of it."""
        with self._pool.snapshot() as db:
            return str(sql.value(db, "SELECT state FROM delivered WHERE rec = ?", (rec,)) or "")

    def outgoing_of(self, log: bytes, index: int) -> list[Outgoing]:
        """Where a record of ours is being brought, and how that stands."""
        with self._pool.snapshot() as db:
            asked = _OUTGOING + " WHERE log = ? AND stood_at = ? ORDER BY reader"
            return [Outgoing(*row) for row in sql.rows(db, asked, (log, index))]

    def invitations(self) -> list[Invitation]:
        """Invitations of ours, newest first."""
        with self._pool.snapshot() as db:
            rows = sql.rows(db, _INVITATION + " ORDER BY made_at DESC, hash")
            return [_invitation(row) for row in rows]


def _delivered(row: sql.Answer) -> Delivered:
    given: Any = (*row[:10], bool(row[10]), row[11], tuple(msgspec.json.decode(row[12])), row[13])
    return Delivered(*given)


def _invitation(row: sql.Answer) -> Invitation:
    given: Any = (*row[:3], bool(row[3]), *row[4:])
    return Invitation(*given)
