"""Slow callers wait for themselves only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mutunode.web import serve
from mutunode.web.app import make_app
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings
from tests.web.fake_office import FakeOffice

CROWD = serve.CONNECTIONS_MAX


@pytest.fixture
async def door(office: FakeOffice, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(serve, "HEAD_SECONDS_MAX", 2.0)
    app = make_app(office, WebSettings(), Sessions(time.time))
    door = await Door.open(app, "127.0.0.1", 0)
    yield door
    await door.close()


async def test_a_silent_and_a_dripping_caller_are_let_go(door: Door) -> None:
    silent_reader, silent = await asyncio.open_connection("127.0.0.1", door.port)
    drip_reader, drip = await asyncio.open_connection("127.0.0.1", door.port)

    async def dripping() -> None:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 1_000:
            drip.write(bytes([byte]))
            await asyncio.sleep(0.05)

    task = asyncio.create_task(dripping())
    started = time.monotonic()
    assert await silent_reader.read() == b""
    with contextlib.suppress(ConnectionResetError):
        assert b"200" not in await drip_reader.read()
    assert time.monotonic() - started < 25.0, "the drip alone takes fifty seconds"
    task.cancel()
    silent.close()
    drip.close()


async def test_hundreds_who_call_before_the_next_turn_are_all_heard(door: Door) -> None:
    crowd = [socket.create_connection(("127.0.0.1", door.port), timeout=0.9) for _ in range(400)]
    for connection in crowd:  # nobody had to call again after a second: the loop did not even turn
        connection.close()


async def test_a_crowd_that_takes_every_place_keeps_nobody_from_a_page(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a page takes meanwhile is measured by ``python -m tests.realnet siege``."""
    monkeypatch.setattr(serve, "HEAD_SECONDS_MAX", 60.0)
    slow = []
    async with aiohttp.ClientSession() as session:
        for number in range(2 * CROWD):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            if number % 2:
                writer.write(b"GET /fr/chercher HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            slow.append((reader, writer))
            if number % 25 == 0:
                async with session.get(f"http://127.0.0.1:{door.port}/fr/mots") as answer:
                    assert answer.status == 200
                    await answer.read()
    for reader, writer in slow[:CROWD]:  # the oldest had to go, and were told so
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
    for _, writer in slow[CROWD:]:
        writer.close()


async def test_who_is_being_answered_is_not_sent_away(office: FakeOffice) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def long_answer(request: web.Request) -> web.Response:
        begun.set()
        await go_on.wait()
        return web.Response(text="all of it")

    app = web.Application()
    app.router.add_get("/", long_answer)
    door = await Door.open(app, "127.0.0.1", 0)
    first_reader, first = await asyncio.open_connection("127.0.0.1", door.port)
    first.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await begun.wait()
    crowd = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(CROWD + 20)]
    assert await asyncio.wait_for(crowd[0][0].read(), 10) == b"", "the oldest that asks for nothing"
    go_on.set()
    assert (await asyncio.wait_for(first_reader.read(), 30)).endswith(b"all of it")
    for _, writer in (*crowd, (first_reader, first)):
        writer.close()
    await door.close()


async def test_a_slow_body_is_not_waited_for(office: FakeOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    from mutunode.web import forms

    monkeypatch.setattr(forms, "READ_SECONDS_MAX", 0.3)
    sessions = Sessions(time.time)
    door = await Door.open(make_app(office, WebSettings(), sessions), "127.0.0.1", 0)
    opened = sessions.open(sessions.make_link(), "test")
    assert opened is not None
    session, _ = opened
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = (
        f"POST /s/{session.key}/fr/reseau HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        f"Cookie: mutunode_{door.port}={session.cookie}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\ncsrf="
    )
    writer.write(head.encode())
    assert b"408" in await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    await door.close()


async def test_more_callers_than_it_can_answer_at_once_are_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("CONNECTIONS_MAX", 2), ("LEAVING_MAX", 1)):
        monkeypatch.setattr(serve, name, value)
    busy, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def long_answer(request: web.Request) -> web.Response:
        busy.release()
        await go_on.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/", long_answer)
    door = await Door.open(app, "127.0.0.1", 0)
    held = []
    for _ in range(3):
        held.append(await asyncio.open_connection("127.0.0.1", door.port))
        held[-1][1].write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await busy.acquire()
    reader, late = await asyncio.open_connection("127.0.0.1", door.port)
    assert await asyncio.wait_for(reader.read(), 30) == b""
    go_on.set()
    for reader, writer in held:
        assert b"200" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()
    late.close()
    await door.close()


async def test_port_zero_picks_one_and_a_taken_port_is_refused(door: Door, office: FakeOffice) -> None:
    assert door.port > 0
    app: Any = make_app(office, WebSettings(), Sessions(time.time))
    with pytest.raises(OSError, match="in use"):
        await Door.open(app, "127.0.0.1", door.port)
