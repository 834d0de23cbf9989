"""A peer of the outside: it dials, is dialled, proves who it is, and answers from a shelf of registers.

A test that wants another answer than the honest one puts a function into ``Stranger.answers``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.outside import ranges
from tests.outside.author import Author, Register
from tests.outside.link import (
    ENTRIES,
    ERR,
    GET,
    HEAD,
    HEADS,
    IDENT,
    IDENTITY,
    RANGE,
    RANGES,
    REPLY_SECONDS,
    SINCE,
    Closed,
    Link,
)
from tests.outside.page import Frame, Head, cm, sha256

PAYLOAD_BYTES_MAX = 900_000  # leaves room for the rest of its frame
PATH = "/mutunode/1"

Answer = Callable[[Frame], "list[Any] | None"]


class Stranger:
    """Who stands behind links: an author, the registers it can hand on, and how it answers."""

    def __init__(self, author: Author, *, features: tuple[str, ...] = ("zstd",)) -> None:
        self.author = author
        self.features = features
        self.store = os.urandom(8)
        self.shelf: dict[bytes, Register] = {author.log: author}
        self.changes: list[bytes] = [author.log]
        self.answers: dict[int, Answer] = {
            IDENT: self._identity,
            SINCE: self._since,
            HEAD: self._head,
            GET: self._entries,
            RANGE: lambda frame: [RANGES, ranges.answer(self.shelf, frame[2])],
        }

    @property
    def cursor(self) -> int:
        """Our own count of changes."""
        return len(self.changes)

    def hold(self, *registers: Register) -> None:
        """Put registers of others on the shelf."""
        for register in registers:
            self.shelf[register.log] = register
            self.changes.append(register.log)

    def sign(self) -> Head:
        """Sign what the author wrote and count the change."""
        self.changes.append(self.author.log)
        return self.author.sign()

    def answer(self, frame: Frame) -> list[Any] | None:
        """What to answer to a question; nothing when a test says so."""
        known = self.answers.get(frame[0])
        return known(frame) if known else [ERR, 9, 0, "unknown type"]

    def _register(self, org: bytes) -> Register | None:
        return next((register for register in self.shelf.values() if register.org == org), None)

    def _identity(self, frame: Frame) -> list[Any]:
        register = self._register(frame[2])
        if register is None:
            return [ERR, 2, 0, "unknown"]
        return [IDENTITY, register.genesis, register.ops[max(frame[3], 1) - 1 :], [], []]

    def _since(self, frame: Frame) -> list[Any]:
        store, cursor = frame[2:4]
        after = cursor if store == self.store else 0
        logs = dict.fromkeys(self.changes[after:])
        return [HEADS, self.store, self.cursor, False, [self.shelf[log].head for log in logs]]

    def _head(self, frame: Frame) -> list[Any]:
        register = self.shelf.get(frame[2])
        return [HEADS, self.store, self.cursor, False, [register.head] if register else []]

    def _entries(self, frame: Frame) -> list[Any]:
        log, epoch, start, end, bodies = frame[2:7]
        register = self.shelf.get(log)
        if register is None or register.head[2] != epoch:
            return [ERR, 2, 0, "unknown"]
        some: list[list[bytes]] = []
        size = 0
        for item in register.items[start:end]:
            size += sum(map(len, item)) + 16
            if some and size > PAYLOAD_BYTES_MAX:
                break
            some.append(item if bodies else item[:1])
        return [ENTRIES, log, start, 0, cm(some)]

    @asynccontextmanager
    async def dial(self, address: str) -> AsyncIterator[Link]:
        """A connection to a node, nothing said yet."""
        url = f"https://{address}{PATH}"
        async with (
            session_of_its_own() as session,
            session.ws_connect(url, ssl=trusting(), max_msg_size=0, autoclose=False) as channel,
        ):
            certificate = channel.get_extra_info("ssl_object").getpeercert(binary_form=True)
            link = Link(self, channel, sha256(certificate), dialled=True)
            try:
                yield link
            finally:
                await link.close()

    @asynccontextmanager
    async def meet(self, address: str) -> AsyncIterator[Link]:
        """A connection after its handshake."""
        async with self.dial(address) as link:
            yield await link.shake()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[tuple[str, asyncio.Queue[Link]]]:
        """Be dialled: our address, and the links that come, after their handshakes or what came instead."""
        arrived: asyncio.Queue[Link] = asyncio.Queue()
        opened: list[socket.socket] = []
        serving, fingerprint = _certificate()

        async def answer(request: web.Request) -> web.WebSocketResponse:
            assert request.transport
            opened.append(request.transport.get_extra_info("socket"))
            channel = web.WebSocketResponse(max_msg_size=0, compress=False, autoclose=False)
            await channel.prepare(request)
            link = Link(self, channel, fingerprint, dialled=False)
            with suppress(Closed):
                await link.shake()
            await arrived.put(link)
            if link._reading:
                await link._reading
            return channel

        app = web.Application()
        app.router.add_get(PATH, answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=serving)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"{host}:{port}", arrived
        finally:
            while not arrived.empty():
                await arrived.get_nowait().close()
            await runner.cleanup()
            await closed(opened)


@asynccontextmanager
async def session_of_its_own() -> AsyncIterator[ClientSession]:
    """A client whose sockets are all closed at its end."""
    opened: list[socket.socket] = []

    def open_socket(address: Any) -> socket.socket:
        opened.append(socket.socket(*address[:3]))
        return opened[-1]

    connector = TCPConnector(socket_factory=open_socket)
    async with ClientSession(connector=connector, timeout=ClientTimeout(REPLY_SECONDS)) as session:
        yield session
    await closed(opened)


async def closed(sockets: list[socket.socket]) -> None:
    """Wait until TLS has said goodbye on all of them."""
    async with asyncio.timeout(REPLY_SECONDS):
        while any(each.fileno() >= 0 for each in sockets):  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0.005)


def trusting() -> ssl.SSLContext:
    """TLS 1.3 that takes any certificate: the handshake binds itself to the one it saw."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _certificate() -> tuple[ssl.SSLContext, bytes]:
    """A self-made certificate, and what binds a handshake to it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stranger.pem"
        plain = serialization.NoEncryption()
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context, sha256(made.public_bytes(serialization.Encoding.DER))
