"""The first run: a name, 24 words on paper, three asked back; nothing is made before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from mutunode.protocol import phrase
from mutunode.web.firstrun import FirstRunChoice, make_first_run_app
from mutunode.web.settings import WebSettings
from tests.web.html import faults
from tests.web.site import Page, Site

TOKEN = "a-token-that-only-the-terminal-knows"


@dataclass
class Maker:
    """Makes identities, or fails to."""

    made: list[FirstRunChoice] = field(default_factory=list)
    broken: bool = False

    async def __call__(self, choice: FirstRunChoice) -> str:
        if self.broken:
            raise OSError("the disk is full")
        self.made.append(choice)
        return "/session/abc"


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def site(aiohttp_client: Any, maker: Maker) -> Site:
    drawn = iter(bytes([n]) * 1 for n in (0, 12, 20, 5, 7))

    def draw(count: int) -> bytes:
        return bytes(range(32)) if count == 32 else next(drawn)

    app = make_first_run_app(maker, TOKEN, WebSettings(language="fr"), phrase.words, draw)
    return Site(await aiohttp_client(app), None, None)  # type: ignore[arg-type]


def words(language: str = "fr") -> list[str]:
    return phrase.words(bytes(range(32)), language)


async def _begin(site: Site, **typed: str) -> Page:
    page = await site.get(f"/first/{TOKEN}")
    return await site.submit(page, "/1", **{"name": "La Fabrique du Canal", **typed})


async def test_the_three_steps_lead_to_an_organisation(site: Site, maker: Maker) -> None:
    page = await _begin(site, reading="premises", amont="on")
    assert [item.words() for item in page.find("ol", class_="phrase").walk() if item.tag == "li"] == words()
    assert page.headers["Cache-Control"] == "no-store"
    check = await site.submit(page, "/2")
    assert maker.made == []
    asked = {each.get("name"): words()[int(each.get("name")[1:]) - 1] for each in check.all("input")}
    assert len(asked) == 3
    done = await site.submit(check, "/3", **asked)
    assert "/session/abc" in done.links()
    choice = maker.made[0]
    assert (choice.name, choice.language, choice.aval, choice.amont, choice.reading) == (
        "La Fabrique du Canal", "fr", True, True, "premises",
    )  # fmt: skip
    assert choice.entropy == bytes(range(32))


async def test_the_phrase_is_shown_no_more_once_it_served(site: Site) -> None:
    check = await site.submit(await _begin(site), "/2")
    asked = {each.get("name"): words()[int(each.get("name")[1:]) - 1] for each in check.all("input")}
    await site.submit(check, "/3", **asked)
    for step in (1, 2, 3):
        page = await site.get(f"/first/{TOKEN}/fr/{step}")
        assert not page.all("ol", class_="phrase")
        assert "Votre organisation existe" in page.main


async def test_words_are_compared_without_accents_or_capitals(site: Site, maker: Maker) -> None:
    check = await site.submit(await _begin(site), "/2")
    asked = {
        each.get("name"): f" {words()[int(each.get('name')[1:]) - 1].upper()} " for each in check.all("input")
    }
    await site.submit(check, "/3", **{name: _unaccented(word) for name, word in asked.items()})
    assert len(maker.made) == 1


def _unaccented(word: str) -> str:
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


async def test_a_wrong_word_says_what_is_wrong_and_stays(site: Site, maker: Maker) -> None:
    check = await site.submit(await _begin(site), "/2")
    first, second, third = (each.get("name") for each in check.all("input"))
    elsewhere = next(word for place, word in enumerate(words(), 1) if f"w{place}" != second)
    page = await site.submit(check, "/3", **{first: "chaussette", second: elsewhere, third: ""})
    assert page.status == 400
    assert "Ce mot n’est pas dans votre phrase." in page.find("p", id=f"e-{first}").words()
    assert "à une autre place" in page.find("p", id=f"e-{second}").words()
    assert "Recopiez le mot" in page.find("p", id=f"e-{third}").words()
    assert page.find("input", id=f"f-{second}").get("value") == elsewhere
    assert f"#f-{first}" in page.links()
    assert maker.made == []
    again = await site.get(f"/first/{TOKEN}/fr/2")  # the words can be seen again, and are the same
    assert again.find("ol", class_="phrase").words() == " ".join(words())


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": "  "}, "Donnez le nom"),
        ({"name": "x" * 300}, "trop long"),
        ({"name": "a\u202eb"}, "invisible"),
    ],
)
async def test_a_bad_name_is_told_and_stays(site: Site, typed: dict[str, str], says: str) -> None:
    page = await _begin(site, **typed)
    assert page.status == 400
    assert says in page.main
    assert page.find("input", id="f-name").get("aria-invalid") == "true"


async def test_neither_sense_is_asked_again(site: Site) -> None:
    page = await site.post(f"/first/{TOKEN}/en/1", {"name": "Canal works", "language": "en"})
    assert "Choose one of the two at least." in page.main
    assert page.find("input", id="f-name").get("value") == "Canal works"


async def test_no_step_is_skipped(site: Site) -> None:
    assert (await site.get(f"/first/{TOKEN}/fr/3")).address.endswith("/fr/1")


async def test_the_phrase_is_in_the_working_language_and_follows_it(site: Site) -> None:
    page = await _begin(site, language="en")
    assert page.find("ol", class_="phrase").words() == " ".join(words("en"))
    first = await site.get(f"/first/{TOKEN}/fr/1")
    assert first.find("input", id="f-name").get("value") == "La Fabrique du Canal"
    french = await site.submit(first, "/1", language="fr")
    assert french.find("ol", class_="phrase").words() == " ".join(words("fr"))


async def test_a_failure_to_write_loses_nothing(site: Site, maker: Maker) -> None:
    check = await site.submit(await _begin(site), "/2")
    asked = {each.get("name"): words()[int(each.get("name")[1:]) - 1] for each in check.all("input")}
    maker.broken = True
    page = await site.submit(check, "/3", **asked)
    assert page.status == 500
    assert "votre phrase reste la même" in page.main
    maker.broken = False
    await site.submit(page, "/3")
    assert len(maker.made) == 1


@pytest.mark.parametrize(
    "path", ["/", "/first/wrong", "/first/wrong/fr/1", "/fr/chercher", f"/first/{TOKEN}x"]
)
async def test_nobody_without_the_address_gets_in(site: Site, path: str) -> None:
    page = await site.get(path)
    assert page.status == 404
    assert "affichée dans le terminal" in page.text


async def test_another_site_cannot_fill_it_in(site: Site, maker: Maker) -> None:
    page = await site.post(f"/first/{TOKEN}/fr/1", {"name": "x"}, {"Origin": "http://evil.test"})
    assert page.status == 403
    assert (await site.get(f"/first/{TOKEN}", {"Host": "evil.test"})).status == 421


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_step_is_well_formed(site: Site, language: str) -> None:
    await _begin(site)
    for step in (1, 2, 3):
        page = await site.get(f"/first/{TOKEN}/{language}/{step}")
        assert page.status == 200
        assert faults(page.text) == []
        assert page.find("html").get("lang") == language
