"""What a simulated network of many nodes does once where each of its nodes would do it again.

A thousand nodes in one process check the same signature and read the same frame a thousand times. These are
pure functions of bytes: remembering their answers changes nothing that a node does, only how long it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from mutunode.protocol import entry, handshake, head, identity, messages, rows
from mutunode.store import memory_contents, memory_logs

REMEMBERED = 20_000  # more than is under way at any moment

_PURE: list[tuple[Any, str]] = [
    (head, "verify"),
    (head, "log_id"),
    (head, "cosigned"),
    (identity, "verify"),
    (handshake, "verify"),
    (messages, "decode"),
    (entry, "parse_header"),
    (rows, "unpack"),
    (memory_contents, "read"),
    (memory_contents, "header_of"),
    (memory_contents, "rec_id"),
    (memory_logs, "check_body"),
    (memory_logs, "header_of"),
    (memory_logs, "leaf_of"),
    (memory_logs, "Leaf"),
]


@contextmanager
def remembering(*, frames: bool = False) -> Iterator[None]:
    """Within it, pure functions remember; ``frames``: what was written by one of us is not read again.

    That a frame is read as it was written is for smaller networks to show, and for their liars.
    """
    before = [(module, name, getattr(module, name)) for module, name in _PURE]
    written = [(messages, "encode", messages.encode), (rows, "pack", rows.pack)]
    try:
        for module, name, function in before:
            setattr(module, name, _remembering(function))
        if frames:
            encode, decode = _reading_what_was_written(messages.encode, messages.decode)
            packing = _packing_once(rows.pack)
            faster = (messages, "encode", encode), (messages, "decode", decode), (rows, "pack", packing)
            for module, name, function in faster:
                setattr(module, name, function)
        yield
    finally:
        for module, name, function in before + written:
            setattr(module, name, function)


def _remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    known = lru_cache(maxsize=REMEMBERED)(function)

    def answer(*given: Any) -> Any:
        found = known(*given)
        return list(found) if type(found) is list else found  # whoever gets one may change it

    return answer if function is rows.unpack else known


def _reading_what_was_written(
    encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]
) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    known: dict[bytes, Any] = {}

    def encoding(message: Any) -> bytes:
        frame = encode(message)
        if len(known) > REMEMBERED:
            known.clear()
        known[frame] = message
        return frame

    def decoding(frame: bytes) -> Any:
        message = known.get(frame)
        return decode(frame) if message is None else message

    return encoding, decoding


def _packing_once(pack: Callable[..., Any]) -> Callable[..., Any]:
    @lru_cache(maxsize=REMEMBERED)
    def packed(given: tuple[Any, ...], compressed: bool) -> Any:
        return pack(given, compressed=compressed)

    return lambda given, *, compressed: packed(tuple(given), compressed)
