"""A site as a reader without a browser sees it: pages, links, forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from yarl import URL

from mutunode.web.sessions import Sessions
from tests.web.fake_office import FakeOffice
from tests.web.html import Element, parse

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass
class Page:
    """An answer, read."""

    status: int
    address: str
    text: str
    headers: dict[str, str]
    root: Element

    def find(self, tag: str, **attributes: str) -> Element:
        """The first element that fits."""
        found = self.all(tag, **attributes)
        assert found, f"no <{tag} {attributes}> in {self.address}:\n{self.root.words()[:2000]}"
        return found[0]

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Every element that fits."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            each
            for each in self.root.walk()
            if each.tag == tag and all(each.get(name) == value for name, value in wanted.items())
        ]

    @property
    def words(self) -> str:
        """What is read, without tags."""
        return self.root.words()

    @property
    def main(self) -> str:
        """What is read between head and foot."""
        return self.find("main").words()

    def links(self) -> list[str]:
        """Where the page's links lead, in its order."""
        return [each.get("href") for each in self.all("a")]


@dataclass
class Site:
    """The pages of a node, through aiohttp's test client, or over the wire."""

    client: TestClient[Any, Any]
    sessions: Sessions
    office: FakeOffice
    prefix: str = ""

    async def log_in(self, language: str = "fr") -> Page:
        """Open a session by a one-time link, as the command line gives it."""
        token = self.sessions.make_link("en" if language == "en" else "fr")
        page = await self.get(f"/session/{token}", plain=True)
        assert page.status == 200, page.words
        self.prefix = "/".join(page.address.split("/")[:3])
        return page

    async def get(self, path: str, headers: Mapping[str, str] = NO_HEADERS, *, plain: bool = False) -> Page:
        """Read a page; ``plain`` outside the session."""
        target = path if plain or path.startswith("/s/") else self.prefix + path
        return await _page(await self.client.get(URL(target, encoded="%" in target), headers=headers))

    async def post(self, path: str, fields: Any, headers: Mapping[str, str] = NO_HEADERS) -> Page:
        """Send a form, exactly these fields."""
        target = path if path.startswith("/s/") else self.prefix + path
        return await _page(await self.client.post(URL(target), data=fields, headers=headers))

    async def submit(self, page: Page, action: str, button: str = "", **typed: str) -> Page:
        """Fill in the form of a page that goes to ``action``, and press a button of it (its value)."""
        forms = [
            form
            for form in page.all("form", method="post")
            if form.get("action").split("?")[0].endswith(action)
        ]
        assert forms, (
            f"no form goes to {action} in {page.address}: {[f.get('action') for f in page.all('form')]}"
        )
        form = next((each for each in forms if not button or button in _buttons(page, each)), forms[0])
        fields = form_fields(page, form)
        for name, value in typed.items():
            fields = [(key, old) for key, old in fields if key != name] + [(name, value)]
        if button:
            assert button in _buttons(page, form), f"no button {button}: {_buttons(page, form)}"
            fields.append((_buttons(page, form)[button], button))
        return await self.post(form.get("action"), fields)


def _buttons(page: Page, form: Element) -> dict[str, str]:
    """Value → name of the buttons that send a form, inside it or elsewhere on the page."""
    elsewhere = [
        each for each in page.all("button") if each.get("form") and each.get("form") == form.get("id")
    ]
    inside = [each for each in form.walk() if each.tag == "button"]
    return {each.get("value"): each.get("name") for each in (*inside, *elsewhere) if each.get("name")}


def form_fields(page: Page, form: Element) -> list[tuple[str, str]]:
    """What a browser would send of a form, without its buttons."""
    controls = [each for each in form.walk() if each.tag in ("input", "select", "textarea")]
    controls += [
        each for each in page.all("input") if each.get("form") and each.get("form") == form.get("id")
    ]
    fields = []
    for each in controls:
        name = each.get("name")
        if each.tag == "input" and each.get("type") in ("checkbox", "radio") and not each.has("checked"):
            continue
        if each.get("type") == "file" or not name:
            continue
        if each.tag == "select":
            options = [option for option in each.walk() if option.tag == "option"]
            chosen = next((option for option in options if option.has("selected")), options[0])
            fields.append((name, chosen.get("value")))
        elif each.tag == "textarea":
            fields.append((name, each.raw_words()))
        else:
            fields.append((name, each.get("value")))
    return fields


async def _page(response: ClientResponse) -> Page:
    text = await response.text()
    html = response.content_type == "text/html"
    return Page(
        status=response.status,
        address=response.url.raw_path_qs,
        text=text,
        headers=dict(response.headers),
        root=parse(text) if html else Element("text", {}),
    )
