"""Is this folder what Tantivy wrote? Opening alone does not tell: it reads lazily and checks no sums.

Every data file ends with a footer that holds the CRC-32 of what stands before it. ``meta.json``, the list of
segments, has none: what it claims is compared with what the files say (how many documents there are, and how
many of them are deleted), and with the number that was committed together with them.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
FOOTER_MAGIC = 1337
_TAIL = struct.Struct("<II")  # the footer's length, and the magic number
FOOTER_BYTES_MAX = 4_096
LIST = "meta.json"
_WORD_BITS = 64  # of the bits that say which documents stand
_EXTENSIONS = ("fast", "fieldnorm", "idx", "pos", "store", "term")


class Damaged(Exception):
    """The index cannot be used; it is rebuilt from the store, nothing is lost."""


class Absent(Damaged):
    """There is none yet."""


def check_files(folder: Path) -> int:
    """Check the sum of every file of every segment; the number of documents ever written into them.

    Raises:
        Damaged: a file is missing, cut short or changed.
    """
    try:
        listed = segments(folder)
        for segment in listed:
            for name in files(segment):
                _check_sum(folder / name)
        return sum(int(segment["max_doc"]) for segment in listed)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise Damaged(f"the search index in {folder} is damaged: {error}") from error


def segments(folder: Path) -> list[dict[str, Any]]:
    """The list of segments, as Tantivy writes it."""
    listed: list[dict[str, Any]] = json.loads((folder / LIST).read_bytes())["segments"]
    return listed


def files(segment: dict[str, Any]) -> list[str]:
    """The names of a segment's files."""
    stem = segment["segment_id"].replace("-", "")
    names = [f"{stem}.{extension}" for extension in _EXTENSIONS]
    deletes = segment["deletes"]
    return names if deletes is None else [*names, f"{stem}.{deletes['opstamp']}.del"]


def write_no_deletions(folder: Path, segment: dict[str, Any]) -> None:
    """The file of a segment's deletions, with none: a bit for each document, set, and Tantivy's footer."""
    *_, beside, name = files(segment)
    with (folder / beside).open("rb") as file:
        file.seek(-_TAIL.size, 2)
        length, _ = _TAIL.unpack(file.read())
        file.seek(-_TAIL.size - length, 2)
        footer = json.loads(file.read(length))  # says which Tantivy wrote it
    documents = int(segment["max_doc"])
    words = [(1 << min(_WORD_BITS, documents - at)) - 1 for at in range(0, documents, _WORD_BITS)]
    body = struct.pack(f"<I{len(words)}Q", documents, *words)
    ours = json.dumps({**footer, "crc": zlib.crc32(body)}).encode()
    (folder / name).write_bytes(body + ours + _TAIL.pack(len(ours), FOOTER_MAGIC))


def _check_sum(path: Path) -> None:
    """Compare the CRC-32 in the footer with the file's."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL.size, 0))
        footer_length, magic = _TAIL.unpack(file.read())
        body = size - _TAIL.size - footer_length
        if magic != FOOTER_MAGIC or not 0 < footer_length <= FOOTER_BYTES_MAX or body < 0:
            raise ValueError(f"{path.name} has no footer")
        file.seek(body)
        expected = json.loads(file.read(footer_length))["crc"]
        file.seek(0)
        left, found = body, 0
        while left:
            chunk = file.read(min(left, CHUNK_BYTES))
            found, left = zlib.crc32(chunk, found), left - len(chunk)
    if found != expected:
        raise ValueError(f"{path.name} does not have the sum it was written with")
