"""News by USB key, outwards (PROTOCOL §9): everything that a peer could get from us, in a file of frames."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from mutunode.protocol import messages, rows
from mutunode.protocol.entry import Entry, Row
from mutunode.protocol.limits import (
    ENTRIES_PER_ANSWER_MAX,
    FRAME_BYTES_MAX,
    HEADS_PER_FRAME_MAX,
    IDENTITY_OPS_MAX,
)
from mutunode.service import disk
from mutunode.service.desk import Desk
from mutunode.service.files import carried
from mutunode.service.framefile import FrameWriter
from mutunode.service.params import Emit
from mutunode.store.interface import Organisation

ROW_FRAMING_BYTES = 12  # an array, and the lengths of three byte strings
ROWS_BYTES_MAX = FRAME_BYTES_MAX - 16 * 1_024  # room for ids and what wraps a frame


class Written(msgspec.Struct, frozen=True):
    """Answer of ``sync --to``."""

    path: str
    registers: int
    entries: int
    bytes: int
    files: int = 0


def write_to(desk: Desk, path: str, emit: Emit, *, files: bool = False) -> Written:
    """Write everything that a peer could get from us; with ``files``, those of the records too.

    Raises:
        Refusal: the file cannot be written; what stood there before is untouched.
    """
    target = disk.absolute(path)
    beside = target.with_name(f".{target.name}.part")
    try:
        with beside.open("wb") as file:
            registers, entries, carried_files = _write(desk, file, emit, files=files)
            file.flush()
            os.fsync(file.fileno())  # the key is pulled out as soon as we say so
            size = file.tell()
        os.replace(beside, target)
    except OSError as error:
        raise disk.refusal(path, error) from None
    finally:
        with contextlib.suppress(OSError):  # a key turned read-only takes nothing away either
            beside.unlink(missing_ok=True)
    return Written(path, registers, entries, size, carried_files)


def _write(desk: Desk, file: BinaryIO, emit: Emit, *, files: bool) -> tuple[int, int, int]:
    frames = FrameWriter(file)
    shown = [each for each in desk.reader.organisations() if each.head and each.chain and not each.blocked]
    for organisation in shown:
        _write_identity(frames, organisation)
    heads = [each.head for each in shown if each.head is not None]
    for start in range(0, len(heads), HEADS_PER_FRAME_MAX):
        page = tuple(heads[start : start + HEADS_PER_FRAME_MAX])
        frames.write(messages.Heads(messages.PUSH, bytes(8), 0, False, page))
    entries = 0
    for done, head in enumerate(heads):
        emit({"progress": {"done": done, "total": len(heads)}})
        walk = itertools.islice(desk.reader.log_walk(head.log), head.size)
        for start, taken in _batches(walk):
            enc, payload = rows.pack(taken, compressed=True)
            frames.write(messages.Entries(messages.PUSH, head.log, start, 1 if enc else 0, payload))
            entries += len(taken)
    carried_files = carried.write(desk, frames) if files else 0
    frames.end()
    return len(heads), entries, carried_files


def _write_identity(frames: FrameWriter, organisation: Organisation) -> None:
    chain = organisation.chain
    assert chain is not None, "only those with a chain are shown"
    for start in range(0, max(1, len(chain.ops)), IDENTITY_OPS_MAX):
        ops = tuple((each.op.raw, each.signature) for each in chain.ops[start : start + IDENTITY_OPS_MAX])
        frames.write(messages.Identity(messages.PUSH, chain.genesis.raw, ops, ()))


def _batches(entries: Iterator[Entry]) -> Iterator[tuple[int, list[Row]]]:
    """Entries in runs that fit a frame, each with the place of its first."""
    start, size = 0, 0
    batch: list[Row] = []
    for entry in entries:
        weight = len(entry.header) + len(entry.salt) + len(entry.body) + ROW_FRAMING_BYTES
        if batch and (size + weight > ROWS_BYTES_MAX or len(batch) >= ENTRIES_PER_ANSWER_MAX):
            yield start, batch
            start, size, batch = start + len(batch), 0, []
        batch.append((entry.header, entry.salt, entry.body))
        size += weight
    if batch:
        yield start, batch
