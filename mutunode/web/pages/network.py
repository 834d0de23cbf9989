"""Le réseau: who is there, how fresh, who is near; follow, add an address, ask for news."""

from __future__ import annotations

import msgspec
from aiohttp import web

from mutunode.service.errors import Refusal
from mutunode.service.shapes import Nearby, Network, Organisation
from mutunode.web import forms, plots, render
from mutunode.web import visit as visits
from mutunode.web.clerk import ask
from mutunode.web.troubles import Trouble, form_status, troubles
from mutunode.web.visit import Visit

ROWS_PER_PAGE = 100  # a table row is 400 bytes: 40 kB beside the picture
NEARBY_MAX = 12
NEWS_SECONDS = 0.0  # ask, and do not wait: the page tells what has come since


class NetworkPage(msgspec.Struct, frozen=True):
    """The page's context."""

    network: Network
    rows: tuple[Organisation, ...]
    first: int  # number of the first row
    before: str
    after: str
    dots: tuple[plots.Dot, ...]
    nearby: tuple[Nearby, ...]
    old: int  # organisations drawn whose catalogue has not moved for long
    following: int
    address: str = ""
    troubles: tuple[Trouble, ...] = ()

    @property
    def reached(self) -> int:
        """Organisations in the picture that answer."""
        return sum(dot.reached for dot in self.dots)


async def show(request: web.Request) -> web.StreamResponse:
    """``/fr/reseau``"""
    return await _page(request)


async def _page(
    request: web.Request, address: str = "", wrong: tuple[Trouble, ...] = (), status: int = 200
) -> web.StreamResponse:
    visit = visits.of(request)
    network = await ask(visit.clerk.network)
    context = _context(visit, network, request.query.get("page", "1"))
    page = msgspec.structs.replace(context, address=address, troubles=wrong)
    return await render.page(request, "network.html", {"page": page}, status=status)


def _context(visit: Visit, network: Network, page: str) -> NetworkPage:
    everyone = network.organisations
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 and int(page) else 1
    first = (number - 1) * ROWS_PER_PAGE
    dots = tuple(plots.network(everyone, network.now)) if number == 1 else ()
    more = first + ROWS_PER_PAGE < len(everyone)
    return NetworkPage(
        network=network,
        rows=everyone[first : first + ROWS_PER_PAGE],
        first=first + 1,
        before=visit.to("network", {"page": number - 1}) if number > 1 else "",
        after=visit.to("network", {"page": number + 1}) if more else "",
        dots=dots,
        nearby=network.nearby[:NEARBY_MAX],
        old=sum(dot.fresh == "older" and everyone[dot.number - 1].heard_at > 0 for dot in dots),
        following=sum(each.stance == "accepted" for each in everyone),
    )


async def ask_for_news(request: web.Request) -> web.StreamResponse:
    """« Demander des nouvelles maintenant »"""
    visit = visits.of(request)
    await forms.read(request)
    await ask(visit.clerk.sync, 0, NEWS_SECONDS, lambda event: None)
    visit.writer().notices.append(visit.speech.gettext("Everybody in reach has been asked for news."))
    raise web.HTTPSeeOther(visit.to("network"))


async def add_address(request: web.Request) -> web.StreamResponse:
    """A starting address that somebody gave us."""
    visit = visits.of(request)
    form = await forms.read(request)
    address = form.get("address").strip()
    try:
        await ask(visit.clerk.add_peer, address)
    except Refusal as refusal:
        found = troubles(refusal, visit.language, {"address"})
        return await _page(request, address, found, status=form_status(refusal))
    text = visit.speech.gettext(
        "The address %(address)s is being tried. Whoever answers will appear among the organisations nearby."
    )
    visit.writer().notices.append(text % {"address": address})
    raise web.HTTPSeeOther(visit.to("network"))
