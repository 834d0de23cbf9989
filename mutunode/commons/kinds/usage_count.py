"""An author says how many organisations told it in confidence that they use a resource: its word alone."""

from __future__ import annotations

from mutunode.commons.kind import EXAMPLE_REC, Field, Int, Kind, Ref, Section, Sense, Show, Words
from mutunode.commons.kinds.usage import TYPE

ORGANISATIONS_MIN = 3  # of fewer, who knows one of them would know the others

KIND = Kind(
    name="usage_count",
    sense=Sense.AVAL,
    label=Words("Usages confiés", "Uses told in confidence"),
    plural=Words("Usages confiés", "Uses told in confidence"),
    about=Words(
        "L’auteur d’une fiche dit combien d’organisations lui ont confié s’en servir, sans dire lesquelles.",
        "The author of a resource says how many told it in confidence that they use it, never who.",
    ),
    listed=False,
    nature_field="type",
    sections=(Section("count", Words("Ce qui vous a été confié", "What you were told")),),
    fields=(
        Field(
            "resource",
            Ref(kinds=("resource",)),
            Words("Votre fiche", "Your resource"),
            required=True,
            section="count",
            show=Show.LINK,
        ),
        Field(
            "type",
            TYPE,
            Words("Utilisée de quelle façon ?", "Used in which way?"),
            required=True,
            section="count",
        ),
        Field(
            "n",
            Int(low=ORGANISATIONS_MIN),
            Words("Combien d’organisations ?", "How many organisations?"),
            Words(
                "Trois au moins : moins trahirait la confidence.", "Three at least: fewer would betray them."
            ),
            required=True,
            section="count",
        ),
    ),
    example={"resource": EXAMPLE_REC, "type": "adapted", "n": 3},
)
