"""``python -m tests.realnet.callers …``: callers that hold a node's doors and never finish a request.

A program of its own, so that what it costs is not taken for what the node costs. On each door so many are
silent from the first byte on, and so many send a request one byte a second (behind TLS where the door speaks
it). Whoever is cut off calls again. It ends when its input does, and says how often it called.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys

from mutunode.net.tls import client_tls

CALL_AGAIN_SECONDS = 1.0
DRIP_SECONDS = 1.0
SLOW = b"GET /fr/chercher HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SOURCES = 48  # addresses of this machine they come from


class Crowd:
    """All of them, and how they fare."""

    def __init__(self) -> None:
        self.calls = self.standing = self.most = 0

    async def call(self, port: int, number: int, *, slow: bool, tls: bool) -> None:
        """One caller, again and again; where it is not let in it comes back later."""
        source = (f"127.0.0.{2 + number % SOURCES}", 0)
        await asyncio.sleep(number % 100 / 100)
        while True:
            self.calls += 1
            context = client_tls() if tls and slow else None
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, local_addr=source, ssl=context
                )
                self.standing += 1
                self.most = max(self.most, self.standing)
                try:
                    await self._stay(reader, writer, slow=slow)
                finally:
                    self.standing -= 1
                    writer.close()
            await asyncio.sleep(CALL_AGAIN_SECONDS)

    @staticmethod
    async def _stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        """Until it is cut off."""
        cut = asyncio.create_task(Crowd._cut_off(reader))
        writer.write(SLOW if slow else b"")
        while not cut.done():
            writer.write(b"x" if slow else b"")
            await asyncio.wait({cut}, timeout=DRIP_SECONDS)

    @staticmethod
    async def _cut_off(reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            await reader.read()


async def run(given: argparse.Namespace) -> None:
    """Until stdin ends."""
    crowd = Crowd()
    tasks = [
        asyncio.create_task(crowd.call(port, number, slow=number < given.slow, tls=port == given.peer))
        for port in (given.web, given.peer)
        for number in range(given.slow + given.silent)
    ]
    print("calling", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(f"{crowd.calls} calls, {crowd.most} connections at once at most", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("web", type=int, help="port of the pages")
    parser.add_argument("peer", type=int, help="port of the other organisations")
    parser.add_argument("--slow", type=int, default=500)
    parser.add_argument("--silent", type=int, default=500)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(run(parser.parse_args()))
