"""A peer of the outside: it dials, is dialled, proves who it is, and answers from a shelf of registers.

``Link`` is one connection with its frames; ``Stranger`` is who stands behind it. A test that wants another
answer than the honest one puts a function into ``Stranger.answers``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import zstandard
from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector, WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.outside import ranges
from tests.outside.author import Author, Register
from tests.outside.page import Frame, Head, Wrong, cm, domain, log_of, sha256, uncm, verified

HELLO, AUTH, SINCE, HEADS, RANGE, GET, ENTRIES, IDENT, IDENTITY, PROVE, PROOF = range(11)
DELIVER, TAKEN, FORK, CHUNK, DATA, HAVE, HOLDS, ERR, HEAD, RANGES, RELAY = range(11, 22)
REPLIES = (HEADS, ENTRIES, IDENTITY, PROOF, TAKEN, DATA, HOLDS, ERR, RANGES)
FRAME_BYTES_MAX = 1 << 20
PAYLOAD_BYTES_MAX = 900_000  # leaves room for the rest of its frame
REPLY_SECONDS = 8.0
PATH = "/mutunode/1"

Answer = Callable[[Frame], "list[Any] | None"]


class Closed(Exception):
    """The other side ended the link."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Err(Exception):
    """An answer of type 18."""

    def __init__(self, code: int, retry_after_s: int, text: str) -> None:
        super().__init__(f"ERR {code}: {text}")
        self.code = code
        self.retry_after_s = retry_after_s


class Link:
    """One connection: raw frames first, and after ``shake`` questions, answers and pushes."""

    def __init__(self, stranger: Stranger, socket: Any, channel: bytes, *, dialled: bool) -> None:
        self.stranger = stranger
        self.socket: ClientWebSocketResponse | web.WebSocketResponse = socket
        self.channel = channel
        self.dialled = dialled
        self.peer: bytes = b""
        self.hello: Frame = []
        self.pushes: list[Frame] = []
        self.questions: list[Frame] = []
        self.code: int | None = None
        self._ids = itertools.count(1 if dialled else 2, 2)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    async def send(self, *fields: Any) -> None:
        """One frame."""
        await self.socket.send_bytes(cm(list(fields)))

    async def receive(self) -> Frame:
        """The next frame; ``Closed`` when there is none."""
        return self._decoded(await asyncio.wait_for(self.receive_raw(), REPLY_SECONDS))

    async def receive_raw(self) -> bytes:
        """The bytes of the next frame, whenever it comes."""
        message = await self.socket.receive()
        if message.type is WSMsgType.BINARY:
            data: bytes = message.data
            return data
        self.code = message.data if message.type is WSMsgType.CLOSE else self.socket.close_code
        raise Closed(self.code)

    @staticmethod
    def _decoded(raw: bytes) -> Frame:
        frame = uncm(raw)
        if not isinstance(frame, list) or len(raw) > FRAME_BYTES_MAX:
            raise Wrong("not a frame")
        return frame

    async def ending(self) -> tuple[list[Frame], int | None]:
        """Every frame until the other side closes, and its close code."""
        frames = []
        with suppress(Closed):
            while True:
                frames.append(await self.receive())
        return frames, self.code

    def hello_frame(self, **other: Any) -> Frame:
        """Our HELLO, with whatever a test wants otherwise."""
        author = self.stranger.author
        fields = {
            "type": HELLO,
            "version": 1,
            "org": author.org,
            "operating": author.operating.public_key().public_bytes_raw(),
            "nonce": os.urandom(32),
            "features": list(self.stranger.features),
        }
        return list((fields | other).values())

    def auth_message(self, mine: bytes, theirs: bytes, *, ours: bool) -> bytes:
        """What one side signs: ``ours`` or the other's."""
        client, server = (mine, theirs) if self.dialled else (theirs, mine)
        role = b"\0" if self.dialled == ours else b"\1"
        return domain("auth") + role + sha256(client) + sha256(server) + self.channel

    async def greet(self, frame: Frame) -> tuple[bytes, bytes]:
        """Both HELLO: the bytes of ours and of theirs."""
        mine = cm(frame)
        await self.socket.send_bytes(mine)
        theirs = await asyncio.wait_for(self.receive_raw(), REPLY_SECONDS)
        self.hello = self._decoded(theirs)
        assert self.hello[:2] == [HELLO, 1], self.hello
        return mine, theirs

    async def shake(self, **other: Any) -> Self:
        """HELLO and AUTH, both verified; from then on frames are read and answered."""
        mine, theirs = await self.greet(self.hello_frame(**other))
        self.peer, key = self.hello[2:4]
        await self.send(AUTH, self.stranger.author.operating.sign(self.auth_message(mine, theirs, ours=True)))
        auth = await self.receive()
        assert auth[0] == AUTH, auth
        assert verified(key, auth[1], self.auth_message(mine, theirs, ours=False))
        self._reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        with suppress(Closed, ConnectionError):
            while True:
                await self._take(self._decoded(await self.receive_raw()))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Closed(self.code))
        async with self._news:
            self._news.notify_all()

    async def _take(self, frame: Frame) -> None:
        number = frame[1]
        if frame[0] in REPLIES and number in self._waiting:
            self._waiting.pop(number).set_result(frame)
            return
        if number and frame[0] not in REPLIES:
            self.questions.append(frame)
            answer = self.stranger.answer(frame)
            if answer is not None:
                await self.send(answer[0], number, *answer[1:])
        else:
            self.pushes.append(frame)
        async with self._news:
            self._news.notify_all()

    async def ask(self, type: int, *fields: Any) -> Frame:
        """A question and the frame that answers it; ``Err`` when it is one."""
        number = next(self._ids)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self.send(type, number, *fields)
        frame: Frame = await asyncio.wait_for(answered, REPLY_SECONDS)
        if frame[0] == ERR:
            raise Err(*frame[2:5])
        return frame

    async def push(self, *heads: Head) -> None:
        """Announce heads, as changes after everything on the shelf."""
        await self.send(HEADS, 0, self.stranger.store, self.stranger.cursor, False, list(heads))

    async def until(self, seen: Callable[[], Any]) -> Any:
        """Wait for what pushes and questions bring, until ``seen`` says something."""
        async with asyncio.timeout(REPLY_SECONDS), self._news:
            while not (found := seen()):
                if self.code is not None:
                    raise Closed(self.code)
                await self._news.wait()
        return found

    async def pushed(self, log: bytes, size: int) -> Head:
        """The first pushed head of a log with at least this size."""
        return list(await self.until(lambda: self.pushed_head(log, size)))

    def pushed_head(self, log: bytes, size: int = 0) -> Head | None:
        """A head of that log that was pushed here, if any."""
        heads = [head for push in self.pushes if push[0] == HEADS for head in push[5]]
        return next((head for head in heads if log_of(*head[:2]) == log and head[4] >= size), None)

    async def asked(self, type: int, *fields: Any) -> Frame:
        """The other side's question of this type that begins with these fields."""
        return list(
            await self.until(
                lambda: next(
                    (q for q in self.questions if q[0] == type and q[2 : 2 + len(fields)] == list(fields)),
                    None,
                )
            )
        )

    async def newest(self, log: bytes) -> Head | None:
        """The head the other side holds of a log."""
        heads = (await self.ask(HEAD, log))[5]
        return heads[0] if heads else None

    async def reaches(self, log: bytes, size: int, epoch: int = 0, every_seconds: float = 0.1) -> Head:
        """Ask until the other side holds that much of a log."""
        async with asyncio.timeout(REPLY_SECONDS):
            while True:
                head = await self.newest(log)
                if head and (head[2], head[4]) >= (epoch, size):
                    return head
                await asyncio.sleep(every_seconds)

    async def everything(self, store: bytes = bytes(8), cursor: int = 0) -> tuple[bytes, int, list[Head]]:
        """All heads after a cursor, in as many answers as it takes."""
        heads, more = [], True
        while more:
            _, _, store, cursor, more, some = await self.ask(SINCE, store, cursor)
            heads += some
        return store, cursor, heads

    async def entries(
        self, log: bytes, epoch: int, start: int, end: int, *, bodies: bool = True
    ) -> list[Any]:
        """One GET's entries, unpacked."""
        _, _, of, begins, enc, payload = await self.ask(GET, log, epoch, start, end, bodies)
        assert (of, begins) == (log, start)
        return unpacked(enc, payload)

    async def whole(self, head: Head) -> Register:
        """Everything under a head: chain and entries."""
        register = await self.identity(head[0])
        register.head = head
        while len(register.items) < head[4]:
            some = await self.entries(log_of(*head[:2]), head[2], len(register.items), head[4])
            assert some, "entries are missing"
            register.items += some
        return register

    async def identity(self, org: bytes, from_epoch: int = 1) -> Register:
        """An organisation's chain."""
        _, _, genesis, ops, _rivals, _profile = await self.ask(IDENT, org, from_epoch)
        register = Register(org, genesis)
        register.ops = ops
        return register

    async def ended(self) -> tuple[list[int], int | None]:
        """Wait for the other side to close: the codes of ERR with id 0 it sent, and its close code."""
        assert self._reading
        await asyncio.wait_for(asyncio.shield(self._reading), REPLY_SECONDS)
        return [push[2] for push in self.pushes if push[:2] == [ERR, 0]], self.code

    async def close(self) -> None:
        """End the link."""
        await self.socket.close()
        if self._reading:
            await self._reading


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
        serving, fingerprint = _certificate()

        async def answer(request: web.Request) -> web.WebSocketResponse:
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


@asynccontextmanager
async def session_of_its_own() -> AsyncIterator[ClientSession]:
    """A client whose sockets are all closed at its end: TLS says goodbye after the session has ended."""
    opened: list[socket.socket] = []

    def open_socket(address: Any) -> socket.socket:
        opened.append(socket.socket(*address[:3]))
        return opened[-1]

    connector = TCPConnector(socket_factory=open_socket)
    async with ClientSession(connector=connector, timeout=ClientTimeout(REPLY_SECONDS)) as session:
        yield session
    async with asyncio.timeout(REPLY_SECONDS):
        while any(each.fileno() >= 0 for each in opened):  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0.005)


def trusting() -> ssl.SSLContext:
    """TLS 1.3 that takes any certificate: the handshake binds itself to the one it saw."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def unpacked(enc: int, payload: bytes) -> list[Any]:
    """The entries of a reply, plain or in one zstd frame that declares its size."""
    if enc == 1:
        declared = zstandard.frame_content_size(payload)
        assert 0 <= declared <= FRAME_BYTES_MAX, "a zstd frame without its size"
        payload = zstandard.ZstdDecompressor().decompress(payload)
        assert len(payload) == declared
    else:
        assert enc == 0
    entries = uncm(payload)
    assert isinstance(entries, list)
    return entries


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
