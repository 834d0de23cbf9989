"""Where files live: one interface, two places (folders of this machine, an S3 store), one contract test.

A file is whole under its id or not there at all. What is on its way in, added here or fetched from others,
stands in the *staging* folder of this machine and is nobody's file yet.
"""

from __future__ import annotations

from pathlib import Path

from mutunode.store.blobs.interface import BlobDamaged, BlobError, BlobFull, BlobGone, Shelf
from mutunode.store.blobs.library import Library
from mutunode.store.blobs.staging import Adding, Incoming

__all__ = [
    "Adding",
    "BlobDamaged",
    "BlobError",
    "BlobFull",
    "BlobGone",
    "Incoming",
    "Library",
    "Shelf",
    "open_blobs",
]


def open_blobs(url: str, home: Path) -> Library:
    """Open the files of a node; ``url`` "" is the folder ``blobs`` in its home.

    Raises:
        BlobError: the address is not one of a place for files, or what stands there cannot be used.
    """
    kind, _, place = url.partition("://")
    if not url:
        kind, place = "folder", str(home / "blobs")
    if kind == "folder" and place:
        from mutunode.store.blobs.folder import Folder

        return Library(Folder(Path(place)), home / "staging")
    if kind == "s3" and place:
        from mutunode.store.blobs.s3 import Bucket

        return Library(Bucket(url), home / "staging")
    raise BlobError(
        f"{url!r} is not the address of a place for files; expected folder://PATH or s3://BUCKET/…"
    )
