"""The composition root: the one file that knows every layer, and decides nothing.

Start: settings, home and its lock, identity (or the first-run page that makes one), engine, doors, ready.
Stop: doors first, so that nothing new comes in, then the engine. A kill at any point leaves what the last
turn left.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import resource
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from aiohttp.http_exceptions import HttpProcessingError

from mutunode import __version__, memory, system
from mutunode.commons.words import Words
from mutunode.config import ConfigError, Settings, load, split_address
from mutunode.engine import Engine
from mutunode.firstrun import Chosen, first_run
from mutunode.home import Home, HomeError
from mutunode.keyfile import Keys
from mutunode.net.lan import Lan
from mutunode.net.peers import NetSettings, PeerNet
from mutunode.net.subnets import own_addresses
from mutunode.notify import notify
from mutunode.protocol.ledger import Address
from mutunode.service import verbs
from mutunode.service.errors import Exit, Refusal
from mutunode.service.params import Emit
from mutunode.shell import Shell, read_address, read_seeds
from mutunode.store.blobs import BlobError
from mutunode.store.interface import StoreError
from mutunode.turns import Turns, renew_if_old
from mutunode.web import render
from mutunode.web.app import make_app
from mutunode.web.control import ControlSocket
from mutunode.web.serve import Door
from mutunode.web.sessions import Sessions
from mutunode.web.settings import Language, WebSettings

YOUNG_OBJECTS = 10_000  # between two walks of the collector: records are many objects, none of them a cycle
WARM_AFTER_SECONDS = 1.0  # peers are met first, and have much to say when a node was away
WARM_LOOK_SECONDS, WARM_WAITS_SECONDS_MAX = 0.1, 30.0  # a node that is never at rest has readers, too
RENEWAL_CHECK_SECONDS = 600.0
HOME_WAIT_SECONDS = 5.0  # a command that works without a daemon gives the home back in a moment
SEARCH_WAIT_SECONDS_MAX = 2.0  # a record is found within one second of its publication; twice that
FILES_BESIDE_LINKS = 900  # 512 connections to pages, 64 of strangers, 256 to programs, store, index, files
LINK_FILES = 2  # who comes in, and whom we dial
STOP_SECONDS_MAX = 4.0  # of the five that CONTRACT gives

log = structlog.get_logger("daemon")


def main(home: Path, overrides: Mapping[str, Any], language: str = "") -> int:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C; the exit code.

    ``language``: of whoever starts it, for what goes wrong before the node's own is known.
    """
    given = dict(overrides)
    passphrase = str(given.pop("passphrase", ""))
    settings, spoken = Settings(), language
    try:
        settings = load(home, os.environ, given)
        spoken = language or settings.language
        _set_up_logs(settings.log_level)
        _allow_files(settings.links_max)
        return asyncio.run(_run(home, settings, passphrase))
    except HomeError as error:
        return _ends(spoken, error.fr, error.en, Exit.CONFLICT)
    except ConfigError as error:
        return _ends(spoken, error.fr, error.en, Exit.USAGE)
    except (StoreError, BlobError) as error:
        return _ends(spoken, error.fr, str(error), Exit.READ_ONLY)
    except OSError as error:
        words = _no_door(error, settings)
        return _ends(spoken, words.fr, words.en, Exit.CONFLICT)


def _ends(language: str, fr: str, en: str, code: Exit) -> int:
    """Say why it ends."""
    say(f"mutunode: {en if language == 'en' else fr}")
    return code


def _allow_files(links_max: int) -> None:
    """Ask for as many open files as connections may need at once: a hub has more than a usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_BESIDE_LINKS + LINK_FILES * links_max
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _no_door(error: OSError, settings: Settings) -> Words:
    """An address that cannot be listened on: which ones were asked for, and how to ask for others."""
    web, peer = settings.web_listen, settings.peer_listen
    if error.errno != errno.EADDRINUSE:
        fr, en = system.why(error)
        return Words(f"{fr} : {web} / {peer}", f"{en}: {web} / {peer}")
    return Words(
        f"l’une des adresses {web} (pages) et {peer} (autres organisations) est déjà prise. Un nœud tourne-t-"
        "il déjà ici ? Arrêtez-le, ou donnez-en d’autres : --web-listen 127.0.0.1:0 --peer-listen [::]:0 "
        "(0 prend un port libre).",
        f"one of the addresses {web} (pages) and {peer} (other organisations) is taken. Does a node run "
        "here already? Stop it, or give others: --web-listen 127.0.0.1:0 --peer-listen [::]:0 "
        "(0 takes any free port).",
    )


def say(text: str) -> None:
    """A line to whoever started the node."""
    print(text, file=sys.stderr, flush=True)


async def _run(path: Path, settings: Settings, passphrase: str) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with Home.hold(path, wait_seconds=HOME_WAIT_SECONDS) as home:
        sessions = Sessions(time.time)
        chosen = Chosen(settings, {})
        if not home.has_identity:
            made = await first_run(home, settings, sessions, stopping, say)
            if made is None:
                return Exit.DONE
            chosen = made
        await _serve(home, home.unlock(passphrase), sessions, chosen, stopping)
    return Exit.DONE


async def _serve(home: Home, keys: Keys, sessions: Sessions, chosen: Chosen, stopping: asyncio.Event) -> None:
    node = await RunningNode.start(home, keys, chosen.settings, sessions)
    try:
        if chosen.profile:
            await _publish_first(node, chosen.profile)
        say(f"mutunode {__version__} ready: pages {node.web_address()} · peers {node.peer_address()}")
        if sys.stderr.isatty():
            say(f"  {node.login_link('')}")
        notify("READY=1", os.environ)
        await stopping.wait()
    finally:
        notify("STOPPING=1", os.environ)
        await node.stop()


def _warm(turns: Turns, stopping: threading.Event) -> None:
    """What the first readers would wait for; compiling it takes memory that is not needed again.

    It takes Python's one lock for a quarter of a second: who brings much at our start goes first.
    """
    seconds, until = WARM_AFTER_SECONDS, time.monotonic() + WARM_WAITS_SECONDS_MAX
    for name in render.WARM:
        while not stopping.wait(seconds) and turns.is_busy and time.monotonic() < until:
            seconds = WARM_LOOK_SECONDS
        if stopping.is_set():
            return
        render.warm(name)
        seconds = 0.0
    memory.give_back()


async def _publish_first(node: RunningNode, profile: Mapping[str, Any]) -> None:
    """What the first run led to; a node without a profile is one all the same."""
    try:
        await asyncio.to_thread(node.engine.office.publish, "profile", profile)
    except Refusal as refusal:
        say(f"mutunode: {refusal.fr if node.language == 'fr' else refusal.en}")


class RunningNode:
    """An engine with its doors open; also what the service asks of a live node."""

    def __init__(self, home: Home, keys: Keys, settings: Settings, sessions: Sessions) -> None:
        self.settings = settings
        self.sessions = sessions
        self.shell = Shell()
        self.engine = Engine(
            home, keys, settings, self, self.shell.perform, secrets.token_bytes, read_seeds(settings.seeds)
        )
        host, port = split_address(settings.peer_listen, "peer_listen")
        self.net = PeerNet(
            self.shell,
            NetSettings(
                host=host,
                port=port,
                folder=home.path,
                tls_proxy=settings.peer_tls_proxy,
                links_max=settings.links_max,
                org=keys.org,
            ),
        )
        self.control = ControlSocket(home.path, self._call, verbs.STREAMING)
        self.language: Language = "en" if (settings.language or home.language) == "en" else "fr"
        self._pages: Door | None = None
        self._web_port = 0
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, home: Home, keys: Keys, settings: Settings, sessions: Sessions) -> RunningNode:
        """Open everything; ready to answer when this returns."""
        node = cls(home, keys, settings, sessions)
        loop = asyncio.get_running_loop()
        node.shell.attach(loop, node.engine.turns, node.net)
        await node.net.start()
        await asyncio.to_thread(node.engine.start)
        await node._open_pages()
        await node.control.start()
        if settings.lan:
            host, _ = split_address(settings.peer_listen, "peer_listen")
            node.shell.lan = Lan(
                keys.org, node.net.port, node.shell.nearby, node.shell.gone, host=host, name=home.genesis.name
            )
            await node.shell.lan.start()
        node._tasks.append(asyncio.create_task(node._keep_renewed()))
        stopping = node.engine.office.desk.is_stopping
        node._tasks.append(asyncio.create_task(asyncio.to_thread(_warm, node.engine.turns, stopping)))
        gc.collect()
        gc.freeze()  # what lives as long as the node is not walked again by the collector
        gc.set_threshold(YOUNG_OBJECTS)
        return node

    async def stop(self) -> None:
        """Doors first, then the engine; whatever hangs is left to the operating system."""
        self.engine.announce_stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS_MAX):
                for task in self._tasks:
                    task.cancel()
                if self.shell.lan is not None:
                    await self.shell.lan.stop()
                await self.control.stop()
                if self._pages is not None:
                    await self._pages.close()
                await self.net.stop()
        await asyncio.to_thread(self.engine.stop)

    # --- what the service asks of a live node ----------------------------------------------------
    def web_address(self) -> str:
        """Where the pages are."""
        host, _ = split_address(self.settings.web_listen, "web_listen")
        shown = host
        with contextlib.suppress(ValueError):  # a name
            shown = "127.0.0.1" if ip_address(host).is_unspecified else host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self._web_port}/"

    def peer_address(self) -> str:
        """Where other organisations reach us."""
        host, _ = split_address(self.settings.peer_listen, "peer_listen")
        return f"{f'[{host}]' if ':' in host else host}:{self.net.port}"

    def reached_at(self) -> tuple[str, ...]:
        """Addresses of this machine that others may try: where the door listens, as far as that says it."""
        host, _ = split_address(self.settings.peer_listen, "peer_listen")
        with contextlib.suppress(ValueError):  # a name
            if ip_address(host).is_unspecified:
                return tuple(f"{each}:{self.net.port}" for each in own_addresses())
        return (self.peer_address(),)

    def read_address(self, text: str) -> Address:
        """An address that a person gave."""
        return read_address(text, "person")

    def candidates(self) -> list[tuple[bytes, str, float]]:
        """Organisations that announce themselves on the local network."""
        return self.shell.candidates()

    def login_link(self, language: str) -> str:
        """A one-time address that opens a session."""
        spoken: Language = "en" if (language or self.language) == "en" else "fr"
        return f"{self.web_address()}session/{self.sessions.make_link(spoken)}"

    def _call(self, verb: str, params: dict[str, Any], emit: Emit) -> Any:
        """One command. Who searches may just have published, in the line before of the same script."""
        if verb == "search":
            self.engine.let_search_follow(SEARCH_WAIT_SECONDS_MAX)
        return self.engine.office.call(verb, params, emit)

    async def _open_pages(self) -> None:
        host, port = split_address(self.settings.web_listen, "web_listen")
        app = make_app(
            self.engine.office, web_settings(self.settings, self.language, host, port), self.sessions
        )
        self._pages = await Door.open(app, host, port)
        self._web_port = self._pages.port

    async def _keep_renewed(self) -> None:
        """A head is renewed once a day while online: "we are still here"."""
        while True:
            with contextlib.suppress(Exception):
                await asyncio.wrap_future(self.engine.turns.act(renew_if_old))
            await asyncio.sleep(RENEWAL_CHECK_SECONDS)


def web_settings(settings: Settings, language: Language, host: str, port: int) -> WebSettings:
    """The pages' share of the settings."""
    return WebSettings(
        listen_host=host,
        listen_port=port,
        allowed_hosts=settings.web_hosts,
        language=language,
        reading=settings.reading,
        behind_tls_proxy=settings.behind_tls_proxy,
        version=__version__,
    )


class _CallersFault(logging.Filter):
    """Lets pass all but requests that are no HTTP: whoever sends them must not fill the node's journal."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


def _set_up_logs(level: str) -> None:
    logging.getLogger("aiohttp.server").addFilter(_CallersFault())

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
