"""Lists as people type them: one a line, or with commas between; and values as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mutunode.commons.kind import Date, LangText, ListOf, ValueType
from mutunode.commons.kind import Record as Members

ITEMS_MAX = 20  # of a list that is typed in parts; longer ones are for imports


def plain(value: Any) -> str:
    return "" if value is None else str(value)


def as_texts(given: Any, own: str) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {own: given} if given else {}


def items(given: Any) -> list[Any]:
    if isinstance(given, Mapping):
        return [given[key] for key in sorted(given, key=lambda key: (len(key), key))][:ITEMS_MAX]
    return list(given) if isinstance(given, list | tuple) else []


def as_lines(type: ListOf, held: Sequence[Any]) -> str | None:
    """The items as text that is read back as the same items; None where text cannot say them."""
    if isinstance(type.item, Date | LangText) or (isinstance(type.item, Members) and not _is_pair(type.item)):
        return None
    texts = [_as_line(type.item, each) for each in held]
    separators = type.separators.strip()
    if any(text is None or set(text) & {*separators, "\n"} or text != text.strip() for text in texts):
        return None
    joint = f"{separators[0]} " if separators else "\n"
    return joint.join(text for text in texts if text is not None)


def _is_pair(type: Members) -> bool:
    return type.short is not None and len(type.fields) == 2


def _as_line(type: ValueType, item: Any) -> str | None:
    if isinstance(item, str) or not isinstance(type, Members):
        return plain(item) if not isinstance(item, Mapping) else None
    first, second = (field.name for field in type.fields)
    if not isinstance(item, Mapping) or set(item) != {first, second} or type.short is None:
        return None
    text = f"{item[first]}:{item[second]}"
    return text if type.short(text) == dict(item) else None
