"""One connection of a stranger: raw frames first, and after the handshake questions, answers and pushes."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import zstandard
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from tests.outside.author import Register
from tests.outside.page import Frame, Head, Wrong, cm, domain, log_of, sha256, uncm, verified

if TYPE_CHECKING:
    from tests.outside.stranger import Stranger

HELLO, AUTH, SINCE, HEADS, RANGE, GET, ENTRIES, IDENT, IDENTITY, PROVE, PROOF = range(11)
DELIVER, TAKEN, FORK, CHUNK, DATA, HAVE, HOLDS, ERR, HEAD, RANGES, RELAY = range(11, 22)
REPLIES = (HEADS, ENTRIES, IDENTITY, PROOF, TAKEN, DATA, HOLDS, ERR, RANGES)
FRAME_BYTES_MAX = 1 << 20
REPLY_SECONDS = 60.0  # only what will never come is waited for so long: a machine may be busy


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
        """One frame; ``Closed`` with the code that came when the other side is gone."""
        try:
            await self.socket.send_bytes(cm(list(fields)))
        except ConnectionError:
            await self._what_came()
            raise Closed(self.code) from None

    async def _what_came(self) -> None:
        """Take everything that is still to be read, its close code last."""
        if self._reading:
            await asyncio.shield(self._reading)
            return
        with suppress(Closed):
            while True:
                await self.receive()

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
        with suppress(Closed):
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
                with suppress(ConnectionError):  # it leaves as we answer: its last words are still to be read
                    await self.socket.send_bytes(cm([answer[0], number, *answer[1:]]))
        else:
            self.pushes.append(frame)
        async with self._news:
            self._news.notify_all()

    async def ask(self, type: int, *fields: Any) -> Frame:
        """A question and the frame that answers it; ``Err`` when it is one, ``Closed`` when none can come."""
        if self._reading and self._reading.done():
            raise Closed(self.code)
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
