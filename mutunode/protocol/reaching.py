"""Whom we reach only through somebody else, and whether anybody reaches us.

A machine behind a box that lets nobody in is not alone: it dials those who can be dialled, and through them
it meets the others who did the same (PROTOCOL §4, RELAY). A direct link, where one can be had, takes the
place of such a link. The relay learns who speaks with whom, and when; so only organisations listened to are
sought.
"""

from __future__ import annotations

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.effects import DialRelayed
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import (
    PEERS_FEW,
    REACH_SECONDS,
    REACH_SECONDS_MAX,
    RELAY_ALIVE_SECONDS,
    RELAYED_LINKS_MAX,
)
from mutunode.protocol.session import Session

FIRST_SECONDS = 3.0  # after a relay was met: those who can be dialled are being dialled
DIALLED_LATELY_SECONDS = 86_400.0


class Reaching:
    """Links by way of others."""

    def __init__(self, core: Core, interest: Interest) -> None:
        self._core = core
        self._interest = interest
        self._tries: dict[bytes, int] = {}
        self._not_before: dict[bytes, float] = {}
        self.dialled_at = 0.0  # when somebody dialled us last, 0: nobody since the start

    def met(self, session: Session, now: float) -> None:
        """A handshake is complete."""
        if session.via:
            self._tries.pop(session.org, None)
            self._keep_alive(session, now)
        elif not session.outgoing:
            self.dialled_at = now
        elif messages.RELAY in session.features:
            self._later(now + FIRST_SECONDS)

    def lost(self, session: Session, now: float) -> None:
        """A link is gone."""
        if session.via:
            self._not_before[session.org] = now + self._core.around(REACH_SECONDS / 2, 0.5)

    def relays(self) -> list[Session]:
        """Those who would carry for us, since we dialled them."""
        return [
            session
            for session in self._core.ready()
            if session.outgoing and not session.via and messages.RELAY in session.features
        ]

    def _later(self, time: float) -> None:
        self._core.agenda.at(("reach",), time, self._look)

    def _look(self, now: float) -> None:
        """Seek those whom nobody connects us with yet."""
        relays = self.relays()
        if not relays:
            return  # the next one that is met begins again
        self._later(now + self._core.around(REACH_SECONDS))
        listened = self._interest.listened()
        linked = {session.org for session in self._core.sessions.values() if session.org}
        if len(listened) >= PEERS_FEW and len(linked) >= self._core.settings.links_active_min:
            return
        room = RELAYED_LINKS_MAX - sum(bool(session.via) for session in self._core.sessions.values())
        for org in listened:
            if room > 0 and org not in linked and now >= self._not_before.get(org, 0.0):
                room -= 1
                self._seek(org, relays, now)

    def _seek(self, org: bytes, relays: list[Session], now: float) -> None:
        tries = self._tries.get(org, 0)
        self._tries[org] = tries + 1
        # Each relay in turn, then longer pauses: whoever is nowhere is not sought every minute.
        pause = REACH_SECONDS * 2 ** min(tries // len(relays), 16)
        self._not_before[org] = now + self._core.around(min(REACH_SECONDS_MAX, pause) * 0.75, 0.3)
        self._core.do(DialRelayed(relays[tries % len(relays)].link, org))

    def _keep_alive(self, session: Session, now: float) -> None:
        """A relay ends what was silent for a minute: ask something small before."""

        def ask(then: float) -> None:
            if session.is_ready:
                own = log_id(self._core.me.org, PUBLIC)
                session.ask(messages.AskHead(0, own), lambda reply, at: None, then)
                self._keep_alive(session, then)

        self._core.agenda.at(("alive", session.link), now + RELAY_ALIVE_SECONDS, ask)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._core.agenda.cancel(("alive", session.link))
