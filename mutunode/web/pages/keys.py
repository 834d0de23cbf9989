"""Our own keys: what state they are in, how to change the one that signs, and what to do after a loss."""

from __future__ import annotations

import msgspec
from aiohttp import web

from mutunode.service.epochs import Epoch
from mutunode.service.errors import Refusal
from mutunode.service.keys import KeysShown
from mutunode.web import forms, render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.troubles import Trouble, form_status
from mutunode.web.visit import Visit

REASON_LENGTH_MAX = 255
ENTRIES_DIGITS_MAX = 12
CONTROLS = ("phrase", "reason")


class Page(msgspec.Struct, frozen=True):
    """The page's context."""

    keys: KeysShown
    foreseen: Epoch | None  # what a new start would keep; None: not from this store
    phrase: str = ""
    reason: str = ""
    troubles: tuple[Trouble, ...] = ()


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/cles``"""
    visit = visits.of(request)
    visit.writer()
    return await _page(request, visit)


async def _page(
    request: web.Request,
    visit: Visit,
    phrase: str = "",
    reason: str = "",
    wrong: tuple[Trouble, ...] = (),
    status: int = 200,
) -> web.StreamResponse:
    try:
        foreseen: Epoch | None = await ask(visit.clerk.foresee_epoch)
    except Refusal:
        foreseen = None
    page = Page(await ask(visit.clerk.key_show), foreseen, phrase, reason, wrong)
    return await render.page(request, "keys.html", {"page": page}, status=status)


async def rotate(request: web.Request) -> web.StreamResponse:
    """The phrase was typed: a new key signs from now on."""
    visit = visits.of(request)
    form = await forms.read(request)
    phrase, reason = form.get("phrase"), form.get("reason")[:REASON_LENGTH_MAX]
    here = form.get("here") if form.get("gone") == "true" else ""
    base = int(here) if here.isdecimal() and len(here) <= ENTRIES_DIGITS_MAX else None
    try:
        await ask(visit.clerk.open_epoch, phrase, reason, base)
    except Refusal as refusal:
        text = refusal.fr if visit.language == "fr" else refusal.en
        field = next((each.field for each in refusal.troubles if each.field in CONTROLS), "phrase")
        wrong = (Trouble(text, field, f"f-{field}"),)
        return await _page(request, visit, phrase, reason, wrong, form_status(refusal))
    text = visit.speech.gettext(
        "A new key signs for your organisation. Other organisations learn of it as soon as they are "
        "connected."
    )
    visit.writer().notices.append(text)
    raise web.HTTPSeeOther(visit.to("keys"))
