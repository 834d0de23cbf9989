"""Puts what a scene measured into docs/network.md, so that nothing there is typed by hand."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "network.md"


def write(scene: str, table: str, page: Path = PAGE) -> None:
    """Replace what stands between the two marks of a scene."""
    begin, end = f"<!-- {scene}: begin -->\n", f"<!-- {scene}: end -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{page.name} has no marks of the scene {scene}")
    page.write_text(f"{before}{begin}\n{table}\n\n{end}{after}", "utf-8")
