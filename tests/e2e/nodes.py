"""Real nodes: processes of their own with homes of their own, on loopback and free ports."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutunode_cli import client

ROOT = Path(__file__).parents[2]
MUTUNODE = ("-m", "mutunode_cli.main")
READY = re.compile(r"ready: pages (\S+) · peers (\S+)")

READY_SECONDS_MAX = 30.0  # a busy machine; 2 are promised, and measured elsewhere
STOP_SECONDS_MAX = 5.0  # CONTRACT
PATIENCE_SECONDS = 90.0  # only what will never be waits so long, on a machine that may be busy
POLL_SECONDS = 0.02


def environment() -> dict[str, str]:
    """That of a person: nothing set for this program, and Python may keep what it compiled."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUTUNODE_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")]), "LC_ALL": "C.UTF-8"}


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait for something to become true; its value."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, f"still not so: {what}"
        time.sleep(POLL_SECONDS)
    return found


# Of ports that the system gives to outgoing connections, one may be taken while its node is stopped: ours are
# below them, and those of two sets of tests that run at the same time are not the same.
SET_OF_TESTS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 6
PORTS = iter(random.sample(range(20_000 + SET_OF_TESTS * 2_000, 22_000 + SET_OF_TESTS * 2_000), 2_000))


def free_address() -> str:
    """An address on loopback where nobody listens."""
    for port in PORTS:
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{port}"
    raise AssertionError("no port is free")


STARTED: list[Node] = []  # newest last, copies included: the fixture ends what a test leaves running


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


@dataclass
class Node:
    """One organisation."""

    name: str
    folder: Path
    org: str = ""
    web: str = ""
    peer: str = ""
    ready_seconds: float = 0.0
    starts: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    listen: str = field(default_factory=free_address)

    @property
    def home(self) -> Path:
        """Its folder."""
        return self.folder / self.name.lower()

    @property
    def log(self) -> Path:
        """What its daemon says."""
        return self.folder / f"{self.name.lower()}.log"

    # --- commands --------------------------------------------------------------------------------
    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, *MUTUNODE, *words, "--home", str(self.home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def run(self, *words: str) -> Answer:
        """A command, whatever becomes of it."""
        command = self.begin(*words)
        out, err = command.communicate(timeout=120)
        return Answer(command.returncode, out, err)

    def __call__(self, *words: str) -> Any:
        """A command that must succeed; its JSON."""
        answer = self.run(*words, "--json")
        assert answer.code == 0, (words, answer)
        return answer.json

    def ask(self, verb: str, **params: Any) -> Any:
        """A verb straight through the control socket: what a command does, without starting one."""
        return client.call(self.home, verb, params, lambda event: None, 60.0)

    def init(self) -> Node:
        """Make the identity."""
        phrase = self.folder / f"{self.name.lower()}.phrase"
        answer = self("init", "--name", self.name, "--language", "fr", "--phrase-file", str(phrase))
        self.org = answer["org"]
        return self

    # --- the daemon ------------------------------------------------------------------------------
    def start(self, *options: str, program: tuple[str, ...] = MUTUNODE) -> Node:
        """Run the daemon until it says that it is ready."""
        self.launch(*options, program=program)
        self.wait_ready()
        return self

    def launch(self, *options: str, program: tuple[str, ...] = MUTUNODE) -> None:
        """Run the daemon."""
        command = [sys.executable, *program, "run", "--home", str(self.home), "--no-lan"]
        command += ["--peer-listen", self.listen, "--web-listen", "127.0.0.1:0", *options]
        self.log.write_bytes(b"")
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
            )
        self.starts.append(began)
        STARTED.append(self)

    def wait_ready(self) -> None:
        """Until the line that says so."""
        end = time.monotonic() + READY_SECONDS_MAX
        while (found := READY.search(self.log.read_text())) is None:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(POLL_SECONDS / 4)
        self.ready_seconds = time.monotonic() - self.starts[-1]
        self.web, self.peer = found.groups()

    def stop(self) -> None:
        """SIGTERM, and it ends in time and well."""
        if self.process is None:
            return
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS_MAX * 3)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        seconds, self.process = time.monotonic() - began, None
        assert code == 0, self.log.read_text()
        assert seconds < STOP_SECONDS_MAX, f"stopped after {seconds:.1f} s"
        assert "Traceback" not in self.log.read_text(), self.log.read_text()

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def has_died(self) -> bool:
        """Whether it is gone by itself."""
        return self.process is not None and self.process.poll() is not None

    # --- what can be seen ------------------------------------------------------------------------
    def register(self, org: str = "") -> tuple[int, str]:
        """Size and root of a register as held here."""
        answer = self.ask("log_show", log=org, limit=0)
        return answer["size"], answer["root"]

    def holds_of(self, other: Node) -> tuple[int, str]:
        """Size and root of another's register as held here."""
        known = {each["org"] for each in self.ask("peer_ls")}
        return self.register(other.org) if other.org in known else (0, "")

    def forked(self) -> list[str]:
        """Who is known to have signed two registers."""
        return [each["name"] for each in self.ask("peer_ls") if each["forked"]]

    def publish(self, title: str, **fields: Any) -> str:
        """Publish a resource; its id, once it is durable."""
        answer = self.ask("publish", kind="resource", fields={"title": title, **fields})
        return str(answer["id"])

    def follows(self, other: Node) -> None:
        """Accept another at its address."""
        self.ask("peer_accept", org=other.org, address=other.peer)

    def catches_up_with(self, other: Node) -> None:
        """Wait until it holds all of another's register, and shows the newest of it to people."""
        self.holds_all_of(other)
        size = other.register()[0]
        if size and other.shows_entry(other, size - 1):
            until(lambda: self.shows_entry(other, size - 1), f"{self.name} shows the newest of {other.name}")

    def holds_all_of(self, other: Node) -> None:
        """Wait until it holds all of another's register: shown a moment later, or when its time comes."""
        wanted = other.register()
        until(lambda: self.holds_of(other) == wanted, f"{self.name} holds {wanted} of {other.name}")

    def shows_entry(self, other: Node, index: int) -> bool:
        """Whether what stands there in a register is shown."""
        shown = self.ask("log_show", **{"log": other.org, "from": index, "limit": 1})
        return bool(shown["entries"][0]["state"])
