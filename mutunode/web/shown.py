"""A record's body for readers: every field of its kind, under its label, in the reader's language.

Nothing here knows a kind: where a field goes is its declaration's word (`Show`), how it looks its type's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from markupsafe import Markup

from mutunode.commons import languages
from mutunode.commons.kind import Field, Kind, ListOf, Show, ValueType, takes_files
from mutunode.commons.kind import Record as Members
from mutunode.commons.markup import leads_outside, plain
from mutunode.web import text

LINE_LENGTH_MAX = 160  # a longer text is read, not glanced at


class Value(msgspec.Struct, frozen=True):
    """One value: text or prose, perhaps a link, perhaps with members of its own."""

    text: str = ""
    language: str = ""  # "" when it is the reader's, or nobody's
    prose: Markup | None = None
    web: str = ""  # an address outside
    record: str = ""  # rec_…
    org: str = ""  # org_…
    members: tuple[Line, ...] = ()

    @property
    def is_word(self) -> bool:
        """Whether it can stand in a row with others."""
        return not (self.prose or self.web or self.record or self.org or self.members or self.language)


class Line(msgspec.Struct, frozen=True):
    """A label and its values."""

    name: str
    label: str
    values: tuple[Value, ...]


def lines(kind: Kind, body: Mapping[str, Any], reader: str, show: Iterable[Show]) -> tuple[Line, ...]:
    """The fields of a body that belong in one place of the page, in the order of the declaration.

    Files are told in a section of their own.
    """
    wanted = set(show)
    fields = [field for field in kind.all_fields if field.show in wanted and not takes_files(field.type)]
    return tuple(_lines(fields, body, reader))


def everything(kind: Kind, body: Mapping[str, Any], reader: str) -> tuple[Line, ...]:
    """All that a body says, hidden fields and every language too: what somebody is about to sign."""
    return tuple(_lines(kind.all_fields, body, reader, whole=True))


def _lines(
    fields: Sequence[Field], body: Mapping[str, Any], reader: str, *, whole: bool = False
) -> Iterable[Line]:
    """``whole``: texts in every language, instead of the one that this reader reads best."""
    for field in fields:
        if field.name not in body or body[field.name] in ("", [], {}, None):
            continue
        label, value = field.label.text(reader), body[field.name]
        if whole and field.type.name == "lang_text" and isinstance(value, Mapping) and len(value) > 1:
            yield from _by_language(field.name, label, value, reader)
        else:
            yield Line(field.name, label, tuple(_values(field.type, value, reader, whole)))


def _by_language(name: str, label: str, texts: Mapping[str, Any], reader: str) -> Iterable[Line]:
    first = languages.pick({str(tag): str(words) for tag, words in texts.items()}, reader, ())[1]
    for tag in sorted(texts, key=lambda tag: tag != first):
        language = languages.display_name(str(tag), reader)
        yield Line(name, f"{label} ({language})", (prose({str(tag): str(texts[tag])}, reader, exact=True),))


def _values(type: ValueType, value: Any, reader: str, whole: bool) -> Iterable[Value]:
    if not isinstance(type, ListOf) or not isinstance(value, list):
        return (_value(type, value, reader, whole),)
    items = [_value(type.item, item, reader, whole) for item in value]
    if all(item.is_word for item in items):
        return (Value(text=", ".join(item.text for item in items)),)
    return items


def _members(lines: tuple[Line, ...]) -> Value:
    """Members that are all words stand on one line: ``SIREN · 123456789``."""
    values = [value for line in lines for value in line.values]
    if all(value.is_word for value in values):
        return Value(text=" · ".join(value.text for value in values))
    return Value(members=lines)


def _value(type: ValueType, value: Any, reader: str, whole: bool) -> Value:
    """The JSON form of one value. What does not fit its type is shown as it stands."""
    if isinstance(type, Members) and isinstance(value, Mapping) and not _in_words(type, value):
        return _members(tuple(_lines(type.fields, value, reader, whole=whole)))
    if type.name == "lang_text" and isinstance(value, Mapping):
        return prose({str(tag): str(words) for tag, words in value.items()}, reader, exact=whole)
    if type.name == "ref" and isinstance(value, str):
        return Value(text=value, record=value)
    if type.name == "org" and isinstance(value, str):
        return Value(text=value, org=value)
    if type.name == "uri" and isinstance(value, str):
        return Value(text=value, web=value if text.is_web_address(value) else "")
    try:
        return Value(text=type.text(value, reader))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Value(text=str(value))


def _in_words(type: Members, value: Mapping[str, Any]) -> bool:
    return type.in_words and not type.check(value)


def prose(texts: Mapping[str, str], reader: str, *, exact: bool = False) -> Value:
    """A text in several languages: the reader's, on one line or as prose; ``exact``: with every sign."""
    words, language = languages.pick(texts, reader, ())
    foreign = "" if languages.base(language) == reader else language
    if len(words) <= LINE_LENGTH_MAX and "\n" not in words and (exact or not leads_outside(words)):
        return Value(text=words if exact else plain(words), language=foreign)
    return Value(text=words, language=foreign, prose=text.markdown(words))
