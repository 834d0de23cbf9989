"""The search index as the rest of the program sees it: open it, let it follow the store, ask it.

It is a copy and nothing but: whatever is wrong with it (missing, damaged, ahead of a store that was put
back from a backup), it is made anew from the store, in a folder of its own; a small file names the one that
counts. Where it can be read, and a rebuild is merely wished for or another version of this program wrote it,
the old folder goes on answering and following until the new one has caught up. When a record was erased
whose words may still be in the files, or when these are many, the new folder is made of the old one: see
``sweeping``.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mutunode.protocol.errors import MutunodeError
from mutunode.store.search import schema, sweeping
from mutunode.store.search.damage import Absent, Damaged
from mutunode.store.search.feed import Changes, Feed, Maker
from mutunode.store.search.folder import Folder, Place
from mutunode.store.search.query import Found, SearchQuery

CURRENT = "current.json"
REST_AFTER_SWEEP = 9.0  # times as long as it took: erasing again and again costs a tenth of our time…
CLOSE_SECONDS_MAX = 1.0
MERGE_LOOK_SECONDS = 0.05  # meanwhile what comes is indexed as ever
SWEPT_SECONDS_MAX = 50.0  # …or more: what is erased during a sweep is gone after a rest and the next one
CATCH_UP_MAX = 3_000  # changes that a folder made in one piece may miss: a second of work in the node

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
        maker: Maker,
        clock: Callable[[], float],
        *,
        edition: str = "",
    ) -> None:
        """``edition`` names how ``maker`` makes documents: an index of another one is rebuilt."""
        self.path = path
        self._maker = maker
        self._clock = clock
        self._edition = f"{schema.VERSION} {edition}"
        self._lock = threading.RLock()  # around everything but searching
        self._answering: Folder | None = None
        self._feed: Feed | None = None  # into the answering folder
        self._anew: Feed | None = None  # into the one that will replace it
        self._is_outdated = False  # what answers was written by another version; the one made anew is not
        self._anew_since = self._sweep_not_before = float("-inf")
        self._doubtful = False
        self.in_doubt: Callable[[], None] = lambda: None  # told when a search fails: the next step mends
        self._looked_at, self._scattered, self._may_gather = -1, False, True  # see ``_is_scattered``
        self._merge: sweeping.Merge | None = None  # makes the folder without what was erased
        self._dropped: list[sweeping.Merge] = []

    def open(self) -> None:
        """Open the index, or begin a new one where there is none that can be used.

        Raises:
            SearchUnavailable: a folder cannot be made. ``follow`` tries again.
        """
        with self._lock:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                current = self._current()
                self._answer_with(Folder(self.path / current.folder))
                if current.edition != self._edition:
                    log.info("the search index is of another version; it answers until a new one is built")
                    self._is_outdated = True
                    self._build_beside()
            except Damaged as damaged:
                level = logging.INFO if isinstance(damaged, Absent) else logging.WARNING
                log.log(level, "%s; it will be built from the store", damaged)
                self._begin_anew()
            except OSError as error:
                raise SearchUnavailable(f"the search index cannot be opened: {error}") from error

    def _current(self) -> _Current:
        """The folder that counts. Raises ``Damaged`` when there is none."""
        try:
            current = msgspec.json.decode((self.path / CURRENT).read_bytes(), type=_Current)
        except FileNotFoundError:
            raise Absent(f"there is no search index in {self.path}") from None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Damaged(f"{self.path / CURRENT} cannot be read: {error}") from error
        if not current.folder.isalnum() or not (self.path / current.folder).is_dir():
            raise Damaged(f"{self.path / CURRENT} names a folder that is not there")
        return current

    def _begin_anew(self) -> None:
        """An empty folder, answering at once while it fills: little is better than nothing."""
        try:
            folder = self._new_folder()
            self._point_to(folder)
        except (Damaged, OSError) as error:
            raise SearchUnavailable(f"no new search index can be begun: {error}") from error
        self._close_feeds()
        self._drop_merge()
        self._answer_with(folder)
        self._is_outdated = False

    def _new_folder(self) -> Folder:
        return Folder(self._new_path())

    def _new_path(self) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)  # somebody may have removed all there was
        names = [path.name for path in self.path.iterdir()]
        taken = [int(name[1:]) for name in names if name[:1] == "n" and name[1:].isdecimal()]
        return self.path / f"n{max(taken, default=0) + 1}"

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
        self._answering, self._feed, self._anew = folder, self._feed_into(folder), None
        self._looked_at = -1
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
            self._clear_dropped()
            try:
                if feed.is_ahead(changes):
                    log.warning("the store is older than its search index, which is built anew")
                    self._begin_anew()
                    return True
                if feed.step(changes):
                    return True
                if self._anew is None and self._must_sweep(feed.folder) and self._sweep(feed.folder, changes):
                    return True
                if self._anew is None:
                    return False
                if self._anew.step(changes):
                    return True
                self._take_over(self._anew)
            except Damaged as damaged:
                self._doubtful = True
                raise SearchUnavailable(
                    f"the search index could not follow the store: {damaged}"
                ) from damaged
            return False

    def behind(self, newest: int) -> int:
        """How many changes the folder lacks that is being filled: the one that answers, or its successor."""
        filled = self._anew.folder if self._anew is not None else self._answering
        return newest - (filled.committed.change if filled is not None else 0)

    def lend(self) -> Path | None:
        """Give our writer back so that another process may write to the folder that is being filled.

        It must be taken back before the next ``follow``. None: it cannot be used.
        """
        with self._lock:
            try:
                feed = self._usable()
                lent = self._anew or feed
                lent.folder.close()
            except Damaged:
                self._doubtful = True
                return None
            return lent.folder.path

    def reread(self, changes: Changes) -> None:
        """Answer with all that whoever borrowed the folder has committed; or, where that is the successor of
        the one that answers, have this one follow by itself.
        """
        with self._lock:
            try:
                if self._anew is None and self._answering is not None:
                    self._answering.reread()
                while self._anew is not None and self._feed is not None and self._feed.step(changes):
                    pass
            except Damaged:
                self._doubtful = True  # looked into when the folder is back

    def take_back(self, *, in_doubt: bool) -> None:
        """Nobody else writes any more; ``in_doubt``: whoever did may have left something half done."""
        with self._lock:
            self._doubtful |= in_doubt
            try:
                if self._anew is not None:
                    self._anew.folder.reread()
                    self._anew = self._feed_into(self._anew.folder)
                elif self._answering is not None:
                    self._answering.reread()
                    self._feed = self._feed_into(self._answering)
            except Damaged:
                self._doubtful = True

    def _must_sweep(self, folder: Folder) -> bool:
        """Is something to be got out of the files, or are they many, and the last time long enough ago?"""
        if self._merge is not None:
            return True
        return self._rest_seconds == 0.0 and (folder.committed.unswept or self._is_scattered(folder))

    def _is_scattered(self, folder: Folder) -> bool:
        """Looked into again only when something was committed."""
        if self._looked_at != folder.committed.change:
            self._looked_at = folder.committed.change
            self._scattered = self._may_gather and sweeping.is_scattered(folder)
        return self._scattered

    @property
    def _rest_seconds(self) -> float:
        """How long no sweep begins; clocks are set, both ways."""
        rest = self._sweep_not_before - self._clock()
        return rest if 0.0 < rest <= SWEPT_SECONDS_MAX else 0.0

    def _sweep(self, folder: Folder, changes: Changes) -> bool:
        """Have a folder without what was deleted, or in one piece, ready to take over; is it still made?"""
        path = self._merge.path if self._merge is not None else self._new_path()
        must = folder.committed.unswept
        try:
            if self._merge is None:
                self._anew_since = self._clock()
                self._merge = sweeping.Merge(folder, path, whole=self._is_scattered(folder))
                self._merge.start()
            self._merge.join(MERGE_LOOK_SECONDS)
            if self._merge.is_alive():
                return True
            merge, self._merge = self._merge, None
            self._anew = self._feed_into(merge.made())
            if not must and changes.newest_change() - merge.change > CATCH_UP_MAX:
                self._give_up(self._anew)  # a first replication streams in: afterwards, then
                self._rest()
        except Damaged as damaged:
            shutil.rmtree(path, ignore_errors=True)
            if must:
                log.warning("%s; it is built anew", damaged)
                self.rebuild()
            else:
                log.warning("%s; it stays in several pieces until the next start", damaged)
                self._may_gather = self._scattered = False
        return False

    def _drop_merge(self) -> None:
        """Nobody will use the copy that is being made."""
        if self._merge is not None:
            self._dropped.append(self._merge)
            self._merge = None

    def _clear_dropped(self) -> None:
        """The folder of such a copy goes when its thread has ended."""
        for merge in [each for each in self._dropped if not each.is_alive()]:
            shutil.rmtree(merge.path, ignore_errors=True)
            self._dropped.remove(merge)

    def _usable(self) -> Feed:
        """The feed, after mending what is in doubt."""
        if self._feed is None:
            self.open()
        if self._doubtful:
            self._mend()
        assert self._feed is not None
        return self._feed

    def _mend(self) -> None:
        """Something failed. Is it the files: build anew; something else: go on from the last commit.

        A copy that was being built is given up. If it was to be without something erased, or to replace
        what another version wrote, and there is no room for two, the old one goes at once and the search
        finds little until the new one is there.
        """
        answering, anew = self._answering, self._anew
        assert answering is not None
        try:
            if anew is not None:
                self._give_up(anew)
                if answering.committed.unswept or self._is_outdated:
                    raise Damaged(
                        f"there is no room to build the search index in {self.path} beside the old one"
                    )
            answering.check()
            self._feed = self._feed_into(answering)
        except Damaged as damaged:
            log.warning("%s; it is built anew", damaged)
            self._begin_anew()
        self._doubtful = False

    def _give_up(self, anew: Feed) -> None:
        self._anew = None
        with contextlib.suppress(Damaged):
            anew.folder.close()
        shutil.rmtree(anew.folder.path, ignore_errors=True)

    def _take_over(self, anew: Feed) -> None:
        """The rebuilt folder has caught up: from here on it answers."""
        self._drop_merge()
        try:
            self._point_to(anew.folder)
        except OSError as error:
            raise SearchUnavailable(f"the rebuilt search index cannot be put in place: {error}") from error
        self._is_outdated = False
        replaced, self._answering = self._feed, anew.folder
        self._feed, self._anew, self._looked_at = anew, None, -1
        self._rest()
        if replaced is not None:
            with contextlib.suppress(Damaged):
                replaced.folder.close()
            shutil.rmtree(replaced.folder.path, ignore_errors=True)

    def _rest(self) -> None:
        """No sweep for a while."""
        now = self._clock()
        took = max(now - self._anew_since, 0.0)
        rest = min(REST_AFTER_SWEEP * took, max(SWEPT_SECONDS_MAX - 2 * took, 0.0))
        self._sweep_not_before = now + rest

    def rebuild(self) -> None:
        """Build the index anew, beside the one that answers; ``follow`` does the work.

        Raises:
            SearchUnavailable: there is no room for it.
        """
        with self._lock:
            self._usable()
            if self._anew is not None:
                self._give_up(self._anew)
            self._drop_merge()
            try:
                self._build_beside()
            except (Damaged, OSError) as error:
                self._doubtful = True
                raise SearchUnavailable(f"the search index cannot be rebuilt: {error}") from error

    def _build_beside(self) -> None:
        self._anew = self._feed_into(self._new_folder())
        self._anew_since = self._clock()

    def _feed_into(self, folder: Folder) -> Feed:
        return Feed(folder, self._maker, self._clock)

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
            self.in_doubt()
            raise SearchUnavailable(f"the search index cannot answer: {damaged}") from damaged

    @property
    def idle_seconds(self) -> float:
        """In how long ``follow`` will have something to do, also if nothing changes until then."""
        return self._rest_seconds if self.place.unswept or self._scattered else math.inf

    @property
    def place(self) -> Place:
        """How far what answers has read the store, and how many records it holds."""
        return self._answering.committed if self._answering else Place()

    def close(self) -> None:
        """Give everything back; what was not committed is read again after the next start."""
        with self._lock:
            self._answering = None
            self._close_feeds()
            if self._merge is not None:
                self._merge.join(
                    CLOSE_SECONDS_MAX
                )  # a longer one ends with the process, its folder goes at the next start

    def _close_feeds(self) -> None:
        feeds, self._feed, self._anew = (self._feed, self._anew), None, None
        for feed in feeds:
            if feed is not None:
                with contextlib.suppress(Damaged):  # found out at the next start
                    feed.folder.close()
