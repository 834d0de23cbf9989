"""A command with no daemon running: the same verbs, in the command's own process, under the home's lock.

Reading needs no network. Before signing, organisations that are known are asked whether they hold more of
our register than this store does (PROTOCOL §3), so that a copy put back from a backup does not sign a
second one: the doors are opened outwards only, for as long as the verb takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mutunode.config import ConfigError, Settings, load
from mutunode.engine import Engine
from mutunode.home import Home, HomeError
from mutunode.net.peers import NetSettings, PeerNet
from mutunode.protocol.ledger import Address
from mutunode.service import readonly
from mutunode.service.errors import Exit, Refusal
from mutunode.shell import Shell, read_address, read_seeds
from mutunode.store.blobs import BlobError
from mutunode.store.interface import StoreError, StoreFull
from mutunode.store.salvage import is_sound, salvage

Emit = Callable[[dict[str, Any]], None]

# What signs or decides, or needs others; everything else only reads.
OUTWARD = frozenset(
    {
        "publish",
        "get",
        "revise",
        "use",
        "withdraw",
        "answer",
        "flag",
        "import",
        "peer_accept",
        "peer_invite",
        "peer_take_up",
        "sync",
        "prove",
        "epoch_open",
        "key_entrust",
        "means_block",
        "means_hours",
        "book_request",
        "book_act",
        "repair",
    }
)

READS_SEALED = frozenset(
    {
        "show",
        "usage",
        "todo",
        "answer",
        "revise",
        "publish",
        "means_show",
        "book_request",
        "book_act",
        "book_show",
        "book_ls",
    }
)  # what a command shows


def call(path: Path, verb: str, params: dict[str, Any], emit: Emit, passphrase: str = "") -> Any:
    """Run a verb on a home that no daemon holds; ``passphrase`` of its keys, where somebody typed it.

    Raises:
        Refusal: from the verb, or because the home cannot be used.
    """
    if not path.is_dir():
        raise Refusal(
            "no_home",
            Exit.NOT_FOUND,
            f"Pas de nœud dans {path} : créez-le avec « mutunode init », ou indiquez --home.",
            f"No node in {path}: create one with `mutunode init`, or give --home.",
        )
    try:
        settings = load(path, os.environ, {})
        keys_of = passphrase or _passphrase()
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(Home.hold(path))
            salvaged = _salvage(home, settings, emit) if verb == "repair" else ""
            engine = stack.enter_context(_engine(home, settings, keys_of, outward=verb in OUTWARD))
            if verb == "repair":
                return engine.office.repair(emit, salvaged)
            if verb == "search":
                engine.catch_up()
            if verb in READS_SEALED:
                engine.open_sealed()
            return engine.office.call(verb, params, emit)
    except ConfigError as error:
        raise Refusal("bad_settings", Exit.USAGE, error.fr, error.en) from None
    except HomeError as error:
        code = Exit.NOT_FOUND if error.code == "no_identity" else Exit.CONFLICT
        raise Refusal(error.code, code, error.fr, error.en) from None
    except StoreFull:
        raise readonly.disk_full() from None
    except StoreError as error:  # nothing was begun: its own words say it all
        raise Refusal("disk", Exit.READ_ONLY, f"{error.fr}.", f"{error}.") from error
    except BlobError as error:
        fr, en = "Les fichiers de ce nœud sont hors d’atteinte", "The files of this node are out of reach"
        raise readonly.files_fail(error, fr, en) from error


def _salvage(home: Home, settings: Settings, emit: Emit) -> str:
    """A file that SQLite cannot read makes way for what can be read of it; where it is now, or ""."""
    path = home.path / "records.sqlite"
    if settings.store or not path.exists() or is_sound(path):
        return ""
    return salvage(path, lambda done, total: emit({"progress": {"done": done, "total": total}})).aside


class _NobodyLive:
    """What a running node would know, when none runs."""

    def web_address(self) -> str:
        return ""

    def peer_address(self) -> str:
        return ""

    def reached_at(self) -> tuple[str, ...]:
        return ()

    def candidates(self) -> list[tuple[bytes, str, float]]:
        return []

    def read_address(self, text: str) -> Address:
        return read_address(text, "person")

    def login_link(self, language: str) -> str:
        raise Refusal(
            "not_running",
            Exit.NOT_FOUND,
            "Le nœud ne tourne pas : démarrez-le avec « mutunode run », puis redemandez un lien.",
            "The node is not running: start it with `mutunode run`, then ask for a link again.",
        )


@contextlib.contextmanager
def _engine(home: Home, settings: Settings, passphrase: str, *, outward: bool) -> Iterator[Engine]:
    shell = Shell()
    engine = Engine(
        home,
        home.unlock(passphrase),
        settings,
        _NobodyLive(),
        shell.perform,
        secrets.token_bytes,
        read_seeds(settings.seeds),
    )
    with _doors(home, shell, engine) if outward else contextlib.nullcontext():
        engine.start()
        try:
            yield engine
        finally:
            engine.stop()


@contextlib.contextmanager
def _doors(home: Home, shell: Shell, engine: Engine) -> Iterator[None]:
    """A loop in a thread of its own, with doors that open outwards "
    "only."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="doors", daemon=True)
    thread.start()
    net = PeerNet(shell, NetSettings(host="127.0.0.1", port=0, folder=home.path))
    try:
        shell.attach(loop, engine.turns, net)
        asyncio.run_coroutine_threadsafe(net.start(), loop).result(10)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(net.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        if not thread.is_alive():
            loop.close()


def _passphrase() -> str:
    """From the file that ``MUTUNODE_PASSPHRASE_FILE`` names; never from an argument or a variable "
    "itself."""
    name = os.environ.get("MUTUNODE_PASSPHRASE_FILE", "")
    return Path(name).read_text("utf-8").rstrip("\r\n") if name else ""
