"""``python -m tests.simulator --nodes 1000 --seed 7 --scenario calm``: a table of what was measured.

When a run breaks a rule, it ends with what broke and the command that plays it again. A long one is put aside
now and then (``--save FILE``) and taken up again where it stood (``--resume FILE``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tests.simulator import chaos, churn, federated, hostile, scale
from tests.simulator.invariants import Violation
from tests.simulator.runs import Aside
from tests.simulator.saving import OtherSources
from tests.simulator.table import Table

Scenario = Callable[[int, int, float, Aside | None], Table]


def bad_day(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
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


SCENARIOS: dict[str, Scenario] = {
    "chaos": bad_day,
    "calm": scale.calm,
    "quiet": scale.quiet,
    "churn": churn.churn,
    "crash": scale.crash,
    "partition": scale.partition,
    "silent": hostile.silent,
    "spam": hostile.spam,
    "flood": hostile.flood,
    "equivocation": hostile.equivocation,
    "sizes": hostile.sizes,
    "bases": hostile.bases,
    "federated": federated.federated,
}


def main() -> int:
    """Run one scenario and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--nodes", type=int, default=0, help="how many (0: as the scenario likes)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="chaos")
    parser.add_argument("--minutes", type=float, default=5.0, help="simulated, where a scenario has no end")
    parser.add_argument("--save", type=Path, metavar="FILE", help="put the run aside there, where it can be")
    parser.add_argument("--every", type=float, default=15.0, metavar="MINUTES", help="simulated, to --save")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on with what was put aside there")
    given = parser.parse_args()
    asked = (given.scenario, given.nodes, given.seed, given.minutes)
    aside = Aside(given.save, asked, minutes=given.every) if given.save else None
    try:
        if given.resume:
            aside = Aside.of(given.resume)
            asked = aside.asked
        scenario, nodes, seed, minutes = asked
        print(SCENARIOS[scenario](nodes, seed, minutes, aside))
    except Violation as violation:
        print(f"{violation}\nagain: python -m tests.simulator --scenario {asked[0]} "
              f"--nodes {asked[1]} --seed {asked[2]} --minutes {asked[3]:g}", file=sys.stderr)  # fmt: skip
        return 1
    except (OtherSources, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
