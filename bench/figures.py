"""A figure: what was measured, what it stands beside, and what it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table


class Target(msgspec.Struct, frozen=True):
    """What a figure must reach; a share is of the figure it stands beside."""

    limit: float
    sense: Literal["at least", "at most"]
    share: bool = False

    def holds(self, value: float) -> bool:
        """Is it reached?"""
        return value >= self.limit if self.sense == "at least" else value <= self.limit


class Figure(msgspec.Struct, frozen=True):
    """One measured figure."""

    name: str
    value: float
    unit: str
    beside: float | None = None  # the bare loop's figure of the same kind, from the same run
    target: Target | None = None
    note: str = ""

    @property
    def share(self) -> float | None:
        """Of the bare loop."""
        return self.value / self.beside if self.beside else None

    @property
    def reached(self) -> bool | None:
        """Is the target reached; None without one."""
        if self.target is None:
            return None
        measured = self.share if self.target.share else self.value
        return measured is not None and self.target.holds(measured)


FILE_WIDTH = 140  # columns, where nobody's terminal says how wide it is


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def show(figures: Sequence[Figure], title: str) -> None:
    """A table on the standard output."""
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    for column in ("measured", "bare loop", "share", "target"):
        table.add_column(column, justify="right")
    table.add_column("note", style="dim")
    for figure in figures:
        style = {True: "green", False: "red", None: ""}[figure.reached]
        table.add_row(
            figure.name,
            f"{number(figure.value)} {figure.unit}",
            _optional(figure.beside, number),
            _optional(figure.share, lambda share: f"{share:.2f}"),
            target_text(figure.target, figure.unit),
            figure.note,
            style=style,
        )
    console = Console()
    (console if console.is_terminal else Console(width=FILE_WIDTH)).print(table)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _optional(value: float | None, form: Callable[[float], str]) -> str:
    return "" if value is None else form(value)


def target_text(target: Target | None, unit: str) -> str:
    if target is None:
        return ""
    sign = "≥" if target.sense == "at least" else "≤"
    return f"{sign} {target.limit:g} {'of the bare loop' if target.share else unit}"
