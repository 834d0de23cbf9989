"""The node's links to other organisations: opened from both sides, numbered, carried, closed.

Lives in the event loop. What happens is told to ``NetInputs`` (which posts it to the core); what the core
decided comes back as effects through ``perform``.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import WSCloseCode

from mutunode.net.addresses import IP, Unreachable, parse
from mutunode.net.admission import Admission
from mutunode.net.dialler import Dialled, Dialler
from mutunode.net.door import Door, Guest
from mutunode.net.link import Link
from mutunode.net.relayed import RelayedLinks
from mutunode.net.subnets import Subnets
from mutunode.net.tls import ServerTls, server_tls
from mutunode.protocol.effects import Close, Dial, DialRelayed, Relayed, Send
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import HANDSHAKE_SECONDS_MAX, LINKS_MAX

GOODBYE_SECONDS_MAX = 1.5  # of the 5 s a node has to stop
LINK = "link"  # the name of a task that carries one, no longer dials
DIALS_MAX = 16  # at once; the others wait their turn

Outward = Send | Close | Dial | DialRelayed | Relayed

log = structlog.get_logger("peers")


class NetInputs(Protocol):
    """What the network tells; every call comes in the loop's thread."""

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
        """A link stands. ``address`` is what was dialled, or where they come from; ``ip`` the number."""

    def received(self, link: int, frame: bytes) -> asyncio.Future[None]:
        """A frame came. The future is done when the node has taken it; few are read ahead of it."""

    def closed(self, link: int, why: str) -> None:
        """A link ended; nothing follows with this number."""

    def dial_failed(self, address: str, why: str) -> None:
        """Nobody could be reached there."""

    def drained(self, link: int, buffered: int) -> None:
        """This many bytes of what was sent still wait here."""

    def opened_by_relay(self, link: int, outgoing: bool, channel: bytes, org: bytes, via: int) -> None:
        """A link through the relay at ``via`` stands; ``outgoing``: we are the client of the TLS inside."""

    def relay(self, via: int, org: bytes, payload: bytes) -> None:
        """Bytes for ``org``, to be relayed."""


class NetSettings(msgspec.Struct, frozen=True):
    """Where and how to listen."""

    host: str
    port: int
    folder: Path  # the node's home, for its certificate
    tls_proxy: str = ""  # name[:port] of the proxy that speaks TLS before us; empty: we do
    links_max: int = LINKS_MAX
    org: bytes = b""  # ours; without it nothing goes through relays


class PeerNet:
    """All links of a node."""

    def __init__(self, inputs: NetInputs, settings: NetSettings) -> None:
        self._inputs = inputs
        self._settings = settings
        self._links: dict[int, Link] = {}
        self._relayed = RelayedLinks(settings.org, settings.folder, inputs, self._next_number)
        self._guests: dict[int, Guest] = {}
        self._last_number = 0
        self._subnets = Subnets()
        self._dialling = asyncio.Semaphore(DIALS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stops = False  # nobody is dialled any more
        self._channel = b""
        self._is_proxied = bool(settings.tls_proxy)
        self._door: Door | None = None
        self._dialler: Dialler | None = None

    @property
    def port(self) -> int:
        """Where we listen."""
        return self._door.port if self._door else 0

    async def start(self) -> None:
        """Listen, and be ready to dial.

        Raises:
            OSError: the port is taken or the address not ours.
            Malformed: the proxy's name is none.
        """
        tls = self._tls()
        self._channel = tls.channel if tls else parse(f"wss://{self._settings.tls_proxy}").named_channel()
        self._dialler = Dialler()
        admission = Admission(self._settings.links_max)
        self._door = Door(admission, tls.context if tls else None, self._welcome)
        try:
            self._door.open(self._settings.host, self._settings.port)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every link politely, then everything else."""
        self._stops = True
        for task in self._tasks:
            if task.get_name() != LINK:
                task.cancel()
        self.close_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS_MAX):
                for link in list(self._links.values()):
                    await link.ended.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._door is not None:
            await self._door.close()
        if self._dialler is not None:
            await self._dialler.close()

    def close_all(self) -> None:
        """End every link: the node stops, or begins again."""
        self._relayed.close_all()
        for link in list(self._links.values()):
            link.close(WSCloseCode.GOING_AWAY, "this node stops or starts again")

    def perform(self, effect: Outward) -> None:
        """Do what the core decided. A link that is gone already is no matter: its end was told."""
        match effect:
            case DialRelayed():
                if self._settings.org:
                    self._relayed.dial(effect)
            case Relayed():
                if self._settings.org:
                    self._relayed.take(effect)
            case Send() | Close() if self._relayed.perform(effect):
                pass
            case Send(link=number, frame=frame):
                if (link := self._links.get(number)) is not None:
                    link.send(frame)
                    self._note_authenticated(link)
            case Close(link=number, code=code, reason=reason):
                if (link := self._links.get(number)) is not None:
                    link.close(code, reason)
            case Dial() if not self._stops:
                self._start(self._dial(effect), f"dial {effect.address}")

    # --- both sides -----------------------------------------------------------------------------
    async def _carry(self, link: Link) -> None:
        self._links[link.number] = link
        why = "the node stops"
        try:
            why = await link.run()
        finally:
            del self._links[link.number]
            self._relayed.relay_gone(link.number)
            self._inputs.closed(link.number, why)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _start(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _near(self, ip: IP) -> bool:
        # Behind a proxy that does not say where they come from, everybody seems to be this machine.
        return self._subnets.near(ip) and not (self._is_proxied and ip.is_loopback)

    # --- those who come -------------------------------------------------------------------------
    def _tls(self) -> ServerTls | None:
        return None if self._settings.tls_proxy else server_tls(self._settings.folder)

    async def _welcome(self, guest: Guest) -> None:
        link = Link(self._next_number(), guest.socket, guest.abort, self._inputs, guest.reset)
        address = f"[{guest.ip}]:{guest.port}" if guest.ip.version == 6 else f"{guest.ip}:{guest.port}"
        self._guests[link.number] = guest
        # Whoever is still here after the core's deadline has said who they are.
        late = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS_MAX + 1, guest.known)
        try:
            self._inputs.opened(
                link.number, False, address, self._channel, self._near(guest.ip), None, str(guest.ip)
            )
            await self._carry(link)
        finally:
            late.cancel()
            del self._guests[link.number]

    def _note_authenticated(self, link: Link) -> None:
        if link.is_authenticated and (guest := self._guests.get(link.number)) is not None:
            guest.known()

    # --- those we go to -------------------------------------------------------------------------
    async def _dial(self, effect: Dial) -> None:
        assert self._dialler is not None
        try:
            async with self._dialling:
                dialled = await self._dialler.dial(parse(effect.address), effect.trusted)
        except (Unreachable, Malformed) as error:
            self._inputs.dial_failed(effect.address, str(error))
            return
        await self._carry_dialled(effect, dialled)

    async def _carry_dialled(self, effect: Dial, dialled: Dialled) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name(LINK)
        link = Link(self._next_number(), dialled.socket, dialled.abort, self._inputs, dialled.reset)
        near = self._near(dialled.place.ip)
        self._inputs.opened(
            link.number, True, effect.address, dialled.channel, near, effect.org, str(dialled.place.ip)
        )
        try:
            await self._carry(link)
        finally:
            dialled.let_go()
