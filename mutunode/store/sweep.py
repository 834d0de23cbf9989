"""Sweeping out what was erased: from the journal, and from what SQLite leaves in pages it no longer uses.

``secure_delete`` overwrites what is deleted where it stands. But when a page is split or joined, cells move
to other pages, and the old page keeps a copy of them in its unused middle: of 200 records erased after
2,000 insertions, two or three could still be read in the file. So after an erasing turn the journal is
copied into the file and emptied, and the unused middle of every page is filled with zeros.

It is done in bounded steps in the writer's thread. Only bytes that belong to nothing are overwritten, by
SQLite's own way to the disk (a second descriptor would, closing, give up its locks), so that readers see no
difference and a crash leaves nothing half. See "b-tree pages" in SQLite's file format.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from mutunode.store import sql

PAGES_A_STEP = 4_096  # × 8 KiB = 32 MiB: some 50 ms
PAGES_A_READ = 128  # 1 MiB
WAIT_MILLISECONDS = 50  # for readers, each time; then the next turn tries again

_TREES = frozenset((2, 5, 10, 13))  # first byte of a page of a tree; other pages begin with a page number…
_PAGES_MAX = 2 << 24  # …whose first byte is less than that of any tree, up to 256 GiB
_FILE_HEADER_BYTES = 100  # at the beginning of the first page


class Sweeper:
    """Knows whether something erased may still be in the files, and gets it out."""

    def __init__(self, db: apsw.Connection, path: Path, vfs: str | None) -> None:
        self._db = db
        self._path = str(path)
        self._vfs = vfs or ""
        self._page_bytes = int(sql.value(db, "PRAGMA page_size"))
        self._at = 0  # the next page
        self._left = 0  # pages to sweep; 0: none
        if sql.value(db, "SELECT unsettled FROM store"):
            self.begin()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to sweep."""
        return self._left == 0

    def begin(self) -> None:
        """Something was erased: every page is to be looked at, from where the broom stands."""
        self._left = max(1, int(sql.value(self._db, "PRAGMA page_count")))

    def step(self, busy_milliseconds: int) -> None:
        """Sweep some pages, unless a reader still needs the journal: then the next step tries again."""
        self._db.set_busy_timeout(WAIT_MILLISECONDS)
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._sweep()
            # Pages in memory were read before; written again, they would bring back what they hold.
            self._db.release_memory()
            if not self._left:
                self._db.execute("UPDATE store SET unsettled = 0")
        except apsw.Error:
            pass  # a reader holds the journal, or the disk is full
        finally:
            self._db.set_busy_timeout(busy_milliseconds)

    def _sweep(self) -> None:
        pages = int(sql.value(self._db, "PRAGMA page_count"))
        if pages > _PAGES_MAX:
            self._left = 0
            return
        file = apsw.VFSFile(self._vfs, self._path, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
        try:
            end = min(self._left, PAGES_A_STEP)
            while end > 0:
                self._at %= pages
                count = min(end, pages - self._at, PAGES_A_READ)
                self._sweep_run(file, self._at, count)
                self._at += count
                end -= count
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
        finally:
            file.xClose()
        self._left -= min(self._left, PAGES_A_STEP)

    def _sweep_run(self, file: apsw.VFSFile, first: int, count: int) -> None:
        size = self._page_bytes
        run = file.xRead(count * size, first * size)
        for at in range(0, len(run), size):
            gap = unused(run[at : at + size], is_first=first + at // size == 0)
            if gap is not None and run.count(0, at + gap[0], at + gap[1]) != gap[1] - gap[0]:
                file.xWrite(bytes(gap[1] - gap[0]), first * size + at + gap[0])


def unused(page: bytes, *, is_first: bool = False) -> tuple[int, int] | None:
    """From where to where a page of a tree is unused, between its list of cells and its cells."""
    header = _FILE_HEADER_BYTES if is_first else 0
    kind = page[header]
    if kind not in _TREES:
        return None
    cells = int.from_bytes(page[header + 3 : header + 5], "big")
    start = header + (12 if kind in (2, 5) else 8) + 2 * cells
    end = int.from_bytes(page[header + 5 : header + 7], "big") or 65_536
    return (start, end) if start < end <= len(page) else None
