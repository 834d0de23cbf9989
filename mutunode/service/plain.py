"""Exact content as text that people can read: what « Ce qui sera signé » shows, in the manner of TOML."""

from __future__ import annotations

from typing import Any

import msgspec


def as_text(kind: str, body: dict[str, Any]) -> str:
    """Every field of a body, one a line; nothing is left out, nothing is shortened."""
    lines = [f"kind = {_scalar(kind)}"]
    for name, value in body.items():
        lines += _lines(name, value)
    return "\n".join(lines)


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _lines(f"{name}.{key}", inner)] or [
            f"{name} = {{}}"
        ]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [line for place, item in enumerate(value, 1) for line in _lines(f"{name}[{place}]", item)]
    return [f"{name} = {_scalar(value)}"]


def _scalar(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8")
