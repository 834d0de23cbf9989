"""An organisation invites another one to meet it; with a token, it takes up an invitation it was given."""

from __future__ import annotations

from mutunode.commons.kind import (
    ENDPOINT,
    EXAMPLE_ORG,
    Field,
    Kind,
    LangText,
    ListOf,
    Org,
    Section,
    Sense,
    Show,
    Text,
    Words,
)

KIND = Kind(
    name="invite",
    sense=Sense.NONE,
    label=Words("Invitation", "Invitation"),
    plural=Words("Invitations", "Invitations"),
    about=Words(
        "Votre organisation propose à une autre de faire connaissance ; elle seule peut le lire.",
        "Your organisation proposes to another one to get to know each other; it alone can read this.",
    ),
    listed=False,
    revisable=False,
    summary_field="note",
    sections=(Section("invite", Words("Inviter", "Invite")),),
    fields=(
        Field(
            "org",
            Org(),
            Words("Organisation invitée", "Organisation invited"),
            required=True,
            section="invite",
            show=Show.LINK,
        ),
        Field(
            "note",
            LangText(),
            Words("Un mot d’accueil", "A word of welcome"),
            section="invite",
            show=Show.PROSE,
        ),
        Field(
            "endpoints",
            ListOf(ENDPOINT, separators=", "),
            Words("Adresses de liaison", "Link addresses"),
            Words("Où votre ordinateur répond.", "Where your computer answers."),
            section="invite",
            show=Show.HIDDEN,
        ),
        Field(
            "token",
            Text(),
            Words("Mot de passe de l’invitation", "The invitation’s password"),
            section="invite",
            show=Show.HIDDEN,
        ),
    ),
    example={"org": EXAMPLE_ORG, "note": {"fr": "Parlons de vos ateliers vélo"}},
)
