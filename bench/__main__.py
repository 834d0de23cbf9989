"""`make bench`: the usual run takes about a quarter of an hour; ``ARGS`` choose scenes and sizes.

``python -m bench --scenes replication wire --records 20000`` measures two scenes at another size; ``--growth
10000 100000 1000000`` how everything grows, with a picture (``--picture FILE``). ``--searching`` and
``--stages`` measure searching alone and the stages of indexing; ``--write FILE`` puts each scene's table into
a page, between the lines that ask for it. Homes that many scenes read are made once (``--keep FOLDER``: for
the next run too).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bench import bare, files, growth, many, page, picture, readers, scenes, searching, stages
from bench.figures import Figure, show
from bench.node import NotRunning

USUAL = ("publishing", "replication", "wire", "readers", "growth", "searching", "files")
SEARCHED = (10_000,)  # in a usual run
PUBLISHED = 10_000  # one catalogue
STAGED = 10_000
ORGANISATIONS = 1_000
TANTIVY_RECORDS = 10_000

Scene = Callable[["argparse.Namespace", Path], Iterator[Figure]]


def main() -> int:
    """Measure, show, and say with the exit code whether every target was reached."""
    asked = _arguments()
    found: dict[str, list[Figure]] = {}
    started = time.time()
    try:
        with tempfile.TemporaryDirectory(prefix="mutunode-bench-") as folder:
            asked.keep = asked.keep or Path(folder) / "kept"
            asked.keep.mkdir(parents=True, exist_ok=True)
            for name in asked.scenes:
                _run(name, asked, Path(folder) / name, found.setdefault(name, []))
    except NotRunning as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        if asked.json and any(found.values()):
            asked.json.write_bytes(_document(found, _machine(), started))
    return 0 if all(figure.reached is not False for each in found.values() for figure in each) else 3


def _run(name: str, asked: argparse.Namespace, folder: Path, figures: list[Figure]) -> None:
    """One scene, its table, and where it was asked for its place in a page."""
    folder.mkdir()
    started = time.time()
    for figure in SCENES[name](asked, folder):
        print(f"{figure.name}: {figure.value:,.2f} {figure.unit}", file=sys.stderr, flush=True)
        figures.append(figure)
    machine = f"{_machine()}; took {time.time() - started:.0f} s"
    show(figures, f"{name} ({machine})")
    if asked.write:
        page.write(asked.write, name, figures, machine, started)
    if asked.picture and name == "growth":
        picture.write(asked.picture, figures)


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure a node beside a bare loop.")
    number: dict[str, object] = {"type": int, "nargs": "+", "metavar": "RECORDS"}
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), help=f"({' '.join(USUAL)})")
    parser.add_argument(
        "--records", type=int, default=100_000, help="in replications and for readers (100000)"
    )
    parser.add_argument(
        "--idle-seconds", type=float, default=30.0, help="how long to watch an idle node (30)"
    )
    parser.add_argument("--growth", **number, help="only the growth, over these sizes")  # type: ignore[arg-type]
    parser.add_argument("--searching", **number, help="only indexing and searching, at these sizes")  # type: ignore[arg-type]
    parser.add_argument("--files", action="store_true", help="only the scene of files")
    parser.add_argument("--stages", type=int, metavar="RECORDS", help="only the stages of indexing")
    parser.add_argument("--prepare", action="store_true", help="only make the homes that are kept")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="homes that were made stay there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this page")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the growth there (SVG)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    alone = [name for name in ("growth", "searching", "files", "stages") if getattr(asked, name)]
    asked.scenes = ["prepare"] if asked.prepare else alone or asked.scenes or list(USUAL)
    return asked


# --- scenes ----------------------------------------------------------------------------------------
def _publishing(asked: argparse.Namespace, folder: Path) -> Iterator[Figure]:
    limit = bare.measure(folder, PUBLISHED)
    yield limit
    yield from bare.parts(folder, PUBLISHED)
    author, published = scenes.filled(folder, PUBLISHED, limit.value)
    with author:
        yield published
        yield from scenes.publishing(author)
        yield from scenes.idle(author, asked.idle_seconds)


def _replication(asked: argparse.Namespace, folder: Path) -> Iterator[Figure]:
    tantivy = searching.tantivy_alone(folder / "alone", min(asked.records, TANTIVY_RECORDS))
    for organisations in (1, ORGANISATIONS):
        many.prepared(asked.keep, asked.records, organisations)
    limit = bare.measure(folder, asked.records)
    yield limit
    spent = bare.spent(folder, min(asked.records, TANTIVY_RECORDS))
    signed = bare.signed(folder, asked.records, ORGANISATIONS)
    yield signed
    for organisations in (1, ORGANISATIONS):
        beside = signed.value if organisations > 1 else None
        limits = many.Limits(limit.value, beside, spent, tantivy)
        yield from many.replication(folder, asked.keep, asked.records, organisations, limits)


def _searching(asked: argparse.Namespace, folder: Path) -> Iterator[Figure]:
    yield from searching.indexing(folder)
    for records in asked.searching or SEARCHED:
        yield from searching.measure(asked.keep, records)


def _prepare(asked: argparse.Namespace, folder: Path) -> Iterator[Figure]:
    for records in asked.searching or ():
        started = time.perf_counter()
        searching.prepared(asked.keep, records).close()
        yield Figure(f"{records:,} records are indexed", time.perf_counter() - started, "s")
    for records in asked.growth or (() if asked.searching else growth.SIZES):
        started = time.perf_counter()
        growth.prepare(asked.keep, records)
        yield Figure(f"{records:,} records are there", time.perf_counter() - started, "s")
    if not (asked.growth or asked.searching):
        many.prepared(asked.keep, asked.records, 1)


SCENES: dict[str, Scene] = {
    "publishing": _publishing,
    "replication": _replication,
    "wire": lambda asked, folder: many.wire(folder, asked.keep, asked.records, ORGANISATIONS),
    "readers": lambda asked, folder: readers.measure(folder, asked.keep, asked.records, ORGANISATIONS),
    "growth": lambda asked, folder: growth.measure(folder, asked.keep, asked.growth or growth.SIZES),
    "searching": _searching,
    "files": lambda asked, folder: files.scene(folder),
    "stages": lambda asked, folder: stages.measure(folder, asked.stages or STAGED),
    "prepare": _prepare,
}


def _document(found: dict[str, list[Figure]], machine: str, started: float) -> bytes:
    rows = [
        {"scene": name, **msgspec.to_builtins(figure), "share": figure.share, "reached": figure.reached}
        for name, figures in found.items()
        for figure in figures
    ]
    document = {"machine": machine, "time": int(started), "figures": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main())
