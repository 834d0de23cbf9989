"""Inviter: a link and its QR code for an organisation one talks to; and an invitation that one was given.

The link is shown once, on the page that answers the form: it stands in no address and no history, and this
node keeps only a hash of its secret.
"""

from __future__ import annotations

import io

import msgspec
import segno
from aiohttp import web
from markupsafe import Markup

from mutunode.service.errors import Refusal
from mutunode.service.shapes import InvitationLine, InvitationMade, LinkRead
from mutunode.web import forms, render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.i18n import N_
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

DAYS = (1, 7, 30)
LISTED_MAX = 30
LINK_LENGTH_MAX = 8_000
NOTE_LENGTH_MAX = 120
WAIT_SECONDS = 8.0  # that a person is made to wait for the other side


class InvitePage(msgspec.Struct, frozen=True):
    """The page's context."""

    made: InvitationMade | None
    qr: Markup
    invitations: tuple[InvitationLine, ...]
    troubles: tuple[Trouble, ...]
    days: int
    address: str
    note: str
    asks: bool


class TakeUpPage(msgspec.Struct, frozen=True):
    """An invitation somebody gave us, before it is taken up."""

    link: str
    read: LinkRead | None
    troubles: tuple[Trouble, ...]


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/reseau/inviter``"""
    visits.of(request).writer()
    return await _page(request)


async def act(request: web.Request) -> web.StreamResponse:
    """Make a link, or cancel one."""
    visit = visits.of(request)
    form = await forms.read(request)
    try:
        if form.get("revoke"):
            await ask(visit.clerk.revoke_invitation, form.get("revoke"))
            visit.writer().notices.append(visit.speech.gettext("The invitation is cancelled."))
            raise web.HTTPSeeOther(visit.to("invite"))
        address = form.get("address").strip()
        made = await ask(
            visit.clerk.invitation,
            (address,) if address else (),
            _days(form.get("days")),
            form.get("asks") != "true",
            form.get("note")[:NOTE_LENGTH_MAX],
        )
    except Refusal as refusal:
        found = troubles(refusal, visit.language, {"address"})
        return await _page(request, form=form, wrong=found, status=form_status(refusal))
    response = await _page(request, made=made)
    response.headers["Cache-Control"] = "no-store"  # the secret stays in no cache
    return response


async def _page(
    request: web.Request,
    made: InvitationMade | None = None,
    form: forms.Form | None = None,
    wrong: tuple[Trouble, ...] = (),
    status: int = 200,
) -> web.StreamResponse:
    visit = visits.of(request)
    invitations = await ask(visit.clerk.invitations)
    page = InvitePage(
        made=made,
        qr=drawn(made.link) if made is not None else Markup(),
        invitations=invitations[:LISTED_MAX],
        troubles=wrong,
        days=_days(form.get("days")) if form else DAYS[1],
        address=form.get("address") if form else "",
        note=form.get("note") if form else "",
        asks=form is not None and form.get("asks") == "true",
    )
    return await render.page(request, "invite.html", {"page": page}, status=status)


def drawn(link: str) -> Markup:
    """The QR code of a link, as SVG that stands in the page."""
    out = io.BytesIO()
    code = segno.make(link, error="m", boost_error=False)
    code.save(out, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, border=4, svgclass="qr")
    return Markup(out.getvalue().decode())  # noqa: S704  (drawn here: its content are paths)


def _days(text: str) -> int:
    return int(text) if text in {str(each) for each in DAYS} else DAYS[1]


# --- an invitation we were given ---------------------------------------------------------------------
async def show_given(request: web.Request) -> web.StreamResponse:
    """``/fr/reseau/invitation``: where it is pasted."""
    visits.of(request).writer()
    return await render.page(request, "take_up.html", {"page": TakeUpPage("", None, ())})


async def act_on_given(request: web.Request) -> web.StreamResponse:
    """It was pasted: show who invites; or it was accepted: meet them."""
    visit = visits.of(request)
    form = await forms.read(request)
    link = form.get("link")[:LINK_LENGTH_MAX].strip()
    read: LinkRead | None = None
    try:
        read = await ask(visit.clerk.read_invitation, link)
        if form.get("do") == "accept":
            await _take_up(visit, link, read)
    except Refusal as refusal:
        found = troubles(refusal, visit.language, {"link"})
        page = TakeUpPage(link, read, found)
        return await render.page(request, "take_up.html", {"page": page}, status=form_status(refusal))
    return await render.page(request, "take_up.html", {"page": TakeUpPage(link, read, ())})


async def _take_up(visit: Visit, link: str, read: LinkRead) -> None:
    taken = await ask(visit.clerk.take_up, link, WAIT_SECONDS)
    words = N_("You have met: %(name)s has your answer, and you follow it.")
    if taken.state != "taken":
        words = N_("You follow %(name)s. It cannot be reached for now: your answer will be brought to it.")
    visit.writer().notices.append(visit.speech.gettext(words) % {"name": read.name or read.org[:16]})
    raise web.HTTPSeeOther(visit.to("organisation", org=read.org))
