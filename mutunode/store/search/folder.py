"""One folder with one Tantivy index: opened and checked, written by one thread, read by any.

What is committed is committed together with the *place*: the number of the last change read, and how many
records there are. A crash leaves the last commit, whole; what came after it is read again from the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import tantivy
from msgspec.structs import replace

from mutunode import memory
from mutunode.store.search import asking, damage, schema
from mutunode.store.search.damage import Damaged
from mutunode.store.search.document import Document, Owner
from mutunode.store.search.query import Found, SearchQuery

WRITER_BYTES = 22_000_000  # of memory before a segment is written: about 4,000 records of 800 bytes

log = logging.getLogger(__name__)


class Place(msgspec.Struct, frozen=True):
    """How far the index has read the store."""

    change: int = 0
    records: int = 0
    owners: int = 0
    unswept: bool = False  # words of a record that was erased may still be in a file
    latest: int = schema.TIME_MAX  # no record claims a later time


def count(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """How many documents match."""
    found = searcher.search(query, 1)
    return int(found.count)  # type: ignore[attr-defined]  # the stubs forget it


@contextmanager
def failures_are_damage(path: Path) -> Iterator[None]:
    """Whatever Tantivy says of files it cannot read, panics included, is one error here."""
    try:
        yield
    except Damaged:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise Damaged(f"the search index in {path} cannot be read: {error}") from error
        raise


def _made(document: Document | None) -> tantivy.Document | None:
    """What the index takes of a record; None when it is not to be found, or cannot be read."""
    try:
        return schema.record(document) if document is not None else None
    except Exception:
        log.exception("a record cannot be indexed and will not be found")
        return None


def _owner(owner: Owner) -> tantivy.Document:
    """What the index takes of an organisation; without its name where that cannot be read."""
    try:
        return schema.owner(owner)
    except Exception:
        log.exception("the name of an organisation cannot be indexed and will not be found")
        return schema.owner(Owner(owner.org, ""))


class Folder:
    """An open index."""

    def __init__(self, path: Path) -> None:
        """Open what is there, or begin an empty one.

        Raises:
            Damaged: the folder cannot be used.
        """
        self.path = path
        self.schema = schema.build()
        self._writer: tantivy.IndexWriter | None = None
        self._pending: dict[str, bool] = {}  # what was touched since the last commit: is it in?
        path.mkdir(parents=True, exist_ok=True)
        with failures_are_damage(path):
            self._index = tantivy.Index(self.schema, str(path))
            schema.register(self._index)
            self._index.config_reader("manual")  # readers see what commit() says, not whenever
            self.committed = self._check()
        self._reached = self.committed  # with what was put since

    def check(self) -> None:
        """Is everything on the disk still as it was written? Uncommitted work is given up.

        Raises:
            Damaged: it is not.
        """
        self.close()
        with failures_are_damage(self.path):
            self._check()

    def _check(self) -> Place:
        """The place, once all that vouches for it agrees."""
        self._index.reload()
        written = damage.check_files(self.path)
        searcher = self._index.searcher()
        place = self._place(searcher)
        roles = (schema.RECORD, schema.OWNER, schema.PLACE)
        listed = sum(searcher.doc_freq("role", role) for role in (*roles, schema.FILLER))
        alive = tuple(count(searcher, self._role(role)) for role in roles)
        claimed = (written, (place.records, place.owners, int(written > 0)))
        if (listed, alive) != claimed or searcher.num_docs != sum(alive):
            raise Damaged(f"the search index in {self.path} does not hold what its list of parts says")
        return place

    def _place(self, searcher: tantivy.Searcher) -> Place:
        found = searcher.search(self._role(schema.PLACE), 2).hits
        if not found:
            return Place(latest=0)
        return msgspec.json.decode(searcher.doc(found[0][1]).get_first("place") or "", type=Place)

    def reread(self) -> None:
        """Take what another process has committed here by now. Our own writer must be closed.

        Raises:
            Damaged: the files cannot be read.
        """
        with failures_are_damage(self.path):
            self._reached = replace(self._reached, latest=schema.TIME_MAX)  # while a search may see either
            self._index.reload()
            self.committed = self._reached = self._place(self._index.searcher())

    def let_go(self) -> None:
        """Read no longer from segments that were merged since the last commit: their files are gone, and what
        was read of them to merge them stands in our memory as long as somebody has them open.
        """
        with failures_are_damage(self.path):
            self._index.reload()
        memory.give_back()

    def _role(self, role: str) -> tantivy.Query:
        return tantivy.Query.term_query(self.schema, "role", role)

    def search(self, wanted: SearchQuery) -> Found:
        """Search the last commit; from any thread.

        Raises:
            Damaged: the files cannot be read.
        """
        with failures_are_damage(self.path):
            searcher = self._index.searcher()
            # looked at afterwards: what is put is noted before it is seen
            return asking.answer(searcher, self.schema, wanted, self._reached.latest)

    def put(self, documents: Iterable[tuple[bytes, Document | None]]) -> None:
        """Replace what is indexed of records; None takes one out. Seen after ``commit``.

        A record whose text cannot be read hides itself only; else anybody's could stop everybody's search.

        Raises:
            Damaged: this or anything below could not be written; ``check`` tells why.
        """
        given = {rec.hex(): (document, _made(document)) for rec, document in documents}
        with failures_are_damage(self.path):
            held = self.held(given)
            for key, (_, made) in given.items():
                if key in held:
                    self._writing().delete_documents_by_term("rec", key)
                if made is not None:
                    self._writing().add_document(made)
                self._pending[key] = made is not None
            times = [document.time for document, made in given.values() if document and made is not None]
            self._reached = replace(
                self._reached,
                records=self._reached.records + len(times) - len(held),
                latest=max([self._reached.latest, *times]),
            )

    def name(self, owner: Owner) -> None:
        """Replace what an organisation is called. Seen after ``commit``."""
        key = owner.org.hex()
        with failures_are_damage(self.path):
            is_held = bool(self.held([key]))
            if is_held:
                self._writing().delete_documents_by_term("rec", key)
            self._writing().add_document(_owner(owner))
        self._reached = replace(self._reached, owners=self._reached.owners + (not is_held))
        self._pending[key] = True

    def held(self, keys: Iterable[str]) -> set[str]:
        """Which of these are in the index, committed or not? A needless deletion costs more than a look."""
        held, unsure = set(), []
        for key in keys:
            if key in self._pending:
                held.update([key] if self._pending[key] else [])
            else:
                unsure.append(key)
        searcher = self._index.searcher()
        # a look at the list of terms costs a tenth of a search, and finds those that are deleted, too
        unsure = [key for key in unsure if searcher.doc_freq("rec", key)] if self.committed.change else []
        if unsure:
            query = tantivy.Query.term_set_query(self.schema, "rec", unsure)
            hits = searcher.search(query, len(unsure), count=False).hits
            held.update(searcher.doc(address).get_first("rec") or "" for _, address in hits)
        return held

    def commit(self, change: int) -> None:
        """Make everything put so far searchable and durable, as of this change."""
        place = replace(self._reached, change=change)
        with failures_are_damage(self.path):
            writer = self._writing()
            writer.delete_documents_by_term("role", schema.PLACE)
            writer.add_document(schema.place(msgspec.json.encode(place).decode()))
            writer.commit()
            self._index.reload()
        self.committed = self._reached = place
        self._pending.clear()

    def erased(self, rec: bytes) -> None:
        """Of a record that leaves no trace, note whether its words may still be in a file.

        Tantivy marks what is deleted and keeps its words until it happens to merge: only another folder is
        surely without them. (The frequency of a term counts the deleted.)
        """
        key = rec.hex()
        with failures_are_damage(self.path):
            if key in self._pending or self._index.searcher().doc_freq("rec", key) > 0:
                self._reached = replace(self._reached, unswept=True)

    def is_swept(self) -> None:
        """Nothing of what was deleted is in the files any more: remember it, durably."""
        self._reached = replace(self._reached, unswept=False)
        self.commit(self.committed.change)

    def _writing(self) -> tantivy.IndexWriter:
        """The writer, opened when first needed: it costs threads and memory, and holds the folder's lock."""
        if self._writer is None:
            self._writer = self._index.writer(WRITER_BYTES, 1)
            # a crash between a file and the list that names it leaves the file: its name will be needed again
            self._writer.garbage_collect_files()
        return self._writer

    def close(self) -> None:
        """Give the writer back: what was not committed is forgotten, merges under way are finished."""
        writer, self._writer = self._writer, None
        self._pending.clear()
        self._reached = self.committed
        if writer is not None:
            with failures_are_damage(self.path):
                writer.rollback()
                writer.wait_merging_threads()
            del writer
            memory.give_back()
