"""``python -m tests.simulator --nodes 1000 --seed 7 --scenario calm``: a table of what was measured.

When a run breaks a rule, it ends with what broke and the command that plays it again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tests.simulator import chaos, scale
from tests.simulator.invariants import Violation
from tests.simulator.table import Table


def bad_day(nodes: int, seed: int, _: float) -> Table:
    """Everything goes wrong, then it is quiet: do all hold the same?"""
    day = chaos.run(seed, nodes)
    table = Table(f"A bad day of {day.nodes} nodes (seed {day.seed})")
    table.row("held the same after, simulated seconds", day.seconds)
    table.row("frames", day.frames)
    for what, count in sorted(day.events.items()):
        table.row(f"happened: {what}", count)
    for what, count in sorted(day.checks.items()):
        table.row(f"looked at: {what}", count)
    table.row("trace", day.trace)
    return table


SCENARIOS: dict[str, Callable[[int, int, float], Table]] = {"chaos": bad_day, **scale.SCENARIOS}


def main() -> int:
    """Run one scenario and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--nodes", type=int, default=0, help="how many (0: as the scenario likes)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="chaos")
    parser.add_argument("--minutes", type=float, default=5.0, help="simulated, where a scenario has no end")
    given = parser.parse_args()
    try:
        print(SCENARIOS[given.scenario](given.nodes, given.seed, given.minutes))
    except Violation as violation:
        print(f"{violation}\nagain: python -m tests.simulator --scenario {given.scenario} "
              f"--nodes {given.nodes} --seed {given.seed}", file=sys.stderr)  # fmt: skip
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
