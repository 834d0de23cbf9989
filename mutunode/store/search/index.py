"""The search index as the rest of the program sees it: open it, let it follow the store, ask it.

It is a copy and nothing but: whatever is wrong with it (missing, damaged, of an older version of this
program, ahead of a store that was put back from a backup), it is made anew from the store, in a folder of
its own; a small file names the one that counts. Where nothing is wrong and a rebuild is merely wished for,
the old folder goes on answering until the new one has caught up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mutunode.protocol.errors import MutunodeError
from mutunode.store.interface import Stored
from mutunode.store.search import schema
from mutunode.store.search.damage import Absent, Damaged
from mutunode.store.search.document import Document
from mutunode.store.search.feed import Changes, Feed
from mutunode.store.search.folder import Folder, Place
from mutunode.store.search.query import Found, SearchQuery

CURRENT = "current.json"

log = logging.getLogger(__name__)


class SearchUnavailable(MutunodeError):
    """The search cannot answer or advance now; it mends itself at one of its next steps."""


class _Current(msgspec.Struct, frozen=True):
    """Which folder counts, and what it was written by."""

    folder: str
    edition: str


class SearchIndex:
    """A search index in a folder: ``search`` from any threads, while one calls ``follow`` again and again."""

    def __init__(
        self,
        path: Path,
        document: Callable[[Stored], Document | None],
        clock: Callable[[], float],
        *,
        edition: str = "",
    ) -> None:
        """``edition`` names how ``document`` makes documents: an index of another one is rebuilt."""
        self.path = path
        self._document = document
        self._clock = clock
        self._edition = f"{schema.VERSION} {edition}"
        self._lock = threading.RLock()  # around everything but searching
        self._answering: Folder | None = None
        self._feed: Feed | None = None  # into the answering folder, or into the one that will replace it
        self._doubtful = False

    def open(self) -> None:
        """Open the index, or begin a new one where there is none that can be used.

        Raises:
            SearchUnavailable: a folder cannot be made. ``follow`` tries again.
        """
        with self._lock:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                self._answer_with(Folder(self.path / self._current()))
            except Damaged as damaged:
                level = logging.INFO if isinstance(damaged, Absent) else logging.WARNING
                log.log(level, "%s; it will be built from the store", damaged)
                self._begin_anew()
            except OSError as error:
                raise SearchUnavailable(f"the search index cannot be opened: {error}") from error

    def _current(self) -> str:
        """The folder that counts. Raises ``Damaged`` when there is none, or it is of another version."""
        try:
            current = msgspec.json.decode((self.path / CURRENT).read_bytes(), type=_Current)
        except FileNotFoundError:
            raise Absent(f"there is no search index in {self.path}") from None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Damaged(f"{self.path / CURRENT} cannot be read: {error}") from error
        if current.edition != self._edition:
            raise Damaged(f"the search index in {self.path} is of another version")
        if not current.folder.isalnum() or not (self.path / current.folder).is_dir():
            raise Damaged(f"{self.path / CURRENT} names a folder that is not there")
        return current.folder

    def _begin_anew(self) -> None:
        """An empty folder, answering at once while it fills: little is better than nothing."""
        try:
            folder = self._new_folder()
            self._point_to(folder)
        except (Damaged, OSError) as error:
            raise SearchUnavailable(f"no new search index can be begun: {error}") from error
        if self._feed is not None:
            with contextlib.suppress(Damaged):
                self._feed.folder.close()
        self._answer_with(folder)

    def _new_folder(self) -> Folder:
        names = [path.name for path in self.path.iterdir()]
        taken = [int(name[1:]) for name in names if name[:1] == "n" and name[1:].isdecimal()]
        return Folder(self.path / f"n{max(taken, default=0) + 1}")

    def _point_to(self, folder: Folder) -> None:
        """Make this the folder that counts, whatever happens next."""
        beside = self.path / f"{CURRENT}.new"
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(_Current(folder.path.name, self._edition)))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path / CURRENT)

    def _answer_with(self, folder: Folder) -> None:
        """Search and feed this folder, and remove all others."""
        self._answering = folder
        self._feed = Feed(folder, self._document, self._clock)
        for path in self.path.iterdir():
            if path.is_dir() and path.name != folder.path.name:
                shutil.rmtree(path, ignore_errors=True)  # searches under way keep what they have open

    def follow(self, changes: Changes) -> bool:
        """One bounded step after the store; is there more to do?

        Raises:
            SearchUnavailable: a step failed, the disk may be full; try again in a while.
        """
        with self._lock:
            feed = self._usable()
            try:
                if feed.is_ahead(changes):
                    log.warning("the store is older than its search index, which is built anew")
                    self._begin_anew()
                    return True
                more = feed.step(changes)
            except Damaged as damaged:
                self._doubtful = True
                raise SearchUnavailable(
                    f"the search index could not follow the store: {damaged}"
                ) from damaged
            if not more and feed.folder is not self._answering:
                self._take_over(feed.folder)
            return more

    def _usable(self) -> Feed:
        """The feed, after mending what is in doubt."""
        if self._feed is None:
            self.open()
        if self._doubtful:
            self._mend()
        assert self._feed is not None
        return self._feed

    def _mend(self) -> None:
        """Something failed. Is it the files: build anew; something else: go on from the last commit."""
        assert self._feed is not None
        assert self._answering is not None
        try:
            for folder in {self._feed.folder, self._answering}:
                folder.check()
            self._feed = Feed(self._feed.folder, self._document, self._clock)
        except Damaged as damaged:
            log.warning("%s; it is built anew", damaged)
            self._begin_anew()
        self._doubtful = False

    def _take_over(self, rebuilt: Folder) -> None:
        """The rebuilt folder has caught up: from here on it answers."""
        try:
            self._point_to(rebuilt)
        except OSError as error:
            raise SearchUnavailable(f"the rebuilt search index cannot be put in place: {error}") from error
        replaced, self._answering = self._answering, rebuilt
        if replaced is not None:
            shutil.rmtree(replaced.path, ignore_errors=True)

    def rebuild(self) -> None:
        """Build the index anew, beside the one that answers; ``follow`` does the work.

        Raises:
            SearchUnavailable: there is no room for it.
        """
        with self._lock:
            current = self._usable().folder
            try:
                current.close()
                if current is not self._answering:
                    shutil.rmtree(current.path, ignore_errors=True)
                self._feed = Feed(self._new_folder(), self._document, self._clock)
            except (Damaged, OSError) as error:
                self._doubtful = True
                raise SearchUnavailable(f"the search index cannot be rebuilt: {error}") from error

    def search(self, wanted: SearchQuery) -> Found:
        """Search what is indexed by now.

        Raises:
            SearchUnavailable: the index is not open, or cannot be read.
        """
        answering = self._answering
        if answering is None:
            raise SearchUnavailable("the search index is not open")
        try:
            return answering.search(wanted)
        except Damaged as damaged:
            self._doubtful = True
            raise SearchUnavailable(f"the search index cannot answer: {damaged}") from damaged

    @property
    def place(self) -> Place:
        """How far what answers has read the store, and how many records it holds."""
        return self._answering.committed if self._answering else Place()

    def close(self) -> None:
        """Give everything back; what was not committed is read again after the next start."""
        with self._lock:
            feed, self._feed, self._answering = self._feed, None, None
            if feed is not None:
                with contextlib.suppress(Damaged):  # found out at the next start
                    feed.folder.close()
