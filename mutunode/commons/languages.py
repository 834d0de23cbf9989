"""Languages as people wrote them, understood as BCP 47.

Records keep what their authors wrote (``zh_CN``, ``iw``, ``ca@valencia``); whatever compares, counts or
marks up asks here what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import langcodes
from babel import Locale, UnknownLocaleError

from mutunode.commons.faults import Fault
from mutunode.commons.words import LangMap, Words

UNDETERMINED = "und"
PAGES = ("en", "fr")  # what the pages speak: who reads neither the text's nor the author's language reads one

_TAGS_REMEMBERED = 4_096  # 23 languages in the largest catalogue known; hostile tags push each other out
_SHAPE = re.compile(r"[A-Za-z0-9]{1,8}(?:[-_@.][A-Za-z0-9]{1,8}){0,7}")  # 8 parts × 9 = 72 characters
_ENCODING = re.compile(r"\.[A-Za-z0-9-]+")  # pt_BR.UTF-8
_RIGHT_TO_LEFT = frozenset(("Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"))


@lru_cache(_TAGS_REMEMBERED)
def _shaped(tag: str) -> bool:
    return _SHAPE.fullmatch(tag) is not None


def is_tag_shaped(tag: Any) -> bool:
    """Whether this may stand where a language tag stands, understood or not."""
    return type(tag) is str and _shaped(tag)


def unknown(given: Any) -> Fault:
    """Said of what is no language we know."""
    shown = given if isinstance(given, str) else type(given).__name__
    return Fault(
        "language",
        Words(
            f"« {shown[:40]} » n’est pas un code de langue. Exemples : fr, en, ar, pt-BR.",
            f"“{shown[:40]}” is not a language code. Examples: fr, en, ar, pt-BR.",
        ),
    )


@lru_cache(_TAGS_REMEMBERED)
def canonical(tag: str) -> str:
    """The BCP 47 tag that was meant; "" when none can be made of it."""
    if not _shaped(tag):
        return ""
    parts = _ENCODING.sub("", tag).replace("@", "-").replace("_", "-")
    try:
        standard = langcodes.standardize_tag(parts)
        return standard if langcodes.tag_is_valid(standard) else ""
    except ValueError:
        return ""


@lru_cache(_TAGS_REMEMBERED)
def base(tag: str) -> str:
    """The language alone, without script or region; "" when not understood."""
    return canonical(tag).partition("-")[0]


@lru_cache(_TAGS_REMEMBERED)
def named(name: str) -> str:
    """The tag of a language given by its name in French or English; "" when unknown."""
    return _names().get(name.strip().casefold(), "")


@lru_cache(1)
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for reader in ("fr", "en"):
        for code, name in Locale(reader).languages.items():
            names.setdefault(name.casefold(), code.replace("_", "-"))
    return names


def pick(texts: Mapping[str, str], reader: str, author_languages: Iterable[str]) -> tuple[str, str]:
    """(text, its language tag for ``lang``): the reader's language first, the author's, the pages', any."""
    meant = {canonical(tag) or UNDETERMINED: text for tag, text in sorted(texts.items())}
    if not meant:
        return "", ""
    for wanted in (reader, *author_languages, *PAGES):
        found = _closest(meant, wanted)
        if found:
            return meant[found], found
    first = next(iter(meant))
    return meant[first], first


def _closest(meant: LangMap, wanted: str) -> str:
    """The same tag, else the same language in another script or region."""
    exact = canonical(wanted)
    if exact in meant:
        return exact
    language = base(wanted)
    return next((tag for tag in meant if language and tag.partition("-")[0] == language), "")


@lru_cache(_TAGS_REMEMBERED)
def direction(tag: str) -> str:
    """``rtl`` or ``ltr``, for the ``dir`` attribute."""
    meant = canonical(tag)
    if not meant:
        return "ltr"
    script = langcodes.Language.get(meant).maximize().script
    return "rtl" if script in _RIGHT_TO_LEFT else "ltr"


@lru_cache(_TAGS_REMEMBERED)
def display_name(tag: str, reader: str) -> str:
    """A language's name for a reader; what was written when it is not understood."""
    locale = _locale(canonical(tag))
    if locale is None:
        return str(Locale(_interface(reader)).languages.get(base(tag), tag))
    return locale.get_display_name(_interface(reader)) or tag


@lru_cache(_TAGS_REMEMBERED)
def own_name(tag: str) -> str:
    """A language's name in itself: العربية, français."""
    locale = _locale(canonical(tag))
    return (locale.get_display_name() if locale else None) or tag


def _interface(reader: str) -> str:
    return "fr" if reader.startswith("fr") else "en"


def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-") if tag else None
    except (ValueError, UnknownLocaleError):
        return None
