"""Licences as permissions: "adapt with credit, and share alike", the code after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from mutunode.commons.licences.reading import (
    TOKENS,
    Together,
    Understood,
    is_expression,
    normalise,
    understand,
)
from mutunode.commons.words import Words

_REMEMBERED = 4_096  # licences as given: a catalogue has a few dozen
FACET = "permission"  # the search facet of what a licence allows


class Permission(StrEnum):
    """What a licence allows, from the freest on."""

    FREE = "free"
    CREDIT = "credit"
    SHARE_ALIKE = "share_alike"
    NON_COMMERCIAL = "non_commercial"
    NO_DERIVATIVES = "no_derivatives"
    UNKNOWN = "unknown"
    NOT_STATED = "not_stated"


PERMISSIONS = {
    Permission.FREE: Words("Adapter librement", "Adapt freely"),
    Permission.CREDIT: Words("Adapter, en citant", "Adapt, with credit"),
    Permission.SHARE_ALIKE: Words("Adapter, et repartager à l’identique", "Adapt, and share alike"),
    Permission.NON_COMMERCIAL: Words("Adapter, sans usage commercial", "Adapt, not commercially"),
    Permission.NO_DERIVATIVES: Words("Partager sans modifier", "Share unchanged"),
    Permission.UNKNOWN: Words("Une licence à lire", "A licence to read"),
    Permission.NOT_STATED: Words("Licence non précisée", "Licence not stated"),
}


def _class_of(together: Together) -> Permission:
    if not all(terms.known for terms in together):
        return Permission.UNKNOWN
    if any(terms.no_derivatives for terms in together):
        return Permission.NO_DERIVATIVES
    if any(terms.non_commercial for terms in together):
        return Permission.NON_COMMERCIAL
    if any(terms.copyleft for terms in together):
        return Permission.SHARE_ALIKE
    return Permission.CREDIT if any(terms.credit for terms in together) else Permission.FREE


def _freest(understood: Understood) -> Together | None:
    """The alternative a reader would choose; None when none can be relied on."""
    ranked = sorted(understood.alternatives, key=lambda choice: list(Permission).index(_class_of(choice)))
    classes = {_class_of(choice) for choice in ranked}
    if not ranked or (not understood.sure and len(classes) > 1):
        return None
    return ranked[0]


@lru_cache(_REMEMBERED)
def permission(text: str) -> Permission:
    """The class of what a licence allows; "" is a licence not stated."""
    understood = understand(text)
    if not understood.stated:
        return Permission.NOT_STATED
    chosen = _freest(understood)
    return Permission.UNKNOWN if chosen is None else _class_of(chosen)


_UNREAD = Words("Une licence à lire avant de s’en servir", "A licence to read before using it")
_CREDITED = Words("Adapter en citant", "Adapt with credit")
_NOT_COMMERCIAL = Words("sans usage commercial", "not commercially")
_ALIKE = Words("et repartager à l’identique", "and share alike")


def explain(text: str) -> Words:
    """A licence as what one may do: "Adapt with credit, and share alike"."""
    allowed = permission(text)
    chosen = _freest(understand(text))
    if allowed == Permission.UNKNOWN or chosen is None:
        return PERMISSIONS[allowed] if allowed == Permission.NOT_STATED else _UNREAD
    if allowed in (Permission.FREE, Permission.CREDIT):
        return PERMISSIONS[allowed]
    limits = [_NOT_COMMERCIAL] if any(terms.non_commercial for terms in chosen) else []
    if allowed == Permission.NO_DERIVATIVES:
        return _joined(Words("Partager en citant, sans modifier", "Share with credit, unchanged"), limits)
    if any(terms.copyleft for terms in chosen):
        limits.append(_ALIKE)
    return _joined(_CREDITED, limits)


def _joined(first: Words, others: Sequence[Words]) -> Words:
    for other in others:
        first = other.after(first)
    return first


_SHORT = {"etalab-2.0": "Licence Ouverte 2.0"}


def short(text: str) -> str:
    """A licence's code as people say it: ``CC-BY-SA-4.0`` is "CC BY-SA 4.0"; free text as it is."""
    if not is_expression(text):
        return text
    return TOKENS.sub(lambda token: _short_id(token[0]), normalise(text))


def _short_id(id: str) -> str:
    said = re.sub(r"-only$", "", id.replace("-or-later", "+"))
    said = re.sub(r"^CC-", "CC ", said)
    return _SHORT.get(id) or re.sub(r"-(?=v?\d[\d.]*\+?$)", " ", said)
