"""The porter: does what the core decided about files, outside the turns, and tells it what became of it.

A few threads, so that one slow disk or one large file keeps nobody else. What concerns one file is done in
the order in which it was decided, and so is what one link reads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

import structlog

from mutunode.protocol import messages
from mutunode.protocol.blobs import chunk_count
from mutunode.protocol.effects import FileEffect, LeaveFile, OpenFile, PutChunk, ReadChunk
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.ids import blob_text
from mutunode.store.blobs import BlobDamaged, BlobError, BlobFull, BlobGone, Incoming, Library
from mutunode.turns import CloseAll, Input, Outward

WORKERS = 4  # more than one file waits for the disk at once: the disk ends them together

log = structlog.get_logger("files")

Post = Callable[[Input], None]
Job = Callable[[], None]


class Porter:
    """Threads that carry chunks between the core and the library."""

    def __init__(self, library: Library, post: Post) -> None:
        """``post`` hands an input to the core, from any thread."""
        self._library = library
        self._post = post
        self._queues: list[queue.SimpleQueue[Job | None]] = [queue.SimpleQueue() for _ in range(WORKERS)]
        self._incoming: dict[bytes, Incoming] = {}  # each touched by the one thread of its file
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name=f"files {number}", daemon=True)
            for number, each in enumerate(self._queues)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in hand and end; what came of files is kept for the next start."""
        for each in self._queues:
            each.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5.0)
        for incoming in self._incoming.values():
            incoming.close()

    def take(self, effects: Sequence[Outward]) -> Sequence[Outward]:
        """Do what concerns files; gives the rest. Called in the writer's thread."""
        rest: list[Outward] = []
        for effect in effects:
            if isinstance(effect, FileEffect):
                self._accept(effect)
                continue
            if isinstance(effect, CloseAll):
                self._leave_all()
            rest.append(effect)
        return rest

    def damaged(self, blob: bytes, size: int) -> None:
        """Somebody found that a file on the disk is not what was put there: mend it. Any thread."""
        self._queue_of(blob[0]).put(lambda: self._mend(blob, size))

    def _accept(self, effect: FileEffect) -> None:
        match effect:
            case OpenFile(blob, size):
                self._queue_of(blob[0]).put(lambda: self._open(blob, size))
            case PutChunk(blob=blob):
                self._queue_of(blob[0]).put(lambda: self._put(effect))
            case LeaveFile(blob):
                self._queue_of(blob[0]).put(lambda: self._leave(blob))
            case ReadChunk(link=link):
                self._queue_of(link).put(lambda: self._read(effect))

    def _leave_all(self) -> None:
        """A new core starts and opens again what it wants."""
        for blob in list(self._incoming):
            self._queue_of(blob[0]).put(lambda blob=blob: self._leave(blob))  # type: ignore[misc]

    def _queue_of(self, number: int) -> queue.SimpleQueue[Job | None]:
        return self._queues[number % WORKERS]

    def _run(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("files")  # a bug: what it was about stalls, and is asked for again

    # --- in ------------------------------------------------------------------------------------
    def _open(self, blob: bytes, size: int) -> None:
        try:
            if self._library.size(blob) == size:
                self._post(lambda node, now: node.file_opened(blob, frozenset(), True, now))
                return
            incoming = self._begin(blob, size)
            held, whole = incoming.held, incoming.is_complete
            if whole:
                self._end(incoming)
            self._post(lambda node, now: node.file_opened(blob, held, whole, now))
        except BlobError as error:
            self._failed(blob, error, 0)

    def _begin(self, blob: bytes, size: int) -> Incoming:
        incoming = self._incoming.get(blob)
        if incoming is None:
            incoming = self._incoming[blob] = self._library.fetch(blob, size)
        return incoming

    def _end(self, incoming: Incoming) -> None:
        del self._incoming[incoming.blob]
        self._library.arrived(incoming)

    def _put(self, put: PutChunk) -> None:
        blob, index = put.blob, put.index
        try:
            whole = self._put_whole(put) if chunk_count(put.size) == 1 else self._put_part(put)
        except BlobError as error:
            self._failed(blob, error, 1)
            return
        self._post(lambda node, now: node.chunk_put(blob, index, whole, now))

    def _put_whole(self, put: PutChunk) -> bool:
        """A file of one chunk needs no journal."""
        adding = self._library.add()
        try:
            adding.write(put.chunk)
        except BaseException:
            adding.abandon()
            raise
        self._library.keep(adding)
        return True

    def _put_part(self, put: PutChunk) -> bool:
        incoming = self._begin(put.blob, put.size)
        incoming.put(put.index, put.chunk, put.leaf)
        if incoming.is_complete:
            self._end(incoming)
            return True
        return False

    def _failed(self, blob: bytes, error: BlobError, lost: int) -> None:
        """Not put, and what is open of the file is closed: it begins again from what the disk kept."""
        log.warning("file", blob=blob_text(blob), error=str(error))
        self._leave(blob)
        why = "full" if isinstance(error, BlobFull) else "disk"
        self._post(lambda node, now: node.file_failed(blob, why, lost, now))

    def _leave(self, blob: bytes) -> None:
        incoming = self._incoming.pop(blob, None)
        if incoming is not None:
            incoming.close()

    # --- out -----------------------------------------------------------------------------------
    def _read(self, read: ReadChunk) -> None:
        frame: bytes | None = None
        try:
            size, chunk, path = self._library.chunk(read.blob, read.index)
            frame = messages.encode(messages.Data(read.id, size, chunk, tuple(path)))
        except (BlobDamaged, BlobGone):
            self.damaged(read.blob, read.size)
        except (BlobError, MutunodeError) as error:
            log.warning("file", blob=blob_text(read.blob), error=str(error))
        self._post(lambda node, now: node.chunk_read(read.link, read.id, frame, now))

    def _mend(self, blob: bytes, size: int) -> None:
        log.warning("file is damaged on the disk; it is fetched again", blob=blob_text(blob))
        try:
            self._library.take_back(blob, size)
        except BlobError as error:
            log.warning("file", blob=blob_text(blob), error=str(error))
        self._post(lambda node, now: node.file_lost(blob, now))
