"""Asking peers for headers that a disk has changed here: the tree that was signed tells the right ones.

Nothing that is given is believed: whoever asked compares it with the root that was signed, so that any peer
will do, and one that lies only costs a question.
"""

from __future__ import annotations

from collections.abc import Callable

from mutunode.protocol import messages, rows
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Malformed
from mutunode.protocol.session import Reply, Session

PEERS_ASKED_MAX = 4

Given = Callable[[list[bytes]], None]


class Mending:
    """Asks for headers."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def ask(self, log: bytes, epoch: int, start: int, end: int, given: Given, now: float) -> int:
        """Ask a few peers for headers; ``given`` hears what each one says, nothing included; how many."""
        asked = 0
        for session in list(self._core.ready())[:PEERS_ASKED_MAX]:
            get = messages.Get(0, log, epoch, start, end, False)
            session.ask(get, self._handler(session, log, start, given), now)
            asked += 1
        return asked

    def _handler(
        self, session: Session, log: bytes, start: int, given: Given
    ) -> Callable[[Reply, float], None]:
        def answered(reply: Reply, now: float) -> None:
            given(_headers(reply, log, start))

        return answered


def _headers(reply: Reply, log: bytes, start: int) -> list[bytes]:
    if not isinstance(reply, messages.Entries) or (reply.log, reply.start) != (log, start):
        return []
    try:
        return [header for header, _, _ in rows.unpack(reply.enc, reply.payload)]
    except Malformed:
        return []
