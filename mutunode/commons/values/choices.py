"""Yes or no, and one of a few options, each with its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from mutunode.commons.faults import FINE, Fault, Faults, wrong_type
from mutunode.commons.values.base import (
    NOT_GIVEN,
    Context,
    Reading,
    ValueType,
    as_text,
    is_blank,
    labelled,
    one,
    without_default,
)
from mutunode.commons.words import NOTHING, Words

YES = Words("Oui", "Yes")
NO = Words("Non", "No")
_TRUE = frozenset(("true", "yes", "on", "1", "oui", "vrai"))
_FALSE = frozenset(("false", "no", "off", "0", "non", "faux"))


@dataclass(frozen=True)
class Bool(ValueType):
    """Yes or no, with the words each answer is shown in."""

    name: ClassVar[str] = "bool"
    yes: Words = YES
    no: Words = NO

    def check(self, value: Any) -> Faults:
        return FINE if type(value) is bool else one(wrong_type("oui ou non", "yes or no"))

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        if isinstance(given, bool):
            return given, FINE
        word = (as_text(given) or "").strip().casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE, FINE
        return msgspec.UNSET, one(wrong_type("oui ou non", "yes or no"))

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def text(self, value: Any, language: str) -> str:
        return (self.yes if value else self.no).text(language)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        return iter(())

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        return {name: ["yes" if value else "no"]}

    def facet_text(self, name: str, code: str, language: str) -> str:
        return self.text(code == "yes", language)


class Option(msgspec.Struct, frozen=True):
    """One answer to choose: how a form offers it, and how a page tells it afterwards."""

    code: str
    label: Words
    told: Words = NOTHING
    help: Words = NOTHING

    @property
    def shown(self) -> Words:
        """What pages say once it was chosen."""
        return self.label if self.told == NOTHING else self.told


@dataclass(frozen=True)
class Choice(ValueType):
    """One of a few options."""

    name: ClassVar[str] = "choice"
    options: tuple[Option, ...] = ()

    @cached_property
    def codes(self) -> frozenset[str]:
        """What may stand in a body."""
        return frozenset(option.code for option in self.options)

    @cached_property
    def _by_word(self) -> dict[str, str]:
        words: dict[str, str] = {}
        for option in self.options:
            for word in (option.code, option.label.fr, option.label.en, option.shown.fr, option.shown.en):
                words.setdefault(word.casefold().replace(" ", "_"), option.code)
        return words

    def check(self, value: Any) -> Faults:
        return FINE if type(value) is str and value in self.codes else one(self._unknown())

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        word = (as_text(given) or "").strip().casefold().replace(" ", "_")
        code = self._by_word.get(word)
        return (msgspec.UNSET, one(self._unknown())) if code is None else (code, FINE)

    def _unknown(self) -> Fault:
        codes = ", ".join(option.code for option in self.options)
        return Fault("choice", Words(f"les choix possibles sont : {codes}.", f"the choices are: {codes}."))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [option.code for option in self.options]}

    def text(self, value: Any, language: str) -> str:
        return labelled(self.options, value, language)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        for language in ("fr", "en"):
            yield language, self.text(value, language)

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        return {name: [value]}

    def facet_text(self, name: str, code: str, language: str) -> str:
        return self.text(code, language)
