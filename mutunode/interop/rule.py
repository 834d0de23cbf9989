"""How one field is filled from the columns of a row: one source, then what is done to it.

The source is a column, the first of several that says something, all of several as a list, a text with
columns in it, or a constant. No character of the file is changed unless the rule asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from mutunode.interop.plaintext import plain_text

Row = Mapping[str, Any]

_COLUMN = re.compile(r"\{([^{}]+)\}")
_LANGUAGE = "{language}"


class Misfit(ValueError):
    """A column that holds something its rule cannot use."""

    def __init__(self, field: str, fr: str, en: str) -> None:
        super().__init__(en)
        self.field = field
        self.fr = fr
        self.en = en


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one field is filled: exactly one of the first five, then what is done to it."""

    column: str = ""
    first_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    text: str | tuple[str, ...] = ""  # with {column} or {column|other}; a part with an empty one is left out
    value: Any = msgspec.UNSET

    html: Literal["keep", "text"] = "keep"
    split: str = ""  # a cell holds several, separated by this
    values: dict[str, str] = {}  # what the file writes → what the field says; "" leaves it out
    languages: tuple[str, ...] = ()  # repeat for each, {language} in the column standing for it

    def __post_init__(self) -> None:
        sources = [self.column, self.first_of, self.all_of, self.text]
        given = sum(map(bool, sources)) + (self.value is not msgspec.UNSET)
        if given != 1:
            raise ValueError("a rule takes exactly one of column, first_of, all_of, text, value")
        if bool(self.languages) != (_LANGUAGE in self.column):
            raise ValueError("languages go with a column that has {language} in it, and it with them")

    def columns(self) -> list[str]:
        """The columns it reads, as written."""
        parts = (self.text,) if isinstance(self.text, str) else self.text
        in_text = [name for part in parts for names in _COLUMN.findall(part) for name in names.split("|")]
        return [name for name in (self.column, *self.first_of, *self.all_of, *in_text) if name]

    def by_language(self, field: str) -> list[tuple[str, Rule]]:
        """Itself under ``field``; with languages, one rule each under ``field.fr`` and the like."""
        if not self.languages:
            return [(field, self)]
        return [
            (
                f"{field}.{tag}",
                msgspec.structs.replace(self, column=self.column.replace(_LANGUAGE, tag), languages=()),
            )
            for tag in self.languages
        ]


def cell(row: Row, path: str) -> Any:
    """What ``path`` leads to: a column of that name, else ``fr.term`` or ``sections[].title`` inside one."""
    if path in row:
        return row[path]
    found: Any = row
    for step, many in re.findall(r"([^.\[\]]+)(\[\])?", path):
        found = _inside(found, step)
        if many and not isinstance(found, list):
            return None
    return found


def _inside(found: Any, step: str) -> Any:
    if isinstance(found, list):
        return [inner for item in found if (inner := _inside(item, step)) is not None]
    return found.get(step) if isinstance(found, Mapping) else None


def fill(field: str, rule: Rule, row: Row) -> Any:
    """What the rule makes of ``row``: nothing (`is_empty`) when its columns say nothing. Raises `Misfit`."""
    if rule.value is not msgspec.UNSET:
        return rule.value
    if rule.text:
        return _written(field, rule, row)
    if rule.all_of:
        return _listed(field, rule, [cell(row, name) for name in rule.all_of])
    names = rule.first_of or (rule.column,)
    found = next((value for name in names if not is_empty(value := cell(row, name))), None)
    if isinstance(found, list) or (rule.split and found is not None):
        return _listed(field, rule, [found])
    return _changed(rule, found)


def _written(field: str, rule: Rule, row: Row) -> str:
    """The parts of ``text`` that are complete, a blank line between them."""
    parts = (rule.text,) if isinstance(rule.text, str) else rule.text
    return "\n\n".join(filter(None, (_part(field, rule, row, part) for part in parts)))


def _part(field: str, rule: Rule, row: Row, part: str) -> str:
    """One part with its columns filled in; nothing when one of them says nothing."""
    literals = _COLUMN.split(part)[::2]
    words = []
    for alternatives in _COLUMN.findall(part):
        texts = (_as_text(field, rule, cell(row, name)) for name in alternatives.split("|"))
        words.append(next(filter(None, texts), ""))
    if not all(words):
        return ""
    return literals[0] + "".join(word + literal for word, literal in zip(words, literals[1:], strict=True))


def _as_text(field: str, rule: Rule, value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"– {item}" for item in _listed(field, rule, [value]))
    changed = _changed(rule, value)
    if is_empty(changed):
        return ""
    if isinstance(changed, dict):
        raise Misfit(field, "contient une structure, pas un texte", "holds a structure, not a text")
    return str(changed)


def _listed(field: str, rule: Rule, values: list[Any]) -> list[Any]:
    """One flat list without empty items or repeats, in the order of the file."""
    flat: list[Any] = []
    for value in values:
        items = value if isinstance(value, list) else _split(rule, value)
        flat.extend(_changed(rule, item) for item in items)
    result: list[Any] = []
    for item in flat:
        if not is_empty(item) and item not in result:
            result.append(item)
    return result


def _split(rule: Rule, value: Any) -> list[Any]:
    if not rule.split or not isinstance(value, str):
        return [value]
    return [part.strip() for part in value.split(rule.split)]


def _changed(rule: Rule, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if rule.html == "text":
        value = plain_text(value)
    return rule.values.get(value, value)


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing: absent, or only spaces."""
    return value is None or value in ({}, []) or (isinstance(value, str) and not value.strip())
