"""A kind's declaration as JSON: what commands and programs need to write its records."""

from __future__ import annotations

from typing import Any

from mutunode.commons.kind import Choice, Field, Kind, ListOf, Record, ValueType


def describe(kind: Kind) -> dict[str, Any]:
    """Names, words in both languages, fields and their types."""
    return {
        "name": kind.name,
        "verb": kind.verb,
        "sense": str(kind.sense),
        "label": kind.label.as_map(),
        "plural": kind.plural.as_map(),
        "about": kind.about.as_map(),
        "listed": kind.listed,
        "revisable": kind.revisable,
        "fields": [_field(field) for field in kind.all_fields if field.name != "supersedes"],
        "example": dict(kind.example),
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label.as_map(),
        "help": field.help.as_map(),
        "required": field.mandatory and field.default is None,
        **_type(field.type),
    }


def _type(of: ValueType) -> dict[str, Any]:
    told: dict[str, Any] = {"type": of.name}
    if isinstance(of, ListOf):
        told["of"] = _type(of.item)
    elif isinstance(of, Record):
        told["fields"] = [_field(inner) for inner in of.fields]
    elif isinstance(of, Choice):
        told["options"] = [{"code": option.code, **option.shown.as_map()} for option in of.options]
    return told
