"""Two new starts of one organisation's register: which one is followed here, a person says.

Only the organisation itself can tell which key is its own, so it is asked by voice: the six words of a key
are what both sides compare. The decision is this node's alone; others take their own (PROTOCOL §2, Rivals).
"""

from __future__ import annotations

import msgspec

from mutunode.commons.words import Words
from mutunode.protocol.effects import Effect
from mutunode.protocol.identity import Chain, Rival, Standing
from mutunode.protocol.ids import key_text, org_text
from mutunode.protocol.node import Node
from mutunode.service import desk as desks
from mutunode.service import keys, lookup
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.shapes import Todo

# What to do, by who is concerned and why a person is asked.
WHAT_TO_DO = {
    "ours": Words(
        "Deux reprises de votre registre ont été signées avec votre phrase de secours. Rien n’est signé ici "
        "tant que vous n’avez pas choisi la clé à suivre. Si l’une des deux n’est pas de vous, quelqu’un a "
        "votre phrase : dites de vive voix aux autres organisations les six mots de la clé choisie.",
        "Two new starts of your register were signed with your recovery phrase. Nothing is signed here until "
        "you have chosen the key to follow. If one of the two is not yours, somebody has your phrase: tell "
        "the other organisations, by voice, the six words of the key you choose.",
    ),
    "tied": Words(
        "Deux reprises de son registre se contredisent : rien de neuf n’en est pris tant que vous n’avez pas "
        "dit laquelle suivre. Téléphonez-lui, à un numéro que vous connaissiez déjà ; demandez les six mots "
        "de sa clé, et choisissez cette clé.",
        "Two new starts of its register contradict each other: nothing new of it is taken in until you say "
        "which one to follow. Phone it, by a number you knew before, and ask for the six words of its key; "
        "then choose that key.",
    ),
    "asked": Words(
        "On a montré à cet ordinateur, avec ses clés, une autre reprise de son registre, signée par une clé "
        "de secours de rang plus élevé. Arrivé après, il ne peut savoir laquelle vaut. Téléphonez-lui, à un "
        "numéro que vous connaissiez déjà, demandez les six mots de sa clé, et choisissez cette clé.",
        "With its keys, this computer was shown another new start of its register, signed by a recovery key "
        "of higher rank. Having come later, it cannot know which one counts. Phone it, by a number you knew "
        "before, ask for the six words of its key, and choose that key.",
    ),
}
OPEN = (Standing.TIED, Standing.ASKED)  # standings that wait for a person
KEY_LENGTH_MIN = len("key_") + 8


class Followed(msgspec.Struct, frozen=True):
    """Answer of ``peer follow``."""

    org: str
    name: str
    epoch: int
    operating: str  # the key that is followed here from now on
    changed: bool  # the other branch was followed before
    ours: bool = False  # it is our own organisation…
    signs: bool = False  # …and the key of this computer is the one followed


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
        ours=org == desk.org,
        signs=org == desk.org and now_held.operating == desk.safe.keys.operating_public,
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


def to_decide(desk: Desk) -> list[Todo]:
    """The organisations that wait for a person, those disputed last first."""
    found = [
        _todo(desk, each.org, each.chain)
        for each in desk.reader.rivalled()
        if each.chain is not None and not each.blocked and waits(each.chain)
    ]
    return sorted(found, key=lambda each: -each.time)


def _todo(desk: Desk, org: bytes, chain: Chain) -> Todo:
    why = "asked" if not chain.disputed else "ours" if org == desk.org else "tied"
    return Todo(
        id=org_text(org),
        kind="decision",
        sense="",
        org=org_text(org),
        org_name=desk.name_of(org),
        time=max(rival.ops[0].held_since for rival in chain.rivals if rival.standing in OPEN),
        title="",
        target="",
        type=why,
        text=WHAT_TO_DO[why].as_map(),
        about="dispute",
        check_words=desks.words_of(org),
    )
