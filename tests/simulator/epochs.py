"""What people do with a phrase: a new key, a new start after a lost machine; and what a thief of a root does.

As in the service, chain and keys are kept outside the store, an epoch and its first head are one turn, and
the core starts again under the new key; where a disk lost that turn, the next one that signs makes it good.
"""

from __future__ import annotations

from mutunode.protocol.head import PUBLIC
from mutunode.protocol.merkle import Compact
from mutunode.protocol.rivals import joined
from mutunode.store.memory import MemoryStore
from mutunode.store.memory_contents import Log
from tests.simulator.actor import Actor
from tests.simulator.world import World

OF_THE_OWNER, ENTRUSTED = 0, 1  # places among the root keys: the earlier one wins


def open_epoch(actor: Actor, keeps: int | None = None, *, by: int = OF_THE_OWNER) -> None:
    """Open the next epoch of an organisation that is up; ``keeps``: entries that stay (all).

    It goes on from what it holds that no later root signed; what one did becomes a rival.
    """
    author = actor.author
    with actor.turn():
        ledger = actor.store.ledger
        held, chain = ledger.log(actor.log), ledger.chain(actor.org) or author.chain
        if chain.epoch > author.chain.epoch and chain.op(author.chain.epoch + 1).place <= by:
            author.chain = chain
        size = held.size if held is not None else 0
        keep = size if keeps is None else min(keeps, size)
        author.open_epoch(keep, by=by, root=ledger.root_at(actor.log, keep), machine=actor.machine)
        ledger.put_chain(joined(chain, author.chain))
        if held is not None and held.head is not None and held.head.epoch >= author.chain.epoch:
            ledger.disown(actor.log, author.chain.epoch, keep)  # of the branch that lost
        head = actor.finishes_epoch(ledger)
    actor.world.note("epoch", actor.name, author.chain.epoch)
    if head is not None:
        actor.has_signed(head)
    actor.crashes()
    actor.starts()


def lose_machine(actor: Actor, source: Log | None) -> None:
    """The machine is gone; the phrase brings the organisation back, with what somebody held of it."""
    if actor.up:
        actor.crashes()
    before = actor.store.state
    actor.store = MemoryStore(clock=lambda: actor.now)
    actor.store.state.store_id = actor._chance.randbytes(8)
    actor.marks.clear()
    actor.history.clear()
    with actor.turn():
        ledger = actor.store.ledger
        ledger.put_own(actor.org)
        ledger.put_chain(actor.author.chain)
        for org, (stance, _) in before.stances.items():
            ledger.put_stance(org, stance)
        for address in before.addresses.values():
            ledger.put_address(address)
        if source is not None and source.head is not None:
            leaves = source.leaves[: source.committed]
            rows = [(row.header, row.salt, row.body) for row in leaves]
            ledger.append(actor.org, PUBLIC, 0, rows, [row.leaf for row in leaves])
            ledger.commit(source.head, Compact.of(row.leaf for row in leaves))
    actor.starts()
    open_epoch(actor)


class Thief(Actor):
    """Somebody with a copy of an organisation's store, and with its entrusted root key or its phrase."""

    def __init__(self, world: World, victim: Actor) -> None:
        super().__init__(world, victim.name, victim.settings)
        self.name = f"{victim.name}'s thief"
        self.author.chain = victim.author.chain
        self.machine = " of a thief"
        self.author.time = victim.author.time
        self.author._operating = victim.author._operating
        self.skew = victim.skew
        self.store.state = victim.store.state.copy()
        self.store.state.store_id = self._chance.randbytes(8)

    @property
    def is_honest(self) -> bool:
        """It is not, though it keeps to the protocol."""
        return False
