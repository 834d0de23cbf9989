"""The files of a simulated node: what a crash leaves of them, and a disk that refuses, lies or is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutunode.protocol import messages
from mutunode.protocol.blobs import Tree, chunk_count, chunk_leaf
from mutunode.protocol.effects import FileEffect, LeaveFile, OpenFile, PutChunk, ReadChunk
from mutunode.protocol.limits import CHUNK_BYTES

if TYPE_CHECKING:
    from tests.simulator.actor import Actor


def chunks_of(content: bytes) -> list[bytes]:
    """A file, cut."""
    return [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]


_trees: dict[bytes, Tree] = {}  # by the first chunk: tests use few files


def data_of(id: int, chunks: list[bytes], index: int) -> messages.Data:
    """A chunk with its proof."""
    if chunks[0] not in _trees or _trees[chunks[0]].size != len(chunks):
        _trees[chunks[0]] = Tree([chunk_leaf(chunk) for chunk in chunks])
    path = tuple(_trees[chunks[0]].proof(index))
    return messages.Data(id, sum(map(len, chunks)), chunks[index], path)


class Disk:
    """Does what the core wants done with files, a moment later."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self.whole: dict[bytes, list[bytes]] = {}
        self.parts: dict[bytes, dict[int, bytes]] = {}
        self.open: set[bytes] = set()
        self.is_full = False
        self.read_seconds = 0.0
        self.reads = 0

    def does(self, effect: FileEffect) -> None:
        """Later, as a disk does."""
        wait = self.read_seconds if isinstance(effect, ReadChunk) else 0.0
        self._actor.world.at(self._actor.world.now + wait, lambda: self._does(effect))

    def _does(self, effect: FileEffect) -> None:
        match effect:
            case OpenFile(blob, size):
                self._opens(blob, size)
            case PutChunk():
                self._puts(effect)
            case LeaveFile(blob):
                self.open.discard(blob)
            case ReadChunk():
                self._reads(effect)

    def _opens(self, blob: bytes, size: int) -> None:
        self.open.add(blob)
        if not chunk_count(size):
            self.whole[blob] = []
        held, whole = frozenset(self.parts.get(blob, ())), blob in self.whole
        self._actor.does(lambda node, now: node.file_opened(blob, held, whole, now))

    def _puts(self, put: PutChunk) -> None:
        assert chunk_leaf(put.chunk) == put.leaf
        if self.is_full:
            self._actor.does(lambda node, now: node.file_failed(put.blob, "full", 1, now))
            return
        parts = self.parts.setdefault(put.blob, {})
        parts[put.index] = bytes(put.chunk)
        whole = len(parts) == chunk_count(put.size)
        if whole:
            self.whole[put.blob] = [parts[index] for index in range(len(parts))]
            del self.parts[put.blob]
        self._actor.does(lambda node, now: node.chunk_put(put.blob, put.index, whole, now))

    def _reads(self, read: ReadChunk) -> None:
        self.reads += 1
        data = data_of(read.id, self.whole[read.blob], read.index)
        frame = messages.encode(data)
        self._actor.does(lambda node, now: node.chunk_read(read.link, read.id, frame, now))
