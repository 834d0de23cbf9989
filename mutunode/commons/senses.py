"""The two meanings of *mutualiser*, and what grows out of both: named on every card and page."""

from __future__ import annotations

from enum import StrEnum

from mutunode.commons.words import NOTHING, Words


class Sense(StrEnum):
    """Which meaning a record belongs to; neutral acts (vouch, flag…) belong to none."""

    AVAL = "aval"
    AMONT = "amont"
    META = "meta"
    NONE = ""


SHORT_LABELS = {
    Sense.AVAL: Words("En aval", "Downstream"),
    Sense.AMONT: Words("En amont", "Upstream"),
    Sense.META: Words("Repères communs", "Common references"),
    Sense.NONE: NOTHING,
}

LABELS = {
    Sense.AVAL: Words("En aval · partager l’existant", "Downstream · share what exists"),
    Sense.AMONT: Words("En amont · produire et s’assurer ensemble", "Upstream · make and insure together"),
    Sense.META: SHORT_LABELS[Sense.META],
    Sense.NONE: NOTHING,
}
