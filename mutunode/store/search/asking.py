"""One search over one state of the index: understand, look, widen if that found next to nothing, count."""

from __future__ import annotations

import tantivy
from tantivy import Occur, Query

from mutunode.store.search import asked, query
from mutunode.store.search.query import FEW, Found, FoundHit, SearchQuery

_SHOWN = (*query.FILTERED, "nature", "license_class")
Clause = tuple[Occur, Query]


def answer(searcher: tantivy.Searcher, schema: tantivy.Schema, wanted: SearchQuery) -> Found:
    """Search."""
    typed = asked.read(wanted.text, wanted.reader_language)
    visible = query.visible(schema, wanted)
    misspelt, enough = _widened(searcher, schema, typed, visible, loosely=wanted.loosely)
    words: Clause = (Occur.Must, query.words_query(schema, typed, misspelt, enough))
    chosen = query.filters(schema, wanted)
    whole = Query.boolean_query([words, *visible, *chosen.values()])
    total, hits = _hits(searcher, whole, wanted, by_time=typed.everything or wanted.newest_first)
    facets = query.facet_counts(searcher, whole, _SHOWN)
    for facet in chosen if wanted.sideways else ():
        others = [clause for name, clause in chosen.items() if name != facet]
        facets |= query.facet_counts(searcher, Query.boolean_query([words, *visible, *others]), [facet])
    return Found(total=total, hits=hits, facets=facets, asked=typed, misspelt=misspelt, enough=enough)


def _widened(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    typed: asked.Asked,
    visible: list[Clause],
    *,
    loosely: bool,
) -> tuple[frozenset[str], int]:
    """What helps a search that finds next to nothing: words to look for by likeness, and how many are enough.

    First by likeness those words that are nowhere; when that does not help, also those that are in a document
    or two, except a word that is still being typed and already found something. Then without some of them.
    """

    def found_by(sought: Query) -> int:
        clauses = [(Occur.Must, sought), *visible]
        return len(searcher.search(Query.boolean_query(clauses), FEW, count=False).hits)

    def found(misspelt: frozenset[str], enough: int = 0) -> int:
        return found_by(query.words_query(schema, typed, misspelt, enough))

    as_written = found(frozenset())
    required = sum(1 for word in typed.words if not word.faint)
    if as_written >= FEW or not required:
        return frozenset(), 0
    candidates = [word for word in typed.words if query.may_be_misspelt(word)]
    places = {word.word: found_by(query.word_query(schema, word)) for word in candidates}
    misspelt = frozenset(word for word, number in places.items() if number == 0)
    if misspelt and found(misspelt):
        return misspelt, 0
    typing = {word.word for word in candidates if word.prefix}
    misspelt |= {word for word, number in places.items() if number < FEW and word not in typing}
    if not loosely or as_written or found(misspelt):
        return misspelt, 0
    most = -(-required * 2 // 3)
    fewer = dict.fromkeys(number for number in (most, 1) if number < required)
    return misspelt, next((number for number in fewer if found(misspelt, number)), 0)


def _hits(
    searcher: tantivy.Searcher, whole: Query, wanted: SearchQuery, *, by_time: bool
) -> tuple[int, list[FoundHit]]:
    """The page of hits asked for, and how many there are."""
    offset = max(wanted.offset, 0)
    limit = min(max(wanted.limit, 0), query.LIMIT_MAX, max(query.REACH_MAX - offset, 0))
    found = searcher.search(
        whole,
        limit=max(limit, 1),  # Tantivy refuses to look for none
        offset=min(offset, query.REACH_MAX),
        order_by_field="newness" if by_time else None,
    )
    hits = [
        FoundHit(bytes.fromhex(searcher.doc(at).get_first("rec") or ""), 0.0 if by_time else float(score))
        for score, at in found.hits[:limit]
    ]
    return int(found.count), hits  # type: ignore[attr-defined]  # the stubs forget it
