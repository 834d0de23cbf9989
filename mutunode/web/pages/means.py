"""Moyens partagés: what is lent, near here, free then; and one of them with its week and its use."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from aiohttp import web
from babel.dates import format_date

from mutunode.commons.kind import Show
from mutunode.service.errors import Exit, Refusal
from mutunode.service.lendshapes import DayLine, MeansAnswer, MeansCard, MeansPage
from mutunode.web import plots, render, shown
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read
from mutunode.web.i18n import N_
from mutunode.web.labels import Labels
from mutunode.web.visit import Visit

SHOWN_MAX = 30
WEEKS_AROUND = 104
QUERY_LENGTH_MAX = 200
PARTS = {
    "morning": N_("Morning, 8 to 12"),
    "afternoon": N_("Afternoon, 13 to 18"),
    "evening": N_("Evening, 18 to 21"),
}
STATES = {
    "free": N_("Free"),
    "partly": N_("Partly free"),
    "taken": N_("Booked"),
    "occupied": N_("Occupied"),
    "closed": N_("Closed"),
    "repair": N_("Under repair"),
    "hint": N_("Good to know"),
    "past": N_("Past"),
}
LOOKS = {  # else s-taken
    "past": "s-closed",
    "free": "s-free",
    "partly": "s-free",
    "repair": "s-repair",
    "closed": "s-closed",
}


class Found(msgspec.Struct, frozen=True):
    """The context of the list."""

    answer: MeansAnswer
    asked: dict[str, str]
    natures: dict[str, str]
    costs: dict[str, str]
    trouble: str = ""


class OnePage(msgspec.Struct, frozen=True):
    """The context of one means."""

    means: MeansPage
    nature: str
    lede: str
    facts: tuple[shown.Line, ...]
    prose: tuple[shown.Line, ...]
    days: dict[str, str]
    parts: dict[str, str]
    states: dict[str, str]
    looks: dict[str, str]
    week_name: str
    before: str
    after: str
    weeks: dict[str, str]
    bars: tuple[plots.Bar, ...]
    asked: dict[str, str]


async def find(request: web.Request) -> web.StreamResponse:
    """``/fr/moyens?q=camionnette&near=Rennes&on=2026-12-12``"""
    visit = visits.of(request)
    names = ("q", "near", "within", "on", "type", "org")
    asked = {name: request.query.get(name, "")[:QUERY_LENGTH_MAX] for name in names}
    labels = Labels(visit)
    trouble, answer = "", MeansAnswer(0, ())
    try:
        answer = await ask(
            visit.clerk.lender.find,
            visit.language,
            q=asked["q"],
            near=asked["near"],
            within_km=_kilometres(asked["within"]),
            on=asked["on"],
            type=asked["type"],
            org=asked["org"],
            limit=SHOWN_MAX,
        )
    except Refusal as refusal:
        if refusal.exit not in (Exit.USAGE, Exit.NOT_FOUND):
            raise
        trouble = refusal.fr if visit.language == "fr" else refusal.en
    kinds = {option.code: option.label.text(visit.language) for option in labels.options("means", "type")}
    costs = {hit.id: _cost(visit, hit) for hit in answer.hits}
    page = Found(answer, asked, kinds, costs, trouble)
    return await render.page(request, "means_list.html", {"page": page}, status=400 if trouble else 200)


def _kilometres(text: str) -> float:
    try:
        return min(20_100.0, max(0.0, float(text.replace(",", "."))))
    except ValueError:
        return 50.0


def _cost(visit: Visit, hit: MeansCard) -> str:
    field = visit.clerk.registry()["means"].by_name["cost"]
    return field.type.text(hit.cost, visit.language) if hit.cost else ""


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/moyens/rec_…?day=2026-12-12``"""
    visit = visits.of(request)
    rec, day = request.match_info["rec"], request.query.get("day", "")[:10]
    means = await ask(visit.clerk.lender.page, rec, day, visit.language)
    if means.card.id != rec:
        raise web.HTTPSeeOther(visit.to("means_page", {"day": day}, rec=means.card.id))
    return await render.page(request, "means.html", {"page": await read(context, visit, means)})


def context(visit: Visit, means: MeansPage) -> OnePage:
    """What the page of a means shows."""
    kind, words = visit.clerk.registry()["means"], visit.speech
    body: dict[str, Any] = means.body
    facts = shown.lines(kind, body, visit.language, (Show.FACT,))
    prose = shown.lines(kind, body, visit.language, (Show.PROSE,))
    monday = dt.date.fromisoformat(means.monday)
    told = {"type", "name", "units", "place"}
    return OnePage(
        means=means,
        nature=Labels(visit).nature("means", means.card.type),
        lede=_lede(visit, body),
        facts=tuple(line for line in facts if line.name not in told),
        prose=prose,
        days={each.date: _day(each, visit.language) for each in means.week},
        parts={name: words.gettext(text) for name, text in PARTS.items()},
        states={name: words.gettext(text) for name, text in STATES.items()},
        looks=LOOKS,
        week_name=_week(monday, visit.language),
        before=_near(visit, monday - dt.timedelta(7)),
        after=_near(visit, monday + dt.timedelta(7)),
        weeks={each.week: _short(each.week, visit.language) for each in means.use},
        bars=plots.bars([each.share for each in means.use]),
        asked=_first_free(means),
    )


def _near(visit: Visit, monday: dt.date) -> str:
    """A week to go to: within two years, since whoever follows links follows all of them."""
    today = dt.datetime.fromtimestamp(visit.now, dt.UTC).date()
    return monday.isoformat() if abs((monday - today).days) <= WEEKS_AROUND * 7 else ""


def _lede(visit: Visit, body: dict[str, Any]) -> str:
    return render.pick(visit.language, body.get("abstract", {})).text if body.get("abstract") else ""


def _locale(language: str) -> str:
    return "fr" if language == "fr" else "en_GB"


def _day(day: DayLine, language: str) -> str:
    return format_date(dt.date.fromisoformat(day.date), "EEEE d", locale=_locale(language)).capitalize()


def _short(day: str, language: str) -> str:
    return format_date(dt.date.fromisoformat(day), "d MMM", locale=_locale(language))


def _week(monday: dt.date, language: str) -> str:
    sunday = monday + dt.timedelta(6)
    last = format_date(sunday, "d MMMM y", locale=_locale(language))
    pattern = "d" if monday.month == sunday.month else "d MMMM"
    first = format_date(monday, pattern, locale=_locale(language))
    return f"{first} {'au' if language == 'fr' else 'to'} {last}"


def _first_free(means: MeansPage) -> dict[str, str]:
    """The first part of the week that can be asked for, for the form."""
    for day in means.week:
        for part in day.parts:
            if part.free and part.state in ("free", "partly"):
                return {"start": part.start[:16], "end": part.end[:16], "units": "", "purpose": ""}
    return {"start": "", "end": "", "units": "", "purpose": ""}
