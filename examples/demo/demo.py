"""Three organisations on this machine, each with its own catalogue, that find each other and share it.

Everything is done with the commands a person would type: each step below is one `mutunode …`. The homes live
in a temporary folder, or in ``--folder DIR`` to be kept and started again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

EXAMPLES = Path(__file__).resolve().parents[1]
MUTUNODE = Path(sys.executable).with_name("mutunode")
READY_SECONDS_MAX = 30.0
FOUND_SECONDS_MAX = 120.0  # 30 are promised; a slow machine still gets an answer
STOP_SECONDS_MAX = 10.0  # a node promises 5
POLL_SECONDS = 0.5
FRENCH = os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("fr")


T = TypeVar("T")


class Failed(Exception):
    """The demonstration cannot go on: why, for whoever started it."""


def tr(fr: str, en: str) -> str:
    """The text in the language of this terminal."""
    return fr if FRENCH else en


@dataclass
class Node:
    """One organisation: its home, its catalogue, and its daemon once it runs."""

    name: str
    catalogue: str  # file under examples/, its mapping beside it
    home: Path
    org: str = ""
    web: str = ""
    peer: str = ""
    daemon: subprocess.Popen[bytes] | None = None
    seeds: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Where the daemon's messages go."""
        return self.home.with_suffix(".log")

    def mutunode(self, *words: str) -> Any:
        """Run one command against this home; the JSON it prints."""
        command = [str(MUTUNODE), *words, "--home", str(self.home), "--json"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"mutunode {' '.join(words)} → {done.returncode}\n{done.stderr.strip()}")
        return json.loads(done.stdout or "null")

    def init(self) -> None:
        """Make the identity, unless the folder is that of an earlier run."""
        if not self.home.exists():
            phrase = self.home.with_suffix(".phrase")
            self.mutunode("init", "--name", self.name, "--language", "fr", "--phrase-file", str(phrase))

    def start(self) -> None:
        """Start the daemon on free ports and wait until it answers."""
        command = [str(MUTUNODE), "run", "--home", str(self.home)]
        command += ["--peer-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]
        for seed in self.seeds:
            command += ["--seed", seed]
        with self.log.open("ab") as log:
            # its own session: Ctrl-C is ours to pass on, once
            self.daemon = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        status = self._first_status()
        self.org, self.web, self.peer = status["org"], status["web"], status["peer"]

    def _first_status(self) -> Any:
        assert self.daemon is not None
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and self.daemon.poll() is None:
            if (self.home / "control.sock").exists():
                try:
                    return self.mutunode("status")
                except Failed:  # the socket is there a moment before the answers
                    pass
            time.sleep(POLL_SECONDS / 5)
        raise Failed(f"{self.name}: {tr('ne démarre pas', 'does not start')}\n{self.log.read_text()[-2000:]}")

    def publish(self) -> int:
        """Import the catalogue; how many records stand."""
        path = EXAMPLES / self.catalogue
        answer = self.mutunode("import", str(path), "--mapping", str(path.with_name("mapping.toml")))
        if answer["refused"]:
            raise Failed(f"{self.name}: {answer['refused']} rows refused: {answer['bad'][:3]}")
        return int(answer["created"] + answer["revised"] + answer["unchanged"])

    def accept(self, others: Iterable[Node]) -> None:
        """What a person does after comparing the check words by phone."""
        for other in others:
            if other is not self:
                self.mutunode("peer", "accept", other.org, "--address", other.peer, "--yes")

    def found(self) -> int:
        """How many resources the search of this node finds."""
        return int(self.mutunode("search", "", "--kind", "resource", "--limit", "1")["total"])

    def link(self) -> str:
        """A one-time address that opens a session in the pages."""
        return str(self.mutunode("login-link")["url"])

    def ask_to_stop(self) -> None:
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)

    def wait_stopped(self) -> None:
        if self.daemon is not None:
            try:
                self.daemon.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()


def three(folder: Path) -> list[Node]:
    """The organisations of the demonstration; their names say that they are one."""
    return [
        Node("Démonstration : logiciels libres", "sill/sill-2022.jsonl", folder / "sill"),
        Node("Démonstration : glossaire", "glosario/glosario.jsonl", folder / "glosario"),
        Node(
            "Démonstration : droit du travail",
            "fiches-travail/fiches-travail.jsonl",
            folder / "fiches-travail",
        ),
    ]


@contextmanager
def homes(folder: str | None) -> Iterator[Path]:
    """The folder of the homes: the one given, made and kept, or one that goes at the end."""
    if folder is not None:
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        yield Path(folder).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="mutunode-demo-") as made:
        yield Path(made)


def together(act: Callable[[Node], T], nodes: Iterable[Node]) -> list[T]:
    """The same for each organisation at once, as it would be on machines of their own."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(act, nodes))


def bring_together(nodes: list[Node]) -> int:
    """Start, publish, accept each other; how many records there are to find."""
    together(Node.init, nodes)
    first, *others = nodes
    first.start()
    for node in others:
        node.seeds = [f"{first.peer}#{first.org}"]
    together(Node.start, others)
    counts = together(Node.publish, nodes)
    for node, count in zip(nodes, counts, strict=True):
        print(f"  {node.name} : {count} " + tr("fiches publiées", "records published"), flush=True)
    together(lambda node: node.accept(nodes), nodes)
    return sum(counts)


def wait_until_found(nodes: list[Node], total: int) -> None:
    """Until the search of every node finds every record of all."""
    deadline = time.monotonic() + FOUND_SECONDS_MAX
    counts = together(Node.found, nodes)
    while min(counts) < total:
        if time.monotonic() > deadline:
            raise Failed(tr("Il manque des fiches : ", "Records are missing: ") + f"{counts} / {total}")
        time.sleep(POLL_SECONDS)
        counts = together(Node.found, nodes)


def show(nodes: list[Node], total: int, seconds: float) -> None:
    """What there is to look at."""
    print(
        tr(
            f"\nAprès {seconds:.0f} s, chaque page trouve les {total} fiches. À ouvrir, une fois chacune :\n",
            f"\nAfter {seconds:.0f} s every page finds all {total} records. Open these, once each:\n",
        )
    )
    for node, link in zip(nodes, together(Node.link, nodes), strict=True):
        print(f"  {node.name}\n    {link}\n    mutunode status --home {node.home}\n")
    print(tr("Ctrl-C arrête tout.", "Ctrl-C stops everything."), flush=True)


def run(nodes: list[Node], leave: bool) -> None:
    """The demonstration, until somebody stops it."""
    began = time.monotonic()
    print(tr("Trois organisations démarrent…", "Three organisations are starting…"), flush=True)
    total = bring_together(nodes)
    wait_until_found(nodes, total)
    show(nodes, total, time.monotonic() - began)
    while not leave:
        for node in nodes:
            if node.daemon is None or node.daemon.poll() is not None:
                raise Failed(f"{node.name}: {tr('s’est arrêtée', 'stopped')}, {node.log}")
        time.sleep(POLL_SECONDS)


def main() -> int:
    """Run it; 0 when it was stopped by a person, 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", metavar="DIR", help="keep the three homes here; else they go at the end")
    parser.add_argument("--leave", action="store_true", help="stop as soon as every page finds every record")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with homes(options.folder) as folder:
        nodes = three(folder)
        try:
            run(nodes, options.leave)
        except KeyboardInterrupt:
            print(tr("\nArrêt…", "\nStopping…"), flush=True)
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            for asked_again in (signal.SIGINT, signal.SIGTERM):  # no node is left behind by that
                signal.signal(asked_again, signal.SIG_IGN)
            for node in nodes:
                node.ask_to_stop()
            for node in nodes:
                node.wait_stopped()
    return 0


if __name__ == "__main__":
    sys.exit(main())
