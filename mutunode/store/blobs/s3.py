"""Whole files in a bucket of an S3 store: the content as one object, and one of its leaves, put last.

What has no leaves is not held: a stop in the middle leaves content that nobody can ask for, until ``clean``.
Where the store is and who we are to it comes from the environment, as its tools expect it (``AWS_…``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutunode.protocol.blobs import chunk_count, chunk_leaf
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import blob_text, parse
from mutunode.protocol.merkle import HASH_BYTES
from mutunode.store.blobs.interface import BlobError, BlobGone

if TYPE_CHECKING:
    from obstore.store import S3Store

PART_BYTES = 8 * 1_024 * 1_024  # × 10,000 parts, as many as S3 takes: 80 GiB
PARTS_AT_ONCE = 3  # 24 MiB of memory
SHORT_AT_ONCE = 8
SECONDS_MAX = "60s"  # for one request
CONTENT, LEAVES = "content/", "leaves/"


class Bucket:
    """A shelf in an S3 store."""

    def __init__(self, url: str) -> None:
        from obstore.store import S3Store

        with _refusals(url):
            self._store: S3Store = S3Store.from_url(
                url, client_options={"timeout": SECONDS_MAX, "allow_http": True}
            )
        self._url = url

    def put(self, blob: bytes, file: Path, leaves: bytes) -> None:
        """The content in parts, then the leaves."""
        import obstore

        name = blob_text(blob)
        with _refusals(name):
            if self.size(blob) is None:
                obstore.put(
                    self._store, CONTENT + name, file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
                size = file.stat().st_size
                obstore.put(self._store, LEAVES + name, size.to_bytes(8, "big") + leaves)
        file.unlink(missing_ok=True)

    def put_short(self, files: Sequence[tuple[bytes, Path]]) -> None:
        """Several at once: each waits for the network."""

        def put(given: tuple[bytes, Path]) -> None:
            blob, file = given
            self.put(blob, file, chunk_leaf(file.read_bytes()))

        with ThreadPoolExecutor(SHORT_AT_ONCE) as pool:
            list(pool.map(put, files))

    def size(self, blob: bytes) -> int | None:
        """As it stands before the leaves."""
        import obstore

        try:
            with _refusals(blob_text(blob)):
                raw = obstore.get_range(self._store, LEAVES + blob_text(blob), start=0, end=8)
        except BlobGone:
            return None
        return int.from_bytes(bytes(raw), "big")

    def leaves(self, blob: bytes) -> bytes:
        """What was put last."""
        return self._marker(blob)[8:]

    def read(self, blob: bytes, start: int, end: int) -> bytes:
        """A part of the content."""
        import obstore

        size = self.size(blob)
        if size is None:
            raise BlobGone(f"{blob_text(blob)}: not here")
        end = min(end, size)
        if start >= end:
            return b""
        with _refusals(blob_text(blob)):
            return bytes(obstore.get_range(self._store, CONTENT + blob_text(blob), start=start, end=end))

    def drop(self, blob: bytes) -> None:
        """The leaves first: from then on it is not held."""
        import obstore

        for part in (LEAVES, CONTENT):
            try:
                with _refusals(blob_text(blob)):
                    obstore.delete(self._store, part + blob_text(blob))
            except BlobGone:
                pass

    def each(self) -> Iterator[tuple[bytes, int]]:
        """Whatever has its leaves."""
        sizes = {_blob(name): size for name, size in self._list(CONTENT)}
        for name, size in self._list(LEAVES):
            blob = _blob(name)
            if blob is not None and size == 8 + HASH_BYTES * chunk_count(sizes.get(blob, -1)):
                yield blob, sizes[blob]

    def clean(self) -> int:
        """Content without leaves, and leaves without content."""
        import obstore

        whole = {blob for blob, _ in self.each()}
        rest = [
            name for part in (CONTENT, LEAVES) for name, _ in self._list(part) if _blob(name) not in whole
        ]
        for name in rest:
            with _refusals(name):
                obstore.delete(self._store, name)
        return len(rest)

    def _marker(self, blob: bytes) -> bytes:
        import obstore

        with _refusals(blob_text(blob)):
            return bytes(obstore.get(self._store, LEAVES + blob_text(blob)).bytes())

    def _list(self, part: str) -> Iterator[tuple[str, int]]:
        import obstore

        with _refusals(self._url):
            for page in obstore.list(self._store, part):
                for found in page:
                    yield str(found["path"]), int(found["size"])


def _blob(name: str) -> bytes | None:
    try:
        return parse(name.rpartition("/")[2], "blob")
    except Malformed:
        return None


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    from obstore import exceptions

    not_found: Any = (FileNotFoundError, exceptions.NotFoundError)
    try:
        yield
    except not_found as error:
        raise BlobGone(f"{what}: not here") from error
    except (exceptions.BaseError, OSError) as error:
        raise BlobError(
            f"{what}: the object store does not answer as it should ({error})",
            f"{what} : le dépôt S3 ne répond pas comme il faut ; voyez son adresse, ses clés et le réseau",
        ) from error
