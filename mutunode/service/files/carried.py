"""Files on a USB key (PROTOCOL §9): frames of type 15, the chunks of each file in their order.

A DATA says neither its file nor its place: both follow from its proof. A reader tries the place after the
one before, then the first place of another file, then all; what leads to the id of a file that a record cites
is a chunk of it, wherever it came from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from mutunode.protocol import messages
from mutunode.protocol.blobs import blob_id, chunk_bytes, chunk_count, chunk_leaf
from mutunode.protocol.limits import FILE_BYTES_MAX
from mutunode.protocol.merkle import EMPTY_ROOT, root_by_proof
from mutunode.service.desk import Desk
from mutunode.service.files import keeping
from mutunode.service.framefile import FrameWriter
from mutunode.store.blobs import BlobError, Incoming
from mutunode.store.interface import File

TRIED_MAX = 65_536  # places of a file, when the one that should follow does not fit
SETTLE_SECONDS, SETTLE_SECONDS_MAX = 0.5, 20.0  # until records that came are shown


def write(desk: Desk, frames: FrameWriter) -> int:
    """Write all files that are held and cited in public; how many."""
    written = 0
    for file in desk.reader.files():
        if file.held and any(cite.public for cite in desk.reader.cites(file.blob)):
            for index in range(chunk_count(file.size)):
                try:
                    size, chunk, path = desk.library.chunk(file.blob, index)
                except BlobError:
                    desk.mend(file.blob, file.size)
                    break
                frames.write(messages.Data(messages.PUSH, size, chunk, tuple(path)))
            else:
                written += 1
    return written


class Taker:
    """Takes chunks that a key carries, of files that records held here cite."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: Incoming | None = None
        self._next = 0
        self.taken = 0  # files that are whole now

    def wait_for_records(self) -> None:
        """Until what came before the files is shown: it says which of them are meant."""
        seen, since, until = -1, 0.0, time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < until:
            now = self._desk.reader.newest_change()
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > SETTLE_SECONDS:
                break
            time.sleep(SETTLE_SECONDS / 10)
        self._desk.follow_files()

    def take(self, data: messages.Data) -> None:
        """One chunk; what belongs to no file that is cited, or is held already, is passed over."""
        found = self._place(data)
        if found is None:
            return
        blob, index, leaf = found
        incoming = self._incoming(blob, data.size)
        if incoming is None:
            return
        incoming.put(index, data.chunk, leaf)
        self._next = index + 1
        if incoming.is_complete:
            self._desk.library.arrived(incoming)
            self._open = None
            now = self._desk.now()
            keeping.put(self._desk, [File(blob, data.size, True, "asked", now)])
            self.taken += 1

    def close(self) -> None:
        """Leave what is not whole for the next key, or for peers."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _incoming(self, blob: bytes, size: int) -> Incoming | None:
        if self._open is not None and self._open.blob == blob:
            return self._open
        self.close()
        held = self._desk.reader.file(blob)
        if (held is not None and held.held) or not self._desk.reader.cites(blob):
            return None
        self._open = self._desk.library.fetch(blob, size)
        return self._open

    def _place(self, data: messages.Data) -> tuple[bytes, int, bytes] | None:
        count, leaf = chunk_count(data.size), chunk_leaf(data.chunk)
        if not 0 < data.size <= FILE_BYTES_MAX:
            return None
        for index in self._places(count):
            if len(data.chunk) != chunk_bytes(data.size, index):
                continue
            root = root_by_proof(leaf, index, count, data.path)
            blob = blob_id(data.size, root or EMPTY_ROOT)
            if root is not None and self._is_meant(blob):
                return blob, index, leaf
        return None

    def _is_meant(self, blob: bytes) -> bool:
        return (self._open is not None and self._open.blob == blob) or bool(self._desk.reader.cites(blob))

    def _places(self, count: int) -> Iterator[int]:
        if 0 < self._next < count:
            yield self._next
        yield 0
        if self._open is not None:  # something between was damaged
            yield from range(self._next + 1, min(count, TRIED_MAX))
