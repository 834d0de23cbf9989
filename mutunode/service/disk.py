"""Paths that a person gave, and what the disk refuses, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from mutunode import system
from mutunode.service.errors import Exit, Refusal
from mutunode.service.readonly import disk_full


def absolute(path: str) -> Path:
    """A path that means the same to the node as to whoever typed it.

    Raises:
        Refusal: it is relative.
    """
    if not Path(path).is_absolute():
        raise Refusal("usage", Exit.USAGE, "Il faut un chemin absolu.", "An absolute path is needed.")
    return Path(path)


def refusal(path: str, error: OSError) -> Refusal:
    """What the system said of a path, with the exit code that goes with it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full()
    code = Exit.NOT_FOUND if isinstance(error, FileNotFoundError) else Exit.USAGE
    fr, en = system.why(error)
    return Refusal("disk", code, f"{path} : {fr}.", f"{path}: {en}.")
