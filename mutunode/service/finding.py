"""Searching: from what a reader typed to cards, with highlights, usage and counts to refine by."""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec

from mutunode.commons import licences
from mutunode.commons.kind import Kind
from mutunode.commons.languages import pick
from mutunode.commons.markup import plain
from mutunode.commons.senses import Sense
from mutunode.protocol.ids import org_text, rec_text
from mutunode.protocol.limits import FUTURE_SECONDS_MAX
from mutunode.service import lookup, naming, popularity, usages, widening
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import OneOrMany
from mutunode.service.shapes import Hit, Other, SearchAnswer
from mutunode.service.things import things
from mutunode.store.interface import Stored
from mutunode.store.search.highlight import Sought, mark, snippet
from mutunode.store.search.index import SearchUnavailable
from mutunode.store.search.query import LIMIT_MAX, REACH_MAX, Found, SearchQuery

SORTS = ("", "relevance", "date", "time", "usage")  # "time" is an older name of "date"
SENSES = tuple(sense.value for sense in Sense if sense is not Sense.NONE)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader asked for; several values of one filter mean any of them."""

    q: str = ""
    senses: OneOrMany = ""
    kinds: OneOrMany = ""
    orgs: OneOrMany = ""
    languages: OneOrMany = ""
    licenses: OneOrMany = ""
    circle: str = ""
    limit: int = 20
    offset: int = 0
    sort: str = ""  # relevance · date · usage
    loosely: bool = False  # where no record holds all words, find those that hold most
    sideways: bool = (
        False  # count each facet as if nothing of it was chosen: what choosing another would find
    )
    reader_language: str = "fr"


def search(desk: Desk, asked: Asked) -> SearchAnswer:
    """Find records; a filter that cannot be understood is refused by name."""
    with desk.reader.at_once():
        return _search(desk, asked)


def _search(desk: Desk, asked: Asked) -> SearchAnswer:
    started = time.perf_counter()
    catalogues = desk.reader.catalogues(desk.org)
    query = _query(desk, asked, catalogues.blocked)
    found = _found(desk, query)
    sought = Sought(found)
    by_org = {bytes.fromhex(text): number for text, number in found.facets.get("org", {}).items()}
    shown = desk.reader.records([rec for hit in found.hits for rec in (hit.rec, *hit.others)])
    mentioned = desk.reader.mentioned(list(shown.values()))
    names = desk.name_of_each({*by_org, *query.orgs, *(stored.org for stored in shown.values())})
    hits = []
    for hit in found.hits:
        stored = shown.get(hit.rec)
        kind = desk.registry.get(stored.kind) if stored is not None else None
        if stored is not None and kind is not None:
            card = hit_of(
                desk,
                kind,
                stored,
                names[stored.org],
                asked.reader_language,
                sought,
                hit.score,
                mentioned=stored.rec in mentioned,
            )
            others = [shown[rec] for rec in hit.others if rec in shown]
            told = tuple(_other(desk, other, names[other.org], asked.reader_language) for other in others)
            hits.append(msgspec.structs.replace(card, others=told))
    meant = widening.spelled_otherwise(desk.index, desk.reader, query, found)
    return SearchAnswer(
        total=found.total,
        took_ms=round((time.perf_counter() - started) * 1_000, 3),
        hits=tuple(hits),
        facets={**found.facets, "org": {org_text(org): number for org, number in by_org.items()}},
        org_names={org_text(org): name for org, name in names.items()},
        catalogues=catalogues.number,
        oldest_news=catalogues.oldest_news,
        rebuilding=desk.index.place.change < desk.reader.newest_change(),
        next=after if 0 < (after := asked.offset + asked.limit) < found.total and asked.limit else 0,
        loose=found.enough > 0,
        meant=meant,
        instead=widening.replaced(query, {word: alike[0] for word, alike in meant.items()}) if meant else "",
        tries=() if found.total else widening.tries(desk.index, query, meant),
    )


def _other(desk: Desk, stored: Stored, org_name: str, reader_language: str) -> Other:
    """A record that stands under a hit."""
    title, _ = naming.title_of(desk, stored, reader_language)
    return Other(rec_text(stored.rec), title, org_text(stored.org), org_name)


def _query(desk: Desk, asked: Asked, blocked: tuple[bytes, ...]) -> SearchQuery:
    if not 0 <= asked.limit <= LIMIT_MAX or not 0 <= asked.offset <= REACH_MAX:
        raise _refused(
            f"« limit » va de 0 à {LIMIT_MAX}, « offset » de 0 à {REACH_MAX}.",
            f"`limit` goes from 0 to {LIMIT_MAX}, `offset` from 0 to {REACH_MAX}.",
        )
    unknown = [sense for sense in _many(asked.senses) if sense not in SENSES]
    if unknown:
        raise _refused(
            f"Le sens « {unknown[0]} » n’existe pas. Les sens : {', '.join(SENSES)}.",
            f"There is no sense `{unknown[0]}`. There are: {', '.join(SENSES)}.",
        )
    if asked.circle:
        raise _refused("Aucun cercle n’est connu ici.", "No circle is known here.")
    if asked.sort not in SORTS:
        raise _refused("« sort » vaut relevance, date ou usage.", "`sort` is relevance, date or usage.")
    return SearchQuery(
        text=asked.q,
        named=_named(desk, asked.q.strip()),
        reader_language=asked.reader_language,
        senses=_many(asked.senses),
        kinds=_many(asked.kinds),
        orgs=tuple(lookup.organisation(desk, text, unknown=True) for text in _many(asked.orgs)),
        languages=_many(asked.languages),
        licenses=_many(asked.licenses),
        without_orgs=blocked,
        latest=desk.now() + FUTURE_SECONDS_MAX,
        newest_first=asked.sort in ("date", "time"),
        first=popularity.most_used(desk) if asked.sort == "usage" else (),
        loosely=asked.loosely,
        sideways=asked.sideways,
        limit=asked.limit,
        offset=asked.offset,
    )


def _named(desk: Desk, text: str) -> tuple[tuple[str, str], ...]:
    """What was typed, when it is a whole name: a record's id, an organisation's, an address on the web."""
    try:
        if text.startswith("rec_"):
            return (("rec", lookup.record(desk, text).rec.hex()),)
        if text.startswith("org_"):
            return (("org", lookup.organisation(desk, text).hex()),)
    except Refusal:
        return ()
    return tuple(("thing", key) for key in things({"url": text}, {}))


def _found(desk: Desk, query: SearchQuery) -> Found:
    try:
        return desk.index.search(query)
    except SearchUnavailable:
        raise Refusal(
            "search_unavailable",
            Exit.READ_ONLY,
            "La recherche se répare ; réessayez dans un instant. Les fiches, elles, sont intactes.",
            "Search is mending itself; try again in a moment. The records themselves are intact.",
        ) from None


def _many(given: OneOrMany) -> tuple[str, ...]:
    return tuple(each for each in ((given,) if isinstance(given, str) else given) if each)


def hit_of(
    desk: Desk,
    kind: Kind,
    stored: Stored,
    org_name: str,
    reader_language: str,
    sought: Sought | None = None,
    score: float = 0.0,
    *,
    mentioned: bool = True,
) -> Hit:
    """One record as a card; ``mentioned``: unless it is known that nothing cites it."""
    body = stored.fields()
    authors = _languages(body)
    titles = kind.title(body)
    title, title_language = pick(titles, reader_language, authors)
    title_marks = tuple(mark(title, title_language, sought).marks) if sought else ()
    known = titles.values() if title_marks else (title,)  # another language's title tells nothing more, then
    cut = _snippet(kind, body, reader_language, sought, known)
    given = body.get("license")
    licence = given if isinstance(given, str) else ""
    nature = body.get(kind.nature_field) if kind.nature_field else ""
    return Hit(
        id=rec_text(stored.rec),
        kind=kind.name,
        sense=str(kind.sense),
        title=title,
        snippet=cut[0],
        org=org_text(stored.org),
        org_name=org_name,
        language=cut[1] or title_language,
        license=licence,
        usage=usages.count(desk, stored, mentioned=mentioned),
        score=score,
        time=stored.time,
        type=nature if isinstance(nature, str) else "",
        title_language=title_language,
        title_marks=title_marks,
        marks=cut[2],
        license_class=str(licences.permission(licence)),
        languages=tuple(authors),
        source=", ".join(_creators(body)),
    )


def _snippet(
    kind: Kind, body: dict[str, object], reader_language: str, sought: Sought | None, known: Iterable[str]
) -> tuple[str, str, tuple[tuple[int, int], ...]]:
    """(text, its language, marks) of the part that says most; the summary first, then any other text."""
    summary = [(language, plain(text)) for language, text in kind.summary(body).items()]
    if sought is None:
        text, language = pick(dict(summary), reader_language, _languages(body)) if summary else ("", "")
        return text[:240], language, ()
    cut = snippet(summary, reader_language, sought) if summary else None
    if cut is None or not cut.marks:
        others = [(language, plain(text)) for language, text, _ in kind.search_texts(body)]
        texts = [pair for pair in others if pair not in summary and _tells(pair[1], known)]
        wider = snippet(texts, reader_language, sought)
        cut = wider if wider is not None and (cut is None or wider.marks) else cut
    if cut is None:
        return "", "", ()
    before = "… " if cut.before else ""
    marks = tuple((start + len(before), end + len(before)) for start, end in cut.marks)
    return f"{before}{cut.text}{' …' if cut.after else ''}", cut.language, marks


def _tells(text: str, known: Iterable[str]) -> bool:
    """Does a text say something beside what is known? An address and the name of a type do not."""
    return text not in known and any(map(str.isspace, text.strip()))


def _languages(body: dict[str, object]) -> list[str]:
    given = body.get("languages")
    return [tag for tag in given if isinstance(tag, str)] if isinstance(given, list) else []


def _creators(body: dict[str, object]) -> list[str]:
    given = body.get("creators")
    if not isinstance(given, list):
        return []
    names = [each.get("name") if isinstance(each, dict) else each for each in given]
    return [name for name in names if isinstance(name, str)][:3]


def _refused(fr: str, en: str) -> Refusal:
    return Refusal("usage", Exit.USAGE, fr, en)
