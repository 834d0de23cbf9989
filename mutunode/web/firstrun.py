"""The first run: an organisation's name, its recovery phrase on paper, three words asked back.

Served instead of the node's pages as long as there is no identity, under one address that only the terminal
knows. What was typed and the phrase stay in memory until the identity is made; nothing is written before the
words have been given back. Once made, the address is of no more use.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp_jinja2
import msgspec
import structlog
from aiohttp import web

from mutunode.service.errors import Refusal
from mutunode.web import forms, guard, render, static_files
from mutunode.web.bringing_back import BringBack, BringingBack, refreshing
from mutunode.web.forms import Form
from mutunode.web.i18n import Speech, preferred, speech
from mutunode.web.settings import LANGUAGES, Language, WebSettings
from mutunode.web.troubles import Trouble

ENTROPY_BYTES = 32
WORDS_ASKED = 3
NAME_BYTES_MAX = 255  # PROTOCOL §6, names
FORM_BYTES_MAX = 16_384  # a name and a few boxes
STEPS = 3
BACK = "back"  # the page of an organisation that exists already

log = structlog.get_logger("web")

Create = Callable[["FirstRunChoice"], Awaitable[str]]
Phrase = Callable[[bytes, str], Sequence[str]]


class FirstRunChoice(msgspec.Struct, frozen=True):
    """What a person chose; ``entropy`` is what the phrase says in words."""

    name: str
    language: Language
    aval: bool
    amont: bool
    reading: str  # "here" | "premises"
    entropy: bytes


@dataclass
class Typed:
    """What was typed so far; it stays after an error and when going back."""

    name: str = ""
    language: Language = "fr"
    aval: bool = True
    amont: bool = False
    reading: str = "here"
    entropy: bytes = b""
    asked: tuple[int, ...] = ()  # places in the phrase, from 1
    words: dict[int, str] = field(default_factory=dict)
    done: str = ""  # the address the node's pages are at, once there is an identity


@dataclass(frozen=True)
class Reader:
    """What the templates know of whoever reads: nobody is logged in, and no page exists yet."""

    language: Language
    session: None = None
    page: str = ""


class FirstRun:
    """The steps, for one identity."""

    def __init__(
        self,
        create: Create,
        token: str,
        settings: WebSettings,
        phrase: Phrase,
        bring_back: BringBack,
        shown: Callable[[], None],
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._create = create
        self._shown = shown
        self._back = BringingBack(bring_back, settings.language)
        self._token = token
        self._phrase = phrase
        self._draw = draw
        self._typed = Typed(language=settings.language)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """``/first/<token>``, as the terminal prints it."""
        self._check(request)
        language = preferred(request.headers.get("Accept-Language", ""), self._typed.language)
        raise web.HTTPSeeOther(self._address(language, 1))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """One step."""
        language, step = self._check(request)
        if self._typed.done:
            return self._render(request, language, "first_done.html", address=self._typed.done, back=False)
        if step > self._reached():
            raise web.HTTPSeeOther(self._address(language, self._reached()))
        return self._step(request, language, step)

    async def act(self, request: web.Request) -> web.StreamResponse:
        """A step's form was sent."""
        language, step = self._check(request)
        if self._typed.done:
            raise web.HTTPSeeOther(self._address(language, STEPS))
        form = await forms.read_unchecked(request, bytes_max=FORM_BYTES_MAX)
        words = speech(language)
        if step == 1:
            found = self._take_organisation(form, words)
        elif step == 2:
            found = ()
        else:
            found = self._take_words(form, words)
        if found:
            return self._step(request, language, step, found, status=400)
        if step == STEPS:
            return await self._finish(request, language)
        raise web.HTTPSeeOther(self._address(language, step + 1))

    # --- an organisation that exists already ---

    async def show_back(self, request: web.Request) -> web.StreamResponse:
        """The form, or how far the work behind it is."""
        language, _ = self._check(request)
        found = self._back.state.found
        if not self._back.is_running and found is not None:
            self._typed.done = found.address
            asyncio.get_running_loop().call_soon(self._shown)
        if self._typed.done:
            done = self._typed.done
            return self._render(request, language, "first_done.html", address=done, back=True, found=found)
        if self._back.is_running:
            return refreshing(self._render(request, language, "first_back_wait.html", state=self._back.state))
        return self._show_back_form(request, language, self._back.troubles(speech(language)))

    async def act_back(self, request: web.Request) -> web.StreamResponse:
        """Phrase and addresses were sent."""
        language, _ = self._check(request)
        if not self._typed.done:
            form = await forms.read_unchecked(request, bytes_max=FORM_BYTES_MAX)
            found = self._back.take(form, speech(language))
            if found:
                return self._show_back_form(request, language, found, status=400)
        raise web.HTTPSeeOther(self._address(language, BACK))

    def _show_back_form(
        self, request: web.Request, language: Language, found: tuple[Trouble, ...], status: int = 200
    ) -> web.StreamResponse:
        wrong = {trouble.field: trouble.text for trouble in found if trouble.field}
        context = {"state": self._back.state, "troubles": found, "wrong": wrong}
        return self._render(request, language, "first_back.html", status, **context)

    def _reached(self) -> int:
        return STEPS if self._typed.entropy else 1

    # --- the steps ---

    def _take_organisation(self, form: Form, words: Speech) -> tuple[Trouble, ...]:
        typed = self._typed
        typed.name = " ".join(form.get("name").split())
        language = form.get("language")
        if language != typed.language and typed.entropy:
            typed.words.clear()  # the phrase is now read in the other list
        typed.language = next((known for known in LANGUAGES if known == language), typed.language)
        typed.aval, typed.amont = form.has("aval"), form.has("amont")
        typed.reading = "premises" if form.get("reading") == "premises" else "here"
        found = []
        if not typed.name:
            found.append(Trouble(words.gettext("Give the name your partners know."), "name", "f-name"))
        elif len(typed.name.encode("utf-8")) > NAME_BYTES_MAX:
            text = words.gettext("The name is too long: 255 letters at most, fewer with accents.")
            found.append(Trouble(text, "name", "f-name"))
        elif any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in typed.name):
            text = words.gettext(
                "The name holds an invisible character. Type it again rather than pasting it."
            )
            found.append(Trouble(text, "name", "f-name"))
        if not (typed.aval or typed.amont):
            found.append(Trouble(words.gettext("Choose one of the two at least."), "aval", "f-aval"))
        if not found and not typed.entropy:
            typed.entropy = self._draw(ENTROPY_BYTES)
            typed.asked = self._places()
        return tuple(found)

    def _places(self) -> tuple[int, ...]:
        """Three different places of the phrase."""
        count = len(self._words())
        places: set[int] = set()
        while len(places) < WORDS_ASKED:
            places.add(
                self._draw(1)[0] % count + 1
            )  # 256 is no multiple of 24; nobody gains by the difference
        return tuple(sorted(places))

    def _words(self) -> Sequence[str]:
        return self._phrase(self._typed.entropy, self._typed.language)

    def _take_words(self, form: Form, words: Speech) -> tuple[Trouble, ...]:
        phrase = [fold(word) for word in self._words()]
        found = []
        for place in self._typed.asked:
            given = form.get(f"w{place}").strip()
            self._typed.words[place] = given
            if fold(given) != phrase[place - 1]:
                found.append(Trouble(_wrong(given, phrase, words), f"w{place}", f"f-w{place}"))
        return tuple(found)

    async def _finish(self, request: web.Request, language: Language) -> web.StreamResponse:
        typed = self._typed
        choice = FirstRunChoice(
            typed.name, typed.language, typed.aval, typed.amont, typed.reading, typed.entropy
        )
        try:
            typed.done = await self._create(choice)
        except Exception:
            log.exception("first_run_failed")
            text = speech(language).gettext(
                "The identity could not be written on this computer; its journal says why. Nothing is lost: "
                "your phrase stays the same. Put it right, then press the button again."
            )
            return self._step(request, language, STEPS, (Trouble(text),), status=500)
        typed.entropy, typed.words = b"", {}
        return self._render(request, language, "first_done.html", address=typed.done, back=False)

    # --- showing ---

    def _step(
        self,
        request: web.Request,
        language: Language,
        step: int,
        found: tuple[Trouble, ...] = (),
        status: int = 200,
    ) -> web.StreamResponse:
        context: dict[str, Any] = {"typed": self._typed, "step": step, "troubles": found}
        context["wrong"] = {trouble.field: trouble.text for trouble in found if trouble.field}
        if step == 2:
            context["phrase"] = self._words()
        return self._render(request, language, f"first_{step}.html", status, **context)

    def _render(
        self, request: web.Request, language: Language, template: str, status: int = 200, **context: Any
    ) -> web.StreamResponse:
        step = int(request.match_info["step"]) if "step" in request.match_info else BACK
        other = next(each for each in LANGUAGES if each != language)
        context |= {"visit": Reader(language), "other_language": other, "step": step}
        context |= {"other_address": self._address(other, step), "at": lambda n: self._address(language, n)}
        response = aiohttp_jinja2.render_template(
            template, request, context, app_key=render.ENVIRONMENTS[language], status=status
        )
        response.headers["Cache-Control"] = "no-store"  # the phrase stays in no cache
        return response

    def _address(self, language: Language, step: int | str) -> str:
        return f"/first/{self._token}/{language}/{step}"

    def _check(self, request: web.Request) -> tuple[Language, int]:
        if not hmac.compare_digest(request.match_info["token"].encode(), self._token.encode()):
            raise web.HTTPNotFound
        language = request.match_info.get("language")
        known = next((each for each in LANGUAGES if each == language), LANGUAGES[0])
        return known, int(request.match_info.get("step", "1"))


def make_first_run_app(
    create: Create,
    token: str,
    settings: WebSettings,
    phrase: Phrase,
    bring_back: BringBack,
    shown: Callable[[], None],
    draw: Callable[[int], bytes] = secrets.token_bytes,
) -> web.Application:
    """The pages of a node without an identity. ``phrase`` gives the words of 32 bytes in a language;
    ``shown`` hears that the last page after ``bring_back`` is being shown.
    """
    app = web.Application(middlewares=[guard.guard, _explain], client_max_size=FORM_BYTES_MAX)
    app[guard.SETTINGS] = settings
    app.on_response_prepare.append(guard.add_headers)
    render.set_up(app)
    steps = FirstRun(create, token, settings, phrase, bring_back, shown, draw)
    app.router.add_get("/static/{mark}/{name}", static_files.serve)
    app.router.add_get("/first/{token}", steps.enter)
    app.router.add_get("/first/{token}/{language:fr|en}/{step:[1-3]}", steps.show)
    app.router.add_post("/first/{token}/{language:fr|en}/{step:[1-3]}", steps.act)
    app.router.add_get("/first/{token}/{language:fr|en}/" + BACK, steps.show_back)
    app.router.add_post("/first/{token}/{language:fr|en}/" + BACK, steps.act_back)
    return app


_NOT_HERE = (
    "Ce nœud n’a pas encore d’organisation. L’adresse pour la créer est affichée dans le terminal.\n"
    "This node has no organisation yet. The address to make one is printed on the terminal.\n"
)


@web.middleware
async def _explain(request: web.Request, handler: guard.Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.Response(status=400, text=f"{refusal.fr}\n{refusal.en}\n")
    except web.HTTPNotFound:
        return web.Response(status=404, text=_NOT_HERE)


def fold(word: str) -> str:
    """A word as it is compared: accents and capitals do not count."""
    decomposed = unicodedata.normalize("NFKD", word.strip().casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _wrong(given: str, phrase: Sequence[str], words: Speech) -> str:
    if not given:
        return words.gettext("Copy the word that stands at this place on your sheet.")
    if fold(given) in phrase:
        return words.gettext("This word is in your phrase, but at another place. Check the number.")
    return words.gettext("This word is not in your phrase. Check the spelling on your sheet.")
