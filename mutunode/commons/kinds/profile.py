"""Who an organisation is, and what it wants: its posture on both meanings of pooling. The last one wins."""

from __future__ import annotations

from typing import Any

from mutunode.commons.kind import (
    ENDPOINT,
    Bool,
    Choice,
    Field,
    File,
    Kind,
    LangText,
    Language,
    ListOf,
    Option,
    Record,
    Section,
    Sense,
    Show,
    Text,
    Uri,
    Words,
)

_SHARES = Choice(
    options=(
        Option(
            "no",
            Words("Non, pas pour le moment", "No, not for now"),
            Words("Ne partage pas ses travaux pour le moment", "Does not share its work for now"),
        ),
        Option(
            "selected",
            Words("Une sélection", "A selection"),
            Words("Partage une sélection de ses travaux", "Shares a selection of its work"),
        ),
        Option(
            "open",
            Words("Oui, par défaut", "Yes, by default"),
            Words("Partage ses travaux par défaut", "Shares its work by default"),
        ),
    )
)
_WANTS_USAGE = Choice(
    options=(
        Option(
            "no",
            Words("Cela nous est égal", "We do not mind"),
            Words("Ne demande pas qui s’en sert", "Does not ask who uses it"),
        ),
        Option(
            "welcome",
            Words("C’est bienvenu", "It is welcome"),
            Words(
                "Aime savoir qui s’en sert, sans en faire une condition",
                "Likes to know who uses it, and sets no condition",
            ),
        ),
        Option(
            "yes",
            Words("Nous le demandons", "We ask for it"),
            Words("Demande qu’on lui dise qui s’en sert", "Asks to be told who uses it"),
        ),
    )
)
_PRIOR_WORKS = Choice(
    options=(
        Option(
            "closed",
            Words("Ils restent fermés", "They stay closed"),
            Words(
                "Travaux antérieurs : fermés. Rejoindre un projet n’ouvre pas ses archives.",
                "Earlier works: closed. Joining a project does not open its archives.",
            ),
        ),
        Option(
            "case_by_case",
            Words("Au cas par cas", "Case by case"),
            Words(
                "Travaux antérieurs : au cas par cas. Rejoindre un projet n’ouvre pas ses archives.",
                "Earlier works: case by case. Joining a project does not open its archives.",
            ),
        ),
        Option(
            "open",
            Words("Ils sont ouverts", "They are open"),
            Words("Travaux antérieurs : ouverts", "Earlier works: open"),
        ),
    )
)
_POSTURE = Record(
    fields=(
        Field(
            "shares_aval",
            _SHARES,
            Words("Partager ses travaux", "Sharing its work"),
            Words(
                "Vos travaux existants, avec les autres organisations.",
                "Your existing work, with the other organisations.",
            ),
        ),
        Field("wants_usage", _WANTS_USAGE, Words("Savoir qui s’en sert", "Knowing who uses it")),
        Field(
            "joins_means",
            Bool(
                yes=Words("Met des moyens en commun", "Pools means"),
                no=Words("Ne met pas de moyens en commun pour le moment", "Does not pool means for now"),
            ),
            Words("Mettre des moyens en commun", "Pooling means"),
            Words(
                "Une salle, un véhicule, du temps de travail, pour produire ensemble.",
                "A room, a vehicle, working time, to produce together.",
            ),
        ),
        Field(
            "joins_risk",
            Bool(
                yes=Words("S’assure avec d’autres", "Insures itself with others"),
                no=Words(
                    "Ne s’assure pas avec d’autres pour le moment",
                    "Does not insure itself with others for now",
                ),
            ),
            Words("S’assurer ensemble", "Insuring together"),
            Words("Un fonds d’entraide, sans garantie.", "A fund for mutual help, without guarantee."),
        ),
        Field(
            "prior_works",
            _PRIOR_WORKS,
            Words("Les travaux antérieurs, dans un projet commun", "Earlier works, in a joint project"),
            Words(
                "Rejoindre un projet n’ouvre rien de ce qui existait avant.",
                "Joining a project opens nothing that existed before.",
            ),
        ),
        Field(
            "statement",
            LangText(),
            Words("En vos mots", "In your words"),
            Words(
                "Ce que vous voulez bien ou ne souhaitez pas. Fermé est une réponse aussi bonne qu’ouvert.",
                "What you are glad to do, what you do not wish. Closed is as good an answer as open.",
            ),
            show=Show.PROSE,
            weight=1.0,
        ),
    )
)


def _identifier(text: str) -> dict[str, Any]:
    """``SIREN:123456789`` or ``SIREN 123 456 789``."""
    scheme, _, value = text.partition(":") if ":" in text else text.partition(" ")
    return {"scheme": scheme.strip(), "value": value.strip()}


_IDENTIFIER = Record(
    fields=(
        Field(
            "scheme",
            Text(),
            Words("Répertoire", "Registry"),
            Words("SIREN, RNA, ROR…", "SIREN, RNA, ROR…"),
            required=True,
        ),
        Field("value", Text(), Words("Numéro", "Number"), required=True, weight=1.0),
    ),
    short=_identifier,
)

_WHO = Section("who", Words("Qui vous êtes", "Who you are"))
_WANTS = Section(
    "posture",
    Words("Ce que vous voulez bien, ce que vous ne souhaitez pas", "What you want, what you do not wish"),
)
_REACH = Section("reach", Words("Vous joindre, vous reconnaître", "Reaching you, recognising you"))

KIND = Kind(
    name="profile",
    sense=Sense.NONE,
    label=Words("Organisation", "Organisation"),
    plural=Words("Organisations", "Organisations"),
    about=Words(
        "Qui est votre organisation, ce qu’elle veut bien et ce qu’elle ne souhaite pas.",
        "Who your organisation is, what it is glad to do and what it does not wish.",
    ),
    title_field="name",
    last_wins=True,
    sections=(_WHO, _WANTS, _REACH),
    fields=(
        Field(
            "name",
            LangText(bytes_max=255, multiline=False),
            Words("Nom", "Name"),
            Words(
                "Celui que vos partenaires connaissent. Il pourra changer.",
                "The one your partners know. It may change.",
            ),
            required=True,
            section="who",
            show=Show.LEAD,
            weight=4.0,
        ),
        Field(
            "legal_form",
            Text(),
            Words("Forme juridique", "Legal form"),
            Words("Association, coopérative, commune…", "Association, cooperative, municipality…"),
            section="who",
            weight=0.5,
        ),
        Field(
            "area",
            Text(),
            Words("Territoire", "Area"),
            Words("Où vous agissez : une ville, une région.", "Where you act: a town, a region."),
            section="who",
            weight=1.0,
        ),
        Field(
            "languages",
            ListOf(Language(), separators=",;"),
            Words("Langues de travail", "Working languages"),
            Words("Codes de langue : fr, ar, en.", "Language codes: fr, ar, en."),
            asked=True,
            default=lambda context: [context.language],
            section="who",
            facet="language",
            facet_label=Words("Langue", "Language"),
        ),
        Field(
            "logo",
            File(),
            Words("Logo", "Logo"),
            Words("Une image, avec son texte de remplacement.", "A picture, with its alternative text."),
            section="who",
            show=Show.LEAD,
        ),
        Field(
            "posture",
            _POSTURE,
            Words("Posture", "Posture"),
            Words(
                "Dites au moins une chose. Tout peut changer plus tard.",
                "Say one thing at least. All may change later.",
            ),
            asked=True,
            section="posture",
            show=Show.LEAD,
            weight=0.5,
        ),
        Field(
            "contact",
            Text(),
            Words("Adresse de contact", "Contact address"),
            Words(
                "Celle d’une fonction, pas d’une personne : accueil@…",
                "That of a role, not of a person: welcome@…",
            ),
            section="reach",
        ),
        Field(
            "urls",
            ListOf(Uri(), separators=" "),
            Words("Sites", "Web sites"),
            Words("Un par ligne.", "One a line."),
            section="reach",
            show=Show.LINK,
            weight=0.5,
        ),
        Field(
            "identifiers",
            ListOf(_IDENTIFIER),
            Words("Identifiants", "Identifiers"),
            Words("Un par ligne, par exemple SIREN:000000000.", "One a line, for example SIREN:000000000."),
            section="reach",
            weight=1.0,
        ),
        Field(
            "endpoints",
            ListOf(ENDPOINT, separators=", "),
            Words("Adresses de liaison", "Link addresses"),
            Words(
                "Où votre ordinateur répond aux autres, par exemple exemple.org:7447.",
                "Where your computer answers others, for example example.org:7447.",
            ),
            section="reach",
            show=Show.HIDDEN,
        ),
    ),
    example={
        "name": {"fr": "Association d’exemple", "en": "Example association"},
        "legal_form": "Association",
        "area": "Saint-Nazaire",
        "languages": ["fr", "ar"],
        "posture": {
            "shares_aval": "selected",
            "wants_usage": "welcome",
            "joins_means": True,
            "joins_risk": False,
            "prior_works": "closed",
            "statement": {
                "fr": "Nous donnons volontiers nos lexiques. Nos dossiers d’accompagnement restent fermés."
            },
        },
        "contact": "bonjour@association.example",
        "urls": ["https://association.example/"],
        "identifiers": ["SIREN:000000000"],
        "endpoints": ["association.example:7447"],
    },
)
