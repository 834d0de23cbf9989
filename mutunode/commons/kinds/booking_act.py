"""What is said of a booking, by the side that may say it: the owner of the means, or who asked for it.

Each is one side's own act. Handing over and bringing back are two half-records each, one of either side.
An acceptance repeats what it grants, so that the owner's register alone says what is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mutunode.commons.faults import required
from mutunode.commons.kind import (
    EXAMPLE_REC,
    Choice,
    Fault,
    Field,
    Int,
    Kind,
    LangText,
    Option,
    Ref,
    Section,
    Sense,
    Show,
    Slot,
    Words,
)

OWNER_ACTS = ("accept", "refuse", "release", "checkout", "return")
REQUESTER_ACTS = ("withdraw", "pickup", "give_back")

_ACT = Choice(
    options=(
        Option("accept", Words("Accepter", "Accept"), Words("acceptée", "accepted")),
        Option(
            "refuse", Words("Refuser, en disant pourquoi", "Refuse, saying why"), Words("refusée", "refused")
        ),
        Option(
            "release",
            Words("Annuler, en disant pourquoi", "Release, saying why"),
            Words("annulée par le propriétaire", "released by the owner"),
        ),
        Option("checkout", Words("Remis", "Handed over"), Words("remis", "handed over")),
        Option("return", Words("Repris", "Taken back"), Words("repris", "taken back")),
        Option(
            "withdraw",
            Words("Se retirer", "Withdraw"),
            Words("retirée par le demandeur", "withdrawn by who asked"),
        ),
        Option("pickup", Words("Emporté", "Picked up"), Words("emporté", "picked up")),
        Option("give_back", Words("Rendu", "Given back"), Words("rendu", "given back")),
    )
)
_CONDITION = Choice(
    options=(
        Option("ok", Words("En bon état", "In good order"), Words("en bon état", "in good order")),
        Option("damaged", Words("Abîmé", "Damaged"), Words("abîmé", "damaged")),
    )
)
_MUST = {  # act → fields without which it says nothing
    "accept": ("slot", "units"),
    "refuse": ("reason",),
    "release": ("reason",),
    "return": ("condition",),
    "give_back": ("condition",),
}


def _says_what_its_act_needs(body: Mapping[str, Any]) -> Iterable[Fault]:
    for name in _MUST.get(str(body.get("act")), ()):
        if name not in body:
            yield required().within(name, KIND.by_name[name].label)
    if body.get("condition") == "damaged" and "note" not in body:
        yield required().within("note", KIND.by_name["note"].label)


KIND = Kind(
    name="booking_act",
    sense=Sense.AMONT,
    label=Words("Suite d’une réservation", "Act on a booking"),
    plural=Words("Suites de réservations", "Acts on bookings"),
    about=Words(
        "Accepter, refuser, se retirer, remettre, rendre : chacun ne signe que pour soi.",
        "Accept, refuse, withdraw, hand over, give back: everyone signs for themselves only.",
    ),
    listed=False,
    alone=True,
    revisable=False,
    nature_field="act",
    summary_field="reason",
    sections=(Section("act", Words("Votre acte", "Your act")),),
    fields=(
        Field(
            "means",
            Ref(kinds=("means",)),
            Words("Moyen", "Means"),
            required=True,
            section="act",
            show=Show.LINK,
        ),
        Field(
            "booking", Ref(), Words("Réservation", "Booking"), required=True, section="act", show=Show.LINK
        ),
        Field("act", _ACT, Words("Acte", "Act"), required=True, section="act"),
        Field("slot", Slot(), Words("Quand", "When"), section="act"),
        Field("units", Int(low=1), Words("Combien", "How many"), section="act"),
        Field(
            "reason",
            LangText(),
            Words("Pourquoi ?", "Why?"),
            Words("Votre motif sera lu par l’organisation.", "The organisation will read your reason."),
            section="act",
            show=Show.PROSE,
        ),
        Field("condition", _CONDITION, Words("État", "Condition"), section="act"),
        Field(
            "note",
            LangText(),
            Words("Remarque", "Note"),
            Words("S’il est abîmé, dites quoi.", "If it is damaged, say what."),
            section="act",
            show=Show.PROSE,
        ),
    ),
    rules=(_says_what_its_act_needs,),
    example={
        "means": EXAMPLE_REC,
        "booking": EXAMPLE_REC,
        "act": "give_back",
        "condition": "damaged",
        "note": {"fr": "Une roue est voilée."},
    },
)
