"""What strangers left for us (DELIVER): what becomes of it, by a person's word or quietly by itself."""

from __future__ import annotations

import msgspec

from mutunode.commons.states.resources import asks
from mutunode.protocol.invitation import INVITE
from mutunode.protocol.ledger import Delivered, DeliveredState
from mutunode.service import rules
from mutunode.service.desk import Desk
from mutunode.store.interface import Stored, stored_of
from mutunode.turns import Turn

ANSWER = "usage_answer"


def set_state(turn: Turn, rec: bytes, state: DeliveredState) -> None:
    """What a person decided; nothing for what was never brought, or is settled or erased."""
    held = turn.ledger.delivered(rec)
    if held is not None and held.state not in ("settled", "erased", state):
        turn.ledger.put_delivered(msgspec.structs.replace(held, state=state))


def ignore_all_of(desk: Desk, turn: Turn, org: bytes) -> None:
    """Its author is blocked: nothing of what it left stays."""
    for each in desk.reader.delivered_waiting():
        if each.org == org:
            set_state(turn, each.rec, "ignored")


def by_strangers(desk: Desk) -> dict[bytes, Stored]:
    """What was brought and waits for a person, by record."""
    if not desk.is_inside:
        return {}
    waiting = [each for each in desk.reader.delivered_waiting() if each.state == "waiting"]
    return {each.rec: stored_of(each) for each in waiting}


def other(desk: Desk) -> list[Stored]:
    """What was brought, and invitations of those whom we hear through others and do not follow."""
    if not desk.is_inside:
        return []
    heard = [each for each in desk.reader.opened_of_kind(INVITE) if each.sealed_for is None]
    new = [each for each in heard if desk.reader.delivered_state(each.rec) in ("", "settled")]
    return [*by_strangers(desk).values(), *(each for each in new if not _is_met(desk, each.org))]


def _is_met(desk: Desk, org: bytes) -> bool:
    known = desk.reader.organisation(org)
    return known is not None and (known.accepted or known.blocked)


def ignore(desk: Desk, stored: Stored) -> None:
    """Look at it no more; its author is told nothing."""

    def job(turn: Turn) -> None:
        if turn.ledger.delivered(stored.rec) is None:  # it stands in a log that we follow
            turn.ledger.put_delivered(_remembered(stored, desk.now()))
        set_state(turn, stored.rec, "ignored")

    desk.act(job)


def met(desk: Desk, stored: Stored) -> None:
    """Its author is followed from now on: an invitation has had its answer."""
    if stored.kind == INVITE:
        desk.act(lambda turn: set_state(turn, stored.rec, "answered"))


def _remembered(stored: Stored, now: int) -> Delivered:
    return Delivered(
        stored.rec, stored.org, stored.index, stored.header, b"", b"", stored.kind, b"", b"", "", False, now
    )


def keep_quietly(desk: Desk) -> None:
    """What nobody need look at takes no place among what waits: answers to what we said, uses of a record
    whose author does not mind, an invitation by somebody whom we follow already.
    """
    quiet = [
        each for each in desk.reader.delivered_waiting() if each.state == "waiting" and _is_quiet(desk, each)
    ]
    if quiet:
        desk.act(lambda turn: _keep_all(turn, quiet))


def _keep_all(turn: Turn, quiet: list[Delivered]) -> None:
    for each in quiet:
        set_state(turn, each.rec, "kept")


def _is_quiet(desk: Desk, each: Delivered) -> bool:
    if each.kind == ANSWER:
        return True
    if each.kind == INVITE:
        return _is_met(desk, each.org)
    if each.kind != "usage":
        return False
    cited = [rules.cited(desk, ref) for ref in rules.refs_to(desk, stored_of(each), desk.own_log)]
    ours = [rules.newest(desk, found) for found in cited if found is not None]
    return bool(ours) and not any(asks(found.fields()) for found in ours)
