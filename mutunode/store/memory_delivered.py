"""What is brought, to be brought, and invitations, as the reference store keeps them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ledger import Delivered, Invitation, Outgoing
from mutunode.store.interface import DELIVERED_KEPT_MAX, EMPTY_STATES, Stored, stored_of
from mutunode.store.meaning import BROUGHT_TO_NOBODY, SEALED, WITHDRAWAL
from mutunode.store.memory_contents import Contents, Log, Record
from mutunode.store.memory_turn import MemoryTurn


def settle(state: Contents, log: bytes, start: int, end: int) -> None:
    """These entries of a log are here: what was brought of them stands in it."""
    for rec, each in list(state.delivered.items()):
        if each.log == log and start <= each.index < end and each.state != "settled":
            state.delivered[rec] = _emptied(msgspec.structs.replace(each, state="settled"))


def _takes_back(held: Log, record: Record) -> bool:
    """Whether a withdrawal erases what may have been brought to somebody."""
    said = record.row.said
    target = held.records.get(said.withdraws[1]) if said and said.withdraws and said.erases else None
    return (
        record.header.kind == WITHDRAWAL
        and target is not None
        and target.state == "erased"
        and target.header.kind not in BROUGHT_TO_NOBODY
    )


def _emptied(each: Delivered) -> Delivered:
    if each.state not in EMPTY_STATES:
        return each
    return msgspec.structs.replace(each, salt=b"", body=b"", inside=b"")


class MemoryDeliveries:
    """The part of the ledger that is about them."""

    _turn: MemoryTurn

    def delivered(self, rec: bytes) -> Delivered | None:
        """What was brought, in whatever state."""
        return self._turn.state.delivered.get(rec)

    def put_delivered(self, delivered: Delivered) -> None:
        """Keep or change one."""
        state = self._turn.state
        state.delivered[delivered.rec] = _emptied(delivered)
        newest = sorted((each.received_at for each in state.delivered.values()), reverse=True)
        if len(newest) > DELIVERED_KEPT_MAX:
            state.delivered = {
                rec: each
                for rec, each in state.delivered.items()
                if each.state == "waiting" or each.received_at >= newest[DELIVERED_KEPT_MAX]
            }

    def delivered_about(self, org: bytes, about: bytes) -> Delivered | None:
        """What waits of an author about the same thing."""
        found = (each for each in self._turn.state.delivered.values() if each.state == "waiting")
        return next((each for each in found if (each.org, each.about) == (org, about)), None)

    def strangers_waiting(self) -> int:
        """How many strangers' records wait for a person."""
        return sum(each.stranger and each.state == "waiting" for each in self._turn.state.delivered.values())

    def strangers_from(self, subnet: str, since: int) -> int:
        """How many records strangers left from one part of the network."""
        found = self._turn.state.delivered.values()
        return sum(each.stranger and each.subnet == subnet and each.received_at >= since for each in found)

    def left_by(self, org: bytes) -> tuple[int, int]:
        """What an author left: how many wait, and the bytes of all."""
        found = [each for each in self._turn.state.delivered.values() if each.org == org]
        content = sum(len(each.salt) + len(each.body) + len(each.inside) for each in found)
        return sum(each.state == "waiting" for each in found), content

    def outgoing(self) -> list[Outgoing]:
        """What waits to be brought."""
        found = (each for each in self._turn.state.outgoing.values() if each.state == "waiting")
        return sorted(found, key=lambda each: (each.made_at, each.log, each.index))

    def put_outgoing(self, outgoing: Outgoing) -> None:
        """Add or replace."""
        self._turn.state.outgoing[outgoing.log, outgoing.index, outgoing.reader] = outgoing

    def invitation(self, hash: bytes) -> Invitation | None:
        """An invitation of ours."""
        return self._turn.state.invitations.get(hash)

    def put_invitation(self, invitation: Invitation) -> None:
        """Add or replace one."""
        self._turn.state.invitations[invitation.hash] = invitation

    def to_pass_on(self, peer: bytes, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Others' records that may concern a peer."""
        theirs = log_id(peer, PUBLIC)
        found = []
        for held in self._turn.state.logs.values():
            for record in held.records.values():
                fits = (
                    record.current and record.state == "ok" and held.log != theirs and record.arrival > after
                )
                cites = record.row.said and any(ref[0] == theirs for ref in record.row.said.refs)
                is_sealed = record.header.kind == SEALED and held.space == PUBLIC
                takes_back = held.space == PUBLIC and _takes_back(held, record)
                if fits and held.log != theirs and (cites or is_sealed or takes_back):
                    found.append((record.arrival, held.log, record.index))
        return sorted(found)[:limit]

    def passed_on(self, peer: bytes) -> int | None:
        """Up to which arrival records were offered to a peer."""
        return self._turn.state.passed_on.get(peer)

    def put_passed_on(self, peer: bytes, arrival: int) -> None:
        """Remember that."""
        self._turn.state.passed_on[peer] = arrival

    def newest_arrival(self) -> int:
        """The number of the last record shown."""
        return self._turn.state.arrivals


class MemoryDeliveredReader:
    """The read side of the same."""

    _held: Callable[[], Contents]

    def delivered_waiting(self) -> list[Delivered]:
        """What was brought and still has its content, newest first."""
        found = (each for each in self._held().delivered.values() if each.state not in EMPTY_STATES)
        return sorted(found, key=lambda each: (-each.received_at, each.rec))

    def delivered_record(self, rec: bytes) -> Stored | None:
        """One of them, as a record."""
        each = self._held().delivered.get(rec)
        return stored_of(each) if each is not None and each.body else None

    def delivered_state(self, rec: bytes) -> str:
        """What became of it."""
        each = self._held().delivered.get(rec)
        return each.state if each is not None else ""

    def outgoing_of(self, log: bytes, index: int) -> list[Outgoing]:
        """Where a record of ours is being brought."""
        found = (each for each in self._held().outgoing.values() if (each.log, each.index) == (log, index))
        return sorted(found, key=lambda each: each.reader)

    def invitations(self) -> list[Invitation]:
        """Invitations of ours, newest first."""
        return sorted(self._held().invitations.values(), key=lambda each: (-each.made_at, each.hash))
