"""What a form made by `controls` sends back, as `Kind.from_input` takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mutunode.commons.kind import Field, Kind, ListOf, takes_files
from mutunode.web.controls import OTHER
from mutunode.web.making import DROP, is_typed

OTHER_NAME = "~other"  # name of the text of "another licence", behind the field's own


def read(pairs: Iterable[tuple[str, str]], kind: Kind) -> dict[str, Any]:
    """What was typed, as `from_input` takes it: one value for each field, "" where all of it is blank."""
    typed: dict[str, Any] = {}
    for name, value in _licences_resolved(list(pairs), kind):
        first, *rest = name.split(".")
        field = kind.by_name.get(first)
        if field is None or not is_typed(field):
            continue
        if not rest:
            typed[first] = value if value.strip() else typed.get(first, "")
            continue
        typed.setdefault(first, "")
        if value.strip():
            typed[first] = typed[first] if isinstance(typed[first], dict) else {}
            _put(typed[first], rest, value)
    for field in kind.fields:
        if takes_files(field.type):
            _hold(typed, field, _kept(typed.get(field.name)))
    return typed


def _hold(typed: dict[str, Any], field: Field, files: list[Any]) -> None:
    """All of them, or where there is room for one, the last."""
    typed[field.name] = files if isinstance(field.type, ListOf) else next(reversed(files), "")


def _kept(given: Any) -> list[dict[str, Any]]:
    """Files attached so far, without those that were taken out."""
    held = given.values() if isinstance(given, dict) else ()
    return [
        {name: value for name, value in item.items() if name != DROP}
        for item in held
        if isinstance(item, dict) and item.get("blob") and DROP not in item
    ]


def attach(typed: dict[str, Any], kind: Kind, files: Sequence[Any]) -> None:
    """Add files that came with the form to the field that takes them."""
    for field in kind.fields:
        if takes_files(field.type) and files:
            held = typed.get(field.name) or []
            _hold(typed, field, [*(held if isinstance(held, list) else [held]), *files])
            return


def _put(place: dict[str, Any], path: Sequence[str], value: str) -> None:
    for step in path[:-1]:
        inner = place.get(step)
        if not isinstance(inner, dict):
            inner = place[step] = {}
        place = inner
    place[path[-1]] = value


def _licences_resolved(pairs: list[tuple[str, str]], kind: Kind) -> Iterable[tuple[str, str]]:
    """ "Another licence" stands for the text typed beside it."""
    texts = {name.removesuffix(OTHER_NAME): text for name, text in pairs if name.endswith(OTHER_NAME)}
    for name, value in pairs:
        if not name.endswith(OTHER_NAME):
            yield name, texts.get(name, "") if value == OTHER and name in texts else value


def given_only(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Without the fields left blank."""
    return {name: value for name, value in typed.items() if value not in ("", [])}
