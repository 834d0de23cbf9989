"""The pages in a real browser: legible, usable by keyboard, without JavaScript, and quiet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, JSHandle, Locator, Page, Playwright, Route, sync_playwright

from mutunode.protocol import phrase
from mutunode.web.bringing_back import Event, Found, Lost
from mutunode.web.firstrun import FirstRunChoice, make_first_run_app
from mutunode.web.settings import WebSettings
from tests.web import catalogue
from tests.web.browser import Served, chromium, listening, other_site, served
from tests.web.fake_shelf import NOW, org_id
from tests.web.test_reading import record_of

pytestmark = pytest.mark.browser

NARROW = 320
# The rules of WCAG 2.2 A and AA, and axe's own best practices.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
TARGETS = "button, .button, select, input:not([type=hidden], [type=checkbox], [type=radio])"
TOO_LOW = "all => all.filter(e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML.slice(0, 90))"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with chromium(playwright) as found:
        yield found


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def own(site: Served) -> str:
    """The prefix of a session's addresses, with its cookie in ``COOKIES``."""
    opened = site.sessions.open(site.sessions.make_link(), "test")
    assert opened is not None
    session, _ = opened
    COOKIES[site.port] = {
        "name": f"mutunode_{site.port}",
        "value": session.cookie,
        "domain": "127.0.0.1",
        "path": f"/s/{session.key}/",
    }
    return f"/s/{session.key}"


COOKIES: dict[int, dict[str, str]] = {}


def addresses(site: Served, language: str) -> dict[str, str]:
    """Every kind of page, by name."""
    sheet, mine = record_of(site.office, "L’adaptation").id, record_of(site.office, "Adapter un poste").id
    arabic = record_of(site.office, "القاعدة").id
    other, lent = org_id(catalogue.PASSERELLE), site.office.lender
    french = {
        "search": "chercher", "found": "chercher?q=accessibilité", "nothing": "chercher?q=zz+accessibilité",
        "record": f"fiche/{sheet}", "mine": f"fiche/{mine}", "arabic": f"fiche/{arabic}",
        "proof": f"fiche/{sheet}/preuve", "declare": f"fiche/{sheet}/usage",
        "flag": f"fiche/{sheet}/signaler",
        "withdraw": f"fiche/{mine}/retirer", "revise": f"fiche/{mine}/corriger",
        "organisation": f"organisation/{other}", "follow": f"organisation/{other}/suivre",
        "leave": f"organisation/{other}/ne-plus-suivre", "network": "reseau", "words": "mots",
        "accessibility": "accessibilite", "programs": "programmes", "todo": "a-traiter", "publish": "publier",
        "write": "publier/resource", "profile": "publier/profile", "import": "importer", "session": "session",
        "missing": "nulle-part", "means": "moyens?q=x&on=2026-11-24", "press": f"moyens/{lent.press.id}",
        "van": f"moyens/{lent.van.id}", "ask": f"moyens/{lent.van.id}/demander", "bookings": "reservations",
        "asked": f"reservation/{lent.booked[0].id}", "accepted": f"reservation/{lent.booked[1].id}",
    }  # fmt: skip
    english = {
        "search": "search", "found": "search?q=accessibility", "nothing": "search?q=zz+accessibility",
        "record": f"record/{sheet}", "mine": f"record/{mine}", "arabic": f"record/{arabic}",
        "proof": f"record/{sheet}/proof", "declare": f"record/{sheet}/usage",
        "flag": f"record/{sheet}/report",
        "withdraw": f"record/{mine}/withdraw", "revise": f"record/{mine}/revise",
        "organisation": f"organisation/{other}", "follow": f"organisation/{other}/follow",
        "leave": f"organisation/{other}/stop-following", "network": "network", "words": "words",
        "accessibility": "accessibility", "programs": "programs", "todo": "to-do", "publish": "publish",
        "write": "publish/resource", "profile": "publish/profile", "import": "import", "session": "session",
        "missing": "nowhere", "means": "means?q=x&on=2026-11-24", "press": f"means/{lent.press.id}",
        "van": f"means/{lent.van.id}", "ask": f"means/{lent.van.id}/ask", "bookings": "bookings",
        "asked": f"booking/{lent.booked[0].id}", "accepted": f"booking/{lent.booked[1].id}",
    }  # fmt: skip
    chosen = french if language == "fr" else english
    return {name: f"/{language}/{path}" for name, path in chosen.items()}


def open_page(browser: Browser, site: Served, path: str, **options: Any) -> Page:
    """A page in a browser of its own, logged in."""
    context = browser.new_context(**options)
    context.add_cookies([COOKIES[site.port]])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(site.origin + path)
    return page


@pytest.mark.parametrize(
    ("language", "theme", "rules"), [("fr", "light", RULES), ("en", "light", RULES), ("fr", "dark", CONTRAST)]
)
def test_axe_finds_nothing_on_any_page(
    browser: Browser, site: Served, own: str, language: str, theme: Any, rules: dict[str, Any]
) -> None:
    page = open_page(browser, site, own + "/fr/chercher", color_scheme=theme, bypass_csp=True)
    found = {}
    for name, path in addresses(site, language).items():
        page.goto(site.origin + own + path)
        answer = Axe().run(page, options=rules).response
        assert answer["passes"], name  # it did look
        for violation in answer["violations"]:
            found[f"{name}: {violation['id']}"] = [node["html"][:160] for node in violation["nodes"][:3]]
    page.context.close()
    assert found == {}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_on_a_small_telephone_every_page_fits_is_touchable_and_quiet(
    browser: Browser, site: Served, own: str, language: str
) -> None:
    """No scrolling sideways, targets of 44 pixels, no complaint of the browser, nobody else asked."""
    page = open_page(browser, site, own + "/fr/chercher", viewport={"width": NARROW, "height": 640})
    complaints: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
    wrong = {}
    for name, path in addresses(site, language).items():
        page.goto(site.origin + own + path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        small = page.eval_on_selector_all(TARGETS, TOO_LOW)
        heard = [text for text in complaints if name != "missing" or "404 (Not Found)" not in text]
        complaints.clear()
        if over or small or heard:
            wrong[name] = (over, small, heard)
    page.context.close()
    assert wrong == {}
    assert asked == {site.origin}


def test_the_keyboard_is_enough(browser: Browser, site: Served, own: str) -> None:
    page = open_page(browser, site, own + "/fr/chercher")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0  # it has come into view
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.type("santé")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chercher?q=sant*")
    titles = [page.locator("h3 a").first.inner_text()]
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == titles[0]:
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/fiche/rec_*")
    assert page.locator("h1").inner_text() == titles[0]
    page.context.close()


def test_publishing_works_without_javascript(browser: Browser) -> None:
    with served() as site:
        context = browser.new_context(java_script_enabled=False, viewport={"width": NARROW, "height": 640})
        page = context.new_page()
        page.goto(site.login_link())
        page.get_by_role("link", name="Publier").click()
        page.get_by_role("link", name="Fiche", exact=True).click()
        page.get_by_label("Titre").first.fill("Tenir un atelier de tri")
        page.get_by_label("Adapter, en citant").check()
        page.get_by_role("button", name="Voir ce qui sera signé").click()
        assert "Tenir un atelier de tri" in page.locator("#sign").inner_text()
        page.get_by_role("button", name="Signer et publier").click()
        assert page.locator("h1").inner_text() == "Tenir un atelier de tri"
        assert [act[0] for act in site.office.acts] == ["publish"]
        context.close()


def test_paper_shows_the_record_and_not_the_buttons(browser: Browser, site: Served, own: str) -> None:
    page = open_page(browser, site, own + addresses(site, "fr")["record"])
    page.emulate_media(media="print")
    assert not page.locator(".nav").is_visible()
    assert not page.get_by_role("button", name="Le faire savoir").is_visible()
    assert page.locator("h1").is_visible()
    assert page.locator("#usage details ul").is_visible()  # what is folded away is printed
    page.context.close()


def test_a_page_that_rebinds_its_name_reads_nothing_in_a_browser(
    playwright: Playwright, site: Served
) -> None:
    with chromium(playwright, "--host-resolver-rules=MAP evil.test 127.0.0.1") as browser:
        page = browser.new_page()
        answer = page.goto(f"http://evil.test:{site.port}/fr/chercher")
        assert answer is not None
        assert answer.status == 421
        assert "Fabrique" not in page.content()


def test_a_page_on_another_port_changes_nothing_and_sees_no_credential(browser: Browser) -> None:
    with served() as site:
        seen: list[str] = []
        target = {"path": ""}

        async def attack(request: web.Request) -> web.StreamResponse:
            seen.append(request.headers.get("Cookie", ""))
            action = site.origin + target["path"]
            form = f'<form method="post" enctype="text/plain" action="{action}"><button>go</button></form>'
            return web.Response(text=f"<!DOCTYPE html><title>x</title>{form}", content_type="text/html")

        with other_site(attack) as port:
            context = browser.new_context()
            page = context.new_page()
            page.goto(site.login_link())
            session_path = "/".join(page.url.removeprefix(site.origin).split("/")[:3])
            target["path"] = f"{session_path}/fr/reseau"  # even knowing the half in the address
            page.goto(f"http://127.0.0.1:{port}{session_path}x/")
            with page.expect_navigation() as reached:
                page.get_by_role("button").click()
            assert reached.value is not None
            assert reached.value.status == 403
            assert site.office.acts == []
            assert set(seen) == {""}
            context.close()


def test_hostile_names_run_nothing(browser: Browser) -> None:
    with served() as site:
        payload = '"><img src=x onerror=alert(1)><script>alert(1)</script>\u202e{{7*7}}'
        entry = site.office.add(
            payload,
            "resource",
            {"title": payload, "abstract": payload, "keywords": [payload], "license": payload},
            NOW,
        )
        context = browser.new_context()
        page = context.new_page()
        trouble: list[str] = []
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("console", lambda message: trouble.append(message.text))
        page.goto(site.login_link())
        own = "/".join(page.url.split("/")[:5])
        for path in (
            "/fr/chercher?q=%3Cscript%3E", f"/fr/fiche/{entry.id}", f"/en/record/{entry.id}/proof",
            f"/fr/organisation/{org_id(payload)}", "/fr/reseau", f"/fr/fiche/{entry.id}/signaler",
        ):  # fmt: skip
            page.goto(own + path)
            assert "49" not in page.locator("main").inner_text()
        assert trouble == []
        context.close()


def test_one_endless_word_does_not_make_a_page_wider(browser: Browser) -> None:
    with served() as site:
        word = "Anticonstitutionnellement" * 10
        fields = {"title": word, "abstract": word, "keywords": [word], "creators": [word], "license": word}
        entry = site.office.add(word, "resource", {**fields, "url": f"https://a.example/{word}"}, NOW)
        page = browser.new_page(viewport={"width": NARROW, "height": 640})
        wide = {}
        for path in ("chercher", f"fiche/{entry.id}", f"organisation/{org_id(word)}", "reseau"):
            page.goto(f"{site.origin}/fr/{path}")
            wide[path] = page.evaluate("document.documentElement.scrollWidth")
        page.close()
        assert {path: width for path, width in wide.items() if width > NARROW} == {}


def _axe_and_width(page: Page, name: str) -> dict[str, Any]:
    """What axe finds, and what does not fit, on the page as it stands."""
    answer = Axe().run(page, options=RULES).response
    found: dict[str, Any] = {
        f"{name}: {each['id']}": each["nodes"][0]["html"][:160] for each in answer["violations"]
    }
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over:
        found[f"{name}: wide"] = over
    return found


@pytest.mark.parametrize(
    ("language", "see"), [("fr", "Voir ce qui sera signé"), ("en", "See what will be signed")]
)
def test_axe_finds_nothing_where_only_forms_lead(
    browser: Browser, site: Served, own: str, language: str, see: str
) -> None:
    """Errors beside their fields, the preview, the page that asks for a signature."""
    size = {"width": NARROW, "height": 640}
    at = addresses(site, language)
    page = open_page(browser, site, own + at["write"], viewport=size, bypass_csp=True)
    page.get_by_role("button", name=see).click()
    found = _axe_and_width(page, "errors")
    page.locator("#f-title\\.fr").fill("Tenir un atelier")
    page.get_by_role("button", name=see).click()
    found |= _axe_and_width(page, "preview")
    page.goto(site.origin + own + at["declare"])
    page.get_by_role("button", name=see).click()
    found |= _axe_and_width(page, "act with errors")
    page.locator("#f-type").select_option("used")
    page.get_by_role("button", name=see).click()
    found |= _axe_and_width(page, "signing")
    page.context.close()
    assert found == {}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_axe_finds_nothing_in_the_first_run(browser: Browser, language: str) -> None:
    async def create(choice: FirstRunChoice) -> str:
        return "/session/x"

    async def bring_back(lost: Lost, tell: Event) -> Found:
        return Found("/session/x")

    app = make_first_run_app(create, "token", WebSettings(), phrase.words, bring_back, lambda: None)
    with listening(app) as port:
        page = browser.new_page(viewport={"width": NARROW, "height": 640}, bypass_csp=True)
        page.goto(f"http://127.0.0.1:{port}/first/token/{language}/back")
        found = _axe_and_width(page, "back")
        page.get_by_role("button").click()
        found |= _axe_and_width(page, "back without a phrase")
        page.goto(f"http://127.0.0.1:{port}/first/token/{language}/1")
        found |= _axe_and_width(page, "name")
        page.get_by_role("button").click()
        found |= _axe_and_width(page, "name missing")
        page.locator("#f-name").fill("Atelier Passerelle")
        page.get_by_role("button").click()
        found |= _axe_and_width(page, "phrase")
        words = page.locator(".phrase li").all_inner_texts()
        page.get_by_role("button").click()
        page.get_by_role("button").click()
        found |= _axe_and_width(page, "words missing")
        for field in page.locator("main input").all():
            field.fill(words[int((field.get_attribute("name") or "w1")[1:]) - 1])
        page.get_by_role("button").click()
        found |= _axe_and_width(page, "done")
        page.close()
    assert found == {}


def test_a_file_dropped_on_the_form_is_sent_and_described(browser: Browser, site: Served, own: str) -> None:
    page = open_page(browser, site, own + "/fr/publier/resource")
    box = page.locator("[data-files]")
    held = _held(page, {"plan.md": "# Le plan\n"})
    box.dispatch_event("dragover", {"dataTransfer": held})
    assert "over" in (box.get_attribute("class") or "").split()
    box.dispatch_event("drop", {"dataTransfer": held})
    page.get_by_text("plan.md est arrivé").wait_for()
    assert "over" not in (box.get_attribute("class") or "").split()
    sent = _sent(box)
    assert (sent["files.0.name"], sent["files.0.size"]) == ("plan.md", "10")
    assert sent["files.0.media_type"] == "text/markdown"
    assert sent["files.0.blob"].startswith("blob_")
    assert page.locator("[data-files] input[type=text]").count() == 1, "a place to say what it shows"
    assert page.evaluate("() => [...document.forms].every(f => f.querySelector('button:disabled') === null)")
    page.context.close()


def _held(page: Page, files: dict[str, str]) -> JSHandle:
    """What a hand drags over a page: files by name."""
    return page.evaluate_handle(
        """(files) => {
      const held = new DataTransfer();
      for (const [name, text] of Object.entries(files)) held.items.add(new File([text], name));
      return held;
    }""",
        files,
    )


def _sent(box: Locator) -> dict[str, str]:
    return {
        each.get_attribute("name") or "": each.input_value() for each in box.locator("[name^=files\\.]").all()
    }


def test_files_that_wait_are_listed_and_can_be_taken_out(browser: Browser, site: Served, own: str) -> None:
    page = open_page(browser, site, own + "/fr/publier/resource")
    box = page.locator("[data-files]")
    begun: list[Route] = []
    page.route("**/envoi", lambda route: begun.append(route))  # noqa: PLW0108 — it marks what it is given; the first does not begin yet
    three = {"un.txt": "un", "deux.txt": "deux", "trois.txt": "trois"}
    box.dispatch_event("drop", {"dataTransfer": _held(page, three)})
    rows = box.locator("[data-list] li")
    assert [rows.nth(each).locator("b").inner_text() for each in range(3)] == list(three)
    assert rows.get_by_text("Attend son tour.").count() == 2
    assert page.locator("main button:disabled").count() > 0, "nothing is signed while files are on their way"
    box.get_by_role("button", name="Le retirer (deux.txt)").click()
    arrived, patience = box.get_by_text("trois.txt est arrivé"), 1_500
    while not arrived.count() and (patience := patience - 1):
        while begun:  # the third begins when the first has arrived, sooner or later
            begun.pop().continue_()
        page.wait_for_timeout(20)
    assert arrived.count() == 1
    assert [name for key, name in _sent(box).items() if key.endswith(".name")] == ["un.txt", "trois.txt"]
    box.get_by_role("button", name="Le retirer (un.txt)").click()
    assert [name for key, name in _sent(box).items() if key.endswith(".name")] == ["trois.txt"]
    assert page.locator("main button:disabled").count() == 0
    page.context.close()


def test_a_file_taken_out_while_it_is_sent_leaves_nothing(browser: Browser, site: Served, own: str) -> None:
    page = open_page(browser, site, own + "/fr/publier/resource")
    box = page.locator("[data-files]")
    held_up: list[Route] = []
    page.route(
        "**/envoi/*",
        lambda route: held_up.append(route) if route.request.method == "PATCH" else route.continue_(),
    )
    before = len(site.office.abandoned)
    box.dispatch_event("drop", {"dataTransfer": _held(page, {"gros.bin": "beaucoup"})})
    out = box.get_by_role("button", name="Le retirer (gros.bin)")
    while not held_up:
        page.wait_for_timeout(20)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        out.click()
    assert answer.value.status == 204
    assert site.office.abandoned[before:] == ["gros.bin"]
    assert box.locator("[data-list] li").count() == 0
    page.context.close()


def test_a_file_that_is_refused_says_so_until_it_is_taken_out(
    browser: Browser, site: Served, own: str
) -> None:
    page = open_page(browser, site, own + "/fr/publier/resource")
    box = page.locator("[data-files]")
    box.dispatch_event("drop", {"dataTransfer": _held(page, {"gros.bin": "no room", "petit.txt": "là"})})
    box.get_by_text("petit.txt est arrivé").wait_for()
    assert box.locator("li", has_text="gros.bin").locator(".err").inner_text() == "Le disque est plein."
    box.get_by_role("button", name="Le retirer (gros.bin)").click()
    assert box.locator("li", has_text="gros.bin").count() == 0
    page.context.close()


def test_a_file_let_go_beside_the_box_does_not_replace_the_page(
    browser: Browser, site: Served, own: str
) -> None:
    page = open_page(browser, site, own + "/fr/publier/resource")
    prevented = page.evaluate(
        """(held) => {
      const event = new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true });
      document.querySelector("h1").dispatchEvent(event);
      return event.defaultPrevented;
    }""",
        _held(page, {"plan.md": "# Le plan"}),
    )
    assert prevented, "the browser would open the file, and what was typed would be gone"
    page.context.close()
