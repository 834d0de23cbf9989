"""``python -m tests.fuzz.guided frame 600``: what the code does with an input decides what is tried next.

Needs atheris (``pip install atheris``, Linux), which this project does not. It must see the protocol's
modules before anybody imports them, and only these: with everything instrumented it does nothing else for
minutes.
What is interesting is kept in a folder of its own, which is said; what is wrong ends the run and is named.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SLOW_SECONDS = 0.5  # of processor time: ten times what is promised, since being watched costs about that much
MEMORY_MB_MAX = 512  # of the process; one input is held to 32 MB by tests/test_fuzz.py
CORPUS = Path(__file__).parent / "corpus"


def main(name: str, seconds: int) -> None:
    """Run one target until the time is over; atheris then ends the process."""
    tool: Any = importlib.import_module("atheris")
    with tool.instrument_imports(include=["mutunode.protocol", "tests.fuzz.targets"]):
        targets = importlib.import_module("tests.fuzz.targets")
    mutate = importlib.import_module("tests.fuzz.mutate")
    target = targets.TARGETS[name]
    kept = tempfile.mkdtemp(prefix=f"mutunode-fuzz-{name}-")
    print(f"{name}: what is interesting is kept in {kept}", flush=True)
    worst = SLOW_SECONDS

    def run(data: bytes) -> None:
        nonlocal worst
        began = time.process_time()
        targets.attempt(target, data)
        spent = time.process_time() - began
        if spent > worst:
            worst = spent
            path = Path(kept) / f"slow-{spent * 1_000:.0f}ms"
            path.write_bytes(data)
            print(f"{name}: {len(data)} bytes took {spent:.3f} s: {path}", flush=True)

    def changed(data: bytes, size_max: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            reshaped: bytes = mutate.reshape(data, chance)
            return reshaped[:size_max]
        found: bytes = tool.Mutate(data, size_max)
        return found

    limits = [f"-max_total_time={seconds}", "-max_len=200000", "-timeout=5", f"-rss_limit_mb={MEMORY_MB_MAX}"]
    tool.Setup(
        [sys.argv[0], kept, str(CORPUS), f"-artifact_prefix={kept}/wrong-", *limits],
        run,
        custom_mutator=changed,
    )
    tool.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
