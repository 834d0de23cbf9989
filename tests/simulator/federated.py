"""A network that nobody knows as a whole: each accepted one federation, and hears of all others by vouches.

A federation vouches for its members and for the other federations, a hundred in all, so that a thousand
organisations are two hops from each other; each member vouches for its federation. At first each knows one
address beside its own.
"""

from __future__ import annotations

from mutunode.protocol.core import NodeSettings
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ledger import Address, Stance
from mutunode.protocol.limits import INTRODUCTIONS_MAX
from tests.simulator.actor import Actor
from tests.simulator.crowd import Crowd
from tests.simulator.runs import Aside, Run
from tests.simulator.table import Table

HUB_LINKS_MAX = 128  # as whoever runs a hub sets it
SETTLE_LINKS = 600.0  # simulated seconds, until links found their places
SETTLE = 60.0  # after the last publication


class Federated(Crowd):
    """The first few are federations; the others are members of one each."""

    def _introduce(self) -> None:
        count = 2
        while (len(self.actors) - count) / count + count - 1 > INTRODUCTIONS_MAX:
            count += 1
        federations = self.actors[:count]
        for place, federation in enumerate(federations):
            federation.settings = NodeSettings(links_max=HUB_LINKS_MAX)
            members = self.actors[count + place :: count]
            others = [other for other in federations if other is not federation]
            self._accept(federation, members + others)
            self._vouch(federation, members + others)
            for member in members:
                self._accept(member, [federation])
                self._vouch(member, [federation])

    def _accept(self, actor: Actor, others: list[Actor]) -> None:
        state = actor.store.state
        state.stances = {other.org: (Stance(accepted=True), 0) for other in others}
        state.addresses = {other.address: Address(other.address, other.org, "profile") for other in others}
        actor.store.ledger._turn.stamp += 1

    def _vouch(self, actor: Actor, others: list[Actor]) -> None:
        vouches = (
            ("vouch", {"endpoints": [other.address], "listed": True, "org": other.org}) for other in others
        )
        entries, ledger = actor.author.write(*vouches), actor.store.ledger
        rows = [(entry.header, entry.salt, entry.body) for entry in entries]
        ledger.append(actor.org, PUBLIC, 0, rows, [entry.leaf for entry in entries])
        ledger.commit(actor.author.head(), actor.author.tree())
        actor.marks_what_is_held()

    def listening(self) -> float:
        """Which part of all others each listens to, in the mean."""
        heard = sum(len(actor.node._interest) for actor in self.actors)
        return heard / len(self.actors) / (len(self.actors) - 1)


def federated(nodes: int, seed: int, minutes: float, aside: Aside | None = None) -> Table:
    """Everybody but one is known through vouches alone."""
    title = "Known through vouches: each accepted one federation, 1 % loss"
    run = Run(title, nodes, seed, kind=Federated, warm_up=1.0)
    crowd, world = run.crowd, run.crowd.world
    assert isinstance(crowd, Federated)
    all_known = world.run_until(lambda: crowd.listening() == 1.0, 600, every=1)
    run.reached("all listen to all after, seconds", all_known + 1.0 if all_known is not None else None)
    run.passes("settling", SETTLE_LINKS)
    run.links("links then")
    run.counting_from_here()
    published = crowd.publish_around(60 * minutes)
    run.passes("publishing", 60 * minutes + SETTLE)
    run.delays(published)
    run.costs(published)
    run.senders()
    return run.done()
