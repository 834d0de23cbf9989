"""The table of a run in a page of the documentation: written by the bench, never by hand.

The page asks for it with two comments, ``<!-- figures: NAME -->`` and ``<!-- end of figures -->``; what is
between them is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, number, target_text

_END = "<!-- end of figures -->"


def write(path: Path, name: str, figures: Sequence[Figure], machine: str, started: float) -> None:
    """Put a table into a page. Raises ``ValueError`` when the page does not ask for it."""
    text = path.read_text(encoding="utf-8")
    start = f"<!-- figures: {name} -->"
    before, asked, rest = text.partition(start)
    _, ends, after = rest.partition(_END)
    if not (asked and ends):
        raise ValueError(f"{path} has no place for the figures of {name}")
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(started))
    table = "\n".join(_rows(figures))
    path.write_text(f"{before}{start}\n{day} UTC, {machine}.\n\n{table}\n{_END}{after}", encoding="utf-8")


def _rows(figures: Sequence[Figure]) -> list[str]:
    rows = ["| what | measured | beside | target | reached | note |", "|---|---:|---:|---:|---|---|"]
    for figure in figures:
        beside = "" if figure.beside is None else number(figure.beside)
        reached = {True: "yes", False: "**no**", None: ""}[figure.reached]
        target = target_text(figure.target, figure.unit)
        measured = f"{number(figure.value)} {figure.unit}"
        rows.append(f"| {figure.name} | {measured} | {beside} | {target} | {reached} | {figure.note} |")
    return rows
