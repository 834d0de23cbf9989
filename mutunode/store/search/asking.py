"""One search over one state of the index: understand, look, widen if that found next to nothing, count."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import tantivy
from tantivy import Occur, Query

from mutunode.store.search import asked, filtering, meant, query, twins
from mutunode.store.search.asked import Asked
from mutunode.store.search.filtering import Held
from mutunode.store.search.owners import Owners
from mutunode.store.search.query import FEW, Found, SearchQuery
from mutunode.store.search.ranking import Ranking

_SHOWN = (*filtering.FILTERED, "nature", "license_class")
Clause = tuple[Occur, Query]
Facets = dict[str, dict[str, int]]


def answer(searcher: tantivy.Searcher, schema: tantivy.Schema, wanted: SearchQuery, latest: int) -> Found:
    """Search; no record of the index claims a later time than ``latest``."""
    typed = query.weighed(searcher, asked.read(wanted.text, wanted.reader_language), wanted.named)
    visible = filtering.visible(schema, Held.of(searcher, latest), wanted)
    seeking = Seeking(searcher, schema, typed, visible)
    chosen = filtering.filters(schema, wanted)

    def ranked(words: Query) -> Ranking:
        whole = Query.boolean_query([(Occur.Must, words), *visible, *chosen.values()])
        by_time = wanted.newest_first or not (typed.words or typed.phrases or typed.nothing)
        return Ranking(searcher, schema, whole, wanted, by_time=by_time)

    @cache
    def counted(typed: Asked, misspelt: frozenset[str], enough: int) -> Facets:
        words = query.words_query(schema, seeking.owners, typed, misspelt, enough, scored=False)
        whole = Query.boolean_query([(Occur.Must, words), *visible, *chosen.values()])
        return query.facet_counts(searcher, whole, _SHOWN)

    def total(misspelt: frozenset[str], enough: int) -> int:
        return sum(counted(seeking.typed, misspelt, enough)["kind"].values())  # of which each record has one

    found = seeking.found if chosen else total  # filters must not decide how a word is read
    misspelt, enough = seeking.widened(found, loosely=wanted.loosely)
    ranking = ranked(seeking.words(misspelt, enough))
    facets = dict(counted(seeking.typed, misspelt, enough))
    for facet in chosen if wanted.sideways else ():
        others = [clause for name, clause in chosen.items() if name != facet]
        fields = [facet, *filtering.SIDEWAYS.get(facet, ())]
        words = seeking.words(misspelt, enough, scored=False)
        whole = Query.boolean_query([(Occur.Must, words), *visible, *others])
        wider = query.facet_counts(searcher, whole, fields)
        facets |= {name: facets[name] | wider[name] for name in fields}  # what was chosen may be a rare value
    return Found(
        total=total(misspelt, enough),
        hits=twins.grouped(ranking),
        facets=facets,
        asked=seeking.typed,
        misspelt=misspelt,
        meant={word: meant.nearest(searcher, word) for word in seeking.nowhere},
        enough=enough,
    )


class Seeking:
    """What was typed, looked for in one state of the index."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        schema: tantivy.Schema,
        typed: asked.Asked,
        visible: list[Clause],
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self.owners = Owners(searcher, schema)
        self.typed = typed
        self._visible = visible
        self.nowhere: tuple[str, ...] = ()  # words that stand in no record, once that was looked into

    def words(self, misspelt: frozenset[str] = frozenset(), enough: int = 0, *, scored: bool = True) -> Query:
        """Everything typed, as one query."""
        return query.words_query(self._schema, self.owners, self.typed, misspelt, enough, scored=scored)

    def found(self, misspelt: frozenset[str] = frozenset(), enough: int = 0) -> int:
        """How many records answer, as far as it matters."""
        return self._number(self.words(misspelt, enough, scored=False))

    def places(self) -> dict[str, int]:
        """Of each word that may be misspelt, how many records hold it, as far as it matters."""
        return {
            word.word: self._number(query.counted_query(self._schema, self.owners, word))
            for word in self.typed.words
            if query.may_be_misspelt(word)
        }

    def _number(self, sought: Query) -> int:
        clauses = [(Occur.Must, sought), *self._visible]
        return len(self._searcher.search(Query.boolean_query(clauses), FEW, count=False).hits)

    def widened(
        self, found: Callable[[frozenset[str], int], int], *, loosely: bool
    ) -> tuple[frozenset[str], int]:
        """What helps a search that finds next to nothing: words to look for by likeness, how many suffice.

        First by likeness those words that are nowhere; when that does not help, also those that are in a
        document or two, except a word still being typed that already found something; then those that nothing
        holds as they are written ("lerning" has the stem of a word of German). Then without some.
        ``found``: how many records answer with these words by likeness, when so many words suffice (0: all).
        """
        required = sum(1 for word in self.typed.words if not word.faint)
        as_written = found(frozenset(), 0) if required else FEW
        if as_written >= FEW:
            return frozenset(), 0
        places = self.places()
        self.nowhere = () if as_written else tuple(word for word, number in places.items() if number == 0)
        misspelt = frozenset(self.nowhere)
        for far in (
            (1, 2) if misspelt else ()
        ):  # most have one letter wrong, which costs half as much to look for
            self.typed = asked.within(self.typed, far)
            if found(misspelt, 0):
                return misspelt, 0
        typing = {word.word for word in self.typed.words if word.prefix}
        misspelt |= {word for word, number in places.items() if number < FEW and word not in typing}
        if as_written or found(misspelt, 0):
            return misspelt, 0
        unwritten = tuple(word for word in places if not self._searcher.doc_freq("words", word))
        if not misspelt.issuperset(unwritten) and found(misspelt | set(unwritten), 0):
            self.nowhere = unwritten
            return misspelt | set(unwritten), 0
        if not loosely:
            return misspelt, 0
        most = -(-required * 2 // 3)
        fewer = dict.fromkeys(number for number in (most, 1) if number < required)
        return misspelt, next((number for number in fewer if found(misspelt, number)), 0)
