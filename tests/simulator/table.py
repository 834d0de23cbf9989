"""A table as the simulator prints it; docs/network.md takes it over as it is."""

from __future__ import annotations


class Table:
    """Rows of a name and what was measured."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[str, str]] = []

    def row(self, name: str, value: object) -> None:
        """One more line; numbers are rounded to what they are worth."""
        self.rows.append((name, f"{value:,.2f}" if isinstance(value, float) else f"{value}"))

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows)
        lines = [f"| {name:<{width}} | {value} |" for name, value in self.rows]
        return "\n".join([f"### {self.title}", "", f"| {'what':<{width}} | measured |", "|---|---|", *lines])
