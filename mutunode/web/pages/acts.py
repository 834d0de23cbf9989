"""Short acts about one record: declare a usage, answer one, report a problem.

Each is a record of a kind that names another; its form is made of that kind's fields, and what will be signed
is shown on a page of its own before it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Record
from mutunode.web import controls, forms, making, render, signing, typed
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.i18n import N_
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit


class Act(msgspec.Struct, frozen=True):
    """One act. Texts are translated where they are shown; ``%(title)s`` is the record it is about."""

    page: str  # name in `addresses`
    kind: str
    target: str  # the field that names the record
    fields: tuple[str, ...]  # those a person fills in
    title: str
    lede: str
    consequence: str
    button: str
    done: str


DECLARE = Act(
    page="declare",
    kind="usage",
    target="resource",
    fields=("type", "period", "can_help", "visibility", "purpose", "experience"),
    title=N_("We use “%(title)s”"),
    lede=N_("Saying so tells the author what the record is good for, and others whom to ask."),
    consequence=N_("Everybody will be able to read it. You can correct or withdraw it later."),
    button=N_("Sign and say so"),
    done=N_("Signed: your usage is declared. The author may take note of it, or contest it with a reason."),
)
FLAG = Act(
    page="flag",
    kind="flag",
    target="target",
    fields=("reason", "note"),
    title=N_("Report a problem with “%(title)s”"),
    lede=N_(
        "Your report is public and signed. It deletes nothing: the author can correct, readers can judge."
    ),
    consequence=N_("Everybody will be able to read it, with your organisation's name."),
    button=N_("Sign and report"),
    done=N_("Signed: the problem is reported."),
)
ANSWER = Act(
    page="todo",
    kind="usage_answer",
    target="usage",
    fields=("answer", "reason"),
    title=N_("Answer about “%(title)s”"),
    lede=N_("Your answer stands beside what was said, for everybody to read."),
    consequence=N_("Everybody will be able to read it. A contested usage stays visible and is not counted."),
    button=N_("Sign the answer"),
    done=N_("Signed: your answer is given."),
)
COUNT = Act(
    page="count_told",
    kind="usage_count",
    target="resource",
    fields=("type", "n"),
    title=N_("Say how many told you in confidence that they use “%(title)s”"),
    lede=N_("Your word alone stands for it: nobody else can check it. From three organisations on."),
    consequence=N_("Everybody will be able to read the figure. It names nobody."),
    button=N_("Sign the figure"),
    done=N_("Signed: the figure stands on the record's page, as your word."),
)
BY_PAGE = {act.page: act for act in (DECLARE, FLAG, COUNT)}


class ActPage(msgspec.Struct, frozen=True):
    """The form of an act, on a page of its own."""

    title: str
    lede: str
    action: str
    back: str
    controls: tuple[controls.Control, ...]
    troubles: tuple[Trouble, ...]
    hidden: tuple[tuple[str, str], ...] = ()


def form_of(
    visit: Visit, act: Act, own_language: str, given: Mapping[str, Any], found: tuple[Trouble, ...] = ()
) -> tuple[controls.Control, ...]:
    """The controls of an act."""
    kind = visit.clerk.registry().get(act.kind)
    if kind is None:
        return ()
    maker = making.Maker(visit.speech, own_language, given, found)
    return tuple(maker.field(kind.by_name[name]) for name in act.fields if name in kind.by_name)


async def show(request: web.Request) -> web.StreamResponse:
    """The form: ``/fr/fiche/rec_…/signaler`` and its like."""
    visit = visits.of(request)
    visit.writer()
    act = BY_PAGE[visit.page]
    record = await _record(visit, request.match_info["rec"])
    return await _form(request, act, record.id, record, {})


async def act(request: web.Request) -> web.StreamResponse:
    """The form was sent: show what will be signed, or sign it."""
    visit = visits.of(request)
    form = await forms.read(request)
    record = await _record(visit, request.match_info["rec"])
    return await carry_out(request, BY_PAGE[visit.page], record.id, record, form)


async def carry_out(
    request: web.Request, act: Act, target: str, about: Record, form: forms.Form
) -> web.StreamResponse:
    """Preview an act about ``target``, or sign it when this very content was seen; ``about`` is shown."""
    visit = visits.of(request)
    kind = visit.clerk.registry()[act.kind]
    given = {name: value for name, value in typed.read(form, kind).items() if name in act.fields}
    fields = {**typed.given_only(given), act.target: target}
    try:
        proposal = await signing.propose(visit, act.kind, fields)
        if form.get("do") == "sign" and form.get("seen") == proposal.seen:
            await ask(visit.clerk.publish, act.kind, fields)
            visit.writer().notices.append(visit.speech.gettext(act.done))
            raise web.HTTPSeeOther(_back(visit, act, about))
    except Refusal as refusal:
        if refusal.exit == Exit.NOT_FOUND:
            raise
        return await _form(request, act, target, about, given, refusal)
    return await _sign_page(request, act, target, about, form, proposal)


async def _sign_page(
    request: web.Request, act: Act, target: str, about: Record, form: forms.Form, proposal: signing.Proposal
) -> web.StreamResponse:
    visit = visits.of(request)
    words = visit.speech
    page = signing.SigningPage(
        title=_title(visit, act, about),
        lede=words.gettext(act.lede),
        proposal=proposal,
        action=_action(visit, act, about),
        typed=tuple(_sent_again(form, act, target)),
        consequence=_consequence(visit, act, proposal),
        button=words.gettext(act.button),
        back=_back(visit, act, about),
    )
    return await signing.show(request, page)


def _consequence(visit: Visit, act: Act, proposal: signing.Proposal) -> str:
    preview = proposal.preview
    if not preview.sealed_for:
        return visit.speech.gettext(act.consequence)
    text = visit.speech.gettext(
        "%(name)s alone will be able to read it, and you on this computer. Your register shows that "
        "something was sealed, not what or for whom. You can correct or withdraw it later."
    )
    return text % {"name": preview.sealed_for_name}


def _sent_again(form: forms.Form, act: Act, target: str) -> Iterable[tuple[str, str]]:
    if act is ANSWER:
        yield "rec", target
    for name, value in form:
        if name.split(".")[0] in act.fields:
            yield name, value


async def _form(
    request: web.Request,
    act: Act,
    target: str,
    about: Record,
    given: Mapping[str, Any],
    refusal: Refusal | None = None,
) -> web.StreamResponse:
    visit = visits.of(request)
    own_language = (await ask(visit.clerk.status)).language
    found = troubles(refusal, visit.language, act.fields) if refusal else ()
    made = form_of(visit, act, own_language, given, found)
    parts = [controls.Part("", "", made, folded=False)]
    page = ActPage(
        title=_title(visit, act, about),
        lede=visit.speech.gettext(act.lede),
        action=_action(visit, act, about),
        back=_back(visit, act, about),
        controls=made,
        troubles=controls.anchored(found, parts),
        hidden=(("rec", target),) if act is ANSWER else (),
    )
    return await render.page(request, "act.html", {"page": page}, status=form_status(refusal))


async def _record(visit: Visit, rec: str) -> Record:
    return await ask(visit.clerk.show, rec, visit.language)


def _title(visit: Visit, act: Act, about: Record) -> str:
    return visit.speech.gettext(act.title) % {"title": about.title or about.id[:16]}


def _action(visit: Visit, act: Act, about: Record) -> str:
    return visit.to("todo") if act is ANSWER else visit.to(act.page, rec=about.id)


def _back(visit: Visit, act: Act, about: Record) -> str:
    return visit.to("todo") if act is ANSWER else visit.to("record", rec=about.id)
