"""What every type of field can do.

``check`` meets hostile, already decoded values: it is bounded, never raises, and says nothing when all is
well. ``read`` meets what people and scripts give (strings, JSON values) and makes a value of it; what it
makes is checked afterwards, so the rules stand in one place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from mutunode.commons.faults import FINE, Fault, Faults
from mutunode.commons.words import Words

LIST_ITEMS_MAX = 256  # PROTOCOL §6, list fields
NAME_BYTES_MAX = 255  # PROTOCOL §6, names
TITLE_BYTES_MAX = 4 * 255  # 255 characters of any script
URI_BYTES_MAX = 2_048  # what browsers still follow
PROSE_BYTES_MAX = 60 * 1_024  # a body of 64 KiB, less 4 KiB for the other fields
DEFAULT_KEY = ""  # a bare value beside dotted ones: `--title X --title.en Y` is {"title": {"": X, "en": Y}}

ZONE = "Europe/Paris"  # until an organisation says otherwise

Resolve = Callable[[str], Any]
Reading = tuple[Any, Faults]  # (value, or UNSET when nothing was given; what could not be read)
NOT_GIVEN: Reading = (UNSET, FINE)


class Context(msgspec.Struct, frozen=True):
    """What reading needs to know besides the input.

    ``resolve`` turns ``rec_…`` text into ``[log32, index, leaf32]`` and shortened ``org_…`` text into 32
    bytes, or gives None when it knows of none; what it raises passes through.
    """

    language: str = "fr"  # of text given without one
    today: str = ""  # ISO date; some fields default to it
    zone: str = ZONE  # of times given without one
    resolve: Resolve | None = None


@dataclass(frozen=True)
class ValueType:
    """One type of field; ``name`` is what generic code (forms, commands) may switch on."""

    name: ClassVar[str] = ""

    def check(self, value: Any) -> Faults:
        """What is wrong with a decoded value."""
        raise NotImplementedError

    def read(self, given: Any, context: Context) -> Reading:
        """Make a value of what was given."""
        raise NotImplementedError

    def to_json(self, value: Any) -> Any:
        """The value as JSON, which ``read`` takes back."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of ``to_json``."""
        raise NotImplementedError

    def text(self, value: Any, language: str) -> str:
        """The value as one line for a reader of ``language``."""
        return str(value)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        """(language or "", text) for the search index."""
        yield "", self.text(value, "en")

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        """Facet name → codes of this value, for a field whose facet is ``name``."""
        return {name: []}

    def facet_text(self, name: str, code: str, language: str) -> str:
        """A facet's code in words."""
        return code

    def more_facets(self) -> dict[str, Words]:
        """Facets it gives besides the one a field declares, with their headings."""
        return {}

    def refs(self, value: Any) -> Iterator[tuple[str, list[Any]]]:
        """(path inside, ref) of the records this value cites."""
        return iter(())

    def refs_given(self, given: Any) -> Iterator[tuple[str, str]]:
        """(path inside, text) of what ``read`` will ask ``resolve`` for."""
        return iter(())


def is_blank(given: Any) -> bool:
    """Whether a form, a column or a JSON member left the field open."""
    return (
        given is None or given is UNSET or given in ("", [], {}) or (type(given) is str and not given.strip())
    )


def as_text(given: Any) -> str | None:
    """A scalar as text, verbatim where it was text; None for what is no scalar."""
    if isinstance(given, str):
        return given
    if isinstance(given, bool):
        return None
    if isinstance(given, dt.date | dt.time):
        return given.isoformat()
    return repr(given) if isinstance(given, int | float) else None


def without_default(given: Any) -> Any:
    """A bare value that was wrapped only because dotted names stood beside it."""
    if isinstance(given, Mapping) and set(given) == {DEFAULT_KEY}:
        return given[DEFAULT_KEY]
    return given


def one(fault: Fault) -> Faults:
    """One thing is wrong."""
    return (fault,)


def number(position: int) -> Words:
    """How a list's item is called in messages, counted from one."""
    return Words(f"n°\N{NO-BREAK SPACE}{position + 1}", f"no. {position + 1}")


def labelled(options: Sequence[Any], code: str, language: str) -> str:
    """The shown label of an option; the code itself when there is none."""
    return next((option.shown.text(language) for option in options if option.code == code), code)
