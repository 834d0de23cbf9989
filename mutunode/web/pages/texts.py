"""Pages that only say something: the words used here, accessibility, what programs find."""

from __future__ import annotations

from aiohttp import web

from mutunode.web import render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask


async def words(request: web.Request) -> web.StreamResponse:
    """``/fr/mots``: the two meanings of pooling, and the other words of these pages."""
    registry = visits.of(request).clerk.registry()
    return await render.page(request, "words.html", {"kinds": registry.listed})


async def accessibility(request: web.Request) -> web.StreamResponse:
    """``/fr/accessibilite``"""
    return await render.page(request, "accessibility.html", {})


async def programs(request: web.Request) -> web.StreamResponse:
    """``/fr/programmes``: addresses for other programs."""
    clerk = visits.of(request).clerk
    status = await ask(clerk.status)
    return await render.page(request, "programs.html", {"status": status, "kinds": clerk.registry().values()})
