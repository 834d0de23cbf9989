"""A program of its own: announces an organisation on the local network and tells whom it sees.

``python -m tests.net.lan_peer BYTE PORT HOST``: one line for each event; it ends when its input does.
"""

from __future__ import annotations

import asyncio
import sys

from mutunode.net.lan import Lan


async def main() -> None:
    """Announce and listen until the input ends."""
    org, port, host = bytes([int(sys.argv[1])]) * 32, int(sys.argv[2]), sys.argv[3]
    lan = Lan(
        org,
        port,
        lambda org, address: print("nearby", org[0], address, flush=True),
        lambda org: print("gone", org[0], flush=True),
        host=host,
    )
    await lan.start()
    print("started", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await lan.stop()


if __name__ == "__main__":
    asyncio.run(main())
