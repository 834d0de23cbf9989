"""Take a record back, with or without its content.

Two things that people mix up stand side by side in plain words: withdrawing says "no longer", and everything
stays readable; erasing drops the content for good wherever others cooperate, and calls no copy back. What
will be gone is listed, version by version, before it is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from aiohttp import web

from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Erasing, Preview, Record, Version, Which
from mutunode.web import forms, making, render, signing, typed
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.controls import Control, Offer, Part, anchored
from mutunode.web.i18n import N_
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

KIND = "withdrawal"
FIELDS = ("reason", "replaced_by")
SENT = (*FIELDS, "erase", "versions")
ALL: Which = "all"

_VERSIONS = {
    "all": N_("All versions: the record is gone"),
    "earlier": N_("The earlier versions only: the newest stays as it is"),
    "this": N_("Only the version this page is about"),
}


class WithdrawPage(msgspec.Struct, frozen=True):
    """The form."""

    title: str
    action: str
    back: str
    controls: tuple[Control, ...]
    versions: Control | None  # which ones to erase, where there are several
    erase: bool  # the box is ticked
    only_erase: bool  # it is withdrawn already, or an earlier version: nothing else is left to do
    troubles: tuple[Trouble, ...]


class ErasePage(msgspec.Struct, frozen=True):
    """What will be gone, and what will be signed for it."""

    signing: signing.SigningPage
    erases: tuple[Version, ...]
    withdraws: tuple[Version, ...]
    keeps: tuple[Version, ...]


class Wish(msgspec.Struct, frozen=True):
    """What the form asks for."""

    rec: str
    reason: str
    replaced_by: str
    erase: bool
    versions: Which

    def arguments(self) -> dict[str, Any]:
        """As `withdraw` takes them."""
        return {each: getattr(self, each) for each in self.__struct_fields__}


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…/retirer``"""
    visit = visits.of(request)
    visit.writer()
    record = await _record(request)
    if record.erased:
        raise web.HTTPSeeOther(visit.to("record", rec=record.id))
    return await _form(request, record, {}, erase=_only_erase(record), versions=_first_choice(record))


async def act(request: web.Request) -> web.StreamResponse:
    """The form was sent: show what will be signed and gone, or do it."""
    visit = visits.of(request)
    form = await forms.read(request)
    record = await _record(request)
    kind = visit.clerk.registry()[KIND]
    given = {name: value for name, value in typed.read(form, kind).items() if name in FIELDS}
    wish = _wish(record, form, given)
    try:
        preview = await ask(
            visit.clerk.preview_withdrawal, **wish.arguments(), reader_language=visit.language
        )
        proposal = signing.proposal(visit, preview)
        if form.get("do") == "sign" and form.get("seen") == proposal.seen:
            await ask(visit.clerk.withdraw, **wish.arguments())
            done = (
                N_("Erased here; the other organisations erase it when they connect.")
                if wish.erase
                else _WITHDRAWN
            )
            visit.writer().notices.append(visit.speech.gettext(done))
            raise web.HTTPSeeOther(visit.to("record", rec=record.id))
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        return await _form(request, record, given, erase=wish.erase, versions=wish.versions, refusal=refusal)
    return await _sign(request, record, form, proposal, preview)


_WITHDRAWN = N_("Signed: the record is withdrawn.")


def _wish(record: Record, form: forms.Form, given: dict[str, Any]) -> Wish:
    versions = form.get("versions")
    return Wish(
        rec=record.id,
        reason=str(given.get("reason", "")),
        replaced_by=str(given.get("replaced_by", "")),
        erase=form.get("erase") == "true" or _only_erase(record),
        versions=versions if versions in get_args(Which) else ALL,  # type: ignore[arg-type]
    )


def _only_erase(record: Record) -> bool:
    return record.state in ("withdrawn", "superseded", "retracted")


def _first_choice(record: Record) -> Which:
    return "earlier" if record.state == "superseded" else ALL


async def _record(request: web.Request) -> Record:
    visit = visits.of(request)
    return await ask(visit.clerk.show, request.match_info["rec"], visit.language)


async def _form(
    request: web.Request,
    record: Record,
    given: dict[str, Any],
    *,
    erase: bool,
    versions: Which,
    refusal: Refusal | None = None,
) -> web.StreamResponse:
    visit = visits.of(request)
    own_language = (await ask(visit.clerk.status)).language
    found = troubles(refusal, visit.language, FIELDS) if refusal else ()
    kind = visit.clerk.registry()[KIND]
    maker = making.Maker(visit.speech, own_language, given, found)
    made = tuple(maker.field(kind.by_name[name]) for name in FIELDS)
    page = WithdrawPage(
        title=_title(visit, record, erase=_only_erase(record)),
        action=visit.to("withdraw", rec=record.id),
        back=visit.to("record", rec=record.id),
        controls=made,
        versions=_which(visit, versions) if len(record.revisions) > 1 else None,
        erase=erase,
        only_erase=_only_erase(record),
        troubles=anchored(found, [Part("", "", made, folded=False)]),
    )
    return await render.page(request, "withdraw.html", {"page": page}, status=form_status(refusal))


def _which(visit: Visit, chosen: Which) -> Control:
    words = visit.speech
    offers = tuple(Offer(code, words.gettext(label)) for code, label in _VERSIONS.items())
    label = words.gettext("If you erase: which versions?")
    about = words.gettext("What should not be read is usually in the earlier versions too.")
    return Control("versions", "radios", label, about, chosen, offers=offers, decided=True)


async def _sign(
    request: web.Request, record: Record, form: forms.Form, proposal: signing.Proposal, preview: Preview
) -> web.StreamResponse:
    visit = visits.of(request)
    words = visit.speech
    erases = isinstance(preview, Erasing)
    page = signing.SigningPage(
        title=_title(visit, record, erase=erases),
        lede=words.gettext(_ERASE_LEDE if erases else _WITHDRAW_LEDE),
        proposal=proposal,
        action=visit.to("withdraw", rec=record.id),
        typed=tuple(_sent_again(form)),
        consequence=words.gettext(_ERASE_CONSEQUENCE if erases else _WITHDRAW_CONSEQUENCE),
        button=words.gettext(N_("Sign and erase for good") if erases else N_("Sign and withdraw")),
        back=visit.to("record", rec=record.id),
    )
    if not isinstance(preview, Erasing):
        return await signing.show(request, page)
    whole = ErasePage(page, preview.erases, preview.withdraws, preview.keeps)
    return await render.page(request, "erase.html", {"page": page, "erase": whole})


_WITHDRAW_LEDE = N_("It will not be found by a search any more, and its page will say that you withdrew it.")
_WITHDRAW_CONSEQUENCE = N_(
    "The record stays readable in the register. Copies that others made cannot be called back."
)
_ERASE_LEDE = N_("The content goes for good. Read what will be gone before you sign.")
_ERASE_CONSEQUENCE = N_(
    "This cannot be undone. What you published is public: cooperating organisations drop it when they next "
    "connect; who copied it keeps it."
)


def _sent_again(form: forms.Form) -> Iterator[tuple[str, str]]:
    for name, value in form:
        if name.split(".")[0] in SENT:
            yield name, value


def _title(visit: Visit, record: Record, *, erase: bool) -> str:
    text = N_("Erase “%(title)s”") if erase else N_("Withdraw “%(title)s”")
    return visit.speech.gettext(text) % {"title": record.title or record.id[:16]}
