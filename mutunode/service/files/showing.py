"""What a reader sees of a file before taking it: a small picture, or the beginning of a text."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from mutunode.protocol.ids import blob_text
from mutunode.service import lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.files import having, keeping, names, picture, sniffing

TEXT_BYTES_MAX = 6_000  # a page of it
PICTURES_KEPT_MAX = 2_000  # × some 100 KB
PLAYED = ("audio/", "video/")


class Opened(msgspec.Struct, frozen=True):
    """A file of a record, as it may be given to a browser."""

    blob: str
    name: str  # safe for any folder
    size: int
    media_type: str  # by its content: what the record says of it may be anything
    held: bool

    @property
    def is_played(self) -> bool:
        """Whether a browser has a player for it."""
        return self.media_type.startswith(PLAYED)


class Beginning(msgspec.Struct, frozen=True):
    """The beginning of a text."""

    text: str
    markdown: bool
    cut: bool


def opened(desk: Desk, rec: str, index: int) -> Opened:
    """A file of a record by its place; its content is looked at, when it is here."""
    stored = lookup.record(desk, rec)
    files = having.described(stored) if stored.state not in ("erased", "missing") else []
    if not 0 <= index < len(files):
        raise Refusal(
            "no_such_file", Exit.NOT_FOUND, "Cette fiche n’a pas ce fichier.", "This record has no such file."
        )
    blob, item = files[index]
    file = desk.reader.file(blob)
    held = file is not None and file.held
    given = str(item.get("name") or "")
    head = b"".join(having.read(desk, blob, 0, sniffing.HEAD_BYTES)) if held else b""
    media_type = sniffing.media_type(head, given) if held else str(item.get("media_type") or sniffing.UNKNOWN)
    size = file.size if file is not None and held else item["size"]
    return Opened(blob_text(blob), names.safe(given, blob_text(blob)[:16]), size, media_type, held)


def beginning(desk: Desk, file: Opened, blob: bytes) -> Beginning | None:
    """The first page of a text that is here; None for anything else."""
    if not file.held or file.media_type not in ("text/plain", "text/markdown", "text/csv"):
        return None
    raw = b"".join(having.read(desk, blob, 0, TEXT_BYTES_MAX))
    text = raw.decode("utf-8", "ignore" if len(raw) < file.size else "replace")
    return Beginning(text, file.media_type == "text/markdown", len(raw) < file.size)


def small_picture(desk: Desk, file: Opened, blob: bytes) -> bytes | None:
    """A PNG made anew of a picture or of the first page of a PDF; kept, and made again when lost."""
    if not file.held or not picture.can_be_drawn(file.media_type, file.size):
        return None
    kept = keeping.picture_place(desk, blob)
    try:
        return kept.read_bytes() or None
    except OSError:
        pass
    drawn = _draw(desk, file, blob)
    _keep(kept, drawn or b"")  # nothing can be made of it: not tried again each time
    return drawn


def _draw(desk: Desk, file: Opened, blob: bytes) -> bytes | None:
    with tempfile.NamedTemporaryFile(prefix="mutunode-picture-") as copy:
        for piece in having.read(desk, blob):
            copy.write(piece)
        copy.flush()
        return picture.draw(Path(copy.name), file.media_type)


def _keep(path: Path, content: bytes) -> None:
    """In a folder that may be emptied at any time."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        old = sorted(path.parent.glob("*.png"), key=lambda each: each.stat().st_mtime)
        for each in old[: max(0, len(old) - PICTURES_KEPT_MAX + 1)]:
            each.unlink(missing_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        new.write_bytes(content)
        new.replace(path)
    except OSError:
        return  # made again the next time
