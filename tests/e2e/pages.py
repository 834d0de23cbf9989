"""The pages of a real daemon, as somebody in a session uses them: real requests, forms filled in and sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, CookieJar

from tests.e2e.nodes import Node
from tests.web.site import Site


@asynccontextmanager
async def visiting(node: Node, language: str = "fr") -> AsyncIterator[Site]:
    """A session of the node, opened by the link that its own command prints."""
    link = node("login-link", "--language", language)["url"]
    async with ClientSession(node.web, cookie_jar=CookieJar(unsafe=True)) as client:
        over_the_wire: Any = client
        nobody: Any = None
        site = Site(over_the_wire, nobody, nobody)
        page = await site.get("/" + link.removeprefix(node.web), plain=True)
        assert page.status == 200, page.words
        site.prefix = "/".join(page.address.split("/")[:3])
        yield site
