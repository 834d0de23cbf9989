"""An author takes a record of its own back. Copies on paper cannot be called back."""

from __future__ import annotations

from mutunode.commons.kind import (
    EXAMPLE_REC,
    Bool,
    Choice,
    Field,
    Kind,
    Option,
    Ref,
    Section,
    Sense,
    Show,
    Words,
)

_REASON = Choice(
    options=(
        Option(
            "author",
            Words("Nous ne souhaitons plus la partager", "We no longer wish to share it"),
            Words("choix de l’auteur", "the author’s choice"),
        ),
        Option(
            "licence",
            Words("La licence ne le permettait pas", "The licence did not permit it"),
            Words("licence", "licence"),
        ),
        Option(
            "legal", Words("La loi le demande", "The law asks for it"), Words("raison légale", "legal reason")
        ),
        Option("error", Words("Elle contient une erreur", "It holds an error"), Words("erreur", "error")),
        Option("duplicate", Words("Elle existe en double", "It exists twice"), Words("doublon", "duplicate")),
    )
)

KIND = Kind(
    name="withdrawal",
    sense=Sense.NONE,
    label=Words("Retrait", "Withdrawal"),
    plural=Words("Retraits", "Withdrawals"),
    about=Words(
        "Votre organisation retire une de ses fiches ; l’historique reste lisible, sauf si vous effacez.",
        "Your organisation withdraws a record of its own; its history stays readable unless you erase it.",
    ),
    verb="withdraw",
    listed=False,
    revisable=False,
    alone=True,
    nature_field="reason",
    sections=(Section("withdrawal", Words("Retirer", "Withdraw")),),
    fields=(
        Field(
            "target",
            Ref(),
            Words("Fiche retirée", "Record withdrawn"),
            required=True,
            section="withdrawal",
            show=Show.LINK,
        ),
        Field(
            "reason",
            _REASON,
            Words("Pourquoi ?", "Why?"),
            default=lambda context: "author",
            section="withdrawal",
        ),
        Field(
            "replaced_by",
            Ref(),
            Words("Remplacée par", "Replaced by"),
            Words("La fiche à lire à la place.", "The record to read instead."),
            section="withdrawal",
            show=Show.LINK,
        ),
        Field(
            "erase",
            Bool(yes=Words("Contenu effacé", "Content erased"), no=Words("Contenu gardé", "Content kept")),
            Words("Effacer aussi le contenu", "Erase the content too"),
            Words("Partout où l’on coopère, et sans retour.", "Wherever others cooperate, and for good."),
            section="withdrawal",
        ),
    ),
    example={"target": EXAMPLE_REC, "reason": "duplicate", "erase": False},
)
