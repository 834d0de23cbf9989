"""Text, text in several languages, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from mutunode.commons import languages
from mutunode.commons.faults import FINE, Fault, Faults, too_long, too_many, wrong_type
from mutunode.commons.values.base import (
    DEFAULT_KEY,
    LIST_ITEMS_MAX,
    NAME_BYTES_MAX,
    NOT_GIVEN,
    PROSE_BYTES_MAX,
    Context,
    Reading,
    ValueType,
    as_text,
    is_blank,
    one,
    without_default,
)
from mutunode.commons.words import NOTHING, LangMap, Words
from mutunode.protocol.limits import INTEGER_MAX

_NOT_TEXT = wrong_type("un texte", "a text")
_NOT_LANG_TEXT = wrong_type("un texte, ou un texte par langue", "a text, or one text for each language")
_EMPTY = Fault("empty", Words("le texte est vide.", "the text is empty."))
_NUL = Fault(
    "nul",
    Words("le texte contient un caractère nul (U+0000).", "the text holds a null character (U+0000)."),
)
_NOT_UTF8 = Fault(
    "encoding",
    Words("le texte n’est pas en UTF-8. Convertissez-le.", "the text is not UTF-8. Convert it."),
)
_TWICE = Fault(
    "twice",
    Words("deux textes différents pour la même langue.", "two different texts for the same language."),
)


def check_text(value: Any, bytes_max: int) -> Faults:
    """What is wrong with one text."""
    if type(value) is not str:
        return one(_NOT_TEXT)
    # A character takes 4 bytes at most: only text near the limit has to be measured.
    if len(value) * 4 > bytes_max:
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > bytes_max:
            return one(too_long(size, bytes_max))
    if not value or value.isspace():
        return one(_EMPTY)
    return one(_NUL) if "\0" in value else FINE


def read_text(given: Any) -> Reading:
    """A text exactly as it was given; what is signed is never trimmed or normalised."""
    given = without_default(given)
    if is_blank(given):
        return NOT_GIVEN
    text = as_text(given)
    if text is None:
        return msgspec.UNSET, one(_NOT_TEXT)
    try:
        text.encode()
    except UnicodeEncodeError:
        return msgspec.UNSET, one(_NOT_UTF8)
    return text, FINE


@dataclass(frozen=True)
class Text(ValueType):
    """Text that is the same in every language: a name, an address, a code."""

    name: ClassVar[str] = "text"
    bytes_max: int = NAME_BYTES_MAX
    multiline: bool = False
    pattern: str = ""
    wrong: Words = NOTHING  # said when the pattern does not match

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def check(self, value: Any) -> Faults:
        faults = check_text(value, self.bytes_max)
        if not faults and self.pattern and not self._shape.fullmatch(value):
            return one(Fault("pattern", self.wrong))
        return faults

    def read(self, given: Any, context: Context) -> Reading:
        return read_text(given)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.bytes_max}


# Where an organisation's computer answers others: a name, an IPv4 address, or an IPv6 one in brackets.
ENDPOINT = Text(
    pattern=r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,253}):[0-9]{1,5}",
    wrong=Words(
        "il faut une adresse comme exemple.org:7447.", "it must be an address such as example.org:7447."
    ),
)


@dataclass(frozen=True)
class LangText(ValueType):
    """Text meant for people: a language map with at least one entry."""

    name: ClassVar[str] = "lang_text"
    bytes_max: int = PROSE_BYTES_MAX
    multiline: bool = True

    def check(self, value: Any) -> Faults:
        if type(value) is not dict:
            return one(_NOT_LANG_TEXT)
        if not 0 < len(value) <= LIST_ITEMS_MAX:
            return one(too_many(len(value), LIST_ITEMS_MAX) if value else _EMPTY)
        for tag, text in value.items():
            if not languages.is_tag_shaped(tag):
                return one(languages.unknown(tag))
            faults = check_text(text, self.bytes_max)
            if faults:
                return [fault.within(tag, Words(tag, tag)) for fault in faults]
        return FINE

    def read(self, given: Any, context: Context) -> Reading:
        if is_blank(given):
            return NOT_GIVEN
        if not isinstance(given, Mapping):
            given = {DEFAULT_KEY: given}
        texts: LangMap = {}
        faults: list[Fault] = []
        for tag, text in given.items():
            value, wrong = read_text(text)
            tag = str(tag) or context.language
            if value is not msgspec.UNSET and texts.get(tag, value) != value:
                wrong = one(_TWICE)
            elif not languages.canonical(tag):
                wrong = one(languages.unknown(tag))
            elif value is not msgspec.UNSET:
                texts[tag] = value
            faults += [fault.within(tag, Words(tag, tag)) for fault in wrong]
        return texts or msgspec.UNSET, faults

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": self.bytes_max}
        return {"type": "object", "minProperties": 1, "additionalProperties": text}

    def text(self, value: Any, language: str) -> str:
        return languages.pick(value, language, ())[0]

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        for tag, text in value.items():
            yield languages.canonical(tag), text


@dataclass(frozen=True)
class Int(ValueType):
    """A whole number, from zero on."""

    name: ClassVar[str] = "int"
    low: int = 0
    high: int = INTEGER_MAX

    def check(self, value: Any) -> Faults:
        if type(value) is not int:
            return one(wrong_type("un nombre entier", "a whole number"))
        if not self.low <= value <= self.high:
            between = Words(
                f"il faut un nombre entre {self.low} et {self.high}.",
                f"it must be a number from {self.low} to {self.high}.",
            )
            return one(Fault("range", between))
        return FINE

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        text = (as_text(given) or "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(INTEGER_MAX))):
            return msgspec.UNSET, one(wrong_type("un nombre entier", "a whole number"))
        return int(text), FINE

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        return iter(())
