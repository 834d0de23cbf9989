"""The pages' application: every route, and the order in which a request is looked at.

Host and Origin first (`guard`), then failures become pages (`errors`), then who reads and in which language
(`visit`), then the page.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from mutunode.web import addresses, errors, guard, render, static_files
from mutunode.web import visit as visits
from mutunode.web.api import health, openapi, reads
from mutunode.web.clerk import Clerk, ask
from mutunode.web.forms import UPLOAD_BYTES_MAX
from mutunode.web.pages import (
    acts,
    bookings,
    files,
    importing,
    inviting,
    keys,
    means,
    network,
    organisation,
    publish,
    record,
    search,
    sending,
    session,
    texts,
    todo,
    withdrawing,
)
from mutunode.web.sessions import Sessions
from mutunode.web.settings import LANGUAGES, WebSettings
from mutunode.web.uploads import Uploads

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# page → (what shows it, what its form does)
PAGES: dict[str, tuple[Handler | None, Handler | None]] = {
    "search": (search.show, None),
    "record": (record.show, None),
    "proof": (record.proof, None),
    "proof_file": (record.proof_file, None),
    "declare": (acts.show, acts.act),
    "count_told": (acts.show, acts.act),
    "revise": (publish.revise, publish.act_on_revision),
    "withdraw": (withdrawing.show, withdrawing.act),
    "flag": (acts.show, acts.act),
    "file": (files.download, None),
    "file_played": (files.play, None),
    "file_picture": (files.picture, None),
    "fetch_files": (None, files.fetch),
    "release_files": (None, files.release),
    "upload": (None, sending.begin),
    "means": (means.find, None),
    "means_page": (means.show, None),
    "book": (bookings.show_request, bookings.request_means),
    "bookings": (bookings.mine, None),
    "booking": (bookings.show, bookings.act),
    "organisation": (organisation.show, None),
    "follow": (organisation.confirm, organisation.follow),
    "leave": (organisation.confirm_leaving, organisation.leave),
    "settle": (None, organisation.settle),
    "keys": (keys.show, keys.rotate),
    "network": (network.show, network.ask_for_news),
    "add_address": (None, network.add_address),
    "invite": (inviting.show, inviting.act),
    "take_up": (inviting.show_given, inviting.act_on_given),
    "words": (texts.words, None),
    "accessibility": (texts.accessibility, None),
    "programs": (texts.programs, None),
    "todo": (todo.show, todo.answer),
    "publish": (publish.choose, None),
    "publish_kind": (publish.write, publish.act),
    "import_file": (importing.show, importing.act),
    "session": (session.show, None),
    "log_out": (None, session.log_out),
}

API: dict[str, Handler] = {
    "/api/v1/search": reads.search,
    "/api/v1/records/{rec}": reads.record,
    "/api/v1/records/{rec}/usage": reads.usage,
    "/api/v1/organisations": reads.organisations,
    "/api/v1/organisations/{org}": reads.organisation,
    "/api/v1/network": reads.network,
    "/api/v1/status": reads.status,
    "/api/v1/todo": reads.todo,
    "/api/v1/kinds": reads.kinds,
    "/api/v1/schema/{kind}": reads.schema,
    "/api/v1/openapi.json": openapi.show,
    "/healthz": health.alive,
    "/readyz": health.ready,
    "/metrics": health.metrics,
}


def make_app(
    clerk: Clerk,
    settings: WebSettings,
    sessions: Sessions,
    clock: Callable[[], float] = time.time,
) -> web.Application:
    """The pages and the API of a node."""
    app = web.Application(
        middlewares=[health.measure, guard.guard, errors.explain, visits.visits],
        client_max_size=UPLOAD_BYTES_MAX,
    )
    app[guard.SETTINGS] = settings
    app[visits.CLERK] = clerk
    app[visits.SESSIONS] = sessions
    app[visits.CLOCK] = clock
    app[health.METERS] = health.Meters()
    app[importing.UPLOADS] = Uploads()
    app[sending.SENDING] = sending.Sending(clock)
    app.on_cleanup.append(_forget_uploads)
    app.on_response_prepare.append(guard.add_headers)
    render.set_up(app)
    app.router.add_get("/", _home)
    app.router.add_get("/static/{mark}/{name}", static_files.serve)
    app.router.add_get("/favicon.ico", _favicon)
    app.router.add_get("/calendar/{id:(?:rec|org)_[a-z2-7]{8,52}}.ics", bookings.calendar)
    app.router.add_get("/session/{token}", session.open_link)
    for language in LANGUAGES:
        app.router.add_get(f"/{language}", _home)
        app.router.add_get(f"/{language}/", _home)
        app.router.add_get(f"/s/{{key}}/{language}/", _home)
    for path, handler in API.items():
        app.router.add_get(path, handler)
    app.router.add_get("/s/{key}/api/v1/todo", reads.todo)
    for name, (show, act) in PAGES.items():
        _add(app, name, show, act)
    for language in LANGUAGES:
        part = f"/s/{{key}}{addresses.pattern('upload_part', language)}"
        app.router.add_route("PATCH", part, sending.go_on, name=f"upload_part.{language}.session")
        app.router.add_get(part, sending.where, allow_head=False)
        app.router.add_delete(part, sending.give_up)
    return app


def _add(app: web.Application, name: str, show: Handler | None, act: Handler | None) -> None:
    """A page in every language, for everybody and within a session."""
    for language in LANGUAGES:
        for prefix, mark in (("", ""), ("/s/{key}", ".session")):
            resource = app.router.add_resource(
                prefix + addresses.pattern(name, language), name=f"{name}.{language}{mark}"
            )
            if show is not None:
                resource.add_route("GET", show)
                resource.add_route("HEAD", show)
            if act is not None:
                resource.add_route("POST", act)


async def _forget_uploads(app: web.Application) -> None:
    app[importing.UPLOADS].close()
    await ask(app[sending.SENDING].close)


async def _home(request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther(visits.of(request).to("search"))


async def _favicon(request: web.Request) -> web.StreamResponse:
    raise web.HTTPMovedPermanently(static_files.files()["mark.svg"].address)
