"""Dates as people write them, and what can be said of them for sure.

A record keeps the date as given; ``parse`` adds an ISO 8601 date, month or year only where there is one
reading. A season stays words.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache

from babel.dates import get_month_names

from mutunode.commons.normalizing import normalized

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_ISO_TIME = re.compile(r"(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}.*", re.DOTALL)
_SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_WORDED = re.compile(r"(?:(\d{1,2})(?:er|st|nd|rd|th)? )?([a-z]+)\.?(?: (\d{1,2})(?:st|nd|rd|th)?,)? (\d{4})")


def is_iso(text: str) -> bool:
    """Whether this is an existing day, month or year: ``2026``, ``2026-11``, ``2026-11-24``."""
    match = _ISO.fullmatch(text)
    return match is not None and bool(_iso(*(int(part) if part else 0 for part in match.groups())))


@lru_cache(1_024)  # a catalogue repeats its dates
def parse(given: str, language: str) -> str:
    """The ISO date, month or year meant; "" when it is unknown or has two readings."""
    text = " ".join(given.split())
    if match := _ISO.fullmatch(text) or _ISO_TIME.fullmatch(text):
        return _iso(*(int(part) if part else 0 for part in match.groups()))
    if match := _SLASHED.fullmatch(text):
        return _slashed(int(match[1]), int(match[2]), int(match[3]), language)
    if match := _WORDED.fullmatch(_folded(text)):
        month = _months().get(match[2], 0)
        return _iso(int(match[4]), month, int(match[1] or match[3] or 0)) if month else ""
    return ""


def _slashed(first: int, second: int, year: int, language: str) -> str:
    """French puts the day first; elsewhere only one of the two orders may exist."""
    day_first = _iso(year, second, first)
    month_first = _iso(year, first, second)
    if language.startswith("fr") or first == second:
        return day_first
    return "" if day_first and month_first else day_first or month_first


def _iso(year: int, month: int = 0, day: int = 0) -> str:
    try:
        date = dt.date(year, month or 1, day or 1)
    except ValueError:
        return ""
    return date.isoformat()[: 10 if day else 7 if month else 4]


def _folded(text: str) -> str:
    decomposed = normalized("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(1)
def _months() -> dict[str, int]:
    """Month names and abbreviations of both languages, folded."""
    return {
        _folded(name).rstrip("."): month
        for width in ("wide", "abbreviated")
        for language in ("fr", "en")
        for month, name in get_month_names(width, locale=language).items()
    }


def first_day(iso: str) -> dt.date:
    """The first day of an ISO day, month or year."""
    return dt.date.fromisoformat(iso + "-01-01"[len(iso) - 4 :] if len(iso) < 10 else iso)
