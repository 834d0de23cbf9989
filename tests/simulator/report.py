"""``python -m tests.simulator.report FOLDER``: tables printed into a folder, as a page and a picture.

Each file of the folder is what one run printed (``calm-300.md``); nothing in the page is typed by hand. The
part of docs/network.md between its two marks is replaced, and docs/network-growth.svg is drawn.
"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
ORDER = (
    "calm", "federated", "quiet", "churn", "crash", "partition", "silent", "spam", "flood", "equivocation",
    "sizes", "bases",
)  # fmt: skip
CURVES = (
    ("t50, median of records", "half of the nodes", "#1d5f8a", ""),
    ("t99, median of records", "99 %", "#a34a00", "6 4"),
    ("the last node, p95 of records", "the last node (p95)", "#3b3b3b", "2 3"),
)
ATTRIBUTES = 'role="img" aria-labelledby="t d" font-family="sans-serif" font-size="13"'
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 320, 60, 44


def tables(folder: Path) -> dict[tuple[str, int], str]:
    """What was printed, by scenario and number of nodes."""
    found = {}
    for path in folder.glob("*-*.md"):
        scenario, _, nodes = path.stem.rpartition("-")
        text = path.read_text().strip()
        if scenario in ORDER and text.startswith("### "):
            found[scenario, int(nodes)] = text
    return dict(sorted(found.items(), key=lambda item: (ORDER.index(item[0][0]), item[0][1])))


def value(table: str, name: str) -> float:
    """One measured figure."""
    row = re.search(rf"^\| {re.escape(name)}[^|]*\| ([\d.,]+)", table, re.MULTILINE)
    return float(row[1].replace(",", "")) if row else math.nan


def picture(found: dict[tuple[str, int], str]) -> str:
    """How long a record takes, by the number of nodes."""
    calm = {nodes: table for (scenario, nodes), table in found.items() if scenario == "calm"}
    sizes = sorted(calm)
    top = math.ceil(max(value(calm[n], name) for n in sizes for name, *_ in CURVES) + 0.5)

    def x(nodes: int) -> float:
        span = math.log(sizes[-1] / sizes[0]) or 1
        return LEFT + math.log(nodes / sizes[0]) / span * (WIDTH - LEFT - 150)

    def y(seconds: float) -> float:
        return HEIGHT - BOTTOM - seconds / top * (HEIGHT - BOTTOM - 20)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {ATTRIBUTES}>',
        '<title id="t">How long a record takes, by the number of nodes</title>',
        '<desc id="d">' + "; ".join(
            f"{n} nodes: " + ", ".join(f"{label} {value(calm[n], name):.2f} s" for name, label, *_ in CURVES)
            for n in sizes
        ) + "</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]  # fmt: skip
    for second in range(top + 1):
        parts.append(f'<path d="M{LEFT} {y(second):.1f}H{WIDTH - 140}" stroke="#d5d5d5"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(second) + 4:.1f}" text-anchor="end">{second} s</text>')
    marks = ((nodes, f'<text x="{x(nodes):.1f}" y="{HEIGHT - 22}" text-anchor="middle">') for nodes in sizes)
    parts += [f"{begin}{nodes:,}</text>" for nodes, begin in marks]
    parts.append(f'<text x="{(LEFT + WIDTH - 140) / 2}" y="{HEIGHT - 5}" text-anchor="middle">nodes</text>')
    for name, label, colour, dash in CURVES:
        points = [(x(n), y(value(calm[n], name))) for n in sizes]
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"/>'
        )
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{colour}"/>' for px, py in points]
        px, py = points[-1]
        parts.append(f'<text x="{px + 10:.1f}" y="{py + 4:.1f}" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Write both."""
    found = tables(Path(sys.argv[1]))
    page = DOCS / "network.md"
    text = page.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(before + BEGIN + "\n\n" + "\n\n".join(found.values()) + "\n\n" + END + after)
    (DOCS / "network-growth.svg").write_text(picture(found))


if __name__ == "__main__":
    main()
