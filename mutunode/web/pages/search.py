"""Chercher: one line of text, the answers by sense, and facets in the address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from aiohttp import web

from mutunode.service.shapes import Hit, SearchAnswer
from mutunode.web import render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.labels import Labels
from mutunode.web.visit import Visit

PER_PAGE = 10  # cards; with their facets a page stays below 60 kB
PAGE_MAX = 1_000
QUERY_LENGTH_MAX = 200  # beyond it nobody searches, somebody tests
WORDS_TRIED_MAX = 4  # single words offered when all together find nothing
FACET_VALUES_MAX = 8  # shown of each facet; those in use are always shown
# In the order of the page: what the address says → the facet of the answer that is counted.
FACETS = {"kind": "nature", "license": "license_class", "language": "language", "org": "org"}
SENSES = ("aval", "amont", "meta")


class Asked(msgspec.Struct, frozen=True):
    """What the address asks."""

    q: str = ""
    sense: tuple[str, ...] = ()
    facets: dict[str, tuple[str, ...]] = {}
    page: int = 1

    def query(self, **changes: object) -> dict[str, object]:
        """The address's query, with changes; leafing starts over unless it is the change."""
        return {"q": self.q, "sense": self.sense, **self.facets, **changes}


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
    wider: tuple[Wider, ...]
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
    answer = await _search(visit, asked)
    wider = await _wider(visit, asked) if answer.total == 0 and not _is_empty(asked) else ()
    context = SearchPage(
        asked=asked,
        answer=answer,
        cards=tuple(card(hit, labels) for hit in answer.hits),
        doors=_doors(visit, asked, answer),
        facets=tuple(_facets(asked, answer, labels)),
        filters=tuple(_filters(visit, asked, answer, labels)),
        wider=wider,
        first=min(answer.total, (asked.page - 1) * PER_PAGE + 1),
        last=min(answer.total, (asked.page - 1) * PER_PAGE + len(answer.hits)),
        before=visit.to("search", asked.query(page=asked.page - 1)) if asked.page > 1 else "",
        after=visit.to("search", asked.query(page=asked.page + 1)) if _more(asked, answer) else "",
        silent=await _silent(visit) if answer.total == 0 else 0,
    )
    return await render.page(request, "search.html", {"page": context})


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
        page=min(PAGE_MAX, int(page)) if page.isascii() and page.isdigit() and int(page) > 0 else 1,
    )


async def _search(visit: Visit, asked: Asked, *, limit: int = PER_PAGE) -> SearchAnswer:
    return await ask(
        visit.clerk.search,
        q=asked.q,
        sense=asked.sense,
        limit=limit,
        offset=(asked.page - 1) * limit,
        reader_language=visit.language,
        kind=asked.facets.get("kind", ""),
        license=asked.facets.get("license", ""),
        language=asked.facets.get("language", ""),
        org=asked.facets.get("org", ""),
    )


def _is_empty(asked: Asked) -> bool:
    return not (asked.q or asked.sense or asked.facets)


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


async def _wider(visit: Visit, asked: Asked) -> tuple[Wider, ...]:
    """Searches close to one that found nothing; only those that find something are offered."""
    words = visit.speech
    tries: list[tuple[str, Asked]] = []
    if asked.sense or asked.facets:
        tries.append((words.gettext("The same search, without filters"), Asked(q=asked.q)))
    single = _longest_words(asked.q)
    tries += [(word, Asked(q=word)) for word in single if word != asked.q]
    found = []
    for label, wider in tries:
        answer = await _search(visit, wider, limit=1)
        if answer.total:
            found.append(Wider(label, visit.to("search", wider.query()), answer.total))
    return tuple(found)


def _longest_words(q: str) -> Sequence[str]:
    words = [word for word in dict.fromkeys(q.split()) if len(word) > 3]
    return sorted(words, key=len, reverse=True)[:WORDS_TRIED_MAX]


async def _silent(visit: Visit) -> int:
    network = await ask(visit.clerk.network)
    return sum(organisation.silent for organisation in network.organisations)
