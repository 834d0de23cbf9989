"""A node that writes down what it hears and says: ``python -m tests.e2e.overheard FILE run …``.

Every frame of every link once its TLS is taken off: what whoever owns the machine could read.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mutunode.net.link import Link
from mutunode.shell import Shell
from mutunode_cli.main import main


def overhear(file: Path) -> None:
    """From now on all frames of this process are appended to the file."""
    received, send = Shell.received, Link.send
    said = file.open("ab", buffering=0)

    def hears(self: Shell, link: int, frame: bytes) -> asyncio.Future[None]:
        said.write(frame)
        return received(self, link, frame)

    def says(self: Link, frame: bytes) -> None:
        said.write(frame)
        send(self, frame)

    Shell.received = hears  # type: ignore[method-assign]
    Link.send = says  # type: ignore[method-assign]


if __name__ == "__main__":
    overhear(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
