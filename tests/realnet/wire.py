"""``python -m tests.realnet.wire A B …``: joins two network namespaces by a slow, late line that loses.

Two TUN devices, and a program between them: each packet is delayed by a time of its own (so that some
overtake others), lost by chance, and waits its turn where the line has a rate. One direction can be cut while
it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import fcntl
import os
import random
import struct
import subprocess
import sys

NEW_NET = 0x40000000
TUN_SET = 0x400454CA
TUN_PLAIN = 0x1001  # IP packets, without a header of the device's own
QUEUE_SECONDS_MAX = 2.0  # what a router of such a line keeps; beyond it packets are dropped


def device(namespace: str, name: str, address: str) -> int:
    """A TUN device in a namespace; its file."""
    libc = ctypes.CDLL(None, use_errno=True)
    ours = os.open("/proc/self/ns/net", os.O_RDONLY)
    theirs = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(theirs, NEW_NET):
        raise OSError(ctypes.get_errno(), "setns")
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUN_SET, struct.pack("16sH22s", name.encode(), TUN_PLAIN, b""))
    for command in (f"ip addr add {address}/24 dev {name}", f"ip link set {name} up", "ip link set lo up"):
        subprocess.run(command.split(), check=True)
    libc.setns(ours, NEW_NET)
    return file


class Direction:
    """One of the two."""

    def __init__(self, source: int, target: int, given: argparse.Namespace, chance: random.Random) -> None:
        self._source, self._target, self._given, self._chance = source, target, given, chance
        self._free_at = 0.0
        self.cut = False
        self.packets = self.lost = 0

    def arrives(self) -> None:
        """Whatever came: on its way, or lost."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                packet = os.read(self._source, 65_536)
            except BlockingIOError:
                return
            self.packets += 1
            start = max(loop.time(), self._free_at)
            late = start - loop.time() > QUEUE_SECONDS_MAX
            if self.cut or late or self._chance.random() < self._given.loss:
                self.lost += 1
                continue
            self._free_at = start + len(packet) * 8 / self._given.rate
            delay = self._given.delay + self._chance.uniform(0, self._given.jitter)
            loop.call_at(self._free_at + delay, self._leaves, packet)

    def _leaves(self, packet: bytes) -> None:
        try:
            os.write(self._target, packet)
        except OSError:
            self.lost += 1


async def run(given: argparse.Namespace) -> None:
    """Until stdin ends; ``cut`` and ``mend`` on it stop and open the way from A to B."""
    one, other = device(given.a, "line0", "10.232.0.1"), device(given.b, "line0", "10.232.0.2")
    chance = random.Random(given.seed)
    there, back = Direction(one, other, given, chance), Direction(other, one, given, chance)
    loop = asyncio.get_running_loop()
    loop.add_reader(one, there.arrives)
    loop.add_reader(other, back.arrives)
    print("up", flush=True)
    words = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    while line := await words.readline():
        there.cut = line.strip() == b"cut"
    print(f"{there.packets + back.packets} packets, {there.lost + back.lost} lost", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--delay", type=float, default=0.15, help="seconds, each way")
    parser.add_argument("--jitter", type=float, default=0.03, help="seconds more, drawn for each packet")
    parser.add_argument("--loss", type=float, default=0.05)
    parser.add_argument("--rate", type=float, default=256_000, help="bits a second, each way")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(run(parser.parse_args()))
