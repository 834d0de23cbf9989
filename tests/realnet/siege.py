"""The scene ``siege``: both doors of a node are held by a crowd, and a member wants a page meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.nodes import ROOT, Node, environment, until
from tests.realnet.told import Told

PAGES = 300
PAGE = "/fr/chercher?q=fiche"
FILES_USUAL = 1_024  # what a process may open on a machine where nobody changed it


def siege(slow: int = 500, silent: int = 500) -> Told:
    """So many on each port of a node that runs with what a usual machine allows."""
    table = Told(f"{slow} slow and {silent} silent callers on each of a node's two ports")
    with tempfile.TemporaryDirectory() as home, usual_files():
        jardin, atelier, cantine = (
            Node(name, Path(home)).init() for name in ("Jardin", "Atelier", "Cantine")
        )
        try:
            for node in (jardin, atelier):
                node.start()
            jardin.follows(atelier)
            atelier.follows(jardin)
            for number in range(30):
                jardin.publish(f"Fiche {number}")
            table.row("a page, alone: middle and p99, seconds", pages(jardin)[0])
            _besieged(table, jardin, atelier, cantine, slow, silent)
            table.row("a page afterwards: middle and p99, seconds", pages(jardin)[0])
            until(lambda: _files(jardin) < 100, "the crowd's connections are gone")
        finally:
            for node in (jardin, atelier, cantine):
                node.kill()
    return table


def _besieged(table: Told, jardin: Node, atelier: Node, cantine: Node, slow: int, silent: int) -> None:
    with crowd(jardin, slow, silent) as callers:
        until(lambda: _files(jardin) > 300, "the doors are held")
        began, spent = time.monotonic(), processor(jardin)
        times, refused = pages(jardin)
        table.row("a page meanwhile: middle and p99, seconds (goal p99 0.5)", times)
        table.row("pages not given, of " + str(PAGES), refused)
        atelier.publish("Une fiche pendant le siège")
        record = time.monotonic()
        until(lambda: jardin.ask("search", q="pendant le siège")["total"], "a linked peer's record comes")
        table.row("a record of a linked peer, published to found, seconds", time.monotonic() - record)
        jardin.ask("peer_accept", org=cantine.org)
        cantine.start()
        cantine.follows(jardin)
        opened = time.monotonic()
        until(lambda: cantine.holds_of(jardin) == jardin.register(), "somebody new gets in")
        table.row("somebody new gets in and holds all after, seconds", time.monotonic() - opened)
        share = (processor(jardin) - spent) / (time.monotonic() - began)
        table.row("processor meanwhile, share of one core", share)
        table.row("files open", _files(jardin))
        table.row("memory, MB", memory(jardin))
        assert callers.stdin is not None
        callers.stdin.close()
        assert callers.stdout is not None
        table.row("the crowd", callers.stdout.read().strip())


@contextlib.contextmanager
def crowd(node: Node, slow: int, silent: int) -> Iterator[subprocess.Popen[str]]:
    """The callers, while they call."""
    ports = [address.rstrip("/").rpartition(":")[2] for address in (node.web, node.peer)]
    callers = subprocess.Popen(
        [sys.executable, "-m", "tests.realnet.callers", *ports, f"--slow={slow}", f"--silent={silent}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    try:
        assert callers.stdout is not None
        assert callers.stdout.readline() == "calling\n"
        yield callers
    finally:
        if callers.stdin is not None:
            callers.stdin.close()
        callers.wait(30)
        if callers.stdout is not None:
            callers.stdout.close()


@contextlib.contextmanager
def usual_files() -> Iterator[None]:
    """What is started here may open no more files than usual."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_USUAL, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def page(node: Node) -> float | None:
    """Seconds for a page on a connection of its own; None: it was not given."""
    began = time.monotonic()
    asked = http.client.HTTPConnection(node.web.removeprefix("http://").rstrip("/"), timeout=10)
    try:
        asked.request("GET", PAGE)
        answer = asked.getresponse()
        whole = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        asked.close()
    return time.monotonic() - began if answer.status == 200 and b"Fiche" in whole else None


def pages(node: Node) -> tuple[str, int]:
    """Middle and p99 of those given, and how many were not."""
    taken = []
    for _ in range(PAGES):
        taken.append(page(node))
        time.sleep(0.02)
    times = sorted(each for each in taken if each is not None)
    if not times:
        return "none", PAGES
    return f"{times[len(times) // 2]:.3f} and {times[int(len(times) * 0.99) - 1]:.3f}", PAGES - len(times)


def _files(node: Node) -> int:
    assert node.process is not None
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def processor(node: Node) -> float:
    """Seconds it has used."""
    assert node.process is not None
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(node: Node) -> int:
    """Megabytes it holds."""
    assert node.process is not None
    text = Path(f"/proc/{node.process.pid}/status").read_text()
    return next(int(row.split()[1]) for row in text.splitlines() if row.startswith("VmRSS")) // 1_000
