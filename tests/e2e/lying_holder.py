"""A node that gives something else than the files it holds: ``python -m tests.e2e.lying_holder run …``.

The product knows nothing of it: every chunk it gives has one byte changed, with the proof of the true one.
"""

from __future__ import annotations

import sys

from mutunode.store.blobs import Library
from mutunode_cli.main import main

honest = Library.chunk


def lie(self: Library, blob: bytes, index: int) -> tuple[int, bytes, list[bytes]]:
    """Nearly what was asked for."""
    size, chunk, path = honest(self, blob, index)
    return size, bytes([chunk[0] ^ 1]) + chunk[1:], path


if __name__ == "__main__":
    setattr(Library, "chunk", lie)  # noqa: B010 — what a checker of types rightly forbids
    sys.exit(main(sys.argv[1:]))
