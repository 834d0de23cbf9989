"""The owner of a means says when it cannot be had: closed, under repair, or just something to know."""

from __future__ import annotations

from mutunode.commons.kind import (
    EXAMPLE_REC,
    Choice,
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

_WHAT = Choice(
    options=(
        Option("closed", Words("Fermé", "Closed"), Words("fermé", "closed")),
        Option("repair", Words("En réparation", "Under repair"), Words("en réparation", "under repair")),
        Option(
            "occupied",
            Words("Occupé, sans en dire plus", "Occupied, no more is said"),
            Words("occupé", "occupied"),
        ),
        Option(
            "hint",
            Words("À savoir, sans rien bloquer", "Good to know, blocks nothing"),
            Words("à savoir", "good to know"),
        ),
    )
)

KIND = Kind(
    name="means_block",
    sense=Sense.AMONT,
    label=Words("Indisponibilité", "Block"),
    plural=Words("Indisponibilités", "Blocks"),
    about=Words(
        "Votre organisation dit quand un de ses moyens n’est pas disponible.",
        "Your organisation says when a means of its own is not available.",
    ),
    listed=False,
    alone=True,
    nature_field="what",
    summary_field="note",
    sections=(Section("block", Words("Indisponible", "Not available")),),
    fields=(
        Field(
            "means",
            Ref(kinds=("means",)),
            Words("Moyen", "Means"),
            required=True,
            section="block",
            show=Show.LINK,
        ),
        Field("slot", Slot(), Words("Quand", "When"), required=True, section="block"),
        Field("what", _WHAT, Words("Pourquoi ?", "Why?"), required=True, section="block"),
        Field(
            "units",
            Int(low=1),
            Words("Combien", "How many"),
            Words("Sans rien, tous.", "With nothing, all."),
            section="block",
        ),
        Field(
            "note",
            LangText(),
            Words("Ce qu’il faut en savoir", "What to know about it"),
            Words(
                "Si une réservation tombe pendant une réparation, ce mot est le motif de son annulation.",
                "If a booking falls into a repair, these words are the reason for which it is released.",
            ),
            section="block",
            show=Show.PROSE,
        ),
    ),
    example={
        "means": EXAMPLE_REC,
        "slot": {
            "start": "2026-11-23T08:00:00+01:00",
            "end": "2026-11-23T18:00:00+01:00",
            "tz": "Europe/Paris",
        },
        "what": "repair",
        "units": 1,
        "note": {"fr": "Courroie à changer"},
    },
)
