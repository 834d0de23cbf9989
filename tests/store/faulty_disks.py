"""Disks that fail: one that forgets what was not flushed, one that is full."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

Op = tuple[str, str, int, bytes]  # what, file, offset or size, bytes written
SECTOR_BYTES = 512


def _name(name: apsw.URIFilename | str | None) -> str:
    return str(name.filename() if isinstance(name, apsw.URIFilename) else name or "")


class RecordingDisk(apsw.VFS):
    """Passes everything on, and notes in which order it was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.ops: list[Op] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _RecordedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.ops.append(("delete", Path(filename).name, 0, b""))
        super().xDelete(filename, syncdir)

    def after_cut(self, at: int, rng: random.Random) -> dict[str, bytes]:
        """The files that a power cut before operation ``at`` may leave.

        What was flushed is there. Of the rest nothing, a beginning, some writes, or torn ones.
        """
        files: dict[str, bytearray] = {}
        waiting: dict[str, list[Op]] = {}
        for op in self.ops[:at]:
            what, file, _, _ = op
            if what == "delete":
                files.pop(file, None)
                waiting.pop(file, None)
            elif what == "sync":
                for write in waiting.pop(file, []):
                    _apply(files.setdefault(file, bytearray()), write)
            else:
                waiting.setdefault(file, []).append(op)
        way = rng.choice(("nothing", "beginning", "some", "torn"))
        for file, ops in waiting.items():
            content = files.setdefault(file, bytearray())
            for op in _survivors(ops, way, rng):
                _apply(content, op)
        return {file: bytes(content) for file, content in files.items() if not file.endswith("-shm")}


class _RecordedFile(apsw.VFSFile):
    def __init__(self, disk: RecordingDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(_name(name)).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.ops.append(("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.ops.append(("truncate", self._name, newsize, b""))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.ops.append(("sync", self._name, 0, b""))
        super().xSync(flags)


def _survivors(ops: list[Op], way: str, rng: random.Random) -> list[Op]:
    if way == "nothing":
        return []
    if way == "beginning":
        return ops[: rng.randint(0, len(ops))]
    kept = [op for op in ops if rng.random() < 0.5]
    if way == "some":
        return kept
    return [
        (what, file, at, data[: SECTOR_BYTES * rng.randint(0, len(data) // SECTOR_BYTES)])
        for what, file, at, data in kept
    ]


def _apply(content: bytearray, op: Op) -> None:
    what, _, at, data = op
    if what == "truncate":
        del content[at:]
        return
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


class FullDisk(apsw.VFS):
    """Grows no file while ``is_full`` says so."""

    def __init__(self, name: str, is_full: Callable[[], bool]) -> None:
        super().__init__(name, "")
        self.is_full = is_full

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _FileThatCannotGrow(self, name, flags)


class _FileThatCannotGrow(apsw.VFSFile):
    def __init__(self, disk: FullDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._disk.is_full() and offset + len(data) > self.xFileSize():
            raise apsw.FullError("no room")
        super().xWrite(data, offset)
