"""The first run of an organisation that exists already: its phrase, an address, and it comes back.

Like the rest of the first run it has no session and one address that only the terminal knows. The work goes
on while the page is looked at: the page asks for itself again every two seconds, without a script. The phrase
is kept in memory as long as it may have to be corrected, and is on no other page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from mutunode.service import phrases
from mutunode.service.claims import Claim, SeveralClaims
from mutunode.service.errors import Refusal
from mutunode.service.keys import RivalLine
from mutunode.web.forms import Form
from mutunode.web.i18n import Speech
from mutunode.web.settings import LANGUAGES, Language
from mutunode.web.troubles import Trouble

REFRESH_SECONDS = 2
SEEDS_MAX = 16
ABOUT_ADDRESSES = ("no_answer", "unknown_root", "address", "nothing_came")

log = structlog.get_logger("web")


@dataclass(frozen=True)
class Lost:
    """What a person gave to bring their organisation back."""

    phrase: str
    seeds: tuple[str, ...]
    org: str  # which one, where several claim the phrase
    language: Language
    begin_empty: bool = False  # it had not published anything

    def __repr__(self) -> str:
        return "Lost(…)"


@dataclass(frozen=True)
class Found:
    """It is back."""

    address: str  # of the node's pages
    entries: int = 0  # of its register, that came back
    key_words: Mapping[str, str] = field(default_factory=dict)  # of the new key
    set_aside: tuple[RivalLine, ...] = ()  # new starts that disputed it, and that were not gone on from


Event = Callable[[dict[str, Any]], None]
BringBack = Callable[[Lost, Event], Awaitable[Found]]
Failure = Callable[[Speech], Trouble]


@dataclass
class State:
    """How far it is."""

    phrase: str = ""
    seeds: str = ""
    language: Language = "fr"
    claims: tuple[Claim, ...] = ()
    running: asyncio.Task[None] | None = None
    step: str = "asking"
    done: int = 0
    total: int = 0
    failed: Failure | None = None  # told in the language in which it is looked at
    offers_empty: bool = False  # nobody asked holds a page of its register
    found: Found | None = None


class BringingBack:
    """The form, and the work behind it."""

    def __init__(self, bring_back: BringBack, language: Language) -> None:
        self._bring_back = bring_back
        self.state = State(language=language)

    @property
    def is_running(self) -> bool:
        """Whether the work is under way."""
        running = self.state.running
        return running is not None and not running.done()

    def take(self, form: Form, words: Speech) -> tuple[Trouble, ...]:
        """The form was sent: begin, or say what is wrong with it."""
        state = self.state
        state.phrase = form.get("phrase")
        state.seeds = form.get("seeds")
        language = form.get("language")
        state.language = next((known for known in LANGUAGES if known == language), state.language)
        found = []
        try:
            phrases.read(state.phrase)
        except Refusal as refusal:
            found.append(Trouble(_said(refusal, words), "phrase", "f-phrase"))
        seeds = tuple(state.seeds.split())
        if not seeds:
            text = words.gettext("Give the address of an organisation that knows you.")
            found.append(Trouble(text, "seeds", "f-seeds"))
        elif len(seeds) > SEEDS_MAX:
            text = words.gettext("Give 16 addresses at most.")
            found.append(Trouble(text, "seeds", "f-seeds"))
        if not found and not self.is_running:
            begin_empty = state.offers_empty and form.has("begin_empty")
            lost = Lost(state.phrase, seeds, form.get("org"), state.language, begin_empty)
            state.step, state.done, state.total, state.failed, state.claims = "asking", 0, 0, None, ()
            state.offers_empty = False
            state.running = asyncio.create_task(self._run(lost))
        return tuple(found)

    def troubles(self, words: Speech) -> tuple[Trouble, ...]:
        """What kept it from coming back, when somebody last tried."""
        failed = self.state.failed
        return (failed(words),) if failed is not None else ()

    async def _run(self, lost: Lost) -> None:
        loop = asyncio.get_running_loop()

        def tell(event: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self._tell, event)

        state = self.state
        try:
            state.found = await self._bring_back(lost, tell)
            state.phrase = ""
        except SeveralClaims as several:
            state.claims, state.failed = several.claims, _several
        except Refusal as refusal:
            state.offers_empty = refusal.code == "nothing_came"
            state.failed = partial(_refused, refusal)
        except Exception:
            log.exception("recovery_failed")
            state.failed = _broken

    def _tell(self, event: dict[str, Any]) -> None:
        progress = event.get("progress") or {}
        self.state.step = str(progress.get("step", ""))
        self.state.done, self.state.total = int(progress.get("done", 0)), int(progress.get("total", 0))


def refreshing(response: web.StreamResponse) -> web.StreamResponse:
    """Have the page ask for itself again."""
    response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response


def _refused(refusal: Refusal, words: Speech) -> Trouble:
    field_name = "seeds" if refusal.code in ABOUT_ADDRESSES else ""
    text = _said(refusal, words)
    if refusal.code == "nothing_came":
        text = words.gettext(
            "Your organisation is known there, but none of these addresses holds a page of its register. "
            "Nothing was signed. Give the address of an organisation that follows it; or, if it had not "
            "published anything yet, tick the box below."
        )
    return Trouble(text, field_name, f"f-{field_name}")


def _several(words: Speech) -> Trouble:
    text = words.gettext("Several organisations claim this phrase. Choose the one that is yours.")
    return Trouble(text, "org", "f-org")


def _broken(words: Speech) -> Trouble:
    return Trouble(
        words.gettext(
            "The organisation could not be brought back; the journal of this computer says why. What has "
            "arrived is kept: press the button again."
        )
    )


def _said(refusal: Refusal, words: Speech) -> str:
    return refusal.fr if words.language == "fr" else refusal.en
