"""``python -m tests.simulator.report FOLDER``: tables printed into a folder, as a page and a picture.

Each file of the folder is what one run printed; nothing in the page is typed by hand. In the part of
docs/network.md between its two marks a table takes the place of the one of its scenario and number of nodes;
those that the folder has not stand as they are. docs/network-growth.svg is drawn of all of them.
"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TITLES = {  # how the tables of each scenario begin, in the order of the page
    "calm": "Calm",
    "federated": "Known through vouches",
    "quiet": "Quiet",
    "churn": "Half offline",
    "crash": "Half crash",
    "partition": "A partition",
    "silent": "One in ten announces",
    "spam": "One in ten spams",
    "flood": r"\d+ sign a record each second",
    "equivocation": "One organisation signs two registers of equal size",
    "sizes": "One organisation signs two registers of different sizes",
    "bases": "One organisation signs its public register on two bases",
}
Tables = dict[tuple[str, int], str]
CURVES = (
    ("t50, median of records", "half of the nodes", "#1d5f8a", ""),
    ("t99, median of records", "99 %", "#a34a00", "6 4"),
    ("the last node, p95 of records", "the last node (p95)", "#3b3b3b", "2 3"),
)
ATTRIBUTES = 'role="img" aria-labelledby="t d" font-family="sans-serif" font-size="13"'
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 320, 60, 44


def tables(text: str) -> Tables:
    """The tables of a text, by scenario and number of nodes."""
    found = {}
    for part in re.split(r"^(?=### )", text, flags=re.MULTILINE)[1:]:
        title = part.splitlines()[0].removeprefix("### ")
        scenario = next(name for name, begin in TITLES.items() if re.match(begin, title))
        (nodes,) = re.findall(r"\(([\d,]+) nodes", title)
        found[scenario, int(nodes.replace(",", ""))] = part.strip()
    return found


def merged(page: str, folder: Path) -> Tables:
    """Those of the page, and in their places those that were printed into the folder."""
    found = tables(page)
    for path in folder.glob("*.md"):
        found |= tables(path.read_text())
    order = list(TITLES)
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def value(table: str, name: str) -> float:
    """One measured figure."""
    row = re.search(rf"^\| {re.escape(name)}[^|]*\| ([\d.,]+)", table, re.MULTILINE)
    return float(row[1].replace(",", "")) if row else math.nan


def picture(found: Tables) -> str:
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
    page = DOCS / "network.md"
    before, rest = page.read_text().split(BEGIN)
    measured, after = rest.split(END)
    found = merged(measured, Path(sys.argv[1]))
    page.write_text(before + BEGIN + "\n\n" + "\n\n".join(found.values()) + "\n\n" + END + after)
    (DOCS / "network-growth.svg").write_text(picture(found))


if __name__ == "__main__":
    main()
