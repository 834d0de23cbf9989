"""The next version of a record, as input: what was given replaces, what is empty goes, the rest stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons.dotted import nested
from mutunode.commons.kind import Kind, LangText

EMPTY = ("", None)


def next_version(
    kind: Kind, before: Mapping[str, Any], given: Mapping[str, Any], language: str
) -> dict[str, Any]:
    """Input for the version after ``before`` (the kind's JSON).

    A text without a language is the one in ``language``: its translations stay. Dotted names reach inside.
    """
    after = {name: value for name, value in before.items() if name != "supersedes"}
    inside: dict[str, Any] = {}
    for name, value in given.items():
        declared = kind.by_name.get(name)
        if "." in name:
            inside[name] = value
        elif (
            declared is not None and isinstance(declared.type, LangText) and isinstance(value, str) and value
        ):
            inside[f"{name}.{language}"] = value
        else:
            after[name] = value
    return {name: value for name, value in _over(after, nested(inside)).items() if value not in EMPTY}


def _is_translated(kind: Kind, name: str) -> bool:
    declared = kind.by_name.get(name)
    return declared is not None and isinstance(declared.type, LangText)


def _over(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a map replaced by those given, maps in maps alike; a map left empty goes."""
    after = dict(before)
    for name, value in given.items():
        held = after.get(name)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            value = _over(held, value)
        if value in EMPTY or value == {}:
            after.pop(name, None)
        else:
            after[name] = value
    return after
