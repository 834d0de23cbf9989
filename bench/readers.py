"""Twenty readers on a node of a hundred thousand records: when it is idle, and while a replication runs.

Readers of pages look for two words of a title, then open what was found first; programs do so by the API.
Once each asks again as soon as it has its answer, which shows what the node can do; once each waits a second
between two pages, which is still a fast reader. The readers run in this process and share the machine.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import aiohttp

from bench import many
from bench.figures import Figure, Target, percentile
from bench.node import GIVER, Node, NotRunning, wait_until

READERS = 20
SECONDS = 8.0  # of each measurement
PAUSE_SECONDS = 1.0
BIG_RECORDS = 100_000  # of one organisation, arriving meanwhile
SECONDS_MAX = 1_200.0

PAGE_MS = Target(50, "at most")
WHILE_REPLICATING = Target(2.0, "at most", share=True)

Times = list[float]


def measure(folder: Path, seeds: Path, records: int, organisations: int) -> Iterator[Figure]:
    """Idle, then while another register arrives."""
    kept, _ = many.prepared(seeds, records, organisations)
    giver, (big, *_) = many.prepared(seeds, min(BIG_RECORDS, records), 1)
    with Node(folder / "read", "Lue") as node, giver:
        many.copied(kept, node)
        node.start()
        wait_until(lambda: node.found() >= records, SECONDS_MAX, 0.5, "everything searchable")
        words = titles(node)
        note = f"{records:,} records, {READERS} readers"
        idle = {kind: _read(node, words, kind) for kind in KINDS}
        giver.start(program=GIVER)
        giver.ask("peer_accept", org=node.org)
        node.ask("peer_accept", org=big.org)
        node.ask("peer_add", address=giver.peer_address)
        busy = {kind: _read(node, words, kind) for kind in KINDS}
        arrived = node.records() - records
        if not arrived:
            raise NotRunning("nothing arrived while the readers read")
    for kind in KINDS:
        yield from _figures(kind, idle[kind], busy[kind], note, arrived)


KINDS = {
    "search by the API, one reader": ("api search", 1, 0.0),
    "pages, a second between two": ("pages", READERS, PAUSE_SECONDS),
    "pages, without a pause": ("pages", READERS, 0.0),
    "API, without a pause": ("api", READERS, 0.0),
}


def _figures(kind: str, idle: Times, busy: Times, note: str, arrived: int) -> Iterator[Figure]:
    meanwhile = f"{note}; {arrived:,} records arrived meanwhile; beside: idle"
    for share in (0.5, 0.95, 0.99):
        name, target = (
            f"{kind}: p{share * 100:.0f}",
            PAGE_MS if kind.startswith("pages") and share == 0.95 else None,
        )
        yield Figure(name, percentile(idle, share), "ms", target=target, note=note)
        held = WHILE_REPLICATING if kind.startswith("search") and share == 0.95 else None
        yield Figure(
            f"{name}, while replicating",
            percentile(busy, share),
            "ms",
            percentile(idle, share),
            held,
            meanwhile,
        )
    if "without" in kind:
        yield Figure(f"{kind}: a second", len(idle) / SECONDS, "answers", note=note)
        yield Figure(
            f"{kind}: a second, while replicating",
            len(busy) / SECONDS,
            "answers",
            len(idle) / SECONDS,
            note=meanwhile,
        )


def titles(node: Node) -> list[str]:
    """Two words each, of what is there."""
    chance, found = random.Random(1), []
    for offset in range(0, 400, 100):
        for hit in node.ask("search", q="", limit=100, offset=offset)["hits"]:
            words = [word for word in re.findall(r"\w+", str(hit["title"])) if len(word) > 4]
            if len(words) >= 2:
                found.append(" ".join(chance.sample(words, 2)))
    return found


def _read(node: Node, titles: Sequence[str], kind: str) -> Times:
    return asyncio.run(_all_read(node.pages, titles, *KINDS[kind]))


async def _all_read(base: str, titles: Sequence[str], what: str, readers: int, pause: float) -> Times:
    until, times = time.perf_counter() + SECONDS, Times()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=readers)) as session:
        tasks = [
            asyncio.create_task(_one_reads(session, base, titles, what, pause, number, until, times))
            for number in range(readers)
        ]
        await asyncio.gather(*tasks)
    return times


async def _one_reads(
    session: aiohttp.ClientSession,
    base: str,
    titles: Sequence[str],
    what: str,
    pause: float,
    number: int,
    until: float,
    times: Times,
) -> None:
    chance = random.Random(number)
    await asyncio.sleep(pause * number / READERS)
    while time.perf_counter() < until:
        words = quote(chance.choice(titles))
        address = f"{base}fr/chercher?q={words}" if what == "pages" else f"{base}api/v1/search?q={words}"
        text = await _get(session, address, times)
        await asyncio.sleep(pause)
        rec = re.search(r"rec_[a-z2-7]{52}", text)
        if rec and what != "api search":
            path = "fr/fiche" if what == "pages" else "api/v1/records"
            await _get(session, f"{base}{path}/{rec[0]}", times)
            await asyncio.sleep(pause)


async def _get(session: aiohttp.ClientSession, address: str, times: Times) -> str:
    started = time.perf_counter()
    async with session.get(address) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise NotRunning(f"{address}: {answer.status}")
    times.append((time.perf_counter() - started) * 1_000)
    return text
