"""Syncthing beside us, where the system has it: two of them on the loopback, told to ask nobody anything.

Both are connected and share a folder before the clock runs; the files appear in it, and the time counts from
the end of the giver's scan, so that its hashing is left out as ours is.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

import msgspec

from bench.node import processor_seconds, wait_until

PROGRAM = "syncthing"
FOLDER = "bench"
READY_SECONDS_MAX = 60.0
SCAN_SECONDS_MAX = 600.0
KEY = "bench"  # of an interface that only the loopback reaches, for as long as the measurement lasts
OPTIONS = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "urAccepted": "-1",
    "crashReportingEnabled": "false",
    "startBrowser": "false",
    "autoUpgradeIntervalH": "0",
    "stunKeepaliveStartS": "0",
    "reconnectionIntervalS": "1",
}


def is_here() -> bool:
    """Whether the program is installed."""
    return shutil.which(PROGRAM) is not None


class Syncthing:
    """One of the two."""

    def __init__(self, home: Path) -> None:
        self.home, self.shared = home, home.with_name(home.name + "-files")
        self.shared.mkdir(parents=True)
        self.gui, self.port = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        command = [PROGRAM, "generate", f"--home={home}", "--no-default-folder", "--skip-port-probing"]
        subprocess.run(command, check=True, capture_output=True, timeout=READY_SECONDS_MAX)
        self._config = ET.parse(home / "config.xml")
        device = self._config.getroot().find("device")
        assert device is not None
        self.id = device.attrib["id"]

    def start(self, other: Syncthing) -> None:
        """Run it, sharing its folder with the other one."""
        root = self._config.getroot()
        options = root.find("options")
        gui = root.find("gui")
        assert options is not None
        assert gui is not None
        for name, value in {**OPTIONS, "listenAddress": f"tcp://127.0.0.1:{self.port}"}.items():
            for old in options.findall(name):
                options.remove(old)
            ET.SubElement(options, name).text = value
        for name, value in {"address": f"127.0.0.1:{self.gui}", "apikey": KEY}.items():
            for old in gui.findall(name):
                gui.remove(old)
            ET.SubElement(gui, name).text = value
        device = ET.SubElement(root, "device", id=other.id, name="other")
        ET.SubElement(device, "address").text = f"tcp://127.0.0.1:{other.port}"
        folder = ET.SubElement(
            root, "folder", id=FOLDER, path=str(self.shared), fsWatcherEnabled="false", rescanIntervalS="0"
        )
        for member in (self.id, other.id):
            ET.SubElement(folder, "device", id=member)
        self._config.write(self.home / "config.xml")
        (self.shared / ".stfolder").mkdir()
        self._process = subprocess.Popen(
            [PROGRAM, "serve", f"--home={self.home}", "--no-browser", "--no-upgrade"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "STMONITORED": "yes", "STNOUPGRADE": "1"},  # one process, ours to end
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def ask(self, path: str, method: str = "GET") -> Any:
        """Its own interface."""
        request = Request(f"http://127.0.0.1:{self.gui}{path}", method=method, headers={"X-API-Key": KEY})
        with urlopen(request, timeout=SCAN_SECONDS_MAX) as answer:
            raw = answer.read()
        return msgspec.json.decode(raw) if raw else None

    def is_connected(self) -> bool:
        """Whether it runs, and the other one is there."""
        try:
            links = self.ask("/rest/system/connections")["connections"]
        except OSError:
            return False
        return any(link["connected"] for link in links.values())

    def bytes_held(self) -> int:
        """Of the folder, on the disk and known."""
        state = self.ask(f"/rest/db/status?folder={FOLDER}")
        return int(state["localBytes"]) if state["state"] == "idle" and not state["needBytes"] else 0

    def cpu_seconds(self) -> float:
        """Processor time so far."""
        assert self._process is not None
        return processor_seconds(self._process.pid)


def measure(folder: Path, files: list[Path]) -> tuple[float, float]:
    """(seconds, processor seconds of both sides) until the files are with the other one."""
    size = sum(path.stat().st_size for path in files)
    with Syncthing(folder / "st-giver") as giver, Syncthing(folder / "st-taker") as taker:
        giver.start(taker)
        taker.start(giver)
        for each in (giver, taker):
            wait_until(each.is_connected, READY_SECONDS_MAX, 0.05, "Syncthing is connected")
        for path in files:
            shutil.copyfile(path, giver.shared / path.name)
        os.sync()
        spent = taker.cpu_seconds()
        giver.ask(f"/rest/db/scan?folder={FOLDER}", "POST")
        started, spent = time.perf_counter(), spent + giver.cpu_seconds()
        wait_until(lambda: taker.bytes_held() >= size, SCAN_SECONDS_MAX, 0.05, "Syncthing has the files")
        seconds = time.perf_counter() - started
        spent = giver.cpu_seconds() + taker.cpu_seconds() - spent
        for path in files:
            assert (taker.shared / path.name).stat().st_size == path.stat().st_size
    return seconds, spent


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
