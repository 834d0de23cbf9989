"""May this node sign? Not before its store agrees with the outside mark, and no peer holds more of its logs.

An old copy of the store put back would sign a second log beside the first, and nobody could tell that
from a lie. So the highest ``(epoch, size, root)`` of each own log is also kept outside the database; when
both agree, peers are asked for our own heads for five seconds at most; when they do not, what is lacking
is fetched first, and with nobody in reach a person decides (PROTOCOL §3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial

import msgspec

from mutunode.protocol import messages
from mutunode.protocol.chains import Chains
from mutunode.protocol.core import Core
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import PUBLIC, Head, log_id, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import Ledger
from mutunode.protocol.limits import ASK_OWN_HEAD_SECONDS
from mutunode.protocol.session import Reply, Session

Order = tuple[int, int, int]
Offer = Callable[[Head, Session, float], bool]


class Mark(msgspec.Struct, frozen=True):
    """The newest head of one own log as it is kept outside the database."""

    log: bytes
    epoch: int
    size: int
    root: bytes


class Reason(StrEnum):
    """Why a node does not sign; the words are the pages' affair."""

    NONE = ""
    ASKING = "asking"  # peers are asked whether they hold more than we do
    BEHIND = "behind"  # a peer does; it is being fetched
    STALE = "stale"  # the store is older than the mark, and no peer has what is missing
    SECOND_MACHINE = "second_machine"  # our key is in use elsewhere
    REPLACED = "replaced"  # another epoch was opened with another key
    DISPUTED = "disputed"  # two new starts of our own register contradict each other
    FORK = "fork"  # two registers were signed with our key: a new epoch heals it
    UNFINISHED = "unfinished"  # our newest epoch keeps leaves that we do not hold yet


class Signing(msgspec.Struct, frozen=True):
    """Whether this node may sign now, and if not, why."""

    allowed: bool
    reason: Reason = Reason.NONE
    epoch_due: bool = False  # allowed, and the newest epoch still lacks its first heads


class Signatory:
    """Watches over our own logs."""

    def __init__(self, core: Core, marks: Sequence[Mark], chains: Chains) -> None:
        self._core = core
        self._chains = chains
        self._marks = {mark.log: mark for mark in marks}
        self._asked_until: float | None = None  # None: not started
        self._answers = 0
        self._shown: set[bytes] = set()  # own logs of which a peer has shown a head that we signed
        self._agreed = False
        self._second_machine = False
        self._allowed_by_person = False
        self._ahead: dict[bytes, Order] = {}  # own logs of which a peer holds more, up to where

    # --- asking peers --------------------------------------------------------------------------
    def start(self, *, peers_known: bool, now: float) -> None:
        """The node starts; without a peer to ask there is nothing to wait for."""
        self._asked_until = now + (ASK_OWN_HEAD_SECONDS if peers_known else 0)

    def ask(self, session: Session, offer: Offer, now: float) -> None:
        """A link is ready: does it hold more of our logs than we do, or a newer chain of ours?

        A machine that was switched off while another one opened an epoch is refused as soon as its key is
        looked up; but IDENT is answered before that, and tells it why.
        """
        me = self._core.me.org
        identity = messages.Ident(0, me, 1)
        session.ask(identity, lambda reply, then: self._told(session, reply, then), now, urgent=True)

        def answered(log: bytes, reply: Reply, then: float) -> None:
            if isinstance(reply, messages.Heads):
                self._answers += 1
                for head in reply.heads:
                    self._note(log, head)
                    offer(head, session, then)

        for log in self._own_logs():
            session.ask(messages.AskHead(0, log), partial(answered, log), now, urgent=True)

    def _note(self, log: bytes, head: Head) -> None:
        chain = self._core.ledger.chain(self._core.me.org)
        if head.log == log and chain is not None and _verifies(head, chain):
            self._shown.add(log)

    def _told(self, session: Session, reply: Reply, now: float) -> None:
        self._chains.introduced(session, self._core.me.org, reply, now)

    def _own_logs(self) -> list[bytes]:
        me = self._core.me.org
        return sorted({log_id(me, PUBLIC), *self._core.ledger.logs_of(me), *self._marks})

    # --- what peers show -----------------------------------------------------------------------
    def saw(self, head: Head) -> None:
        """A peer showed a head of one of our own logs: if we signed it and lack it, we are behind."""
        held = self._core.ledger.log(head.log)
        ours = held.head if held is not None else None
        if ours is not None and (head.epoch, head.size) <= (ours.epoch, ours.size):
            return
        chain = self._core.ledger.chain(self._core.me.org)
        if chain is None or head.order <= self._ahead.get(head.log, (0, 0, -1)) or not _verifies(head, chain):
            return
        if head.epoch < chain.epoch and self._is_base_held(chain):
            return  # of an epoch that is over, and all that is kept of it is here
        if not self._ahead:
            self._core.tell(NoticeKind.BEHIND, self._core.me.org)
        self._ahead[head.log] = head.order

    def committed(self, head: Head) -> None:
        """What was lacking of one of our own logs is here."""
        lacking = self._ahead.get(head.log)
        if lacking is not None and head.order >= lacking:
            del self._ahead[head.log]
            if not self._ahead:
                self._core.tell(NoticeKind.CAUGHT_UP, self._core.me.org)

    def saw_second_machine(self) -> None:
        """Somebody else proved to hold our current key."""
        if not self._second_machine:
            self._second_machine = True
            self._core.tell(NoticeKind.SECOND_MACHINE, self._core.me.org)

    # --- what may be said ----------------------------------------------------------------------
    def allow(self) -> None:
        """A person says that this is the only machine, and that nothing newer than its store exists."""
        self._allowed_by_person = True
        self._second_machine = False

    @property
    def lacks_base(self) -> bool:
        """Whether our newest epoch keeps leaves of the public log that are not here."""
        chain = self._core.ledger.chain(self._core.me.org)
        return chain is not None and not self._is_base_held(chain)

    def signing(self, now: float) -> Signing:
        """Whether we may sign now."""
        reason = self._reason(now)
        if reason is not Reason.NONE:
            return Signing(False, reason)
        return Signing(True, epoch_due=bool(heads_due(self._core.ledger, self._core.me.org)))

    def _reason(self, now: float) -> Reason:
        chain = self._core.ledger.chain(self._core.me.org)
        if chain is not None and chain.disputed:
            return Reason.DISPUTED
        if chain is not None and chain.operating != self._core.me.operating:
            return Reason.REPLACED
        if self._second_machine:
            return Reason.SECOND_MACHINE
        if self._own_fork():
            return Reason.FORK
        if self._is_behind():
            return Reason.BEHIND
        if self._asked_until is None or (now < self._asked_until and not self._answers):
            return Reason.ASKING
        if chain is not None and not self._is_base_held(chain):
            return Reason.UNFINISHED
        if not self._agrees() and not self._allowed_by_person:
            return Reason.STALE
        return Reason.NONE

    def _own_fork(self) -> bool:
        """Whether two registers of our newest epoch exist; in an older one, this epoch has ended it."""
        ledger, me = self._core.ledger, self._core.me.org
        chain = ledger.chain(me)
        held = (ledger.log(log) for log in ledger.logs_of(me))
        frozen = [log for log in held if log is not None and log.frozen]
        return any(chain is None or ledger.evidence(log.log, chain.epoch) is not None for log in frozen)

    def _is_behind(self) -> bool:
        chain = self._core.ledger.chain(self._core.me.org)
        over = chain is not None and self._is_base_held(chain)
        return any(not over or chain is None or epoch >= chain.epoch for epoch, _, _ in self._ahead.values())

    def _is_base_held(self, chain: Chain) -> bool:
        """Whether what our newest epoch keeps of the public log is here, so that it can be gone on with."""
        if not chain.epoch:
            return True
        ledger, log = self._core.ledger, log_id(chain.org, PUBLIC)
        held = ledger.log(log)
        if held is not None and held.head is not None and held.head.epoch >= chain.epoch:
            return True
        base = chain.op(chain.epoch).op.base
        return base.size <= (held.size if held is not None else 0) and (
            ledger.root_at(log, base.size) == base.root
        )

    def _agrees(self) -> bool:
        """Whether store and mark agree; once they did, the shell keeps them so."""
        if not self._agreed:
            self._agreed = all(self._holds(mark) for mark in self._marks.values()) and self._are_marked()
        return self._agreed

    def _holds(self, mark: Mark) -> bool:
        held = self._core.ledger.log(mark.log)
        if held is None or held.head is None:
            return not mark.size  # marked before its first entry: a crash there leaves nothing signed
        if held.head.epoch < mark.epoch:
            return False
        if held.head.epoch > mark.epoch:
            return True
        return held.size >= mark.size and self._core.ledger.root_at(mark.log, mark.size) == mark.root

    def _are_marked(self) -> bool:
        """Whether every log that holds something has a mark; without one, a peer's word will do.

        The word of one that holds the log: that a stranger has nothing of it says nothing.
        """
        held = (self._core.ledger.log(log) for log in self._core.ledger.logs_of(self._core.me.org))
        known = self._marks.keys() | self._shown
        return all(log is None or not log.size or log.log in known for log in held)


def heads_due(ledger: Ledger, org: bytes) -> list[bytes]:
    """Spaces of our logs that lack a head of our newest epoch: opening it gives one to each of them."""
    chain = ledger.chain(org)
    if chain is None or not chain.epoch:
        return []
    logs = {PUBLIC: ledger.log(log_id(org, PUBLIC))}
    logs |= {held.space: held for log in ledger.logs_of(org) if (held := ledger.log(log)) is not None}
    return [
        space
        for space, held in logs.items()
        if held is None or held.head is None or held.head.epoch < chain.epoch
    ]


def _verifies(head: Head, chain: Chain) -> bool:
    try:
        verify_head(head, chain)
    except Invalid:
        return False
    return True
