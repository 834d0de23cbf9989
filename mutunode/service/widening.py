"""What could be tried when a search finds nothing: other spellings, fewer filters, single words.

Each is asked before it is proposed: what stands here finds something.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mutunode.service.shapes import Try
from mutunode.store.interface import Reader
from mutunode.store.search import asked
from mutunode.store.search.analyser import tokens
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import Found, SearchQuery

TRIES_MAX = 8  # × 2 ms
WORDS_MAX = 4
WORD_LENGTH_MIN = 4  # characters of a word worth asking alone
FILTERS = ("senses", "kinds", "orgs", "languages", "licenses")


def tries(index: SearchIndex, query: SearchQuery, meant: dict[str, tuple[str, ...]]) -> tuple[Try, ...]:
    """The searches beside this one that find something, in the order in which a person would try them."""
    proposed: dict[str, Try] = {}
    for other, why in _others(query, meant):
        if len(proposed) >= TRIES_MAX:
            break
        key = f"{why} {other.text}" if why in (*FILTERS, "filters") else other.text
        total = 0 if key in proposed else index.search(msgspec.structs.replace(other, limit=0)).total
        if total:
            proposed[key] = Try(q=other.text, total=total, why=why)
    return tuple(proposed.values())


def spelled_otherwise(
    index: SearchIndex, reader: Reader, query: SearchQuery, found: Found
) -> dict[str, tuple[str, ...]]:
    """For words that stand nowhere: the words of records that are most like them, as written there."""
    written = {
        word: tuple(filter(None, (_written(index, reader, query, like) for like in alike)))
        for word, alike in found.meant.items()
    }
    return {word: alike for word, alike in written.items() if alike}


def _others(query: SearchQuery, meant: dict[str, tuple[str, ...]]) -> Iterator[tuple[SearchQuery, str]]:
    for place in range(2):
        instead = {word: alike[min(place, len(alike) - 1)] for word, alike in meant.items()}
        if instead:
            yield msgspec.structs.replace(query, text=replaced(query, instead)), "spelling"
    for text in asked.looser(query.text):
        yield msgspec.structs.replace(query, text=text), "looser"
    chosen = [name for name in FILTERS if getattr(query, name)]
    for name in chosen:
        yield msgspec.structs.replace(query, **{name: ()}), name
    unfiltered = msgspec.structs.replace(query, **dict.fromkeys(FILTERS, ()))
    if len(chosen) > 1:
        yield unfiltered, "filters"
    words = dict.fromkeys(asked.bare(query.text).split())
    if len(words) > 1:
        longest = sorted((word for word in words if len(word) >= WORD_LENGTH_MIN), key=len, reverse=True)
        for word in longest[:WORDS_MAX]:
            yield msgspec.structs.replace(unfiltered, text=word), "word"


def replaced(query: SearchQuery, instead: dict[str, str]) -> str:
    """The text as it was typed, with other words in place of some."""
    parts, at = [], 0
    for token in tokens(query.text, query.reader_language):
        if token.word in instead:
            parts += [query.text[at : token.start], instead[token.word]]
            at = token.end
    return "".join([*parts, query.text[at:]])


def _written(index: SearchIndex, reader: Reader, query: SearchQuery, folded: str) -> str:
    """A word of the index with its accents, as the first record that holds it writes it.

    "" when no record this reader may see holds it: the index itself does not know who may read what.
    """
    first = SearchQuery(
        text=f'"{folded}"', spaces=query.spaces, without_orgs=query.without_orgs, latest=query.latest, limit=1
    )
    for hit in index.search(first).hits:
        stored = reader.record(hit.rec)
        for text in _texts(stored.fields() if stored is not None else {}):
            for token in tokens(text, query.reader_language):
                if token.word == folded:
                    return text[token.start : token.end].lower()
        return folded
    return ""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
