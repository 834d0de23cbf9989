"""Une organisation: its posture first, what it shares and uses, how to recognise it; follow it or not."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from mutunode.commons.kind import Record as Members
from mutunode.commons.kind import Show
from mutunode.service.errors import Exit, Refusal
from mutunode.service.peers import is_local
from mutunode.service.shapes import Organisation, OrganisationPage
from mutunode.web import forms, render, shown, signing
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read
from mutunode.web.labels import Labels
from mutunode.web.pages.acts import DECLARE
from mutunode.web.pages.search import Card, card
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

PROFILE, VOUCH = "profile", "vouch"
# What a posture says, by sense; refusing stands as tall as giving.
POSTURE = {
    "aval": ("shares_aval", "wants_usage"),
    "amont": ("joins_means", "joins_risk", "prior_works"),
}
ADDRESS_LENGTH_MAX = 300


class Stance(msgspec.Struct, frozen=True):
    """One sense of a posture."""

    sense: str
    says: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """The page's context."""

    found: OrganisationPage
    name: str
    name_language: str
    posture: tuple[Stance, ...]
    statement: shown.Value | None
    about: tuple[shown.Line, ...]
    contact: tuple[shown.Line, ...]
    cards: tuple[Card, ...]
    types: dict[str, str]
    languages: tuple[str, ...]
    branches: tuple[dict[str, Any], ...]  # of a disputed organisation: the one held, then the others
    has_logo: bool = False
    logo_alt: str = ""

    @property
    def fork_command(self) -> str:
        """What to type to take the evidence along."""
        return f"mutunode prove --fork {self.found.organisation.org[:16]} -o fork.txt"


class FollowPage(msgspec.Struct, frozen=True):
    """The confirmation: compare the words, then decide."""

    organisation: Organisation
    words: str
    address: str
    own_words: str  # ours, for the other side to compare
    proposal: signing.Proposal | None  # what would be signed if it is said publicly
    vouch: bool
    stays_here: bool  # the address leads nowhere but on one's own premises
    troubles: tuple[Trouble, ...] = ()


class LeavePage(msgspec.Struct, frozen=True):
    """Stop following, or block."""

    organisation: Organisation


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/organisation/org_…``"""
    visit = visits.of(request)
    found = await read(visit.clerk.organisation, request.match_info["org"], visit.language)
    if found.organisation.org != request.match_info["org"]:
        raise web.HTTPSeeOther(visit.to("organisation", org=found.organisation.org))
    context = await read(_context, visit, found, has_logo=await _has_logo(visit, found))
    return await render.page(request, "organisation.html", {"page": context})


async def _has_logo(visit: Visit, found: OrganisationPage) -> bool:
    """Whether its logo is here, and is a picture that can be shown."""
    if not found.profile.get("logo"):
        return False
    file = await ask(visit.clerk.archive.opened, found.profile_id, 0)  # the one file that a profile has
    return file.held and await ask(visit.clerk.archive.picture_of, file) is not None


def _context(visit: Visit, found: OrganisationPage, *, has_logo: bool) -> Page:
    labels = Labels(visit)
    kind = labels.registry.get(PROFILE)
    profile: dict[str, Any] = found.profile
    name = shown.prose(profile.get("name") or {"": found.organisation.name}, visit.language, exact=True)
    facts = shown.lines(kind, profile, visit.language, (Show.FACT, Show.LINK)) if kind else ()
    options = labels.options(DECLARE.kind, "type")
    posture = profile.get("posture", {})
    statement = posture.get("statement")
    alt = profile.get("logo", {}).get("alt")
    return Page(
        found=found,
        name=name.text,
        name_language=name.language,
        posture=tuple(_posture(labels, posture)),
        statement=shown.prose(statement, visit.language) if statement else None,
        about=tuple(line for line in facts if line.name in ("legal_form", "area")),
        contact=tuple(line for line in facts if line.name not in ("legal_form", "area", "languages")),
        cards=tuple(card(hit, labels) for hit in found.resources),
        types={option.code: option.shown.text(visit.language) for option in options},
        branches=(*found.epochs[:1], *found.rivals) if found.to_decide else (),
        has_logo=has_logo,
        logo_alt=shown.prose(alt, visit.language).text if alt else "",
        languages=tuple(visit.speech.language_name(str(tag)) for tag in profile.get("languages", ())),
    )


def _posture(labels: Labels, posture: dict[str, Any]) -> list[Stance]:
    declared = labels.field(PROFILE, "posture")
    if declared is None or not isinstance(declared.type, Members):
        return []
    by_name = declared.type.by_name
    found = []
    for sense, fields in POSTURE.items():
        says = tuple(
            by_name[field].type.text(posture[field], labels.language)
            for field in fields
            if field in posture and field in by_name
        )
        if says:
            found.append(Stance(sense, says))
    return found


async def confirm(request: web.Request) -> web.StreamResponse:
    """``/fr/organisation/org_…/suivre``: the words to compare, before anything is decided."""
    visit = visits.of(request)
    visit.writer()
    address = request.query.get("address", "")[:ADDRESS_LENGTH_MAX]
    return await _confirm(request, request.match_info["org"], address, vouch=True)


async def _confirm(
    request: web.Request,
    org: str,
    address: str,
    *,
    vouch: bool,
    wrong: tuple[Trouble, ...] = (),
    status: int = 200,
) -> web.StreamResponse:
    visit = visits.of(request)
    organisation = await _known(visit, org)
    me = (await ask(visit.clerk.network)).me
    page = FollowPage(
        organisation=organisation,
        words=organisation.check_words.get(visit.language, ""),
        own_words=me.check_words.get(visit.language, ""),
        address=address,
        proposal=await _vouching(visit, organisation.org, address),
        vouch=vouch,
        stays_here=bool(address) and is_local(address),
        troubles=wrong,
    )
    return await render.page(request, "follow.html", {"page": page}, status=status)


async def _known(visit: Visit, org: str) -> Organisation:
    """An organisation that is known, or only nearby so far."""
    network = await ask(visit.clerk.network)
    for near in network.nearby:
        if near.org == org:
            return Organisation(
                org=near.org,
                name=near.name,
                me=False,
                stance="",
                records=0,
                by_sense={},
                heard_at=0,
                signed_at=0,
                connected=True,
                address=near.address,
                known_by=near.introduced_by,
                check_words=near.check_words,
                similar_to=near.similar_to,
            )
    return (await ask(visit.clerk.organisation, org, visit.language)).organisation


async def _vouching(visit: Visit, org: str, address: str) -> signing.Proposal | None:
    """What saying publicly that we know them would sign; None where it cannot be said now."""
    told = [address] if address and not is_local(address) else []
    fields = {"org": org, "endpoints": told, "listed": True}
    try:
        return await signing.propose(visit, VOUCH, fields)
    except Refusal:
        return None


async def follow(request: web.Request) -> web.StreamResponse:
    """The words were compared, or not."""
    visit = visits.of(request)
    form = await forms.read(request)
    org, address = request.match_info["org"], form.get("address")[:ADDRESS_LENGTH_MAX]
    vouch = form.get("vouch") == "true"
    words = visit.speech
    if form.get("compared") != "true":
        text = words.gettext("Compare the six words by voice first, then tick the box that says so.")
        unticked = Trouble(text, "compared", "f-compared")
        return await _confirm(request, org, address, vouch=vouch, wrong=(unticked,), status=400)
    proposal = await _vouching(visit, org, address) if vouch else None
    if vouch and (proposal is None or proposal.seen != form.get("seen")):
        text = words.gettext("What would be signed has changed since you saw it. Read it again, then decide.")
        return await _confirm(request, org, address, vouch=vouch, wrong=(Trouble(text),), status=400)
    try:
        await ask(visit.clerk.accept, org, address, vouch, True)
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        found = troubles(refusal, visit.language, ("compared", "vouch"))
        status = form_status(refusal)
        return await _confirm(request, org, address, vouch=vouch, wrong=found, status=status)
    text = words.gettext("You follow this organisation: what it publishes is being fetched.")
    visit.writer().notices.append(text)
    raise web.HTTPSeeOther(visit.to("organisation", org=org))


async def confirm_leaving(request: web.Request) -> web.StreamResponse:
    """``/fr/organisation/org_…/ne-plus-suivre``"""
    visit = visits.of(request)
    visit.writer()
    page = LeavePage(await _known(visit, request.match_info["org"]))
    return await render.page(request, "leave.html", {"page": page})


async def leave(request: web.Request) -> web.StreamResponse:
    """Stop following, block, or take a block back."""
    visit = visits.of(request)
    form = await forms.read(request)
    org = request.match_info["org"]
    words = visit.speech
    if form.get("do") == "block":
        await ask(visit.clerk.block, org)
        text = words.gettext("Blocked: nothing of this organisation is taken in any more, on any way.")
    else:
        await ask(visit.clerk.unblock, org)
        text = words.gettext("You neither follow nor block this organisation any more.")
    visit.writer().notices.append(text)
    raise web.HTTPSeeOther(visit.to("organisation", org=org))


async def settle(request: web.Request) -> web.StreamResponse:
    """Of two branches of a disputed organisation, the one to follow here."""
    visit = visits.of(request)
    form = await forms.read(request)
    org = request.match_info["org"]
    settled = await ask(visit.clerk.follow_key, org, form.get("key"))
    words = visit.speech
    if not settled.ours:
        text = words.gettext("Settled for this computer: what this key signs is taken in, and only that.")
    elif settled.signs:
        text = words.gettext(
            "Settled: this computer signs for your organisation again. Tell the other organisations the six "
            "words of its key by voice: each of them has to choose too."
        )
    else:
        text = words.gettext(
            "Settled: this computer follows the other key, and signs nothing any more. Go on with the "
            "computer that has that key, or change the key here with your recovery phrase."
        )
    visit.writer().notices.append(text)
    raise web.HTTPSeeOther(visit.to("organisation", org=org))
