"""Did you mean: for a word that is nowhere, the words of the index that are most like it.

Of all words, also of records that this reader may not see, and of deleted ones until Tantivy forgets them:
who proposes them asks first whether this reader finds something by them.
"""

from __future__ import annotations

import tantivy
from rapidfuzz import process
from rapidfuzz.distance import OSA

from mutunode.store.search import languages
from mutunode.store.search.wordlists import ELISIONS

WORD_LENGTH_MIN = 4  # shorter words are all alike
LIKENESS_MIN = 0.65  # four letters of twelve may be wrong, not three of eight: "énergie" is not « entériné »
PROPOSED_MAX = 3
LOOKED_AT_MAX = 20_000  # terms that begin alike: a second letter wrong too is another word


def nearest(searcher: tantivy.Searcher, word: str) -> tuple[str, ...]:
    """The most similar words, best first; of those equally similar, what more records hold."""
    if len(word) < WORD_LENGTH_MIN or languages.script(word[0]) == "unspaced":
        return ()
    if word[0] in ELISIONS and searcher.doc_freq("words", word[1:]):
        return (word[1:],)  # "lecole", typed in a hurry
    for length in (2, 1):
        terms = dict(searcher.terms_with_prefix("words", word[:length], None, LOOKED_AT_MAX))
        terms.pop(word, None)
        found = _ranked(word, terms)
        if found:
            return tuple(found[:PROPOSED_MAX])
    return ()


def _ranked(word: str, terms: dict[str, int]) -> list[str]:
    alike = process.extract(
        word,
        list(terms),
        scorer=OSA.normalized_similarity,
        score_cutoff=LIKENESS_MIN,
        limit=20,
    )
    best = sorted(alike, key=lambda each: (-each[1], -terms[each[0]]))
    return [str(term) for term, *_ in best]
