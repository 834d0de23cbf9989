"""Files on their way in, on this machine: hashed as they are written, whole or thrown away.

``adding/`` holds what is given here, under names of chance, until its id is known; a stop loses it, and the
next start removes it. ``incoming/`` holds what is fetched, under the id that was asked for, with a journal of
the chunks that came and their leaves: a stop loses nothing, and whoever opens it again reads every chunk once
more, since a journal may say more than the disk kept.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from mutunode.protocol.blobs import blob_of_leaves, chunk_bytes, chunk_count, chunk_leaf
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import blob_text, parse
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.protocol.merkle import HASH_BYTES
from mutunode.store.blobs.durable import FILE_MODE, make_folder, write_all_new
from mutunode.store.blobs.interface import BlobDamaged, BlobFull, disk_refusals

JOURNAL = ".have"
NOTE_BYTES = 4 + HASH_BYTES  # the index, the leaf
ROOM_KEPT_BYTES = 64 * 1_024 * 1_024  # of the disk: for the records, whose journal may grow to it
ROOM_LOOKED_BYTES = 16 * 1_024 * 1_024  # so much may be written before looking again
BESIDE_BYTES_MIN = 512 * 1_024  # of a piece that is worth waking a thread for: hashed while it is written
FLUSH_BYTES = 32 * 1_024 * 1_024  # handed to the disk as one goes, or the end would wait for all of it…
ADDED_FLUSH_BYTES = 2 * 1_024 * 1_024  # …in small pieces where one goes fast: the cache is used again

_NEW = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Staging:
    """The two folders."""

    def __init__(self, path: Path, room_kept_bytes: int = ROOM_KEPT_BYTES) -> None:
        self.adding, self.incoming = path / "adding", path / "incoming"
        self._room_kept = room_kept_bytes
        with disk_refusals(str(path)):
            make_folder(self.adding)
            make_folder(self.incoming)
            for left in self.adding.iterdir():  # by a stop; whoever was giving it has to give it again
                left.unlink()

    def new(self) -> Path:
        """A name for what is being added."""
        return self.adding / secrets.token_hex(16)

    def write(self, files: Iterable[tuple[Path, bytes | memoryview]]) -> None:
        """Short files under new names, their content on the disk; ``BlobFull`` when there is no room."""
        self.check_room()
        with disk_refusals("files being added"):
            write_all_new(files)

    def place(self, blob: bytes) -> Path:
        """Where a file that is fetched stands."""
        return self.incoming / blob_text(blob)

    def drop(self, blob: bytes) -> None:
        """Forget what came of a file."""
        place = self.place(blob)
        for path in (place, place.with_name(place.name + JOURNAL)):
            path.unlink(missing_ok=True)

    def begun(self) -> set[bytes]:
        """Files of which something came."""
        found = set()
        for path in self.incoming.iterdir():
            try:
                found.add(parse(path.name.removesuffix(JOURNAL), "blob"))
            except Malformed:
                path.unlink(missing_ok=True)  # not ours
        return found

    def check_room(self, coming_bytes: int = 0) -> None:
        """Raise ``BlobFull`` when the disk would be too full for the records."""
        room = os.statvfs(self.adding)
        if room.f_bavail * room.f_frsize < self._room_kept + coming_bytes:
            raise BlobFull("the disk is nearly full; free some room, then try again")


class _Flusher:
    """Looks at the room, and hands what was written to the disk as one goes."""

    def __init__(self, staging: Staging, file: int, flush_bytes: int = FLUSH_BYTES) -> None:
        self._staging, self._file, self._flush_bytes = staging, file, flush_bytes
        self._unlooked = ROOM_LOOKED_BYTES
        self._unflushed = 0

    def wrote(self, size: int) -> None:
        """So much more."""
        self._unlooked += size
        if self._unlooked >= ROOM_LOOKED_BYTES:
            self._unlooked = 0
            self._staging.check_room()
        self._unflushed += size
        if self._unflushed >= self._flush_bytes:
            self._unflushed = 0
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)  # starts writing what is not written


class Adding:
    """A file that is given here, of which the id is known at the end."""

    def __init__(self, staging: Staging) -> None:
        self.path = staging.new()
        self.size = 0
        self._leaves: list[bytes] = []
        self._chunk = sha256(b"\0")
        self._room = CHUNK_BYTES  # of the chunk begun
        self._hashing: ThreadPoolExecutor | None = None  # while this thread writes
        with disk_refusals(str(self.path)):
            self._file = os.open(self.path, _NEW | os.O_EXCL, FILE_MODE)
        self._flusher = _Flusher(staging, self._file, ADDED_FLUSH_BYTES)

    def write(self, content: bytes | memoryview) -> None:
        """The next bytes; raises ``BlobFull`` when there is no room for them."""
        rest = memoryview(content)
        hashed = self._hash_beside(rest) if len(rest) >= BESIDE_BYTES_MIN else None
        try:
            with disk_refusals("a file being added"):
                self._flusher.wrote(len(rest))
                _write_all(self._file, rest, self.size)
        finally:
            if hashed is not None:
                hashed.result()
        self.size += len(rest)
        if hashed is None:
            self._hash(rest)

    def _hash_beside(self, content: memoryview) -> Future[None]:
        if self._hashing is None:
            self._hashing = ThreadPoolExecutor(1, "hashing")
        return self._hashing.submit(self._hash, content)

    def _hash(self, rest: memoryview) -> None:
        while rest:
            part, rest = rest[: self._room], rest[self._room :]
            self._chunk.update(part)
            self._room -= len(part)
            if not self._room:
                self._end_chunk()

    def _end_chunk(self) -> None:
        self._leaves.append(self._chunk.digest())
        self._chunk, self._room = sha256(b"\0"), CHUNK_BYTES

    def end(self) -> tuple[bytes, bytes]:
        """(id, leaves) once everything is on the disk; nothing more may be written."""
        if self._room < CHUNK_BYTES:
            self._end_chunk()
        with disk_refusals("a file being added"):
            os.fsync(self._file)
        self._close()
        return blob_of_leaves(self.size, self._leaves), b"".join(self._leaves)

    def abandon(self) -> None:
        """Throw it away."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._hashing is not None:
            self._hashing.shutdown()
            self._hashing = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Incoming:
    """A file that is fetched, chunk by chunk in any order; for one thread at a time."""

    def __init__(self, staging: Staging, blob: bytes, size: int) -> None:
        self.blob, self.size = blob, size
        self._staging = staging
        self._leaves: dict[int, bytes] = {}
        self.path = staging.place(blob)
        with disk_refusals(str(self.path)):
            staging.check_room()
            self._file = os.open(self.path, _NEW, FILE_MODE)
            journal = self.path.with_name(self.path.name + JOURNAL)
            self._journal = os.open(journal, _NEW | os.O_APPEND, FILE_MODE)
            self._read_again()
        self._flusher = _Flusher(staging, self._file)

    def _read_again(self) -> None:
        for index, leaf in self._notes():
            if index < chunk_count(self.size) and chunk_leaf(self._chunk(index)) == leaf:
                self._leaves[index] = leaf

    def _notes(self) -> Iterator[tuple[int, bytes]]:
        raw = os.pread(self._journal, os.fstat(self._journal).st_size, 0)
        for at in range(0, len(raw) - NOTE_BYTES + 1, NOTE_BYTES):
            yield int.from_bytes(raw[at : at + 4], "big"), raw[at + 4 : at + NOTE_BYTES]

    def _chunk(self, index: int) -> bytes:
        return os.pread(self._file, chunk_bytes(self.size, index), index * CHUNK_BYTES)

    @property
    def held(self) -> frozenset[int]:
        """Chunks that are there."""
        return frozenset(self._leaves)

    @property
    def is_complete(self) -> bool:
        """Whether all are."""
        return len(self._leaves) == chunk_count(self.size)

    def put(self, index: int, chunk: bytes | memoryview, leaf: bytes) -> None:
        """A chunk that was checked against the id, and its leaf; ``BlobFull`` when there is no room."""
        if index in self._leaves:
            return
        with disk_refusals(self.path.name):
            self._flusher.wrote(len(chunk))
            _write_all(self._file, memoryview(chunk), index * CHUNK_BYTES)
            os.write(self._journal, index.to_bytes(4, "big") + leaf)
        self._leaves[index] = leaf

    def end(self) -> bytes:
        """The leaves of all chunks, once everything is on the disk.

        Raises:
            BlobDamaged: they do not lead to the id, because the journal was damaged; all is thrown away.
        """
        leaves = [self._leaves[index] for index in range(chunk_count(self.size))]
        if blob_of_leaves(self.size, leaves) != self.blob:
            self.close()
            self._staging.drop(self.blob)
            raise BlobDamaged(f"{blob_text(self.blob)}: what came is not the file; it is fetched again")
        with disk_refusals(blob_text(self.blob)):
            os.fsync(self._file)
        self.close()
        return b"".join(leaves)

    def end_of_journal(self) -> None:
        """The file is in its place: nothing is on its way any more."""
        self._staging.drop(self.blob)

    def close(self) -> None:
        """Leave it for later."""
        if self._file >= 0:
            os.close(self._file)
            os.close(self._journal)
            self._file = self._journal = -1


def _write_all(file: int, content: memoryview, at: int) -> None:
    while content:
        wrote = os.pwrite(file, content, at)
        content, at = content[wrote:], at + wrote
