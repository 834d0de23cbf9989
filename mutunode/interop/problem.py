"""What is wrong with a file: one row of it, or all of it."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """A row that cannot be taken: the line it starts on, the field if one is to blame, and why."""

    line: int
    fr: str
    en: str
    field: str = ""


class Unreadable(Exception):
    """Nothing of this file, or of this mapping, can be used."""

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(en)
        self.fr = fr
        self.en = en
