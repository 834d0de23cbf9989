"""Can others open a link to us, and if not, who carries for us? In words that say what to do, if anything."""

from __future__ import annotations

from collections.abc import Mapping

from mutunode.service import desk as desks
from mutunode.service.shapes import Reach
from mutunode.turns import Sight

LATELY_SECONDS = 86_400
NAMED_MAX = 3


def reach(sight: Sight, names: Mapping[bytes, str], now: float) -> Reach:
    """What the core saw since it started."""
    relays = tuple(names.get(link.org) or desks.short(link.org) for link in sight.links if link.relays)
    relayed = sum(bool(link.via) and link.ready for link in sight.links)
    if sight.dialled_at and now - sight.dialled_at < LATELY_SECONDS:
        return Reach(
            "reachable",
            relays,
            relayed,
            "Joignable : d’autres organisations ouvrent des liaisons vers cet ordinateur.",
            "Reachable: other organisations open links to this computer.",
        )
    if relays:
        verb_fr, verb_en = ("vous relaie", "relays") if len(relays) == 1 else ("vous relaient", "relay")
        return Reach(
            "relayed",
            relays,
            relayed,
            f"Non joignable, sans gravité tant que {_listed(relays, 'et', 'autres')} {verb_fr}.",
            f"Not reachable, no matter as long as {_listed(relays, 'and', 'others')} {verb_en} for you.",
        )
    if any(link.ready for link in sight.links):
        return Reach(
            "closed",
            (),
            relayed,
            "Non joignable pour l’instant : personne n’a ouvert de liaison vers cet ordinateur, et aucune de "
            "vos voisines ne relaie. Ajoutez l’adresse d’une organisation joignable, ou ouvrez le port de "
            "votre box.",
            "Not reachable for now: nobody has opened a link to this computer, and none of your neighbours "
            "relays. Add the address of an organisation that can be reached, or open the port of your "
            "router.",
        )
    return Reach(
        "alone",
        (),
        0,
        "On ne sait pas encore si vous êtes joignable : aucune liaison n’est ouverte.",
        "Not known yet whether you can be reached: no link is open.",
    )


def _listed(names: tuple[str, ...], and_word: str, others: str) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) > NAMED_MAX:
        return f"{', '.join(names[:NAMED_MAX])} {and_word} {len(names) - NAMED_MAX} {others}"
    return f"{', '.join(names[:-1])} {and_word} {names[-1]}"
