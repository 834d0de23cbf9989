"""A record's fields as columns with plain names, and back without loss.

``title.fr`` is inside ``title``; ``keywords[]`` is a list of texts written ``one; two`` (``\\;`` for a
semicolon); ``files{}`` is whatever a plain cell cannot carry, as JSON. Columns that begin with ``@`` tell
about the record (its id, its author) and are no part of it. A cell is text: what it means, its field says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mutunode.commons.values.base import DEFAULT_KEY
from mutunode.interop.jsonl import parse
from mutunode.interop.rule import Misfit, is_empty

_PLAIN_NAME = re.compile(r"\w([\w @+-]*\w)?")  # no dots or brackets, no spaces at the ends


def columns_of(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each column of a record with its cell."""
    for name, value in fields.items():
        column = prefix + name
        if isinstance(value, dict) and value and all(map(_PLAIN_NAME.fullmatch, value)):
            yield from columns_of(value, column + ".")
        elif isinstance(value, bool | int):
            yield column, json.dumps(value)
        elif isinstance(value, str) and not is_empty(value):
            yield column, value
        elif isinstance(value, list) and value and all(map(_fits_a_list, value)):
            yield column + "[]", "; ".join(item.replace("\\", "\\\\").replace(";", "\\;") for item in value)
        else:
            yield column + "{}", json.dumps(value, ensure_ascii=False)


def meant(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a row with such columns means; raises `Misfit`."""
    result: dict[str, Any] = {}
    for column, value in row.items():
        if not (is_empty(value) or column.startswith("@")):
            place(result, column.removesuffix("[]").removesuffix("{}"), _value(column, value))
    return result


def place(result: dict[str, Any], dotted: str, value: Any) -> None:
    """Put ``value`` at ``title.fr`` and the like; a bare ``title`` beside it stays, in no language yet."""
    *parents, last = dotted.split(".")
    for name in parents:
        if not isinstance(result.get(name), dict):
            result[name] = {DEFAULT_KEY: result[name]} if name in result else {}
        result = result[name]
    held = result.get(last)
    if not isinstance(held, dict):
        result[last] = value
    elif isinstance(value, dict):
        held.update(value)
    else:
        held[DEFAULT_KEY] = value


def _value(column: str, cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if column.endswith("[]"):
        items = re.findall(r"((?:[^\\;]|\\.)+)(?:;|$)", cell, re.DOTALL)
        return [text for item in items if (text := re.sub(r"\\(.)", r"\1", item.strip(), flags=re.DOTALL))]
    if column.endswith("{}"):
        try:
            return parse(cell)
        except ValueError as error:
            raise Misfit(column, "n’est pas du JSON", f"is not JSON: {error}") from error
    return cell


def _fits_a_list(item: Any) -> bool:
    return isinstance(item, str) and bool(item) and item == item.strip()
