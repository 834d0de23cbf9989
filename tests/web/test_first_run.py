"""The first run: a name, 24 words on paper, three asked back; nothing is made before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from mutunode.protocol import phrase
from mutunode.protocol.identity import Chain, make_genesis
from mutunode.service.claims import SeveralClaims
from mutunode.service.errors import Exit, Refusal
from mutunode.service.keys import RivalLine
from mutunode.web.bringing_back import Event, Found, Lost
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


@dataclass
class Returner:
    """Brings organisations back, or fails to."""

    asked: list[Lost] = field(default_factory=list)
    refuses: Refusal | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    was_shown: bool = False
    found: Found = field(default_factory=lambda: Found("/session/abc", 42))

    async def __call__(self, lost: Lost, tell: Event) -> Found:
        self.asked.append(lost)
        tell({"progress": {"done": 3, "total": 10, "step": "collecting"}})
        await self.arrived.wait()
        if self.refuses is not None:
            raise self.refuses
        return self.found

    def shown(self) -> None:
        """The last page was shown."""
        self.was_shown = True


@pytest.fixture
def returner() -> Returner:
    return Returner()


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def site(aiohttp_client: Any, maker: Maker, returner: Returner) -> Site:
    drawn = iter(bytes([n]) * 1 for n in (0, 12, 20, 5, 7))

    def draw(count: int) -> bytes:
        return bytes(range(32)) if count == 32 else next(drawn)

    settings = WebSettings(language="fr")
    app = make_first_run_app(maker, TOKEN, settings, phrase.words, returner, returner.shown, draw)
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


# --- an organisation that exists already ---------------------------------------------------------
BACK = f"/first/{TOKEN}/fr/back"
SEED = "192.0.2.7:7447"


async def _lost(site: Site, **typed: str) -> Page:
    page = await site.get(BACK)
    return await site.submit(page, "/back", **{"phrase": " ".join(words()), "seeds": SEED, **typed})


async def _later(site: Site) -> Page:
    for _ in range(3):
        await asyncio.sleep(0)
    return await site.get(BACK)


async def test_the_first_page_leads_to_bringing_an_organisation_back(site: Site) -> None:
    page = await site.get(f"/first/{TOKEN}")
    assert BACK in page.links()


async def test_an_organisation_comes_back_while_its_page_says_how_far_it_is(
    site: Site, returner: Returner
) -> None:
    page = await _lost(site, seeds=f"{SEED}\n198.51.100.9:7447", language="en")
    assert page.headers["Refresh"] == "2"
    page = await _later(site)
    assert "3 des 10 entrées" in page.words.replace("\u202f", " ")
    assert words()[0] not in page.words
    lost = returner.asked[0]
    assert (lost.phrase.split(), lost.seeds, lost.language, lost.org) == (
        words(), (SEED, "198.51.100.9:7447"), "en", "",
    )  # fmt: skip
    assert words()[0] not in repr(lost)
    returner.arrived.set()
    done = await _later(site)
    assert "/session/abc" in done.links()
    assert "Refresh" not in done.headers
    assert (await _later(site)).links()
    assert returner.was_shown


@pytest.mark.parametrize("wrong", ["few words", "a wrong word", "no address"])
async def test_what_is_wrong_is_said_beside_its_field_and_nobody_is_asked(
    site: Site, returner: Returner, wrong: str
) -> None:
    given = {
        "few words": {"phrase": "abaisser agréable"},
        "a wrong word": {"phrase": " ".join([*words()[:5], "mutunode", *words()[6:]])},
        "no address": {"seeds": " "},
    }[wrong]
    page = await _lost(site, **given)
    assert page.status == 400
    assert faults(page.text) == []
    assert page.all("p", id="e-seeds" if wrong == "no address" else "e-phrase")
    if wrong == "a wrong word":
        assert "mot 6" in page.words
    assert returner.asked == []


async def test_nobody_who_knows_us_leaves_phrase_and_address_to_be_corrected(
    site: Site, returner: Returner
) -> None:
    returner.refuses = Refusal("no_answer", Exit.NOT_FOUND, "Personne ne répond.", "Nobody answers.")
    returner.arrived.set()
    await _lost(site)
    page = await _later(site)
    assert "Personne ne répond." in page.words
    assert page.find("textarea", id="f-seeds").words() == SEED
    assert words()[3] in page.find("textarea", id="f-phrase").words()
    assert "Nobody answers." in (await site.get(BACK.replace("/fr/", "/en/"))).words


async def test_of_several_that_claim_the_phrase_one_is_chosen(site: Site, returner: Returner) -> None:
    def claims(name: str) -> Chain:
        keys = [bytes([n]) + bytes(30) + b"\1" for n in range(9, 12)]
        from mutunode.protocol import crypto

        operating, root = (crypto.public_of(key) for key in keys[:2])
        sealing = crypto.sealing_public_of(keys[2])
        return Chain(
            make_genesis(
                name=name, created=1, nonce=bytes(16), operating=operating, roots=[root], sealing=sealing
            )
        )

    returner.refuses = SeveralClaims([claims("La vraie"), claims("La fausse")])
    returner.arrived.set()
    await _lost(site)
    page = await _later(site)
    choices = [each.get("value") for each in page.all("input") if each.get("name") == "org"]
    assert len(choices) == 2
    returner.refuses = None
    await site.submit(page, "/back", org=choices[0])
    assert returner.asked[-1].org == choices[0]


async def test_who_never_published_says_so_in_a_box_that_stands_there_when_it_is_of_use(
    site: Site, returner: Returner
) -> None:
    returner.refuses = Refusal("nothing_came", Exit.NOT_FOUND, "« mutunode recover … »", "`mutunode …`")
    returner.arrived.set()
    page = await _lost(site, begin_empty="true")
    assert [lost.begin_empty for lost in returner.asked] == [False], "nobody offered it"
    page = await _later(site)
    assert "ne tient de page" in page.words
    assert "mutunode recover" not in page.words
    assert faults(page.text) == []
    assert page.all("input", id="f-empty")
    returner.refuses = None
    await site.submit(page, "/back", begin_empty="true")
    assert [lost.begin_empty for lost in returner.asked] == [False, True]
    assert "/session/abc" in (await _later(site)).links()


async def test_what_was_set_aside_is_told_on_the_last_page(site: Site, returner: Returner) -> None:
    word = {"fr": "abeille barrage", "en": "bee dam"}
    aside = RivalLine(1, "decided", "Au bureau", 4, "key_d", {"fr": "citron lapin", "en": ""}, 1, 1, 1)
    returner.found = Found("/session/abc", 4, word, (aside,))
    returner.arrived.set()
    await _lost(site)
    page = await _later(site)
    for told in ("4 entrées", "mise de côté", "Au bureau", "citron lapin", "abeille barrage"):
        assert told in page.words, told
    assert faults(page.text) == []
