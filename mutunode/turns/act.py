"""A person's act: what it may write, and the one signature over all of it.

An act only writes to the ledger. What the core has to hear of it (there is something to announce, somebody
was accepted) is told once the act is durable, so that an act that fails leaves the core as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from mutunode.protocol.core import Me
from mutunode.protocol.effects import Effect
from mutunode.protocol.entry import Entry, rec_id
from mutunode.protocol.head import PUBLIC, Head, log_id, sign_head
from mutunode.protocol.identity import Chain
from mutunode.protocol.merkle import Compact, leaf_hash
from mutunode.protocol.node import Node
from mutunode.protocol.signing import heads_due
from mutunode.store.interface import StoreLedger

Input = Callable[[Node, float], list[Effect]]

RENEWAL_SECONDS = 20 * 3_600  # a head is renewed once a day while online; before its day is over


class Written(msgspec.Struct, frozen=True):
    """Where an entry of ours now stands."""

    log: bytes
    index: int
    leaf: bytes
    rec: bytes


class NotSigned(Exception):
    """The node may not sign now; ``reason`` is the code ``Node.signing`` gave, or ``full``, ``unmarked``."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this node may not sign now: {reason}")
        self.reason = reason


class Turn:
    """What an act may use while its transaction is open."""

    def __init__(self, me: Me, ledger: StoreLedger, now: float, closed: str) -> None:
        """``closed`` is why nothing may be signed, empty when it may."""
        self.me = me
        self.ledger = ledger
        self.now = now
        self.closed = closed
        self.heads: list[Head] = []
        self.told: list[Input] = []
        self.is_store_trusted = False
        self.successor: Me | None = None  # who signs from now on, once another epoch is open
        self._new: dict[bytes, list[Entry]] = {}

    def size(self, space: bytes = PUBLIC) -> int:
        """Entries of our log in this space, this turn's included."""
        held = self.ledger.log(log_id(self.me.org, space))
        return (held.size if held else 0) + len(self._new.get(space, ()))

    def append(self, entry: Entry, space: bytes = PUBLIC) -> Written:
        """Add an entry to our log; it is signed with the others at the end of the turn.

        Raises:
            NotSigned: the node may not sign now (PROTOCOL §3).
        """
        self._begin_newest_epoch()
        index = self.size(space)
        self._new.setdefault(space, []).append(entry)
        own = log_id(self.me.org, space)
        leaf = leaf_hash(entry.header)
        return Written(own, index, leaf, rec_id(own, leaf))

    def tell(self, given: Input) -> None:
        """Have the core hear of this act, once it is durable."""
        self.told.append(given)

    def trust_store(self) -> None:
        """A person says that nothing newer than our store exists: the outside mark follows it back."""
        self.is_store_trusted = True
        self.tell(lambda node, now: node.allow_signing(now))

    def renew(self, space: bytes = PUBLIC) -> None:
        """Sign the same tree again with a newer time: "we are still here"."""
        if not self._begin_newest_epoch():
            self._sign_log(space, [])

    # --- epochs --------------------------------------------------------------------------------
    def open_epoch(self, chain: Chain, me: Me, keep: Callable[[], None]) -> None:
        """Open the last epoch of ``chain``: chain and first heads in one turn, signed by ``me``.

        ``keep`` makes chain and keys durable outside the store. It is the one moment that decides:

        - a crash before it leaves everything as it was: nothing of this turn was committed, and the new
          key, which nobody has seen, is lost with it;
        - a crash after it, or a store that refuses the commit, leaves an epoch that is open and lacks its
          first heads; they follow from the op alone, and the next turn that signs begins with them
          (``finish_epoch``). The old key is gone: nothing can be signed in between;
        - a crash after the commit leaves a mark behind the store, which the next start raises;
        - nobody was told before any of this: the core starts again as ``me``, and shows the op to whoever
          it meets.
        """
        self.ledger.put_chain(chain)
        self.me = me
        self._disown_rivals(chain)
        self.finish_epoch()
        keep()
        self.successor = me

    def _disown_rivals(self, chain: Chain) -> None:
        """Heads of ours that another key signed in this epoch or above: they lost their place with it."""
        for log in self.ledger.logs_of(self.me.org):
            held = self.ledger.log(log)
            if held is not None and held.head is not None and held.head.epoch >= chain.epoch:
                # A branch of more epochs was left: its marks follow back.
                self.is_store_trusted |= held.head.epoch > chain.epoch
                keep = chain.base(chain.epoch) if held.space == PUBLIC else held.head.base
                self.ledger.disown(log, chain.epoch, keep)

    def finish_epoch(self) -> None:
        """Give each of our logs that lacks one its first head in the newest epoch."""
        chain = self.ledger.chain(self.me.org)
        assert chain is not None, "a node without its own identity chain has no epochs"
        for space in heads_due(self.ledger, self.me.org):
            held = self.ledger.log(log_id(self.me.org, space))
            size = held.size if held is not None else 0
            base = chain.base(chain.epoch) if space == PUBLIC else size
            if held is not None and base < size:
                self.ledger.cut(held.log, base)
            elif held is not None:
                self.ledger.drop_pending(held.log)
            self._commit(space, chain.epoch, base, self.ledger.frontier(log_id(self.me.org, space)))

    def _begin_newest_epoch(self) -> bool:
        """What is signed next belongs to the newest epoch; whether that one had to be given its heads."""
        if self.closed:
            raise NotSigned(self.closed)
        if self._new or not heads_due(self.ledger, self.me.org):
            return False
        self.finish_epoch()
        self.successor = self.me  # a new core: what was under way of our logs is of an old epoch
        return True

    def sign(self) -> None:
        """One signature for all that was appended to a log, and its commit to the ledger."""
        for space, entries in self._new.items():
            self._sign_log(space, entries)
        self._new.clear()

    def _sign_log(self, space: bytes, entries: Sequence[Entry]) -> None:
        me, ledger = self.me, self.ledger
        own = log_id(me.org, space)
        chain = ledger.chain(me.org)
        assert chain is not None, "a node without its own identity chain has nothing to sign with"
        held = ledger.log(own)
        frontier = ledger.frontier(own)
        if entries:
            leaves = [leaf_hash(entry.header) for entry in entries]
            rows = [(entry.header, entry.salt, entry.body) for entry in entries]
            ledger.append(me.org, space, frontier.size, rows, leaves)
            frontier.extend(leaves)
        is_same_epoch = held is not None and held.head is not None and held.head.epoch == chain.epoch
        base = held.head.base if is_same_epoch and held is not None and held.head is not None else 0
        self._commit(space, chain.epoch, base, frontier)

    def _commit(self, space: bytes, epoch: int, base: int, tree: Compact) -> None:
        me = self.me
        head = sign_head(
            me.org,
            space,
            epoch=epoch,
            base=base,
            size=tree.size,
            root=tree.root(),
            time=int(self.now),
            sign=me.sign,
        )
        self.ledger.commit(head, tree)
        self.heads.append(head)


def renew_if_old(turn: Turn) -> None:
    """An act of the node itself: sign our tree again when its head is a day old and we may sign."""
    held = turn.ledger.log(log_id(turn.me.org, PUBLIC))
    is_old = held is not None and held.head is not None and turn.now - held.head.time > RENEWAL_SECONDS
    if is_old and not turn.closed:
        turn.renew()


def begin_epoch(turn: Turn) -> None:
    """An act of the node itself: what a crash, or a store to be collected first, left of opening an epoch."""
    if not turn.closed and heads_due(turn.ledger, turn.me.org):
        turn.renew()
