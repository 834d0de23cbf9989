"""A file of frames, for a network that is carried in a pocket (PROTOCOL §9).

    "mutunode/1 frames" LF, then for each frame: its length in 4 bytes · CRC-32 in 4 bytes · the frame
    at the end: 8 zero bytes

What the frames say is verified as from any peer; the checksum only tells a worn USB key from a liar, so
that a damaged frame costs what stands in it and nothing else, and the end tells a copy that was cut short.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from mutunode.commons.words import Words
from mutunode.protocol import messages
from mutunode.protocol.limits import FRAME_BYTES_MAX

MAGIC = b"mutunode/1 frames\n"
LENGTH_BYTES = 4
PREFIX_BYTES = 2 * LENGTH_BYTES
END = bytes(PREFIX_BYTES)


class NotFrames(Exception):
    """This is no file of frames."""


class Found(msgspec.Struct, frozen=True):
    """A whole frame, and where it stands."""

    at: int
    frame: bytes


class Damage(msgspec.Struct, frozen=True):
    """Something that is not as it was written."""

    at: int
    what: Words


class FrameWriter:
    """Writes frames one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(MAGIC)

    def write(self, message: messages.Message) -> None:
        """Add one."""
        frame = messages.encode(message)
        self._file.write(len(frame).to_bytes(LENGTH_BYTES, "big") + _checksum(frame) + frame)

    def end(self) -> None:
        """Nothing follows."""
        self._file.write(END)


def scan(file: BinaryIO) -> Iterator[Found | Damage]:
    """Everything in a file, in order; raises ``NotFrames`` at once when it is none."""
    if file.read(len(MAGIC)) != MAGIC:
        raise NotFrames
    at = len(MAGIC)
    while (prefix := file.read(PREFIX_BYTES)) != END:
        length = int.from_bytes(prefix[:LENGTH_BYTES], "big")
        frame = file.read(length) if length <= FRAME_BYTES_MAX else b""
        if len(prefix) < PREFIX_BYTES or (len(frame) < length <= FRAME_BYTES_MAX):
            yield Damage(at, Words("le fichier s’arrête avant sa fin", "the file stops before its end"))
            return
        if not 0 < length <= FRAME_BYTES_MAX:
            yield Damage(at, Words("la suite est illisible", "what follows cannot be read"))
            return
        if _checksum(frame) != prefix[LENGTH_BYTES:]:
            yield Damage(at, Words("un passage est abîmé", "a passage is damaged"))
        else:
            yield Found(at, frame)
        at += PREFIX_BYTES + length
    if file.read(1):
        yield Damage(at, Words("quelque chose suit la fin", "something follows the end"))


def read_at(file: BinaryIO, at: int) -> bytes:
    """The frame that ``scan`` found there."""
    file.seek(at)
    length = int.from_bytes(file.read(PREFIX_BYTES)[:LENGTH_BYTES], "big")
    return file.read(min(length, FRAME_BYTES_MAX))


def _checksum(frame: bytes) -> bytes:
    return zlib.crc32(frame).to_bytes(LENGTH_BYTES, "big")
