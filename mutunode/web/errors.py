"""What a reader sees when something is refused, missing or broken: what happened, and what to do."""

from __future__ import annotations

import msgspec
import structlog
from aiohttp import web

from mutunode.service.errors import Exit, Refusal
from mutunode.web import render
from mutunode.web import visit as visits
from mutunode.web.forms import Forged, Form, read_unchecked
from mutunode.web.guard import READING, Handler
from mutunode.web.troubles import form_status
from mutunode.web.visit import NeedsSession

log = structlog.get_logger("web")

_STATUS = {
    Exit.USAGE: 400,
    Exit.NOT_FOUND: 404,
    Exit.REFUSED: 403,
    Exit.CONFLICT: 409,
}
NOT_TYPED = ("csrf", "do", "seen")
ECHO_BYTES_MAX = 512 * 1024  # a form as a page makes them
API = "/api/"


class Problem(msgspec.Struct, frozen=True):
    """The context of an error page."""

    title: str
    text: str
    typed: tuple[tuple[str, str], ...] = ()  # what would otherwise be lost


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into a page, or into JSON under ``/api/``."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return await refused(request, refusal)
    except NeedsSession as needs:
        return await _session_wanted(request, needs)
    except Forged:
        return await _forged(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return await _http_error(request, error)
    except Exception:
        log.exception("page_failed", path=request.path)
        return await _broken(request)


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    if refusal.code == "form_too_large":
        return 413
    if refusal.exit == Exit.READ_ONLY:
        return form_status(refusal)
    return _STATUS.get(refusal.exit, 500)


async def refused(request: web.Request, refusal: Refusal) -> web.StreamResponse:
    """The service said no."""
    status = status_of(refusal)
    if request.path.startswith(API):
        return web.json_response({"error": refusal.to_json()}, status=status)
    words = visits.of(request).speech
    title = words.gettext("Not found") if status == 404 else words.gettext("This was not done")
    text = refusal.fr if words.language == "fr" else refusal.en
    kept = await _typed(request) if refusal.exit == Exit.READ_ONLY else ()
    return await _show(request, status, Problem(title, text, kept))


async def _session_wanted(request: web.Request, needs: NeedsSession) -> web.StreamResponse:
    words = visits.of(request).speech
    if request.path.startswith(API):
        return web.json_response({"error": {"code": "session_needed"}}, status=403)
    if not needs.over:
        return await render.page(request, "session_needed.html", {}, status=403)
    text = words.gettext(
        "Your session is over: nothing was signed. Open a new one, then take back below what you had typed."
    )
    return await _show(
        request, 403, Problem(words.gettext("Your session is over"), text, await _typed(request))
    )


async def _typed(request: web.Request) -> tuple[tuple[str, str], ...]:
    """What was typed must not be lost with the session, or for want of room; it goes back to who sent it."""
    if request.method in READING:
        return ()
    try:
        form: Form = await read_unchecked(request, bytes_max=ECHO_BYTES_MAX)
    except (Refusal, web.HTTPException):
        return ()
    return tuple((name, value) for name, value in form if value.strip() and name not in NOT_TYPED)


async def _forged(request: web.Request) -> web.StreamResponse:
    words = visits.of(request).speech
    text = words.gettext(
        "This form does not belong to your session, so nothing was changed. Open its page again, then take "
        "back below what you had typed."
    )
    problem = Problem(words.gettext("This was not done"), text, await _typed(request))
    return await _show(request, 403, problem)


async def _http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if request.path.startswith(API):
        return web.json_response({"error": {"code": error.reason}}, status=error.status)
    words = visits.of(request).speech
    if error.status == 404:
        title = words.gettext("This page does not exist")
        text = words.gettext(
            "The address may have been cut, or the record may not have reached this computer yet. Search for "
            "its title, or ask again later."
        )
    elif error.status == 405:
        title = words.gettext("This was not done")
        text = words.gettext(
            "This address does not take that kind of request. Go back and use the page's own form."
        )
    elif error.status == 408:
        title = words.gettext("This was not done")
        text = words.gettext("What you sent took too long to arrive. Check the connection and send it again.")
    elif error.status == 413:
        title = words.gettext("This was not done")
        text = words.gettext(
            "What you sent is too large for a page. Use the command line for large catalogues."
        )
    else:
        title = words.gettext("This was not done")
        text = words.gettext("This request could not be read. Go back and try again.")
    return await _show(request, error.status, Problem(title, text))


async def _broken(request: web.Request) -> web.StreamResponse:
    if request.path.startswith(API) or visits.VISIT not in request:
        return web.json_response({"error": {"code": "internal"}}, status=500)
    words = visits.of(request).speech
    text = words.gettext(
        "Something went wrong here, through no fault of yours; this computer's journal holds the details. "
        "What you sent may or may not have been done: look before you send it again."
    )
    try:
        return await _show(request, 500, Problem(words.gettext("Something broke"), text))
    except Exception:
        log.exception("error_page_failed", path=request.path)
        return web.Response(status=500, text=text)


async def _show(request: web.Request, status: int, problem: Problem) -> web.StreamResponse:
    if visits.VISIT not in request:
        return web.Response(status=status, text=problem.text)
    return await render.page(request, "error.html", {"page": problem}, status=status)
