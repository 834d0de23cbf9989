"""What a node is told by its network, kept and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mutunode.net.peers import NetSettings, PeerNet
from mutunode.protocol.effects import Dial

WAIT_SECONDS_MAX = 60.0  # only what will never be waits so long: a machine may be busy


class Opened(NamedTuple):
    """A link that stood."""

    link: int
    outgoing: bool
    address: str
    channel: bytes
    lan: bool
    pinned: bytes | None


class Recorder:
    """Inputs as they came. ``busy``: frames are taken only when the test says so."""

    def __init__(self) -> None:
        self.links: list[Opened] = []
        self.frames: list[tuple[int, bytes]] = []
        self.ends: list[tuple[int, str]] = []
        self.failures: list[tuple[str, str]] = []
        self.buffered: list[tuple[int, int]] = []
        self.ips: list[str] = []
        self.relayed: list[tuple[int, bytes, bytes]] = []
        self.busy = False
        self.not_taken: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()

    def opened(
        self,
        link: int,
        outgoing: bool,
        address: str,
        channel: bytes,
        lan: bool,
        pinned: bytes | None,
        ip: str,
    ) -> None:
        """A link stands."""
        self.ips.append(ip)
        self._note(self.links, Opened(link, outgoing, address, channel, lan, pinned))

    def received(self, link: int, frame: bytes) -> asyncio.Future[None]:
        """A frame came."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.busy:
            self.not_taken.append(taken)
        else:
            taken.set_result(None)
        self._note(self.frames, (link, frame))
        return taken

    def closed(self, link: int, why: str) -> None:
        """A link ended."""
        self._note(self.ends, (link, why))

    def dial_failed(self, address: str, why: str) -> None:
        """Nobody there."""
        self._note(self.failures, (address, why))

    def opened_by_relay(self, link: int, outgoing: bool, channel: bytes, org: bytes, via: int) -> None:
        """A link through a relay stands."""
        self._note(self.links, Opened(link, outgoing, f"by way of {via}", channel, False, org))

    def relay(self, via: int, org: bytes, payload: bytes) -> None:
        """Bytes for a relay."""
        self._note(self.relayed, (via, org, payload))

    def drained(self, link: int, buffered: int) -> None:
        """So much waits."""
        self._note(self.buffered, (link, buffered))

    def _note(self, kept: list[Any], what: object) -> None:
        kept.append(what)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def listening(
    folder: Path, *, host: str = "127.0.0.1", tls_proxy: str = "", links_max: int = 64
) -> AsyncIterator[tuple[PeerNet, Recorder]]:
    """A node's network, started."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - before anything runs
    inputs = Recorder()
    net = PeerNet(inputs, NetSettings(host, 0, folder, tls_proxy, links_max))
    await net.start()
    try:
        yield net, inputs
    finally:
        await net.stop()


async def connect(
    one: tuple[PeerNet, Recorder], other: tuple[PeerNet, Recorder], host: str = "127.0.0.1"
) -> tuple[int, int]:
    """Let one dial the other; the link's number on each side."""
    before_one, before_other = len(one[1].links), len(other[1].links)
    one[0].perform(Dial(f"{host}:{other[0].port}", None, True))
    await one[1].until(lambda: len(one[1].links) > before_one or bool(one[1].failures))
    assert not one[1].failures
    await other[1].until(lambda: len(other[1].links) > before_other)
    return one[1].links[-1].link, other[1].links[-1].link
