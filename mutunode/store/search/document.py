"""A record as the index takes it.

What a kind's fields mean is not known here: the service makes documents, and the index asks it for them.
"""

from __future__ import annotations

import msgspec

KEY_WEIGHT = 2.0  # texts of this weight and more (keywords, subjects) count beside the title


class Owner(msgspec.Struct, frozen=True):
    """What an organisation is called now: apart from its records, so that a new name reaches them all."""

    org: bytes
    name: str


class Document(msgspec.Struct, frozen=True):
    """What is searched of one record, and what it is filtered by."""

    rec: bytes
    log: bytes
    index: int
    org: bytes
    space: bytes
    kind: str
    nature: str  # what people call it: the kind's own type ("software"), or the kind when it has none
    sense: str
    time: int  # its author's claim, Unix seconds
    titles: list[tuple[str, str]]  # (language, text)
    texts: list[tuple[str, str, float]]  # (language, text, weight)
    languages: list[str]
    license_class: str
    license: str
    external: str | None = None  # the author's own key or the address of the thing itself
    things: tuple[str, ...] = ()  # what it is about, as keys that others' records of the same thing bear too
