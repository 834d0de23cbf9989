"""How much disk others get by way of one accepted organisation: trust in one has an end in bytes.

All that is listened to by way of one accepted organisation's vouches, at any number of hops, shares a part of
the free disk (PROTOCOL §6). What is stored stays; beyond the share nothing more is taken, and that shows.
"""

from __future__ import annotations

from mutunode.protocol.core import Core
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import LOG_BYTES_MAX


class Quotas:
    """Counts what is stored by way of whom."""

    def __init__(self, core: Core, interest: Interest) -> None:
        self._core = core
        self._interest = interest
        self._stamp: int | None = None
        self._used: dict[bytes, dict[bytes, int]] = {}  # accepted organisation → organisation → bytes

    def left(self, org: bytes) -> int:
        """Bytes that may still be stored of an organisation, as far as who introduced it is concerned."""
        root = self._interest.root(org)
        if not root:
            return LOG_BYTES_MAX
        return self._core.settings.introductions_bytes() - sum(self._of(root).values())

    def stored(self, org: bytes) -> None:
        """More of it is stored now."""
        root = self._interest.root(org)
        if root in self._used:
            self._used[root][org] = self._bytes(org)

    def _of(self, root: bytes) -> dict[bytes, int]:
        stamp = self._core.ledger.interest_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._used.clear()
        if root not in self._used:
            introduced = [org for org in self._interest.listened() if self._interest.root(org) == root]
            self._used[root] = {org: self._bytes(org) for org in introduced}
        return self._used[root]

    def _bytes(self, org: bytes) -> int:
        held = self._core.ledger.log(log_id(org, PUBLIC))
        return held.bytes if held is not None else 0
