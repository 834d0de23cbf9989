"""Who may write: a session, opened by a link that the node's own machine gave out.

A browser sends the cookie of ``127.0.0.1:8420`` to every other port of ``127.0.0.1``, so that any local
program that gets itself visited could collect and replay it. A session therefore takes two secrets: the
cookie, and a key in the address of every page of the session (``/s/<key>/fr/…``). The cookie is bound to that
path, which no other port knows; and an address without its cookie opens nothing. Neither is of use alone.

Links and sessions live in memory: a restart closes them all.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Callable

import msgspec

from mutunode.web.settings import Language

SECRET_BYTES = 32
LINK_SECONDS = 600  # ten minutes to walk from the terminal to the browser
IDLE_SECONDS_MAX = 12 * 3_600  # a working day
SESSIONS_MAX = 64
LINKS_MAX = 64
SIGNED_MAX = 256  # × 100 bytes a session
TRIES_PER_MINUTE_MAX = 10
TRIERS_MAX = 1_024


class Session(msgspec.Struct):
    """One open session."""

    key: str  # in the address
    cookie: str
    csrf: str  # in every form
    opened_at: float
    seen_at: float
    notices: list[str] = msgspec.field(default_factory=list)  # said once, on the next page
    signed: dict[str, str] = msgspec.field(default_factory=dict)  # mark of what was seen → record it became
    signing: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)  # a button pressed twice waits

    def remember(self, seen: str, rec: str) -> None:
        """What this very content became, so that a page gone back to does not sign it twice."""
        while len(self.signed) >= SIGNED_MAX:
            del self.signed[next(iter(self.signed))]
        self.signed[seen] = rec


class TooManyTries(Exception):
    """This address has tried too many links within a minute."""


class Sessions:
    """One-time links, and the sessions they opened."""

    def __init__(
        self, clock: Callable[[], float], draw: Callable[[int], str] = secrets.token_urlsafe
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._links: dict[str, tuple[float, Language]] = {}  # token → (valid until, language)
        self._sessions: dict[str, Session] = {}
        self._tries: dict[str, deque[float]] = {}

    def make_link(self, language: Language = "fr") -> str:
        """A token for ``/session/<token>``: good once, for ten minutes."""
        self._forget_old()
        while len(self._links) >= LINKS_MAX:
            del self._links[next(iter(self._links))]
        token = self._draw(SECRET_BYTES)
        self._links[token] = (self._clock() + LINK_SECONDS, language)
        return token

    def open(self, token: str, tried_from: str) -> tuple[Session, Language] | None:
        """The session a link opens; ``None`` for a link that is unknown, used or too old.

        Raises:
            TooManyTries: more than ten tries a minute from one address, right or wrong.
        """
        self._count_try(tried_from)
        self._forget_old()
        found = None
        for known in self._links:  # all of them, so that time says nothing about the right one
            if _same(known, token):
                found = known
        if found is None:
            return None
        _, language = self._links.pop(found)
        now = self._clock()
        session = Session(
            key=self._draw(SECRET_BYTES // 2),
            cookie=self._draw(SECRET_BYTES),
            csrf=self._draw(SECRET_BYTES),
            opened_at=now,
            seen_at=now,
        )
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen_at)]
        self._sessions[session.key] = session
        return session, language

    def find(self, key: str, cookie: str) -> Session | None:
        """The session of this address and this cookie, both."""
        session = self._sessions.get(key)
        if session is None or not hmac.compare_digest(
            session.cookie.encode(), cookie.encode("utf-8", "replace")
        ):
            return None
        now = self._clock()
        if now - session.seen_at > IDLE_SECONDS_MAX:
            del self._sessions[key]
            return None
        session.seen_at = now
        return session

    def may_write_with(self, session: Session, csrf: str) -> bool:
        """Whether a form was made by this session's own page."""
        return _same(session.csrf, csrf)

    def close(self, session: Session) -> None:
        """Log out."""
        self._sessions.pop(session.key, None)

    def _forget_old(self) -> None:
        now = self._clock()
        self._links = {token: link for token, link in self._links.items() if link[0] > now}

    def _count_try(self, tried_from: str) -> None:
        now = self._clock()
        tries = self._tries.setdefault(tried_from, deque())
        while tries and now - tries[0] >= 60:
            tries.popleft()
        if len(tries) >= TRIES_PER_MINUTE_MAX:
            raise TooManyTries
        tries.append(now)
        if len(self._tries) > TRIERS_MAX:
            del self._tries[next(iter(self._tries))]


def _same(ours: str, given: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace"))
