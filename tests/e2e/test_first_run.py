"""The first run of a real process: its page makes the organisation, and then the page is the node's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from tests.e2e.nodes import Node, until
from tests.web.site import Site

FIRST = re.compile(r"first run: (http://127\.0\.0\.1:\d+)(/first/\S+)")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Node]:
    """Nothing yet, and a daemon."""
    node = Node("Neuf", tmp_path)
    node.launch()
    yield node
    node.kill()


def first_page(node: Node) -> tuple[str, str]:
    """The address that the terminal shows: the node's, and the page's."""
    found = until(lambda: FIRST.search(node.log.read_text()), "the first run's address is printed")
    return found[1], found[2]


def test_who_stops_it_before_anything_was_chosen_finds_nothing_made(new: Node) -> None:
    first_page(new)
    new.stop()
    assert not (new.home / "identity").exists()
    assert "ready" not in new.log.read_text()


async def test_the_page_makes_the_organisation_and_the_node_goes_on_at_its_address(new: Node) -> None:
    web, address = first_page(new)
    async with ClientSession(web, cookie_jar=CookieJar(unsafe=True)) as client:
        over_the_wire: Any = client
        nobody: Any = None
        site = Site(over_the_wire, nobody, nobody)
        asked = await site.submit(
            await site.get(address, plain=True), "/1", name="La Fabrique du Canal", aval="on"
        )
        words = [item.words() for item in asked.find("ol", class_="phrase").walk() if item.tag == "li"]
        check = await site.submit(asked, "/2")
        three = {each.get("name"): words[int(each.get("name")[1:]) - 1] for each in check.all("input")}
        done = await site.submit(check, "/3", **three)
        (session,) = [link for link in done.links() if link.startswith("/session/")]
        new.wait_ready()
        assert new.web.rstrip("/") == web
        home = await site.get(session, plain=True)
        assert "La Fabrique du Canal" in home.words
    assert len(words) == 24
    written = b"".join(path.read_bytes() for path in new.home.rglob("*") if path.is_file())
    assert " ".join(words).encode() not in written
    (profile,) = until(lambda: new.ask("search", kind="profile")["hits"], "its profile is found")
    assert profile["title"] == "La Fabrique du Canal"
    new.stop()
