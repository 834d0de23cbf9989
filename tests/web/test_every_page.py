"""What holds on every page that links lead to, in both languages, for readers and for writers."""

from __future__ import annotations

import re

import pytest

from mutunode.web import static_files
from mutunode.web.guard import HEADERS
from tests.web.html import faults
from tests.web.site import Page

BYTES_MAX = 60_000  # HTML and stylesheet together, as the design wants it


async def test_no_link_leads_nowhere(reading: dict[str, Page], writing: dict[str, Page]) -> None:
    for pages in (reading, writing):
        assert len(pages) > 60
        assert {address: page.status for address, page in pages.items() if page.status != 200} == {}


async def test_every_page_is_well_formed(reading: dict[str, Page], writing: dict[str, Page]) -> None:
    found = {
        address: wrong
        for address, page in (reading | writing).items()
        if page.headers["Content-Type"].startswith("text/html") and (wrong := faults(page.text))
    }
    assert found == {}


async def test_every_page_with_its_stylesheet_is_light(
    reading: dict[str, Page], writing: dict[str, Page]
) -> None:
    stylesheet = len(static_files.files()["mutunode.css"].content)
    heavy = {a: len(p.text.encode()) + stylesheet for a, p in (reading | writing).items()}
    assert {address: size for address, size in heavy.items() if size > BYTES_MAX} == {}


async def test_every_answer_carries_the_safety_headers(writing: dict[str, Page]) -> None:
    for address, page in writing.items():
        for name, value in HEADERS.items():
            assert page.headers.get(name) == value, address
        assert "Server" not in page.headers


async def test_links_of_a_session_stay_in_the_session(writing: dict[str, Page]) -> None:
    for address, page in writing.items():
        if not page.headers["Content-Type"].startswith("text/html"):
            continue
        for link in page.links():
            if link.startswith(("/fr", "/en")):
                pytest.fail(f"{address} leads out of the session to {link}")


async def test_each_page_says_its_language_and_links_to_the_other(reading: dict[str, Page]) -> None:
    for address, page in reading.items():
        if not page.headers["Content-Type"].startswith("text/html"):
            continue
        language = "fr" if address.startswith("/fr") else "en"
        assert page.find("html").get("lang") == language, address
        other = next(link for link in page.all("a") if link.get("hreflang"))
        assert other.get("href").startswith("/en" if language == "fr" else "/fr"), address


async def test_nothing_is_asked_of_any_other_address(writing: dict[str, Page]) -> None:
    for address, page in writing.items():
        for each in page.root.walk():
            if each.has("src"):
                assert re.match(r"/[^/]", each.get("src")), f"{address}: {each.get('src')}"
            if each.tag in ("link", "form"):
                target = each.get("href") or each.get("action")
                assert target.startswith("/"), f"{address}: {target}"


async def test_links_to_elsewhere_give_nothing_away(reading: dict[str, Page]) -> None:
    outside = [link for page in reading.values() for link in page.all("a") if "//" in link.get("href")]
    assert outside
    for link in outside:
        assert {"noopener", "nofollow"} <= set(link.get("rel").split()), link.get("href")
