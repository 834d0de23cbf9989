"""Invitations: a link that one organisation gives to another, by any way they trust, and what comes of it.

The link says who invites, where they are reached and with which key what is for them is sealed, and holds a
token for one use. Whoever takes it up follows the inviting organisation, pinned to its id, and brings the
token back in a sealed ``invite`` record; the inviting node follows in turn, or asks its people. Without a
link, an ``invite`` record is sealed for an organisation whose key is known, and brought to it.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qsl, urlencode

import msgspec

from mutunode.protocol import ids
from mutunode.protocol.crypto import check_x25519, sha256
from mutunode.protocol.dialling import ENDPOINTS_MAX
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import base32, org_text, parse, rec_text
from mutunode.protocol.invitation import (
    EXPIRED,
    INVITE,
    REVOKED,
    TOKEN,
    TOKEN_BYTES,
    USED,
    token_hash,
    token_text,
)
from mutunode.protocol.ledger import Address, Invitation, Outgoing, Stance
from mutunode.protocol.limits import NAME_BYTES_MAX
from mutunode.service import desk as desks
from mutunode.service import lookup, network, peers, publishing
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.shapes import InvitationLine, InvitationMade, LinkRead, TakenUp
from mutunode.store.interface import Stored
from mutunode.turns import Turn

SCHEME = "mutunode://invite/1?"
LINK_LENGTH_MAX = 4_000  # eight addresses of 269 bytes, a name of 255, percent-encoded where need be
DAYS, DAYS_MAX = 7, 90
DAY_SECONDS = 86_400
LISTED_MAX = 100
OPEN_MAX = 256  # that may be taken up still
WAIT_SECONDS, WAIT_STEP_SECONDS = 15.0, 0.1


class Link(msgspec.Struct, frozen=True):
    """What a link says."""

    org: bytes
    key: bytes  # X25519, to seal the answer with
    token: str
    until: int
    addresses: tuple[str, ...]
    name: str = ""


# --- inviting ----------------------------------------------------------------------------------------
def make(desk: Desk, addresses: tuple[str, ...], days: int, follows: bool, note: str) -> InvitationMade:
    """A new link; the token in it is shown this once, and only its hash is kept."""
    if not 1 <= days <= DAYS_MAX:
        raise _field("days", f"Entre 1 et {DAYS_MAX} jours.", f"From 1 to {DAYS_MAX} days.")
    places = _reached_at(desk, addresses)
    me = desk.reader.organisation(desk.org)
    assert me is not None, "a node knows itself"
    assert me.chain is not None, "a node has its own chain"
    token, now = token_text(desk.random(TOKEN_BYTES)), desk.now()
    invitation = Invitation(token_hash(token), now, now + days * DAY_SECONDS, follows, note[:NAME_BYTES_MAX])
    if sum(_state(each, now) == "open" for each in desk.reader.invitations()) >= OPEN_MAX:
        raise Refusal(
            "too_many",
            Exit.REFUSED,
            "Trop d’invitations attendent : annulez celles qui ne serviront plus.",
            "Too many invitations wait: cancel those that will not be used.",
        )
    desk.act(lambda turn: turn.ledger.put_invitation(invitation))
    name = desk.name_of(desk.org, me)
    link = Link(desk.org, me.chain.sealing, token, invitation.expires_at, places, name)
    return InvitationMade(_id(invitation), write_link(link), invitation.expires_at, follows, places)


def _reached_at(desk: Desk, given: tuple[str, ...]) -> tuple[str, ...]:
    """Where whoever is invited finds us: as a person says, else our profile, else what this machine knows."""
    places = tuple(peers.read_address(desk, text).address for text in given)
    if not places:
        profile = desk.reader.current(desk.org, "profile")
        told = profile.fields().get("endpoints") if profile is not None else None
        own = [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
        places = tuple(dict.fromkeys([*own, *desk.live.reached_at()]))
    if not places:
        raise _field(
            "address",
            "Cet ordinateur ne sait pas où on peut le joindre : donnez une adresse, machine:port.",
            "This computer does not know where it is reached: give an address, host:port.",
        )
    return places[:ENDPOINTS_MAX]


def invite(desk: Desk, text: str, note: object, follows: bool) -> TakenUp:
    """Seal an invitation for an organisation whose key is known here, and have it brought."""
    org = lookup.organisation(desk, text, unknown=True)
    places = [each for each in desk.live.reached_at() if each][:ENDPOINTS_MAX]
    fields = {"org": org_text(org), "note": note, "endpoints": places}
    done = publishing.publish(desk, INVITE, {name: value for name, value in fields.items() if value})
    if follows:
        peers.accept(desk, org_text(org), "", vouch=False, listed=True)
    return TakenUp(network.organisation(desk, org), done.id, "waiting")


def listed(desk: Desk) -> tuple[InvitationLine, ...]:
    """Invitations of ours, newest first."""
    now = desk.now()
    return tuple(
        InvitationLine(
            id=_id(each),
            state=_state(each, now),
            made_at=each.made_at,
            expires_at=each.expires_at,
            follows=each.follows,
            note=each.note,
            used_by=org_text(each.used_by) if each.used_by is not None else "",
            used_by_name=desk.name_of(each.used_by) if each.used_by is not None else "",
            used_at=each.used_at,
        )
        for each in desk.reader.invitations()[:LISTED_MAX]
    )


def revoke(desk: Desk, text: str) -> InvitationLine:
    """Cancel an invitation that nobody took up yet."""
    found = next((each for each in desk.reader.invitations() if _id(each) == text.strip()), None)
    if found is None:
        raise lookup.not_found(text)
    if found.used_by is not None:
        raise Refusal(
            "used",
            Exit.REFUSED,
            "Cette invitation a déjà servi ; pour ne plus suivre cette organisation, retirez-la du réseau.",
            "This invitation was used already; to follow that organisation no more, see the network.",
        )
    desk.act(lambda turn: turn.ledger.put_invitation(msgspec.structs.replace(found, revoked_at=desk.now())))
    return next(each for each in listed(desk) if each.id == text.strip())


def _id(invitation: Invitation) -> str:
    return f"inv_{base32(sha256(invitation.hash)[:10])}"


def _state(invitation: Invitation, now: int) -> str:
    if invitation.used_by is not None:
        return "used"
    if invitation.revoked_at:
        return "revoked"
    return "expired" if now > invitation.expires_at else "open"


# --- the link ----------------------------------------------------------------------------------------
def write_link(link: Link) -> str:
    """The text that is given to the other organisation, and drawn as a QR code."""
    fields = [("org", org_text(link.org)), ("key", base32(link.key)), ("token", link.token)]
    fields += [("until", str(link.until)), *(("at", each) for each in link.addresses)]
    fields += [("name", link.name)] if link.name else []
    return SCHEME + urlencode(fields, safe=":[]/")


def parse_link(text: str) -> Link:
    """Read a link as somebody pasted it.

    Raises:
        Refusal: what is wrong with it.
    """
    bare = "".join(text.split())  # mail programs break long lines
    if not bare.startswith(SCHEME) or len(bare) > LINK_LENGTH_MAX:
        raise _not_a_link()
    try:
        fields = parse_qsl(bare[len(SCHEME) :], strict_parsing=True, max_num_fields=32, errors="strict")
        given = dict(reversed(fields))
        link = Link(
            org=parse(given["org"], "org"),
            key=ids.parse("org_" + given["key"], "org"),  # 32 bytes like an id
            token=given["token"],
            until=int(given["until"][:12]),
            addresses=tuple(value for name, value in fields if name == "at")[:ENDPOINTS_MAX],
            name=given.get("name", "")[:NAME_BYTES_MAX],
        )
        check_x25519(link.key)
    except (ValueError, KeyError, Malformed):
        raise _not_a_link() from None
    if not TOKEN.fullmatch(link.token) or not link.addresses:
        raise _not_a_link()
    return link


def read(desk: Desk, text: str) -> LinkRead:
    """What a link says, to be looked at before it is taken up."""
    link = parse_link(text)
    known = desk.reader.organisation(link.org)
    names = {org.org: org.name for org in desk.reader.organisations()}
    return LinkRead(
        org=org_text(link.org),
        name=desk.name_of(link.org, known) if known is not None and known.name else link.name,
        check_words=desks.words_of(link.org),
        addresses=link.addresses,
        expires_at=link.until,
        expired=desk.now() > link.until,
        ours=link.org == desk.org,
        accepted=known is not None and known.accepted,
        blocked=known is not None and known.blocked,
        similar_to=network.similar(link.org, {**names, link.org: link.name}),
    )


# --- taking it up --------------------------------------------------------------------------------------
def take_up(desk: Desk, text: str, wait_seconds: float = WAIT_SECONDS) -> TakenUp:
    """Follow the inviting organisation, and bring its token back.

    Raises:
        Refusal: the link cannot be used, or the inviting organisation says so.
    """
    desk = desk.inside
    link = parse_link(text)
    _check(desk, link)
    places = [peers.read_address(desk, each, link.org) for each in link.addresses]
    before = _sent(desk, link)
    rec = (
        rec_text(before.rec)
        if before is not None
        else desk.act(lambda turn: _answer(desk, turn, link, places))
    )
    end = time.monotonic() + wait_seconds
    while True:
        standing = _standing(desk, rec, link.org)
        if standing.state == "refused":
            raise _void(desk, link, standing.reason)
        if standing.state == "taken" or time.monotonic() >= end or desk.is_stopping.is_set():
            return TakenUp(network.organisation(desk, link.org), rec, standing.state)
        time.sleep(WAIT_STEP_SECONDS)


def _check(desk: Desk, link: Link) -> None:
    if link.org == desk.org:
        raise Refusal(
            "ourselves",
            Exit.REFUSED,
            "Cette invitation est la vôtre : donnez-la à une autre organisation.",
            "This invitation is your own: give it to another organisation.",
        )
    if desk.now() > link.until:
        raise _void(desk, link, EXPIRED)
    known = desk.reader.organisation(link.org)
    if known is not None and known.blocked:
        raise Refusal(
            "blocked",
            Exit.REFUSED,
            "Vous avez bloqué cette organisation. Levez d’abord le blocage.",
            "You blocked this organisation. Lift the block first.",
        )


def _sent(desk: Desk, link: Link) -> Stored | None:
    """What we sealed for this very link before: a second click signs nothing."""
    ours = desk.reader.opened_of_kind(INVITE, desk.org, LISTED_MAX)
    return next((each for each in ours if each.fields().get("token") == link.token), None)


def _answer(desk: Desk, turn: Turn, link: Link, places: list[Address]) -> str:
    body = {"org": link.org, "token": link.token}
    ready = publishing.draft(desk, desk.registry[INVITE], body, key=link.key)
    written = publishing.write(desk, turn, ready)
    turn.ledger.put_stance(link.org, Stance(accepted=True))
    turn.tell(lambda node, now: node.interest_changed(now))
    for each in places:
        peers.dial(turn, each)
    return written.id


def _standing(desk: Desk, rec: str, org: bytes) -> Outgoing:
    stored = lookup.record(desk, rec)
    found = desk.reader.outgoing_of(stored.log, stored.index)
    return next(each for each in found if each.reader == org)


# --- refusals ------------------------------------------------------------------------------------------
def _void(desk: Desk, link: Link, reason: str) -> Refusal:
    name = link.name or desks.short(link.org)
    code, fr, en = {
        USED: ("invitation_used", "a déjà servi", "was used already"),
        EXPIRED: ("invitation_expired", "n’est plus valable", "is past its date"),
        REVOKED: ("invitation_revoked", "a été annulée", "was cancelled"),
    }.get(reason, ("invitation_unknown", "n’y est pas connue", "is not known there"))
    return Refusal(
        code,
        Exit.REFUSED,
        f"Cette invitation de {name} {fr}. Demandez-en une autre.",
        f"This invitation by {name} {en}. Ask for another one.",
    )


def _not_a_link() -> Refusal:
    fr = f"Ce n’est pas une invitation entière : elle commence par {SCHEME}"
    en = f"This is not a whole invitation: it begins with {SCHEME}"
    return Refusal("not_an_invitation", Exit.USAGE, fr, en, (Trouble("link", fr, en),))


def _field(name: str, fr: str, en: str) -> Refusal:
    return Refusal("invalid", Exit.USAGE, fr, en, (Trouble(name, fr, en),))
