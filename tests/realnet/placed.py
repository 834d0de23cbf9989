"""Nodes in network namespaces, and what joins these: a bad line, or one local network. As root."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.nodes import MUTUNODE, ROOT, Node, environment


class Placed(Node):
    """A node in a network namespace."""

    namespace = ""
    options: tuple[str, ...] = ("--no-lan",)

    def launch(self, *more: str, program: tuple[str, ...] = MUTUNODE) -> None:
        """Run the daemon there."""
        command = ["ip", "netns", "exec", self.namespace, sys.executable, *program, "run"]
        command += ["--home", str(self.home), *self.options, "--peer-listen", self.listen]
        command += ["--web-listen", "127.0.0.1:0", *more]
        self.log.write_bytes(b"")
        self.starts.append(time.monotonic())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
            )


def placed(folder: Path, name: str, namespace: str, listen: str, *, lan: bool = False) -> Placed:
    """Made, with an identity."""
    node = Placed(name, folder, listen=listen)
    node.namespace, node.options = namespace, () if lan else ("--no-lan",)
    node.init()
    return node


@contextlib.contextmanager
def line(**given: float) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Two namespaces and the line between them."""
    names = (f"mn{os.getpid()}a", f"mn{os.getpid()}b")
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    words = [f"--{key}={value}" for key, value in given.items()]
    wire = subprocess.Popen(
        [sys.executable, "-m", "tests.realnet.wire", *names, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    try:
        assert wire.stdout is not None
        assert wire.stdout.readline().strip() == "up"
        yield names[0], names[1], wire
    finally:
        if wire.stdin is not None:
            wire.stdin.close()
        wire.wait(10)
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def bridged(tag: str, names: list[str]) -> Iterator[None]:
    """These namespaces on one bridge, in one more."""
    middle = f"{tag}m"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        ip("netns", "add", middle)
        ip("-n", middle, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", middle, "link", "set", "br0", "up")
        for number, name in enumerate(names, 1):
            ip("netns", "add", name)
            ip("link", "add", "v0", "netns", name, "type", "veth", "peer", f"v{number}", "netns", middle)
            ip("-n", middle, "link", "set", f"v{number}", "master", "br0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "v0", "up")
            ip("-n", name, "addr", "add", f"10.233.0.{number}/24", "dev", "v0")
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "v0")
        yield
    finally:
        for name in (*names, middle):
            subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def running(*given: Node) -> Iterator[None]:
    """They run, and are gone at the end."""
    try:
        for node in given:
            node.launch()
        for node in given:
            node.wait_ready()
        yield
    finally:
        for node in given:
            node.kill()
