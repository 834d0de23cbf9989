"""What a session is, how to open one, and how to close it."""

from __future__ import annotations

import msgspec
from aiohttp import web

from mutunode.web import addresses, forms, render
from mutunode.web import visit as visits
from mutunode.web.errors import Problem
from mutunode.web.guard import SETTINGS, may_write_here
from mutunode.web.i18n import speech
from mutunode.web.sessions import TooManyTries


class SessionPage(msgspec.Struct, frozen=True):
    """The page's context."""

    opened_at: float  # 0 without a session
    may_write: bool  # from where this reader stands


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/session``"""
    visit = visits.of(request)
    opened_at = visit.session.opened_at if visit.session else 0.0
    context = SessionPage(opened_at, may_write_here(request, visit.settings))
    return await render.page(request, "session.html", {"page": context})


async def open_link(request: web.Request) -> web.StreamResponse:
    """``/session/<token>``: the one-time link that the terminal printed."""
    visit = visits.of(request)
    if not may_write_here(request, request.app[SETTINGS]):
        text = visit.speech.gettext(
            "Writing happens on the computer that keeps the register, or over a protected connection "
            "(https). Open the link there."
        )
        return await _refuse(request, 403, visit.speech.gettext("Not from here"), text)
    try:
        opened = request.app[visits.SESSIONS].open(request.match_info["token"], request.remote or "")
    except TooManyTries:
        text = visit.speech.gettext(
            "More than ten links have been tried within a minute. Wait a minute, then try again."
        )
        return await _refuse(request, 429, visit.speech.gettext("Too many tries"), text)
    if opened is None:
        text = visit.speech.gettext(
            "This link has been used already, or is more than ten minutes old. Type “mutunode login-link” "
            "in a terminal of this computer for a new one."
        )
        return await _refuse(request, 403, visit.speech.gettext("This link does not open any more"), text)
    session, language = opened
    session.notices.append(
        speech(language).gettext("Your session is open: you can write for your organisation.")
    )
    response = web.HTTPSeeOther(f"/s/{session.key}" + addresses.path("search", language))
    response.set_cookie(
        visits.cookie_name(request),
        session.cookie,
        path=f"/s/{session.key}/",
        httponly=True,
        samesite="Strict",
        secure=visit.settings.behind_tls_proxy,
    )
    raise response


async def log_out(request: web.Request) -> web.StreamResponse:
    """Close this session."""
    visit = visits.of(request)
    await forms.read(request)
    session = visit.writer()
    request.app[visits.SESSIONS].close(session)
    response = web.HTTPSeeOther(addresses.path("session", visit.language))
    response.del_cookie(visits.cookie_name(request), path=f"/s/{session.key}/")
    raise response


async def _refuse(request: web.Request, status: int, title: str, text: str) -> web.StreamResponse:
    return await render.page(request, "error.html", {"page": Problem(title, text)}, status=status)
