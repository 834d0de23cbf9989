"""Refusals as a list at the top of a form, each line leading to its field."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from mutunode.service.errors import Exit, Refusal
from mutunode.web.settings import Language


class Trouble(msgspec.Struct, frozen=True):
    """One thing to correct; ``anchor`` is the id of the control to mend, "" when it is none of the page's."""

    text: str
    field: str = ""
    anchor: str = ""


def troubles(refusal: Refusal, language: Language, fields: Collection[str]) -> tuple[Trouble, ...]:
    """What a refusal says, for a page whose controls are named ``fields``."""
    found = [
        Trouble(each.fr if language == "fr" else each.en, each.field, anchor(each.field, fields))
        for each in refusal.troubles
    ]
    return tuple(found) or (Trouble(refusal.fr if language == "fr" else refusal.en),)


def form_status(refusal: Refusal | None) -> int:
    """The HTTP status of a form that comes back: because of what was typed, or of this node."""
    if refusal is None:
        return 200
    if refusal.code == "full":
        return 507
    return 503 if refusal.exit == Exit.READ_ONLY else 400


def anchor(field: str, names: Collection[str]) -> str:
    """The id of the control of the field itself, else of the nearest part that has one."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in names:
            return f"f-{name}"
    first = next((name for name in names if parts[0] and name.split(".")[0] == parts[0]), "")
    return f"f-{first}" if first else ""
