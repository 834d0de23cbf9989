"""Which links stay: one between the same two, and no more than there are places."""

from __future__ import annotations

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.core import Core
from mutunode.protocol.errors import Code
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.interest import Interest
from mutunode.protocol.limits import LINKS_A_SUBNET_MAX, LINKS_OUTGOING_MIN
from mutunode.protocol.session import CLOSE_NORMAL, CLOSE_QUOTA, Session

STRANGER, INTRODUCED, ACCEPTED = 0, 1, 2  # by a person

SAME = "another link with the same stays"
SAME_SECONDS = 2.0  # a round: HEAD and SINCE asked and answered
TURN_SECONDS = 30  # that a caller has a place, where more want one than there are


class LinkInfo(msgspec.Struct, frozen=True):
    """A link, as people may see it."""

    link: int
    org: bytes  # empty before the other side's HELLO
    name: str  # as its genesis says; empty while its chain is not known
    address: str
    outgoing: bool
    lan: bool
    ready: bool
    listened: bool
    since: float
    score: float
    via: bytes = b""  # the organisation that relays it
    relays: bool = False  # it would relay for us


def info(core: Core, session: Session) -> LinkInfo:
    """What people may see of a session."""
    chain = session.chain or core.ledger.chain(session.org)
    return LinkInfo(
        link=session.link,
        org=session.org,
        name=chain.name if chain is not None else "",
        address=session.address,
        outgoing=session.outgoing,
        lan=session.lan,
        ready=session.is_ready,
        listened=session.listened,
        since=session.since,
        score=core.ledger.score(session.org)[0] if session.org else 0.0,
        via=session.via,
        relays=session.outgoing and not session.via and messages.RELAY in session.features,
    )


def keep_one(core: Core, session: Session, now: float) -> bool:
    """Of two links between the same two, the one dialled by the smaller id stays; whether the new one does.

    Of two that were dialled by the same side, the dialler ends the older one: only it knows which of them
    is alive. A link of its own takes the place of a relayed one. A new one that does not stay is given a
    moment: behind it there may be another machine with the same key, and its heads tell.
    """
    for other in [other for other in core.ready() if other.org == session.org]:
        if other is session:
            continue
        if bool(other.via) != bool(session.via):
            (other if other.via else session).end(CLOSE_NORMAL, "a direct link with the same stays", now)
            continue
        if not other.outgoing and not session.outgoing:
            continue
        us_smaller = core.me.org < session.org
        keeps_new = other.outgoing == session.outgoing or session.outgoing == us_smaller
        if keeps_new:
            other.end(CLOSE_NORMAL, SAME, now)
        else:
            core.agenda.at(
                ("same", session.link), now + SAME_SECONDS, lambda then: session.end(CLOSE_NORMAL, SAME, then)
            )
    return not session.is_closed


def keep_spread(core: Core, session: Session, now: float) -> bool:
    """At most two links of one subnet, so that whoever rents many addresses is one neighbour."""
    same = [other for other in core.ready() if other.subnet == session.subnet and not other.trusted]
    if not session.subnet or session.trusted or len(same) <= LINKS_A_SUBNET_MAX:
        return True
    session.end(CLOSE_NORMAL, "enough links with this network", now)
    return False


def make_room(core: Core, interest: Interest, session: Session, now: float) -> bool:
    """With all places taken the least known leaves; whether the new one stays.

    Of the first few that we dial, one takes the place of a caller: else whoever has many keys and calls early
    would be all that we hear. Callers that are known as well as each other take turns: whoever was given our
    address alone would else stay outside for good.
    """
    ready = list(core.ready())
    if len(ready) <= core.settings.links_max:
        return True
    less_known = [other for other in ready if _knowing(interest, other) < _knowing(interest, session)]
    if not less_known and session.outgoing:
        callers = [other for other in ready if not other.outgoing and _knowing(interest, other) < ACCEPTED]
        less_known = callers if len(ready) - len(callers) <= LINKS_OUTGOING_MIN else []
    if less_known:
        leaves = min(less_known, key=_deserts)
    else:
        leaves = _had_its_turn(core, ready, interest, session, now) or session
    if leaves.listened:
        leaves.refuse(messages.PUSH, Code.BUSY, "others want a place too", now, TURN_SECONDS)
    leaves.end(CLOSE_QUOTA, "all places are taken", now)
    return leaves is not session


def _had_its_turn(
    core: Core, ready: list[Session], interest: Interest, session: Session, now: float
) -> Session | None:
    """The caller, known as well as this one, that had its place longest; one that hears others first.

    Nobody's turn ends one that brings what nobody else does, and such a one waits for nobody's turn.
    """
    knowing, is_needed = _knowing(interest, session), _is_needed(core, interest, session, now)
    if knowing == STRANGER or (session.outgoing and not is_needed):
        return None
    had = [
        other
        for other in ready
        if not other.outgoing
        and (is_needed or now - other.since >= TURN_SECONDS)
        and _knowing(interest, other) == knowing
        and not _is_needed(core, interest, other, now)
    ]
    return min(had, key=lambda other: (not other.hears_others, other.since), default=None)


def _is_needed(core: Core, interest: Interest, session: Session, now: float) -> bool:
    """Whether a person accepted it, and it introduces others, or is new here and nobody told us of it."""
    if _knowing(interest, session) != ACCEPTED:
        return False
    is_new = now - session.since < TURN_SECONDS
    return interest.introduces(session.org) or (
        is_new and core.ledger.log(log_id(session.org, PUBLIC)) is None
    )


def _knowing(interest: Interest, session: Session) -> int:
    distance = interest.distance(session.org)
    return STRANGER if distance is None else ACCEPTED if distance == 0 else INTRODUCED


def _deserts(session: Session) -> tuple[int, float]:
    """What a link did for us, then how long it has stood."""
    return session.delivered, -session.since
