"""The listening side: one port, TLS 1.3, one path, nothing else.

The accept loop is our own, so that a connection is counted before its TLS handshake costs anything, and one
deadline covers all that comes before the first frame: whoever has not opened a WebSocket by then is cut off,
however busily it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from mutunode.net.addresses import IP, plain
from mutunode.net.admission import Admission, Place
from mutunode.net.link import CLOSE_SECONDS_MAX, PING_SECONDS, reset
from mutunode.net.websocket import VERSION, WebSocket, accepted_key

PATH = "/mutunode/1"
OPENING_SECONDS_MAX = 10.0  # from accept to WebSocket: TLS and headers together (PROTOCOL §4 has 10 s more)
BACKLOG = 1_024  # a call that finds it full is dropped, and made again a second later
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
HEADERS_MAX, HEADER_BYTES_MAX = 32, 4_096  # an upgrade needs 6 short ones
SHUTDOWN_SECONDS_MAX = 0.2  # links were ended before; what is left does not answer
ACCEPT_PAUSE_SECONDS = 0.5  # no file descriptor left: others have to end first

Opened = Callable[["Guest"], Awaitable[None]]

log = structlog.get_logger("door")


class Guest:
    """Somebody who came in, with an open WebSocket."""

    def __init__(self, ws: WebSocket, ip: IP, port: int, connection: _Connection) -> None:
        self.socket = ws
        self.ip = ip
        self.port = port
        self._connection = connection

    def abort(self) -> None:
        """Cut the connection."""
        self._connection.abort()

    def reset(self) -> None:
        """Cut the connection, and say so at once."""
        reset(self._connection.transport)

    def known(self) -> None:
        """They have said who they are."""
        self._connection.known()


class _Connection(RequestHandler):
    """One TCP connection: counted, and cut off at its deadline."""

    __slots__ = ("_deadline", "_greeting", "_place")

    def __init__(self, door: Door, place: Place) -> None:
        super().__init__(
            door.server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=1.0,
            lingering_time=0.0,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
        )
        self._place = place
        place.evict = self.abort
        self._greeting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def greeted_by(self, greeting: asyncio.Task[None], connection: socket.socket) -> None:
        """TLS is being agreed; where that fails, also before it began, nothing is left open."""

        def done(_: object) -> None:
            self._greeting = None
            if self.transport is None:
                connection.close()
                self._place.leave()

        self._greeting = greeting
        greeting.add_done_callback(done)

    def start_clock(self, accepted_at: float) -> None:
        """The connection stands: it has until the deadline to open a WebSocket."""
        if self.transport is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_at(accepted_at + OPENING_SECONDS_MAX, self.abort)

    def stop_clock(self) -> None:
        """It has opened one; deadlines are the core's affair from here."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def abort(self) -> None:
        """Cut the connection, also while TLS is being agreed."""
        if self.transport is not None:
            self.transport.abort()
        elif self._greeting is not None:
            self._greeting.cancel()

    def known(self) -> None:
        """They have said who they are."""
        self._place.known()

    def comes_from(self, ip: IP) -> bool:
        """A proxy tells the address behind it: count there; False when there is no room."""
        return self._place.move(ip)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.stop_clock()
        self._place.leave()
        super().connection_lost(exc)


class Door:
    """Listens, and hands every WebSocket that opens to ``opened``."""

    def __init__(self, admission: Admission, context: ssl.SSLContext | None, opened: Opened) -> None:
        """``context`` None: a proxy before us speaks TLS, and only this machine may come in."""
        self.admission = admission
        self.server = web.Server(self._serve, access_log=None)
        self._context = context
        self._opened = opened
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, host: str, port: int) -> int:
        """Listen; the port, which port 0 leaves to the system.

        Raises:
            OSError: the address is taken, or not ours.
        """
        for family, address in _bindable(host, port):
            bound = (address[0], self.port or port, *address[2:])
            self._listening.append(_listener(family, bound))
        for listening in self._listening:
            self._start(self._accept(listening))
        return self.port

    @property
    def port(self) -> int:
        """Where we listen; 0 before."""
        return int(self._listening[0].getsockname()[1]) if self._listening else 0

    async def close(self) -> None:
        """Stop listening, and cut what is still opening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        await self.server.shutdown(SHUTDOWN_SECONDS_MAX)

    def _start(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("cannot accept", error=str(error))
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            ip = plain(ipaddress.ip_address(peer[0].partition("%")[0]))
            place = self._place_for(ip)
            if place is None:
                connection.close()
                continue
            guest = _Connection(self, place)
            greeting = self._start(self._greet(connection, guest))
            guest.greeted_by(greeting, connection)

    def _place_for(self, ip: IP) -> Place | None:
        if self._context is None and not ip.is_loopback:
            return None
        return self.admission.enter(ip)

    async def _greet(self, connection: socket.socket, guest: _Connection) -> None:
        """TLS, then HTTP takes over; a connection that fails before is nobody's loss."""
        loop = asyncio.get_running_loop()
        accepted_at = loop.time()
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(
                lambda: guest,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=OPENING_SECONDS_MAX if self._context else None,
            )
            guest.start_clock(accepted_at)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        refusal = _refusal(request)
        if refusal is not None:
            return _refused(refusal)
        connection = request.protocol
        assert isinstance(connection, _Connection)
        ip, port = self._who(request)
        if not connection.comes_from(ip):
            return _refused(503)
        accept = accepted_key(request.headers.get("Sec-WebSocket-Key", ""))
        if accept is None or request.headers.get("Sec-WebSocket-Version") != VERSION:
            return _refused(400)
        if request.transport is not None:  # whoever dialled may leave at any moment
            request.transport.write(SWITCHING % accept)
            ws = WebSocket(
                request.transport,
                connection,
                is_client=False,
                ping_seconds=PING_SECONDS,
                close_seconds=CLOSE_SECONDS_MAX,
            )
            connection.set_parser(ws)  # type: ignore[arg-type]  # for what came with the request
            connection.stop_clock()
            await self._opened(Guest(ws, ip, port, connection))
        return _Switched()

    def _who(self, request: web.BaseRequest) -> tuple[IP, int]:
        """Where they come from; behind a proxy, what the proxy itself added says it."""
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        ip, port = plain(ipaddress.ip_address(peer[0].partition("%")[0])), int(peer[1])
        if self._context is None:
            last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
            with contextlib.suppress(ValueError):
                ip = plain(ipaddress.ip_address(last))
        return ip, port


class _Switched(web.StreamResponse):
    """The answer was written: nothing of HTTP follows on this connection."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing."""


def _refusal(request: web.BaseRequest) -> int | None:
    """Why this request is no link: another path, a page of a browser, or no WebSocket."""
    if request.path != PATH:
        return 404
    if "Origin" in request.headers:
        return 403
    headers = request.headers
    connection = [word.strip() for word in headers.get("Connection", "").lower().split(",")]
    if (
        request.method != "GET"
        or headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in connection
    ):
        return 426
    return None


def _refused(status: int) -> web.Response:
    response = web.Response(status=status, headers={"Upgrade": "websocket"} if status == 426 else None)
    response.force_close()
    return response


def _bindable(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """Families and addresses to bind: ``::`` is both families on one socket, where there are two."""
    if host in ("::", "") and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - said by whoever wrote `[::]`
    found = socket.getaddrinfo(host or "::", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
