"""``mutunode`` whose search index stays as it is: one that has held its records for long has indexed them.

A store that was just written by ``seed`` would be indexed while it gives, which no node that gives does.
"""

from __future__ import annotations

import sys

from mutunode import engine
from mutunode_cli.main import main


def _leave_the_index_alone(feeder: engine.Feeder) -> bool:
    return False


if __name__ == "__main__":
    engine.Feeder.step = _leave_the_index_alone  # type: ignore[method-assign, assignment]
    sys.exit(main())
