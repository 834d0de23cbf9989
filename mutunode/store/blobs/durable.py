"""Putting things on the disk so that a power cut leaves the old state or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700
_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each known to the one above it when this returns."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Have the disk know the names in a folder."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_all_new(files: Iterable[tuple[Path, bytes | memoryview]]) -> None:
    """Several as ``write_new`` does: the disk works on all of them while each is waited for."""
    opened = []
    try:
        for path, content in files:
            opened.append(os.open(path, _NEW | os.O_EXCL, FILE_MODE))
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(opened[-1], rest) :]
            os.posix_fadvise(opened[-1], 0, 0, os.POSIX_FADV_DONTNEED)  # starts writing what is not written
        for file in opened:
            os.fsync(file)
    finally:
        for file in opened:
            os.close(file)


def write_new(path: Path, content: bytes) -> None:
    """A file of its own under a name not used before, its content on the disk; its name not yet."""
    file = os.open(path, _NEW | os.O_TRUNC, FILE_MODE)
    try:
        with open(file, "wb", closefd=False) as out:
            out.write(content)
        os.fsync(file)
    finally:
        os.close(file)
