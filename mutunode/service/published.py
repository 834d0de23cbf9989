"""Answer of whatever signs one record."""

from __future__ import annotations

import msgspec


class Published(msgspec.Struct, frozen=True):
    """Answer of ``publish`` and its kin."""

    id: str
    index: int
    log: str
    created: bool  # False: the same content already stood there
    revises: str = ""
    sealed_for: str = ""  # org id of the only one that can read it
