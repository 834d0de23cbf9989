"""Who is near: organisations that announce themselves on the local network, through mDNS.

An announcement is a hint, nothing more: anybody on the network can write any. It is bounded in number, must
lead to an address on a network of ours, and is shown to a person; who is really there, the handshake proves.
Identity stands in TXT, never in the name. A machine without multicast has nobody near, and that is all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable

import structlog
from zeroconf import Error, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from mutunode.net.addresses import IP
from mutunode.net.subnets import Subnets, own_addresses
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import org_text, parse
from mutunode.protocol.limits import NEARBY_MAX

SERVICE = "_mutunode._tcp.local."
LABEL_BYTES_MAX = 63  # of one DNS label
TXT_VERSION = b"1"
ASK_SECONDS_MAX = 3.0  # for the details of one announcement
NEARBY_AN_ADDRESS_MAX = 16  # a machine has one node; a demonstration a few
ASKS_MAX = 8  # at once, so that a flood of announcements costs little
STOP_SECONDS_MAX = 2.0
WATCH_SECONDS = 30.0  # laptops change networks; a new one needs new sockets

Near = Callable[[bytes, str], None]
Gone = Callable[[bytes], None]

log = structlog.get_logger("lan")


class Lan:
    """Announces this node and listens for others."""

    def __init__(
        self, org: bytes, port: int, nearby: Near, gone: Gone, *, host: str = "::", name: str = ""
    ) -> None:
        """``host`` is where the node listens: only what can be reached is announced. ``name`` is shown by
        tools that list services; it says nothing about who this is."""
        self._org = org
        self._port = port
        self._nearby = nearby
        self._gone = gone
        self._host = host
        self._label = label(name or "mutunode", org)
        self._subnets = Subnets()
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._info: AsyncServiceInfo | None = None
        self._on: tuple[str, ...] = ()
        # service name → organisation and where, once they are known
        self._names: dict[str, tuple[bytes, str] | None] = {}
        self._asking = asyncio.Semaphore(ASKS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Announce and listen, from some moments on (asking whether a name is free takes half a second);
        where that cannot be, try again when the network changes."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Say goodbye and be silent."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._close()

    async def _watch(self) -> None:
        while True:
            if self._zeroconf is None or self._on != self._reachable():
                await self._close()
                await self._open()
            await asyncio.sleep(WATCH_SECONDS)

    # --- announcing -----------------------------------------------------------------------------
    async def _open(self) -> None:
        self._on = self._reachable()
        if not self._on:
            return
        try:
            self._zeroconf = AsyncZeroconf(interfaces=list(self._on), ip_version=IPVersion.V4Only)
            self._info = self._announcement()
            # Another node of the same organisation's name gets "-2": names mean nothing.
            await (await self._zeroconf.async_register_service(self._info, allow_name_change=True))
            self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE, handlers=[self._on_change])
        except (OSError, RuntimeError, Error) as error:
            log.info("no multicast here: nobody near will be seen", error=str(error))
            await self._close()

    def _announcement(self) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            SERVICE,
            f"{self._label}.{SERVICE}",
            port=self._port,
            addresses=[socket.inet_aton(ip) for ip in self._on],
            properties={"v": TXT_VERSION, "org": org_text(self._org).removeprefix("org_")},
            server=f"{org_text(self._org)[4:36]}.local.",
        )

    def _reachable(self) -> tuple[str, ...]:
        """Our addresses under which others reach the node: all, or the one it listens on."""
        try:
            host = ipaddress.ip_address("127.0.0.1" if self._host == "localhost" else self._host)
        except ValueError:
            host = None  # a name: whatever it resolves to is among ours
        if host is not None and not host.is_unspecified:
            return (str(host),) if host.version == 4 else ()
        # Without any network, nodes of this very machine still find each other.
        return own_addresses() or ("127.0.0.1",)

    async def _close(self) -> None:
        """Goodbye to all: whom we see now may be gone when we listen again."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._say_goodbye()
        self._zeroconf = self._browser = self._info = None
        for org in {found[0] for found in self._names.values() if found is not None}:
            self._gone(org)
        self._names.clear()

    async def _say_goodbye(self) -> None:
        if self._zeroconf is None:
            return
        try:
            if self._browser is not None:
                await self._browser.async_cancel()
            if self._info is not None:
                # Twice: the first gives what sends the goodbye, the second waits until it is sent.
                await (await self._zeroconf.async_unregister_service(self._info))
        finally:
            await self._zeroconf.async_close()

    # --- listening ------------------------------------------------------------------------------
    def _on_change(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            self._forget(name)
        elif name in self._names or len(self._names) < NEARBY_MAX:
            self._names.setdefault(name, None)
            task = asyncio.get_running_loop().create_task(self._ask(zeroconf, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _forget(self, name: str) -> None:
        found = self._names.pop(name, None)
        if found is not None and all(each is None or each[0] != found[0] for each in self._names.values()):
            self._gone(found[0])

    async def _ask(self, zeroconf: Zeroconf, name: str) -> None:
        found = None
        try:
            info = AsyncServiceInfo(SERVICE, name)
            async with self._asking:
                if await info.async_request(zeroconf, ASK_SECONDS_MAX * 1_000):
                    found = self._read(info)
        except Error as error:  # a name that is none, or a network that just went away
            log.info("announcement not understood", name=name, error=str(error))
        if name not in self._names:
            return  # it said goodbye in the meantime
        if found is None or self._is_crowded(name, found[1]):
            self._forget(name)
        elif found[0] != self._org:
            self._names[name] = found
            self._nearby(*found)

    def _is_crowded(self, name: str, address: str) -> bool:
        """Whether as many others as may are announced from there: one machine that shouts leaves places."""
        host = address.rpartition(":")[0]
        others = (found for other, found in self._names.items() if other != name and found is not None)
        return sum(found[1].rpartition(":")[0] == host for found in others) >= NEARBY_AN_ADDRESS_MAX

    def _read(self, info: AsyncServiceInfo) -> tuple[bytes, str] | None:
        """The organisation an announcement names, and the address it gives; None: not to be used."""
        if info.properties.get(b"v") != TXT_VERSION or not info.port:
            return None
        try:
            org = parse("org_" + (info.properties.get(b"org") or b"").decode("ascii"), "org")
        except (Malformed, UnicodeDecodeError):
            return None
        usable = [ip for ip in info.ip_addresses_by_version(IPVersion.V4Only) if self._usable(ip)]
        return (org, f"{usable[0]}:{info.port}") if usable else None

    def _usable(self, ip: IP) -> bool:
        """On a network of ours; this machine's own services only for nodes that are alone on it."""
        if ip.is_loopback:
            return all(ipaddress.ip_address(own).is_loopback for own in self._on)
        return self._subnets.near(ip)


def label(name: str, org: bytes) -> str:
    """A service's label: what fits of the name, cut between characters, and a few of the id's."""
    tail = f" {org_text(org)[4:12]}"
    room = LABEL_BYTES_MAX - len(tail)
    plain = name.replace(".", " ")
    return plain.encode("utf-8")[:room].decode("utf-8", "ignore") + tail
