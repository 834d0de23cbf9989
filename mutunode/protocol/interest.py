"""Whom we listen to, and what we want: whom a person accepted, and whom those vouch for (PROTOCOL §4).

A listed vouch by somebody at distance d puts its subject at distance d + 1, up to ``hops``; a voucher
introduces 100 at most, the oldest vouches first, so that adding keys does not add listeners. A block holds
on every way in, and whoever is blocked introduces nobody.
"""

from __future__ import annotations

from mutunode.protocol.core import Core
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.limits import INTRODUCTIONS_MAX, VOUCHES_READ_MAX


class Interest:
    """The organisations listened to, recomputed when the ledger says that something changed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stamp: int | None = None
        self._distance: dict[bytes, int] = {}
        self._voucher: dict[bytes, bytes] = {}  # who introduced whom, of those a person did not accept
        self._introducers: frozenset[bytes] = frozenset()

    def __len__(self) -> int:
        return len(self._distance)

    def is_stale(self) -> bool:
        """Whether the ledger changed since the last look."""
        return self._core.ledger.interest_stamp() != self._stamp

    def refresh(self) -> bool:
        """Follow the ledger; whether anybody was added."""
        stamp = self._core.ledger.interest_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        before, self._distance = self._distance, self._compute()
        self._introducers = frozenset(self._voucher.values())
        return not self._distance.keys() <= before.keys()

    def listens(self, org: bytes) -> bool:
        """Whether this organisation's records are stored, indexed and passed on."""
        return org in self._distance

    def wants(self, org: bytes, space: bytes) -> bool:
        """Whether heads of this log are followed; our own log too, should somebody hold more of it."""
        return space == PUBLIC and (org == self._core.me.org or org in self._distance)

    def may_see(self, peer: bytes, space: bytes) -> bool:
        """Whether a peer is offered the logs of a space: public ones to anyone authenticated."""
        return space == PUBLIC

    def blocked(self, org: bytes) -> bool:
        """Whether a person blocked this organisation."""
        return self._core.ledger.stance(org).blocked

    def distance(self, org: bytes) -> int | None:
        """0: accepted by a person here, 1: known to one of those…, None: a stranger."""
        return self._distance.get(org)

    def voucher(self, org: bytes) -> bytes:
        """Who introduced it; empty when a person did, or nobody."""
        return self._voucher.get(org, b"")

    def introduces(self, org: bytes) -> bool:
        """Whether somebody listened to is known by way of this organisation."""
        return org in self._introducers

    def root(self, org: bytes) -> bytes:
        """The accepted organisation by way of which it came in; empty when a person accepted it itself."""
        found = b""
        while voucher := self._voucher.get(org, b""):
            found = org = voucher
        return found

    def listened(self) -> list[bytes]:
        """Everybody listened to, the nearest first."""
        return list(self._distance)

    def _compute(self) -> dict[bytes, int]:
        ledger = self._core.ledger
        if collects := self._core.settings.collects:
            return {collects: 0}
        found = {org: 0 for org in sorted(ledger.accepted()) if not ledger.stance(org).blocked}
        ring = list(found)
        self._voucher = {}
        for distance in range(1, self._core.settings.hops + 1):
            introduced = self._introduced_by(ring, found)
            self._voucher.update(introduced)
            ring = list(introduced)
            found.update((org, distance) for org in ring)
        return found

    def _introduced_by(self, vouchers: list[bytes], found: dict[bytes, int]) -> dict[bytes, bytes]:
        """Whom these introduce, each with the first who does."""
        introduced: dict[bytes, bytes] = {}
        for voucher in vouchers:
            vouches = self._core.ledger.vouches(voucher, VOUCHES_READ_MAX)
            listed = [vouch.org for vouch in vouches if vouch.listed][:INTRODUCTIONS_MAX]
            for org in listed:
                if org not in found and org != self._core.me.org and not self.blocked(org):
                    introduced.setdefault(org, voucher)
        return introduced
