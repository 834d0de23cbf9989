"""A few real rows to fill pages with, as `from_input` takes them.

The software rows are from the SILL 2022 (Licence Ouverte 2.0, DINUM, github.com/etalab/sill-contents), the
sheets from fiches-travail-data (Apache-2.0, ministère du Travail through SocialGouv), the term from Glosario
(CC BY 4.0, The Carpentries). Names of organisations are invented for the tests.
"""

from __future__ import annotations

from typing import Any

FABRIQUE, POLE, RELAIS, PASSERELLE, TILLEULS, RADIO = (
    "La Fabrique du Canal",
    "Pôle numérique solidaire de l’Ouest",
    "Relais Ressources Loire",
    "Atelier Passerelle",
    "Régie de quartier Les Tilleuls",
    "Radio Ondes de Loire",
)

SOFTWARE: list[dict[str, Any]] = [
    {
        "title": "Asqatasun",
        "abstract": {
            "fr": "Vérification de la conformité de l'application aux règles d'accessibilité",
            "en": "Opensource web site analyser for web accessibility and seo",
        },
        "type": "software",
        "license": "AGPL-3.0",
        "url": "http://asqatasun.org/",
        "creators": ["SILL 2022"],
        "external_ref": "sill-asqatasun",
    },
    {
        "title": "NVDA",
        "abstract": {"en": "Screen reader. Lecteur d'écran, accessibilité."},
        "type": "software",
        "license": "GPL-2.0-only",
        "url": "http://www.nvaccess.org/",
    },
    {
        "title": "Tanaguru",
        "abstract": {"fr": "Vérification de la conformité de l'application aux règles d'accessibilité"},
        "type": "software",
        "license": "AGPL-3.0",
    },
    {
        "title": "Sympa",
        "abstract": {
            "fr": "Gestionnaire de listes électroniques",
            "en": "Electronic mailing list manager",
        },
        "type": "software",
        "license": "GPL-2.0",
        "url": "https://www.sympa.org/",
        "keywords": "listes, courriel",
    },
    {
        "title": "Grammalecte",
        "abstract": {
            "fr": "Correcteur grammatical de la langue française. Télécharger l'extension sur "
            "[grammalecte.net](https://grammalecte.net/#download).",
            "en": "French grammar checker",
        },
        "type": "software",
        "license": "GPL-3.0",
    },
    # enough to leaf through
    *({"title": f"Logiciel du SILL n° {n}", "type": "software", "license": "MIT"} for n in range(1, 12)),
]

SHEETS: list[dict[str, Any]] = [
    {
        "title": "L’adaptation du poste du salarié à sa situation",
        "abstract": "Vous êtes employeur d’un salarié qui rencontre des difficultés sur son poste de travail "
        "liées à sa santé ou à son handicap.\n\n"
        "Dans le cadre du maintien en emploi, une adaptation du poste peut être envisagée, en fonction des "
        "possibilités de l’entreprise et de la situation du salarié, afin de permettre à celui-ci de "
        "conserver son poste dans de bonnes conditions.\n\n"
        "## En quoi consistent les aménagements possibles ?\n\n"
        "Le médecin de santé au travail, en lien avec les acteurs spécialisés comme Cap emploi ou la CARSAT, "
        "peut proposer des mesures telles qu’un aménagement de la charge de travail, des horaires ou du "
        "temps de travail, un aménagement du poste (siège ergonomique), un changement d’outil (logiciel "
        "ou écran adapté), mais aussi une adaptation de l’éclairage ou l’atténuation d’un bruit.\n\n"
        "## Qui est concerné ?\n\n"
        "Toutes les entreprises sont concernées par l’obligation d’aménagement de poste de travail et par "
        "l’obligation de reclassement.",
        "type": "practice",
        "license": "Apache-2.0",
        "url": "https://travail-emploi.gouv.fr/adapter-le-poste-dun-salarie-sa-situation",
        "dates": [{"given": "04/11/2025", "event": "modified"}],
        "creators": ["Ministère du Travail"],
        "keywords": "handicap, accessibilité, poste de travail",
    },
    {
        "title": "L’obligation d’emploi des travailleurs handicapés (OETH)",
        "abstract": "\u200bLa loi n° 2018-771 du 5 septembre 2018 réforme l’obligation d’emploi des "
        "travailleurs handicapés (OETH), jusqu’à l’accessibilité des locaux.",
        "type": "practice",
        "license": "Apache-2.0",
    },
]

TERM: dict[str, Any] = {
    "title": {"ar": "القاعدة ٩٩,٧-٩٥-٦٨"},
    "abstract": {
        "ar": "يُعبِر عن حقيقة أن ٦٨٪ من القيم تقع ضمن وحدة واحدة من الانحراف المعياري من الوسط، بينما ٩٥٪ تقع "
        "ضمن وحدتين."
    },
    "type": "document",
    "license": "CC-BY-4.0",
}

VERSION: dict[str, Any] = {
    "title": {"fr": "Adapter un poste en atelier de tri"},
    "abstract": "Hauteurs de table, bacs et éclairage : ce que nous avons changé dans notre atelier, avec "
    "les mesures et les coûts.",
    "type": "practice",
    "license": "CC-BY-SA-4.0",
    "ack": {"policy": "requested"},
}

PROFILE: dict[str, Any] = {
    "name": PASSERELLE,
    "legal_form": "Association de traduction et d’interprétariat social",
    "area": "Saint-Nazaire",
    "languages": "fr, ar, en",
    "posture": {
        "shares_aval": "selected",
        "wants_usage": "welcome",
        "joins_means": True,
        "joins_risk": False,
        "prior_works": "case_by_case",
        "statement": "Nous donnons volontiers nos lexiques. Nos dossiers d’accompagnement resteront fermés, "
        "et cela ne nous empêche pas de construire avec vous.",
    },
    "contact": "bonjour@passerelle.example",
    "identifiers": "SIREN:000000000",
}
