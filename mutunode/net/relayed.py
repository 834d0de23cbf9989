"""Links that go through a relay: to the core they are links like others, below them is TLS in RELAY frames.

What leaves is paced under what a relay carries, and how much waits is told to the core, as of any link.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mutunode.net.inner import InnerTls
from mutunode.net.tls import ServerTls, client_tls, server_tls
from mutunode.protocol.effects import Close, DialRelayed, Relayed, Send
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import (
    HANDSHAKE_SECONDS_MAX,
    LINKS_MAX,
    RELAY_BYTES_A_SECOND,
    RELAY_SILENCE_SECONDS,
    SEND_BUFFER_BYTES_MAX,
)

PIECE_BYTES = 16 * 1_024  # a TLS record, and a quarter of a second
PACE = 0.9 * RELAY_BYTES_A_SECOND  # under what the relay counts, framing included
TLS_HANDSHAKE = 22  # the type of a record in the clear: somebody begins anew

Place = tuple[int, bytes]  # the relay's link, the organisation at the other end


class RelayedInputs(Protocol):
    """What relayed links tell."""

    def opened_by_relay(self, link: int, outgoing: bool, channel: bytes, org: bytes, via: int) -> None:
        """The TLS inside stands; ``outgoing``: we are its client."""

    def relay(self, via: int, org: bytes, payload: bytes) -> None:
        """Bytes for the relay."""

    def received(self, link: int, frame: bytes) -> asyncio.Future[None]:
        """A frame."""

    def drained(self, link: int, buffered: int) -> None:
        """So much still waits here."""

    def closed(self, link: int, why: str) -> None:
        """It ended."""


class _Relayed:
    """One of them."""

    def __init__(self, number: int, tls: InnerTls | None) -> None:
        self.number = number
        self.tls = tls  # None: the other side was asked to begin
        self.opened = False
        self.out = bytearray()
        self.pumping: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None


class RelayedLinks:
    """All links of a node that go through others."""

    def __init__(
        self, me: bytes, folder: Path, inputs: RelayedInputs, next_number: Callable[[], int]
    ) -> None:
        self._me = me
        self._folder = folder
        self._inputs = inputs
        self._next_number = next_number
        self._by_place: dict[Place, _Relayed] = {}
        self._places: dict[int, Place] = {}
        self._client = client_tls()
        self._server: ServerTls | None = None

    # --- what the core decided -----------------------------------------------------------------
    def dial(self, effect: DialRelayed) -> None:
        """Seek somebody through a relay."""
        place = (effect.link, effect.org)
        if place in self._by_place or len(self._by_place) >= LINKS_MAX:
            return
        if self._me < effect.org:
            self._add(place, None)
            self._inputs.relay(*place, b"")  # they are the client: please begin
        else:
            self._begin(place)

    def take(self, effect: Relayed) -> None:
        """Bytes came by a relay."""
        place = (effect.link, effect.org)
        relayed = self._by_place.get(place)
        if not effect.payload:
            if self._me > effect.org and (relayed is None or relayed.opened):
                self._end(place, "the other side begins anew")
                self._begin(place)
            return
        begins = self._me < effect.org and effect.payload[0] == TLS_HANDSHAKE
        if begins and (relayed is None or relayed.tls is None or relayed.opened):
            relayed = self._serve(place)
        if relayed is not None and relayed.tls is not None:
            self._feed(place, relayed, relayed.tls, effect.payload)

    def perform(self, effect: Send | Close) -> bool:
        """Do what is meant for a relayed link; False: it is none of ours."""
        place = self._places.get(effect.link)
        if place is None:
            return False
        relayed = self._by_place[place]
        if isinstance(effect, Close):
            self._flush(place, relayed)
            self._end(place, effect.reason)
        elif relayed.tls is not None:
            if len(relayed.out) > 2 * SEND_BUFFER_BYTES_MAX:
                self._end(place, "it does not read what it is sent")
                return True
            relayed.tls.write(effect.frame)
            self._pump(place, relayed)
        return True

    def relay_gone(self, link: int) -> None:
        """The link to a relay ended, and all that went through it."""
        for place in [place for place in self._by_place if place[0] == link]:
            self._end(place, "the relay is gone")

    def close_all(self) -> None:
        """The node stops, or begins again."""
        for place in list(self._by_place):
            self._end(place, "this node stops or starts again")

    # --- one of them ---------------------------------------------------------------------------
    def _add(self, place: Place, tls: InnerTls | None) -> _Relayed:
        self._end(place, "begun anew")
        relayed = self._by_place[place] = _Relayed(self._next_number(), tls)
        self._places[relayed.number] = place
        self._watch(place, relayed, HANDSHAKE_SECONDS_MAX)
        return relayed

    def _begin(self, place: Place) -> None:
        relayed = self._add(place, InnerTls(self._client, None))
        self._pump(place, relayed)

    def _serve(self, place: Place) -> _Relayed | None:
        if place not in self._by_place and len(self._by_place) >= LINKS_MAX:
            return None
        if self._server is None:
            self._server = server_tls(self._folder)
        return self._add(place, InnerTls(self._server.context, self._server.channel))

    def _watch(self, place: Place, relayed: _Relayed, seconds: float) -> None:
        if relayed.deadline is not None:
            relayed.deadline.cancel()
        loop = asyncio.get_running_loop()
        relayed.deadline = loop.call_later(seconds, lambda: self._end(place, "silence through the relay"))

    def _feed(self, place: Place, relayed: _Relayed, tls: InnerTls, payload: bytes) -> None:
        try:
            frames = tls.feed(payload)
        except (ssl.SSLError, Malformed) as error:
            self._end(place, f"through the relay: {error}")
            return
        if tls.channel:
            self._watch(place, relayed, RELAY_SILENCE_SECONDS)
        if tls.channel and not relayed.opened:
            relayed.opened = True
            via, org = place
            self._inputs.opened_by_relay(relayed.number, self._me > org, tls.channel, org, via)
        self._pump(place, relayed)
        for frame in frames:
            self._inputs.received(relayed.number, frame)

    # --- out -----------------------------------------------------------------------------------
    def _pump(self, place: Place, relayed: _Relayed) -> None:
        if relayed.tls is not None:
            relayed.out += relayed.tls.out()
        if relayed.out and relayed.pumping is None:
            relayed.pumping = asyncio.create_task(
                self._carry(place, relayed), name=f"relayed {relayed.number}"
            )

    async def _carry(self, place: Place, relayed: _Relayed) -> None:
        while relayed.out:
            piece = bytes(relayed.out[:PIECE_BYTES])
            del relayed.out[: len(piece)]
            self._inputs.relay(*place, piece)
            await asyncio.sleep(len(piece) / PACE)
            if relayed.opened:
                self._inputs.drained(relayed.number, len(relayed.out))
        relayed.pumping = None

    def _flush(self, place: Place, relayed: _Relayed) -> None:
        # Why it ends is one small frame; more than that is not worth waiting for.
        if relayed.tls is not None and len(relayed.out) <= PIECE_BYTES:
            last = bytes(relayed.out) + relayed.tls.out()
            if last:
                self._inputs.relay(*place, last[: 2 * PIECE_BYTES])

    def _end(self, place: Place, why: str) -> None:
        relayed = self._by_place.pop(place, None)
        if relayed is None:
            return
        del self._places[relayed.number]
        if relayed.deadline is not None:
            relayed.deadline.cancel()
        if relayed.pumping is not None:
            relayed.pumping.cancel()
        if relayed.opened:
            with contextlib.suppress(RuntimeError):
                self._inputs.closed(relayed.number, why)
