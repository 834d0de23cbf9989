"""Slow callers wait for themselves only."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from mutunode.web import serve
from mutunode.web.app import make_app
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings
from tests.web.fake_office import FakeOffice

SLOW_CALLERS = 500
PAGE_SECONDS_MAX = 0.5  # the slowest of a hundred pages, on a shared machine


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
    assert time.monotonic() - started < 4.0
    task.cancel()
    silent.close()
    drip.close()


async def test_five_hundred_slow_callers_do_not_slow_a_page(door: Door) -> None:
    slow = []
    for number in range(SLOW_CALLERS):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        if number % 2:
            writer.write(b"GET /fr/chercher HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        slow.append(writer)
    times = []
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            started = time.monotonic()
            async with session.get(f"http://127.0.0.1:{door.port}/fr/mots") as answer:
                assert answer.status == 200
                await answer.read()
            times.append(time.monotonic() - started)
    assert sorted(times)[98] < PAGE_SECONDS_MAX
    for writer in slow:
        writer.close()


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
    assert b"408" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await door.close()


async def test_more_callers_than_it_can_serve_are_turned_away(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS_MAX", 3)
    held = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(3)]
    await asyncio.sleep(0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    for _, each in (*held, (reader, writer)):
        each.close()


async def test_port_zero_picks_one_and_a_taken_port_is_refused(door: Door, office: FakeOffice) -> None:
    assert door.port > 0
    app: Any = make_app(office, WebSettings(), Sessions(time.time))
    with pytest.raises(OSError, match="in use"):
        await Door.open(app, "127.0.0.1", door.port)
