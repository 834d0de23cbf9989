"""A node's own store: one SQLite file, one writer, and readers that never wait for it.

A turn is one transaction, durable when it ends. A crash in the middle leaves the end of the turn before; a
crash after it leaves pending entries at most, which the next start drops, since they can be fetched again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from mutunode.store.ballast import Ballast
from mutunode.store.connection import BUSY_MILLISECONDS, open_writer, refusals
from mutunode.store.copying import copy_into
from mutunode.store.interface import PROJECTED_AT_COMMIT_MAX, Damage, Problem, StoreError, promise
from mutunode.store.mending import Mending, survey
from mutunode.store.pool import Pool
from mutunode.store.reader import SqliteReader
from mutunode.store.salvage import is_sound
from mutunode.store.sqlite_delivered import Deliveries
from mutunode.store.sqlite_files import Files
from mutunode.store.sqlite_logs import Logs
from mutunode.store.sqlite_opened import Opened
from mutunode.store.sqlite_people import People
from mutunode.store.sweep import Sweeper
from mutunode.store.turn import Turn
from mutunode.store.verify import verify


class SqliteStore:
    """The store at a path; the file next to it named ``…-ballast`` is room kept aside."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, vfs: str | None = None) -> None:
        """``vfs`` names another way to the disk than SQLite's own; tests cut the power there."""
        if not path.parent.is_dir():
            raise StoreError(
                f"{path.parent}: no such folder; make it first",
                f"{path.parent} : ce dossier n’existe pas ; créez-le d’abord",
            )
        self._path = path
        self._db = open_writer(path, vfs)
        self._ledger = SqliteLedger(
            self._db,
            path,
            clock,
            Ballast(path.with_name(path.name + "-ballast")),
            Sweeper(self._db, path, vfs),
        )
        with self._ledger.transaction():
            self._ledger.drop_all_pending()
        self._pool = Pool(path, vfs)

    @property
    def ledger(self) -> SqliteLedger:
        """The write side."""
        return self._ledger

    def reader(self) -> SqliteReader:
        """The read side."""
        return SqliteReader(self._pool)

    def verify(self, log: bytes) -> list[Problem]:
        """Recompute everything of a log from what is stored."""
        with self._pool.snapshot() as db:
            return verify(db, log)

    def is_sound(self) -> bool:
        """Whether the file itself can be read, all of it."""
        return is_sound(self._path)

    def damage(self, log: bytes) -> Damage | None:
        """What ``verify`` finds, as what has to be done."""
        with self._pool.snapshot() as db:
            return survey(db, log)

    def copy_into(self, path: Path, told: Callable[[int, int], None]) -> None:
        """Write one state of the whole store to a new file."""
        with self._pool.whole() as db:
            copy_into(db, path, told)

    def close(self) -> None:
        """Give everything back."""
        self._pool.close()
        with suppress(apsw.Error):  # a disk that refuses has the journal read again at the next start
            self._db.close()


class SqliteLedger(Logs, People, Opened, Deliveries, Files, Mending):
    """The write side, for one thread."""

    def __init__(
        self,
        db: apsw.Connection,
        path: Path,
        clock: Callable[[], float],
        ballast: Ballast,
        sweeper: Sweeper,
    ) -> None:
        self._db = db
        self._path = path
        self._turn = Turn(db, clock)
        self._ballast = ballast
        self._sweeper = sweeper

    @contextmanager
    def transaction(self, *, freeing: bool = False, hurried: bool = False) -> Iterator[None]:
        """All or nothing."""
        turn = self._turn
        promise(not turn.open, "a transaction is open already")
        if freeing:
            self._ballast.spend()
        with refusals(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            turn.open, turn.cut, erased = True, set(), turn.erased
            turn.shown_at_commit_max = 0 if hurried else PROJECTED_AT_COMMIT_MAX
            try:
                yield
                promise(not turn.cut, "a log was cut and no head of the new epoch committed")
                if freeing or turn.erased > erased:  # a crash from here on leaves it to the next start
                    self._db.execute("UPDATE store SET unsettled = 1")
                self._db.execute("COMMIT")
            except BaseException:
                turn.undone += 1  # what was answered during this turn is not so
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")
                raise
            finally:
                turn.open = False
        if freeing or turn.erased > erased:
            self._sweeper.begin()
        self.settle()
        self._ballast.fill()

    def written(self) -> int:
        """As SQLite counts rows."""
        return self._db.total_changes()

    def settle(self) -> bool:
        """Get what was erased out of the files, a step of it; is nothing left to do?"""
        if not self._sweeper.is_done:
            self._sweeper.step(BUSY_MILLISECONDS)
        return self._sweeper.is_done
