"""What every machine of the core stands on: who we are, what is held, what is due, what is to be done.

A machine never acts: it writes to the ledger inside the turn and adds an effect, which the shell performs
after the commit. It never asks for the time either: ``now`` is an argument everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from mutunode.protocol.agenda import Agenda
from mutunode.protocol.concern import Opens, opens_nothing
from mutunode.protocol.effects import Close, Effect, Notice, NoticeKind, Send
from mutunode.protocol.ledger import Address, Ledger
from mutunode.protocol.limits import (
    HOPS,
    INTRODUCTIONS_BYTES_MAX,
    LINKS_ACTIVE_MAX,
    LINKS_ACTIVE_MIN,
    LINKS_MAX,
)

if TYPE_CHECKING:
    from mutunode.protocol.identity import Chain
    from mutunode.protocol.session import Session

Random = Callable[[int], bytes]


class Me(msgspec.Struct, frozen=True):
    """Our organisation, as far as the core needs it: its operating key stays behind ``sign``."""

    org: bytes
    operating: bytes  # Ed25519 public key
    sign: Callable[[bytes], bytes]
    passing: Chain | None = None  # of somebody who is here for a moment, and whom no store keeps
    opens: Opens = opens_nothing  # our sealing keys stay behind it


class NodeSettings(msgspec.Struct, frozen=True):
    """What an operator may choose."""

    seeds: tuple[Address, ...] = ()
    features: tuple[str, ...] = ("relay", "zstd")
    hops: int = HOPS  # how far listed vouches extend listening
    links_max: int = LINKS_MAX  # hubs: 128 and more
    links_active_min: int = LINKS_ACTIVE_MIN
    links_active_max: int = LINKS_ACTIVE_MAX
    recovers: bytes = b""  # a root key: everybody met is asked whose it is
    collects: bytes = b""  # an organisation: the one whose register is fetched
    introductions_bytes: Callable[[], int] = lambda: INTRODUCTIONS_BYTES_MAX  # by way of one accepted org.


class Shortage(StrEnum):
    """Why nothing more is taken of an organisation; the words are the pages' affair."""

    LOG = "log"  # its register has all the room one gets
    VOUCHER = "voucher"  # all that came by way of one accepted organisation has


class Core:
    """Shared by the machines of one node; it decides nothing."""

    def __init__(self, me: Me, ledger: Ledger, settings: NodeSettings, random: Random) -> None:
        self.me = me
        self.ledger = ledger
        self.settings = settings
        self.random = random
        self.agenda = Agenda()
        self.sessions: dict[int, Session] = {}
        self.ended: list[Session] = []  # to be forgotten by all machines
        self.full: dict[bytes, Shortage] = {}  # organisations of which nothing more is taken
        self._effects: list[Effect] = []

    def do(self, effect: Effect) -> None:
        """Have something done after the commit."""
        self._effects.append(effect)

    def send(self, link: int, frame: bytes) -> None:
        """Put a frame on a link."""
        self._effects.append(Send(link, frame))

    def close(self, link: int, code: int, reason: str) -> None:
        """End a link."""
        self._effects.append(Close(link, code, reason))

    def tell(self, kind: NoticeKind, org: bytes, text: str = "") -> None:
        """Tell a person."""
        self._effects.append(Notice(kind, org, text))

    def take_effects(self) -> list[Effect]:
        """Everything added since the last call."""
        effects, self._effects = self._effects, []
        return effects

    def ready(self) -> Iterator[Session]:
        """Sessions that completed their handshake."""
        return (session for session in list(self.sessions.values()) if session.is_ready)

    def session_of(self, org: bytes) -> Session | None:
        """The link with an organisation, if there is one."""
        return next((session for session in self.ready() if session.org == org), None)

    def chance(self) -> float:
        """A number from 0 to 1 (excluded)."""
        return int.from_bytes(self.random(6), "big") / 2**48

    def around(self, seconds: float, part: float = 0.2) -> float:
        """``seconds``, give or take a part of them, so that nodes do not fall into step."""
        return seconds * (1 - part + 2 * part * self.chance())
