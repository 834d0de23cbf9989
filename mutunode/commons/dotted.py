"""Dotted names, as commands and forms have them: ``title.en`` is the member ``en`` of ``title``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons.values.base import DEFAULT_KEY

_DOTS_MAX = 8  # `based_on.0.changes.fr` has three; no declaration is deeper


def nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as maps in maps; a bare value beside dotted ones keeps the key ""."""
    whole: dict[str, Any] = {}
    for key, value in given.items():
        first, *rest = str(key).split(".", _DOTS_MAX)
        if not rest:
            _put(whole, first, value)
            continue
        place = _map_at(whole, first)
        for step in rest[:-1]:
            place = _map_at(place, step)
        _put(place, rest[-1], value)
    return whole


def _map_at(place: dict[str, Any], key: str) -> dict[str, Any]:
    held = place.get(key)
    if isinstance(held, Mapping):
        place[key] = dict(held)
    else:
        place[key] = {DEFAULT_KEY: held} if key in place else {}
    inner: dict[str, Any] = place[key]
    return inner


def _put(place: dict[str, Any], key: str, value: Any) -> None:
    held = place.get(key)
    if not isinstance(held, dict):
        place[key] = value
    elif isinstance(value, Mapping):
        place[key] = {**value, **held}
    else:
        held[DEFAULT_KEY] = value
