"""Whom to dial, when, and which links to let go (PROTOCOL §7, §8).

With few known peers everybody is connected to everybody. With many, six to eight links are kept, at least
four of them dialled by us, and one is exchanged every ten minutes, the one that delivered nothing first.
An address is never forgotten for being unreachable: it is tried again after a growing pause, chosen by
chance so that a network that fell apart does not come back in one instant. Where few are known, the pause
of whoever was linked lately stops growing early: with so few, nobody else brings their news. Somebody whom a
person accepted and of whom nobody has told us yet is dialled first, room or not: how else would two
federations begin to hear each other?
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from mutunode.protocol import ids
from mutunode.protocol.core import Core
from mutunode.protocol.effects import Dial
from mutunode.protocol.errors import Malformed
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.interest import Interest
from mutunode.protocol.ledger import Address
from mutunode.protocol.limits import (
    ADDRESS_BYTES_MAX,
    HANDSHAKE_SECONDS_MAX,
    LINKS_A_SUBNET_MAX,
    LINKS_ACTIVE_MIN,
    LINKS_BY_ONE_INTRODUCER_MAX,
    LINKS_CROWDED,
    LINKS_OUTGOING_MIN,
    NEARBY_MAX,
    PEERS_FEW,
    REDIAL_FEW_SECONDS,
    REDIAL_SECONDS,
    REDIAL_SECONDS_MAX,
    ROTATE_SECONDS,
    TRIM_SECONDS,
    VOUCHES_READ_MAX,
)
from mutunode.protocol.reputation import Reputation
from mutunode.protocol.session import CLOSE_NORMAL, Session
from mutunode.protocol.subnets import subnet_of_address

TRUSTED_SOURCES = ("seed", "lan", "person")  # may resolve to a private range
LEAVE_ONE_IN = 8  # of the callers beyond what is crowded, at each look
LASTED_SECONDS = 10.0  # a link that stood so long was one: its end begins the pauses anew
PARTED_SECONDS = 86_400.0  # in which one of few is expected back
PATIENCE_SECONDS = 30.0  # after a start: links that others open count among the wanted ones
ENDPOINTS_MAX = 8  # of one profile or vouch: an organisation has a few addresses at most

_ADDRESS = re.compile(r"wss://[^\s/:#@?]+(:\d{1,5})?|(\[[0-9a-fA-F:.%]+\]|[^\s/:#@?\[\]]+):\d{1,5}")


def check_address(given: str) -> str:
    """``host:port`` or ``wss://name[:port]``; ``Malformed`` says what is accepted."""
    port = given.rpartition(":")[2]
    too_high = port.isdigit() and not 0 < int(port) < 65_536
    if len(given.encode()) > ADDRESS_BYTES_MAX or not _ADDRESS.fullmatch(given) or too_high:
        raise Malformed(f"{given!r} is not an address: write host:port or wss://name[:port]")
    return given


def parse_seed(given: str) -> Address:
    """A seed as people write it: an address, with ``#org_…`` behind it when it is pinned."""
    address, hash_sign, pinned = given.partition("#")
    return Address(check_address(address), ids.parse(pinned, "org") if hash_sign else None, "seed")


class Dialler:
    """The address book's use."""

    def __init__(self, core: Core, interest: Interest, reputation: Reputation) -> None:
        self._core = core
        self._interest = interest
        self._reputation = reputation
        self._nearby: dict[bytes, str] = {}  # organisation → address, as the LAN says
        self._dialling: dict[str, float] = {}  # address → when we give up waiting for it
        self._dialling_org: dict[str, bytes | None] = {}  # who is expected there
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._ourselves: set[str] = set()
        self._parted: dict[bytes, float] = {}  # of those listened to: when the last link with it ended
        self._patient_until = 0.0
        self._unheard: set[bytes] = set()  # organisations that a person accepted, of whom nobody told us
        self._unheard_at = -1  # the ledger's stamp then

    # --- addresses -----------------------------------------------------------------------------
    def start(self, now: float) -> None:
        """The node starts: its seeds stand in the address book like all others."""
        for seed in self._core.settings.seeds:
            self._core.ledger.put_address(seed)
        self._core.agenda.at(("rotate",), now + self._core.around(ROTATE_SECONDS), self._rotate)
        self._core.agenda.at(("trim",), now + self._core.around(TRIM_SECONDS), self._trim)
        self._patient_until = now + PATIENCE_SECONDS
        self._core.agenda.at(("lonely",), self._patient_until, self.look)
        self.look(now)

    def add(self, address: Address, now: float) -> None:
        """Somebody may be reached there."""
        known = {held.address: held for held in self._core.ledger.addresses()}.get(address.address)
        if known is None or (known.source not in TRUSTED_SOURCES and address.source in TRUSTED_SOURCES):
            self._core.ledger.put_address(address)
        self._not_before.pop(address.address, None)
        self._soon(now)

    def nearby(self, org: bytes, address: str, now: float) -> None:
        """The LAN says that an organisation is there: a hint, until its handshake."""
        if org == self._core.me.org or not is_address(address):
            return
        if org in self._nearby or len(self._nearby) < NEARBY_MAX:
            self._nearby[org] = address
            self._soon(now)

    def no_longer_nearby(self, org: bytes) -> None:
        """The LAN says that it went."""
        self._nearby.pop(org, None)

    def nearby_addresses(self) -> dict[bytes, str]:
        """What the LAN says."""
        return dict(self._nearby)

    def read_endpoints(self) -> None:
        """Take over what profiles and vouches of those listened to say of addresses."""
        book = {held.address for held in self._core.ledger.addresses()}
        for org in self._interest.listened():
            own = self._core.ledger.endpoints(org)[:ENDPOINTS_MAX]
            found = [(org, endpoint, "profile") for endpoint in own]
            for vouch in self._core.ledger.vouches(org, VOUCHES_READ_MAX):
                if self._interest.listens(vouch.org):
                    found += [(vouch.org, endpoint, "vouch") for endpoint in vouch.endpoints[:ENDPOINTS_MAX]]
            for who, endpoint, source in found:
                if endpoint not in book and is_address(endpoint):
                    book.add(endpoint)
                    self._core.ledger.put_address(Address(endpoint, who, source))

    def peers_known(self) -> bool:
        """Whether there is anybody to ask; one that is followed may be known by its own calls alone."""
        ledger = self._core.ledger
        return bool(self._nearby or ledger.accepted()) or any(True for _ in ledger.addresses())

    def random_address(self) -> Address | None:
        """Somebody of the address book whom we are not linked with."""
        is_free = self._freedom()
        return next((one for one in self._in_any_order() if self._may_dial(one) and is_free(one)), None)

    # --- dialling ------------------------------------------------------------------------------
    def look(self, now: float) -> None:
        """Dial whom we should be linked with and are not."""
        self._dialling = {address: end for address, end in self._dialling.items() if end > now}
        self._dialling_org = {address: self._dialling_org.get(address) for address in self._dialling}
        many, waiting = self.knows_many(), []
        if many and (unheard := self._not_heard_of()):
            room = self._room(many, now)
            if now >= self._patient_until:  # by then others told us of those they know: one more at a time
                room = max(room, min(1 - len(self._dialling), LINKS_ACTIVE_MIN - self._outgoing()))
            waiting = self._dial_some(unheard, room, many, now)
        places = self._in_any_order() if many else self._book()
        waiting += self._dial_some(places, self._room(many, now), many, now)
        waiting += self._dialling.values()
        if waiting:
            self._core.agenda.at(("look",), max(now + 1, min(waiting)), self.look)

    def _dial_some(self, places: Iterable[Address], room: int, many: bool, now: float) -> list[float]:
        """Dial as many as there is room for; when to look again for want of somebody who may be dialled now.

        With all links there nobody is looked at: whoever of them ends makes us look again.
        """
        is_free, waiting = self._freedom(), []
        for address in places if room > 0 else ():
            if not self._may_dial(address) or not is_free(address):
                continue
            when = max(self._not_before.get(address.address, 0.0), self._away_until(address, now))
            if when > now:
                waiting.append(when)
            elif self._adds_variety(address, few=not many):
                self.dial(address, now)
                room -= 1
                if room == 0:
                    return []
        return waiting

    def _not_heard_of(self) -> list[Address]:
        """Where those are whom a person accepted and nobody told us of, or whoever a person says."""
        ledger, stamp = self._core.ledger, self._core.ledger.interest_stamp()
        if stamp != self._unheard_at:
            self._unheard_at, accepted = stamp, ledger.accepted()
            self._unheard = {org for org in accepted if org in self._unheard or ledger.chain(org) is None}
        self._unheard = {org for org in self._unheard if ledger.log(log_id(org, PUBLIC)) is None}
        return [one for one in self._in_any_order() if one.org in self._unheard or self._is_unmet(one)]

    def _is_unmet(self, address: Address) -> bool:
        return address.org is None and address.source in TRUSTED_SOURCES

    def _soon(self, now: float) -> None:
        self._core.agenda.at(("look",), now, self.look)

    def _book(self) -> Iterator[Address]:
        """All addresses, those of the LAN first."""
        nearby = [Address(address, org, "lan") for org, address in self._nearby.items()]
        seen = {address.address for address in nearby}
        return chain(nearby, (one for one in self._core.ledger.addresses() if one.address not in seen))

    def _in_any_order(self) -> Iterator[Address]:
        """All addresses, by chance: who needs the first few does not pay for the others."""
        left = list(self._book())
        while left:
            at = int(self._core.chance() * len(left))
            left[at], left[-1] = left[-1], left[at]
            yield left.pop()

    def _may_dial(self, address: Address) -> bool:
        if address.address in self._ourselves or address.org == self._core.me.org:
            return False
        return address.org is None or not self._interest.blocked(address.org)

    def _freedom(self) -> Callable[[Address], bool]:
        """Tells those that are not dialled now, and lead to nobody with whom a direct link stands.

        Or to somebody whose key is newer than the last meeting there: a link under it may be a thief's.
        """
        sessions = [session for session in self._core.sessions.values() if not session.via]
        busy = {session.address for session in sessions} | self._dialling.keys()
        linked = {session.org for session in sessions if session.org}
        return lambda address: (
            address.address not in busy
            and (address.org not in linked or self._was_met_under_an_older_key(address))
        )

    def _was_met_under_an_older_key(self, address: Address) -> bool:
        chain = self._core.ledger.chain(address.org) if address.org is not None else None
        return chain is not None and chain.epoch > 0 and 0 < address.last_met < chain.ops[-1].held_since

    def is_free(self, address: Address) -> bool:
        """Whether nobody is linked or being dialled there."""
        return self._freedom()(address)

    def _outgoing(self) -> int:
        sessions = self._core.sessions.values()
        return len(self._dialling) + sum(session.outgoing and not session.via for session in sessions)

    def _room(self, many: bool, now: float) -> int:
        settings = self._core.settings
        links = len(self._core.sessions) + len(self._dialling)
        outgoing = self._outgoing()
        # Callers may take all places, not those of the few that we chose ourselves.
        places = max(settings.links_max - links, LINKS_OUTGOING_MIN - outgoing)
        if not many:
            return places
        wanted = LINKS_OUTGOING_MIN - outgoing
        if now >= self._patient_until:  # as many again will call, once they know us
            wanted = max(wanted, settings.links_active_min - links)
        return min(wanted, places)

    def _adds_variety(self, address: Address, *, few: bool) -> bool:
        """Not the third of one subnet, nor more than half of what we dial introduced by one peer."""
        if few or address.source in TRUSTED_SOURCES:
            return True
        subnet = subnet_of_address(address.address)
        if subnet and self._links_in(subnet) >= LINKS_A_SUBNET_MAX:
            return False
        voucher = self._interest.voucher(address.org) if address.org is not None else b""
        return not voucher or self._links_by(voucher) < LINKS_BY_ONE_INTRODUCER_MAX

    def _links_in(self, subnet: str) -> int:
        dialled = sum(subnet_of_address(address) == subnet for address in self._dialling)
        return dialled + sum(session.subnet == subnet for session in self._core.sessions.values())

    def _links_by(self, voucher: bytes) -> int:
        """Links that we dialled, or are dialling, with those whom one organisation introduced."""
        orgs = [session.org for session in self._core.sessions.values() if session.outgoing]
        orgs += [org for org in self._dialling_org.values() if org is not None]
        return sum(self._interest.voucher(org) == voucher for org in orgs if org)

    def knows_many(self) -> bool:
        """Whether links are chosen: with few peers everybody is linked with everybody."""
        return any(True for _ in islice(filter(self._may_dial, self._book()), PEERS_FEW - 1, None))

    def is_trusted(self, address: str) -> bool:
        """Whether a person gave this address."""
        book = self._core.ledger.addresses()
        return any(held.address == address and held.source in TRUSTED_SOURCES for held in book)

    def _away_until(self, address: Address, now: float) -> float:
        return now + self._reputation.away_seconds(address.org, now) if address.org is not None else 0.0

    def dial(self, address: Address, now: float) -> None:
        """Dial; the shell answers with ``opened`` or ``dial_failed``."""
        self._dialling[address.address] = now + 3 * HANDSHAKE_SECONDS_MAX
        self._dialling_org[address.address] = address.org
        self._core.do(Dial(address.address, address.org, address.source in TRUSTED_SOURCES))

    # --- what came of it -----------------------------------------------------------------------
    def opened(self, address: str) -> None:
        """A link that we dialled is open."""
        self._dialling.pop(address, None)
        self._dialling_org.pop(address, None)

    def met(self, session: Session, now: float) -> None:
        """A handshake is complete: at this address is this organisation."""
        self._parted.pop(session.org, None)
        if not session.outgoing or session.via:
            return
        for held in self._core.ledger.addresses():
            if held.address == session.address:
                self._core.ledger.put_address(Address(held.address, session.org, held.source, int(now)))
                return

    def unreachable(self, address: str, now: float) -> None:
        """Nobody answered there; of few, whoever was linked today is tried often: who else has its news?"""
        org = self._dialling_org.get(address)
        since = self._parted.get(org, 0.0) if org is not None else 0.0
        most = REDIAL_SECONDS_MAX
        if now - since < PARTED_SECONDS and not self.knows_many():
            missing = sum(now - parted < PARTED_SECONDS for parted in self._parted.values())
            most = min(most, REDIAL_FEW_SECONDS * missing)
        self.failed(address, now, at_most=most)

    def failed(
        self, address: str, now: float, *, at_least: float = 1.0, at_most: float = REDIAL_SECONDS_MAX
    ) -> None:
        """Nobody there, or not whom we expected: again after a pause."""
        self.opened(address)
        failures = self._failures[address] = self._failures.get(address, -1) + 1
        pause = min(at_most, REDIAL_SECONDS * 2 ** min(failures, 16))
        self._not_before[address] = now + max(at_least, pause * self._core.chance())
        self._soon(now)

    def met_ourselves(self, address: str) -> None:
        """This address is our own."""
        self._ourselves.add(address)

    def lost(self, session: Session, now: float) -> None:
        """A link is gone."""
        if session.listened and session.chain is not None and self._core.session_of(session.org) is None:
            self._parted[session.org] = now
        if session.via:
            return
        if now - session.since > LASTED_SECONDS:
            self._unheard.discard(session.org)  # it had its say
        if session.outgoing:
            if now - session.since > LASTED_SECONDS:
                self._failures.pop(session.address, None)
            self.failed(session.address, now, at_least=max(1.0, session.wanted_back_after))
        else:
            self._soon(now)

    def _trim(self, now: float) -> None:
        """Where too many call, some leave that would not miss us: else a few carry most of what is said.

        One in eight of those too many: a federation whose members all begin with its address has room soon.
        """
        self._core.agenda.at(("trim",), now + self._core.around(TRIM_SECONDS), self._trim)
        links = [session for session in self._core.ready() if not session.via and not session.lan]
        if len(links) <= LINKS_CROWDED or not self.knows_many():
            return
        callers = [session for session in links if not session.outgoing and session.hears_others]
        settled = [session for session in callers if now - session.since > TRIM_SECONDS]
        settled.sort(key=lambda session: (session.delivered, session.since))
        for least in settled[: -(-(len(links) - LINKS_CROWDED) // LEAVE_ONE_IN)]:
            least.end(CLOSE_NORMAL, "many are linked here: there is more room elsewhere", now)

    def _rotate(self, now: float) -> None:
        """Exchange one link, so that no part of a large network is alone with itself."""
        self._core.agenda.at(("rotate",), now + self._core.around(ROTATE_SECONDS), self._rotate)
        links = [session for session in self._core.ready() if session.outgoing and not session.via]
        if len(links) < LINKS_OUTGOING_MIN or not self.knows_many():
            return
        least = min(session.delivered for session in links)
        lazy = [session for session in links if session.delivered == least]
        lazy[int(self._core.chance() * len(lazy))].end(CLOSE_NORMAL, "making room for another", now)
        for session in links:
            session.delivered = 0


def is_address(given: str) -> bool:
    """Whether it could be dialled."""
    try:
        check_address(given)
    except Malformed:
        return False
    return True
