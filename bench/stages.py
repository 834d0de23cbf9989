"""Where the time goes until a record is searchable, and what a way not taken would cost; processor time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tantivy import Query

from bench.figures import Figure
from bench.searching import Maker, Records
from mutunode.commons.registry import load
from mutunode.store.interface import Stored
from mutunode.store.search import analyser, schema
from mutunode.store.search.document import Document
from mutunode.store.search.feed import STEP_CHANGES_MAX
from mutunode.store.search.folder import Folder

ROUNDS = 20
BEGINNINGS = ("tra", "sal", "mutu", "comp", "pré", "form")


def measure(folder: Path, records: int) -> Iterator[Figure]:
    """Each stage of so many records on its own, then two ways to find what begins with some letters."""
    stored = list(_read(records))
    kind, maker = load()["resource"], Maker()
    bodies = [each.fields() for each in stored]
    documents = [found for each in stored if (found := maker.document(each)) is not None]

    def stage(name: str, deed: Callable[[], Any], beside: float | None = None) -> Figure:
        spent = time.process_time()
        deed()
        spent = (time.process_time() - spent) / records * 1e6
        return Figure(name, spent, "µs a record", beside, note=f"{records:,} records")

    yield stage("decode the body", lambda: [each.fields() for each in stored])
    yield stage("check it against its kind", lambda: [kind.check(body) for body in bodies])
    yield stage("its facets", lambda: [kind.facets(body) for body in bodies])
    yield stage("all of that: the document", lambda: [maker.document(each) for each in stored])
    analyser._memos.clear()
    yield stage("words and stems, none seen before", lambda: _spell(documents))
    yield stage("words and stems, all seen before", lambda: _spell(documents))
    made = [schema.record(document) for document in documents]
    yield stage(
        "words and stems, put together for Tantivy", lambda: [schema.record(each) for each in documents]
    )
    opened = Folder(folder / "stages")
    writer = opened._writing()

    def add() -> None:
        for each in made:
            writer.add_document(each)
        opened.commit(records)

    yield stage("Tantivy: one commit, its thread included", add)
    yield from _beginnings(opened)
    opened.close()


def _read(records: int) -> Iterator[Stored]:
    source = Records(records)
    for after in range(0, records, STEP_CHANGES_MAX):
        yield from (stored for _, stored in source.changes(after, STEP_CHANGES_MAX))


def _spell(documents: list[Document]) -> None:
    for document in documents:
        for language, text in document.titles:
            analyser.spell(text, language)
        for language, text, _ in document.texts:
            analyser.spell(text, language)


def _beginnings(opened: Folder) -> Iterator[Figure]:
    searcher = opened._index.searcher()

    def each(query: Callable[[str], Query]) -> float:
        spent = time.thread_time()
        for beginning in BEGINNINGS * ROUNDS:
            searcher.search(Query.const_score_query(query(beginning), 1.0), 10)
        return (time.thread_time() - spent) / (ROUNDS * len(BEGINNINGS)) * 1_000

    pattern = each(lambda text: Query.regex_query(opened.schema, "title_words", f"{text}.*"))
    automaton = each(
        lambda text: Query.fuzzy_term_query(opened.schema, "title_words", text, distance=0, prefix=True)
    )
    yield Figure(
        "a beginning, as an automaton", automaton, "ms", pattern, note="beside: as a regular expression"
    )
