"""A node that lives at another time: ``python -m tests.e2e.other_time FILE run …``.

The file holds by how many seconds its clock is off, and may change while it runs: what ``time.time`` says is
moved in this process before anything of the node is imported. What measures durations (``time.monotonic``)
stays, as it does where somebody sets a computer's clock.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

real = time.time


def shift(file: Path) -> None:
    """From now on the file decides what time it is."""

    def shifted() -> float:
        try:
            return real() + float(file.read_text() or 0)
        except OSError:
            return real()

    time.time = shifted


if __name__ == "__main__":
    shift(Path(sys.argv[1]))
    from mutunode_cli.main import main

    sys.exit(main(sys.argv[2:]))
