"""Many at once on the peer port, and addresses that lead where nobody should go: with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mutunode import daemon
from mutunode.net import door
from mutunode.net.admission import STRANGERS_MAX
from mutunode.net.peers import PeerNet
from mutunode.net.tls import client_tls, server_tls
from mutunode.protocol.effects import Dial, Send
from tests.net.recorder import Recorder, connect, listening

Side = tuple[PeerNet, Recorder]
SLOW, SILENT, CONNECTIONS = 500, 500, 2_000


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Side]:
    async with listening(tmp_path / "node") as side:
        yield side


@pytest.fixture
async def friend(tmp_path: Path) -> AsyncIterator[Side]:
    async with listening(tmp_path / "friend") as side:
        yield side


async def passes(node: Side, friend: Side, link: int, what: bytes) -> None:
    """A frame of a friend still arrives."""
    friend[0].perform(Send(link, what))
    await node[1].until(lambda: any(frame == what for _, frame in node[1].frames))


async def dial(port: int, source: str) -> socket.socket:
    """A connection from one of this machine's many addresses; refused ones are closed at once."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.bind((source, 0))
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port)), 5)
    return connection


async def test_a_thousand_slow_and_silent_callers_are_let_go_and_a_friend_stays(
    node: Side, friend: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N1 on this port; the page's port has its own (tests/web/test_door.py)."""
    ours, _ = await connect(friend, node)
    monkeypatch.setattr(door, "OPENING_SECONDS_MAX", 2.0)
    crowd = [await dial(node[0].port, f"127.0.0.{2 + number % 48}") for number in range(SLOW + SILENT)]
    loop = asyncio.get_running_loop()
    for number, connection in enumerate(crowd):
        if number < SLOW:
            with contextlib.suppress(OSError):
                await loop.sock_sendall(connection, b"\x16\x03\x01\x02\x00\x01")  # TLS that never goes on
    await passes(node, friend, ours, b"during")
    for connection in crowd:
        with contextlib.suppress(OSError):
            while await asyncio.wait_for(loop.sock_recv(connection, 4_096), 60):
                pass
        connection.close()
    await passes(node, friend, ours, b"after")
    assert len(node[1].links) == 1
    assert node[0]._door is not None
    assert node[0]._door.admission._count == 1, "nothing of them is kept"


async def test_two_thousand_connections_leave_known_peers_where_they_are(node: Side, friend: Side) -> None:
    """N4: from fifty addresses, all of this machine; the number of places holds."""
    ours, _ = await connect(friend, node)
    assert node[0]._door is not None
    crowd = []
    most = 0
    for number in range(CONNECTIONS):
        crowd.append(await dial(node[0].port, f"127.0.0.{2 + number % 49}"))
        most = max(most, node[0]._door.admission._count)
    assert most <= 64 + STRANGERS_MAX
    await passes(node, friend, ours, b"still here")
    assert node[1].ends == []
    for connection in crowd:
        connection.close()


NONE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((256, 4_096), (1_924, 4_096)),
        ((1_024, 1_500), (1_500, 1_500)),
        ((1_024, NONE), (1_924, NONE)),
        ((20_000, 20_000), None),
        ((NONE, NONE), None),
    ],
)
def test_a_hub_asks_for_the_files_its_links_need(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    daemon._allow_files(links_max=512)
    assert asked == ([after] if after else [])


# --- where nobody should go ----------------------------------------------------------------------
INWARD = [
    "127.0.0.1:{port}",
    "127.1:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "0177.0.0.1:{port}",
    "0.0.0.0:{port}",
    "[::1]:{port}",
    "[::]:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "[::ffff:7f00:1]:{port}",
    "[64:ff9b::7f00:1]:{port}",
    "[2002:7f00:1::]:{port}",
    "localhost:{port}",
    "LOCALHOST:{port}",
    "wss://localhost:{port}",
    "canary.example:{port}",
    "wss://canary.example:{port}",
    "169.254.169.254:80",
    "10.0.0.1:{port}",
    "192.168.0.1:{port}",
    "[fe80::1]:{port}",
    "[fd00::1]:{port}",
]


async def test_addresses_from_the_network_never_lead_into_this_machine(
    node: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N10: whatever way of writing it profiles and vouches use, a canary that listens here hears nothing."""
    calls = 0

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    canary = await asyncio.start_server(called, "127.0.0.1", 0)
    port = canary.sockets[0].getsockname()[1]
    resolve = asyncio.get_running_loop().getaddrinfo

    async def looked_up(host: str, *given: object, **named: object) -> object:
        return await resolve("127.0.0.1" if "canary" in str(host) else host, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    addresses = [text.format(port=port) for text in INWARD]
    for address in addresses:
        node[0].perform(Dial(address, None, False))
    await node[1].until(lambda: len(node[1].failures) == len(addresses))
    assert calls == 0
    node[0].perform(Dial(addresses[0], None, True))  # a person may: the canary would have heard
    await node[1].until(lambda: len(node[1].failures) == len(addresses) + 1)
    assert calls == 1
    canary.close()


async def test_a_listener_cannot_send_us_on_into_this_machine(node: Side, tmp_path: Path) -> None:
    """A redirect is no answer, wherever it leads."""
    calls = 0

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    canary = await asyncio.start_server(called, "127.0.0.1", 0)
    port = canary.sockets[0].getsockname()[1]

    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        where = f"https://127.0.0.1:{port}/mutunode/1"
        writer.write(f"HTTP/1.1 307 Go\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    (tmp_path / "liar").mkdir()
    liar = await asyncio.start_server(redirects, "127.0.0.1", 0, ssl=server_tls(tmp_path / "liar").context)
    node[0].perform(Dial(f"127.0.0.1:{liar.sockets[0].getsockname()[1]}", None, True))
    await node[1].until(lambda: bool(node[1].failures))
    assert calls == 0
    canary.close()
    liar.close()


# --- between two ---------------------------------------------------------------------------------
async def test_a_man_in_the_middle_gives_each_side_another_channel(
    node: Side, friend: Side, tmp_path: Path
) -> None:
    """P10: whoever ends our TLS and begins another shows each side another certificate, which AUTH signs."""
    (tmp_path / "mallory").mkdir()
    tls = server_tls(tmp_path / "mallory")

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context: ssl.SSLContext = client_tls()
        there, back = await asyncio.open_connection("127.0.0.1", node[0].port, ssl=context)
        await asyncio.gather(_pour(reader, back), _pour(there, writer))

    mallory = await asyncio.start_server(between, "127.0.0.1", 0, ssl=tls.context)
    friend[0].perform(Dial(f"127.0.0.1:{mallory.sockets[0].getsockname()[1]}", None, True))
    await friend[1].until(lambda: bool(friend[1].links))
    await node[1].until(lambda: bool(node[1].links))
    assert friend[1].links[0].channel == tls.channel
    assert node[1].links[0].channel != tls.channel
    mallory.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
