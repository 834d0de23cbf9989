"""An organisation asks for a means of another one: a request, which holds nothing until it is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mutunode.commons.kind import (
    EXAMPLE_REC,
    Fault,
    Field,
    Int,
    Kind,
    LangText,
    Moment,
    Ref,
    Section,
    Sense,
    Show,
    Slot,
    Words,
)
from mutunode.commons.values.times import seconds, span

SLOT = Slot()
_EXPIRES = Field(
    "expires",
    Moment(),
    Words("Répondre avant", "Answer before"),
    Words("Sans réponse d’ici là, la demande tombe.", "Without an answer by then, the request lapses."),
    required=True,
    section="booking",
)


def _expires_in_time(body: Mapping[str, Any]) -> Iterable[Fault]:
    slot, expires = body.get("slot"), body.get("expires")
    if SLOT.check(slot) or Moment().check(expires):
        return  # told already
    if (seconds(expires or "") or 0) > span(slot or {})[1]:
        late = Words("il faut un moment avant la fin.", "it must be before the end.")
        yield Fault("expires_late", late).within(_EXPIRES.name, _EXPIRES.label)


KIND = Kind(
    name="booking",
    sense=Sense.AMONT,
    label=Words("Demande de réservation", "Booking request"),
    plural=Words("Demandes de réservation", "Booking requests"),
    about=Words(
        "Votre organisation demande un moyen d’une autre ; le créneau reste libre jusqu’à la réponse.",
        "Your organisation asks for a means of another one; the time stays free until the answer.",
    ),
    listed=False,
    alone=True,
    revisable=False,
    summary_field="purpose",
    sections=(Section("booking", Words("Demander", "Ask")),),
    fields=(
        Field(
            "means",
            Ref(kinds=("means",)),
            Words("Moyen", "Means"),
            required=True,
            section="booking",
            show=Show.LINK,
        ),
        Field("slot", SLOT, Words("Quand", "When"), required=True, section="booking"),
        Field(
            "units",
            Int(low=1),
            Words("Combien", "How many"),
            required=True,
            default=lambda context: 1,
            section="booking",
        ),
        Field(
            "purpose",
            LangText(),
            Words("Pour quoi faire ?", "What for?"),
            section="booking",
            show=Show.PROSE,
        ),
        _EXPIRES,
    ),
    rules=(_expires_in_time,),
    example={
        "means": EXAMPLE_REC,
        "slot": {
            "start": "2026-11-24T08:00:00+01:00",
            "end": "2026-11-24T12:00:00+01:00",
            "tz": "Europe/Paris",
        },
        "units": 1,
        "purpose": {"fr": "Presser les pommes du verger partagé"},
        "expires": "2026-11-23T20:00:00+01:00",
    },
)
