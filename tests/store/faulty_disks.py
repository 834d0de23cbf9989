"""Disks that fail: one that forgets what was not flushed, one that is full, one that refuses."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

Op = tuple[str, str, int, bytes]  # what, file, offset or size, bytes written
SECTOR_BYTES = 512


def _name(name: apsw.URIFilename | str | None) -> str:
    return str(name.filename() if isinstance(name, apsw.URIFilename) else name or "")


class RecordingDisk(apsw.VFS):
    """Passes everything on, and notes in which order it was asked for; others may note beside it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.ops: list[Op] = []

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _RecordedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.note("delete", Path(filename).name)
        super().xDelete(filename, syncdir)

    def note(self, what: str, file: str, at: int = 0, data: bytes = b"") -> None:
        """Something happens now. Called before it does: a disk that refuses raises here."""
        self.ops.append((what, file, at, data))

    def cuts(self, places: list[int], rng: random.Random) -> Iterator[tuple[int, dict[str, bytes]]]:
        """The files that a power cut before each of these operations may leave, in their order."""
        image, done = Image(), 0
        for at in sorted(places):
            for op in self.ops[done:at]:
                image.add(op)
            done = at
            yield at, image.after_cut(rng)


class Image:
    """What is on a disk, and what waits to be flushed to it."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}
        self._waiting: dict[str, list[Op]] = {}
        self._renames: list[Op] = []

    def add(self, op: Op) -> None:
        """One more operation."""
        what, file, _, _ = op
        if what == "delete":
            self._files.pop(file, None)
            self._waiting.pop(file, None)
        elif what == "sync":
            for write in self._waiting.pop(file, []):
                _apply(self._files.setdefault(file, bytearray()), write)
        elif what == "rename":
            self._renames.append(op)
        elif what == "sync-folder":
            for rename in self._renames:
                _rename(self._files, rename)
            self._renames.clear()
        elif what in ("write", "truncate"):
            self._waiting.setdefault(file, []).append(op)

    def after_cut(self, rng: random.Random) -> dict[str, bytes]:
        """What was flushed is there. Of the rest nothing, a beginning, some writes, or torn ones."""
        way = rng.choice(("nothing", "beginning", "some", "torn"))
        files: dict[str, bytes | bytearray] = dict(self._files)
        for file, ops in self._waiting.items():
            content = bytearray(files.get(file, b""))
            for op in _survivors(ops, way, rng):
                _apply(content, op)
            files[file] = content
        for rename in self._renames:
            if way != "nothing" and rng.random() < 0.5:
                _rename(files, rename)
        return {file: bytes(content) for file, content in files.items() if not file.endswith("-shm")}


def _rename(files: dict[str, Any], op: Op) -> None:
    """A renaming is whole or not at all; what it names was flushed before, or is not there."""
    if op[1] in files:
        files[op[3].decode()] = files.pop(op[1])


class RefusingDisk(RecordingDisk):
    """Refuses one operation, or everything from it on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.refuse_at = -1  # number of the operation; -1: none
        self.for_good = False
        self.refused = 0

    def refusal(self, file: str) -> Exception:
        """What is raised."""
        return apsw.IOError("refused by the test")

    def note(self, what: str, file: str, at: int = 0, data: bytes = b"") -> None:
        """As it comes, until the one that is refused."""
        number = len(self.ops)
        super().note(what, file, at, data)
        if self.refuse_at >= 0 and (number == self.refuse_at or (self.for_good and number > self.refuse_at)):
            self.refused += 1
            raise self.refusal(file)


class _RecordedFile(apsw.VFSFile):
    def __init__(self, disk: RecordingDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(_name(name)).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.note("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.note("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.note("sync", self._name)  # and nothing is flushed in fact: no power is cut in fact


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
