"""The controls of a form: what `form.html` draws, and where a list of errors leads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from mutunode.web.troubles import Trouble, anchor

Shape = Literal["line", "area", "select", "radios", "check", "license", "group", "files"]

OTHER = "+other"  # "another licence, in full"
AREA_ROWS = 4


class Offer(msgspec.Struct, frozen=True):
    """One answer to choose."""

    code: str
    label: str
    help: str = ""


class Control(msgspec.Struct, frozen=True):
    """One field of a form, or a group of them."""

    name: str
    shape: Shape
    label: str
    help: str = ""
    value: str = ""
    other: str = ""  # text of "another licence"
    offers: tuple[Offer, ...] = ()
    parts: tuple[Control, ...] = ()
    more: tuple[Control, ...] = ()  # the same text in other languages
    mandatory: bool = False
    decided: bool = False  # something stands there unless another choice is made
    error: str = ""
    language: str = ""  # of what is typed
    rows: int = AREA_ROWS
    single: bool = False  # a place for one file: the next takes it

    @property
    def id(self) -> str:
        """The id links lead to."""
        return f"f-{self.name}"

    @property
    def filled(self) -> bool:
        """Whether there is anything in it, or anything wrong with it."""
        return bool(self.value or self.error) or any(part.filled for part in (*self.parts, *self.more))


class Part(msgspec.Struct, frozen=True):
    """A titled part of the form."""

    name: str
    label: str
    controls: tuple[Control, ...]
    folded: bool

    @property
    def open(self) -> bool:
        """Whether a folded part is to be shown open."""
        return any(control.filled for control in self.controls)


def names(parts: Iterable[Part]) -> list[str]:
    """The names of all controls, for links from a list of errors."""
    return [name for part in parts for control in part.controls for name in _names(control)]


def _names(control: Control) -> Iterable[str]:
    yield control.name
    for inner in (*control.parts, *control.more):
        yield from _names(inner)


def anchored(found: Iterable[Trouble], parts: Iterable[Part]) -> tuple[Trouble, ...]:
    """The troubles, each leading to the control to mend."""
    known = names(parts)
    return tuple(msgspec.structs.replace(each, anchor=anchor(each.field, known)) for each in found)
