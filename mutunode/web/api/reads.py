"""``/api/v1/…``: what the pages show, as JSON. Reading only; writing is the command line's and the pages'."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.web import visit as visits
from mutunode.web.clerk import ask, read

LIMIT_MAX = 100
OFFSET_MAX = 10_000  # deeper than that, a program wants an export
QUERY_LENGTH_MAX = 200
FILTERS = ("sense", "kind", "org", "language", "license")
WISHES = ("loosely", "sideways")  # "1": yes
SORTS = ("", "relevance", "date", "usage", "time")  # "time" is an older name of "date"


def answer(body: Any) -> web.Response:
    """A struct of `service.shapes`, or anything JSON, as the response."""
    return web.Response(
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": "no-cache", "Content-Disposition": "inline"},
    )


async def search(request: web.Request) -> web.Response:
    """``/api/v1/search?q=…``; filters may repeat."""
    visit = visits.of(request)
    query = request.query
    unknown = sorted(set(query) - {"q", "limit", "offset", "sort", *WISHES, *FILTERS})
    if unknown:
        raise _refused(unknown[0], "ce paramètre n’existe pas.", "no such parameter.")
    if query.get("sort", "") not in SORTS:
        raise _refused("sort", "relevance, date ou usage.", "relevance, date or usage.")
    return answer(
        await read(
            visit.clerk.search,
            q=query.get("q", "")[:QUERY_LENGTH_MAX],
            sense=tuple(query.getall("sense", ())),
            kind=tuple(query.getall("kind", ())),
            org=tuple(query.getall("org", ())),
            language=tuple(query.getall("language", ())),
            license=tuple(query.getall("license", ())),
            limit=_number(request, "limit", 20, LIMIT_MAX),
            offset=_number(request, "offset", 0, OFFSET_MAX),
            sort=query.get("sort", ""),
            loosely=query.get("loosely") == "1",
            sideways=query.get("sideways") == "1",
            reader_language=visit.language,
        )
    )


async def record(request: web.Request) -> web.Response:
    """``/api/v1/records/rec_…``"""
    visit = visits.of(request)
    return answer(await read(visit.clerk.show, request.match_info["rec"], visit.language))


async def usage(request: web.Request) -> web.Response:
    """``/api/v1/records/rec_…/usage``"""
    return answer(await ask(visits.of(request).clerk.usage, request.match_info["rec"]))


async def organisations(request: web.Request) -> web.Response:
    """``/api/v1/organisations``: every one known here, ours first."""
    network = await ask(visits.of(request).clerk.network)
    return answer((network.me, *network.organisations))


async def organisation(request: web.Request) -> web.Response:
    """``/api/v1/organisations/org_…``"""
    visit = visits.of(request)
    return answer(await ask(visit.clerk.organisation, request.match_info["org"], visit.language))


async def network(request: web.Request) -> web.Response:
    """``/api/v1/network``"""
    return answer(await ask(visits.of(request).clerk.network))


async def status(request: web.Request) -> web.Response:
    """``/api/v1/status``"""
    return answer(await ask(visits.of(request).clerk.status))


async def todo(request: web.Request) -> web.Response:
    """``/s/<key>/api/v1/todo``, within a session; elsewhere it is nobody's affair."""
    visit = visits.of(request)
    visit.writer()
    return answer(await ask(visit.clerk.todo, visit.language))


async def kinds(request: web.Request) -> web.Response:
    """``/api/v1/kinds``"""
    return answer(await ask(visits.of(request).clerk.kinds))


async def schema(request: web.Request) -> web.Response:
    """``/api/v1/schema/<kind>``"""
    return answer(await ask(visits.of(request).clerk.schema, request.match_info["kind"]))


def _number(request: web.Request, name: str, otherwise: int, most: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= most):
        raise _refused(name, f"un nombre de 0 à {most}.", f"a number from 0 to {most}.")
    return int(text)


def _refused(name: str, fr: str, en: str) -> Refusal:
    fr, en = f"« {name} » : {fr}", f"`{name}`: {en}"
    return Refusal("bad_parameter", Exit.USAGE, fr, en, (Trouble(name, fr, en),))
