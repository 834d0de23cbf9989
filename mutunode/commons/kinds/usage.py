"""An organisation says that it uses a resource of another one. It signs for itself only."""

from __future__ import annotations

from mutunode.commons.kind import (
    EXAMPLE_REC,
    Bool,
    Choice,
    Field,
    Kind,
    LangText,
    Option,
    Ref,
    Section,
    Sense,
    Show,
    Text,
    Words,
)

TYPE = Choice(
    options=(
        Option(
            "used", Words("Nous l’utilisons telle quelle", "We use it as it is"), Words("utilisée", "used")
        ),
        Option("adapted", Words("Nous l’avons adaptée", "We adapted it"), Words("adaptée", "adapted")),
        Option("taught", Words("Nous l’enseignons", "We teach it"), Words("enseignée", "taught")),
        Option(
            "translated", Words("Nous l’avons traduite", "We translated it"), Words("traduite", "translated")
        ),
        Option(
            "recommended",
            Words("Nous la recommandons", "We recommend it"),
            Words("recommandée", "recommended"),
        ),
        Option(
            "tried_dropped",
            Words("Nous l’avons essayée, puis abandonnée", "We tried it, then dropped it"),
            Words("essayée puis abandonnée", "tried, then dropped"),
        ),
    )
)

_VISIBILITY = Choice(
    options=(
        Option("public", Words("Le dire à tout le monde", "Tell everyone"), Words("public", "public")),
        Option(
            "author_only",
            Words("Ne le dire qu’à l’auteur", "Tell the author only"),
            Words("pour l’auteur seul", "for the author only"),
        ),
    )
)

KIND = Kind(
    name="usage",
    sense=Sense.AVAL,
    label=Words("Usage", "Use"),
    plural=Words("Usages", "Uses"),
    about=Words(
        "Votre organisation dit qu’elle se sert d’une fiche, et comment.",
        "Your organisation says that it uses a resource, and how.",
    ),
    verb="use",
    listed=False,
    nature_field="type",
    summary_field="experience",
    sections=(
        Section("usage", Words("Nous l’utilisons", "We use it")),
        Section("told", Words("Ce que vous voulez en dire", "What you want to tell"), folded=True),
    ),
    fields=(
        Field(
            "resource",
            Ref(kinds=("resource",)),
            Words("Fiche utilisée", "Resource used"),
            required=True,
            section="usage",
            show=Show.LINK,
        ),
        Field("type", TYPE, Words("De quelle façon ?", "In which way?"), required=True, section="usage"),
        Field(
            "period",
            Text(),
            Words("Depuis quand ?", "Since when?"),
            Words("Un mois ou une saison suffit.", "A month or a season is enough."),
            asked=True,
            default=lambda context: context.today,
            section="usage",
        ),
        Field(
            "can_help",
            Bool(
                yes=Words("Peut aider", "Can help"),
                no=Words("N’aide pas pour le moment", "Does not help for now"),
            ),
            Words(
                "Nous pouvons aider d’autres organisations à s’en servir",
                "We can help other organisations to use it",
            ),
            section="usage",
        ),
        Field(
            "visibility",
            _VISIBILITY,
            Words("Qui peut le savoir ?", "Who may know?"),
            asked=True,
            default=lambda context: "public",
            section="usage",
        ),
        Field(
            "purpose", LangText(), Words("Pour quoi faire ?", "What for?"), section="told", show=Show.PROSE
        ),
        Field(
            "experience",
            LangText(),
            Words("Votre expérience", "Your experience"),
            Words("Ce qui a marché, ce qui a manqué.", "What worked, what was missing."),
            section="told",
            show=Show.PROSE,
        ),
        Field(
            "scale",
            Text(),
            Words("À quelle échelle ?", "On which scale?"),
            Words("Un ordre de grandeur : 10 à 50 personnes.", "An order of magnitude: 10 to 50 people."),
            section="told",
        ),
    ),
    example={
        "resource": EXAMPLE_REC,
        "type": "adapted",
        "period": "automne 2026",
        "can_help": True,
        "visibility": "public",
        "purpose": {"fr": "Revoir trois postes à l’atelier vélo"},
        "experience": {"fr": "Nous avons gardé les hauteurs de table et retiré la partie sur les bacs."},
        "scale": "10 à 50 personnes",
    },
)
