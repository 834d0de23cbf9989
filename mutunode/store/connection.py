"""Connections to SQLite: how they are opened, and how a file comes to its newest schema.

Every connection distrusts the file it reads (a restored backup may hold triggers or views of somebody
else's), and the writer's makes each commit durable before it returns: ``synchronous=FULL`` costs one flush
a turn, and losing a commit whose head had left would be a fork of our own log.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import apsw

from mutunode.store import sql
from mutunode.store.interface import StoreDamaged, StoreError, StoreFull

APPLICATION_ID = 0x6D75_7475  # "mutu"
PAGE_BYTES = 8_192  # eight entries of 800 bytes fill a page; of 4,096 they would leave a tenth empty
WRITER_CACHE_KIB = 4 * 1_024  # what is not in it the system has: neither 32 MiB nor 8 cost less processor
READER_CACHE_KIB = 4 * 1_024
FOLLOWER_CACHE_KIB = 1_024  # of who reads a store from one end to the other, once
WAL_PAGES = 2_000  # × 8 KiB: copied back into the file every 16 MiB
WAL_BYTES_KEPT_MAX = 64 * 1_024 * 1_024  # a longer one, left by a long reader, is cut
BUSY_MILLISECONDS = 5_000  # only a checkpoint or another process (a backup) ever makes us wait


def open_writer(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The one connection that writes; makes the file, and brings an older one to the newest schema.

    Raises:
        StoreDamaged: the file is not a store of ours.
        StoreError: a newer version of this program made it.
    """
    new = not path.exists()
    with refusals(path):
        db = apsw.Connection(
            str(path), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs, statementcachesize=200
        )
        try:
            if new:
                os.chmod(path, 0o600)
                db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            harden(db)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # what was erased leaves the file, not only the tables
            db.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
            db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}")
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return db


def open_reader(path: Path, vfs: str | None = None, cache_kib: int = READER_CACHE_KIB) -> apsw.Connection:
    """A connection that cannot write."""
    db = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY, vfs, statementcachesize=100)
    harden(db)
    db.execute(f"PRAGMA cache_size = -{cache_kib}")
    return db


def harden(db: apsw.Connection) -> None:
    """Have a connection run nothing that stands in its file, and each statement as it was planned.

    Else SQLite plans many of them again for each new value, lest what ``ANALYZE`` noted of it (we never run
    it) leads to another plan: 8 µs for a question that takes 1.
    """
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    db.set_busy_timeout(BUSY_MILLISECONDS)
    db.execute("PRAGMA temp_store = MEMORY")


def _migrate(db: apsw.Connection, path: Path) -> None:
    """Apply the numbered scripts that are missing, all in one transaction: a crash leaves the old schema."""
    steps = _steps()
    version = _pragma(db, "user_version")
    if version > steps[-1][0]:
        raise StoreError(
            f"{path}: made by a newer version of mutunode (schema {version}); install that one",
            f"{path} : fait par une version plus récente de mutunode (schéma {version}) ; installez-la",
        )
    if version and _pragma(db, "application_id") != APPLICATION_ID:
        raise StoreDamaged(
            f"{path}: a database, but not a store of mutunode's",
            f"{path} : une base de données, mais pas de mutunode",
        )
    if version == 0 and sql.value(db, "SELECT count(*) FROM sqlite_schema"):
        raise StoreDamaged(
            f"{path}: a database of something else; choose another place for the store",
            f"{path} : la base de données d’autre chose ; choisissez un autre endroit pour les fiches",
        )
    if version == steps[-1][0]:
        return
    with db:
        for number, script in steps:
            if number > version:
                db.execute(script.read_text("utf-8"))
        if version == 0:
            db.execute(
                "INSERT INTO store (only_row, store_id, number) VALUES (1, ?, 0)", (secrets.token_bytes(8),)
            )
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {steps[-1][0]}")


def _steps() -> list[tuple[int, Traversable]]:
    folder = resources.files("mutunode.store").joinpath("schema")
    return sorted(
        (int(script.name[:4]), script) for script in folder.iterdir() if script.name.endswith(".sql")
    )


def schema_of(version: int) -> list[str]:
    """The scripts that lead to a version of the schema."""
    return [script.read_text("utf-8") for number, script in _steps() if number <= version]


def _pragma(db: apsw.Connection, name: str) -> int:
    return int(sql.value(db, f"PRAGMA {name}"))


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Say what SQLite's refusals mean to whoever runs the node."""
    try:
        yield
    except apsw.FullError as error:
        raise _full(path) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise StoreDamaged(
            f"{path}: this file is damaged ({error}); stop the node and type `mutunode doctor --repair`, "
            "or put a backup in its place: peers hand back the rest",
            f"{path} : ce fichier est abîmé ; arrêtez le nœud, puis tapez « mutunode doctor --repair », ou "
            "mettez une sauvegarde à sa place : les voisines rendent le reste",
        ) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError) as error:
        raise StoreError(
            f"{path}: cannot be opened for writing ({error}); check the folder",
            f"{path} : ne s’ouvre pas en écriture ; voyez le dossier et ses droits",
        ) from error
    except apsw.IOError as error:
        raise StoreError(
            f"{path}: the disk refuses ({error}); check it, start the node again",
            f"{path} : le disque refuse ; voyez s’il est plein, débranché ou en panne, puis relancez le nœud",
        ) from error


def _full(path: Path) -> StoreFull:
    return StoreFull(
        f"{path}: the disk is full; free some room, the node goes on by itself",
        f"{path} : le disque est plein ; libérez de la place, le nœud reprend de lui-même",
    )
