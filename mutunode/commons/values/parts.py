"""Values made of values: lists, and maps with fields of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from msgspec import UNSET

from mutunode.commons.faults import Fault, Faults, too_many, wrong_type
from mutunode.commons.fields import Field, check_fields, read_fields, schema_of
from mutunode.commons.values.base import (
    DEFAULT_KEY,
    LIST_ITEMS_MAX,
    NOT_GIVEN,
    Context,
    Reading,
    ValueType,
    is_blank,
    number,
    one,
)
from mutunode.commons.values.choices import Choice
from mutunode.commons.words import Words

_NOT_A_LIST = wrong_type("une liste", "a list")
_NOT_A_MAP = wrong_type("des champs nommés", "named fields")


@dataclass(frozen=True)
class ListOf(ValueType):
    """Several values of one type. Text is split at line ends, and at ``separators`` too."""

    item: ValueType
    separators: str = ""
    items_max: int = LIST_ITEMS_MAX
    name: ClassVar[str] = "list"

    def check(self, value: Any) -> Faults:
        if type(value) is not list:
            return one(_NOT_A_LIST)
        if len(value) > self.items_max:
            return one(too_many(len(value), self.items_max))
        faults: list[Fault] = []
        for position, item in enumerate(value):
            wrong = self.item.check(item)
            if wrong:
                faults += [fault.within(str(position), number(position)) for fault in wrong]
        return faults

    def read(self, given: Any, context: Context) -> Reading:
        items = self._items(given)
        if len(items) > self.items_max:
            return UNSET, one(too_many(len(items), self.items_max))
        values: list[Any] = []
        faults: list[Fault] = []
        for position, item in enumerate(items):
            value, wrong = self.item.read(item, context)
            if value is not UNSET:
                values.append(value)
            faults += [fault.within(str(position), number(position)) for fault in wrong]
        return values or UNSET, faults

    def _items(self, given: Any) -> list[Any]:
        """One item each: of a list, of text with separators, of numbered members, of a lone value."""
        if is_blank(given):
            return []
        if isinstance(given, str):
            return [
                part.strip()
                for part in re.split(f"[\r\n{re.escape(self.separators)}]+", given)
                if part.strip()
            ]
        if isinstance(given, list | tuple):
            return list(given)
        if isinstance(given, Mapping) and all(str(key).isdecimal() for key in given):
            return [given[key] for key in sorted(given, key=int)]
        if isinstance(given, Mapping) and set(given) == {DEFAULT_KEY}:
            return self._items(given[DEFAULT_KEY])
        return [given]

    def to_json(self, value: Any) -> list[Any]:
        return [self.item.to_json(item) for item in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "maxItems": self.items_max}

    def text(self, value: Any, language: str) -> str:
        return ", ".join(self.item.text(item, language) for item in value)

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        for item in value:
            yield from self.item.texts(item)

    def facets(self, name: str, value: Any) -> dict[str, list[str]]:
        merged: dict[str, list[str]] = {name: []}
        for item in value:
            for facet, codes in self.item.facets(name, item).items():
                known = merged.setdefault(facet, [])
                known += [code for code in codes if code not in known]
        return merged

    def facet_text(self, name: str, code: str, language: str) -> str:
        return self.item.facet_text(name, code, language)

    def more_facets(self) -> dict[str, Words]:
        return self.item.more_facets()

    def refs(self, value: Any) -> Iterator[tuple[str, list[Any]]]:
        for position, item in enumerate(value):
            yield from _under(str(position), self.item.refs(item))

    def refs_given(self, given: Any) -> Iterator[tuple[str, str]]:
        for position, item in enumerate(self._items(given)[: self.items_max]):
            yield from _under(str(position), self.item.refs_given(item))


Short = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Record(ValueType):
    """A map with fields of its own. ``short`` makes the members of bare text; ``one_of`` must hold one."""

    fields: tuple[Field, ...]
    short: Short | None = None
    one_of: tuple[str, ...] = ()
    name: ClassVar[str] = "record"
    in_words: ClassVar[bool] = False  # its text says all of it, better than its members one by one
    by_name: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name.update({inner.name: inner for inner in self.fields})

    def check(self, value: Any) -> Faults:
        if type(value) is not dict:
            return one(_NOT_A_MAP)
        faults = check_fields(self.fields, value)
        if not faults and self.one_of and not any(name in value for name in self.one_of):
            return one(self._none_of())
        return faults

    def _none_of(self) -> Fault:
        names = [self.by_name[name].label for name in self.one_of]
        fr, en = " ou ".join(name.fr for name in names), " or ".join(name.en for name in names)
        return Fault("one_of", Words(f"donnez ceci : {fr}.", f"give this: {en}."))

    def read(self, given: Any, context: Context) -> Reading:
        members = self._members(given)
        if members is None:
            return UNSET, one(_NOT_A_MAP)
        if not members:
            return NOT_GIVEN
        values, faults = read_fields(self.fields, members, context)
        return (values if self._says_something(values) else UNSET), faults

    def _says_something(self, values: dict[str, Any]) -> bool:
        """Choices a form always sends, and defaults, do not make an item of a list of sources."""
        if self.one_of:
            return any(not isinstance(self.by_name[key].type, Choice) for key in values)
        return bool(values)

    def _members(self, given: Any) -> dict[str, Any] | None:
        if is_blank(given):
            return {}
        if not isinstance(given, Mapping):
            given = {DEFAULT_KEY: given}
        bare = given.get(DEFAULT_KEY)
        named = {
            str(key): value for key, value in given.items() if key != DEFAULT_KEY and not is_blank(value)
        }
        if is_blank(bare):
            return named
        if self.short is None or not isinstance(bare, str):
            return None
        return {**self.short(bare.strip()), **named}

    def to_json(self, value: Any) -> dict[str, Any]:
        return {key: self.by_name[key].type.to_json(value[key]) for key in self._known(value)}

    def schema(self) -> dict[str, Any]:
        return schema_of(self.fields)

    def text(self, value: Any, language: str) -> str:
        return " · ".join(self.by_name[key].type.text(value[key], language) for key in self._known(value))

    def texts(self, value: Any) -> Iterator[tuple[str, str]]:
        for key in self._known(value):
            yield from self.by_name[key].type.texts(value[key])

    def refs(self, value: Any) -> Iterator[tuple[str, list[Any]]]:
        for key in self._known(value):
            yield from _under(key, self.by_name[key].type.refs(value[key]))

    def refs_given(self, given: Any) -> Iterator[tuple[str, str]]:
        members = self._members(given) or {}
        for inner in self.fields:
            yield from _under(inner.name, inner.type.refs_given(members.get(inner.name)))

    def _known(self, value: Mapping[str, Any]) -> list[str]:
        return [inner.name for inner in self.fields if inner.name in value]


def _under(key: str, found: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for path, what in found:
        yield (f"{key}.{path}" if path else key), what
