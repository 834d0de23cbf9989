"""What a search leaves out: what the reader may not see, what must wait, what was not chosen.

A filter costs as much as the records it passes: one that all records of this state of the index pass is not
asked at all, and whether it is so, a short list tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import tantivy
from tantivy import Occur, Query

from mutunode.store.search import schema
from mutunode.store.search.query import SearchQuery

FILTERED = ("sense", "kind", "language", "license", "org")  # not the spaces: readers do not choose them
SIDEWAYS = {"kind": ("nature",), "license": ("license_class",)}  # counted where the filter is left out, too
_FILTER_FIELDS = {"kind": ("kind", "nature"), "license": ("license", "license_class")}
_SPACES_LOOKED_AT_MAX = 100
_TERMS_EACH_MAX = 16  # values of one filter


class Held(NamedTuple):
    """What one state of the index holds, as far as it tells that a filter would leave nothing out."""

    spaces: frozenset[str]  # in which its records stand, as hexadecimal text
    latest: int  # no record claims a later time

    @classmethod
    def of(cls, searcher: tantivy.Searcher, latest: int) -> Self:
        """Spaces are few: the list of them is shorter than one of records."""
        found = searcher.terms_with_prefix("space", "", None, _SPACES_LOOKED_AT_MAX)
        return cls(frozenset(space for space, _ in found), latest)


def visible(of: tantivy.Schema, held: Held, asked_for: SearchQuery) -> list[tuple[Occur, Query]]:
    """What this reader may see at all; a filter that all records pass would be the most costly of all."""
    clauses = []
    seen = {space.hex() for space in asked_for.spaces}
    if len(held.spaces) >= _SPACES_LOOKED_AT_MAX or not held.spaces <= seen:
        clauses.append((Occur.Must, _any_of(of, ("space",), seen)))
    if asked_for.without_orgs:
        hidden = _any_of(of, ("org",), (org.hex() for org in asked_for.without_orgs))
        clauses.append((Occur.MustNot, hidden))
    if asked_for.latest is not None and asked_for.latest < held.latest:
        last = schema.newness(asked_for.latest, schema.INDEX_MAX)
        come = Query.range_query(of, "newness", tantivy.FieldType.Unsigned, 0, last)
        clauses.append((Occur.Must, Query.const_score_query(come, 0.0)))
    return clauses


def filters(of: tantivy.Schema, asked_for: SearchQuery) -> dict[str, tuple[Occur, Query]]:
    """The filters that were chosen, each under the facet it is on."""
    chosen: dict[str, Sequence[str]] = {
        "sense": asked_for.senses,
        "kind": asked_for.kinds,
        "language": asked_for.languages,
        "license": asked_for.licenses,
        "org": [org.hex() for org in asked_for.orgs],
    }
    return {
        facet: (Occur.Must, _any_of(of, _FILTER_FIELDS.get(facet, (facet,)), values))
        for facet, values in chosen.items()
        if values
    }


def _any_of(of: tantivy.Schema, names: Iterable[str], values: Iterable[str]) -> Query:
    """Whole values of these fields, without a say in the score."""
    terms = [value.encode(errors="replace").decode() for value in values]
    if len(terms) > _TERMS_EACH_MAX:
        wanted = [Query.term_set_query(of, name, terms) for name in names]
    else:  # a set is looked up as a whole, whatever else is asked; a term only where the rest holds
        wanted = [Query.term_query(of, name, term) for name in names for term in terms]
    return Query.const_score_query(Query.boolean_query([(Occur.Should, each) for each in wanted]), 0.0)
