"""From a search to Tantivy's queries, built piece by piece: what people type never reaches a query parser.

Every word must be found, in any field and any of its forms; where, and how exactly, makes the score. Misspelt
words are looked for only where a word as it is written finds next to nothing; and only where nothing holds
them all, a reader who wishes it is shown what holds most of them. Whether it comes to that is decided before
any filter: so a filter narrows a result and never changes what it is about, and the facets' counts are the
totals one gets by choosing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
import tantivy
from tantivy import Occur, Query

from mutunode.protocol.head import PUBLIC
from mutunode.store.search import languages, schema
from mutunode.store.search.asked import Asked, Phrase, Word
from mutunode.store.search.owners import STEMS_FIELD, WORDS_FIELD, Owners

LIMIT_MAX = 100  # hits a page
REACH_MAX = 10_000  # hits from the first: who leafs further should ask more precisely
FACET_VALUES_MAX = 1_000
FACET_ORGS_MAX = 100  # the most numerous: each is a look-up in every segment, and a name to be read
USUAL_SHARE = 0.5  # of the records that hold a word: what holds for more of them tells little…
USUAL_RECORDS_MIN = 10_000  # …and of so many it is not worth the walk: 0.1 ms
FEW = 3  # documents: below, a word may be misspelt
FUZZY_LENGTH_MIN = 4  # shorter words are all alike
FUZZY_TWICE_LENGTH_MIN = 8  # two mistakes

# What a word is found by, as a factor of its BM25 score; beginnings and likenesses score alike, rare or not.
_FOUND_BOOSTS = {"stems": 1.0, "words": 1.1}
_PREFIX_SCORE = 0.6
_FUZZY_SCORES = (0.4, 0.2)  # one letter wrong, two
# What speaks for a record beside that: where the word stands, and that it is the very word.
_STEM_BOOSTS = {"title": 1.5, "key": 0.6}
_WORD_BOOSTS = {"title_words": 1.7, "words": 0.2}
_TELLING_BOOSTS = {**_STEM_BOOSTS, **_WORD_BOOSTS}
_TITLE_PREFIX_SCORE = 1.4
_TITLE_FUZZY_SCORE = 0.6  # one letter wrong
_OWNER_SCORE, _OWNER_PREFIX_SCORE, _OWNER_FUZZY_SCORE = 1.2, 0.3, 0.2
_OTHER_FORMS_SHARE = 0.1  # of the score, for being found as several
_PHRASE_BOOSTS = {"title_words": 2.7, "words": 1.1}
_NEIGHBOURS_BOOST = 2.0
_EXTERNAL_SCORE = 100.0  # above any sum of words


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. Of several values of one filter any will do; different filters must all hold."""

    text: str = ""
    named: tuple[tuple[str, str], ...] = ()  # (field, term) of what was typed, when that is an address or id
    reader_language: str = "fr"
    senses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # kinds, or natures
    orgs: tuple[bytes, ...] = ()
    languages: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()  # SPDX expressions as given, or classes
    spaces: tuple[bytes, ...] = (PUBLIC,)  # those the reader may see, never more
    without_orgs: tuple[bytes, ...] = ()  # blocked here
    latest: int | None = None  # Unix seconds: what claims a later time waits until that comes
    newest_first: bool = False  # an empty text always is
    first: tuple[bytes, ...] = ()  # records that come before all others, in this order: the most used, say
    loosely: bool = False  # when nothing holds all the words, look for most of them, then for any
    sideways: bool = False  # count each facet as if it were not filtered by: what choosing another would give
    limit: int = 20
    offset: int = 0


class FoundHit(msgspec.Struct, frozen=True):
    """A record that answers, and how well."""

    rec: bytes
    score: float
    others: tuple[bytes, ...] = ()  # records of other organisations about the same thing, counted too


class Found(msgspec.Struct, frozen=True):
    """The answer: one page of hits, and counts over all of them."""

    total: int  # records; some may stand under a hit
    hits: list[FoundHit]
    facets: dict[str, dict[str, int]]  # organisations by the hexadecimal form of their ids
    asked: Asked  # what was understood, for the highlights
    misspelt: frozenset[str] = frozenset()  # the words that were looked for by likeness
    meant: dict[str, tuple[str, ...]] = {}  # for words that are nowhere: those of the index most like them
    enough: int = 0  # nothing holds all the words; these records hold at least so many. 0: they hold all


def words_query(
    of: tantivy.Schema,
    owners: Owners,
    asked: Asked,
    misspelt: frozenset[str] = frozenset(),
    enough: int = 0,
    *,
    scored: bool = True,
) -> Query:
    """Everything typed, as one query; ``enough``: so many of the words, instead of all.

    Not ``scored``, it finds the same in half the time or less: for counting.
    """
    if asked.everything:
        return _any_record(of)
    if asked.nothing:
        return _itself(of, asked)
    one = word_query if scored else counted_query
    must = [one(of, owners, word, misspelt) for word in asked.words if not word.faint]
    if enough:
        some = [(Occur.Should, query) for query in must]
        must = [Query.boolean_query(some, minimum_number_should_match=enough)]
    must += [_phrase_query(of, phrase, owners) for phrase in asked.phrases]
    clauses = [(Occur.Must, query) for query in must or [_any_record(of)]]
    if scored:
        clauses += [(Occur.Should, one(of, owners, word, misspelt)) for word in asked.words if word.faint]
        clauses += [(Occur.Should, _bonus_query(of, word, misspelt)) for word in asked.words]
    clauses += [(Occur.MustNot, _excluding_query(of, word)) for word in asked.without]
    clauses += [(Occur.MustNot, _phrase_query(of, phrase)) for phrase in asked.without_phrases]
    if scored and len(asked.words) > 1:
        together = Query.phrase_query(of, "title_words", [word.word for word in asked.words], slop=2)
        clauses.append((Occur.Should, Query.boost_query(together, _NEIGHBOURS_BOOST)))
    query = Query.boolean_query(clauses)
    if any(map(str.isspace, asked.text)):
        return query
    return Query.boolean_query([(Occur.Should, query), (Occur.Should, _itself(of, asked))])


def _any_record(of: tantivy.Schema) -> Query:
    """Every record: not the names of organisations, nor the place."""
    return Query.const_score_query(Query.term_query(of, "role", schema.RECORD), 0.0)


def _itself(of: tantivy.Schema, asked: Asked) -> Query:
    """The thing whose address, id or author's key was typed."""
    names = [(Occur.Should, Query.term_query(of, *name)) for name in (("external", asked.text), *asked.named)]
    return Query.const_score_query(Query.boolean_query(names), _EXTERNAL_SCORE)


def word_query(
    of: tantivy.Schema, owners: Owners, word: Word, misspelt: frozenset[str] = frozenset()
) -> Query:
    """One word in all its forms; the best of them makes the score."""
    forms = [_boosted(of, name, term, _FOUND_BOOSTS[name]) for name, term in word.held]
    if word.prefix:
        forms.append(Query.const_score_query(_begins(of, "words", word.word), _PREFIX_SCORE))
    if word.word in misspelt:
        forms += [
            Query.const_score_query(_like(of, "words", word, distance), _FUZZY_SCORES[distance - 1])
            for distance in range(1, likeness(word) + 1)
        ]
    forms += _owned(of, owners, word, word.word in misspelt)
    return _any_of(forms, lambda: Query.disjunction_max_query(forms, _OTHER_FORMS_SHARE))


def counted_query(
    of: tantivy.Schema, owners: Owners, word: Word, misspelt: frozenset[str] = frozenset()
) -> Query:
    """What `word_query` finds, without a score."""
    forms = [Query.term_query(of, name, term) for name, term in word.held]
    if word.prefix:
        forms.append(_begins(of, "words", word.word))
    if word.word in misspelt:
        forms.append(_like(of, "words", word, likeness(word)))
    forms += _owned(of, owners, word, word.word in misspelt)
    return _any_of(forms, lambda: Query.boolean_query([(Occur.Should, form) for form in forms]))


def _any_of(forms: list[Query], several: Callable[[], Query]) -> Query:
    """One list alone is walked in leaps where another word leads; together with others, from end to end."""
    return several() if len(forms) > 1 else forms[0] if forms else Query.empty_query()


def _bonus_query(of: tantivy.Schema, word: Word, misspelt: frozenset[str]) -> Query:
    """What speaks for a record that holds the word; the best of it."""
    forms = [_boosted(of, name, term, _TELLING_BOOSTS[name]) for name, term in word.telling]
    if word.prefix:
        forms.append(Query.const_score_query(_begins(of, "title_words", word.word), _TITLE_PREFIX_SCORE))
    if word.word in misspelt:
        forms.append(Query.const_score_query(_like(of, "title_words", word, 1), _TITLE_FUZZY_SCORE))
    return _any_of(forms, lambda: Query.disjunction_max_query(forms, _OTHER_FORMS_SHARE))


def _owned(of: tantivy.Schema, owners: Owners, word: Word, misspelt: bool) -> Iterator[Query]:
    """What is published by those whose names hold the word."""
    names = [Query.term_query(of, WORDS_FIELD, form) for form in (word.word, *word.joined)]
    names += [Query.term_query(of, STEMS_FIELD, stem) for stem in word.stems]
    yield from owners.query(names, _OWNER_SCORE, "is", word)
    if word.prefix:
        yield from owners.query([_begins(of, WORDS_FIELD, word.word)], _OWNER_PREFIX_SCORE, "begins", word)
    if misspelt:
        yield from owners.query(
            [_like(of, WORDS_FIELD, word, likeness(word))], _OWNER_FUZZY_SCORE, "like", word
        )


def weighed(searcher: tantivy.Searcher, asked: Asked, named: tuple[tuple[str, str], ...] = ()) -> Asked:
    """By what the index finds each word, and what speaks for a record beside that.

    What is in no record costs as much to look for as what is in many, for the others are then walked from end
    to end; and that a word stands among the keys, or in the very form, tells little where it mostly does.
    """
    everything = searcher.doc_freq("role", schema.RECORD)

    def weigh(word: Word) -> Word:
        spelled = word.joined if word.stems else (word.word, *word.joined)
        places = [*(("stems", stem) for stem in word.stems), *(("words", form) for form in spelled)]
        held = {place: number for place in places if (number := searcher.doc_freq(*place))}
        most = max(held.values(), default=0)
        if most >= USUAL_RECORDS_MIN:
            most = int(USUAL_SHARE * most)
        if everything in held.values():  # what all records hold needs no other form
            held = dict([next(each for each in held.items() if each[1] == everything)])
        telling = [(name, word.word) for name in _WORD_BOOSTS]
        telling += [(name, stem) for stem in word.stems for name in _STEM_BOOSTS]
        telling = [place for place in telling if 0 < searcher.doc_freq(*place) <= most]
        return msgspec.structs.replace(word, held=tuple(held), telling=tuple(telling))

    return msgspec.structs.replace(asked, named=named, words=tuple(map(weigh, asked.words)))


def _excluding_query(of: tantivy.Schema, word: Word) -> Query:
    """In a text: -travail does not exclude what the ministry of labour publishes."""
    forms = [("words", word.word), *(("stems", stem) for stem in word.stems)]
    return Query.boolean_query([(Occur.Should, Query.term_query(of, name, term)) for name, term in forms])


def _boosted(of: tantivy.Schema, name: str, term: str, boost: float) -> Query:
    return Query.boost_query(Query.term_query(of, name, term), boost)


def _begins(of: tantivy.Schema, name: str, word: str) -> Query:
    """Words that begin so. (A regular expression finds the same, and takes twice to five times as long.)"""
    return Query.fuzzy_term_query(of, name, word, distance=0, prefix=True)


def _like(of: tantivy.Schema, name: str, word: Word, distance: int) -> Query:
    return Query.fuzzy_term_query(of, name, word.word, distance=distance, prefix=word.prefix)


def likeness(word: Word) -> int:
    """How many letters may be wrong."""
    return min(word.far, 2 if len(word.word) >= FUZZY_TWICE_LENGTH_MIN else 1)


def may_be_misspelt(word: Word) -> bool:
    """Is it long enough to tell which word was meant?"""
    return len(word.word) >= FUZZY_LENGTH_MIN and languages.script(word.word[0]) != "unspaced"


def _phrase_query(of: tantivy.Schema, phrase: Phrase, owners: Owners | None = None) -> Query:
    """The very words side by side, accents and case apart; not across two texts."""
    forms: list[Query] = []
    if owners is not None:
        forms += owners.query([_side_by_side(of, WORDS_FIELD, phrase)], _OWNER_SCORE, "phrase", phrase)
    for name, boost in _PHRASE_BOOSTS.items():
        forms.append(Query.boost_query(_side_by_side(of, name, phrase), boost))
    return Query.disjunction_max_query(forms)


def _side_by_side(of: tantivy.Schema, name: str, phrase: Phrase) -> Query:
    if len(phrase) == 1:  # which Tantivy does not take for a phrase
        return Query.term_query(of, name, phrase[0])
    return Query.phrase_query(of, name, list(phrase))


def facet_counts(of: tantivy.Searcher, query: Query, facets: Iterable[str]) -> dict[str, dict[str, int]]:
    """How many of the documents found bear each value."""
    sizes = {facet: FACET_ORGS_MAX if facet == "org" else FACET_VALUES_MAX for facet in facets}
    counted = of.aggregate(
        query, {facet: {"terms": {"field": facet, "size": size}} for facet, size in sizes.items()}
    )
    return {
        facet: {bucket["key"]: bucket["doc_count"] for bucket in counted[facet]["buckets"]} for facet in sizes
    }
