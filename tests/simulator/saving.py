"""A run put aside in a file, and taken up again: the whole world with its appointments, closures included.

``pickle`` does all of it but three things: functions made within functions (what a core wants done later),
the cells they share, and private keys. A file is read by the very sources that wrote it, and by nobody who
did not write it himself: reading one runs what stands in it.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import marshal
import os
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CellType, FunctionType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

ROOT = Path(__file__).parents[2]
STACK_BYTES = 1 << 30  # of the thread that walks through the world: it goes from node to node
DEPTH = 1_000_000


class OtherSources(Exception):
    """The file was written by other sources than these: its run cannot go on here."""


def save(run: object, path: Path) -> None:
    """Put a run aside: the file there before is kept until the new one is whole."""
    half = path.with_suffix(".half")
    with half.open("wb") as file:
        file.write(_sources())
        _deeply(lambda: _Saver(file, protocol=pickle.HIGHEST_PROTOCOL).dump(run))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def load(path: Path) -> Any:
    """Take a run up again; ``OtherSources`` when these are not the ones that saved it."""
    content = path.read_bytes()
    sources = _sources()
    if not content.startswith(sources):
        raise OtherSources(f"{path} was written by other sources: begin anew, without --resume")
    return _deeply(lambda: pickle.load(io.BytesIO(memoryview(content)[len(sources) :])))


def _sources() -> bytes:
    hashed = hashlib.sha256(sys.version.encode())
    for folder in ("mutunode/protocol", "mutunode/store", "tests/simulator", "tests/store"):
        for path in sorted((ROOT / folder).glob("*.py")):
            hashed.update(path.read_bytes())
    return hashed.digest()


def _deeply(act: Callable[[], Any]) -> Any:
    """Do something that calls itself as often as the world is wide."""
    done: list[Any] = []
    limit, stack = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
    sys.setrecursionlimit(DEPTH)
    try:
        thread = threading.Thread(target=lambda: done.append(act()))
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(stack)
    (found,) = done  # else the thread told why not
    return found


class _Saver(pickle.Pickler):
    def reducer_override(self, given: Any) -> Any:
        kind = type(given)
        if kind is FunctionType and "<" in given.__qualname__:
            named = (marshal.dumps(given.__code__), given.__module__, given.__qualname__)
            return _function, (*named, given.__defaults__, given.__kwdefaults__, given.__closure__)
        if kind is CellType:
            return _empty_cell, (), given.cell_contents, None, None, _fill
        if isinstance(given, Ed25519PrivateKey):
            return Ed25519PrivateKey.from_private_bytes, (given.private_bytes_raw(),)
        if isinstance(given, X25519PrivateKey):
            return X25519PrivateKey.from_private_bytes, (given.private_bytes_raw(),)
        return NotImplemented


def _function(
    code: bytes, module: str, name: str, defaults: Any, by_name: Any, cells: tuple[CellType, ...] | None
) -> FunctionType:
    within = vars(importlib.import_module(module))
    made = FunctionType(marshal.loads(code), within, name.rpartition(".")[2], defaults, cells)
    made.__kwdefaults__ = by_name
    made.__qualname__ = name
    return made


def _empty_cell() -> CellType:
    return CellType()


def _fill(cell: CellType, content: Any) -> None:
    cell.cell_contents = content
