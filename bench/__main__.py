"""`make bench`, or `python -m bench --records 20000 --json figures.json`.

``--searching 10000 100000`` measures indexing and searching alone, at these sizes; ``--stages 10000`` the
stages of indexing; ``--write FILE`` puts the table into a page, between the lines that ask for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench import bare, files, page, scenes, searching, stages
from bench.figures import Figure, show
from bench.node import NotRunning


def main() -> int:
    """Measure, show, and say with the exit code whether every target was reached."""
    asked = _arguments()
    figures: list[Figure] = []
    started = time.time()
    try:
        with tempfile.TemporaryDirectory(prefix="mutunode-bench-") as folder:
            for figure in _wanted(Path(folder), asked):
                print(f"{figure.name}: {figure.value:,.2f} {figure.unit}", file=sys.stderr, flush=True)
                figures.append(figure)
    except NotRunning as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
        if figures:
            show(figures, f"mutunode ({machine})")
        if asked.write and figures:
            name = _scene(asked)
            page.write(asked.write, name, figures, machine, started)
        if asked.json and figures:
            asked.json.write_bytes(_document(figures, asked.records, machine, started))
    return 0 if all(figure.reached is not False for figure in figures) else 3


def _scene(asked: argparse.Namespace) -> str:
    """The name of the table in a page."""
    chosen = {"searching": asked.searching, "stages": asked.stages, "files": asked.files}
    return next((name for name, is_chosen in chosen.items() if is_chosen), "nodes")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure a node beside a bare loop.")
    parser.add_argument("--records", type=int, default=100_000, help="in the replication (100000)")
    parser.add_argument(
        "--idle-seconds", type=float, default=30.0, help="how long to watch an idle node (30)"
    )
    parser.add_argument(
        "--searching",
        type=int,
        nargs="+",
        metavar="RECORDS",
        help="only indexing and searching, at these sizes",
    )
    parser.add_argument("--files", action="store_true", help="only the scene of files")
    parser.add_argument("--stages", type=int, metavar="RECORDS", help="only the stages of indexing")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def _wanted(folder: Path, asked: argparse.Namespace) -> Iterator[Figure]:
    if asked.stages:
        yield from stages.measure(folder, asked.stages)
    elif asked.searching:
        for records in asked.searching:
            yield from searching.measure(folder, records)
    elif asked.files:
        yield from files.scene(folder)
    else:
        yield from _measured(folder, asked.records, asked.idle_seconds)
        (folder / "files").mkdir()
        yield from files.scene(folder / "files")


def _measured(folder: Path, records: int, idle_seconds: float) -> Iterator[Figure]:
    """Every figure, as it becomes known."""
    bare_figure = bare.measure(folder, records)
    yield bare_figure
    author, published = scenes.filled(folder, records, bare_figure.value)
    with author:
        yield published
        yield from scenes.replication(folder, author, records, bare_figure.value)
        yield from scenes.publishing(author)
        yield from scenes.idle(author, idle_seconds)
    (folder / "wire").mkdir()
    counted = min(records, scenes.WIRE_RECORDS_MAX)
    author, _ = scenes.filled(folder / "wire", counted, bare_figure.value)
    with author:
        yield from scenes.wire(folder / "wire", author, counted, bare_figure.value)


def _document(figures: list[Figure], records: int, machine: str, started: float) -> bytes:
    rows = [
        {**msgspec.to_builtins(figure), "share": figure.share, "reached": figure.reached}
        for figure in figures
    ]
    document = {"records": records, "machine": machine, "time": int(started), "figures": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main())
