"""The porter: does what the core decided about files, outside the turns, and tells it what became of it.

A few threads, so that one slow disk or one large file keeps nobody else. What concerns one file is done in
the order in which it was decided, and so is what one link reads. What a turn decided is handed over at once,
and what became of it is told at once: waking a thread costs as much as hashing half a chunk.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog

from mutunode.protocol import messages
from mutunode.protocol.blobs import chunk_count
from mutunode.protocol.effects import FileEffect, LeaveFile, OpenFile, PutChunk, ReadChunk
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.ids import blob_text
from mutunode.store.blobs import BlobDamaged, BlobError, BlobFull, BlobGone, Incoming, Library
from mutunode.turns import CloseAll, Input, Outward

WORKERS = 8
SHORT_WORKERS = 2  # one writes while the other waits for the disk
SHORT_AT_ONCE_MAX = 32  # × 256 KiB, half of the files that are fetched at once
TELL_SECONDS = 0.002  # of work, then what is done is told, whatever else is to be done

log = structlog.get_logger("files")

Post = Callable[[Input], None]
Job = Callable[[], Input | None]  # gives what the core is to hear
Inbox = queue.SimpleQueue[list[Job] | None]


class Porter:
    """Threads that carry chunks between the core and the library."""

    def __init__(self, library: Library, post: Post) -> None:
        """``post`` hands an input to the core, from any thread."""
        self._library = library
        self._post = post
        self._queues: list[Inbox] = [queue.SimpleQueue() for _ in range(WORKERS)]
        self._short: queue.SimpleQueue[PutChunk | None] = queue.SimpleQueue()
        self._incoming: dict[bytes, Incoming] = {}  # each touched by the one thread of its file
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name=f"files {number}", daemon=True)
            for number, each in enumerate(self._queues)
        ]
        self._threads += [
            threading.Thread(target=self._run_short, name=f"short files {number}", daemon=True)
            for number in range(SHORT_WORKERS)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in hand and end; what came of files is kept for the next start."""
        for each in self._queues:
            each.put(None)
        for _ in range(SHORT_WORKERS):
            self._short.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5.0)
        for incoming in self._incoming.values():
            incoming.close()

    def take(self, effects: Sequence[Outward]) -> Sequence[Outward]:
        """Do what concerns files; gives the rest. Called in the writer's thread."""
        rest: list[Outward] = []
        jobs: dict[int, list[Job]] = defaultdict(list)
        for effect in effects:
            if isinstance(effect, PutChunk) and chunk_count(effect.size) == 1:
                self._short.put(effect)
                continue
            if isinstance(effect, FileEffect):
                number, job = self._job(effect)
                jobs[number % WORKERS].append(job)
                continue
            if isinstance(effect, CloseAll):
                for blob in list(self._incoming):  # a new core starts and opens again what it wants
                    jobs[blob[0] % WORKERS].append(lambda blob=blob: self._leave(blob))  # type: ignore[misc]
            rest.append(effect)
        for number, each in jobs.items():
            self._queues[number].put(each)
        return rest

    def damaged(self, blob: bytes, size: int) -> None:
        """Somebody found that a file on the disk is not what was put there: mend it. Any thread."""
        self._queues[blob[0] % WORKERS].put([lambda: self._mend(blob, size)])

    def _job(self, effect: FileEffect) -> tuple[int, Job]:
        """What is to be done, and a number of what it must stay in order with."""
        match effect:
            case OpenFile(blob, size):
                return blob[0], lambda: self._open(blob, size)
            case PutChunk(blob=blob):
                return blob[0], lambda: self._put(effect)
            case LeaveFile(blob):
                return blob[0], lambda: self._leave(blob)
            case ReadChunk(link=link):
                return link, lambda: self._read(effect)

    def _run(self, given: Inbox) -> None:
        while (jobs := given.get()) is not None:
            done: list[Input] = []
            since = time.monotonic()
            for job in jobs:
                try:
                    told = job()
                except Exception:
                    log.exception("files")  # a bug: what it was about stalls, and is asked for again
                    continue
                if told is not None:
                    done.append(told)
                if done and time.monotonic() - since > TELL_SECONDS:
                    self._post(_all_of(done))
                    done, since = [], time.monotonic()
            if done:
                self._post(_all_of(done))

    # --- in ------------------------------------------------------------------------------------
    def _open(self, blob: bytes, size: int) -> Input:
        try:
            if self._library.size(blob) == size:
                return lambda node, now: node.file_opened(blob, frozenset(), True, now)
            incoming = self._begin(blob, size)
            held, whole = incoming.held, incoming.is_complete
            if whole:
                self._end(incoming)
        except BlobError as error:
            return self._failed(blob, error, 0)
        return lambda node, now: node.file_opened(blob, held, whole, now)

    def _begin(self, blob: bytes, size: int) -> Incoming:
        incoming = self._incoming.get(blob)
        if incoming is None:
            incoming = self._incoming[blob] = self._library.fetch(blob, size)
        return incoming

    def _end(self, incoming: Incoming) -> None:
        del self._incoming[incoming.blob]
        self._library.arrived(incoming)

    def _put(self, put: PutChunk) -> Input:
        try:
            whole = self._put_part(put)
        except BlobError as error:
            return self._failed(put.blob, error, 1)
        return _was_put(put.blob, put.index, whole=whole)

    def _run_short(self) -> None:
        """Files of one chunk need no journal. What waits is put together: one wait for the disk, one turn."""
        while (put := self._short.get()) is not None:
            puts = [put]
            with contextlib.suppress(queue.Empty):
                while len(puts) < SHORT_AT_ONCE_MAX and (more := self._short.get_nowait()) is not None:
                    puts.append(more)
                if len(puts) < SHORT_AT_ONCE_MAX:
                    self._short.put(None)  # it was the sign to stop: for the next look
            try:
                self._post(_all_of(self._put_short(puts)))
            except Exception:
                log.exception("files")  # a bug: they stall, and are asked for again

    def _put_short(self, puts: Sequence[PutChunk]) -> list[Input]:
        try:
            self._library.arrived_short([(put.blob, put.chunk) for put in puts])
        except BlobError as error:
            if len(puts) == 1:
                return [self._failed(puts[0].blob, error, 1)]
            return [told for put in puts for told in self._put_short([put])]  # which of them is it?
        return [_was_put(put.blob, put.index, whole=True) for put in puts]

    def _put_part(self, put: PutChunk) -> bool:
        incoming = self._begin(put.blob, put.size)
        incoming.put(put.index, put.chunk, put.leaf)
        if incoming.is_complete:
            self._end(incoming)
            return True
        return False

    def _failed(self, blob: bytes, error: BlobError, lost: int) -> Input:
        """Not put, and what is open of the file is closed: it begins again from what the disk kept."""
        log.warning("file", blob=blob_text(blob), error=str(error))
        self._leave(blob)
        why = "full" if isinstance(error, BlobFull) else "disk"
        return lambda node, now: node.file_failed(blob, why, lost, now)

    def _leave(self, blob: bytes) -> None:
        incoming = self._incoming.pop(blob, None)
        if incoming is not None:
            incoming.close()

    # --- out -----------------------------------------------------------------------------------
    def _read(self, read: ReadChunk) -> Input:
        frame: bytes | None = None
        try:
            size, chunk, path = self._library.chunk(read.blob, read.index)
            frame = messages.encode(messages.Data(read.id, size, chunk, tuple(path)))
        except (BlobDamaged, BlobGone):
            self.damaged(read.blob, read.size)
        except (BlobError, MutunodeError) as error:
            log.warning("file", blob=blob_text(read.blob), error=str(error))
        return lambda node, now: node.chunk_read(read.link, read.id, frame, now)

    def _mend(self, blob: bytes, size: int) -> Input:
        log.warning("file is damaged on the disk; it is fetched again", blob=blob_text(blob))
        try:
            self._library.take_back(blob, size)
        except BlobError as error:
            log.warning("file", blob=blob_text(blob), error=str(error))
        return lambda node, now: node.file_lost(blob, now)


def _was_put(blob: bytes, index: int, *, whole: bool) -> Input:
    return lambda node, now: node.chunk_put(blob, index, whole, now)


def _all_of(inputs: Sequence[Input]) -> Input:
    return lambda node, now: [effect for each in inputs for effect in each(node, now)]
