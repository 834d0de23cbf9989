"""Words for people: the senses, ages and states, in the person's language (never a bare technical code)."""

from __future__ import annotations

import os
from collections.abc import Mapping

LANGUAGES = ("fr", "en")

SENSES = {
    "aval": {"fr": "En aval · partager l’existant", "en": "Downstream · share what exists"},
    "amont": {"fr": "En amont · produire et s’assurer ensemble", "en": "Upstream · make and insure together"},
    "meta": {"fr": "Repères communs", "en": "Common references"},
}

# what was declared by one side, by both, or is disputed (DOMAIN, rule 1); then how a record stands
STATES = {
    "declared": {"fr": "déclaré", "en": "declared"},
    "confirmed": {"fr": "confirmé", "en": "confirmed"},
    "contested": {"fr": "contesté", "en": "contested"},
    "ok": {"fr": "publié", "en": "published"},
    "sealed": {"fr": "scellé : une autre organisation le lit", "en": "sealed: another organisation reads it"},
    "opaque": {"fr": "d’une nature que ce nœud ne sait pas lire", "en": "of a kind this node cannot read"},
    "missing": {"fr": "données attendues", "en": "awaiting data"},
    "erased": {"fr": "effacé par son auteur", "en": "erased by its author"},
    "retracted": {
        "fr": "retiré par la reprise du registre de son auteur",
        "en": "retracted by a new start of its author's register",
    },
    "withdrawn": {"fr": "retiré par son auteur", "en": "withdrawn by its author"},
    "superseded": {"fr": "remplacé par une version plus récente", "en": "replaced by a newer version"},
    "connected": {"fr": "connectée", "en": "connected"},
    "handshake": {"fr": "en cours de connexion", "en": "connecting"},
    "away": {"fr": "non joignable", "en": "out of reach"},
    "accepted": {"fr": "acceptée", "en": "accepted"},
    "blocked": {"fr": "bloquée", "en": "blocked"},
    "": {"fr": "connue", "en": "known"},
    "thanks": {"fr": "remerciée", "en": "thanked"},
    "noted": {"fr": "notée", "en": "noted"},
    "contest": {"fr": "contestée", "en": "contested"},
}

STANDINGS = {
    "lost": {
        "fr": "signée par une clé de rang inférieur : écartée",
        "en": "signed by a later key: set aside",
    },
    "tied": {"fr": "de même rang : À TRANCHER", "en": "of equal rank: TO BE DECIDED"},
    "late": {
        "fr": "venue plus de 30 jours trop tard : gardée comme preuve",
        "en": "30 days too late: evidence",
    },
    "asked": {"fr": "d’une clé de rang supérieur : À TRANCHER", "en": "of an earlier key: TO BE DECIDED"},
    "decided": {"fr": "écartée par quelqu’un d’ici", "en": "set aside by somebody here"},
}

USAGES = {
    "used": {"fr": "utilisé", "en": "used"},
    "adapted": {"fr": "adapté", "en": "adapted"},
    "taught": {"fr": "enseigné", "en": "taught"},
    "translated": {"fr": "traduit", "en": "translated"},
    "recommended": {"fr": "recommandé", "en": "recommended"},
    "tried_dropped": {"fr": "essayé puis abandonné", "en": "tried, then dropped"},
}

_STEPS = (  # seconds of one unit, French name, English name; the largest that fits once is used
    (31_557_600, "an", "year"),
    (2_629_800, "mois", "month"),
    (86_400, "jour", "day"),
    (3_600, "heure", "hour"),
    (60, "minute", "minute"),
)


def both(table: Mapping[str, Mapping[str, str]], code: str, language: str) -> str:
    """The word for a code; a code of a later version stands for itself."""
    return table[code][language] if code in table else code


def pick(texts: object, language: str) -> str:
    """One text of a language map: the person's language, else the first there is."""
    if isinstance(texts, str):
        return texts
    if not isinstance(texts, Mapping) or not texts:
        return ""
    return str(texts.get(language) or next(iter(texts.values())))


def age(then: float, now: float, language: str) -> str:
    """« il y a 9 jours », "9 days ago"."""
    french = language == "fr"
    if not then:
        return "jamais" if french else "never"
    seconds = int(now - then)
    fits = [(abs(seconds) // unit, fr if french else en) for unit, fr, en in _STEPS if abs(seconds) >= unit]
    if not fits:
        return "à l’instant" if french else "just now"
    count, name = fits[0][0], _plural(fits[0][1], fits[0][0])
    if seconds < 0:
        return f"dans {count} {name}" if french else f"in {count} {name}"
    return f"il y a {count} {name}" if french else f"{count} {name} ago"


def _plural(name: str, count: int) -> str:
    return name if count == 1 or name.endswith("s") else name + "s"


def some(count: int, fr: str, en: str, en_more: str = "") -> tuple[str, str]:
    """So many of something, in both languages: ``some(1, "registre", "register")``; in French none is one."""
    return (
        f"{count} {fr}{'s' if count > 1 else ''}",
        f"{count} {en if count == 1 else en_more or en + 's'}",
    )


def usage_count(count: Mapping[str, int], language: str) -> str:
    """« 6 organisations, dont 4 confirmées »; contested ones are said, not counted."""
    declared, confirmed = int(count.get("declared", 0)), int(count.get("confirmed", 0))
    contested = int(count.get("contested", 0))
    if language == "fr":
        text = f"{declared} organisation{'s' if declared > 1 else ''}, dont {confirmed} confirmée"
        text += "s" if confirmed > 1 else ""
        return text + (f" (et {contested} contestée{'s' if contested > 1 else ''})" if contested else "")
    text = f"{declared} organisation{'' if declared == 1 else 's'}, {confirmed} confirmed"
    return text + (f" (and {contested} contested)" if contested else "")


def language_of(environment: Mapping[str, str]) -> str:
    """The person's language, as the system tells it: ours first, then POSIX order."""
    return "fr" if _language_set(environment).lower().startswith("fr") else "en"


def is_language_set(environment: Mapping[str, str]) -> bool:
    """Whether the system names a language at all; ``C`` and ``POSIX`` name none."""
    return _language_set(environment).partition(".")[0] not in ("", "C", "POSIX")


def _language_set(environment: Mapping[str, str]) -> str:
    names = ("MUTUNODE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    return next((value for name in names if (value := environment.get(name, ""))), "")


def default_language() -> str:
    """`language_of` this process."""
    return language_of(os.environ)
