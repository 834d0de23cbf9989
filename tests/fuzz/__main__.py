"""``python -m tests.fuzz frame --seconds 600``: look for bytes that are not refused as they should be.

With atheris installed (``pip install atheris``, Linux) it is guided by what the code does; without it, the
committed corpus is changed blindly, by a seed. What was found is written beside the corpus, to be kept.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
import time
from typing import Any

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import CORPUS, TARGETS, Target, attempt, seeds

SLOW_SECONDS = 0.05  # of processor time for one input


def blind(name: str, target: Target, seconds: float, seed: int) -> int:
    """Change what is in the corpus; how many inputs were tried."""
    chance, kept, tried = random.Random(seed), seeds(name), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(chance.choice(kept), kept, chance)
        began = time.process_time()
        try:
            understood = attempt(target, data)
        except Exception:
            (CORPUS / f"{name}-found-{tried}").write_bytes(data)
            raise
        if time.process_time() - began > SLOW_SECONDS:
            print(f"{name}: {len(data)} bytes took {time.process_time() - began:.3f} s", file=sys.stderr)
        if understood and len(kept) < 2_000:
            kept.append(data)
        tried += 1
    return tried


def guided(target: Target, seconds: float) -> None:
    """By atheris, which ends the process itself."""
    tool: Any = importlib.import_module("atheris")  # not among what this project needs
    tool.instrument_all()
    found = tempfile.mkdtemp(prefix="mutunode-fuzz-")  # what is interesting, kept apart from the corpus
    limits = (f"-max_total_time={seconds:.0f}", f"-artifact_prefix={found}/", "-timeout=5")

    def run(data: bytes) -> None:
        attempt(target, data)

    tool.Setup([sys.argv[0], found, str(CORPUS), *limits], run)
    tool.Fuzz()


def main() -> None:
    """Run one target, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true", help="by atheris")
    given = parser.parse_args()
    for name in [given.target] if given.target else sorted(TARGETS):
        if given.guided:
            guided(TARGETS[name], given.seconds)
        else:
            print(f"{name}: {blind(name, TARGETS[name], given.seconds, given.seed):,} inputs", flush=True)


if __name__ == "__main__":
    main()
