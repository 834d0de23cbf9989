"""What a command prints: results on stdout, words for people on stderr.

On a terminal tables are drawn by rich; in a pipe they are lines of tab-separated cells, for `cut` and `grep`.
Titles and names were written by others: whatever could command a terminal (escape codes, right-to-left
overrides) is taken out before a person sees it. JSON keeps everything, escaped.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

# C0 and C1 controls, and the invisible marks that reorder text (Trojan Source)
_COMMANDING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_ID = re.compile("((?:org|rec|log|blob)_[a-z2-7]{12})[a-z2-7]{40}")
_C1 = re.compile("[\x7f-\x9f]")


def clean(text: object) -> str:
    """One line of text that is safe on a terminal."""
    return _COMMANDING.sub(" ", str(text))


def say(text: str) -> None:
    """A message for a person, on stderr."""
    print(text, file=sys.stderr)


def line(text: object) -> None:
    """One line of result."""
    print(text)


def document(value: Any) -> None:
    """One JSON document: indented for eyes, in one line for programs."""
    print(_json(value, indent=2 if sys.stdout.isatty() else None))


def documents(values: Iterable[Any]) -> None:
    """One JSON document a line (NDJSON)."""
    for value in values:
        print(_json(value))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their names on a terminal, ids cut to a prefix that commands take; whole ids in a pipe,
    tab-separated, without names."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(clean(cell) for cell in row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_ID.sub(r"\1", clean(cell))) for cell in row))
    _console().print(drawn)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """``name: value`` lines; empty values are left out. Texts of several lines keep them."""
    shown = [(name, _lines(value)) for name, value in pairs if value not in ("", None, [], {})]
    if not sys.stdout.isatty():
        for name, value in shown:
            print(f"{name}: {value}")
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", overflow="fold", max_width=24)
    grid.add_column(overflow="fold")
    for name, value in shown:
        grid.add_row(Text(name), Text(value))
    _console().print(grid)


def heading(text: str, note: str = "") -> None:
    """A title, and beside it what it is."""
    if not sys.stdout.isatty():
        print(f"{clean(text)}\t{clean(note)}" if note else clean(text))
        return
    from rich.text import Text

    styled = Text(clean(text), style="bold")
    styled.append(f"  {clean(note)}" if note else "", style="not bold dim")
    _console().print(styled)


def _lines(value: object) -> str:
    return "\n".join(clean(part) for part in str(value).splitlines())


def _json(value: Any, indent: int | None = None) -> str:
    wide = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not wide, indent=indent)
    return _C1.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)
