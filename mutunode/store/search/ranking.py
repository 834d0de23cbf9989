"""The records found, in their order: by score, from the newest, or from the most used.

How much a record is used changes every day without the record, and is not in the index: whoever asks for that
order brings the used ones along, the most used first; the others follow by score.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import tantivy
from tantivy import Occur, Query

from mutunode.store.search.query import LIMIT_MAX, REACH_MAX, SearchQuery

FIRST_MAX = 10_000  # of those brought along


class Ranked(NamedTuple):
    """A record found: its key, its score (0 when that does not order), and where it stands in the index."""

    rec: str
    score: float
    place: tantivy.DocAddress


class Ranking:
    """All that one query finds, to be read from any place on."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        schema: tantivy.Schema,
        whole: Query,
        wanted: SearchQuery,
        *,
        by_time: bool,
    ) -> None:
        self.searcher = searcher
        self.schema = schema
        self._whole = whole
        self._wanted = wanted
        self._by_time = by_time
        self._positions = {rec.hex(): at for at, rec in enumerate(wanted.first[:FIRST_MAX])}

    @cached_property
    def page(self) -> list[Ranked]:
        """The records of the page that was asked for."""
        offset = max(self._wanted.offset, 0)
        limit = min(max(self._wanted.limit, 0), LIMIT_MAX, max(REACH_MAX - offset, 0))
        if not limit:
            return []
        if not self._positions:
            return self._search(self._whole, limit, offset)
        first = self._first[offset : offset + limit]
        rest = max(offset - len(self._first), 0)
        others = self._search(self._others, limit - len(first), rest) if len(first) < limit else []
        return [*first, *others]

    def among(self, things: list[str], limit: int) -> list[Ranked]:
        """The records found that are about one of these, in the order of the ranking."""
        about = Query.const_score_query(Query.term_set_query(self.schema, "thing", things), 0.0)
        found = self._search(Query.boolean_query([(Occur.Must, self._whole), (Occur.Must, about)]), limit, 0)
        last = len(self._positions)
        return sorted(found, key=lambda ranked: self._positions.get(ranked.rec, last))

    @cached_property
    def _first(self) -> list[Ranked]:
        """Of those brought along, the ones found."""
        if not self._positions:
            return []
        brought = Query.term_set_query(self.schema, "rec", list(self._positions))
        both = Query.boolean_query([(Occur.Must, self._whole), (Occur.Must, brought)])
        found = self._search(both, len(self._positions), 0)
        return sorted(found, key=lambda ranked: self._positions[ranked.rec])

    @cached_property
    def _others(self) -> Query:
        brought = Query.term_set_query(self.schema, "rec", list(self._positions))
        return Query.boolean_query([(Occur.Must, self._whole), (Occur.MustNot, brought)])

    def _search(self, query: Query, limit: int, offset: int) -> list[Ranked]:
        found = self.searcher.search(
            query,
            limit=limit,
            offset=min(offset, REACH_MAX),
            count=False,
            order_by_field="newness" if self._by_time else None,
        )
        return [
            Ranked(
                self.searcher.doc(place).get_first("rec") or "",
                0.0 if self._by_time else float(score),
                place,
            )
            for score, place in found.hits
        ]
