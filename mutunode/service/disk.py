"""Paths that a person gave, and what the disk refuses, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from mutunode import system
from mutunode.service.errors import Exit, Refusal


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
        return Refusal(
            "full",
            Exit.READ_ONLY,
            f"{path} : il n’y a plus de place à cet endroit. Libérez-en ou choisissez-en un autre, puis "
            "recommencez.",
            f"{path}: there is no room left in this place. Free some or choose another, then try again.",
        )
    code = Exit.NOT_FOUND if isinstance(error, FileNotFoundError) else Exit.USAGE
    fr, en = system.why(error)
    return Refusal("disk", code, f"{path} : {fr}.", f"{path}: {en}.")
