"""May a derived work bear the licence its author chose? ``ok``, ``warn`` or ``conflict``, and why.

A doubt is a warning: ``ok`` is said only where the licences themselves say it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mutunode.commons.licences.reading import Together, Understood, understand
from mutunode.commons.licences.terms import REFUSED_BY, Terms, joins, relicenses
from mutunode.commons.words import Words


class Verdict(msgspec.Struct, frozen=True):
    """Whether a derived work may bear its licence: ``ok``, ``warn`` or ``conflict``, and why."""

    verdict: str
    reason: Words


_ORDER = ("ok", "warn", "conflict")

_NO_CONDITION = Verdict(
    "ok", Words("L’original ne pose aucune condition.", "The original sets no condition.")
)
_CREDIT = Verdict(
    "ok",
    Words(
        "Compatible. L’original demande de citer sa source : gardez le lien vers lui.",
        "Compatible. The original asks for credit: keep the link to it.",
    ),
)
_KEPT = Verdict(
    "ok",
    Words("Compatible. La licence de l’original est gardée.", "Compatible. The original’s licence is kept."),
)
_ALLOWED = Verdict(
    "ok",
    Words(
        "Compatible. La licence de l’original permet celle-ci.",
        "Compatible. The original’s licence permits this one.",
    ),
)
_STAYS_CLOSED = Verdict(
    "ok",
    Words(
        "Compatible, tant que votre version reste sans usage commercial.",
        "Compatible, as long as your version stays non-commercial.",
    ),
)
_SOURCE_SILENT = Verdict(
    "warn",
    Words(
        "La licence de l’original n’est pas précisée : demandez l’accord de son auteur.",
        "The original states no licence: ask its author for permission.",
    ),
)
_SOURCE_UNREAD = Verdict(
    "warn",
    Words(
        "La licence de l’original n’est pas reconnue : lisez-la avant de publier.",
        "The original’s licence is not recognised: read it before you publish.",
    ),
)
_DERIVED_UNREAD = Verdict(
    "warn",
    Words(
        "Votre licence n’est pas reconnue : vérifiez que l’original la permet.",
        "Your licence is not recognised: check that the original permits it.",
    ),
)
_DERIVED_SILENT = Verdict(
    "warn",
    Words(
        "L’original pose des conditions : précisez une licence qui les reprend.",
        "The original sets conditions: state a licence that passes them on.",
    ),
)
_CREDIT_DROPPED = Verdict(
    "warn",
    Words(
        "L’original demande d’être cité, et votre licence en dispense : gardez la mention de l’original.",
        "The original asks for credit and your licence waives it: keep the notice of the original.",
    ),
)
_EXTRACT = Verdict(
    "warn",
    Words(
        "L’original ne permet pas de modification : un extrait doit rester tel quel, sous la même licence.",
        "The original permits no change: an extract must stay as it is, under the same licence.",
    ),
)
_JOINED = Verdict(
    "warn",
    Words(
        "Possible en assemblant les deux travaux : la part de l’original garde sa licence.",
        "Possible when the two works are joined: the original’s part keeps its licence.",
    ),
)
_PARTS = Verdict(
    "warn",
    Words(
        "Plusieurs licences s’appliquent ensemble : dites quelle part est sous laquelle.",
        "Several licences apply together: say which part is under which.",
    ),
)
_CHANGES_REFUSED = Verdict(
    "conflict",
    Words(
        "La licence de l’original ne permet pas d’en publier une version modifiée.",
        "The original’s licence does not permit publishing a changed version.",
    ),
)
_NOT_ALIKE = Verdict(
    "conflict",
    Words(
        "L’original doit être repartagé à l’identique : prenez la même licence.",
        "The original must be shared alike: take the same licence.",
    ),
)
_COMMERCE_OPENED = Verdict(
    "conflict",
    Words(
        "L’original exclut l’usage commercial, et votre licence le permet.",
        "The original excludes commercial use and your licence permits it.",
    ),
)
_TERMS_CLASH = Verdict(
    "conflict",
    Words(
        "Ces deux licences ne peuvent pas s’appliquer au même travail.",
        "These two licences cannot apply to one work.",
    ),
)


def compare(source: str, derived: str, relation: str) -> Verdict:
    """May work based on ``source`` (``relation``: adaptation, extract…) bear the licence ``derived``?

    Whoever takes the source may choose among its alternatives; every alternative of the derived work must
    be permitted.
    """
    given, chosen = understand(source), understand(derived)
    if not given.stated:
        return _SOURCE_SILENT
    if not given.sure or not given.alternatives:
        return _SOURCE_UNREAD
    return _best(_all_of(together, chosen, relation) for together in given.alternatives)


def _all_of(together: Together, derived: Understood, relation: str) -> Verdict:
    return _worst(_one_of(terms, derived, relation) for terms in together)


def _one_of(terms: Terms, derived: Understood, relation: str) -> Verdict:
    """One licence of the source against all that the derived work offers."""
    if not terms.known:
        return _SOURCE_UNREAD
    if not derived.stated:
        return _silent(terms, relation)
    if not derived.sure or not derived.alternatives:
        return _pair(terms, Terms("", known=False), relation)
    return _worst(_parts(terms, together, relation) for together in derived.alternatives)


def _parts(terms: Terms, together: Together, relation: str) -> Verdict:
    verdicts = [_pair(terms, other, relation) for other in together]
    worst = _worst(verdicts)
    mixed = worst.verdict == "conflict" and any(found.verdict == "ok" for found in verdicts)
    return _PARTS if mixed else worst


def _silent(terms: Terms, relation: str) -> Verdict:
    """The derived work states no licence."""
    if terms.no_derivatives:
        return _EXTRACT if relation == "extract" else _CHANGES_REFUSED
    if terms.copyleft:
        return _NOT_ALIKE
    return _DERIVED_SILENT if terms.credit or terms.non_commercial else _NO_CONDITION


def _pair(terms: Terms, other: Terms, relation: str) -> Verdict:
    """One licence of the source, one of the derived work."""
    if terms.no_derivatives:
        if relation != "extract":
            return _CHANGES_REFUSED
        return _KEPT if terms.id == other.id else _EXTRACT
    if terms.id == other.id:
        return _KEPT
    if not terms.credit and not terms.copyleft:
        return _NO_CONDITION
    if not other.known:
        return _DERIVED_UNREAD
    if terms.copyleft:
        return _alike(terms, other, relation)
    if terms.non_commercial:
        return _STAYS_CLOSED if other.non_commercial else _COMMERCE_OPENED
    if other.id in REFUSED_BY.get(terms.id, ()):
        return _TERMS_CLASH
    return _CREDIT if other.credit or other.copyleft else _CREDIT_DROPPED


def _alike(terms: Terms, other: Terms, relation: str) -> Verdict:
    if relicenses(terms.id, other.id):
        return _ALLOWED
    if joins(terms.id, other.id) or (terms.copyleft == "weak" and relation == "remix"):
        return _JOINED
    return _NOT_ALIKE


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=lambda found: _ORDER.index(found.verdict))


def _best(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=lambda found: _ORDER.index(found.verdict))
