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
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import WebSettings

if TYPE_CHECKING:
    from mutunode.web.firstrun import FirstRunChoice

TOKEN_BYTES = 24
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
    from mutunode.web.firstrun import make_first_run_app  # needed once in a node's life

    host, port = split_address(settings.web_listen, "web_listen")
    chosen: asyncio.Future[FirstRunChoice] = asyncio.get_running_loop().create_future()

    async def create(choice: FirstRunChoice) -> str:
        nonce = os.urandom(GENESIS_NONCE_BYTES)
        await asyncio.to_thread(
            create_identity, home, choice.name, choice.language, int(time.time()), choice.entropy, nonce
        )
        chosen.set_result(choice)
        return f"/session/{sessions.make_link(choice.language)}"

    token = secrets.token_urlsafe(TOKEN_BYTES)
    web_settings = WebSettings(
        listen_host=host,
        listen_port=port,
        allowed_hosts=settings.web_hosts,
        language=settings.language or "fr",
    )
    door = await Door.open(make_first_run_app(create, token, web_settings, phrase.words), host, port)
    port = door.port
    shown = f"[{host}]" if ":" in host else host
    say(f"mutunode first run: http://{shown}:{port}/first/{token}")
    waiting = asyncio.create_task(stopping.wait())
    waited: set[asyncio.Future[Any]] = {waiting, chosen}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await door.close()  # what is being answered is answered first
    if not chosen.done():
        return None
    return _remember(home, settings, chosen.result(), host, port)


def _remember(home: Home, settings: Settings, choice: FirstRunChoice, host: str, port: int) -> Chosen:
    """Write what was chosen into the settings file, for the next starts."""
    if choice.reading == "premises":
        host = ANYWHERE_V4
    shown = f"[{host}]" if ":" in host else host
    lines = [f'reading = "{choice.reading}"']
    if choice.reading == "premises":
        lines.append(f'web_listen = "{shown}:{port}"')
    path = home.path / FILE_NAME
    kept = path.read_text("utf-8").rstrip("\n") + "\n" if path.exists() else ""
    given = {line.partition("=")[0].strip() for line in kept.splitlines()}
    lines = [line for line in lines if line.partition(" ")[0] not in given]
    path.write_text(kept + "\n".join(lines) + "\n", "utf-8")
    return Chosen(
        msgspec.structs.replace(settings, reading=choice.reading, web_listen=f"{shown}:{port}"),
        profile_of(choice),
    )


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
