"""Those who do not play by the rules: cut off, bounded, and nobody else harmed."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mutunode.net import door
from mutunode.net.addresses import parse
from mutunode.net.admission import STRANGERS_MAX, Admission, Place
from mutunode.net.peers import PeerNet
from mutunode.net.tls import client_tls, server_tls
from mutunode.protocol import messages
from mutunode.protocol.effects import Dial, Send
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import FRAME_BYTES_MAX
from tests.net.recorder import Recorder, connect, listening

Side = tuple[PeerNet, Recorder]

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Side]:
    async with listening(tmp_path / "node") as side:
        yield side


async def raw(net: PeerNet, context: ssl.SSLContext | None = None) -> Any:
    """A TLS connection of our own."""
    return await asyncio.open_connection("127.0.0.1", net.port, ssl=context or client_tls())


async def asked(net: PeerNet, text: str) -> str:
    """Send a request as it stands; the first line of the answer."""
    reader, writer = await raw(net)
    writer.write(text.encode())
    line = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    return str(line, "ascii").strip()


async def test_the_port_answers_on_one_path_and_to_no_page(node: Side) -> None:
    assert "101" in await asked(node[0], UPGRADE.format(path="/mutunode/1", more=""))
    assert "404" in await asked(node[0], UPGRADE.format(path="/", more=""))
    assert "404" in await asked(node[0], UPGRADE.format(path="/mutunode/2", more=""))
    assert "403" in await asked(node[0], UPGRADE.format(path="/mutunode/1", more="Origin: null\r\n"))
    assert "426" in await asked(node[0], "GET /mutunode/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert "400" in await asked(node[0], "GET / HTTP/1.1\r\nHost: x\r\nBad\x00: 1\r\n\r\n")
    assert len(node[1].links) == 1


async def test_neither_subprotocol_nor_compression_is_agreed_to(node: Side) -> None:
    reader, writer = await raw(node[0])
    more = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
    writer.write(UPGRADE.format(path="/mutunode/1", more=more).encode())
    head = str(await reader.readuntil(b"\r\n\r\n"), "ascii").lower()
    assert "101" in head
    assert "sec-websocket-protocol" not in head
    assert "sec-websocket-extensions" not in head
    writer.close()


async def test_plain_http_gets_nothing(node: Side) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", node[0].port)
    writer.write(b"GET /mutunode/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    assert b"HTTP" not in answer
    writer.close()


async def test_tls_1_2_is_refused(node: Side) -> None:
    context = client_tls()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await raw(node[0], context)


async def websocket(net: PeerNet, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse[Any]:
    """A client that is not ours."""
    return await session.ws_connect(f"wss://127.0.0.1:{net.port}/mutunode/1", ssl=client_tls())


async def test_a_text_frame_is_answered_with_an_error_and_the_end(node: Side) -> None:
    async with aiohttp.ClientSession() as session:
        ws = await websocket(node[0], session)
        await ws.send_bytes(b"fine")
        await ws.send_str("text")
        error = messages.decode((await ws.receive()).data)
        assert isinstance(error, messages.Err)
        assert (error.id, error.code) == (0, 1)
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert ws.close_code == 1002
    await node[1].until(lambda: bool(node[1].ends))
    assert [frame for _, frame in node[1].frames] == [b"fine"]


async def test_an_oversize_frame_ends_the_link_before_it_is_read(node: Side) -> None:
    async with aiohttp.ClientSession() as session:
        ws = await websocket(node[0], session)
        await ws.send_bytes(bytes(FRAME_BYTES_MAX + 1))
        await ws.receive()
        # The code may be lost: whoever is still sending sees the connection cut.
        assert ws.close_code in (1009, 1006)
    await node[1].until(lambda: bool(node[1].ends))
    assert node[1].frames == []
    assert "exceeds limit" in node[1].ends[0][1]


async def test_fragments_count_together(node: Side) -> None:
    reader, writer = await raw(node[0])
    writer.write(UPGRADE.format(path="/mutunode/1", more="").encode())
    await reader.readuntil(b"\r\n\r\n")
    part = (60_000).to_bytes(2, "big") + bytes(4) + bytes(60_000)  # masked with zeros
    writer.write(b"\x02\xfe" + part)
    for _ in range(20):
        writer.write(b"\x00\xfe" + part)
    closing = await asyncio.wait_for(reader.read(), 30)
    assert closing[0] == 0x88
    assert int.from_bytes(closing[2:4], "big") == 1009
    assert node[1].frames == []
    writer.close()


async def test_a_reserved_bit_ends_the_link(node: Side) -> None:
    reader, writer = await raw(node[0])
    writer.write(UPGRADE.format(path="/mutunode/1", more="").encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\xc2\x81\0\0\0\0x")  # compressed, which nobody agreed to
    assert (await asyncio.wait_for(reader.read(), 30))[0] == 0x88
    await node[1].until(lambda: bool(node[1].ends))
    writer.close()


# --- slow ones ----------------------------------------------------------------------------------
async def test_silent_and_slow_ones_are_cut_off_at_the_deadline(
    node: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "OPENING_SECONDS_MAX", 1.5)
    silent = await asyncio.open_connection("127.0.0.1", node[0].port)  # not even TLS
    quiet = await raw(node[0])  # TLS, no request
    slow = await raw(node[0])

    async def drip() -> None:
        for letter in UPGRADE.format(path="/mutunode/1", more="X: " + "x" * 1_000 + "\r\n"):
            slow[1].write(letter.encode())
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    for reader, writer in (silent, quiet, slow):
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 15)  # the drip alone takes longer
        writer.close()
    dripping.cancel()
    assert node[1].links == []
    async with listening(tmp_path / "other") as other:
        await connect(other, node)


async def test_a_link_that_stands_has_no_deadline_of_the_door(
    node: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "OPENING_SECONDS_MAX", 2.0)
    async with listening(tmp_path / "other") as other:
        ours, _ = await connect(other, node)
        await asyncio.sleep(2.5)
        other[0].perform(Send(ours, b"still here"))
        await node[1].until(lambda: bool(node[1].frames))


# --- many ---------------------------------------------------------------------------------------
def test_an_address_has_four_unknown_connections_and_32_in_all() -> None:
    admission = Admission(1_000)
    address, other = ipaddress.ip_address("192.0.2.7"), ipaddress.ip_address("192.0.2.8")
    all_of_them = list[Place]()
    for _ in range(8):
        four = [place for _ in range(4) if (place := admission.enter(address)) is not None]
        assert len(four) == 4
        assert not admission.enter(address)
        for place in four:
            place.known()
        all_of_them += four
    assert not admission.enter(address)
    assert admission.enter(other)
    for place in all_of_them:
        place.leave()
    assert admission.enter(address)


def test_the_whole_is_bounded_even_for_this_machine() -> None:
    admission = Admission(10)
    entered = [admission.enter(ipaddress.ip_address("127.0.0.1")) for _ in range(500)]
    places = [place for place in entered if place is not None]
    assert len(places) == 10 + STRANGERS_MAX
    places[0].leave()
    assert admission.enter(ipaddress.ip_address("127.0.0.1"))


def test_a_crowd_holds_every_place_only_from_as_many_addresses() -> None:
    admission, evicted = Admission(10), list[int]()
    places = list[Place]()
    for number in range(10 + STRANGERS_MAX):
        place = admission.enter(ipaddress.ip_address(f"192.0.2.{number // 4}"))
        assert place is not None
        place.evict = lambda number=number: evicted.append(number)  # type: ignore[misc]
        places.append(place)
    places[0].known()  # has said who they are: stays
    newcomer = admission.enter(ipaddress.ip_address("198.51.100.1"))
    assert newcomer is not None
    assert evicted == [4], "the oldest from where most stand"
    entered = [admission.enter(ipaddress.ip_address(f"2001:db8::{each}")) is not None for each in range(5)]
    assert entered == [True, True, True, False, False], "then its site has as many as the others"
    assert admission.enter(ipaddress.ip_address("2001:db8:1::3")), "another site has none yet"
    places[4].leave()  # the connection that was cut ends: its place has been left already
    assert not admission.enter(ipaddress.ip_address("192.0.2.17")), "no place has come free by that"


def test_a_place_that_somebody_else_got_is_not_moved_any_more() -> None:
    admission = Admission(0)
    places = [admission.enter(ipaddress.ip_address("127.0.0.1")) for _ in range(STRANGERS_MAX)]
    assert admission.enter(ipaddress.ip_address("127.0.0.2"))
    evicted = places[0]
    assert evicted is not None
    assert not evicted.move(ipaddress.ip_address("192.0.2.1")), "its connection is being cut"
    evicted.known()
    evicted.leave()
    assert admission._count == STRANGERS_MAX


async def test_somebody_new_gets_in_though_a_crowd_holds_the_door(tmp_path: Path) -> None:
    async with listening(tmp_path / "node", links_max=1) as node, listening(tmp_path / "new") as new:
        crowd = [
            socket.create_connection(
                ("127.0.0.1", node[0].port), source_address=(f"127.0.0.{2 + each % 9}", 0)
            )
            for each in range(STRANGERS_MAX + 40)
        ]
        await asyncio.sleep(0)
        await connect(new, node)
        for connection in crowd:
            connection.close()


async def test_a_full_house_keeps_those_who_are_in(tmp_path: Path) -> None:
    async with listening(tmp_path / "node", links_max=1) as node, listening(tmp_path / "known") as known:
        ours, theirs = await connect(known, node)
        crowd = [socket.create_connection(("127.0.0.1", node[0].port)) for _ in range(STRANGERS_MAX + 40)]
        known[0].perform(Send(ours, b"x"))
        await node[1].until(lambda: node[1].frames == [(theirs, b"x")])
        for connection in crowd:
            connection.close()
    assert node[1].ends[0][0] == theirs


async def test_hundreds_who_call_before_the_next_turn_are_all_heard(node: Side) -> None:
    crowd = [socket.create_connection(("127.0.0.1", node[0].port), timeout=0.9) for _ in range(400)]
    for connection in crowd:  # nobody had to call again after a second: the loop did not even turn
        connection.close()


# --- listeners that lie -------------------------------------------------------------------------
async def served(tmp_path: Path, answer: bytes) -> asyncio.Server:
    """A TLS listener that answers anything with this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    folder = tmp_path / "liar"
    folder.mkdir()
    return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls(folder).context)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: A\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_an_answer_that_is_no_upgrade_is_a_failed_dial(
    node: Side, tmp_path: Path, answer: bytes
) -> None:
    reached: list[object] = []
    canary = await asyncio.start_server(lambda *streams: reached.append(streams), "127.0.0.1", 0)
    answer = answer.replace(b"{port}", str(canary.sockets[0].getsockname()[1]).encode())
    liar = await served(tmp_path, answer)
    address = f"127.0.0.1:{liar.sockets[0].getsockname()[1]}"
    node[0].perform(Dial(address, None, True))
    await node[1].until(lambda: bool(node[1].failures))
    assert node[1].failures[0][0] == address
    assert reached == []
    for server in (liar, canary):
        server.close()
        await server.wait_closed()


async def test_a_listener_that_says_nothing_is_given_up(
    node: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mutunode.net import dialler

    monkeypatch.setattr(dialler, "DIAL_SECONDS_MAX", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node[0].perform(Dial(f"127.0.0.1:{silent.getsockname()[1]}", None, True))
        await node[1].until(lambda: bool(node[1].failures))
    assert "does not answer" in node[1].failures[0][1]


async def test_a_self_made_certificate_is_not_taken_for_a_named_address(node: Side, tmp_path: Path) -> None:
    async with listening(tmp_path / "other") as other:
        node[0].perform(Dial(f"wss://localhost:{other[0].port}", None, True))
        await node[1].until(lambda: bool(node[1].failures))
        assert "certificate" in node[1].failures[0][1].lower()
        assert other[1].links == []


def test_a_named_address_is_never_a_number() -> None:
    with pytest.raises(Malformed):
        parse("wss://127.0.0.1")
