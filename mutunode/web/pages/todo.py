"""À traiter: what waits for an answer of ours. Refusing is as honourable as thanking, and says why."""

from __future__ import annotations

import msgspec
from aiohttp import web

from mutunode.service.errors import Refusal
from mutunode.service.shapes import Todo, TodoList
from mutunode.web import forms, render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.i18n import N_
from mutunode.web.labels import Labels
from mutunode.web.pages import acts
from mutunode.web.visit import Visit

SHOWN_MAX = 30  # a long list is answered from the top


class TodoPage(msgspec.Struct, frozen=True):
    """The page's context."""

    list: TodoList
    shown: tuple[Todo, ...]
    types: dict[str, str]


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/a-traiter``"""
    visit = visits.of(request)
    visit.writer()
    waiting = await ask(visit.clerk.todo, visit.language)
    labels = Labels(visit)
    options = labels.options(acts.DECLARE.kind, "type")
    options += labels.options(acts.ANSWER.kind, "answer") + labels.options(acts.FLAG.kind, "reason")
    types = {option.code: option.shown.text(visit.language) for option in options}
    context = TodoPage(waiting, waiting.waiting[:SHOWN_MAX], types)
    return await render.page(request, "todo.html", {"page": context})


async def answer(request: web.Request) -> web.StreamResponse:
    """A button of the list was pressed: show what will be signed, or sign it."""
    visit = visits.of(request)
    form = await forms.read(request)
    waiting = await ask(visit.clerk.todo, visit.language)
    item = next((each for each in waiting.waiting if each.id == form.get("rec")), None)
    if item is None:
        visit.writer().notices.append(
            visit.speech.gettext("This has been answered already, or was taken back.")
        )
        raise web.HTTPSeeOther(visit.to("todo"))
    if form.get("decide"):
        return await _decide(visit, item, form.get("decide"))
    try:
        about = await ask(visit.clerk.show, item.target, visit.language)
    except Refusal:
        visit.writer().notices.append(visit.speech.gettext("The record it is about is no longer here."))
        raise web.HTTPSeeOther(visit.to("todo")) from None
    return await acts.carry_out(request, acts.ANSWER, item.id, about, form)


async def _decide(visit: Visit, item: Todo, decision: str) -> web.StreamResponse:
    """A person's word on a stranger: nothing of it is signed, or told to anybody."""
    words = {
        "accept": N_("You follow %(name)s: its register is on its way."),
        "ignore": N_("It will not be shown again."),
        "block": N_("%(name)s is blocked."),
    }.get(decision)
    if words is None or not item.stranger:
        raise web.HTTPBadRequest
    try:
        await ask(visit.clerk.answer, item.id, decision)
    except Refusal as refusal:
        text = refusal.fr if visit.language == "fr" else refusal.en
        visit.writer().notices.append(text)
    else:
        visit.writer().notices.append(visit.speech.gettext(words) % {"name": item.org_name})
    raise web.HTTPSeeOther(visit.to("todo"))
