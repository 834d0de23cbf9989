"""Bookings: asking, answering, handing over and giving back; each act is shown whole before it is signed."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from mutunode.service.errors import Exit, Refusal
from mutunode.service.lendshapes import BookingLine, Bookings, MeansPage
from mutunode.web import forms, render, signing
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.i18n import N_
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

ASKED = ("start", "end", "units", "purpose", "expires")
SAID = ("reason", "condition", "note")


class ActWords(msgspec.Struct, frozen=True):
    """What the pages say of an act. Texts are translated where they are shown."""

    title: str
    consequence: str
    done: str
    needs: tuple[str, ...] = ()


ACTS = {
    "accept": ActWords(
        N_("Accept the request"),
        N_("The time is taken from then on: your computer will not accept another request for it."),
        N_("Signed: the request is accepted."),
    ),
    "refuse": ActWords(
        N_("Refuse, saying why"),
        N_("The organisation will read your reason."),
        N_("Signed: the request is refused."),
        ("reason",),
    ),
    "release": ActWords(
        N_("Release the booking, saying why"),
        N_("The time is free again, and the organisation reads your reason."),
        N_("Signed: the booking is released."),
        ("reason",),
    ),
    "checkout": ActWords(
        N_("Say that it was handed over"),
        N_("It shows as declared until the other side says the same."),
        N_("Signed: handed over."),
    ),
    "pickup": ActWords(
        N_("Say that you picked it up"),
        N_("It shows as declared until the other side says the same."),
        N_("Signed: picked up."),
    ),
    "return": ActWords(
        N_("Say that it came back"),
        N_("Both sides note its condition; where they differ, both stand side by side."),
        N_("Signed: taken back."),
        ("condition", "note"),
    ),
    "give_back": ActWords(
        N_("Say that you gave it back"),
        N_("Both sides note its condition; where they differ, both stand side by side."),
        N_("Signed: given back."),
        ("condition", "note"),
    ),
    "withdraw": ActWords(
        N_("Withdraw"),
        N_("It counts once the owner's register has taken note of it."),
        N_("Signed: you have withdrawn."),
    ),
}


class AskPage(msgspec.Struct, frozen=True):
    """The form of a request, on a page of its own when something is to be mended."""

    means: MeansPage
    asked: dict[str, str]
    troubles: tuple[Trouble, ...]


class ListPage(msgspec.Struct, frozen=True):
    """What we asked, and what is asked of us."""

    list: Bookings


class OnePage(msgspec.Struct, frozen=True):
    """One booking, and what is ours to say."""

    booking: BookingLine
    acts: dict[str, ActWords]
    titles: dict[str, str]
    given: dict[str, str]
    troubles: tuple[Trouble, ...]
    act: str = ""


async def show_request(request: web.Request) -> web.StreamResponse:
    """The form: ``/fr/moyens/rec_…/demander?start=…&end=…``"""
    visit = visits.of(request)
    visit.writer()
    asked = {name: request.query.get(name, "")[:40] for name in ASKED}
    return await _form(request, asked)


async def request_means(request: web.Request) -> web.StreamResponse:
    """The form was sent: show what will be signed, or sign it."""
    visit = visits.of(request)
    form = await forms.read(request)
    rec = request.match_info["rec"]
    asked = {name: form.get(name).strip() for name in ASKED}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value}
    if "units" in given and not given["units"].isdecimal():
        given["units"] = 0
    try:
        preview = await ask(visit.clerk.lender.preview_request, rec, visit.language, **_times(given))
        proposal = signing.proposal(visit, preview)
        if form.get("do") == "sign" and form.get("seen") == proposal.seen:
            await ask(visit.clerk.lender.request, rec, **_times(given))
            visit.writer().notices.append(visit.speech.gettext("Signed: your request is on its way."))
            raise web.HTTPSeeOther(visit.to("bookings"))
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        return await _form(request, asked, refusal)
    words = visit.speech
    consequence = (
        words.gettext("Only the owner will be able to read it; the calendar says “occupied”, no more.")
        if preview.sealed_for
        else words.gettext("Everybody will be able to read it. The time stays free until the answer.")
    )
    # The time it lapses is counted from now: what was shown is what is signed.
    typed = [*(asked | {"expires": str(preview.body.get("expires", ""))}).items()]
    page = signing.SigningPage(
        title=words.gettext("Ask for this means"),
        lede=words.gettext("A request holds nothing: the owner answers in the order of its register."),
        proposal=proposal,
        action=visit.to("book", rec=rec),
        typed=tuple((name, value) for name, value in typed if value),
        consequence=consequence,
        button=words.gettext("Sign and ask"),
        back=visit.to("means_page", {"day": asked["start"][:10]}, rec=rec),
    )
    return await signing.show(request, page)


def _times(given: dict[str, Any]) -> dict[str, Any]:
    return {"start": "", "end": "", **given}


async def _form(
    request: web.Request, asked: dict[str, str], refusal: Refusal | None = None
) -> web.StreamResponse:
    visit = visits.of(request)
    means = await ask(visit.clerk.lender.page, request.match_info["rec"], asked["start"][:10], visit.language)
    found = troubles(refusal, visit.language, (*ASKED, "slot")) if refusal else ()
    page = AskPage(means, asked, tuple(found))
    return await render.page(request, "book.html", {"page": page}, status=form_status(refusal))


async def mine(request: web.Request) -> web.StreamResponse:
    """``/fr/reservations``: my requests, and the bookings desk."""
    visit = visits.of(request)
    visit.writer()
    listed = await ask(visit.clerk.lender.bookings, visit.language)
    return await render.page(request, "bookings.html", {"page": ListPage(listed)})


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/reservation/rec_…``"""
    visit = visits.of(request)
    booking = await ask(visit.clerk.lender.booking, request.match_info["rec"], visit.language)
    if booking.id != request.match_info["rec"]:
        raise web.HTTPSeeOther(visit.to("booking", rec=booking.id))
    return await _page(request, booking)


async def _page(
    request: web.Request,
    booking: BookingLine,
    given: dict[str, str] | None = None,
    act: str = "",
    refusal: Refusal | None = None,
) -> web.StreamResponse:
    visit = visits.of(request)
    found = troubles(refusal, visit.language, SAID) if refusal else ()
    page = OnePage(
        booking=booking,
        acts=ACTS,
        titles={name: visit.speech.gettext(words.title) for name, words in ACTS.items()},
        given=dict.fromkeys(SAID, "") | (given or {}),
        troubles=tuple(found),
        act=act,
    )
    return await render.page(request, "booking.html", {"page": page}, status=form_status(refusal))


async def act(request: web.Request) -> web.StreamResponse:
    """A button was pressed: show what will be signed, or sign it."""
    visit = visits.of(request)
    form = await forms.read(request)
    rec, name = request.match_info["rec"], form.get("act")
    booking = await ask(visit.clerk.lender.booking, rec, visit.language)
    if name not in booking.acts:
        visit.writer().notices.append(
            visit.speech.gettext("This cannot be said any more: see how it stands.")
        )
        raise web.HTTPSeeOther(visit.to("booking", rec=rec))
    given = {field: form.get(field).strip() for field in ACTS[name].needs}
    more = {field: value for field, value in given.items() if value}
    try:
        preview = await ask(visit.clerk.lender.preview_act, name, rec, visit.language, **more)
        proposal = signing.proposal(visit, preview)
        if form.get("do") == "sign" and form.get("seen") == proposal.seen:
            await ask(visit.clerk.lender.act, name, rec, **more)
            visit.writer().notices.append(visit.speech.gettext(ACTS[name].done))
            raise web.HTTPSeeOther(visit.to("booking", rec=rec))
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        return await _page(request, booking, given, name, refusal)
    return await signing.show(request, _signing(visit, booking, name, more, proposal))


def _signing(
    visit: Visit, booking: BookingLine, name: str, more: dict[str, str], proposal: signing.Proposal
) -> signing.SigningPage:
    words, said = visit.speech, ACTS[name]
    return signing.SigningPage(
        title=words.gettext(said.title),
        lede=booking.means_name,
        proposal=proposal,
        action=visit.to("booking", rec=booking.id),
        typed=(("act", name), *more.items()),
        consequence=words.gettext(said.consequence),
        button=words.gettext("Sign"),
        back=visit.to("booking", rec=booking.id),
    )


async def calendar(request: web.Request) -> web.StreamResponse:
    """``/calendar/rec_….ics``: for everybody, so of the public side alone."""
    visit = visits.of(request)
    written = await ask(visit.clerk.lender.calendar, request.match_info["id"], visit.language)
    return web.Response(body=written, content_type="text/calendar", charset="utf-8")
