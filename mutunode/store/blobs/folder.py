"""Whole files in one folder of this machine, each under its id, leaves beside the long ones.

One folder, so that the disk learns all names that came together by one flush. The leaves are put first and
the file last, by renaming it: a file that stands under its id is whole. A stop in between leaves leaves
without a file, which mean nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import blob_text, parse
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.store.blobs.durable import flush_folder, make_folder, write_new
from mutunode.store.blobs.interface import BlobError, BlobGone, disk_refusals

LEAVES = ".leaves"
PREFIX = len("blob_")
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_OURS = re.compile(rf"[{BASE32}]{{52}}({re.escape(LEAVES)})?")
PLACES = 64  # remembered: a long file is read chunk by chunk, and making a path costs as much as opening it


class Folder:
    """A shelf that is a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with disk_refusals(str(path)):
                make_folder(path)
                self._flatten()
        except BlobGone as error:
            raise BlobError(
                f"{path}: this folder cannot be made; check the setting `blobs`",
                f"{path} : ce dossier ne peut pas être créé ; voyez le réglage « blobs »",
            ) from error

    def put(self, blob: bytes, file: Path, leaves: bytes) -> None:
        """Rename it into place."""
        target = self._place(blob)
        with disk_refusals(str(target)):
            if target.exists():
                file.unlink(missing_ok=True)
                return
            if len(leaves) > 32:  # one leaf is as quickly made from the file
                write_new(_leaves_of(target), leaves)
            file.replace(target)
            flush_folder(self._path)

    def put_short(self, files: Sequence[tuple[bytes, Path]]) -> None:
        """Rename them all, then have the disk know all their names.

        What stands there already is not asked: each call of the system gives Python's lock away, then
        waits for it.
        """
        with disk_refusals(str(self._path)):
            for blob, file in files:
                os.replace(file, f"{self._path}/{_name(blob)}")
            flush_folder(self._path)

    def size(self, blob: bytes) -> int | None:
        """As the system knows it."""
        try:
            return self._place(blob).stat().st_size
        except OSError:
            return None

    def leaves(self, blob: bytes) -> bytes:
        """Of a short file: none are kept, make them from what is read."""
        target = self._place(blob)
        if (size := self.size(blob)) is None:
            raise BlobGone(f"{blob_text(blob)}: not here")
        if size <= CHUNK_BYTES:
            return b""
        try:
            return _leaves_of(target).read_bytes()
        except FileNotFoundError:
            return b""  # they can be made again from the file

    def read(self, blob: bytes, start: int, end: int) -> bytes:
        """A part of a file."""
        target = self._place(blob)
        with disk_refusals(target.name):
            file = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(file, end - start, start)
            finally:
                os.close(file)

    def drop(self, blob: bytes) -> None:
        """The file first: leaves alone mean nothing."""
        target = self._place(blob)
        with disk_refusals(str(target)):
            target.unlink(missing_ok=True)
            _leaves_of(target).unlink(missing_ok=True)
            flush_folder(self._path)

    def each(self) -> Iterator[tuple[bytes, int]]:
        """Whatever bears an id."""
        for path in self._files():
            try:
                yield parse(f"blob_{path.name}", "blob"), path.stat().st_size
            except (Malformed, OSError):
                continue

    def clean(self) -> int:
        """Leaves whose file is not there."""
        lonely = [
            path for path in self._files() if path.name.endswith(LEAVES) and not _file_of(path).exists()
        ]
        for path in lonely:
            path.unlink(missing_ok=True)
        return len(lonely)

    def _files(self) -> Iterator[Path]:
        """Ours, in a folder that others may use, too."""
        return (path for path in self._path.iterdir() if _OURS.fullmatch(path.name))

    def _place(self, blob: bytes) -> Path:
        return _place(self._path, blob)

    def _flatten(self) -> None:
        """Move up what was put here before this was one folder, as ``b/k/<id>``, and nothing else."""
        deep = [
            file for letter in BASE32 for file in (self._path / letter).glob("?/*") if _is_in_its_place(file)
        ]
        for file in deep:
            file.replace(self._path / file.name)
        if deep:
            flush_folder(self._path)
        for folder in [*{file.parent for file in deep}, *{file.parent.parent for file in deep}]:
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()


@lru_cache(maxsize=PLACES)
def _place(folder: Path, blob: bytes) -> Path:
    return folder / _name(blob)


def _name(blob: bytes) -> str:
    return blob_text(blob)[PREFIX:]


def _is_in_its_place(file: Path) -> bool:
    """Whether it bears an id, two folders deep: in those of its first two letters."""
    letters = file.parts[-3:-1]
    return bool(_OURS.fullmatch(file.name)) and letters == tuple(file.name[:2])


def _leaves_of(path: Path) -> Path:
    return path.with_name(path.name + LEAVES)


def _file_of(leaves: Path) -> Path:
    return leaves.with_name(leaves.name.removesuffix(LEAVES))
