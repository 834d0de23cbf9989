"""``python -m tests.fuzz frame --seconds 600``: look for bytes that are not refused as they should be.

The committed corpus is changed blindly, by a seed; what was found is written beside it, to be kept.
``python -m tests.fuzz.guided`` is guided by what the code does, with atheris.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz.mutate import mutate, reshape
from tests.fuzz.targets import CORPUS, TARGETS, Target, attempt, seeds

SLOW_SECONDS = 0.05  # of processor time for one input


def blind(name: str, target: Target, seconds: float, seed: int) -> int:
    """Change what is in the corpus; how many inputs were tried."""
    chance, kept, tried = random.Random(seed), seeds(name), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        of = chance.choice(kept)
        data = reshape(of, chance) if chance.random() < 0.5 else mutate(of, kept, chance)
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


def main() -> None:
    """Run one target, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in [given.target] if given.target else sorted(TARGETS):
        print(f"{name}: {blind(name, TARGETS[name], given.seconds, given.seed):,} inputs", flush=True)


if __name__ == "__main__":
    main()
