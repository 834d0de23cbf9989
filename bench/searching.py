"""Searching and indexing as the index does them, in this process, beside Tantivy given the words ready-made.

Times are processor time, not time on the wall: on a machine that does other things, only the former says what
a search costs. Questions are made from the records themselves: two words of a title; the second of them cut
after three to five letters; one letter of a long word wrong.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from bench import seed
from bench.corpus import bodies
from bench.figures import Figure, Target, percentile
from bench.node import NotRunning
from mutunode.commons.registry import load
from mutunode.indexer import Indexer
from mutunode.protocol.entry import encode_body
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ids import org_text
from mutunode.service.documents import Documents
from mutunode.store.interface import Reader, Stored
from mutunode.store.search import analyser, schema
from mutunode.store.search.feed import STEP_CHANGES_MAX
from mutunode.store.search.folder import Folder
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import SearchQuery

QUESTIONS = 200  # of each sort
RECORDS_AN_ORGANISATION = 1_000
INDEXED_RECORDS = 10_000  # by one who measures indexing; beside: documents made beforehand, all in memory
LATEST = 2_000_000_000

EXACT_MS, ALL_MS = Target(10, "at most"), Target(50, "at most")
INDEXED = Target(4_000, "at least")


class Records:
    """A store of as many records as wished, made as they are read; each organisation has a thousand."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._bodies = bodies(count)
        self._read = 0

    def changes(self, after: int, limit: int) -> list[tuple[int, Stored]]:
        if after >= self._count:
            return []
        assert after == self._read, "read once, in order"
        some = [(self._read + at, body) for at, body in enumerate(islice(self._bodies, limit), 1)]
        self._read += len(some)
        return [(number, _stored(number, body)) for number, body in some]

    def newest_change(self) -> int:
        return self._count


def _stored(number: int, body: dict[str, object]) -> Stored:
    encoded = encode_body(body)
    org = sha256(b"org %d" % (number // RECORDS_AN_ORGANISATION)).digest()
    rec = sha256(b"%d %s" % (number, encoded)).digest()
    return Stored(
        log=org,
        index=number,
        org=org,
        space=PUBLIC,
        leaf=rec,
        rec=rec,
        kind="resource",
        time=1_700_000_000 + number,
        header=b"",
        salt=b"",
        body=encoded,
        state="ok",
    )


class Maker(Documents):
    """Documents as a node makes them; organisations are called by their ids."""

    def __init__(self) -> None:
        super().__init__(load(), _no_reader(), "fr")

    def name(self, org: bytes) -> str:
        return f"Association {org_text(org)[4:10]}"


def _no_reader() -> Reader:
    return None  # type: ignore[return-value]  # only names are asked of it, and they are made here


def indexing(folder: Path) -> Iterator[Figure]:
    """How fast records become searchable, here and in a process of its own."""
    alone = tantivy_alone(folder / "alone", INDEXED_RECORDS)
    index = SearchIndex(folder / "index", Maker(), time.monotonic)
    index.open()
    source, made = Records(INDEXED_RECORDS), _made(INDEXED_RECORDS)
    spent, wall = time.process_time(), time.perf_counter()
    while index.follow(source):
        pass
    spent, wall = time.process_time() - spent - made, time.perf_counter() - wall
    index.close()
    note = f"{INDEXED_RECORDS:,} records; {wall:.0f} s on the wall"
    yield Figure("indexing, a processor second", INDEXED_RECORDS / spent, "records", alone, INDEXED, note)
    yield _in_its_own_process(folder / "store", INDEXED_RECORDS)


def prepared(kept: Path, records: int) -> SearchIndex:
    """An index of so many records, open; made unless it is there already."""
    index = SearchIndex(kept / f"index-{records}", Maker(), time.monotonic)
    index.open()
    source = Records(records)
    while index.place.records < records and index.follow(source):
        pass
    while index.follow(source):  # in one piece, as a node has it a while after
        pass
    return index


def measure(kept: Path, records: int) -> Iterator[Figure]:
    """Ask an index of so many."""
    index = prepared(kept, records)
    yield from _asked(index, index.path, records)
    index.close()


def _in_its_own_process(home: Path, records: int) -> Figure:
    """From a store on the disk, as while a first replication streams in; time on the wall."""
    home.mkdir()
    seed.fill(home, seed.authors(-(-records // RECORDS_AN_ORGANISATION)), records)
    indexer = Indexer(f"sqlite:{home / 'records.sqlite'}", "fr", linger_seconds=0.0)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if not indexer.run(home / "index", lambda: None):
        raise NotRunning("the process that indexes failed")
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    note = f"{records:,} records, its start and the store included; {spent / wall:.1f} cores had"
    note = f"{note}; {spent / records * 1e6:.0f} µs of processor a record"
    return Figure("indexing in a process of its own", records / wall, "records/s", None, INDEXED, note)


def _made(records: int) -> float:
    """What making the records costs, which is no part of indexing them."""
    started, source = time.process_time(), Records(records)
    for after in range(0, records, STEP_CHANGES_MAX):
        source.changes(after, STEP_CHANGES_MAX)
    return time.process_time() - started


def tantivy_alone(folder: Path, records: int) -> float:
    """Documents a processor second, when the words are there already: what Tantivy itself costs."""
    maker, source = Maker(), Records(records)
    documents = []
    for after in range(0, records, STEP_CHANGES_MAX):
        for _, stored in source.changes(after, STEP_CHANGES_MAX):
            made = maker.document(stored)
            assert made is not None
            documents.append(schema.record(made))
    opened = Folder(folder)
    writer = opened._writing()
    started = time.process_time()
    for document in documents:
        writer.add_document(document)
    opened.commit(records)
    spent = time.process_time() - started
    opened.close()
    return records / spent


def _asked(index: SearchIndex, folder: Path, records: int) -> Iterator[Figure]:
    """Questions of three sorts, each beside the plainest query of Tantivy for the same words."""
    plain = _plain(folder)
    every: list[float] = []
    for sort, questions in _questions(records).items():
        ours = [_milliseconds(lambda text=text: _search(index, text)) for text in questions]  # type: ignore[misc]
        bare = [_milliseconds(lambda text=text: plain(text)) for text in questions]  # type: ignore[misc]
        every += ours
        for share in (0.5, 0.95, 0.99):
            target = EXACT_MS if sort == "exact" and share > 0.95 else None
            yield _figure(f"search, {sort}", ours, share, records, target, percentile(bare, share))
    yield _figure("search, all sorts", every, 0.99, records, ALL_MS, None)


def _figure(
    name: str,
    values: Sequence[float],
    share: float,
    records: int,
    target: Target | None,
    beside: float | None,
) -> Figure:
    return Figure(
        f"{name}: p{share * 100:.0f}",
        percentile(values, share),
        "ms of processor",
        beside,
        target,
        f"{records:,} records, {len(values)} questions",
    )


def _search(index: SearchIndex, text: str) -> None:
    index.search(SearchQuery(text=text, latest=LATEST, limit=10))


def _plain(folder: Path) -> Callable[[str], None]:
    """The same words, all required, in one field, ten best; no facets, no forms, no count."""
    opened = next(path for path in folder.iterdir() if path.is_dir())
    held = tantivy.Index(schema.build(), str(opened))
    schema.register(held)
    held.reload()
    searcher, fields = held.searcher(), schema.build()

    def ask(text: str) -> None:
        words = [token.word for token in analyser.tokens(text, "fr")]
        terms = [(Occur.Must, Query.term_query(fields, "words", word)) for word in words]
        searcher.search(Query.boolean_query(terms), 10, count=False)

    return ask


def _milliseconds(deed: Callable[[], None]) -> float:
    started = time.thread_time()
    deed()
    return (time.thread_time() - started) * 1_000


def _questions(records: int) -> dict[str, list[str]]:
    """The same for the same number of records."""
    chance = random.Random(records)
    exact: list[str] = []
    for body in islice(bodies(records), QUESTIONS * 4):
        title = " ".join(str(text) for text in body["title"].values())
        words = [token.word for token in analyser.tokens(title, "fr") if token.stem and len(token.word) > 4]
        if len(words) >= 2:
            exact.append(" ".join(chance.sample(words, 2)))
    exact = exact[:QUESTIONS]
    return {
        "exact": [f"{text} " for text in exact],
        "last word unfinished": [_unfinished(text, chance) for text in exact],
        "one letter wrong": [f"{_misspelt(text, chance)} " for text in exact],
    }


def _unfinished(text: str, chance: random.Random) -> str:
    first, last = text.split()
    return f"{first} {last[: chance.randint(3, 5)]}"


def _misspelt(text: str, chance: random.Random) -> str:
    word = max(text.split(), key=len)
    at = chance.randrange(1, len(word) - 1)
    return text.replace(word, word[:at] + chance.choice("aeiouxz") + word[at + 1 :], 1)
