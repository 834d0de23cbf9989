"""The fake office has files: they come in pieces, and are had, fetched and let go."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from mutunode.protocol import ids
from mutunode.protocol.blobs import blob_of
from mutunode.service.errors import Exit, Refusal
from mutunode.service.files.names import safe
from mutunode.service.files.releasing import Released
from mutunode.service.files.showing import Beginning, Opened
from mutunode.service.files.sniffing import media_type
from tests.web.fake_reading import FakeReading
from tests.web.fake_shelf import not_on_the_loop

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class FakeUpload:
    """A file that comes in pieces."""

    def __init__(self, office: FakeReading, name: str) -> None:
        self._office, self.name, self._content = office, name, b""

    @property
    def size(self) -> int:
        return len(self._content)

    def write(self, piece: bytes | memoryview) -> None:
        not_on_the_loop()
        if b"no room" in bytes(piece):
            raise Refusal("full", Exit.READ_ONLY, "Le disque est plein.", "The disk is full.")
        self._content += piece

    def keep(self) -> dict[str, Any]:
        not_on_the_loop()
        chunks = [self._content[at : at + 262_144] for at in range(0, len(self._content), 262_144)]
        blob = ids.blob_text(blob_of(chunks)[0])
        self._office.contents[blob] = self._content
        kind = media_type(self._content, self.name)
        return {"blob": blob, "size": len(self._content), "media_type": kind, "name": self.name}

    def abandon(self) -> None:
        not_on_the_loop()
        self._office.abandoned.append(self.name)


class FakeArchive:
    """Files of records; ``office`` keeps what was done."""

    def __init__(self, office: FakeReading) -> None:
        self._office = office

    def opened(self, rec: str, index: int) -> Opened:
        not_on_the_loop()
        for line in self._office.show(rec).files:
            if line.index == index:
                content = self._office.contents.get(line.blob)
                kind = line.media_type
                return Opened(line.blob, safe(line.name), line.size, kind, content is not None)
        raise Refusal("no_such_file", Exit.NOT_FOUND, "Pas ce fichier.", "No such file.")

    def read(self, blob: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        not_on_the_loop()
        content = self._office.contents[blob][start:end]
        yield from (content[at : at + 1_000] for at in range(0, len(content), 1_000))

    def picture_of(self, file: Opened) -> bytes | None:
        not_on_the_loop()
        return PIXEL if file.media_type.startswith("image/") and file.held else None

    def beginning_of(self, file: Opened) -> Beginning | None:
        not_on_the_loop()
        if not file.held or not file.media_type.startswith("text/"):
            return None
        text = self._office.contents[file.blob][:200].decode("utf-8", "ignore")
        return Beginning(
            text, file.media_type == "text/markdown", len(self._office.contents[file.blob]) > 200
        )

    def progress(self, blob: str) -> tuple[int, int]:
        not_on_the_loop()
        return (3, 12)

    def ask_holders(self, rec: str) -> None:
        not_on_the_loop()

    def fetch(self, rec: str, blob: str = "") -> int:
        not_on_the_loop()
        self._office.fetched.append(rec)
        return 1

    def release(self, target: str) -> Released:
        not_on_the_loop()
        if target in self._office.kept_otherwise:
            return Released(target, (), 0, 1)
        was_promised = self._office.kept_for.pop(target) == "promised"
        return Released(target, (target,) if was_promised else (), 1, 0)

    def upload(self, name: str, media_type: str = "") -> FakeUpload:
        not_on_the_loop()
        return FakeUpload(self._office, name)


class FakeFiles(FakeReading):
    """An office with files."""

    @property
    def archive(self) -> FakeArchive:
        return FakeArchive(self)
