"""A node whose disk turns read-only while a file exists: ``python -m tests.e2e.read_only_disk FLAG run …``.

A file system with files open for writing cannot be remounted by hand; a kernel does it when a disk fails.
Here SQLite and the home are told what the kernel would tell them.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import apsw

from mutunode import home
from mutunode_cli.main import main

SYSTEM = "unix"


class Disk(apsw.VFS):
    """The system's own, which takes nothing while the flag is there."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag
        super().__init__("read-only", SYSTEM, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return File(self, name, flags)


class File(apsw.VFSFile):
    """One file of it."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(SYSTEM, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._disk.flag.exists():
            raise apsw.ReadOnlyError("read-only file system")
        super().xWrite(data, offset)


def arm(flag: Path) -> Disk:
    """From now on, the flag decides."""
    replace = home._replace

    def refusing(path: Path, content: bytes) -> None:
        if flag.exists():
            raise OSError(errno.EROFS, "Read-only file system")
        replace(path, content)

    home._replace = refusing
    return Disk(flag)


if __name__ == "__main__":
    disk = arm(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
