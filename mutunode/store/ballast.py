"""Room kept aside, so that erasing works on a full disk.

A full disk refuses even a DELETE: it is written to the journal before the file gives anything back. The
ballast is a file of nothing beside the database; a turn that frees may spend it.
"""

from __future__ import annotations

import os
from pathlib import Path

BALLAST_BYTES = 16 * 1_024 * 1_024  # 2,000 pages in the journal: some 10,000 records erased in one turn
ROOM_TO_FILL = 4  # times its size must be free before it is filled (again): it is not to fill the disk itself


class Ballast:
    """One file, there or spent."""

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size_bytes
        self._there = path.exists() and path.stat().st_size == size_bytes
        self.fill()

    def fill(self) -> None:
        """Set the room aside, when there is plenty. Never an error: without it, things are as usual."""
        if self._there or self._free_bytes() < ROOM_TO_FILL * self._size:
            return
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(file, 0, self._size)
            finally:
                os.close(file)
            self._there = True
        except OSError:
            self._path.unlink(missing_ok=True)

    def spend(self) -> None:
        """Give the room back if the disk is (nearly) full."""
        if self._there and self._free_bytes() < self._size:
            self._path.unlink(missing_ok=True)
            self._there = False

    def _free_bytes(self) -> int:
        room = os.statvfs(self._path.parent)
        return room.f_bavail * room.f_frsize
