"""What each licence permits and asks, and which licence a derived work may bear.

Known SPDX ids and their broad category come from the index of the ``license-expression`` package; this
table adds what a category does not say, and the steps from one share-alike licence to another. A step that
is not in the table is never taken for granted.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from license_expression import get_license_index

# --- what one licence asks -------------------------------------------------------------------------


class Terms(msgspec.Struct, frozen=True):
    """One licence, as conditions. ``copyleft`` is "" or ``weak`` (by file or library) or ``strong``."""

    id: str
    known: bool = True
    credit: bool = True
    copyleft: str = ""
    no_derivatives: bool = False
    non_commercial: bool = False


_COPYLEFT = {"Permissive": "", "Copyleft Limited": "weak", "Copyleft": "strong"}  # by category

PUBLIC_DOMAIN = "LicenseRef-public-domain"

_FREE = frozenset(
    ("CC0-1.0", "Unlicense", "0BSD", "WTFPL", "MIT-0", "PDDL-1.0", "CC-PDDC", "CC-PDM-1.0", PUBLIC_DOMAIN)
)
# Listed as "limited" for their explicit list of compatible licences, but they cover the whole work.
_STRONG = frozenset(
    (
        *("EUPL-1.0", "EUPL-1.1", "EUPL-1.2", "CECILL-1.0", "CECILL-1.1", "CECILL-2.0", "CECILL-2.1"),
        *("OSL-1.0", "OSL-2.0", "OSL-2.1", "OSL-3.0", "ODbL-1.0", "LAL-1.2", "LAL-1.3"),
        *(f"GFDL-{version}-{end}" for version in ("1.1", "1.2", "1.3") for end in ("only", "or-later")),
    )
)
_CC = re.compile(r"CC-BY(-NC)?(-ND|-SA)?(-\d\.\d(-[A-Z]{2,4})?)?")


@lru_cache(1)
def _categories() -> dict[str, str]:
    """SPDX id → category, of licences (exceptions change no class)."""
    return {
        entry["spdx_license_key"]: entry["category"]
        for entry in get_license_index()
        if entry.get("spdx_license_key") and not entry.get("is_exception")
    }


@lru_cache(1)
def spellings() -> dict[str, str]:
    """Every SPDX id, current or deprecated, by its lower-case form. LicenseRefs are nobody's ids."""
    known: dict[str, str] = {}
    for entry in get_license_index():
        if entry.get("is_exception"):
            continue
        for given in (entry.get("spdx_license_key"), *entry.get("other_spdx_license_keys", ())):
            if given and " " not in given and not given.startswith("LicenseRef"):
                known.setdefault(given.lower(), given)
    return known


@lru_cache(1)
def _renamed() -> dict[str, str]:
    """Deprecated id → the id that means the same today: GPL-2.0 → GPL-2.0-only."""
    return {
        old: entry["spdx_license_key"]
        for entry in get_license_index()
        if entry.get("spdx_license_key")
        for old in entry.get("other_spdx_license_keys", ())
        if " " not in old
    }


def current(id: str) -> str:
    """Today's id of a licence."""
    return id if id in _categories() else _renamed().get(id, id)


@lru_cache(4_096)  # there are about 700 SPDX ids; the rest are strangers' inventions
def terms_of(id: str) -> Terms:
    """The conditions of one licence id; ``known`` is False when we cannot say."""
    today = current(id)
    if match := _CC.fullmatch(today):
        alike = "strong" if match[2] == "-SA" else ""
        return Terms(today, copyleft=alike, no_derivatives=match[2] == "-ND", non_commercial=bool(match[1]))
    if today in _FREE:
        return Terms(today, credit=False)
    if today in _STRONG:
        return Terms(today, copyleft="strong")
    category = _categories().get(today, "")
    if category == "Public Domain":
        return Terms(today, credit=False)
    return Terms(today, known=category in _COPYLEFT, copyleft=_COPYLEFT.get(category, ""))


# --- from one share-alike licence to another -------------------------------------------------------

_GNU = re.compile(r"(A|L)?GPL-(\d)\.(\d)-(only|or-later)")


class _Gnu(msgspec.Struct, frozen=True):
    family: str  # "", "A", "L"
    version: tuple[int, int]
    later: bool


def _gnu(id: str) -> _Gnu | None:
    match = _GNU.fullmatch(id)
    return match and _Gnu(match[1] or "", (int(match[2]), int(match[3])), match[4] == "or-later")


# Source → licences its own text lets the whole derived work bear.
_RELICENSE: dict[str, frozenset[str]] = {
    "CC-BY-SA-2.0": frozenset(("CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0")),  # "a later version"
    "CC-BY-SA-2.5": frozenset(("CC-BY-SA-3.0", "CC-BY-SA-4.0")),
    "CC-BY-SA-3.0": frozenset(("CC-BY-SA-4.0",)),
    # Creative Commons' list of compatible licences: both ways with LAL, one way to the GPL
    "CC-BY-SA-4.0": frozenset(("LAL-1.3", "GPL-3.0-only", "GPL-3.0-or-later")),
    "LAL-1.3": frozenset(("CC-BY-SA-4.0",)),
    "CC-BY-NC-SA-2.0": frozenset(("CC-BY-NC-SA-2.5", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0")),
    "CC-BY-NC-SA-2.5": frozenset(("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0")),
    "CC-BY-NC-SA-3.0": frozenset(("CC-BY-NC-SA-4.0",)),
    "EPL-1.0": frozenset(("EPL-2.0",)),  # §7, new versions by the steward
    "EUPL-1.0": frozenset(("EUPL-1.1", "EUPL-1.2")),  # §13, new versions by the Commission
    "EUPL-1.1": frozenset(("EUPL-1.2",)),
    "MPL-1.1": frozenset(("MPL-2.0",)),  # §6.2, new versions by the steward
    "CECILL-2.0": frozenset(("CECILL-2.1",)),  # §12, later versions
}

_GPL_2_UP = frozenset(("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"))
_AGPL_3 = frozenset(("AGPL-3.0-only", "AGPL-3.0-or-later"))
_LGPL_2_1_UP = frozenset(("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"))

# Source → licences a work may bear that *joins* the source with other work, the source keeping its own.
_JOIN: dict[str, frozenset[str]] = {
    "MPL-2.0": _GPL_2_UP | _LGPL_2_1_UP | _AGPL_3,
    "EUPL-1.1": frozenset(("GPL-2.0-only", "OSL-2.1", "OSL-3.0", "CPL-1.0", "EPL-1.0", "CECILL-2.0")),
    "EUPL-1.2": _GPL_2_UP
    | _AGPL_3
    | _LGPL_2_1_UP
    | frozenset(("OSL-2.1", "OSL-3.0", "EPL-1.0", "CECILL-2.0", "CECILL-2.1", "MPL-2.0", "CC-BY-SA-3.0")),
    "CECILL-2.0": _GPL_2_UP,
    "CECILL-2.1": _GPL_2_UP | _AGPL_3 | frozenset(("EUPL-1.1", "EUPL-1.2")),
}

# Permissive licences whose conditions a copyleft one does not allow to add.
REFUSED_BY: dict[str, frozenset[str]] = {
    "Apache-2.0": frozenset(("GPL-2.0-only", "LGPL-2.0-only", "LGPL-2.1-only", "GPL-1.0-only")),
    "BSD-4-Clause": _GPL_2_UP | _AGPL_3 | _LGPL_2_1_UP,
}


def relicenses(source: str, derived: str) -> bool:
    """Whether a share-alike ``source`` lets the whole derived work bear ``derived``."""
    gnu_source, gnu_derived = _gnu(source), _gnu(derived)
    if gnu_source and gnu_derived:
        return _gnu_relicenses(gnu_source, gnu_derived)
    return source == derived or derived in _RELICENSE.get(source, ())


def _gnu_relicenses(source: _Gnu, derived: _Gnu) -> bool:
    if source.family == derived.family:
        if derived.later:
            return source.later and derived.version >= source.version
        return derived.version == source.version or (source.later and derived.version > source.version)
    if (source.family, derived.family) != ("L", ""):
        return False
    if source.version < (3, 0):
        return derived.version >= (2, 0)  # §3 of the LGPL 2.x: "version 2 … or a newer version"
    # The LGPL 3 is the GPL 3 with permissions one may drop, and grants later versions only if it says so.
    return derived.version >= (3, 0) and (source.later or not derived.later)


def joins(source: str, derived: str) -> bool:
    """Whether a work joining ``source`` with others may bear ``derived``, the source keeping its own."""
    gnu_source, gnu_derived = _gnu(source), _gnu(derived)
    if gnu_source and gnu_derived:
        # §13 of the GPL 3 and of the AGPL 3: works under the two may be combined. "Or later" gets there.
        at_three = gnu_source.version == (3, 0) or gnu_source.later
        families = (gnu_source.family, gnu_derived.family)
        return families in (("", "A"), ("L", "A"), ("A", "")) and at_three and gnu_derived.version == (3, 0)
    return derived in _JOIN.get(source, ())
