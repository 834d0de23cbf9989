"""A copy of an index folder without what was deleted, or in one piece: Tantivy's merging, made to happen now.

Tantivy marks what is deleted and keeps its words until it merges the segment they stand in, which for a large
one may be never. And a search looks into every segment: the same records in one cost half as much to search.
Merging copies lists of words as they are, and costs a tenth of analysing all records anew. But the Python
binding has no call for it, and its policy cannot be set: it merges eight segments or more of a level, which
is how many documents *the list of segments* says are left in each. So, in a folder of its own that shares the
old one's files, that list is made to say "one document left" of each segment with deletions (or of each at
all, which takes a file of deletions that deletes nothing), and segments of one document are added until there
are eight. Merging itself goes by the files, not by the list. What comes out is looked at: a segment with
deletions must not be left. Should a later Tantivy go by other rules, that is an error here, and whoever
called builds the index anew, or leaves it in pieces.

The folder that is copied stays as it is. A crash leaves a folder that nothing points to.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import tantivy

from mutunode.store.search import damage, schema
from mutunode.store.search.damage import Damaged
from mutunode.store.search.folder import Folder, failures_are_damage

LEVEL_SEGMENTS = 8  # so many of a level are merged
SCATTERED_RECORDS_MIN = 10_000  # fewer are searched in a millisecond anyhow
LARGEST_SHARE = 0.75  # of all records in one segment: until a third more has come, it is left as it is
NICENESS = 10  # pages and the replication go first
_WRITER_BYTES = 15_000_000  # the least Tantivy takes


class Merge(threading.Thread):
    """Makes the copy in a thread of its own: the index goes on following and answering meanwhile."""

    def __init__(self, source: Folder, into: Path, *, whole: bool = False) -> None:
        """Of what ``source`` has committed; what is put there later is for whoever follows.

        ``whole``: in one piece, instead of only those segments in which something was deleted.

        Raises:
            Damaged: the files cannot be shared.
        """
        super().__init__(name="index merge", daemon=True)
        self.path = into
        self.change = source.committed.change
        self._damaged: Damaged | None = None
        source.close()  # merges under way would take files away while they are listed
        with failures_are_damage(into):
            self._segments = _share(source.path, into, whole)

    def run(self) -> None:
        """Make it."""
        _give_way()
        try:
            with failures_are_damage(self.path):
                _merge(self.path, self._segments)
                left = [each for each in damage.segments(self.path) if each["deletes"] is not None]
                if left:
                    raise Damaged(f"{len(left)} segments of the search index in {self.path} were not merged")
                _without_fillers(self.path)
        except Damaged as damaged:
            self._damaged = damaged

    def made(self) -> Folder:
        """The folder, once the thread has ended: not a word of what was deleted is in it.

        Raises:
            Damaged: it could not be made.
        """
        if self._damaged is not None:
            raise self._damaged
        folder = Folder(self.path)
        folder.is_swept()
        return folder


def _give_way() -> None:
    """Linux takes it for this thread, and for those that Tantivy starts from it; others: for the program."""
    if sys.platform == "linux":
        os.nice(NICENESS)


def is_scattered(folder: Folder) -> bool:
    """Do enough records stand outside of the largest segment for each search to pay for it?"""
    records = folder.committed.records
    if records < SCATTERED_RECORDS_MIN:
        return False
    with failures_are_damage(folder.path):
        sizes = [int(segment["max_doc"]) for segment in damage.segments(folder.path)]
    return max(sizes) < LARGEST_SHARE * sum(sizes)


def _share(source: Path, into: Path, whole: bool) -> int:
    """The same segments under a list of our own, which calls those to be merged small; how many these are."""
    into.mkdir(parents=True)
    listed: dict[str, Any] = json.loads((source / damage.LIST).read_bytes())
    for segment in listed["segments"]:
        for name in damage.files(segment):
            _link(source / name, into / name)
        if whole and segment["deletes"] is None:
            segment["deletes"] = {"num_deleted_docs": 0, "opstamp": listed["opstamp"]}
            damage.write_no_deletions(into, segment)
        if segment["deletes"] is not None:
            segment["deletes"]["num_deleted_docs"] = max(int(segment["max_doc"]) - 1, 1)
    managed = [name for segment in listed["segments"] for name in damage.files(segment)]
    (into / ".managed.json").write_text(json.dumps([*managed, damage.LIST]))  # what Tantivy may remove
    (into / damage.LIST).write_text(json.dumps(listed))
    return sum(segment["deletes"] is not None for segment in listed["segments"])


def _link(source: Path, into: Path) -> None:
    """Segments are never written into: a second name will do, where the file system has them."""
    try:
        os.link(source, into)
    except OSError:
        shutil.copyfile(source, into)


def _opened(path: Path) -> tantivy.Index:
    index = tantivy.Index(schema.build(), str(path))
    schema.register(index)
    index.config_reader("manual")
    return index


def _merge(path: Path, segments: int) -> None:
    """Have so many segments merged, with fillers for those that are missing; committing sets it going."""
    writer = _opened(path).writer(_WRITER_BYTES, 1)
    for _ in range(max(LEVEL_SEGMENTS - segments, 1)):
        writer.add_document(schema.filler())
        writer.commit()
    writer.wait_merging_threads()


def _without_fillers(path: Path) -> None:
    """They said nothing and do not count, once deleted. The files that were merged leave this folder."""
    writer = _opened(path).writer(_WRITER_BYTES, 1)
    writer.delete_documents_by_term("role", schema.FILLER)
    writer.commit()
    writer.garbage_collect_files()
    writer.wait_merging_threads()
