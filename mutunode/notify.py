"""Telling systemd that the node is ready or stopping: one datagram (sd_notify(3)), elsewhere nothing."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str]) -> None:
    """Send ``state`` ("READY=1", "STOPPING=1") to whoever supervises; nobody listening is no error."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # Linux's abstract sockets begin with a zero byte
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode("ascii"), address)
