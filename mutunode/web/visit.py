"""One visit: who reads this page, in which language, and where its links lead.

A visit within a session carries the session's key in every address (`sessions`), so links are only ever
written by `Visit.to`. An address of a session that is over leads to the same page, as everybody reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from mutunode.web import addresses
from mutunode.web.clerk import Clerk
from mutunode.web.guard import READING, SETTINGS, Handler, may_write_here
from mutunode.web.i18n import Speech, preferred, speech
from mutunode.web.sessions import Session, Sessions
from mutunode.web.settings import LANGUAGES, Language, WebSettings

CLERK: web.AppKey[Clerk] = web.AppKey("clerk", Clerk)
SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("clock", Callable)  # type: ignore[arg-type]
_SESSION_PATH = re.compile(r"/s/([A-Za-z0-9_-]{1,64})(/.*)")


class NeedsSession(Exception):
    """The page is for those who write for the organisation. ``over``: a session was there, and is no more."""

    def __init__(self, over: bool = False) -> None:
        super().__init__("a session is needed")
        self.over = over


@dataclass(frozen=True)
class Visit:
    """What a page knows of its reader."""

    clerk: Clerk
    settings: WebSettings
    speech: Speech
    session: Session | None
    now: float
    page: str  # name in `addresses`, "" for none
    values: Mapping[str, str]  # those of its address

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.speech.language

    @property
    def prefix(self) -> str:
        """What every address of this visit starts with."""
        return f"/s/{self.session.key}" if self.session else ""

    def to(self, name: str, query: Mapping[str, object] | None = None, /, **values: str) -> str:
        """The address of a page, for a link of this visit."""
        return self.prefix + addresses.path(name, self.language, query, **values)

    def permanent(self, name: str, /, **values: str) -> str:
        """The address to give to others: the same for everybody."""
        return addresses.path(name, self.language, None, **values)

    def other_language(self, query: Mapping[str, object] | None = None) -> tuple[Language, str]:
        """The same page in the other language."""
        other = next(language for language in LANGUAGES if language != self.language)
        page, values = (self.page, self.values) if self.page else ("search", {})
        return other, self.prefix + addresses.path(page, other, query, **values)

    def writer(self) -> Session:
        """The session, which this page needs."""
        if self.session is None:
            raise NeedsSession
        return self.session


VISIT: web.RequestKey[Visit] = web.RequestKey("visit", Visit)


def of(request: web.Request) -> Visit:
    """The visit of a request."""
    return request[VISIT]


def cookie_name(request: web.Request) -> str:
    """The cookie's name holds the port: two nodes on one machine do not close each other's sessions."""
    name = request.transport.get_extra_info("sockname") if request.transport else None
    return f"mutunode_{name[1] if isinstance(name, tuple) else 0}"


@web.middleware
async def visits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give each request its visit."""
    found = _SESSION_PATH.fullmatch(request.path)
    settings = request.app[SETTINGS]
    session = None
    if found and may_write_here(request, settings):
        cookie = request.cookies.get(cookie_name(request), "")
        session = request.app[SESSIONS].find(found[1], cookie)
    plain = found[2] if found else request.path
    name, values = request.match_info.route.name or "", dict(request.match_info)
    values.pop("key", None)
    request[VISIT] = Visit(
        clerk=request.app[CLERK] if session is None else request.app[CLERK].inside,
        settings=settings,
        speech=speech(_language(request, plain, settings)),
        session=session,
        now=request.app[CLOCK](),
        page=name.partition(".")[0],
        values=values,
    )
    if found and session is None:
        if request.method in READING:
            raise web.HTTPSeeOther(plain + (f"?{request.query_string}" if request.query_string else ""))
        raise NeedsSession(over=True)
    return await handler(request)


def _language(request: web.Request, plain_path: str, settings: WebSettings) -> Language:
    for language in LANGUAGES:
        if plain_path == f"/{language}" or plain_path.startswith(f"/{language}/"):
            return language
    return preferred(request.headers.get("Accept-Language", ""), settings.language)
