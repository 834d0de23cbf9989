"""A node of another version: ``python -m tests.e2e.other_version older|newer run …``.

The product knows nothing of it: *older* offers no feature at all, as if neither compression nor relaying had
been written yet. *newer* offers one that nobody knows, ends its HELLO with something nobody knows, and says
and asks what nobody knows on every link as soon as it stands.
"""

from __future__ import annotations

import sys
from typing import Any

from mutunode import engine
from mutunode.protocol import codec, messages
from mutunode.protocol.core import NodeSettings
from mutunode.protocol.handshake import Handshake
from mutunode.protocol.session import Session
from mutunode_cli.main import main

KNOWN = (messages.RELAY, messages.ZSTD)
OFFERED = {"older": (), "newer": ("quantum", *KNOWN, "zstd2")}
UNKNOWN_TYPE = 77
TOMORROW = "a field of tomorrow"


def become(version: str) -> None:
    """From now on nodes of this process are of that version."""

    def settings(**given: Any) -> NodeSettings:
        return NodeSettings(features=OFFERED[version], **given)

    vars(engine)["NodeSettings"] = settings
    if version == "newer":
        _speak_of_tomorrow()


def _speak_of_tomorrow() -> None:
    encode, welcome = messages.encode, Handshake._welcome

    def longer(message: messages.Message) -> bytes:
        frame = encode(message)
        if isinstance(message, messages.Hello):
            frame = codec.encode([*codec.decode(frame), TOMORROW])
        return frame

    def welcomed(self: Handshake, session: Session, chain: Any, now: float) -> None:
        welcome(self, session, chain, now)
        session.send_frame(codec.encode([UNKNOWN_TYPE, messages.PUSH, TOMORROW]), now)
        number, session._next_id = session._next_id, session._next_id + 2
        session.send_frame(codec.encode([UNKNOWN_TYPE, number, TOMORROW]), now)

    messages.encode = longer
    Handshake._welcome = welcomed  # type: ignore[method-assign]


if __name__ == "__main__":
    become(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
