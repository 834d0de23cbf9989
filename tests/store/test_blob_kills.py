"""kill -9 while files are added and fetched: what is shown as whole is whole, and nothing is left behind.

``MUTUNODE_TEST_KILLS`` sets how many random kills there are, ``MUTUNODE_TEST_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from mutunode.protocol.ids import parse
from mutunode.protocol.limits import CHUNK_BYTES
from mutunode.store.blobs import open_blobs

ROOT = Path(__file__).parents[2]
KILLS = 8
KILL_WITHIN_SECONDS = 0.6
FETCHED_CHUNKS = 60  # what a run cannot end in the time it has

WORK = """
import random, sys
from pathlib import Path
from mutunode.protocol.blobs import blob_of
from mutunode.protocol.ids import blob_text
from mutunode.store.blobs import open_blobs

library = open_blobs("", Path(sys.argv[1]))
what, seed, wanted = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
if what == "adding":
    chance = random.Random(seed)
    while True:
        adding = library.add()
        for _ in range(chance.randrange(40)):
            adding.write(chance.randbytes(chance.randrange(150_000)))
        if chance.random() < 0.1:
            adding.abandon()
            continue
        blob, size = library.keep(adding)
        print(blob_text(blob), size, flush=True)
content = random.Random(wanted)
chunks = [content.randbytes(262_144) for _ in range(60)]
blob, size, leaves = blob_of(chunks)
incoming = library.fetch(blob, size)
print("held", len(incoming.held), flush=True)
for index in random.Random(seed).sample(range(60), 60):
    incoming.put(index, chunks[index], leaves[index])
    print("put", index, flush=True)
    if incoming.is_complete:
        library.arrived(incoming)
        print(blob_text(blob), size, flush=True)
        break  # of what an earlier run left, the first put may have been the last that lacked
"""


def run_until_killed(folder: Path, what: str, seed: int, wanted: int, seconds: float) -> list[str]:
    """What the child said before it died."""
    child = subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder), what, str(seed), str(wanted)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    said, _ = child.communicate()
    return said.splitlines()[: None if said.endswith("\n") else -1]


def kills() -> tuple[int, random.Random]:
    count = int(os.environ.get("MUTUNODE_TEST_KILLS", str(KILLS)))
    return count, random.Random(int(os.environ.get("MUTUNODE_TEST_SEED", "1")))


def test_killed_while_adding(tmp_path: Path) -> None:
    count, chance = kills()
    known: dict[bytes, int] = {}
    library, held = open_blobs("", tmp_path), known
    for number in range(count):
        said = run_until_killed(tmp_path, "adding", number, 0, chance.uniform(0, KILL_WITHIN_SECONDS))
        known |= {parse(blob, "blob"): int(size) for blob, size in (line.split() for line in said)}
        library = open_blobs("", tmp_path)
        held = dict(library.each())
        assert known.items() <= held.items(), "what was said to be kept is there"
        known = held
        library.clean(set())
        assert not list((tmp_path / "staging" / "adding").iterdir())
    for blob in held:
        library.check(blob)
    files = [path for path in (tmp_path / "blobs").iterdir() if not path.name.endswith(".leaves")]
    assert len(files) == len(held)


def test_killed_while_fetching(tmp_path: Path) -> None:
    count, chance = kills()
    wanted, ended, library = 1, 0, open_blobs("", tmp_path)
    for number in range(count):
        seconds = chance.uniform(0, KILL_WITHIN_SECONDS)
        said = run_until_killed(tmp_path, "fetching", number, wanted, seconds)
        library = open_blobs("", tmp_path)
        put = {int(line.split()[1]) for line in said if line.startswith("put")}
        held = dict(library.each())
        for blob in held:
            library.check(blob)
        begun = library.begun()
        for blob in begun:
            incoming = library.fetch(blob, FETCHED_CHUNKS * CHUNK_BYTES)
            assert put <= incoming.held or blob in held
            incoming.close()
        if len(held) > ended:  # whole: begin another
            ended, wanted = len(held), wanted + 1
        elif put:
            assert begun
        library.clean(begun)
        assert library.begun() == begun
    assert library.clean(set()) >= 0
    assert library.begun() == set()
