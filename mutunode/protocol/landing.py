"""From entries that came to a log that is held: what a complete tree leads to.

A crash anywhere here leaves pending entries at most, which a restart drops; everything that makes them
part of a log happens in the one turn in which the last of them came.
"""

from __future__ import annotations

from enum import Enum
from itertools import chain as chain_of

from mutunode.protocol import evidence
from mutunode.protocol.core import Core
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.entry import Row
from mutunode.protocol.errors import Invalid
from mutunode.protocol.forks import Forks
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain
from mutunode.protocol.ledger import HeldLog
from mutunode.protocol.limits import LEAVES_READ_MAX, LOG_BYTES_MAX, REBUILD_BYTES_MAX
from mutunode.protocol.merkle import Compact, over, prove
from mutunode.protocol.pull import Mode, Pull
from mutunode.protocol.quotas import Quotas
from mutunode.protocol.replica import Assembly, Verdict, base_of, first_difference


class Outcome(Enum):
    """How a pull ended."""

    COMMITTED = "committed"
    REFUSED = "refused"  # for what its author did: asking others is of no use
    FULL = "full"  # for want of room, whoever is asked
    LIED = "lied"  # these were not the entries that the head was signed over


class Landing:
    """Begins pulls, stores what they bring, and ends them."""

    def __init__(self, core: Core, forks: Forks, quotas: Quotas) -> None:
        self._core = core
        self._quotas = quotas
        self._forks = forks

    def renew(self, head: Head) -> None:
        """The same tree at a newer time."""
        self._core.ledger.drop_pending(head.log)
        self._core.ledger.commit(head, self._core.ledger.frontier(head.log))

    def contradiction(self, head: Head, ours: Head, now: float) -> None:
        """Two heads that are evidence by themselves."""
        self._forks.proven(evidence.of_heads(head, ours), min(head.base, ours.base), now)

    # --- beginning -----------------------------------------------------------------------------
    def begin(self, head: Head, held: HeldLog, chain: Chain, keep: int | None = None) -> Pull:
        """The pull that leads to a head, on top of what is held; ``keep``: leaves known to stay."""
        log = head.log
        self._core.ledger.drop_pending(log)
        start = held.size if keep is None else keep
        if keep is None and held.head is not None and head.epoch > held.head.epoch:
            start = min(head.base, held.size)
        elif keep is None and held.head is None and not self._begins_with_its_base(head, held, chain):
            return self.compare(head, chain)
        assembly = Assembly(head, chain, self._core.ledger.frontier(log, start))
        if assembly.broken_at is not None and start > 0:
            return self.compare(head, chain)  # we do not hold the leaves that its epoch keeps
        if start < held.size:
            return Pull(assembly, Mode.REBUILD)
        pull = Pull(assembly, Mode.EXTEND)
        pull.bytes = held.bytes
        pull.bytes_max = min(LOG_BYTES_MAX, held.bytes + max(0, self._quotas.left(head.org)))
        return pull

    def _begins_with_its_base(self, head: Head, held: HeldLog, chain: Chain) -> bool:
        """Whether leaves that are held without a head may be built on; the pull looks at those that come."""
        base = base_of(head, chain)
        return base.size > held.size or self._core.ledger.root_at(head.log, base.size) == base.root

    def compare(self, head: Head, chain: Chain) -> Pull:
        """The pull that reads the headers of a tree from the first leaf on."""
        return Pull(Assembly(head, chain, Compact()), Mode.COMPARE)

    # --- on the way ----------------------------------------------------------------------------
    def take(self, pull: Pull, start: int, rows: list[Row]) -> Outcome | None:
        """Store the next rows of a pull; an outcome ends it early."""
        if pull.mode is Mode.COMPARE:
            pull.take_headers(rows)
            return Outcome.REFUSED if len(pull.leaves) > LEAVES_READ_MAX else None
        try:
            batch = pull.assembly.take(rows)
        except Invalid:
            return Outcome.LIED
        head = pull.head
        pull.bytes += sum(map(len, chain_of.from_iterable(batch.rows)))
        if pull.mode is Mode.REBUILD:
            pull.rows.extend(batch.rows)
            pull.leaves.extend(batch.leaves)
            return Outcome.REFUSED if pull.bytes > REBUILD_BYTES_MAX else None
        if batch.rows:
            self._core.ledger.append(head.org, head.space, start, batch.rows, batch.leaves)
        return Outcome.FULL if pull.bytes > pull.bytes_max else None

    # --- the end -------------------------------------------------------------------------------
    def finish(self, pull: Pull, held: HeldLog, chain: Chain, now: float) -> Outcome | Pull:
        """Every leaf is there: commit, refuse, or go on with another pull that finds out more."""
        verdict = pull.assembly.verdict()
        if verdict is Verdict.BROKEN and pull.mode is not Mode.COMPARE:
            return self._broken(pull)
        if verdict is Verdict.MATCHES and pull.mode is not Mode.COMPARE:
            return self._commit(pull, held)
        if verdict is not Verdict.DIFFERS:
            return self._compared(pull, held, chain, now)
        self._core.ledger.drop_pending(pull.head.log)
        if pull.mode is Mode.COMPARE or pull.assembly.start == 0 or pull.compared:
            return Outcome.LIED  # nothing of ours was under these entries, or all of it was compared
        return self.compare(pull.head, chain)

    def _commit(self, pull: Pull, held: HeldLog) -> Outcome:
        head, ledger = pull.head, self._core.ledger
        if pull.mode is Mode.REBUILD:
            ledger.cut(head.log, pull.assembly.start)
            if pull.rows:
                ledger.append(head.org, head.space, pull.assembly.start, pull.rows, pull.leaves)
        ledger.commit(head, pull.assembly.tree)
        if held.broken_at is not None and head.epoch > held.broken_epoch:
            ledger.mark_broken(head.log, head.org, head.space, head.epoch, None)
        return Outcome.COMMITTED

    def _broken(self, pull: Pull) -> Outcome:
        head = pull.head
        self._core.ledger.drop_pending(head.log)
        at = pull.assembly.broken_at
        self._core.ledger.mark_broken(head.log, head.org, head.space, head.epoch, at)
        self._core.tell(NoticeKind.BROKEN, head.org)
        return Outcome.REFUSED

    def _compared(self, pull: Pull, held: HeldLog, chain: Chain, now: float) -> Outcome | Pull:
        """These are the leaves that were signed: where do they part from ours?"""
        head, ours = pull.head, held.head
        if pull.assembly.broken_at is not None:
            return self._broken(pull)
        held_leaves = self._core.ledger.leaves(head.log, 0, min(held.size, head.size))
        index = first_difference(held_leaves, pull.leaves)
        if ours is None or head.epoch > ours.epoch:
            again = self.begin(head, held, chain, keep=len(held_leaves) if index is None else index)
            again.compared = True
            return again
        if index is None:
            return Outcome.LIED  # the entries given before were not those of this tree
        path = prove(over(pull.leaves), head.size, index)
        proof = self._core.ledger.proof(head.log, held.size, index)
        fork = evidence.of_leaves(index, (ours, held_leaves[index], proof), (head, pull.leaves[index], path))
        self._forks.proven(fork, index, now)
        return Outcome.REFUSED
