"""What the tests of the pages share: a furnished office, and a site that shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from mutunode.web.app import make_app
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings
from tests.web import fake_office, fake_shelf
from tests.web.crawl import crawl
from tests.web.fake_office import FakeOffice
from tests.web.site import Page, Site

MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
def office() -> FakeOffice:
    """Six organisations, real rows, some usages."""
    return fake_office.furnished()


@pytest.fixture
def make_site(aiohttp_client: Any, office: FakeOffice) -> MakeSite:
    """A site with settings of its own."""

    async def make(**settings: Any) -> Site:
        sessions = Sessions(lambda: float(fake_shelf.NOW))
        app = make_app(office, WebSettings(**settings), sessions, clock=lambda: float(fake_shelf.NOW))
        client: TestClient[Any, Any] = await aiohttp_client(app)
        return Site(client, sessions, office)

    return make


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """The site, as somebody reads it who is not logged in."""
    return await make_site()


@pytest.fixture
async def desk(make_site: MakeSite) -> Site:
    """The site, within a session."""
    site = await make_site()
    await site.log_in()
    return site


STARTS = (
    "/fr/chercher",
    "/en/search",
    "/fr/chercher?q=accessibilit%C3%A9+zzz",
    "/en/search?q=nvda&sense=aval",
)
_crawled: dict[str, dict[str, Page]] = {}


@pytest.fixture
async def reading(make_site: MakeSite) -> dict[str, Page]:
    """Every page a reader reaches by links; walked through once for all tests."""
    if "reading" not in _crawled:
        _crawled["reading"] = await crawl(await make_site(), *STARTS)
    return _crawled["reading"]


@pytest.fixture
async def writing(make_site: MakeSite) -> dict[str, Page]:
    """Every page that somebody in a session reaches."""
    if "writing" not in _crawled:
        site = await make_site()
        await site.log_in()
        _crawled["writing"] = await crawl(site, *STARTS)
    return _crawled["writing"]
