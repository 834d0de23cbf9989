"""A node under measurement: a daemon in its own process, as a person would start it, and what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw

from mutunode.store import sql
from mutunode_cli import client
from mutunode_cli.failure import Failure

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0
PEAK_LOOK_SECONDS = 0.1
REST_SECONDS, REST_SHARE = 2.0, 0.02  # of a core
PATIENCE = 0.02  # of the time waited so far: how wrong a long measurement may be
ANSWER_SECONDS_MAX = 900.0  # an import of 100,000 records is one answer
PROGRAM = "mutunode_cli.main"
GIVER = "bench.giver"  # as it, but its search index is left alone
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class NotRunning(Exception):
    """The node did not start, or went away; its last words are in the message."""


class Node:
    """A home, and the daemon that runs in it."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.org = ""

    def init(self) -> None:
        """Make its identity."""
        phrase = self.home.with_suffix(".phrase")
        made = self._cli("init", "--name", self.name, "--phrase-file", str(phrase))
        self.org = made.split()[-1]

    def _cli(self, *words: str) -> str:
        done = subprocess.run(self._command("-q", *words), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise NotRunning(
                f"`mutunode {' '.join(words)}` ended with {done.returncode}: {done.stderr[-2_000:]}"
            )
        return done.stdout

    def _command(self, *words: str, program: str = PROGRAM) -> list[str]:
        return [sys.executable, "-m", program, "--home", str(self.home), *words]

    def start(self, *flags: str, program: str = PROGRAM) -> float:
        """Run the daemon; seconds until it says that it is ready."""
        started, said = time.perf_counter(), b""
        words = ("run", "--no-lan", "--peer-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", *flags)
        self._messages = self.home.with_suffix(".log").open("ab")
        said_before = self._messages.tell()
        self.process = subprocess.Popen(
            self._command(*words, program=program), stdout=self._messages, stderr=self._messages
        )
        while time.perf_counter() - started < READY_SECONDS_MAX:
            said = self.home.with_suffix(".log").read_bytes()[said_before:]
            if b" ready:" in said:
                return time.perf_counter() - started
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        self.stop()
        raise NotRunning(f"{self.name} did not become ready:\n{said.decode(errors='replace')[-3_000:]}")

    def stop(self) -> None:
        """Stop it as a service manager would."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._messages.close()
        self.process = None

    def rest(self) -> None:
        """Wait until it does next to nothing: a start leaves for later what nobody waits for."""

        def did() -> float:
            before = self.cpu_seconds()
            time.sleep(REST_SECONDS)
            return self.cpu_seconds() - before

        wait_until(lambda: did() < REST_SHARE * REST_SECONDS, READY_SECONDS_MAX, 0.0, f"{self.name} rests")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self, verb: str, **params: Any) -> Any:
        """Call a verb through the control socket, as the command line does."""
        return client.call(self.home, verb, params, lambda event: None, ANSWER_SECONDS_MAX)

    def run(self, *words: str) -> str:
        """Run a command of the command line against it."""
        return self._cli(*words)

    @property
    def peer_address(self) -> str:
        """Where other nodes reach it."""
        return str(self.ask("status")["peer"])

    def committed(self, org: str) -> int:
        """How many entries of an organisation's register are verified and durable here."""
        try:
            return int(self.ask("log_show", log=org, limit=0)["size"])
        except Failure:
            return 0  # never heard of yet

    def durable(self) -> int:
        """Entries of all registers that are verified and durable: committed, as anybody reads in the file."""
        return self._committed("SELECT coalesce(sum(size), 0) FROM log")

    def files_held(self) -> int:
        """Files that are here whole, and known to be."""
        return self._committed("SELECT count(*) FROM file WHERE held")

    def _committed(self, question: str) -> int:
        database = apsw.Connection(str(self.home / "records.sqlite"), apsw.SQLITE_OPEN_READONLY)
        database.set_busy_timeout(5_000)
        try:
            return int(sql.value(database, question))
        finally:
            database.close()

    def records(self) -> int:
        """Records it holds, durable and shown."""
        return int(self.ask("status")["records"])

    def found(self, text: str = "") -> int:
        """Records a search finds."""
        return int(self.ask("search", q=text, limit=1)["total"])

    @property
    def pages(self) -> str:
        """Where its pages are, with a slash at the end."""
        return str(self.ask("status")["web"])

    # --- what the kernel says of it --------------------------------------------------------------
    def memory_mb(self) -> float:
        """Resident memory now, with that of the processes it started; what they share counts once.

        That is libraries and the index, which the one that has most of them has all of.
        """
        alone, shared = zip(*map(_resident_mb, self._pids()), strict=True)
        return float(sum(alone) + max(shared))

    @contextmanager
    def watched(self) -> Iterator[Peak]:
        """Watch its memory; the peak is that of all its processes together, as seen ten times a second."""
        peak = Peak(self.memory_mb)
        peak.start()
        try:
            yield peak
        finally:
            peak.end()

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far, and of the processes it started."""
        first, *others = self._pids()
        return processor_seconds(first, with_ended=True) + sum(map(processor_seconds, others))

    def _pids(self) -> list[int]:
        assert self.process is not None
        pids = [self.process.pid]
        for pid in pids:  # grows while it is read
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    pids += map(int, children.read_text().split())
        return pids


class Peak(threading.Thread):
    """The highest memory seen."""

    def __init__(self, memory_mb: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        self._memory_mb = memory_mb
        self._ends = threading.Event()
        self.mb = 0.0

    def run(self) -> None:
        """Look until the end."""
        while not self._ends.wait(PEAK_LOOK_SECONDS):
            self.mb = max(self.mb, self._memory_mb())

    def end(self) -> None:
        """Look no more."""
        self._ends.set()
        self.join()


def _resident_mb(pid: int) -> tuple[float, float]:
    """(of this process alone, of files that others have mapped too)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0, 0.0  # it ended
    parts = [line.partition(":") for line in lines if line.startswith("Rss")]
    mb = {name: int(size.split()[0]) / 1_024 for name, _, size in parts}
    return mb.get("RssAnon", 0.0) + mb.get("RssShmem", 0.0), mb.get("RssFile", 0.0)


def processor_seconds(pid: int, *, with_ended: bool = False) -> float:
    """Processor time of all threads of a process so far; ``with_ended``: and of its children that ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it ended, and counts with its parent
    return sum(map(int, after_name[11 : 15 if with_ended else 13])) / _TICKS_A_SECOND


def wait_until(condition: Any, seconds_max: float, step_seconds: float, what: str) -> float:
    """Ask again and again; seconds it took. Long waits are asked about less often: asking costs the node."""
    started = time.perf_counter()
    while not condition():
        waited = time.perf_counter() - started
        if waited > seconds_max:
            raise NotRunning(f"after {seconds_max:.0f} s still not: {what}")
        time.sleep(max(step_seconds, waited * PATIENCE))
    return time.perf_counter() - started
