"""A backup: one folder with one state of the records, the identity, the settings, and what each file must be.

It is made while the node works. It holds no outside mark, since whoever puts a backup back holds an old copy
of the register, and must ask others before signing (``mutunode.restoring``). The manifest names files and
figures and nothing that is in a record, so that what is erased later does not live on in it; the copy of the
records itself is as old as it is.

A folder without a manifest is a backup that did not come to its end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from mutunode import __version__
from mutunode.protocol.ids import blob_text, org_text
from mutunode.service import disk
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import Emit
from mutunode.service.readonly import disk_fails, disk_full
from mutunode.store.interface import StoreError, StoreFull

FORMAT = "mutunode-backup/1"
MANIFEST, RECORDS, IDENTITY, SETTINGS, FILES = (
    "manifest.json",
    "records.sqlite",
    "identity",
    "mutunode.toml",
    "blobs",
)
LAST = "last-backup"  # in the node's folder: an empty file as old as the last backup
PIECE_BYTES = 1_024 * 1_024

KeysKept = Literal["none", "wrapped", "clear"]


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds."""

    format: str
    version: str
    made: int  # Unix seconds
    org: str
    name: str
    keys: KeysKept
    files: dict[str, Kept]


class Made(msgspec.Struct, frozen=True):
    """Answer of ``backup``."""

    path: str
    size: int  # entries of our own register when it began; it may hold more
    registers: int
    bytes: int
    keys: KeysKept
    files_elsewhere: int = 0  # files of records that are kept outside the node's folder (S3), and not copied
    bytes_elsewhere: int = 0


def make(desk: Desk, path: str, with_keys: bool, emit: Emit) -> Made:
    """Write a backup into a folder that is new or empty.

    Raises:
        Refusal: ``CONFLICT`` when something stands there: no backup overwrites another.
    """
    target = disk.absolute(path)
    held = [each for each in desk.reader.organisations() if each.size]
    with _new_folder(target), _refusals(path):
        desk.store.copy_into(
            target / RECORDS, lambda done, total: emit({"progress": {"done": done, "total": total}})
        )
        # After the records: an identity that is newer than they are is taken up at the next start.
        keys = _copy_identity(desk, target) if with_keys else "none"
        _copy_rest(desk.folder, target, emit)
        manifest = _manifest(desk, target, keys)
        _write(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        _flush(target)
        (desk.folder / LAST).touch(mode=0o600)
    total = sum(kept.bytes for kept in manifest.files.values())
    size = next((each.size for each in held if each.org == desk.org), 0)
    return Made(path, size, len(held), total, keys, *_elsewhere(desk, manifest))


def _elsewhere(desk: Desk, manifest: Manifest) -> tuple[int, int]:
    """How many files, and bytes, are held and not in the backup: they are kept outside the node's folder."""
    copied = {Path(name).name for name in manifest.files}
    held = [each for each in desk.reader.files() if each.held]
    left = [each.size for each in held if blob_text(each.blob).removeprefix("blob_") not in copied]
    return len(left), sum(left)


@contextmanager
def _new_folder(target: Path) -> Iterator[None]:
    """Make the folder, and take it away again if it does not come to a manifest."""
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Refusal(
                "backup_exists",
                Exit.CONFLICT,
                f"{target} n’est pas vide : une sauvegarde n’en écrase pas une autre. Donnez un dossier "
                "neuf, par exemple avec la date dans son nom.",
                f"{target} is not empty: no backup overwrites another. Give a new folder, for example one "
                "with the date in its name.",
            )
        target.chmod(0o700)
    except OSError as error:
        raise disk.refusal(str(target), error) from None
    try:
        yield
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


@contextmanager
def _refusals(path: str) -> Iterator[None]:
    try:
        yield
    except StoreFull:
        raise disk_full() from None
    except StoreError as error:
        raise disk_fails(error) from error
    except OSError as error:
        raise disk.refusal(path, error) from None


def _copy_identity(desk: Desk, target: Path) -> KeysKept:
    raw = (desk.folder / IDENTITY).read_bytes()
    _write(target / IDENTITY, raw)
    return "wrapped" if desk.are_keys_wrapped else "clear"


def _copy_rest(folder: Path, target: Path, emit: Emit) -> None:
    """Settings, and whole files; never what is on its way in, nor what can be made again."""
    if (folder / SETTINGS).exists():
        _write(target / SETTINGS, (folder / SETTINGS).read_bytes())
    files = sorted(path for path in (folder / FILES).rglob("*") if path.is_file() and not path.is_symlink())
    for done, path in enumerate(files):
        emit({"progress": {"done": done, "total": len(files)}})
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, copy)
        except FileNotFoundError:
            continue  # erased meanwhile
        copy.chmod(0o600)
        _flush(copy)


def _manifest(desk: Desk, target: Path, keys: KeysKept) -> Manifest:
    paths = sorted(path for path in target.rglob("*") if path.is_file())
    return Manifest(
        format=FORMAT,
        version=__version__,
        made=desk.now(),
        org=org_text(desk.org),
        name=desk.name_of(desk.org),
        keys=keys,
        files={str(path.relative_to(target)): measure(path) for path in paths},
    )


def measure(path: Path, told: Callable[[int], None] = lambda done: None) -> Kept:
    """Length and hash of a file; ``told`` how many bytes were read."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            done += len(piece)
            told(done)
    return Kept(done, digest.hexdigest())


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
