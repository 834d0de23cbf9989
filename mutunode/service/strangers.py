"""A person's word on a stranger who left something: follow them, look at it no more, or block them."""

from __future__ import annotations

from mutunode.protocol.ids import org_text
from mutunode.protocol.invitation import INVITE
from mutunode.service import brought, lookup, network, peers
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Organisation

DECISIONS = ("accept", "ignore", "block")


def decide(desk: Desk, text: str, decision: str) -> Organisation:
    """A person's word on a stranger, by something that the stranger left; the organisation as it is then.

    Raises:
        Refusal: unknown, our own, or of somebody followed (whose records are answered, not decided on).
    """
    stored = lookup.record(desk, text)
    org = org_text(stored.org)
    if stored.org == desk.org:
        raise Refusal(
            "ourselves", Exit.REFUSED, "C’est votre propre fiche.", "This is your own organisation's record."
        )
    if decision == "accept":
        found = peers.accept(desk, org, "", vouch=False, listed=True)
        brought.met(desk, stored)
        return found
    if decision == "block":
        return peers.block(desk, org)
    if not (stored.brought or stored.kind == INVITE):
        raise Refusal(
            "not_brought",
            Exit.REFUSED,
            "Cette fiche est d’une organisation que vous suivez : remerciez, prenez note ou contestez.",
            "This record is by an organisation that you follow: thank, take note or contest.",
        )
    brought.ignore(desk, stored)
    return network.organisation(desk, stored.org)
