"""A register takes note of acts of others: from here on they count, in this order. It approves nothing.

The home of an object orders what others do about it; whoever else is concerned takes note too, and what was
noted binds its author through every later start of its register. A node writes it by itself.
"""

from __future__ import annotations

from mutunode.commons.kind import EXAMPLE_REC, Field, Kind, ListOf, Ref, Section, Sense, Show, Words

KIND = Kind(
    name="cite",
    sense=Sense.NONE,
    label=Words("Prise d’acte", "Note of receipt"),
    plural=Words("Prises d’acte", "Notes of receipt"),
    about=Words(
        "Votre registre prend acte de ce que d’autres ont signé : cela fixe l’ordre, sans approuver.",
        "Your register takes note of what others signed: it sets the order, and approves nothing.",
    ),
    listed=False,
    alone=True,
    revisable=False,
    sections=(Section("cite", Words("Reçu", "Received")),),
    fields=(
        Field(
            "of",
            ListOf(Ref(), separators=", "),
            Words("À propos de", "About"),
            required=True,
            section="cite",
            show=Show.LINK,
        ),
        Field(
            "acts",
            ListOf(Ref(), separators=", "),
            Words("Actes reçus, dans l’ordre", "Acts received, in order"),
            required=True,
            section="cite",
            show=Show.LINK,
        ),
    ),
    example={"of": [EXAMPLE_REC], "acts": [EXAMPLE_REC]},
)
