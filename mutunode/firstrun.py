"""The first run: without an identity, the pages make one, and then become the node's own.

The page's address holds a one-time token and is printed on the terminal only. The phrase exists in the
memory of this process and on the page of whoever asked for it; it passes through no log and no file.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mutunode.config import FILE_NAME, Settings, split_address
from mutunode.home import Home, create_identity
from mutunode.protocol import phrase
from mutunode.protocol.limits import GENESIS_NONCE_BYTES
from mutunode.recovery import Recovered, read_given, recover
from mutunode.service import phrases, readonly
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings

if TYPE_CHECKING:
    from aiohttp.web import Application

    from mutunode.web.bringing_back import Event, Found, Lost
    from mutunode.web.firstrun import FirstRunChoice

TOKEN_BYTES = 24
LAST_LOOK_SECONDS = 60.0  # the page that waits looks every two; who closed it is not waited for
ANYWHERE_V4 = "0.0.0.0"  # noqa: S104  # only when a person chose "everybody on our premises"


class Chosen(msgspec.Struct, frozen=True):
    """What the first run led to: settings for this very run, and the profile to sign first."""

    settings: Settings
    profile: dict[str, Any]


async def first_run(
    home: Home,
    settings: Settings,
    sessions: Sessions,
    stopping: asyncio.Event,
    say: Callable[[str], None],
) -> Chosen | None:
    """Serve the first-run page until an identity exists; None when the node is stopped before."""
    from mutunode.web.bringing_back import Found
    from mutunode.web.firstrun import make_first_run_app  # needed once in a node's life

    host, port = split_address(settings.web_listen, "web_listen")
    chosen: asyncio.Future[FirstRunChoice | None] = asyncio.get_running_loop().create_future()

    async def create(choice: FirstRunChoice) -> str:
        nonce = os.urandom(GENESIS_NONCE_BYTES)
        await asyncio.to_thread(
            create_identity, home, choice.name, choice.language, int(time.time()), choice.entropy, nonce
        )
        chosen.set_result(choice)
        return f"/session/{sessions.make_link(choice.language)}"

    async def bring_back(lost: Lost, emit: Event) -> Found:
        def emit_while_running(event: dict[str, Any]) -> None:
            if stopping.is_set():
                raise readonly.stopping()
            emit(event)

        back = await asyncio.to_thread(_bring_back, home, settings, lost, emit_while_running)
        asyncio.get_running_loop().call_later(LAST_LOOK_SECONDS, end)
        link = f"/session/{sessions.make_link(lost.language)}"
        return Found(link, back.base, back.key_words, back.set_aside)

    def end() -> None:
        if not chosen.done():
            chosen.set_result(None)

    token = secrets.token_urlsafe(TOKEN_BYTES)
    web_settings = WebSettings(
        listen_host=host,
        listen_port=port,
        allowed_hosts=settings.web_hosts,
        language=settings.language or "fr",
    )
    app = make_first_run_app(create, token, web_settings, phrase.words, bring_back, end)
    port = await _serve_until(stopping, chosen, app, (host, port), token, say)
    if not chosen.done():
        return None
    choice = chosen.result()
    reading = choice.reading if choice is not None else "here"
    found = _remember(home, settings, reading, host, port)
    return Chosen(found, profile_of(choice) if choice is not None else {})


async def _serve_until(
    stopping: asyncio.Event,
    chosen: asyncio.Future[Any],
    app: Application,
    address: tuple[str, int],
    token: str,
    say: Callable[[str], None],
) -> int:
    """Show the page until something is chosen or the node is stopped; the port it was at."""
    door = await Door.open(app, *address)
    host, port = f"[{address[0]}]" if ":" in address[0] else address[0], door.port
    say(f"mutunode first run: http://{host}:{port}/first/{token}")
    waiting = asyncio.create_task(stopping.wait())
    waited: set[asyncio.Future[Any]] = {waiting, chosen}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await door.close()  # what is being answered is answered first
    return port


def _bring_back(home: Home, settings: Settings, lost: Lost, emit: Event) -> Recovered:
    """The work behind the page of an organisation that exists already."""
    return recover(
        home,
        phrases.read(lost.phrase),
        read_given(lost.seeds),
        store_url=settings.store,
        language=lost.language,
        org=lost.org,
        begin_empty=lost.begin_empty,
        emit=emit,
    )


def _remember(home: Home, settings: Settings, reading: str, host: str, port: int) -> Settings:
    """Write what was chosen into the settings file, for the next starts."""
    if reading == "premises":
        host = ANYWHERE_V4
    shown = f"[{host}]" if ":" in host else host
    lines = [f'reading = "{reading}"']
    if reading == "premises":
        lines.append(f'web_listen = "{shown}:{port}"')
    path = home.path / FILE_NAME
    kept = path.read_text("utf-8").rstrip("\n") + "\n" if path.exists() else ""
    given = {line.partition("=")[0].strip() for line in kept.splitlines()}
    lines = [line for line in lines if line.partition(" ")[0] not in given]
    path.write_text(kept + "\n".join(lines) + "\n", "utf-8")
    return msgspec.structs.replace(settings, reading=reading, web_listen=f"{shown}:{port}")


def profile_of(choice: FirstRunChoice) -> dict[str, Any]:
    """The profile that says what was chosen; works of the past stay closed until somebody says otherwise."""
    return {
        f"name.{choice.language}": choice.name,
        "languages": [choice.language],
        "posture.shares_aval": "selected" if choice.aval else "no",
        "posture.wants_usage": "welcome",
        "posture.joins_means": choice.amont,
        "posture.joins_risk": False,
        "posture.prior_works": "closed",
    }
