"""Reading what authors wrote as their licence.

A licence is kept as it was written. Reading it gives *alternatives*, each a set of licences that apply
together (SPDX ``OR`` and ``AND``). What cannot be read is never taken for a permission.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import Any

import msgspec
from license_expression import ExpressionError, get_spdx_licensing

from mutunode.commons.licences.terms import PUBLIC_DOMAIN, Terms, current, spellings, terms_of
from mutunode.commons.normalizing import normalized

_TEXT_MAX = 1_024  # characters of a licence that are read; nobody's expression is longer
_ALTERNATIVES_MAX = 32  # (A OR B) AND (C OR D) … doubles with each pair: more is not for people
_REMEMBERED = 4_096  # distinct licence texts: SILL, of 239 rows, has 51

Together = tuple[Terms, ...]  # licences that apply together


class Understood(msgspec.Struct, frozen=True):
    """A licence text as read. ``sure`` is False for a list that does not say whether one may choose."""

    stated: bool = True
    sure: bool = True
    alternatives: tuple[Together, ...] = ()  # none: not understood


_NOT_STATED = frozenset(
    ("", "-", "—", "?", "n/a", "na", "none", "noassertion", "aucune", "inconnue", "unknown")
)
TOKENS = re.compile(r"[^\s()]+")
_OPERATORS = frozenset(("AND", "OR", "WITH"))
_LIST = re.compile(r"[,;/&]|\s(?:et|ou|and|or)\s", re.IGNORECASE)
_GNU_NAME = re.compile(r"(?:gnu-)?(a|l)?gpl-?(\d)(?:\.(\d))?(\+|-or-later|-ou-ulterieure|-only)?")
_CC_URL = re.compile(r"https?://creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/[a-z/.]*)?")
_CC_ZERO_URL = re.compile(r"https?://creativecommons\.org/publicdomain/(zero|mark)/1\.0(?:/[a-z/.]*)?")
_LISTED_URL = re.compile(r"https?://(?:spdx|opensource)\.org/licenses?/([\w.+-]+?)(?:\.html|\.json)?/?")
_ALIASES = {
    "apache": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause",
    "bsd-2.0": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd-3.0": "BSD-3-Clause",
    "cc0": "CC0-1.0",
    "cc-zero": "CC0-1.0",
    "domaine-public": PUBLIC_DOMAIN,
    "etalab": "etalab-2.0",
    "expat": "MIT",
    "lo": "etalab-2.0",
    "lo-2.0": "etalab-2.0",
    "odbl": "ODbL-1.0",
    "ouverte": "etalab-2.0",
    "ouverte-2.0": "etalab-2.0",
    "ouverte-etalab": "etalab-2.0",
    "ouverte-etalab-2.0": "etalab-2.0",
    "public-domain": PUBLIC_DOMAIN,
}


@lru_cache(_REMEMBERED)
def normalise(text: str) -> str:
    """An SPDX expression in its proper spelling; anything else verbatim. No id is replaced by another."""
    if len(text) > _TEXT_MAX or not is_expression(text):
        return text
    proper = TOKENS.sub(lambda token: str(_spelled(token[0])), text)
    return re.sub(r"\( | \)", lambda found: found[0].strip(), " ".join(proper.split()))


def is_expression(text: str) -> bool:
    """Whether this is SPDX through and through: ids it knows (or LicenseRefs), well joined."""
    tokens = TOKENS.findall(text)
    if not tokens or not all(_spelled(token) for token in tokens):
        return False
    return text.strip().lower() in spellings() or _parsed(text) is not None


def _spelled(token: str) -> str | None:
    """A token of an SPDX expression as SPDX writes it; None when it is no such token."""
    if token.upper() in _OPERATORS:
        return token.upper()
    if token.startswith("LicenseRef-"):
        return token
    return spellings().get(token.lower()) or _exceptions().get(token.lower())


@lru_cache(1)
def _exceptions() -> dict[str, str]:
    symbols = _licensing().known_symbols.values()
    return {symbol.key.lower(): symbol.key for symbol in symbols if symbol.is_exception}


@lru_cache(1)
def _licensing() -> Any:
    return get_spdx_licensing()  # 0.1 s each time it is built


def _parsed(text: str) -> Any:
    """The expression's tree; None when it is no expression."""
    try:
        return _licensing().parse(text)
    except (ExpressionError, ValueError, TypeError, IndexError, RecursionError):
        return None


@lru_cache(_REMEMBERED)
def understand(text: str) -> Understood:
    """What a licence text says, as far as it can be read."""
    if len(text) > _TEXT_MAX:
        return Understood()
    if text.strip().casefold() in _NOT_STATED:
        return Understood(stated=False)
    if known := _named(text):
        return Understood(alternatives=((terms_of(known),),))
    if is_expression(text):
        return Understood(alternatives=_alternatives(_parsed(text)))
    parts = [part for part in _LIST.split(text) if part.strip()]
    ids = [_named(part) for part in parts]
    if len(parts) < 2 or not all(ids):
        return Understood()
    return Understood(sure=False, alternatives=tuple((terms_of(one),) for one in ids[:_ALTERNATIVES_MAX]))


def _alternatives(tree: Any) -> tuple[Together, ...]:
    """The tree as a choice between sets; none when there are too many to mean anything."""
    operator = str(getattr(tree, "operator", "")).strip()
    if not operator:
        return ((terms_of(getattr(tree, "license_symbol", tree).key),),)
    parts = [_alternatives(part) for part in tree.args]
    if operator == "OR":
        found = tuple(choice for part in parts for choice in part)
    else:
        size = 1
        for part in parts:
            size *= len(part)
        if size > _ALTERNATIVES_MAX:
            return ()
        found = tuple(tuple(terms for choice in row for terms in choice) for row in product(*parts))
    return found if len(found) <= _ALTERNATIVES_MAX and all(parts) else ()


def _named(text: str) -> str:
    """The SPDX id of one licence, named by it or in everyday ways; "" when it is none."""
    url = text.strip().lower()
    if url in spellings():
        return current(spellings()[url])
    if match := _CC_URL.fullmatch(url):
        return f"CC-{match[1]}-{match[2]}".upper()
    if match := _CC_ZERO_URL.fullmatch(url):
        return "CC0-1.0" if match[1] == "zero" else PUBLIC_DOMAIN
    if match := _LISTED_URL.fullmatch(url):
        return current(spellings().get(match[1], ""))
    folded = _folded(text)
    if match := _GNU_NAME.fullmatch(folded):
        end = "or-later" if match[4] in ("+", "-or-later", "-ou-ulterieure") else "only"
        folded = f"{match[1] or ''}gpl-{match[2]}.{match[3] or 0}-{end}"
    found = _ALIASES.get(folded) or spellings().get(folded) or spellings().get(f"{folded}.0")
    if found:
        return current(found)
    return folded.upper() if re.fullmatch(r"cc-by(-nc)?(-nd|-sa)?", folded) else ""


_FILLERS = re.compile(r"\b(licen[cs]e|version|the|la)\b")


def _folded(text: str) -> str:
    """Lower case, no accents, words joined by hyphens, ``v2`` as ``2``: « GPL V2.0 » is ``gpl-2.0``."""
    plain = normalized("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    plain = re.sub(r"\bv(?=\d)", "", _FILLERS.sub(" ", plain))
    return re.sub(r"[^a-z0-9.+?]+", "-", plain).strip("-.")
