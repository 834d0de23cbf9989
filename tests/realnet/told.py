"""A table whose rows are said as they come: a scene takes minutes."""

from __future__ import annotations

import sys

from tests.simulator.table import Table


class Told(Table):
    """The table."""

    def row(self, name: str, value: object) -> None:
        """One more line, here and on stderr."""
        super().row(name, value)
        print(": ".join(self.rows[-1]), file=sys.stderr, flush=True)
