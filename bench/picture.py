"""The growth as a picture: a small panel for each figure, the number of records on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, number

COLUMNS = 3
WIDTH, HEIGHT = 230, 170  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 46, 20, 34, 28
COLOUR, LIMIT = "#1d5f8a", "#a34a00"
ATTRIBUTES = 'role="img" aria-labelledby="t d" font-family="sans-serif" font-size="11"'
PANELS = (
    "first replication, durable",
    "first replication, shown",
    "start until ready",
    "memory, after these",
    "receiver's peak memory",
    "a page: p95",
    "a search by the API: p95",
    "the store on the disk",
    "the index on the disk",
)

Points = list[tuple[int, float]]


def write(path: Path, figures: Sequence[Figure]) -> None:
    """Draw every figure that was measured at two sizes or more."""
    panels = [(name, *_points(figures, name)) for name in PANELS if _measured(figures, name) > 1]
    rows, width = -(-len(panels) // COLUMNS), COLUMNS * WIDTH
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {rows * HEIGHT}" {ATTRIBUTES}>',
        '<title id="t">How the figures grow with the number of records</title>',
        f'<desc id="d">{"; ".join(_said(*panel) for panel in panels)}</desc>',
        f'<rect width="{width}" height="{rows * HEIGHT}" fill="#ffffff"/>',
    ]
    for at, (name, points, of) in enumerate(panels):
        x, y = at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_panel(name, points, of), "</g>"]
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _measured(figures: Sequence[Figure], name: str) -> int:
    return sum(figure.name == name for figure in figures)


def _points(figures: Sequence[Figure], name: str) -> tuple[Points, Figure]:
    """(records, value) of one figure, and one of them for its unit."""
    found = [figure for figure in figures if figure.name == name]
    points = [(int(figure.note.split(" ")[0].replace(",", "")), figure.value) for figure in found]
    return sorted(points), found[0]


def _said(name: str, points: Points, of: Figure) -> str:
    values = ", ".join(f"{number(value)} at {records:,}" for records, value in points)
    return f"{name}, {of.unit}: {values}"


def _panel(name: str, points: Points, of: Figure) -> list[str]:
    top = max(value for _, value in points) * 1.15 or 1.0
    first, last = points[0][0], points[-1][0]

    def x(records: int) -> float:
        return LEFT + math.log(records / first) / math.log(last / first) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)

    parts = [f'<text x="{LEFT - 30}" y="18" font-weight="bold">{name}, {of.unit}</text>']
    for share in (0.0, 0.5, 1.0):
        value = max(value for _, value in points) * share
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#d5d5d5"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{number(value)}</text>')
    line = "L".join(f"{x(records):.1f} {y(value):.1f}" for records, value in points)
    parts.append(f'<path d="M{line}" fill="none" stroke="{COLOUR}" stroke-width="2"/>')
    for records, value in points:
        parts.append(f'<circle cx="{x(records):.1f}" cy="{y(value):.1f}" r="3" fill="{COLOUR}"/>')
        parts.append(f'<text x="{x(records):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{records:,}</text>')
    return parts
