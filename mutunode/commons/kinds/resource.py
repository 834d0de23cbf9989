"""Something an organisation pours into the common pot: a practice, a document, a tool, a training."""

from __future__ import annotations

from typing import Any

from mutunode.commons.kind import (
    TITLE_BYTES_MAX,
    Choice,
    Date,
    Field,
    File,
    Kind,
    LangText,
    Language,
    License,
    ListOf,
    Option,
    Record,
    Ref,
    Section,
    Sense,
    Show,
    Text,
    Uri,
    Words,
)

_TYPE = Choice(
    options=(
        Option("practice", Words("Pratique", "Practice")),
        Option("tool", Words("Outil", "Tool")),
        Option("document", Words("Document", "Document")),
        Option("training", Words("Formation", "Training")),
        Option("data", Words("Données", "Data")),
        Option("software", Words("Logiciel", "Software")),
        Option("other", Words("Autre chose", "Something else"), Words("Autre", "Other")),
    )
)

_LICENSES = License(
    options=(
        Option(
            "CC-BY-4.0",
            Words("Adapter, en citant", "Adapt, with credit"),
            help=Words("CC BY 4.0", "CC BY 4.0"),
        ),
        Option(
            "CC-BY-SA-4.0",
            Words("Adapter en citant, et repartager à l’identique", "Adapt with credit, and share alike"),
            help=Words("CC BY-SA 4.0", "CC BY-SA 4.0"),
        ),
        Option("CC0-1.0", Words("Adapter librement", "Adapt freely"), help=Words("CC0 1.0", "CC0 1.0")),
    )
)

_RELATION = Choice(
    options=(
        Option("adaptation", Words("Adaptation", "Adaptation")),
        Option("translation", Words("Traduction", "Translation")),
        Option("extract", Words("Extrait", "Extract")),
        Option("remix", Words("Assemblage", "Remix")),
        Option("port", Words("Portage", "Port")),
    )
)


def _source(text: str) -> dict[str, Any]:
    return {"ref" if text.startswith("rec_") else "uri": text}


_BASED_ON = Record(
    fields=(
        Field(
            "ref",
            Ref(kinds=("resource",)),
            Words("Fiche d’origine", "Original record"),
            Words("Son identifiant, rec_…", "Its id, rec_…"),
            show=Show.LINK,
        ),
        Field(
            "uri",
            Uri(),
            Words("Adresse de l’original", "Address of the original"),
            Words(
                "Quand l’original n’est pas une fiche d’ici.",
                "When the original is no record of this network.",
            ),
            show=Show.LINK,
        ),
        Field(
            "relation",
            _RELATION,
            Words("Ce que vous en avez fait", "What you made of it"),
            default=lambda context: "adaptation",
        ),
        Field(
            "changes",
            LangText(),
            Words("Ce que vous avez changé", "What you changed"),
            show=Show.PROSE,
            weight=1.0,
        ),
    ),
    short=_source,
    one_of=("ref", "uri"),
)

_POLICY = Choice(
    options=(
        Option(
            "indifferent",
            Words("Cela nous est égal", "We do not mind"),
            Words("indifférent", "no matter"),
            Words("Personne ne sera invité à vous le dire.", "Nobody will be invited to tell you."),
        ),
        Option("welcome", Words("C’est bienvenu", "It is welcome"), Words("bienvenu", "welcome")),
        Option("requested", Words("Nous le demandons", "We ask for it"), Words("demandé", "requested")),
        Option(
            "licence_duty",
            Words("La licence y oblige", "The licence makes it a duty"),
            Words("dû, selon la licence", "due, under the licence"),
        ),
    )
)
_DETAIL = Choice(
    options=(
        Option("organisation", Words("Qui s’en sert", "Who uses it")),
        Option("purpose", Words("Qui, et pour quoi", "Who, and what for")),
        Option("full", Words("Qui, pour quoi, et ce qui en est sorti", "Who, what for, and what came of it")),
    )
)
_ACK = Record(
    fields=(
        Field("policy", _POLICY, Words("Le savoir", "Knowing"), default=lambda context: "welcome"),
        Field(
            "detail",
            _DETAIL,
            Words("Ce que vous aimeriez savoir", "What you would like to know"),
            default=lambda context: "organisation",
        ),
    ),
    short=lambda text: {"policy": text},
)

_EVENTS = (
    Option("created", Words("Créé", "Created")),
    Option("published", Words("Publié", "Published")),
    Option("modified", Words("Modifié", "Changed")),
)

KIND = Kind(
    name="resource",
    sense=Sense.AVAL,
    label=Words("Fiche", "Resource"),
    plural=Words("Fiches", "Resources"),
    about=Words(
        "Une pratique, un document, un outil ou une formation que d’autres peuvent trouver et reprendre.",
        "A practice, a document, a tool or a training that others can find and take up.",
    ),
    title_field="title",
    summary_field="abstract",
    nature_field="type",
    sections=(
        Section("text", Words("Votre texte", "Your text")),
        Section("origin", Words("D’où cela vient", "Where it comes from")),
        Section("rights", Words("Ce que les autres pourront en faire", "What others may do with it")),
        Section("find", Words("Pour qu’on la trouve", "To be found"), folded=True),
    ),
    fields=(
        Field(
            "title",
            LangText(bytes_max=TITLE_BYTES_MAX, multiline=False),
            Words("Titre", "Title"),
            Words(
                "Ce qu’une personne pressée doit comprendre.", "What a person in a hurry should understand."
            ),
            required=True,
            section="text",
            show=Show.LEAD,
            weight=4.0,
        ),
        Field(
            "abstract",
            LangText(),
            Words("En quelques phrases", "In a few sentences"),
            section="text",
            show=Show.PROSE,
            weight=2.0,
        ),
        Field(
            "type",
            _TYPE,
            Words("Nature", "Type"),
            section="text",
            facet="nature",
            facet_label=Words("Nature", "Kind"),
            weight=0.5,
        ),
        Field(
            "files",
            ListOf(File()),
            Words("Fichiers", "Files"),
            Words("Donnez un texte de remplacement aux images.", "Give pictures an alternative text."),
            section="text",
            show=Show.LINK,
            weight=0.5,
        ),
        Field(
            "url",
            Uri(),
            Words("Adresse sur le web", "Web address"),
            section="text",
            show=Show.LINK,
            weight=0.5,
        ),
        Field(
            "based_on",
            ListOf(_BASED_ON),
            Words("Fiches d’origine", "Based on"),
            Words(
                "Une par ligne : l’identifiant d’une fiche (rec_…) ou une adresse.",
                "One a line: the id of a record (rec_…) or an address.",
            ),
            section="origin",
            show=Show.LINK,
            weight=0.5,
        ),
        Field(
            "creators",
            ListOf(Text()),
            Words("Auteurs", "Creators"),
            Words(
                "Organisations ou personnes à citer, une par ligne.",
                "Organisations or people to credit, one a line.",
            ),
            section="origin",
            weight=1.0,
        ),
        Field(
            "dates",
            ListOf(Date(events=_EVENTS)),
            Words("Dates", "Dates"),
            Words(
                "Telles qu’elles sont écrites : 26 novembre 2025, 11/2025, 2025.",
                "As they are written: 26 November 2025, 2025-11, 2025.",
            ),
            section="origin",
        ),
        Field(
            "license",
            _LICENSES,
            Words("Licence", "Licence"),
            Words(
                "Un code SPDX, ou la licence en toutes lettres. Sans elle, d’autres hésiteront.",
                "An SPDX code, or the licence in full. Without one, others will hesitate.",
            ),
            section="rights",
            facet="license",
            facet_label=Words("Licence", "Licence"),
        ),
        Field(
            "ack",
            _ACK,
            Words("Souhaitez-vous savoir qui s’en sert ?", "Would you like to know who uses it?"),
            asked=True,
            default=lambda context: {"policy": "welcome", "detail": "organisation"},
            section="rights",
        ),
        Field(
            "languages",
            ListOf(Language(), separators=",;"),
            Words("Langues", "Languages"),
            Words("Codes de langue : fr, en, ar.", "Language codes: fr, en, ar."),
            section="find",
            facet="language",
            facet_label=Words("Langue", "Language"),
        ),
        Field(
            "keywords",
            ListOf(Text(), separators=",;"),
            Words("Mots-clés", "Keywords"),
            Words("Séparés par des virgules.", "Separated by commas."),
            section="find",
            weight=3.0,
        ),
        Field(
            "subjects",
            ListOf(Uri(), separators=" "),
            Words("Sujets", "Subjects"),
            Words(
                "Adresses de sujets d’un vocabulaire public.", "Addresses of subjects in a public vocabulary."
            ),
            section="find",
            show=Show.LINK,
        ),
        Field(
            "audience",
            ListOf(Text(), separators=",;"),
            Words("Public", "Audience"),
            Words("À qui cela s’adresse, séparé par des virgules.", "Whom it is for, separated by commas."),
            section="find",
            weight=1.0,
        ),
        Field("level", Text(), Words("Niveau", "Level"), section="find", weight=0.5),
    ),
    example={
        "title": {"fr": "Adapter un poste en atelier de tri", "en": "Fitting out a sorting workstation"},
        "abstract": {
            "fr": "Hauteurs de table, bacs et éclairage : ce que nous avons changé, mesures et coûts."
        },
        "type": "practice",
        "url": "https://association.example/atelier-de-tri",
        "based_on": [
            {
                "uri": "https://ressources.example/adaptation-du-poste",
                "relation": "adaptation",
                "changes": {"fr": "Exemples de bacs et de hauteurs de table"},
            }
        ],
        "creators": ["Association d’exemple"],
        "dates": [{"given": "26 novembre 2025", "event": "published"}],
        "license": "CC-BY-SA-4.0",
        "ack": {"policy": "welcome", "detail": "organisation"},
        "languages": ["fr"],
        "keywords": ["ergonomie", "handicap"],
        "audience": ["responsables d’atelier"],
        "external_ref": "fiche-0042",
    },
)
