"""Files that wait between being looked at and being taken: one a session, on disk, gone with the session."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from mutunode.service import disk
from mutunode.web.forms import Upload
from mutunode.web.sessions import SESSIONS_MAX

COPY_BYTES = 1024 * 1024
NAME_SHOWN = 80  # of its letters, where it is told
MAPPING_BYTES_MAX = 65_536  # a few dozen rules


class Waiting(msgspec.Struct, frozen=True):
    """One file that waits."""

    id: str  # changes with every upload: a form speaks of the file it was made for
    name: str
    path: Path
    format: str
    size: int
    mapping: str = ""  # text of a mapping file that came with it
    mapping_name: str = ""


class Uploads:
    """At most one file for each session, in a folder that goes when the node stops."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mutunode-import-")
        self._files: dict[str, Waiting] = {}
        self._count = 0

    def keep(self, session: str, upload: Upload, format: str, mapping: Upload | None = None) -> Waiting:
        """Put a file aside, in place of the one before; a mapping file is read at once.

        Raises:
            Refusal: there is no room for it.
        """
        self.drop(session)
        while len(self._files) >= SESSIONS_MAX:
            self.drop(next(iter(self._files)))
        self._count += 1
        path = Path(self._folder.name) / str(self._count)  # never the name somebody gave it
        try:
            with path.open("wb") as out:
                shutil.copyfileobj(upload.file, out, COPY_BYTES)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise disk.refusal(upload.name[:NAME_SHOWN], error) from error
        kept = Waiting(
            id=str(self._count),
            name=upload.name,
            path=path,
            format=format,
            size=upload.size,
            mapping=mapping.file.read(MAPPING_BYTES_MAX).decode("utf-8", "replace") if mapping else "",
            mapping_name=mapping.name if mapping else "",
        )
        self._files[session] = kept
        return kept

    def get(self, session: str, id: str) -> Waiting | None:
        """The file a form speaks of, if it still waits."""
        kept = self._files.get(session)
        return kept if kept is not None and kept.id == id else None

    def drop(self, session: str) -> None:
        """Forget the file of a session."""
        kept = self._files.pop(session, None)
        if kept is not None:
            kept.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget them all."""
        self._folder.cleanup()
