"""Files in the database: who cites them, what is held of them and why; never what they contain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mutunode.protocol.ledger import WantedFile
from mutunode.store import sql
from mutunode.store.interface import LIKE_MAX, REASONS, Cite, File
from mutunode.store.pool import Pool
from mutunode.store.turn import Turn

ASKED = REASONS.index("asked")

_FILES = "SELECT blob, size, held, reason, since, used FROM file"
_UNCITED = (
    "SELECT blob, size, held, reason, since, used FROM file"
    " WHERE NOT EXISTS (SELECT 1 FROM cite WHERE cite.blob = file.blob) ORDER BY blob"
)
_CITES = "SELECT blob, rec, org, size, public, current FROM cite WHERE blob = ? ORDER BY NOT current, rec"
_CITED_BY = "SELECT blob, rec, org, size, public, current FROM cite WHERE rec IN ({}) ORDER BY blob"
_CURRENT_CITES = (
    "SELECT blob, rec, org, size, public, current FROM cite"
    " WHERE current AND (blob, rec) > (?, ?) ORDER BY blob, rec LIMIT ?"
)
_WANTED = f"{_FILES} WHERE NOT held ORDER BY reason DESC, since, blob LIMIT ?"
_LIKELY = (
    "WITH wanted AS (SELECT blob FROM file WHERE NOT held ORDER BY reason DESC, since, blob LIMIT ?)"
    " SELECT blob, org FROM wanted JOIN cite USING (blob)"
    " UNION SELECT blob, org FROM wanted JOIN file_holder USING (blob) ORDER BY blob, org"
)
_SERVED = (
    "SELECT size FROM file WHERE blob = ?1 AND held"
    " AND EXISTS (SELECT 1 FROM cite WHERE blob = ?1 AND public)"
)
_LIKE = (
    "SELECT blob FROM file WHERE blob BETWEEN ?1 AND ?2"
    " UNION SELECT blob FROM cite WHERE blob BETWEEN ?1 AND ?2 ORDER BY blob LIMIT ?3"
)


class Files:
    """The part of the ledger that is about files."""

    _turn: Turn

    def put_cites(self, recs: Sequence[bytes], cites: Sequence[Cite], change: int | None = None) -> None:
        """What these records cite, in place of what they did."""
        db = self._turn.db
        db.executemany("DELETE FROM cite WHERE rec = ?", [(rec,) for rec in recs])
        db.executemany(
            "INSERT OR REPLACE INTO cite VALUES (?, ?, ?, ?, ?, ?)",
            [(c.blob, c.rec, c.org, c.size, c.public, c.current) for c in cites],
        )
        if change is not None:
            db.execute("UPDATE cited_until SET change = ?", (change,))

    def put_file(self, file: File) -> None:
        """Add or replace."""
        self._turn.db.execute(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?)",
            (file.blob, file.size, file.held, REASONS.index(file.reason), file.since, file.used),
        )

    def drop_file(self, blob: bytes) -> None:
        """Nothing is held or wanted of it."""
        self._turn.db.execute("DELETE FROM file WHERE blob = ?", (blob,))

    # --- what the core asks --------------------------------------------------------------------
    def file_to_serve(self, blob: bytes) -> int | None:
        """The size of a file that is held whole and cited in public."""
        return sql.value(self._turn.db, _SERVED, (blob,))  # type: ignore[no-any-return]

    def files_wanted(self, limit: int) -> list[WantedFile]:
        """Files to fetch, the most wanted first."""
        db = self._turn.db
        likely: dict[bytes, list[bytes]] = defaultdict(list)
        for blob, org in sql.each(db, _LIKELY, (limit,)):
            likely[blob].append(org)
        return [
            WantedFile(blob, size, tuple(likely[blob]), reason == ASKED)
            for blob, size, _, reason, _, _ in sql.each(db, _WANTED, (limit,))
        ]

    def file_arrived(self, blob: bytes) -> None:
        """It is held whole."""
        self._turn.db.execute("UPDATE file SET held = 1 WHERE blob = ?", (blob,))

    def file_lost(self, blob: bytes) -> None:
        """It is damaged."""
        self._turn.db.execute("UPDATE file SET held = 0 WHERE blob = ?", (blob,))

    def put_holder(self, blob: bytes, org: bytes, holds: bool, now: int) -> None:
        """An organisation said whether it holds a file."""
        if holds:
            self._turn.db.execute("INSERT OR REPLACE INTO file_holder VALUES (?, ?, ?)", (blob, org, now))
        else:
            self._turn.db.execute("DELETE FROM file_holder WHERE blob = ? AND org = ?", (blob, org))


class FileReader:
    """The part of the read side that is about files."""

    _pool: Pool

    def file(self, blob: bytes) -> File | None:
        """What is held or wanted under this id."""
        with self._pool.snapshot() as db:
            row = sql.first(db, f"{_FILES} WHERE blob = ?", (blob,))
            return _file(row) if row else None

    def files(self) -> list[File]:
        """All of them, by id."""
        with self._pool.snapshot() as db:
            return [_file(row) for row in sql.each(db, f"{_FILES} ORDER BY blob")]

    def files_like(self, low: bytes, high: bytes) -> list[bytes]:
        """Ids of files held, wanted or cited, ascending."""
        with self._pool.snapshot() as db:
            return [blob for (blob,) in sql.each(db, _LIKE, (low, high, LIKE_MAX))]

    def cites(self, blob: bytes) -> list[Cite]:
        """Records that cite a file."""
        with self._pool.snapshot() as db:
            return [_cite(row) for row in sql.each(db, _CITES, (blob,))]

    def cited_by(self, recs: Sequence[bytes]) -> list[Cite]:
        """The files that these records cite, by id."""
        asked = _CITED_BY.format(",".join("?" * len(recs)))
        with self._pool.snapshot() as db:
            return [_cite(row) for row in sql.each(db, asked, recs)]

    def current_cites(self, after: tuple[bytes, bytes], limit: int) -> list[Cite]:
        """Cites of current records, in order."""
        with self._pool.snapshot() as db:
            return [_cite(row) for row in sql.each(db, _CURRENT_CITES, (*after, limit))]

    def cited_until(self) -> int:
        """How far the feed was read."""
        with self._pool.snapshot() as db:
            return int(sql.value(db, "SELECT change FROM cited_until"))

    def uncited(self) -> list[File]:
        """Files that no record cites."""
        with self._pool.snapshot() as db:
            return [_file(row) for row in sql.each(db, _UNCITED)]

    def file_holders(self, blob: bytes) -> list[tuple[bytes, int]]:
        """Who said that they hold a file, newest first."""
        with self._pool.snapshot() as db:
            asked = "SELECT org, heard_at FROM file_holder WHERE blob = ? ORDER BY heard_at DESC, org"
            return [(org, at) for org, at in sql.each(db, asked, (blob,))]


def _cite(row: sql.Answer) -> Cite:
    blob, rec, org, size, public, current = row
    return Cite(blob, rec, org, size, bool(public), bool(current))


def _file(row: sql.Answer) -> File:
    blob, size, held, reason, since, used = row
    return File(blob, size, bool(held), REASONS[reason], since, used)  # type: ignore[arg-type]
