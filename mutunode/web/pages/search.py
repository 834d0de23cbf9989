"""Chercher: one line of text, the answers by sense, and facets in the address."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiohttp import web

from mutunode.service.shapes import Hit, SearchAnswer
from mutunode.web import render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read
from mutunode.web.labels import Labels
from mutunode.web.visit import Visit

PER_PAGE = 10  # cards; with their facets a page stays below 60 kB
PAGE_MAX = 1_000
QUERY_LENGTH_MAX = 200  # beyond it nobody searches, somebody tests
FACET_VALUES_MAX = 8  # shown of each facet; those in use are always shown
# In the order of the page: what the address says → the facet of the answer that is counted.
FACETS = {"kind": "nature", "license": "license_class", "language": "language", "org": "org"}
SENSES = ("aval", "amont", "meta")
SORTS = ("", "date", "usage")  # "" is by relevance, and without words by date
# What a filter is called where a search without it is proposed → its name in the address.
DROPPED = {"senses": "sense", "kinds": "kind", "licenses": "license", "languages": "language", "orgs": "org"}


class Asked(msgspec.Struct, frozen=True):
    """What the address asks."""

    q: str = ""
    sense: tuple[str, ...] = ()
    facets: dict[str, tuple[str, ...]] = {}
    sort: str = ""
    page: int = 1

    def query(self, **changes: object) -> dict[str, object]:
        """The address's query, with changes; leafing starts over unless it is the change."""
        return {"q": self.q, "sense": self.sense, **self.facets, "sort": self.sort, **changes}


class Choice(msgspec.Struct, frozen=True):
    """One value of a facet."""

    value: str
    label: str
    count: int
    checked: bool


class Facet(msgspec.Struct, frozen=True):
    """One question of « Affiner »."""

    name: str
    label: str
    choices: tuple[Choice, ...]


class Door(msgspec.Struct, frozen=True):
    """The answers of one sense."""

    sense: str
    count: int
    address: str
    current: bool


class Filter(msgspec.Struct, frozen=True):
    """A facet in use, and the address without it."""

    label: str
    address: str


class Order(msgspec.Struct, frozen=True):
    """A way to sort the answers."""

    label: str
    address: str
    current: bool


class Wider(msgspec.Struct, frozen=True):
    """Another search, that finds something."""

    label: str
    address: str
    count: int


class Card(msgspec.Struct, frozen=True):
    """One answer, with what its kind and licence are called."""

    hit: Hit
    nature: str
    permission: str


class SearchPage(msgspec.Struct, frozen=True):
    """The page's context."""

    asked: Asked
    answer: SearchAnswer
    cards: tuple[Card, ...]
    doors: tuple[Door, ...]
    facets: tuple[Facet, ...]
    filters: tuple[Filter, ...]
    orders: tuple[Order, ...]
    wider: tuple[Wider, ...]
    instead: str  # the address of the search with likelier words; "" when nothing was misspelt
    first: int
    last: int
    before: str
    after: str
    silent: int  # organisations not heard of for long, of which answers may be missing


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/chercher?q=…&sense=…&page=…``"""
    visit = visits.of(request)
    labels = Labels(visit)
    asked = _read(request)
    answer, standing = await read(lambda: (_search(visit, asked), render.standing_of(visit)))
    pages = -(-answer.total // PER_PAGE)
    if 1 <= pages < asked.page:  # there were more yesterday
        raise web.HTTPSeeOther(visit.to("search", asked.query(page=pages)))
    context = SearchPage(
        asked=asked,
        answer=answer,
        cards=tuple(card(hit, labels) for hit in answer.hits),
        doors=_doors(visit, asked, answer),
        facets=tuple(_facets(asked, answer, labels)),
        filters=tuple(_filters(visit, asked, answer, labels)),
        orders=tuple(_orders(visit, asked)),
        wider=tuple(_wider(visit, asked, answer, labels)),
        instead=visit.to("search", asked.query(q=answer.instead)) if answer.instead else "",
        first=min(answer.total, (asked.page - 1) * PER_PAGE + 1),
        last=min(answer.total, asked.page * PER_PAGE),
        before=visit.to("search", asked.query(page=asked.page - 1)) if asked.page > 1 else "",
        after=visit.to("search", asked.query(page=asked.page + 1)) if _more(asked, answer) else "",
        silent=await _silent(visit) if answer.total == 0 else 0,
    )
    return await render.page(request, "search.html", {"page": context}, standing=standing)


def card(hit: Hit, labels: Labels) -> Card:
    """A hit with its words."""
    return Card(hit, labels.nature(hit.kind, hit.type), labels.permission(hit.license))


def _read(request: web.Request) -> Asked:
    query = request.query
    page = query.get("page", "1")
    return Asked(
        q=" ".join(query.get("q", "").split())[:QUERY_LENGTH_MAX],
        sense=tuple(sense for sense in SENSES if sense in query.getall("sense", [])),
        facets={name: tuple(dict.fromkeys(query.getall(name)))[:16] for name in FACETS if query.get(name)},
        sort=next((sort for sort in SORTS if sort == query.get("sort")), ""),
        page=max(1, min(PAGE_MAX, int(page))) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
    )


def _search(visit: Visit, asked: Asked) -> SearchAnswer:
    return visit.clerk.search(
        q=asked.q,
        sense=asked.sense,
        limit=PER_PAGE,
        offset=(asked.page - 1) * PER_PAGE,
        sort=asked.sort,
        loosely=True,
        sideways=True,
        reader_language=visit.language,
        kind=asked.facets.get("kind", ""),
        license=asked.facets.get("license", ""),
        language=asked.facets.get("language", ""),
        org=asked.facets.get("org", ""),
    )


def _more(asked: Asked, answer: SearchAnswer) -> bool:
    return asked.page < PAGE_MAX and asked.page * PER_PAGE < answer.total


def _doors(visit: Visit, asked: Asked, answer: SearchAnswer) -> tuple[Door, ...]:
    """A door opens its sense; the open one closes again."""
    counts = answer.facets.get("sense", {})
    doors = []
    for sense in SENSES:
        current = sense in asked.sense
        address = visit.to("search", asked.query(sense=() if current else (sense,)))
        doors.append(Door(sense, counts.get(sense, 0), address, current))
    return tuple(doors)


def _facets(asked: Asked, answer: SearchAnswer, labels: Labels) -> Iterable[Facet]:
    for name, counted in FACETS.items():
        counts = answer.facets.get(counted, answer.facets.get(name, {}))
        used = asked.facets.get(name, ())
        if name == "kind":  # "resource" chosen finds all of that kind, not only what has no type of its own
            of_kind = answer.facets.get("kind", {})
            counts = {value: of_kind.get(value, number) for value, number in counts.items()}
        ranked = sorted(counts, key=lambda value: (-counts[value], value))
        values = [*used, *(value for value in ranked if value not in used)]
        shown = values[: max(FACET_VALUES_MAX, len(used))]
        if len(values) < 2 and not used:
            continue  # a single value refines nothing
        choices = (
            Choice(value, labels.facet(name, value, answer.org_names), counts.get(value, 0), value in used)
            for value in shown
        )
        yield Facet(name, labels.facet_name(name), tuple(choices))


def _filters(visit: Visit, asked: Asked, answer: SearchAnswer, labels: Labels) -> Iterable[Filter]:
    for sense in asked.sense:
        left = tuple(other for other in asked.sense if other != sense)
        yield Filter(render.badges(visit.language)[sense].name, visit.to("search", asked.query(sense=left)))
    for name, values in asked.facets.items():
        for value in values:
            left = tuple(other for other in values if other != value)
            label = labels.facet(name, value, answer.org_names)
            yield Filter(label, visit.to("search", asked.query(**{name: left})))


def _orders(visit: Visit, asked: Asked) -> Iterable[Order]:
    words = visit.speech
    labels = {"": words.gettext("Closest first"), "usage": words.gettext("Most used first")}
    if not asked.q:  # nothing to be close to
        labels = {"": words.gettext("Newest first"), "usage": labels["usage"]}
    else:
        labels["date"] = words.gettext("Newest first")
    for sort in SORTS:
        if sort in labels:
            yield Order(labels[sort], visit.to("search", asked.query(sort=sort)), sort == asked.sort)


def _wider(visit: Visit, asked: Asked, answer: SearchAnswer, labels: Labels) -> Iterable[Wider]:
    """Searches close to one that found nothing; each finds something."""
    words = visit.speech
    for other in answer.tries:
        query: dict[str, object] = {"q": other.q}
        label = other.q
        if other.why == "filters":
            label = words.gettext("The same search, without filters")
        elif other.why in ("spelling", "looser"):
            query = asked.query(q=other.q)
        elif other.why in DROPPED:
            name = DROPPED[other.why]
            query = asked.query(**{name: ()})
            label = _without(visit, asked, answer, labels, name)
        yield Wider(label, visit.to("search", query), other.total)


def _without(visit: Visit, asked: Asked, answer: SearchAnswer, labels: Labels, name: str) -> str:
    """What a search without one filter is called."""
    badges = render.badges(visit.language)
    values = (
        [badges[sense].name for sense in asked.sense]
        if name == "sense"
        else [labels.facet(name, value, answer.org_names) for value in asked.facets.get(name, ())]
    )
    return visit.speech.gettext("Also outside of: %(values)s") % {"values": ", ".join(values)}


async def _silent(visit: Visit) -> int:
    network = await ask(visit.clerk.network)
    return sum(organisation.silent for organisation in network.organisations)
