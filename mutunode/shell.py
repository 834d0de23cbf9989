"""Between the network's loop and the writer's thread: what arrives becomes input, what was decided is done.

Only what a committed turn decided is performed, in the order it was decided. Whoever sends faster than turns
take is not read any further, so that one peer cannot fill the memory of the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from mutunode.config import ConfigError
from mutunode.net import addresses
from mutunode.net.lan import Lan
from mutunode.net.peers import PeerNet
from mutunode.protocol import ids
from mutunode.protocol.effects import Close, Dial, DialRelayed, Notice, Relayed, Send
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ledger import Address
from mutunode.turns import CloseAll, Input, Outward, Turns

CANDIDATES_MAX = 256  # PROTOCOL §7
NOTICES_MAX = 100

log = structlog.get_logger("node")


def read_address(text: str, source: str) -> Address:
    """An address somebody wrote: ``host:port`` or ``wss://name``, optionally ``#org_…`` (who is expected).

    Raises:
        Malformed: naming what is wrong with it.
    """
    place, pinned, org = text.strip().partition("#")
    return Address(addresses.parse(place).text(), ids.parse(org, "org") if pinned else None, source)


def read_seeds(texts: tuple[str, ...]) -> tuple[Address, ...]:
    """The starting addresses of the settings.

    Raises:
        ConfigError: naming the one that cannot be used.
    """
    found = []
    for text in texts:
        try:
            found.append(read_address(text, "seed"))
        except Malformed as error:
            raise ConfigError(
                f"« seeds » : {text[:80]!r} n’est pas une adresse ; il faut hôte:port ou wss://nom, suivi au "
                "besoin de #org_…",
                f"`seeds`: {error}; expected host:port or wss://name, optionally #org_…",
            ) from None
    return tuple(found)


class Shell:
    """The doors to other organisations, and what they bring in. Lives in the loop's thread."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: Turns | None = None
        self.net: PeerNet | None = None
        self.lan: Lan | None = None
        self._near: dict[bytes, tuple[str, float]] = {}
        self.notices: list[tuple[float, Notice]] = []
        self._inputs: list[Input] = []  # for the writer's thread
        self._untaken: list[asyncio.Future[None]] = []  # of the frames among them
        self._jobs: deque[Callable[[], None]] = deque()  # for the loop, from the writer's thread
        self._is_woken = False  # it will look at them

    def attach(self, loop: asyncio.AbstractEventLoop, turns: Turns, net: PeerNet) -> None:
        """From now on inputs go to ``turns`` and effects to ``net``."""
        self._loop, self._turns, self.net = loop, turns, net

    # --- effects: called in the writer's thread -------------------------------------------------
    def perform(self, effects: Sequence[Outward]) -> None:
        """Have the loop do what a turn decided."""
        if effects:
            self._soon(lambda: self._perform_here(effects))

    def _perform_here(self, effects: Sequence[Outward]) -> None:
        net = self.net
        assert net is not None, "attached before anything is performed"
        for effect in effects:
            match effect:
                case Send() | Close() | Dial() | DialRelayed() | Relayed():
                    net.perform(effect)
                case CloseAll():
                    net.close_all()
                case Notice(kind=kind, text=text):
                    log.warning("notice", kind=str(kind), text=text)
                    self.notices = [*self.notices[-NOTICES_MAX + 1 :], (self._clock(), effect)]

    # --- inputs: called in the loop's thread ----------------------------------------------------
    def opened(
        self,
        link: int,
        outgoing: bool,
        address: str,
        channel: bytes,
        lan: bool,
        pinned: bytes | None,
        ip: str,
    ) -> None:
        """A link stands, before any frame."""
        self._post(lambda node, now: node.opened(link, outgoing, address, channel, lan, pinned, now, ip=ip))

    def received(self, link: int, frame: bytes) -> asyncio.Future[None]:
        """A frame came; done when the turn that took it is over: read no further from this link before."""
        assert self._turns is not None, "attached before anything arrives"
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._untaken.append(taken)
        self._post(lambda node, now: node.received(link, frame, now))
        return taken

    def drained(self, link: int, buffered: int) -> None:
        """The send buffer of a link is smaller again."""
        self._post(lambda node, now: node.drained(link, buffered, now))

    def opened_by_relay(self, link: int, outgoing: bool, channel: bytes, org: bytes, via: int) -> None:
        """A link through a relay stands, before any frame."""
        self._post(lambda node, now: node.opened(link, outgoing, "", channel, False, org, now, via=via))

    def relay(self, via: int, org: bytes, payload: bytes) -> None:
        """Bytes of a TLS stream for somebody behind a relay."""
        self._post(lambda node, now: node.relay(via, org, payload, now))

    def closed(self, link: int, why: str) -> None:
        """A link ended."""
        self._post(lambda node, now: node.closed(link, why, now))

    def dial_failed(self, address: str, why: str) -> None:
        """Nobody answered there."""
        self._post(lambda node, now: node.dial_failed(address, why, now))

    def nearby(self, org: bytes, address: str) -> None:
        """An organisation announces itself on the LAN: a hint, nothing more."""
        if org not in self._near and len(self._near) >= CANDIDATES_MAX:
            return
        self._near[org] = (address, self._clock())
        self._post(lambda node, now: node.nearby(org, address, now))

    def gone(self, org: bytes) -> None:
        """It said goodbye."""
        self._near.pop(org, None)
        self._post(lambda node, now: node.no_longer_nearby(org, now))

    def candidates(self) -> list[tuple[bytes, str, float]]:
        """Who is near: (organisation, address, seen at). Any thread."""
        return [(org, address, at) for org, (address, at) in list(self._near.items())]

    def _post(self, given: Input) -> None:
        """Hand it over with all else that this round of the loop brings: together they cost one turn."""
        self._inputs.append(given)
        if len(self._inputs) == 1:
            asyncio.get_running_loop().call_soon(self._post_all)

    def _post_all(self) -> None:
        inputs, self._inputs = self._inputs, []
        untaken, self._untaken = self._untaken, []
        if self._turns is not None:
            for given in inputs[:-1]:
                self._turns.post(given)
            over = (lambda: self._soon(lambda: _settle(untaken))) if untaken else None
            self._turns.post(inputs[-1], over)

    def _soon(self, job: Callable[[], None]) -> None:
        """Have the loop do something; from the writer's thread. It is woken once for all that waits."""
        if self._loop is None:
            return
        self._jobs.append(job)
        if not self._is_woken:
            self._is_woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: the node is stopping
                self._loop.call_soon_threadsafe(self._do_jobs)

    def _do_jobs(self) -> None:
        self._is_woken = False  # before looking: what comes from here on wakes again
        while self._jobs:
            job = self._jobs.popleft()
            try:
                job()
            except Exception:
                log.exception("what was decided could not be done")  # a bug, and the others still wait


def _settle(untaken: Sequence[asyncio.Future[None]]) -> None:
    for taken in untaken:
        if not taken.done():
            taken.set_result(None)
