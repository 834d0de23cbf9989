"""Telling something to one organisation alone: who that is, and what travels in its place.

A sealed record stands in our public register like any other, without a name on it. What answers or cites a
sealed record is sealed too, for the other one of the same two: nothing that was told in confidence can be
repeated to everybody by mistake.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.protocol import sealed
from mutunode.protocol.entry import encode_body, make_entry
from mutunode.protocol.errors import Malformed
from mutunode.protocol.invitation import INVITE
from mutunode.protocol.ledger import Outgoing
from mutunode.protocol.limits import SALT_BYTES
from mutunode.protocol.outbox import BY_HAND, HELD
from mutunode.service import rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.store.interface import Stored
from mutunode.turns import Turn, Written

# kind → the fields that name what it is about: the first that is another's says whom it concerns
CONCERNS = {
    "usage": ("resource",),
    "usage_answer": ("usage",),
    "booking": ("means",),
    "booking_act": ("means", "booking"),
}
NEVER_SEALED = frozenset({"withdrawal"})  # taking back is said in public: that something was, not what
SEALED_SEARCHED_MAX = 1_000


def reader_of(desk: Desk, kind: Kind, body: dict[str, Any], given: bytes | None = None) -> bytes | None:
    """The one organisation this is for; None: everybody. ``desk`` is the inside one.

    Raises:
        Refusal: it would be for two, or for ourselves.
    """
    if kind.name in NEVER_SEALED:
        return None
    told = (given, _author_alone(desk, kind, body), *_told(desk, kind, body))
    readers = {each for each in told if each is not None}
    if len(readers) > 1:
        raise Refusal(
            "two_readers",
            Exit.REFUSED,
            "Une fiche scellée n’a qu’une lectrice : celle-ci cite ce qu’une autre vous a confié.",
            "A sealed record has one reader: this one cites what another told you in confidence.",
        )
    reader = next(iter(readers), None)
    if reader == desk.org:
        raise Refusal(
            "ourselves", Exit.REFUSED, "C’est votre propre organisation.", "This is your own organisation."
        )
    return reader


def _author_alone(desk: Desk, kind: Kind, body: dict[str, Any]) -> bytes | None:
    """The author of what it is about, when that is how it is told: by the user's wish, or by the owner's."""
    if kind.name == "booking":
        means = rules.cited(desk, body["means"])
        newest = rules.newest(desk, means) if means is not None else None
        private = newest is not None and newest.fields().get("calendar") == "occupied"
        return newest.org if newest is not None and private and newest.org != desk.org else None
    if kind.name == INVITE:
        invited: bytes = body["org"]
        return invited
    if kind.name != "usage" or body.get("visibility") != "author_only":
        return None
    resource = rules.cited(desk, body["resource"])
    return resource.org if resource is not None else None


def _told(desk: Desk, kind: Kind, body: dict[str, Any]) -> list[bytes]:
    """With whom the sealed records are shared that this one cites."""
    cited = [rules.cited(desk, ref) for name, ref in kind.refs(body) if name != "supersedes"]
    return [each.sealed_for or each.org for each in cited if each is not None and each.sealed]


def addressee(desk: Desk, kind: Kind, body: dict[str, Any], reader: bytes | None) -> bytes | None:
    """To whom it is brought, follower or not: its one reader, or whom an acknowledgement is about."""
    if reader is not None:
        return reader
    cited = [rules.cited(desk, body[field]) for field in CONCERNS.get(kind.name, ())]
    return next((each.org for each in cited if each is not None and each.org != desk.org), None)


def address(
    desk: Desk,
    turn: Turn,
    written: Written,
    to: bytes | None,
    instead_of: Stored | None,
    *,
    by_hand: bool = False,
) -> None:
    """Have a record brought that this turn writes; what it takes the place of need not be any more.

    ``by_hand``: also to whom follows us, and would have it anyway.
    """
    if instead_of is not None:
        drop(desk, turn, instead_of)
    if to is not None:
        reason = BY_HAND if by_hand else ""
        turn.ledger.put_outgoing(Outgoing(written.log, written.index, to, int(turn.now), reason=reason))
        turn.tell(lambda node, now: node.outgoing_changed(now))


def take_back(desk: Desk, turn: Turn, stored: Stored, withdrawal: dict[str, Any]) -> None:
    """A record of ours is withdrawn, not erased: whoever it may have been brought to is told so, sealed.

    Somebody in between may have brought it when we could not; who follows us reads the withdrawal itself.
    """
    if withdrawal.get("erase"):
        return  # that one is brought itself (``erasing``)
    told = [each for each in desk.reader.outgoing_of(stored.log, stored.index) if _may_hold(each)]
    drop(desk, turn, stored)
    for each in told:
        known = desk.reader.organisation(each.reader)
        if known is None or known.chain is None:
            continue
        sealed_up = outer(desk, "withdrawal", withdrawal, each.reader)
        written = turn.append(make_entry(*sealed_up, int(turn.now), desk.random(SALT_BYTES)))
        place = (written.log, written.index, written.leaf)
        turn.ledger.put_opened(*place, "withdrawal", encode_body(withdrawal), each.reader)
        address(desk, turn, written, each.reader, None)


def _may_hold(each: Outgoing) -> bool:
    return (each.state == "taken" and each.reason != HELD) or (each.state == "waiting" and each.tries > 0)


def drop(desk: Desk, turn: Turn, stored: Stored) -> None:
    """A record that was replaced or withdrawn is brought to nobody any more."""
    for each in desk.reader.outgoing_of(stored.log, stored.index):
        if each.state == "waiting":
            turn.ledger.put_outgoing(msgspec.structs.replace(each, state="dropped"))


def goes_on(before: Stored, reader: bytes | None) -> bool:
    """Whether a record may stand in the place of an earlier one: among the same readers.

    Raises:
        Refusal: what everybody has read cannot become a secret.
    """
    if before.sealed_for == reader:
        return True
    if not before.sealed:
        raise Refusal(
            "already_public",
            Exit.REFUSED,
            "Vous l’avez déjà dit à tous. Retirez d’abord cette déclaration, puis confiez-la à l’auteur.",
            "You told everybody already. Withdraw that first, then tell the author alone.",
            (
                Trouble(
                    "visibility",
                    "Une déclaration publique existe déjà.",
                    "A public declaration stands already.",
                ),
            ),
        )
    return False


def by_external_ref(desk: Desk, kind: str, external_ref: str) -> Stored | None:
    """Our current sealed record that bears this key of ours."""
    ours = desk.reader.opened_of_kind(kind, desk.org, SEALED_SEARCHED_MAX)
    return next((each for each in ours if each.fields().get("external_ref") == external_ref), None)


def outer(
    desk: Desk, kind: str, body: dict[str, Any], reader: bytes | None, key: bytes | None = None
) -> tuple[str, dict[str, Any]]:
    """(kind, body) as they stand in the register; ``key``: the reader's, where no identity is held.

    Raises:
        Refusal: the reader's key is not known here, or the record is too long to be sealed.
    """
    if reader is None:
        return kind, body
    known = desk.reader.organisation(reader)
    sealing = known.chain.sealing if known is not None and known.chain is not None else key
    if sealing is None:
        raise Refusal(
            "no_sealing_key",
            Exit.NOT_FOUND,
            "Rien n’est connu ici de cette organisation, rien ne peut donc être scellé pour elle : suivez-la "
            "d’abord, ou remettez-lui une invitation.",
            "Nothing is known here of this organisation, so nothing can be sealed for it: follow it first, "
            "or hand it an invitation.",
        )
    try:
        return sealed.KIND, sealed.seal(kind, body, desk.own_log, reader, sealing)
    except Malformed as error:
        raise Refusal(
            "too_large",
            Exit.REFUSED,
            f"Cette fiche ne peut pas être scellée : {error}",
            f"Cannot be sealed: {error}",
        ) from None
