"""The writer's hold on the database: its one connection, and whether a turn is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from mutunode.store import sql
from mutunode.store.interface import PROJECTED_AT_COMMIT_MAX, promise
from mutunode.store.numbering import Interest, log_no_for
from mutunode.store.project import Projection

REMEMBERED_MAX = 1_000  # answers


class Turn:
    """Shared by the parts of the write side; nothing may be asked of it outside a turn."""

    def __init__(self, db: apsw.Connection, clock: Callable[[], float]) -> None:
        self._db = db
        self.clock = clock
        self.open = False
        self.cut: set[int] = set()  # logs that wait for a head of their new epoch
        self.undone = 0  # turns that were rolled back
        self.shown_at_commit_max = PROJECTED_AT_COMMIT_MAX  # entries of others
        self._interest = Interest()
        self._projection = Projection(db, self._interest)
        self._answers: dict[Any, Any] = {}
        self._answered_at = (-1, -1)
        self._lasting: dict[Any, Any] = {}
        self._lasting_since = 0

    @property
    def db(self) -> apsw.Connection:
        """The connection, inside a turn."""
        promise(self.open, "called outside a transaction")
        return self._db

    def remembered(self, question: tuple[object, ...], answer: Callable[[], Any]) -> Any:
        """The answer to what nearly every turn asks, worked out again when something was written since.

        A turn without any of a peer's frames asked the database a dozen times: 230 µs, and a file that
        arrives is thousands of turns.
        """
        written = (self.db.total_changes(), self.undone)
        if written != self._answered_at or len(self._answers) > REMEMBERED_MAX:
            self._answers.clear()
            self._answered_at = written
        if question not in self._answers:
            self._answers[question] = answer()
        return self._answers[question]

    def lasting(self, question: tuple[object, ...], answer: Callable[[], Any]) -> Any:
        """The answer to what hardly ever changes, remembered until ``changed`` is told of it.

        A first replication asks eight times for the chain of each organisation, and writes in between.
        """
        if self._lasting_since != self.undone or len(self._lasting) > REMEMBERED_MAX:
            self._lasting.clear()
            self._lasting_since = self.undone
        if question not in self._lasting:
            self._lasting[question] = answer()
        return self._lasting[question]

    def changed(self, question: tuple[object, ...]) -> None:
        """What ``lasting`` may remember of this is not so any more."""
        self._lasting.pop(question, None)

    @property
    def projection(self) -> Projection:
        """What keeps the projections."""
        return self._projection

    @property
    def erased(self) -> int:
        """Rises with every record whose content is dropped for good."""
        return self._projection.erasure.done

    def interested(self) -> None:
        """Whom we listen to may have changed."""
        self._interest.changes += 1

    @property
    def stamp(self) -> int:
        """Never the same after a change of interest, nor after a turn that was undone."""
        return self._interest.changes + self.undone

    def org_no(self, org: bytes) -> int:
        """The number of an organisation; a new one if it was never heard of."""
        known = sql.value(self.db, "SELECT org_no FROM org WHERE org = ?", (org,))
        if known is None:
            self.db.execute("INSERT INTO org (org) VALUES (?)", (org,))
            known = self.db.last_insert_rowid()
        return int(known)

    def log_no(self, log: bytes) -> int | None:
        """The number of a log, if it was ever heard of."""
        return sql.value(self.db, "SELECT log_no FROM log WHERE log = ?", (log,))  # type: ignore[no-any-return]

    def claim_log(self, log: bytes, org: bytes, space: bytes) -> int:
        """The number of a log that is this organisation's."""
        return int(self.lasting(("claimed", log), lambda: self._claim_log(log, org, space)))

    def _claim_log(self, log: bytes, org: bytes, space: bytes) -> int:
        known = sql.first(self.db, "SELECT log_no FROM log WHERE log = ? AND org_no IS NOT NULL", (log,))
        if known is not None:
            return int(known[0])
        log_no = log_no_for(self.db, log)
        self.db.execute(
            "UPDATE log SET org_no = ?, space = ? WHERE log_no = ?",
            (self.org_no(org), space, log_no),
        )
        return log_no
