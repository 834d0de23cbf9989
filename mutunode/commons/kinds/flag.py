"""Somebody reports a problem with a record. Nobody deletes elsewhere: everyone judges for their own copy."""

from __future__ import annotations

from mutunode.commons.kind import (
    EXAMPLE_REC,
    Choice,
    Field,
    Kind,
    LangText,
    Option,
    Ref,
    Section,
    Sense,
    Show,
    Words,
)

_REASON = Choice(
    options=(
        Option("illegal", Words("Contraire à la loi", "Against the law")),
        Option("licence", Words("Licence non respectée", "Licence not respected")),
        Option("privacy", Words("Atteinte à la vie privée", "Against privacy")),
        Option("spam", Words("Publicité ou remplissage", "Advertising or filler")),
        Option("inaccurate", Words("Inexact", "Inaccurate")),
        Option("charter", Words("Contraire à une charte", "Against a charter")),
    )
)

KIND = Kind(
    name="flag",
    sense=Sense.NONE,
    label=Words("Signalement", "Report of a problem"),
    plural=Words("Signalements", "Reports of problems"),
    about=Words(
        "Votre organisation signale un problème sur une fiche ; l’auteur et les autres en jugent.",
        "Your organisation reports a problem with a record; its author and the others judge for themselves.",
    ),
    verb="flag",
    listed=False,
    revisable=False,
    nature_field="reason",
    summary_field="note",
    sections=(Section("flag", Words("Signaler un problème", "Report a problem")),),
    fields=(
        Field(
            "target",
            Ref(),
            Words("Fiche concernée", "Record concerned"),
            required=True,
            section="flag",
            show=Show.LINK,
        ),
        Field("reason", _REASON, Words("Problème", "Problem"), asked=True, section="flag"),
        Field(
            "note",
            LangText(),
            Words("Ce qui ne va pas", "What is wrong"),
            Words("Ce message est public et signé.", "This message is public and signed."),
            section="flag",
            show=Show.PROSE,
        ),
    ),
    example={
        "target": EXAMPLE_REC,
        "reason": "inaccurate",
        "note": {"fr": "Le seuil a changé en janvier."},
    },
)
