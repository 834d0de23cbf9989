"""A real Chromium, and the site served to it from a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from playwright.sync_api import Browser, Playwright

from mutunode.web.app import make_app
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings
from tests.web import fake_office, fake_shelf
from tests.web.fake_office import FakeOffice

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Chromium keeps to itself: nothing is asked of its maker's addresses while tests run.
FLAGS = (
    "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
).split()
START_SECONDS_MAX = 20.0


@dataclass
class Served:
    """The site, at an address a browser can open."""

    port: int
    office: FakeOffice
    sessions: Sessions

    @property
    def origin(self) -> str:
        """What its addresses begin with."""
        return f"http://127.0.0.1:{self.port}"

    def login_link(self, language: str = "fr") -> str:
        """The link the command line would give."""
        return f"{self.origin}/session/{self.sessions.make_link('en' if language == 'en' else 'fr')}"


@contextmanager
def served(office: FakeOffice | None = None) -> Iterator[Served]:
    """The pages of an office."""
    office = office or fake_office.furnished()
    sessions = Sessions(lambda: float(fake_shelf.NOW))
    app = make_app(office, WebSettings(), sessions, clock=lambda: float(fake_shelf.NOW))
    with listening(app) as port:
        yield Served(port, office, sessions)


@contextmanager
def other_site(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Iterator[int]:
    """Another server on this machine, and its port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    with listening(app) as port:
        yield port


@contextmanager
def listening(app: web.Application) -> Iterator[int]:
    """An application, in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(START_SECONDS_MAX)

    door: Door = run(Door.open(app, "127.0.0.1", 0))
    try:
        yield door.port
    finally:
        run(door.close())
        run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS_MAX)
        loop.close()


@contextmanager
def chromium(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    """A browser with an empty profile."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *sandbox, *flags])
    yield browser
    browser.close()
