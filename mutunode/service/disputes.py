"""Two new starts of one organisation's register: which one is followed here, a person says.

Only the organisation itself can tell which key is its own, so it is asked by voice: the six words of a key
are what both sides compare. The decision is this node's alone; others take their own (PROTOCOL §2, Rivals).
"""

from __future__ import annotations

import msgspec

from mutunode.protocol.effects import Effect
from mutunode.protocol.identity import Chain, Rival, Standing
from mutunode.protocol.ids import key_text, org_text
from mutunode.protocol.node import Node
from mutunode.service import keys, lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble

OPEN = (Standing.TIED, Standing.ASKED)  # standings that wait for a person
KEY_LENGTH_MIN = len("key_") + 8


class Followed(msgspec.Struct, frozen=True):
    """Answer of ``peer follow``."""

    org: str
    name: str
    epoch: int
    operating: str  # the key that is followed here from now on
    changed: bool  # the other branch was followed before


def follow(desk: Desk, text: str, key: str) -> Followed:
    """Follow the branch of an organisation that signs with a key.

    Raises:
        Refusal: nothing is disputed (4), or no branch has this key (3).
    """
    org = lookup.organisation(desk, text, unknown=False)
    found = desk.reader.organisation(org)
    chain = found.chain if found is not None else None
    if chain is None or not chain.rivals:
        raise Refusal(
            "not_disputed",
            Exit.REFUSED,
            f"« {desk.name_of(org)} » n’a qu’une suite de clés ici : il n’y a rien à trancher.",
            f"`{desk.name_of(org)}` has a single chain of keys here: there is nothing to decide.",
        )
    rival = _chosen(chain, key)

    def decide(node: Node, now: float) -> list[Effect]:
        if rival is not None:
            return node.decide(org, rival.epoch, True, now)
        effects = []
        for each in chain.rivals:
            if each.standing in OPEN:
                effects += node.decide(org, each.epoch, False, now)
        return effects

    desk.act(lambda turn: turn.tell(decide))
    after = desk.reader.organisation(org)
    now_held = after.chain if after is not None and after.chain is not None else chain
    return Followed(
        org=org_text(org),
        name=desk.name_of(org),
        epoch=now_held.epoch,
        operating=key_text(now_held.operating),
        changed=rival is not None,
    )


def _chosen(chain: Chain, key: str) -> Rival | None:
    """The branch whose key begins like this; None: the one in the chain."""
    branches: list[tuple[str, Rival | None]] = [(key_text(chain.operating), None)]
    branches += [(key_text(rival.ops[-1].op.operating), rival) for rival in chain.rivals]
    fits = [rival for known, rival in branches if len(key) >= KEY_LENGTH_MIN and known.startswith(key)]
    if len(fits) != 1:
        listed = ", ".join(known for known, _ in branches)
        fr = f"Aucune des clés de cette organisation ne commence ainsi. Les voici : {listed}."
        en = f"None of this organisation's keys begins like this. They are: {listed}."
        raise Refusal("not_found", Exit.NOT_FOUND, fr, en, (Trouble("key", fr, en),))
    return fits[0]


def waits(chain: Chain) -> bool:
    """Whether a person has to decide something about an organisation."""
    return any(rival.standing in OPEN for rival in chain.rivals)


def branches(chain: Chain) -> tuple[tuple[keys.EpochLine, ...], tuple[keys.RivalLine, ...]]:
    """What is in the chain and what is not, for a person to compare."""
    return keys.epoch_lines(chain), tuple(keys.rival_line(rival) for rival in chain.rivals)
