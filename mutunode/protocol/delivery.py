"""DELIVER arrives: one proven record by somebody whose log we need not hold, for a person to look at.

What it costs is paid in this order, the cheapest first: the proof (hashes alone), whether it concerns us (of
a sealed record: a try with our keys), what strangers may leave, and last the author's chain, asked on the
same link when we do not hold it. Stored in the turn that answers TAKEN, and once however often it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.chains import Chains
from mutunode.protocol.concern import Concern, concern
from mutunode.protocol.core import Core
from mutunode.protocol.entry import Header, check_body, decode_body, is_ref, parse_header, rec_id
from mutunode.protocol.errors import Broken, Code, Invalid, Malformed, Refused
from mutunode.protocol.head import PUBLIC, Head, log_id, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.interest import Interest
from mutunode.protocol.invitation import INVITE, check, token_hash, token_in
from mutunode.protocol.ledger import Delivered, DeliveredState, Invitation, Stance
from mutunode.protocol.limits import (
    ADDRESS_BYTES_MAX,
    DELIVERED_BYTES_MAX,
    DELIVERED_DAY_MAX,
    DELIVERED_LISTENED_BYTES_MAX,
    DELIVERED_LISTENED_MAX,
    DELIVERED_WAITING_MAX,
    FUTURE_SECONDS_MAX,
    STRANGER_IN_FLIGHT_MAX,
)
from mutunode.protocol.merkle import leaf_hash, verify_inclusion
from mutunode.protocol.messages import Deliver
from mutunode.protocol.session import Reply, Session

DAY_SECONDS = 86_400
WITHDRAWAL = "withdrawal"  # one that erases is brought as it stands; another one is sealed for the reader
ENDPOINTS_MAX = 8


class Letter(msgspec.Struct, frozen=True):
    """A delivery whose proof holds and that concerns us."""

    deliver: Deliver
    rec: bytes
    concern: Concern
    held: bool  # its log is held here, and it stands there

    @property
    def org(self) -> bytes:
        """Its author."""
        return self.deliver.head.org

    @property
    def erases(self) -> bool:
        """Whether it erases what was brought here before, for all to see."""
        return self.concern.kind == WITHDRAWAL and not self.concern.inside

    @property
    def size(self) -> int:
        """What it takes."""
        return len(self.deliver.header) + len(self.deliver.salt) + len(self.deliver.body)


class Known(Exception):
    """It is here already."""


class Deliveries:
    """Takes what is brought, or says why not."""

    def __init__(
        self,
        core: Core,
        chains: Chains,
        interest: Interest,
        offer: Callable[[Head, Session, float], object],
        on_followed: Callable[[float], None],
    ) -> None:
        self._core = core
        self._chains = chains
        self._interest = interest
        self._offer = offer
        self._on_followed = on_followed
        self._asking: dict[int, int] = {}  # link → deliveries that wait for a chain

    def take(self, session: Session, deliver: Deliver, now: float) -> None:
        """Answer a delivery, now or when its author's chain is there."""
        try:
            letter = self._read(deliver, now)
            self._check_room(letter, session, now)
            chain = self._chain_of(letter, session)
            if chain is None or not _verifies(deliver.head, chain):
                self._ask_chain(letter, session, now)
                return
            self._keep(letter, chain, session, now)
        except Known:
            pass
        except Refused as refused:
            session.refuse(deliver.id, refused.code, refused.what, now)
            return
        session.send(messages.Taken(deliver.id), now)

    def forget(self, session: Session) -> None:
        """The link is gone."""
        self._asking.pop(session.link, None)

    # --- what it is ----------------------------------------------------------------------------
    def _read(self, deliver: Deliver, now: float) -> Letter:
        head = deliver.head
        header = _header(deliver)
        if head.space != PUBLIC or head.org == self._core.me.org or self._interest.blocked(head.org):
            raise Refused(Code.REFUSED, "not taken")
        if head.time > now + FUTURE_SECONDS_MAX:
            raise Refused(Code.REFUSED, "a head of a time to come")
        leaf = leaf_hash(deliver.header)
        if not verify_inclusion(leaf, deliver.index, head.size, deliver.path, head.root):
            raise Refused(Code.REFUSED, "the record is not proven")
        rec = rec_id(head.log, leaf)
        self._look_for(rec)
        own_log = log_id(self._core.me.org, PUBLIC)
        try:
            body = decode_body(deliver.body)
            found = self._takes_back(header.kind, body, deliver) or concern(
                header.kind, body, head.log, self._core.me.org, own_log, self._core.me.opens
            )
        except Malformed:
            found = None
        held = self._core.ledger.leaves(head.log, deliver.index, deliver.index + 1) == [leaf]
        if held and (found is None or token_in(found.kind, found.body) is None):
            raise Known  # its log came by itself; only a token has to be shown
        if found is None:
            raise Refused(Code.REFUSED, "it does not concern this organisation")
        if not found.about:
            found = msgspec.structs.replace(found, about=rec)
        return Letter(deliver, rec, found, held)

    def _takes_back(self, kind: str, body: dict[str, Any], deliver: Deliver) -> Concern | None:
        """A withdrawal that erases what was brought here: it concerns us as that did."""
        target = body.get("target")
        if kind != WITHDRAWAL or body.get("erase") is not True or not isinstance(target, list):
            return None
        if not is_ref(target) or target[0] != deliver.head.log or target[1] >= deliver.index:
            return None
        brought = self._core.ledger.delivered(rec_id(target[0], target[2]))
        if brought is None or brought.index != target[1]:
            return None
        if brought.state == "erased":
            raise Known  # it has gone: more of the same would only fill the room of others
        return Concern(WITHDRAWAL, body, b"", about=target[2])

    def _look_for(self, rec: bytes) -> None:
        """The same again has no effect."""
        if self._core.ledger.delivered(rec) is not None:
            raise Known

    # --- what strangers may leave --------------------------------------------------------------
    def _check_room(self, letter: Letter, session: Session, now: float) -> Invitation | None:
        """Raise ``Refused`` when there is none; a token opens the door, one that is void closes it."""
        if letter.erases:
            return None  # it takes away, and comes once for each thing that was brought
        token = token_in(letter.concern.kind, letter.concern.body)
        if token is not None and letter.concern.body.get("org") == self._core.me.org:
            return check(self._core.ledger.invitation(token_hash(token)), int(now))
        takes_a_place = self._core.ledger.delivered_about(letter.org, letter.concern.about) is None
        if self._interest.listens(letter.org):
            self._check_room_of_one(letter, takes_a_place)
        else:
            self._check_strangers_room(letter, session, takes_a_place, now)
        return None

    def _check_room_of_one(self, letter: Letter, takes_a_place: bool) -> None:
        """Who is listened to has a register for what it says; this is a way in beside it."""
        waiting, content = self._core.ledger.left_by(letter.org)
        if takes_a_place and waiting >= DELIVERED_LISTENED_MAX:
            raise Refused(Code.LIMIT, "too much of this author waits for a person here")
        if content + letter.size + len(letter.concern.inside) > DELIVERED_LISTENED_BYTES_MAX:
            raise Refused(Code.LIMIT, "this author left as much as one may")

    def _check_strangers_room(
        self, letter: Letter, session: Session, takes_a_place: bool, now: float
    ) -> None:
        ledger = self._core.ledger
        if letter.size > DELIVERED_BYTES_MAX:
            raise Refused(Code.LIMIT, f"a stranger may leave {DELIVERED_BYTES_MAX} bytes")
        if ledger.strangers_from(subnet(session.address), int(now) - DAY_SECONDS) >= DELIVERED_DAY_MAX:
            raise Refused(Code.LIMIT, "enough was left from there today")
        if takes_a_place and ledger.strangers_waiting() >= DELIVERED_WAITING_MAX:
            raise Refused(Code.LIMIT, "too much waits for a person here")

    # --- who signed it -------------------------------------------------------------------------
    def _chain_of(self, letter: Letter, session: Session) -> Chain | None:
        return self._chains.known(letter.org) or (session.chain if session.org == letter.org else None)

    def _ask_chain(self, letter: Letter, session: Session, now: float) -> None:
        under_way = self._asking.get(session.link, 0)
        if under_way >= STRANGER_IN_FLIGHT_MAX:
            session.say_busy(letter.deliver.id, now)
            return
        self._asking[session.link] = under_way + 1
        ask = messages.Ident(0, letter.org, 1)
        session.ask(ask, lambda reply, then: self._introduced(letter, session, reply, then), now)

    def _introduced(self, letter: Letter, session: Session, reply: Reply, now: float) -> None:
        if session.link in self._asking:
            self._asking[session.link] -= 1
        chain = self._chains.introduced(session, letter.org, reply, now)
        if session.is_closed:
            return
        deliver = letter.deliver
        try:
            if chain is None or not _verifies(deliver.head, chain):
                raise Refused(Code.REFUSED, "its author's signature does not verify")
            self._look_for(letter.rec)  # meanwhile …
            self._check_room(letter, session, now)
            self._keep(letter, chain, session, now)
        except Known:
            pass
        except Refused as refused:
            session.refuse(deliver.id, refused.code, refused.what, now)
            return
        session.send(messages.Taken(deliver.id), now)

    # --- keeping -------------------------------------------------------------------------------
    def _keep(self, letter: Letter, chain: Chain, session: Session, now: float) -> None:
        """Everything was checked: store it, in the turn of the answer."""
        ledger, deliver = self._core.ledger, letter.deliver
        invitation = self._check_room(letter, session, now)
        stranger = invitation is None and not self._interest.listens(letter.org)
        if stranger and _chain_bytes(chain) > DELIVERED_BYTES_MAX:
            raise Refused(Code.LIMIT, "its author's chain is longer than a stranger may leave")
        if ledger.chain(letter.org) is None:
            ledger.put_chain(chain)
        if letter.erases:
            self._erase(letter)
        elif letter.concern.kind == WITHDRAWAL:
            self._take_back(letter)
        brought = Delivered(
            rec=letter.rec,
            org=letter.org,
            index=deliver.index,
            header=deliver.header,
            salt=deliver.salt,
            body=deliver.body,
            kind=letter.concern.kind,
            inside=letter.concern.inside,
            about=letter.concern.about,
            subnet=subnet(session.address),
            stranger=stranger,
            received_at=int(now),
            endpoints=_endpoints(letter.concern),
            state=_state(letter, invitation),
        )
        before = ledger.delivered_about(letter.org, letter.concern.about)
        if before is not None and before.index > deliver.index:
            brought = msgspec.structs.replace(brought, state="ignored")  # a later version is here
        elif before is not None:
            ledger.put_delivered(msgspec.structs.replace(before, state="ignored"))
        ledger.put_delivered(brought)
        if invitation is not None:
            self._use(invitation, letter.org, now)
        if self._interest.listens(letter.org):
            self._offer(deliver.head, session, now)  # its log comes by itself

    def _erase(self, letter: Letter) -> None:
        """Drop what its author takes back; that it was brought is remembered: it is not taken again."""
        rec = rec_id(letter.deliver.head.log, letter.concern.about)
        brought = self._core.ledger.delivered(rec)
        if brought is not None:
            self._core.ledger.put_delivered(msgspec.structs.replace(brought, state="erased"))

    def _take_back(self, letter: Letter) -> None:
        """The author takes back what it had brought: nothing of that stays."""
        target: Any = letter.concern.body.get("target")
        if not is_ref(target) or target[0] != letter.deliver.head.log:
            return
        before = self._core.ledger.delivered(rec_id(target[0], target[2]))
        if before is not None and before.state not in ("settled", "erased"):
            self._core.ledger.put_delivered(msgspec.structs.replace(before, state="ignored"))

    def _use(self, invitation: Invitation, org: bytes, now: float) -> None:
        ledger = self._core.ledger
        ledger.put_invitation(msgspec.structs.replace(invitation, used_by=org, used_at=int(now)))
        if invitation.follows and not ledger.stance(org).accepted:
            ledger.put_stance(org, Stance(accepted=True))
            self._on_followed(now)


def _header(deliver: Deliver) -> Header:
    try:
        header = parse_header(deliver.header)
        if isinstance(header, Header):
            check_body(header, deliver.salt, deliver.body)
            return header
    except (Broken, Invalid):
        pass
    raise Refused(Code.REFUSED, "the content is not the one that its header speaks of")


def _state(letter: Letter, invitation: Invitation | None) -> DeliveredState:
    """What it is from the beginning."""
    if letter.held:
        return "settled"  # read where it stands
    if letter.concern.kind == WITHDRAWAL:
        return "ignored"  # it has done what it came for
    return "answered" if invitation is not None and invitation.follows else "waiting"


def _verifies(head: Head, chain: Chain) -> bool:
    if chain.disputed or head.epoch < chain.epoch:
        return False
    try:
        verify_head(head, chain)
    except Invalid:
        return False
    return True


def _chain_bytes(chain: Chain) -> int:
    return len(chain.genesis.raw) + sum(len(each.op.raw) + len(each.signature) for each in chain.ops)


def _endpoints(said: Concern) -> tuple[str, ...]:
    """Where an invitation says that its author is reached."""
    given = said.body.get("endpoints") if said.kind == INVITE else None
    texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    return tuple(each for each in texts if 0 < len(each.encode()) <= ADDRESS_BYTES_MAX)[:ENDPOINTS_MAX]


def subnet(address: str) -> str:
    """The /24 or /48 of an address of a link; of a name, the name."""
    host = address.removeprefix("wss://").rpartition(":")[0] or address
    try:
        ip = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False))
