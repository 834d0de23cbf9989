"""The published vectors, read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@cache
def load(name: str) -> Any:
    """A JSON file, or the objects of a JSONL one."""
    text = (_HERE / name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.rstrip("\n").split("\n")]  # U+2028 ends no line here
    return json.loads(text)


def mutunode(section: str) -> Any:
    """One section of the vectors of mutunode/1."""
    return load("mutunode-1.json")[section]
