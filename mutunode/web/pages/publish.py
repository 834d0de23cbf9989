"""Publier: choose what, write it, see what will be signed, sign. The same pages correct a record.

The form comes from the kind's declaration (`controls`); nothing here knows any kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from mutunode.commons.kind import Kind, Ref
from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Published
from mutunode.store.interface import Draft
from mutunode.web import controls, forms, making, render, signing, typed
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.forms import Form
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

PRESERVE = "preserve"
BASED_ON = "based_on"  # the field that a version of somebody's record fills in


class Offered(msgspec.Struct, frozen=True):
    """One kind that can be published."""

    name: str
    sense: str
    label: str
    about: str


class Kept(msgspec.Struct, frozen=True):
    """A draft."""

    id: str
    kind: str
    label: str
    title: str
    updated: int


class PublishPage(msgspec.Struct, frozen=True):
    """What can be published, and what was begun."""

    offered: tuple[Offered, ...]
    drafts: tuple[Kept, ...]


class Writing(msgspec.Struct, frozen=True):
    """What is being written: of which kind, correcting which record, from which draft."""

    kind: Kind
    rec: str = ""
    draft: str = ""

    def address(self, visit: Visit) -> str:
        """Where its form goes."""
        if self.rec:
            return visit.to("revise", rec=self.rec)
        return visit.to("publish_kind", {"draft": self.draft}, kind=self.kind.name)


class WritePage(msgspec.Struct, frozen=True):
    """A form, and beside it what will be signed."""

    label: str
    sense: str
    about: str
    action: str
    parts: tuple[controls.Part, ...]
    troubles: tuple[Trouble, ...] = ()
    proposal: signing.Proposal | None = None
    changed: bool = False  # since the last preview
    revises: str = ""
    draft: str = ""
    kept_at: int = 0

    @property
    def takes_files(self) -> bool:
        """Whether files may be attached."""
        return any(control.shape == "files" for part in self.parts for control in part.controls)


async def choose(request: web.Request) -> web.StreamResponse:
    """``/fr/publier``"""
    visit = visits.of(request)
    visit.writer()
    registry = visit.clerk.registry()
    offered = tuple(
        Offered(kind.name, kind.sense.value, kind.label.text(visit.language), kind.about.text(visit.language))
        for kind in registry.listed
    )
    drafts = tuple(_kept(visit, draft) for draft in await ask(visit.clerk.draft_list))
    return await render.page(request, "publish.html", {"page": PublishPage(offered, drafts)})


def _kept(visit: Visit, draft: Draft) -> Kept:
    kind = visit.clerk.registry().get(draft.kind)
    given = draft.input.get(kind.title_field, "") if kind else ""
    texts = list(given.values()) if isinstance(given, dict) else [given]
    title = next((str(text) for text in texts if text), "")
    label = kind.label.text(visit.language) if kind else draft.kind
    return Kept(draft.id, draft.kind, label, title, draft.updated)


async def write(request: web.Request) -> web.StreamResponse:
    """``/fr/publier/<kind>``, perhaps ``?from=rec_…`` or ``?draft=…``"""
    visit = visits.of(request)
    visit.writer()
    kind = _kind(visit, request.match_info["kind"])
    given: Mapping[str, Any] = {}
    draft = None
    if request.query.get("draft"):
        draft = await ask(visit.clerk.draft, request.query["draft"])
        given = draft.input if draft is not None and draft.kind == kind.name else {}
    elif request.query.get("from") and BASED_ON in kind.by_name:
        source = await ask(visit.clerk.show, request.query["from"], visit.language)
        given = {BASED_ON: [{"ref": source.id}]}
    elif request.query.get("record") and "record" in kind.by_name:
        given = {"record": request.query["record"]}
    elif request.query.get("org") and kind.name == PRESERVE:
        given = {"org": request.query["org"]}
    elif kind.last_wins:
        given = await _standing(visit, kind)
    else:  # "about this record": its page links here with it
        refs = [field.name for field in kind.fields if isinstance(field.type, Ref)]
        given = {name: request.query[name] for name in refs if name in request.query}
    writing = Writing(kind, draft=draft.id if draft else "")
    page = await _page(visit, writing, given)
    if draft is not None:
        page = msgspec.structs.replace(page, kept_at=draft.updated)
    return await _show(request, page)


async def _standing(visit: Visit, kind: Kind) -> Mapping[str, Any]:
    """Of a kind whose last record wins, writing another starts from the one that stands."""
    me = (await ask(visit.clerk.network)).me
    answer = await ask(visit.clerk.search, kind=kind.name, org=me.org, limit=1)
    if answer.hits:
        return await ask(visit.clerk.input_of, answer.hits[0].id)
    return {kind.title_field: me.name} if kind.title_field else {}


async def revise(request: web.Request) -> web.StreamResponse:
    """``/fr/fiche/rec_…/corriger``"""
    visit = visits.of(request)
    visit.writer()
    record = await ask(visit.clerk.show, request.match_info["rec"], visit.language)
    writing = Writing(_kind(visit, record.kind), rec=record.id)
    given = await ask(visit.clerk.input_of, record.id)
    return await _show(request, await _page(visit, writing, given))


async def act(request: web.Request) -> web.StreamResponse:
    """The form of a new record was sent: preview, keep as a draft, or sign."""
    visit = visits.of(request)
    kind = _kind(visit, request.match_info["kind"])
    form, files = await forms.read_with_files(request, visit.clerk.archive.upload)
    writing = Writing(kind, draft=form.get("draft"))
    given = typed.read(form, kind)
    typed.attach(given, kind, files)
    if form.refusal is not None:
        return await _refused(request, writing, given, form.refusal)
    if form.get("do") == "drop":
        await ask(visit.clerk.draft_drop, writing.draft)
        visit.writer().notices.append(visit.speech.gettext("The draft is gone."))
        raise web.HTTPSeeOther(visit.to("publish"))
    if form.get("do") == "draft":
        try:
            draft = await ask(visit.clerk.draft_save, writing.draft, kind.name, given)
        except Refusal as refusal:
            return await _refused(request, writing, given, refusal)
        visit.writer().notices.append(visit.speech.gettext("The draft is kept, on this computer only."))
        raise web.HTTPSeeOther(visit.to("publish_kind", {"draft": draft.id}, kind=kind.name))
    return await _preview_or_sign(request, writing, given, form)


async def act_on_revision(request: web.Request) -> web.StreamResponse:
    """The form that corrects a record was sent."""
    visit = visits.of(request)
    visit.writer()
    record = await ask(visit.clerk.show, request.match_info["rec"], visit.language)
    writing = Writing(_kind(visit, record.kind), rec=record.id)
    form, files = await forms.read_with_files(request, visit.clerk.archive.upload)
    given = typed.read(form, writing.kind)
    typed.attach(given, writing.kind, files)
    if form.refusal is not None:
        return await _refused(request, writing, given, form.refusal)
    return await _preview_or_sign(request, writing, given, form)


async def _preview_or_sign(
    request: web.Request, writing: Writing, given: dict[str, Any], form: Form
) -> web.StreamResponse:
    visit = visits.of(request)
    try:
        proposal = await _propose(visit, writing, given)
        if form.get("do") == "sign" and form.get("seen") == proposal.seen:
            return await _sign(visit, writing, given, proposal.seen)
    except Refusal as refusal:
        if refusal.exit not in (Exit.USAGE, Exit.REFUSED, Exit.READ_ONLY, Exit.NOT_FOUND):
            raise
        return await _refused(request, writing, given, refusal)
    page = await _page(visit, writing, given)
    page = msgspec.structs.replace(page, proposal=proposal, changed=form.get("do") == "sign")
    return await _show(request, page)


async def _refused(
    request: web.Request, writing: Writing, given: dict[str, Any], refusal: Refusal
) -> web.StreamResponse:
    """The form again, with what was typed and why it was not done."""
    page = await _page(visits.of(request), writing, given, refusal)
    return await _show(request, page, status=form_status(refusal))


async def _propose(visit: Visit, writing: Writing, given: dict[str, Any]) -> signing.Proposal:
    if writing.rec:
        return await signing.propose_revision(visit, writing.rec, given)
    return await signing.propose(visit, writing.kind.name, typed.given_only(given))


async def _sign(visit: Visit, writing: Writing, given: dict[str, Any], seen: str) -> web.StreamResponse:
    session, words = visit.writer(), visit.speech
    async with session.signing:
        before = await _signed_before(visit, seen)
        if before:
            text = words.gettext("You had published exactly this already: nothing was signed again.")
            session.notices.append(text)
            raise web.HTTPSeeOther(visit.to("record", rec=before))
        published = await _write(visit, writing, given)
        if not writing.rec:
            session.remember(seen, published.id)
    text = words.gettext(
        "Signed: entry no. %(num)s of your public register. Neighbours in reach are being told."
    )
    if not published.created:
        text = words.gettext("You had published exactly this already: nothing was signed again.")
    session.notices.append(text % {"num": words.number(published.index + 1)})
    raise web.HTTPSeeOther(visit.to("record", rec=published.id))


async def _write(visit: Visit, writing: Writing, given: dict[str, Any]) -> Published:
    if writing.rec:
        return await ask(visit.clerk.revise, writing.rec, given)
    published = await ask(visit.clerk.publish, writing.kind.name, typed.given_only(given))
    if writing.draft:
        await ask(visit.clerk.draft_drop, writing.draft)
    return published


async def _signed_before(visit: Visit, seen: str) -> str:
    """The record that this page, shown once and sent twice, has already made; it may be withdrawn since."""
    rec = visit.writer().signed.get(seen, "")
    if not rec:
        return ""
    record = await ask(visit.clerk.show, rec, visit.language)
    return record.id if record.state == "ok" else ""


async def _page(
    visit: Visit, writing: Writing, given: Mapping[str, Any], refusal: Refusal | None = None
) -> WritePage:
    kind, language = writing.kind, visit.language
    own_language = (await ask(visit.clerk.status)).language
    found = troubles(refusal, language, ()) if refusal else ()
    parts = making.Maker(visit.speech, own_language, given, found).parts(kind)
    return WritePage(
        label=kind.label.text(language),
        sense=kind.sense.value,
        about=kind.about.text(language),
        action=writing.address(visit),
        parts=parts,
        troubles=controls.anchored(found, parts),
        revises=writing.rec,
        draft=writing.draft,
    )


async def _show(request: web.Request, page: WritePage, *, status: int = 200) -> web.StreamResponse:
    return await render.page(request, "write.html", {"page": page}, status=status)


def _kind(visit: Visit, name: str) -> Kind:
    kind = visit.clerk.registry().get(name)
    if kind is None:
        raise web.HTTPNotFound
    return kind
