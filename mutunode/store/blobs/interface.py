"""What a place for whole files offers, and what may go wrong there."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class BlobError(Exception):
    """The place for files cannot do what was asked; nothing of it was done."""

    def __init__(self, text: str, fr: str = "") -> None:
        """What happened and what to do, in English and in French."""
        super().__init__(text)
        self.fr = fr or text


class BlobFull(BlobError):
    """There is no room: what was being written is as if it never began."""


class BlobGone(BlobError):
    """No such file is held whole."""


class BlobDamaged(BlobError):
    """What is on the disk is not what was put there; it is given to nobody."""


class Shelf(Protocol):
    """A place for whole files, by their ids. Any thread; ``put`` and ``drop`` of one id never at once."""

    def put(self, blob: bytes, file: Path, leaves: bytes) -> None:
        """Take a file over from the staging folder, durably: when this returns it is held, else it is not.

        ``leaves`` are those of its chunks, one after the other. ``file`` is gone afterwards. Putting what
        is held already changes nothing.

        Raises:
            BlobFull, BlobError
        """

    def put_short(self, files: Sequence[tuple[bytes, Path]]) -> None:
        """Take over files of one chunk at most, each as ``put`` does, waiting for the disk once for all."""

    def size(self, blob: bytes) -> int | None:
        """How long a file is, in bytes; None when it is not held."""

    def leaves(self, blob: bytes) -> bytes:
        """What ``put`` was given; b"" when it can be made again from the content. Raises ``BlobGone``."""

    def read(self, blob: bytes, start: int, end: int) -> bytes:
        """Bytes ``start`` ≤ i < ``end``, fewer beyond the end. Raises ``BlobGone``."""

    def drop(self, blob: bytes) -> None:
        """Forget a file, if it is there."""

    def each(self) -> Iterator[tuple[bytes, int]]:
        """(id, size) of every file held."""

    def clean(self) -> int:
        """Remove what a stop in the middle of ``put`` or ``drop`` left; how many things that were."""


@contextmanager
def disk_refusals(what: str) -> Iterator[None]:
    """Say what the system's refusals mean to whoever runs the node."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobGone(f"{what}: not here", f"{what} : n’est pas là") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise BlobFull(f"{what}: the disk is full; free some room, then try again") from error
        raise BlobError(
            f"{what}: the disk refuses ({error.strerror}); check the folder",
            f"{what} : le disque refuse ; voyez le dossier et ses droits",
        ) from error
