"""Files between two nodes, beside the same bytes by a plain HTTP download that hashes and flushes.

Ours goes through TLS, is checked chunk by chunk, and is durable and known to the node when it counts; the
plain one is neither encrypted nor resumed. Syncthing stands beside both where the system has it.

Two things of the machine would tell of whoever comes first, or later. Memory of a virtual machine that was
never used costs more at its first touch than hashing what is put there: as much as the files need is touched
before. And for minutes after thousands of files were removed, ext4 looks at each of their inodes again for
each new file (``recently_deleted``): nothing is removed before the end. Small files are measured in rounds.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import beside
from bench.figures import Figure, Target
from bench.node import Node, wait_until
from bench.throttle import Throttle

GIBIBYTE = 1_024**3
LARGE_BYTES = GIBIBYTE
SMALL_BYTES, SMALL_FILES = 100 * 1_024, 2_000
SMALL_ROUNDS = 3  # each with files of its own; the middle of each side counts
TOUCHED_BYTES = 8 * GIBIBYTE  # as much as the files here, their copies and Syncthing's need
HOLDERS, HOLDERS_BYTES, UPLOAD_BYTES_A_SECOND = 3, 36_000_000, 3_000_000.0
LINKED_SECONDS_MAX = 60.0
FILES_A_RECORD = 80  # × 11 values of the 1,000 that a body may have
SECONDS_MAX = 1_200.0
POLL_SECONDS = 0.05
BLOCK = 1_024 * 1_024

LARGE = Target(0.5, "at least", share=True)
SMALL = Target(1.0, "at least", share=True)
ADDING = Target(0.5, "at least", share=True)
MEMORY_MB = Target(150, "at most")
LARGE_SYNCTHING = Target(1.2, "at least", share=True)
HOLDERS_TARGET = Target(2.5, "at least", share=True)
SMALL_SYNCTHING = Target(2.0, "at least", share=True)

PLAIN_SERVER = """
import sys
from aiohttp import web
app = web.Application()
app.router.add_static("/", sys.argv[1])
web.run_app(app, host="127.0.0.1", port=0, print=lambda text: print(text, flush=True))
"""

PLAIN_CLIENT = """
import asyncio, hashlib, os, sys
import aiohttp
async def main(base, target, names):
    async with aiohttp.ClientSession() as session:
        for name in names:
            hashed = hashlib.sha256()
            part = os.path.join(target, name + ".part")
            async with session.get(base + name) as answer:
                with open(part, "wb") as out:
                    async for piece in answer.content.iter_chunked(262_144):
                        hashed.update(piece)
                        out.write(piece)
                    out.flush()
                    os.fsync(out.fileno())
            os.replace(part, os.path.join(target, name))
asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3].split(",")))
"""


def scene(folder: Path, large_bytes: int = LARGE_BYTES, small_files: int = SMALL_FILES) -> Iterator[Figure]:
    """One large file, then many small ones."""
    _touch_memory()
    source = folder / "source"
    source.mkdir()
    large = source / "large.bin"
    _write(large, large_bytes)
    bare = _bare_hash(large)
    with (
        Node(folder / "giver", "Celle qui donne") as giver,
        Node(folder / "taker", "Celle qui prend") as taker,
    ):
        giver.init()
        giver.start()
        taker.init()
        (taker.home / "mutunode.toml").write_text("fetch_file_mb = 0\n")  # nothing before the clock runs
        giver.ask("peer_accept", org=taker.org)
        taker.start("--seed", giver.peer_address)
        taker.ask("peer_accept", org=giver.org)
        giver.rest()
        rec, adding = _publish(giver, "large", [large])
        yield Figure(
            "adding a file, durable", large_bytes / 1e6 / adding, "MB/s", large_bytes / 1e6 / bare, ADDING
        )
        yield from _large(folder, giver, taker, rec, large)
        yield from _small(folder, giver, taker, small_files)
    (folder / "holders").mkdir()
    yield from holders(folder / "holders")


def holders(
    folder: Path, size: int = HOLDERS_BYTES, upload: float = UPLOAD_BYTES_A_SECOND
) -> Iterator[Figure]:
    """One file from one holder, then from three, each behind a line with a limited upload."""
    path = folder / "shared.bin"
    _write(path, size)
    names = [f"holder-{number}" for number in range(HOLDERS)]
    with ExitStack() as stack:
        nodes = [stack.enter_context(Node(folder / name, name)) for name in names]
        takers = [stack.enter_context(Node(folder / name, name)) for name in ("alone", "together")]
        for node in (*nodes, *takers):
            node.init()
            (node.home / "mutunode.toml").write_text("fetch_file_mb = 0\n")  # nothing before the clock runs
            node.start()
        rec, _ = _publish(nodes[0], "shared", [path])
        for node in nodes[1:]:
            node.ask("peer_accept", org=nodes[0].org, address=nodes[0].peer_address)
            nodes[0].ask("peer_accept", org=node.org)
            _timed(nodes[0], node, [rec], [path])
        lines = [stack.enter_context(Throttle(node.peer_address, upload)) for node in nodes]
        speeds = []
        for taker, count in zip(takers, (1, HOLDERS), strict=True):
            for node, line in list(zip(nodes, lines, strict=True))[:count]:
                node.ask("peer_accept", org=taker.org)
                taker.ask("peer_accept", org=node.org, address=line.address)
            _wait_for_links(taker, count)
            seconds, _ = _timed(nodes[0], taker, [rec], [path])
            _compare(folder / taker.name, taker, rec, [path])
            speeds.append(size / 1e6 / seconds)
    note = f"{size / 1e6:.0f} MB; each holder gives {upload / 1e6:g} MB/s at most; beside: one holder"
    yield Figure("a file from three holders", speeds[1], "MB/s", speeds[0], HOLDERS_TARGET, note)


def _wait_for_links(node: Node, count: int) -> None:
    """Until it has complete links with so many organisations."""

    def linked() -> int:
        return sum(peer["state"] == "connected" for peer in node.ask("status")["peers"])

    wait_until(lambda: linked() == count, LINKED_SECONDS_MAX, POLL_SECONDS, f"{count} links")


def _large(folder: Path, giver: Node, taker: Node, rec: str, large: Path) -> Iterator[Figure]:
    megabytes = large.stat().st_size / 1e6
    plain, plain_cpu = _plain(folder, [large])
    idle = taker.memory_mb()
    with taker.watched() as peak:
        seconds, cpu = _timed(giver, taker, [rec], [large])
    _compare(folder, taker, rec, [large])
    note = f"TLS; {cpu:.1f} s of processor, both sides; plain: {plain_cpu:.1f} s"
    yield Figure(
        "a large file between two nodes", megabytes / seconds, "MB/s", megabytes / plain, LARGE, note
    )
    yield Figure("memory above idle, receiving it", peak.mb - idle, "MB", target=MEMORY_MB)
    rounds = [beside.measure(folder, [large])] if beside.is_here() else []
    yield from _beside_syncthing("a large file", megabytes, "MB/s", seconds, cpu, rounds, LARGE_SYNCTHING)


def _small(folder: Path, giver: Node, taker: Node, count: int) -> Iterator[Figure]:
    ours, plain, syncthing = [], [], []
    for number in range(SMALL_ROUNDS):
        round_folder = folder / f"round-{number}"
        paths = _many(round_folder, count)
        plain.append(_plain(round_folder, paths))
        recs = [
            _publish(giver, f"round {number}, {start}", paths[start : start + FILES_A_RECORD])[0]
            for start in range(0, count, FILES_A_RECORD)
        ]
        ours.append(_timed(giver, taker, recs, paths))
        if beside.is_here():
            syncthing.append(beside.measure(round_folder, paths))
    (seconds, cpu), (plain_seconds, plain_cpu) = _middle(ours), _middle(plain)
    rounds = ", ".join(f"{count / each:,.0f}" for each, _ in ours)
    note = (
        f"{count:,} of 100 KiB, each durable by itself; {cpu:.1f} s of processor, both sides; "
        f"plain: {plain_cpu:.1f} s; rounds: {rounds}"
    )
    yield Figure(
        "small files between two nodes", count / seconds, "files/s", count / plain_seconds, SMALL, note
    )
    yield from _beside_syncthing("small files", count, "files/s", seconds, cpu, syncthing, SMALL_SYNCTHING)


def _many(folder: Path, count: int) -> list[Path]:
    (folder / "small").mkdir(parents=True)
    paths = [folder / "small" / f"{number:05}.bin" for number in range(count)]
    for path in paths:
        _write(path, SMALL_BYTES)
    os.sync()
    return paths


def _middle(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    """Of the seconds, and of the processor seconds."""
    return statistics.median(each for each, _ in rounds), statistics.median(each for _, each in rounds)


def _beside_syncthing(
    what: str,
    amount: float,
    unit: str,
    seconds: float,
    cpu: float,
    rounds: list[tuple[float, float]],
    target: Target,
) -> Iterator[Figure]:
    """Ours once more, beside Syncthing's for the same files."""
    if not rounds:
        print(f"bench: Syncthing is not installed here: no comparison with it for {what}", file=sys.stderr)
        return
    its_seconds, its_cpu = _middle(rounds)
    each = ", ".join(f"{amount / one:,.0f}" for one, _ in rounds)
    note = f"{cpu:.1f} s of processor, both sides; Syncthing: {its_cpu:.1f} s"
    note += f"; its rounds: {each}" * (len(rounds) > 1)
    yield Figure(f"{what}, beside Syncthing", amount / seconds, unit, amount / its_seconds, target, note)


def _timed(giver: Node, taker: Node, recs: list[str], paths: list[Path]) -> tuple[float, float]:
    """(seconds, processor seconds of both) until all is verified, durable and held."""
    for rec in recs:
        wait_until(lambda rec=rec: _knows(taker, rec), SECONDS_MAX, POLL_SECONDS, "the records")
    for node in (giver, taker):
        node.rest()  # what was published is indexed by now
    wanted = taker.files_held() + len(paths)
    spent, started = giver.cpu_seconds() + taker.cpu_seconds(), time.perf_counter()
    for rec in recs:
        taker.ask("fetch", rec=rec)
    wait_until(lambda: taker.files_held() == wanted, SECONDS_MAX, POLL_SECONDS, f"{len(paths)} files")
    seconds = time.perf_counter() - started
    return seconds, giver.cpu_seconds() + taker.cpu_seconds() - spent


def _publish(node: Node, title: str, paths: list[Path]) -> tuple[str, float]:
    started = time.perf_counter()
    fields = {"title": title, "files": [str(path) for path in paths]}
    answer = node.ask("publish", kind="resource", fields=fields)
    return str(answer["id"]), time.perf_counter() - started


def _compare(folder: Path, taker: Node, rec: str, paths: list[Path]) -> None:
    """What came is what was given."""
    got = taker.ask("get", rec=rec, path=str(folder / "got"))
    for path, each in zip(paths, got["files"], strict=True):
        assert _digest(path) == _digest(Path(each["path"]))


def _knows(taker: Node, rec: str) -> bool:
    from mutunode_cli.failure import Failure

    try:
        taker.ask("files", rec=rec)
    except Failure:
        return False
    return True


def _plain(folder: Path, paths: list[Path]) -> tuple[float, float]:
    """(seconds, processor seconds) of a plain download of the same files, one process for each side."""
    before = os.times()
    server = subprocess.Popen(
        [sys.executable, "-c", PLAIN_SERVER, str(paths[0].parent)], stdout=subprocess.PIPE, text=True
    )
    target = folder / "plain"
    target.mkdir(exist_ok=True)
    try:
        assert server.stdout is not None
        address = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
        names = ",".join(path.name for path in paths)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", PLAIN_CLIENT, address.rstrip("/") + "/", str(target), names], check=True
        )
        seconds = time.perf_counter() - started
    finally:
        server.kill()
        server.wait()
    after = os.times()  # of children that ended
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, spent


def _touch_memory() -> None:
    """What the page cache will take, as far as it is there."""
    size = min(TOUCHED_BYTES, os.sysconf("SC_AVPHYS_PAGES") * mmap.PAGESIZE // 2)
    mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def _bare_hash(path: Path) -> float:
    started = time.perf_counter()
    _digest(path)
    return time.perf_counter() - started


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write(path: Path, size: int) -> None:
    with path.open("wb") as out:
        for at in range(0, size, BLOCK):
            out.write(os.urandom(min(BLOCK, size - at)))
