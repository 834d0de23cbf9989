"""A link of which only one direction is left: noticed within a minute, by both sides (S6)."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from mutunode.net import dialler, door, link
from mutunode.protocol.effects import Dial
from tests.net.recorder import listening

SILENCE = 2.0  # half of it is what an answer may take on a machine that is busy with something else


def test_a_ping_and_the_wait_for_its_answer_are_a_minute_together() -> None:
    assert link.PING_SECONDS * 1.5 <= 60


@pytest.mark.parametrize("deaf", ["there", "back"])
async def test_a_half_open_link_is_noticed_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: str
) -> None:
    for module in (dialler, door):
        monkeypatch.setattr(module, "PING_SECONDS", SILENCE)
    lost = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                if not (lost.is_set() and way == deaf):
                    writer.write(piece)

    async with listening(tmp_path / "one") as one, listening(tmp_path / "other") as other:
        tasks: list[asyncio.Task[None]] = []
        ends: list[asyncio.StreamWriter] = []

        async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", other[0].port)
            ends.extend((writer, back))
            tasks.append(asyncio.create_task(pour(reader, back, "there")))
            tasks.append(asyncio.create_task(pour(there, writer, "back")))

        middle = await asyncio.start_server(between, "127.0.0.1", 0)
        one[0].perform(Dial(f"127.0.0.1:{middle.sockets[0].getsockname()[1]}", None, True))
        await other[1].until(lambda: bool(other[1].links))
        await one[1].until(lambda: bool(one[1].links))
        await asyncio.sleep(2 * SILENCE)
        assert one[1].ends == other[1].ends == [], "pings keep it"
        lost.set()
        for side in (one, other):
            await side[1].until(lambda side=side: bool(side[1].ends))  # type: ignore[misc]
        for task in tasks:
            task.cancel()
        for end in ends:
            end.close()
        middle.close()
        await middle.wait_closed()
