"""We know them: what being listened to rests on."""

from __future__ import annotations

from mutunode.commons.kind import (
    ENDPOINT,
    EXAMPLE_ORG,
    Bool,
    Field,
    Kind,
    ListOf,
    Org,
    Section,
    Sense,
    Show,
    Words,
)

KIND = Kind(
    name="vouch",
    sense=Sense.NONE,
    label=Words("Recommandation", "Introduction"),
    plural=Words("Recommandations", "Introductions"),
    about=Words(
        "Votre organisation dit qu’elle en connaît une autre ; celles qui vous suivent pourront l’entendre.",
        "Your organisation says that it knows another one; those that follow you may then hear it.",
    ),
    verb="vouch",
    listed=False,
    sections=(Section("vouch", Words("Nous les connaissons", "We know them")),),
    fields=(
        Field(
            "org",
            Org(),
            Words("Organisation", "Organisation"),
            required=True,
            section="vouch",
            show=Show.LINK,
        ),
        Field(
            "endpoints",
            ListOf(ENDPOINT, separators=", "),
            Words("Adresses de liaison", "Link addresses"),
            Words("Où son ordinateur répond, si vous le savez.", "Where its computer answers, if you know."),
            section="vouch",
            show=Show.HIDDEN,
        ),
        Field(
            "listed",
            Bool(),
            Words("Le montrer sur nos pages", "Show it on our pages"),
            section="vouch",
        ),
    ),
    example={"org": EXAMPLE_ORG, "endpoints": ["association.example:7447"], "listed": True},
)
