"""The scene ``lan``: one local network, seen by two nodes, by Avahi and by another library, and flooded."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e import nodes
from tests.e2e.nodes import ROOT, environment
from tests.realnet.placed import Placed, bridged, placed, running
from tests.realnet.siege import memory, processor
from tests.realnet.told import Told

FAKES = 10_000
SECONDS = 20  # of looking at what a flood costs
MULTICAST_DNS = "multicast-dns@7.2.5"  # of npm: shares nothing with the library the nodes use


def lan() -> Told:
    """Three namespaces on one bridge: two nodes, and whoever looks at them or shouts."""
    table = Told("Two nodes on one local network")
    tag = f"mn{os.getpid()}"
    names = [f"{tag}{letter}" for letter in "abc"]
    with tempfile.TemporaryDirectory() as home, bridged(tag, names):
        folder = Path(home)
        jardin = placed(folder, "Jardin", names[0], "[::]:7447", lan=True)
        atelier = placed(folder, "Atelier", names[1], "[::]:7447", lan=True)
        began = time.monotonic()
        with running(jardin, atelier):
            nodes.until(lambda: "Atelier" in _nearby(jardin), "seen")
            table.row("both ready, and one saw the other's name after, seconds", time.monotonic() - began)
            table.row("avahi-browse sees", _of(_avahi(folder, names[2]), jardin, atelier))
            table.row(f"{MULTICAST_DNS} of npm sees", _of(_npm(folder, names[2]), jardin, atelier))
            jardin.ask("peer_accept", org=atelier.org)
            atelier.ask("peer_accept", org=jardin.org)
            jardin.publish("Vue sur le réseau local")
            began = time.monotonic()
            nodes.until(lambda: atelier.holds_of(jardin) == jardin.register(), "held")
            table.row("a record is there after, seconds", time.monotonic() - began)
            _flooded(table, folder, names[2], jardin, atelier)
    return table


def _nearby(node: Placed) -> list[str]:
    return [each["name"] for each in node.ask("peer_nearby")]


def _of(seen: str, *expected: Placed) -> str:
    """How many of them stand in what a reader printed, with their whole ids and where they are."""
    if seen.startswith("not installed"):
        return seen
    found = [
        node.name
        for number, node in enumerate(expected, 1)
        if any(
            node.org.removeprefix("org_") in line and f"10.233.0.{number}" in line and "7447" in line
            for line in seen.splitlines()
        )
    ]
    assert len(found) == len(expected), seen
    return f"both: {' and '.join(found)}, with id, address and port"


# --- readers of others -----------------------------------------------------------------------------
def _avahi(folder: Path, namespace: str) -> str:
    """What ``avahi-browse`` resolves, by a daemon and a bus of its own in that namespace."""
    if not all(shutil.which(name) for name in ("avahi-browse", "avahi-daemon", "dbus-daemon")):
        return "not installed (apt install avahi-utils avahi-daemon dbus)"
    bus, settings = folder / "bus.conf", folder / "avahi.conf"
    bus.write_text(BUS.format(socket=folder / "bus"))
    settings.write_text(AVAHI)
    within = ["ip", "netns", "exec", namespace]
    around = {**environment(), "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder / 'bus'}"}
    with (
        _program(["dbus-daemon", f"--config-file={bus}", "--nofork", "--nopidfile"], around),
        _waiting_for(folder / "bus"),
        _program([*within, "avahi-daemon", "-f", str(settings), "--no-drop-root", "--no-chroot"], around),
    ):
        command = [*within, "avahi-browse", "--resolve", "--parsable", "--terminate", "_mutunode._tcp"]

        def look() -> str:
            seen = subprocess.run(
                command, env=around, capture_output=True, text=True, timeout=30, check=False
            ).stdout
            return seen if seen.count("\n=") + seen.startswith("=") >= 2 else ""

        return str(nodes.until(look, "avahi-browse resolves two services"))


BUS = """<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy></busconfig>"""
AVAHI = """[server]
use-ipv4=yes
use-ipv6=no
allow-interfaces=v0
enable-dbus=yes
[publish]
publish-workstation=no
"""


@contextlib.contextmanager
def _program(command: list[str], around: dict[str, str]) -> Iterator[None]:
    """It runs meanwhile."""
    process = subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def _waiting_for(path: Path) -> Iterator[None]:
    nodes.until(path.exists, f"{path.name} is there")
    yield


def _npm(folder: Path, namespace: str) -> str:
    """What a library of another language reads, a service a line."""
    node = shutil.which("node") or shutil.which("nodejs")
    if not node or not shutil.which("npm"):
        return "not installed (apt install nodejs npm)"
    command = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        MULTICAST_DNS,
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)
    reader = folder / "reader.js"
    reader.write_text(READER)
    within = ["ip", "netns", "exec", namespace]
    return subprocess.run(
        [*within, node, str(reader)], capture_output=True, text=True, timeout=30, check=True
    ).stdout


READER = """
const mdns = require('multicast-dns')()
const services = {}, hosts = {}
mdns.on('response', answer => {
  for (const each of [...answer.answers, ...answer.additionals]) {
    const found = services[each.name] ||= {}
    if (each.type === 'SRV') Object.assign(found, {port: each.data.port, host: each.data.target})
    if (each.type === 'TXT') found.text = each.data.map(String).join(' ')
    if (each.type === 'A') hosts[each.name] = each.data
  }
})
const ask = () => mdns.query('_mutunode._tcp.local', 'PTR')
ask(); setInterval(ask, 1000)
setTimeout(() => {
  for (const [name, {port, host, text}] of Object.entries(services))
    if (port) console.log(name, hosts[host], port, text)
  process.exit()
}, 5000)
"""


# --- a flood ---------------------------------------------------------------------------------------
def _flooded(table: Told, folder: Path, namespace: str, jardin: Placed, atelier: Placed) -> None:
    """Ten thousand that do not exist, and what the two go on to do."""
    before = memory(jardin)
    within = ["ip", "netns", "exec", namespace, sys.executable, "-m", "tests.realnet.announcer"]
    shouting = subprocess.Popen(
        [*within, str(FAKES), "10.233.0.3"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    try:
        assert shouting.stdout is not None
        began, spent = time.monotonic(), processor(jardin)
        while time.monotonic() - began < SECONDS:
            assert shouting.stdout.readline() == "announced\n"
        share = (processor(jardin) - spent) / (time.monotonic() - began)
        table.row(f"{FAKES:,} fake services on it: processor of a node, share of one core", share)
        table.row("memory of the node more, MB", memory(jardin) - before)
        table.row("shown as nearby", len(_nearby(jardin)))
        began = time.monotonic()
        atelier.publish("Encore une fiche")
        nodes.until(lambda: jardin.holds_of(atelier) == atelier.register(), "a record comes")
        table.row("a record is there meanwhile after, seconds", time.monotonic() - began)
        cantine = placed(folder, "Cantine", atelier.namespace, "[::]:7448", lan=True)
        began = time.monotonic()
        with running(cantine):
            nodes.until(lambda: "Cantine" in _nearby(jardin), "somebody new is seen all the same")
            table.row("somebody new is seen meanwhile after, seconds", time.monotonic() - began)
    finally:
        shouting.communicate()
