"""What must hold at any moment of any simulated network, looked at after every turn.

Each rule of PROTOCOL that a network can break has a check here; ``Watch`` raises ``Broken`` with the seed, so
that the very same run can be looked at again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mutunode.protocol import messages, rows
from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.head import Head, verify_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.limits import (
    FRAME_BYTES_MAX,
    HELD_REQUESTS_MAX,
    IN_FLIGHT_MAX,
    NEARBY_MAX,
    SEND_BUFFER_BYTES_MAX,
)
from mutunode.protocol.merkle import Compact
from mutunode.protocol.rivals import is_kept
from mutunode.protocol.session import Session
from mutunode.store.meaning import leaf_of
from mutunode.store.memory_contents import Log
from tests.simulator.actor import Actor
from tests.simulator.world import Wire, World

APPOINTMENTS_A_LINK_MAX = 2 * IN_FLIGHT_MAX + 64
BACKLOG_MAX = 20_000  # our own questions that wait for a peer's pace
COVERED_MAX = 10_000  # registers that are remembered to be whole
HEADS, ENTRIES = 3, 6  # the types of frames that announce, and that hold contents


class Violation(AssertionError):
    """A rule was broken; the seed plays it again."""


class Watch:
    """Looks at every turn of every honest node, or at one in ``one_in`` of them."""

    def __init__(self, world: World, *, one_in: int = 1) -> None:
        self._world = world
        self._one_in = one_in
        self.turns = 0  # of all, looked at or not
        self._seen: dict[str, dict[bytes, Log]] = {}  # what each held when it was looked at last
        self._erased: dict[str, dict[bytes, set[bytes]]] = {}
        self._leaves: dict[tuple[bytes, int], list[bytes]] = {}  # (log, epoch): the longest tree signed
        self._good: set[tuple[Head, bytes, int]] = set()  # with the key and base under which it verified
        self._passed = (b"", 0)  # the last frame that was looked into, and its heads: it goes to many links
        self._chains: dict[bytes, list[Chain]] = {}  # of each organisation, and of who stole a key of it
        self._covered: set[Log] = set()  # registers whose leaves give the root that their head has
        self.checks: Counter[str] = Counter()
        world.watchers.append(self.turn_done)
        world.witnesses.append(self.head_signed)
        world.eavesdroppers.append(self.frame_leaves)

    def _fail(self, what: str) -> None:
        raise Violation(f"seed {self._world.seed}, second {self._world.now - 1_700_000_000:.3f}: {what}")

    def _follow_epochs(self) -> None:
        self._chains.clear()
        for actor in self._world.actors.values():
            self._chains.setdefault(actor.org, []).append(actor.author.chain)

    # --- after a turn --------------------------------------------------------------------------
    def turn_done(self, actor: Actor) -> None:
        """An actor committed a turn."""
        self.turns += 1
        if not actor.is_honest or self.turns % self._one_in:
            return
        held, before = actor.store.state.logs, self._seen.get(actor.name, {})
        if len(held) < len(before):
            self._fail(f"{actor.name} forgot a register")
        changed = [log for log, now in held.items() if before.get(log) is not now]
        for log in changed:
            self._log_changed(actor, before.get(log), held[log])
        if changed:
            self._seen[actor.name] = dict(held)  # a crowd's stores change in place
        self._bounded(actor)

    def went_back(self, actor: Actor) -> None:
        """Its disk lied: what it held before is no measure any more."""
        self._seen.pop(actor.name, None)
        self._erased.pop(actor.name, None)

    def _log_changed(self, actor: Actor, before: Log | None, now: Log) -> None:
        head = now.head
        if before is not None and before.head is not None:
            went_back = head is None or (head.epoch, head.size) < (before.head.epoch, before.head.size)
            if went_back and self._stands(actor, before.head):
                self._fail(f"{actor.name} went from {before.head.order} back to {head and head.order}")
            self.checks["heads only grow"] += 1
            if went_back:
                self._keeps_what_stays(actor, before, now)
        if head is not None:
            self._verified(actor, now, head)
            self._may_have_signed(actor, head)
        elif now.committed and not self._stays(actor, now, now.committed):
            self._fail(f"{actor.name} holds without a head what no new start keeps")
        self._still_erased(actor, now)

    def _keeps_what_stays(self, actor: Actor, before: Log, now: Log) -> None:
        """Whoever leaves a branch still holds what the one that won keeps of it: it may be the only one."""
        if before.org == actor.org:
            return  # what stays of its own, a person says
        bases = [signed.op.base for signed in actor.store.state.chains[before.org].ops]
        for place, base in enumerate(bases):
            lasts = all(later.size >= base.size for later in bases[place:])
            if lasts and now.committed < base.size <= before.committed:
                tree = Compact.of(row.leaf for row in before.leaves[: base.size])
                if tree.root() == base.root:
                    self._fail(f"{actor.name} dropped what a new start keeps")
            self.checks["what a new start keeps stays"] += 1

    def _stays(self, actor: Actor, held: Log, size: int) -> bool:
        """Whether a new start keeps the first ``size`` of these leaves."""
        chain = actor.store.state.chains.get(held.org)
        return chain is not None and is_kept(chain, Compact.of(row.leaf for row in held.leaves[:size]))

    def _may_have_signed(self, actor: Actor, head: Head) -> None:
        """A core signs the first head of an epoch whose base it asked for: that is looked at like any."""
        chain = actor.store.state.chains[head.org]
        if head.org == actor.org and chain.operating_at(head.epoch) == actor.node.me.operating:
            self.head_signed(actor, head)

    def _verified(self, actor: Actor, held: Log, head: Head) -> None:
        chain = actor.store.state.chains.get(held.org)
        if chain is None or held.committed != head.size or not self._covers(held, head):
            self._fail(f"{actor.name} holds what its head does not cover, or of nobody it knows")
        assert chain is not None
        try:
            self._verifies(head, chain)
        except MutunodeError as error:
            self._fail(f"{actor.name} holds a head that does not verify: {error}")
        self.checks["what is held verifies"] += 1

    def _covers(self, held: Log, head: Head) -> bool:
        """Whether these leaves give the root; reckoned once for all who hold the same."""
        if held in self._covered:
            return True
        if Compact.of(row.leaf for row in held.leaves[: held.committed]).root() != head.root:
            return False
        if len(self._covered) >= COVERED_MAX:
            self._covered.clear()
        self._covered.add(held)
        return True

    def _verifies(self, head: Head, chain: Chain) -> None:
        """Raise what is wrong; what verified under the same key and base is not reckoned again."""
        known = head.epoch <= chain.epoch
        under = (head, chain.operating_at(head.epoch), chain.base(head.epoch)) if known else None
        if under is None or under not in self._good:
            verify_head(head, chain)
            assert under is not None
            self._good.add(under)

    def _stands(self, actor: Actor, head: Head) -> bool:
        """Whether a head is of the branch that is followed: what a stolen key signed ends with its epoch."""
        try:
            self._verifies(head, actor.store.state.chains[head.org])
        except MutunodeError:
            self.checks["a branch that lost is left"] += 1
            return False
        return True

    def _still_erased(self, actor: Actor, held: Log) -> None:
        erased = self._erased.setdefault(actor.name, {})
        if not held.erased and not erased.get(held.log):
            return  # nothing of it was ever erased
        gone = {record.rec: record for record in held.records.values()}
        for rec in erased.get(held.log, ()):
            if rec in gone and (gone[rec].state != "erased" or gone[rec].row.body):
                self._fail(f"{actor.name} brought an erased record back")
            self.checks["erased stays erased"] += 1
        erased[held.log] = {rec for rec, record in gone.items() if record.state == "erased"}

    def _bounded(self, actor: Actor) -> None:
        core = actor.node._core
        sessions = core.sessions
        appointments = 1_024 + APPOINTMENTS_A_LINK_MAX * (1 + len(sessions)) + 8 * len(actor.store.state.logs)
        if len(core.agenda._kept) > appointments:
            self._fail(f"{actor.name} has {len(core.agenda._kept)} appointments")
        for session in sessions.values():
            self._bounded_link(actor, session)
            if session.bad_answers and self._is_honest(session.org):  # silence may happen: links break
                self._fail(f"{actor.name} takes an honest peer for a liar")
        if len(actor.node._dialler._nearby) > NEARBY_MAX:
            self._fail(f"{actor.name} keeps too many addresses of the LAN")
        self.checks["queues are bounded"] += 1
        self.checks["nobody honest is taken for a liar"] += 1

    def _bounded_link(self, actor: Actor, session: Session) -> None:
        waiting, asks = len(session.waiting), len(session.asks)
        if waiting > HELD_REQUESTS_MAX and waiting > session.in_flight_max:
            self._fail(f"{actor.name} keeps {waiting} requests of one peer waiting")
        backlog = len(session.outbox) + len(session.patient)
        if asks > IN_FLIGHT_MAX or backlog > BACKLOG_MAX:
            self._fail(f"{actor.name} asks {asks} at once, {backlog} more wait")
        if session.buffered_bytes > SEND_BUFFER_BYTES_MAX + 2 * FRAME_BYTES_MAX:
            self._fail(f"{actor.name} lets {session.buffered_bytes} bytes stand for one peer")

    def _is_honest(self, org: bytes) -> bool:
        return all(actor.is_honest for actor in self._world.actors.values() if actor.org == org)

    # --- signatures ----------------------------------------------------------------------------
    def head_signed(self, actor: Actor, head: Head) -> None:
        """No honest node signs two heads that no one tree satisfies."""
        if not actor.is_honest:
            return
        leaves = [row.leaf for row in actor.store.state.logs[head.log].leaves[: head.size]]
        signed = self._leaves.setdefault((head.log, head.epoch), leaves)
        short, long = sorted((signed, leaves), key=len)
        if long[: len(short)] != short:
            self._fail(f"{actor.name} signed two registers")
        self._leaves[head.log, head.epoch] = long
        self.checks["one register each"] += 1

    # --- frames --------------------------------------------------------------------------------
    def frame_leaves(self, wire: Wire, frame: bytes) -> None:
        """An honest node passes on nothing it has not verified, and nothing it erased."""
        if not wire.owner.is_honest or len(frame) < 2 or frame[1] not in (HEADS, ENTRIES):
            return
        if frame[1] == ENTRIES:
            self._entries_leave(wire.owner, frame)
            return
        if frame is self._passed[0]:
            self.checks["what is passed on verifies"] += self._passed[1]
            return
        message: Any = messages.decode(frame)
        self._passed = (frame, len(message.heads))
        for head in message.heads:
            if not self._is_signed(head):
                self._follow_epochs()  # they are opened while it runs
                if not self._is_signed(head):
                    self._fail(f"{wire.owner.name} passes on a head that does not verify: {head}")
            self.checks["what is passed on verifies"] += 1

    def _is_signed(self, head: Head) -> bool:
        for chain in self._chains.get(head.org, ()):
            try:
                self._verifies(head, chain)
            except MutunodeError:
                continue
            return True
        return False

    def _entries_leave(self, owner: Actor, frame: bytes) -> None:
        message: Any = messages.decode(frame)
        held = owner.store.state.logs.get(message.log)
        if held is None or not held.erased:
            return
        for header, _, body in rows.unpack(message.enc, message.payload):
            if body and leaf_of(header) in held.erased:
                self._fail(f"{owner.name} serves what it erased")
            self.checks["what is erased is not served"] += 1

    # --- at the end ----------------------------------------------------------------------------
    def conserved(self) -> None:
        """Every frame that left arrived, was lost with its link, or is under way."""
        count = self._world.count
        under_way = sum(
            action.__name__ == "_arrive" and not given[2] for _, _, action, given in self._world._events
        )
        stuck = sum(len(wire.stuck) for actor in self._world.actors.values() for wire in actor.wires.values())
        if count["sent"] != count["arrived"] + count["lost"] + under_way + stuck:
            self._fail(f"frames do not add up: {dict(count)}, {under_way} under way, {stuck} stuck")
        self.checks["frames are conserved"] += 1
