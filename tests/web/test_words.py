"""Pages speak as docs/words.md says: the words of the protocol stay on the pages that are about them."""

from __future__ import annotations

import re
from pathlib import Path

import mutunode
from tests.web.site import Page

WORDS = Path(mutunode.__file__).parents[1] / "docs" / "words.md"
TECHNICAL_PAGES = ("/preuve", "/proof", "/programmes", "/programs", "/cles", "/keys")


def refused(language: str) -> set[str]:
    """The words the document refuses."""
    row = re.search(rf"^\| {language} \| (.+) \|$", WORDS.read_text("utf-8"), re.MULTILINE)
    assert row is not None
    return set(row[1].split(", "))


def said(page: Page) -> str:
    """What the page itself says: without commands, records' own words and codes."""
    own = [each for each in page.root.walk() if each.tag in ("code", "pre", "bdi", "textarea")]
    text = page.words
    for each in own:
        text = text.replace(each.words(), " ", 1)
    return text


def test_technical_words_stay_on_the_pages_about_them(
    reading: dict[str, Page], writing: dict[str, Page]
) -> None:
    for address, page in (reading | writing).items():
        language = page.find("html").get("lang") if page.all("html") else ""
        if not language or address.endswith(TECHNICAL_PAGES):
            continue
        words = set(re.findall(r"(?<![\w-])\w+(?![\w-])", said(page).casefold()))
        assert words & refused(language) == set(), address


def test_the_document_tells_both_languages_of_every_word() -> None:
    rows = [line.split("|")[1:-1] for line in WORDS.read_text("utf-8").splitlines() if line.startswith("| ")]
    table = [row for row in rows if len(row) == 3]
    assert len(table) > 15
    assert all(cell.strip() for row in table for cell in row)
