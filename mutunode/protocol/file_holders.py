"""Who else holds a file: peers are asked now and then, so that its author knows when nobody else does."""

from __future__ import annotations

from collections.abc import Sequence

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.limits import HOLDERS_ASKED_FILES_MAX, HOLDERS_ASKED_SECONDS
from mutunode.protocol.session import Reply, Session


class FileHolders:
    """Asks, and tells the ledger what it hears."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: dict[int, dict[bytes, float]] = {}  # link → blob → when

    def ask(self, blobs: Sequence[bytes], now: float) -> None:
        """Ask every peer that is listened to, each at most once in ten minutes for one file."""
        for session in self._core.ready():
            if session.listened:
                asked = self._asked.setdefault(session.link, {})
                for blob in [blob for blob, at in asked.items() if at <= now - HOLDERS_ASKED_SECONDS]:
                    del asked[blob]
                for blob in blobs[:HOLDERS_ASKED_FILES_MAX]:
                    if blob not in asked:
                        asked[blob] = now
                        self._ask(session, blob, now)

    def _ask(self, session: Session, blob: bytes, now: float) -> None:
        def answered(reply: Reply, then: float) -> None:
            if isinstance(reply, messages.Holds):
                self._core.ledger.put_holder(blob, session.org, reply.holds, int(then))

        session.ask(messages.Have(0, blob), answered, now)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._asked.pop(session.link, None)
