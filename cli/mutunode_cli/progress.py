"""Progress of long work, on stderr: a bar on a terminal, a line now and then elsewhere, nothing with -q."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

MEGABYTE = 1_000_000  # files are counted in them
LINE_SECONDS_MIN = 2.0  # in a log file, one line in two seconds says enough


class Progress:
    """Shows ``{"done": n, "total": m}`` as it comes; ``total`` 0 means that nobody knows."""

    def __init__(self, label: str, quiet: bool) -> None:
        self._label = label
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._said_at = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: object) -> None:
        """Take one report; a strange one is not worth stopping the work for."""
        if self._quiet or not isinstance(progress, dict):
            return
        done, total = _count(progress.get("done")), _count(progress.get("total"))
        if progress.get("unit") == "bytes":
            done, total = done // MEGABYTE, max(1, total // MEGABYTE)
        if sys.stderr.isatty():
            self._draw(done, total)
        elif time.monotonic() - self._said_at >= LINE_SECONDS_MIN:
            self._said_at = time.monotonic()
            print(f"{self._label}: {done}" + (f"/{total}" if total else ""), file=sys.stderr, flush=True)

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._label, total=None)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total or None)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
