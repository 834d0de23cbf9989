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
        self._named: dict[tuple[object, ...], list[str]] = {}

    @cached_property
    def any(self) -> bool:
        """Is there a name at all?"""
        return self._searcher.doc_freq("role", schema.OWNER) > 0

    def query(self, names: list[Query], score: float, *key: object) -> Iterator[Query]:
        """The records of those whose names match any of these, with a fixed score; nothing for nobody.

        ``key`` tells the names from other names in the same search: they are looked up once.
        """
        if not self.any:
            return
        if key not in self._named:
            self._named[key] = self._orgs(names)
        if self._named[key]:
            records = Query.term_set_query(self._of, "org", self._named[key])
            yield Query.const_score_query(records, score)

    def _orgs(self, names: list[Query]) -> list[str]:
        wanted = [
            (Occur.Must, Query.term_query(self._of, "role", schema.OWNER)),
            (Occur.Must, Query.boolean_query([(Occur.Should, name) for name in names])),
        ]
        found = self._searcher.search(Query.boolean_query(wanted), OWNERS_MAX, count=False).hits
        return [self._searcher.doc(place).get_first("rec") or "" for _, place in found]
