"""Repair: what pushes missed is found again, on every new link and every five minutes.

The cursor first, ranges where many heads are held; bodies that are missing are asked for at each repair.
One repair in four goes to somebody we are not linked with, without which a network that fell apart never
comes together. One that finds much that is new says that something was cut off: then all links repair.
"""

from __future__ import annotations

from mutunode.protocol import messages, rows
from mutunode.protocol.core import Core
from mutunode.protocol.dialling import Dialler
from mutunode.protocol.entry import Header, check_body, parse_header
from mutunode.protocol.errors import Broken, Invalid, Malformed
from mutunode.protocol.following import Cursors
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import (
    MISSING_BODIES_MAX,
    PRUNE_SECONDS,
    REPAIR_ALL_HEADS_MIN,
    REPAIR_ALL_SECONDS_MIN,
    REPAIR_SECONDS,
)
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import Reply, Session

FAR_ONE_IN = 4
NEW_SECONDS = 30  # heads that a repair brought count for it that long


class Repair:
    """When to compare with whom."""

    def __init__(
        self, core: Core, interest: Interest, cursors: Cursors, dialler: Dialler, reputation: Reputation
    ) -> None:
        self._core = core
        self._interest = interest
        self._cursors = cursors
        self._dialler = dialler
        self._reputation = reputation
        self._new: dict[int, int] = {}  # link → heads that its last repair stored
        self._all_not_before = 0.0

    def start(self, now: float) -> None:
        """The node starts."""
        self._next(now)
        self._prune(now)

    def _prune(self, now: float) -> None:
        """Anybody may come once with a new key: what is remembered of strangers ends after a day."""
        self._core.agenda.at(("prune",), now + self._core.around(PRUNE_SECONDS), self._prune)
        linked = {session.org for session in self._core.sessions.values()}
        met = {address.org for address in self._core.ledger.addresses() if address.org is not None}
        self._core.ledger.forget_peers({*self._interest.listened(), *linked, *met}, int(now))

    def with_peer(self, session: Session, now: float) -> None:
        """Compare with one peer."""
        self._new[session.link] = 0
        end = now + NEW_SECONDS
        self._core.agenda.at(("repaired", session.link), end, lambda then: self._end(session))
        self._cursors.follow(session, now)
        self._ask_missing(session, now)

    def with_all(self, now: float) -> None:
        """Compare with every peer."""
        for session in self._core.ready():
            self.with_peer(session, now)

    def stored(self, session: Session, now: float) -> None:
        """A head came from a peer and was stored."""
        if session.link not in self._new:
            return
        self._new[session.link] += 1
        if self._new[session.link] == REPAIR_ALL_HEADS_MIN and now >= self._all_not_before:
            self._all_not_before = now + REPAIR_ALL_SECONDS_MIN
            self._core.agenda.at(("repair all",), now + 2 + 6 * self._core.chance(), self.with_all)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._end(session)

    def _end(self, session: Session) -> None:
        self._new.pop(session.link, None)

    def _next(self, now: float) -> None:
        self._core.agenda.at(("repair",), now + self._core.around(REPAIR_SECONDS), self._routine)

    def _routine(self, now: float) -> None:
        self._next(now)
        links = list(self._core.ready())
        far = self._dialler.random_address() if self._core.chance() < 1 / FAR_ONE_IN else None
        if far is not None:
            self._dialler.dial(far, now)  # a new link begins with a repair
        elif links:
            self.with_peer(links[int(self._core.chance() * len(links))], now)

    # --- bodies that are missing ---------------------------------------------------------------
    def _ask_missing(self, session: Session, now: float) -> None:
        left = MISSING_BODIES_MAX
        for log in self._core.ledger.logs_missing(16):
            held = self._core.ledger.log(log)
            if held is None or held.head is None or left <= 0:
                continue
            indices = self._core.ledger.missing(log, 0, left)
            left -= len(indices)
            for start, end in runs(indices):
                self._ask_run(session, log, held.head.epoch, start, end, now)

    def _ask_run(self, session: Session, log: bytes, epoch: int, start: int, end: int, now: float) -> None:
        def answered(reply: Reply, then: float) -> None:
            if isinstance(reply, messages.Entries) and (reply.log, reply.start) == (log, start):
                self._fill(session, log, epoch, start, reply, then)

        session.ask(messages.Get(0, log, epoch, start, end, True), answered, now)

    def _fill(
        self, session: Session, log: bytes, epoch: int, start: int, reply: messages.Entries, now: float
    ) -> None:
        ledger = self._core.ledger
        held = ledger.log(log)
        if held is None or held.head is None or held.head.epoch != epoch:
            return
        try:
            taken = rows.unpack(reply.enc, reply.payload)
            lacking = set(ledger.missing(log, start, MISSING_BODIES_MAX))
            for index, (_, salt, body) in enumerate(taken, start):
                if index not in lacking or not salt:
                    continue
                ((header, _, _),) = ledger.entries(log, index, index + 1, False, 1)
                parsed = parse_header(header)
                if isinstance(parsed, Header):
                    check_body(parsed, salt, body)
                    ledger.fill(log, index, salt, body)
        except (Malformed, Invalid, Broken):
            self._reputation.bad_answer(session, now)


def runs(indices: list[int]) -> list[tuple[int, int]]:
    """Ascending indices as runs [start, end)."""
    found: list[tuple[int, int]] = []
    for index in indices:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found
