"""A backup is put back: every file is what the manifest says, or nothing is put back.

What is restored is an old copy of the register: others may hold more of it. So there is no outside mark
afterwards, and the node signs nothing before a neighbour has said what it holds, or a person has answered
for it (PROTOCOL §3). A backup may come from anybody's hands: names and lengths are checked before anything
is read, links are not followed, and of its database nothing is executed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mutunode.home import FOLDER_MODE, Home, HomeError
from mutunode.keyfile import KeyFileDamaged, read
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ids import log_text, org_text
from mutunode.service import disk
from mutunode.service.backup import (
    FILES,
    FORMAT,
    IDENTITY,
    MANIFEST,
    RECORDS,
    SETTINGS,
    Kept,
    Manifest,
    measure,
)
from mutunode.service.errors import Exit, Refusal
from mutunode.store.adopting import check_stranger, make_own
from mutunode.store.interface import StoreError
from mutunode.store.sqlite import SqliteStore

MANIFEST_BYTES_MAX = 64 * 1_024 * 1_024  # 300,000 files
IDENTITY_BYTES_MAX = 16 * 1_024 * 1_024
PLACE = "restoring"  # in the home, for as long as it takes
MAY_STAND_BEFORE = frozenset({SETTINGS, "lock"})
NAMES = re.compile(
    rf"{RECORDS}|{IDENTITY}|{re.escape(SETTINGS)}|{FILES}/([a-z2-7]/[a-z2-7]/)?[a-z2-7]{{52}}(\.leaves)?"
)

Emit = Callable[[dict[str, Any]], None]


class Restored(msgspec.Struct, frozen=True):
    """Answer of ``restore``."""

    org: str
    name: str
    made: int
    size: int  # entries of our own register
    registers: int
    entries: int
    keys: str
    damaged: tuple[str, ...]  # registers that were damaged before they were copied; `doctor --repair` mends


def restore(source: Path, home_path: Path, emit: Emit) -> Restored:
    """Make a home of a backup.

    Raises:
        Refusal: ``NOT_VERIFIED`` when it is not what its manifest says, ``CONFLICT`` when the home is in use.
    """
    manifest = _read_manifest(source)
    try:
        with Home.hold(home_path) as home:
            _refuse_existing(home)
            with _place(home) as place:
                _copy_all(source, place, manifest, emit)
                answer = _look(place, manifest, emit)
                _move(home, place, manifest)
            if manifest.keys != "none" and not answer.size:
                _mark_the_empty(home)
            return answer
    except HomeError as error:
        raise Refusal(error.code, Exit.CONFLICT, error.fr, error.en) from None
    except OSError as error:
        raise disk.refusal(error.filename or str(home_path), error) from None


# --- before anything is taken -----------------------------------------------------------------------
def _read_manifest(source: Path) -> Manifest:
    try:
        if (source / MANIFEST).stat().st_size > MANIFEST_BYTES_MAX:
            raise _refused(MANIFEST, "trop grand", "too large")
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise Refusal(
            "no_backup",
            Exit.NOT_FOUND,
            f"Pas de sauvegarde complète dans {source} : il y manque {MANIFEST}.",
            f"No complete backup in {source}: {MANIFEST} is missing.",
        ) from None
    except OSError as error:
        raise disk.refusal(str(source), error) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _refused(MANIFEST, f"illisible ({error})", f"cannot be read ({error})") from None
    if manifest.format != FORMAT:
        raise _refused(MANIFEST, f"format {manifest.format!r} inconnu", f"unknown format {manifest.format!r}")
    for name in manifest.files:
        if not NAMES.fullmatch(name):
            raise _refused(
                name, "aucune sauvegarde n’a de fichier de ce nom", "no backup has a file of this name"
            )
    if RECORDS not in manifest.files or (manifest.keys == "none") != (IDENTITY not in manifest.files):
        raise _refused(MANIFEST, "il y manque un fichier", "a file is missing")
    return manifest


def _refuse_existing(home: Home) -> None:
    found = sorted({entry.name for entry in home.path.iterdir()} - MAY_STAND_BEFORE)
    if found:
        raise Refusal(
            "home_exists",
            Exit.CONFLICT,
            f"{home.path} n’est pas vide ({', '.join(found[:3])}…) : rien n’y a été touché. Choisissez un "
            "autre --home, ou rangez d’abord ce dossier ailleurs.",
            f"{home.path} is not empty ({', '.join(found[:3])}…): nothing in it was touched. Choose another "
            "--home, or move this folder away first.",
        )


def _refused(name: str, fr: str, en: str) -> Refusal:
    return Refusal(
        "not_verified",
        Exit.NOT_VERIFIED,
        f"Cette sauvegarde n’est pas remise : {name} : {fr}. Rien n’a changé.",
        f"This backup is not put back: {name}: {en}. Nothing changed.",
    )


# --- taking it --------------------------------------------------------------------------------------
@contextmanager
def _place(home: Home) -> Iterator[Path]:
    place = home.path / PLACE
    place.mkdir(mode=FOLDER_MODE)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _copy_all(source: Path, place: Path, manifest: Manifest, emit: Emit) -> None:
    total, before = sum(kept.bytes for kept in manifest.files.values()), 0
    for name, kept in manifest.files.items():
        copy = place / name
        copy.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _copy(source / name, copy, name, kept)
        before += kept.bytes
        emit({"progress": {"done": before, "total": total}})


def _copy(path: Path, copy: Path, name: str, kept: Kept) -> None:
    """Copy no more than was promised, from a plain file; then read what arrived."""
    try:
        if any(part.is_symlink() for part in (path, *path.parents[: name.count("/")])) or not path.is_file():
            raise _refused(name, "n’est pas un fichier", "is not a file")
    except OSError as error:
        raise disk.refusal(str(path), error) from None
    if path.stat().st_size != kept.bytes:
        raise _refused(name, "n’a pas la longueur annoncée", "has not the length it should have")
    shutil.copyfile(path, copy, follow_symlinks=False)
    copy.chmod(0o600)
    if measure(copy) != kept:
        raise _refused(name, "a été changé ou abîmé", "was changed or damaged")
    _flush(copy)


def _look(place: Path, manifest: Manifest, emit: Emit) -> Restored:
    """Whose it is, and whether the registers are as they were signed; brings them to the newest schema."""
    org = _identity_of(place, manifest)
    records = place / RECORDS
    try:
        check_stranger(records)
        store = SqliteStore(records)
    except StoreError as error:
        raise _refused(RECORDS, str(error), str(error)) from None
    try:
        held = [each for each in store.reader().organisations() if each.size]
        damaged = []
        for done, each in enumerate(held):
            emit({"progress": {"done": done, "total": len(held)}})
            if store.verify(each.log):
                damaged.append(log_text(each.log))
    finally:
        store.close()
    make_own(records)
    return Restored(
        org=manifest.org,
        name=manifest.name,
        made=manifest.made,
        size=next((each.size for each in held if each.org == org), 0),
        registers=len(held),
        entries=sum(each.size for each in held),
        keys=manifest.keys,
        damaged=tuple(damaged),
    )


def _identity_of(place: Path, manifest: Manifest) -> bytes:
    """The organisation, if the backup holds its identity."""
    if manifest.keys == "none":
        return b""
    path = place / IDENTITY
    if path.stat().st_size > IDENTITY_BYTES_MAX:
        raise _refused(IDENTITY, "trop grand", "too large")
    try:
        org = read(path.read_bytes()).genesis.org
    except KeyFileDamaged as error:
        raise _refused(IDENTITY, f"abîmé ({error})", f"damaged ({error})") from None
    if org_text(org) != manifest.org:
        raise _refused(IDENTITY, "celui d’une autre organisation", "of another organisation")
    return org


def _move(home: Home, place: Path, manifest: Manifest) -> None:
    """Into the home, the identity last: before it is there, nobody lives here."""
    (place / FILES).is_dir() and (place / FILES).rename(home.path / FILES)
    (place / RECORDS).rename(home.path / RECORDS)
    if SETTINGS in manifest.files and not (home.path / SETTINGS).exists():
        (place / SETTINGS).rename(home.path / SETTINGS)
    _flush(home.path)
    if manifest.keys != "none":
        (place / IDENTITY).rename(home.path / IDENTITY)
    _flush(home.path)


def _mark_the_empty(home: Home) -> None:
    """A register that was empty when it was copied looks like one that was just made, which signs at once.

    A mark that no store agrees with has a person say that nothing was published since.
    """
    log = log_id(home.genesis.org, PUBLIC)
    home.write_mark(log, home.chain.epoch, 1, bytes(32))


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
