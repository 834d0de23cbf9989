"""A real node in its own process, used as a script would: the command, its exit code, its JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.outside.author import Author
from tests.outside.page import base32, unbase32
from tests.outside.stranger import Stranger

COMMAND = [sys.executable, "-c", "import sys; from mutunode_cli.main import main; sys.exit(main())"]
ROOT = Path(__file__).parents[2]
READY_SECONDS = 20
STOP_SECONDS = 5  # what CONTRACT gives a node to end in
PATIENCE_SECONDS = 60  # only what will never be waits so long; a machine may be busy with something else
READY = re.compile(r"ready: \S+ (?P<web>http://\S+?)/? · \S+ (?P<peer>\S+)")


async def eventually(look: Callable[[], Any], every_seconds: float = 0.1) -> Any:
    """What ``look`` finds once it finds something: for what arrives by itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := look()):  # noqa: ASYNC110 (another process cannot set our events)
            await asyncio.sleep(every_seconds)
    return found


class Outcome(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


class House:
    """One organisation's node: its home, and its daemon while it runs."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.process: subprocess.Popen[str] | None = None
        self.peer = ""
        self.web = ""
        self.introduced: list[Stranger] = []  # whom it listens to because its patron vouches for them
        self.patron: Author

    def command(self, *argv: str, stdin: str = "") -> Outcome:
        """Run ``mutunode`` on this home."""
        done = subprocess.run(
            [*COMMAND, "--home", str(self.home), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env=_environment(),
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def ok(self, *argv: str, stdin: str = "") -> Any:
        """Run it, expect success, and read its JSON."""
        outcome = self.command("--json", *argv, stdin=stdin)
        assert outcome.code == 0, outcome
        return outcome.json

    def init(self) -> House:
        """Make the identity."""
        phrase = self.home.with_suffix(".phrase")
        self.org_text = self.ok("init", "--name", self.name, "--phrase-file", str(phrase))["org"]
        self.org = unbase32(self.org_text)
        return self

    def start(self, *argv: str) -> House:
        """Run the daemon and wait for its ready line."""
        listening = ["--web-listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", "--no-lan"]
        self.process = subprocess.Popen(
            [*COMMAND, "--home", str(self.home), "run", *listening, *argv],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=_environment(),
        )
        assert self.process.stderr
        ready = _ready_line(self.process)
        self.web, self.peer = ready["web"], ready["peer"]
        return self

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process
        assert self.process.stderr
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()

    def show(self, rec: bytes) -> Any:
        """A record, as scripts see it."""
        return self.ok("show", "rec_" + base32(rec))

    def member(self, org: bytes) -> Any:
        """What is listed of an organisation."""
        wanted = "org_" + base32(org)
        return next((row for row in self.ok("peer", "ls") if row["org"] == wanted), None)

    def accept(self, org_text: str, *argv: str) -> Any:
        """As a person would, from a script."""
        return self.ok("peer", "accept", "--yes", *argv, org_text)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUTUNODE_")}
    return kept | {"MUTUNODE_LANGUAGE": "en", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'cli'}"}


def _ready_line(process: subprocess.Popen[str]) -> re.Match[str]:
    assert process.stderr
    deadline, said = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline:
        if not select.select([process.stderr], [], [], 0.2)[0]:
            continue
        line = process.stderr.readline()
        said += line
        if found := READY.search(line):
            return found
        assert line, f"ended before it was ready: {said}"
    raise AssertionError(f"not ready in {READY_SECONDS} s: {said}")
