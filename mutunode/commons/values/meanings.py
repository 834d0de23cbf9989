"""Values with a meaning of their own: dates, languages, addresses, licences.

All of them keep what was written; understanding happens on reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from babel.dates import format_date, format_skeleton
from msgspec import UNSET

from mutunode.commons import dates, languages, licences
from mutunode.commons.faults import FINE, Fault, Faults, wrong_type
from mutunode.commons.values.base import (
    DEFAULT_KEY,
    NAME_BYTES_MAX,
    NOT_GIVEN,
    TITLE_BYTES_MAX,
    URI_BYTES_MAX,
    Context,
    Reading,
    ValueType,
    as_text,
    is_blank,
    labelled,
    one,
    without_default,
)
from mutunode.commons.values.choices import Option
from mutunode.commons.values.text import check_text, read_text
from mutunode.commons.words import Words

_NOT_A_DATE = wrong_type("une date", "a date")


@dataclass(frozen=True)
class Date(ValueType):
    """A date as given, with its ISO form where it is sure: ``{given, parsed}``, and of which ``event``."""

    name: ClassVar[str] = "date"
    events: tuple[Option, ...] = ()

    def check(self, value: Any) -> Faults:
        if type(value) is not dict:
            return one(_NOT_A_DATE)
        faults = check_text(value.get("given"), NAME_BYTES_MAX)
        if faults:
            return faults
        parsed = value.get("parsed", "2000")
        event = value.get("event", "")
        if type(parsed) is not str or not dates.is_iso(parsed):
            return one(_NOT_A_DATE)
        if event != "" and not any(event == option.code for option in self.events):
            return one(Fault("choice", Words("l’événement est inconnu.", "the event is not known.")))
        return FINE

    def read(self, given: Any, context: Context) -> Reading:
        if isinstance(given, Mapping):
            return self._read_map(given, context)
        text, faults = read_text(given)
        if faults or text is UNSET:
            return text, faults
        parsed = dates.parse(text, context.language)
        return ({"given": text, "parsed": parsed} if parsed else {"given": text}), FINE

    def _read_map(self, given: Mapping[str, Any], context: Context) -> Reading:
        value, faults = self.read(given.get("given", given.get(DEFAULT_KEY)), context)
        if faults or value is UNSET:
            return value, faults
        for key in ("parsed", "event"):
            if not is_blank(given.get(key)):
                value[key] = as_text(given[key])
        return value, FINE

    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "given": {"type": "string", "maxLength": NAME_BYTES_MAX},
            "parsed": {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"},
        }
        if self.events:
            properties["event"] = {"type": "string", "enum": [option.code for option in self.events]}
        return {"type": "object", "required": ["given"], "properties": properties}

    def text(self, value: Any, language: str) -> str:
        shown = _date_text(value["parsed"], language) if "parsed" in value else value["given"]
        event = labelled(self.events, value.get("event", ""), language)
        return f"{event} {shown}" if event else shown

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        yield "", value["given"]


def _date_text(iso: str, language: str) -> str:
    """26 novembre 2025; novembre 2025; 2025."""
    if len(iso) == 4:
        return iso
    locale = "fr" if language.startswith("fr") else "en"
    day = dates.first_day(iso)
    if len(iso) == 7:
        return format_skeleton("yMMMM", day, locale=locale)
    return format_date(day, "long", locale=locale)


@dataclass(frozen=True)
class Language(ValueType):
    """A language tag as its author wrote it: BCP 47 and its quirks."""

    name: ClassVar[str] = "language"

    def check(self, value: Any) -> Faults:
        return FINE if languages.is_tag_shaped(value) else one(languages.unknown(value))

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        tag = (as_text(given) or "").strip()
        if languages.canonical(tag):
            return tag, FINE
        named = languages.named(tag)
        return (named, FINE) if named else (UNSET, one(languages.unknown(given)))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "description": "BCP 47"}

    def text(self, value: Any, language: str) -> str:
        return languages.display_name(value, language)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        return iter(())

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        return {name: [languages.canonical(value) or languages.UNDETERMINED]}

    def facet_text(self, name: str, code: str, language: str) -> str:
        return self.text(code, language)


_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[^\s\x00-\x1f\x7f<>\"]+")
_RUNS_CODE = frozenset(("javascript", "vbscript", "data", "file", "blob"))
_LOOKS_LIKE_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(/\S*)?")


@dataclass(frozen=True)
class Uri(ValueType):
    """An address of the web or another identifier with a scheme; never one that runs code in a page."""

    name: ClassVar[str] = "uri"

    def check(self, value: Any) -> Faults:
        faults = check_text(value, URI_BYTES_MAX)
        if faults:
            return faults
        match = _URI.fullmatch(value)
        if match is None or match[1].lower() in _RUNS_CODE:
            return one(_no_uri(value))
        return FINE

    def read(self, given: Any, context: Context) -> Reading:
        text, faults = read_text(given)
        return (text if text is UNSET else text.strip()), faults

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uri", "maxLength": URI_BYTES_MAX}

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        if is_link(value):
            yield "", urlsplit(value).netloc


def is_link(uri: str) -> bool:
    """Whether a page may offer to follow this address."""
    if not uri.lower().startswith(("http://", "https://")):
        return False
    try:
        return bool(urlsplit(uri).hostname)
    except ValueError:
        return False


def _no_uri(given: str) -> Fault:
    hint = f"https://{given}" if _LOOKS_LIKE_HOST.fullmatch(given) else "https://www.example.org/page"
    return Fault(
        "uri",
        Words(
            f"il faut une adresse complète, par exemple {hint[:80]}",
            f"it must be a whole address, for example {hint[:80]}",
        ),
    )


@dataclass(frozen=True)
class License(ValueType):
    """An SPDX expression, or free text kept verbatim; pages show it as permissions."""

    name: ClassVar[str] = "license"
    options: tuple[Option, ...] = ()  # what a form offers first

    def check(self, value: Any) -> Faults:
        return check_text(value, TITLE_BYTES_MAX)

    def read(self, given: Any, context: Context) -> Reading:
        text, faults = read_text(given)
        return (text if text is UNSET else licences.normalise(text)), faults

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "maxLength": TITLE_BYTES_MAX,
            "description": "SPDX expression, or free text",
        }

    def text(self, value: Any, language: str) -> str:
        return f"{licences.explain(value).text(language)} ({licences.short(value)})"

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        yield "", value

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        return {name: [value], licences.FACET: [licences.permission(value).value]}

    def facet_text(self, name: str, code: str, language: str) -> str:
        if name == licences.FACET:
            return licences.PERMISSIONS[licences.Permission(code)].text(language)
        return licences.short(code)

    def more_facets(self) -> dict[str, Words]:
        return {licences.FACET: Words("Ce que permet la licence", "What the licence allows")}
