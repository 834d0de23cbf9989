"""Which organisations a word names: looked up once a search, since their names stand in no record.

An organisation that takes a new name is found by it at once, and its records are not indexed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import tantivy
from tantivy import Occur, Query

from mutunode.store.search import schema

OWNERS_MAX = 200  # that one word may name; "association" is in the name of thousands, and tells nothing

WORDS_FIELD, STEMS_FIELD = "owner_words", "owner"


class Owners:
    """The organisations as one state of the index names them."""

    def __init__(self, searcher: tantivy.Searcher, of: tantivy.Schema) -> None:
        self._searcher = searcher
        self._of = of

    @cached_property
    def any(self) -> bool:
        """Is there a name at all?"""
        return self._searcher.doc_freq("role", schema.OWNER) > 0

    def query(self, names: Iterator[Query] | list[Query], score: float) -> Iterator[Query]:
        """The records of those whose names match any of these, with a fixed score; nothing for nobody."""
        if not self.any:
            return
        wanted = [
            (Occur.Must, Query.term_query(self._of, "role", schema.OWNER)),
            (Occur.Must, Query.boolean_query([(Occur.Should, name) for name in names])),
        ]
        found = self._searcher.search(Query.boolean_query(wanted), OWNERS_MAX, count=False).hits
        orgs = [self._searcher.doc(place).get_first("rec") or "" for _, place in found]
        if orgs:
            yield Query.const_score_query(Query.term_set_query(self._of, "org", orgs), score)
