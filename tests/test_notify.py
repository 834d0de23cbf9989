"""Readiness reaches systemd's socket, and nothing breaks where there is none."""

from __future__ import annotations

import socket
from pathlib import Path

from mutunode.notify import notify


def test_the_supervisor_hears_that_the_node_is_ready(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(5)
        notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert supervisor.recv(64) == b"READY=1"


def test_an_abstract_socket_works_too(tmp_path: Path) -> None:
    name = f"mutunode-test-{tmp_path.name}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{name}")
        supervisor.settimeout(5)
        notify("STOPPING=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert supervisor.recv(64) == b"STOPPING=1"


def test_without_a_supervisor_nothing_happens(tmp_path: Path) -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
