"""Times as RFC 3339 writes them, the span between two of them, and the hours of a week.

People give local times ("2026-12-12 08:00"); what is signed bears its offset, so that it means the same
everywhere. The name of the zone stays beside it, for calendars.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_time
from msgspec import UNSET

from mutunode.commons.faults import FINE, Fault, Faults, wrong_type
from mutunode.commons.fields import Field, Show
from mutunode.commons.values.base import (
    NOT_GIVEN,
    Context,
    Reading,
    ValueType,
    as_text,
    is_blank,
    one,
    without_default,
)
from mutunode.commons.values.choices import Choice, Option
from mutunode.commons.values.parts import ListOf, Record
from mutunode.commons.values.text import Text
from mutunode.commons.words import Words

SLOT_DAYS_MAX = 400  # a room for a school year
DAY_SECONDS = 86_400
YEARS = range(2, 9_990)  # so that weeks and zones around a time never leave what a calendar can write

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]+(\d{1,2})(?:[:hH](\d\d)?)?(?::\d\d)?)?")
_NOT_A_TIME = wrong_type(
    "un jour et une heure, comme 2026-12-12 08:00", "a day and an hour, such as 2026-12-12 08:00"
)
_NO_ZONE = wrong_type("un fuseau horaire, comme Europe/Paris", "a time zone, such as Europe/Paris")
_BACKWARDS = Fault("backwards", Words("la fin doit venir après le début.", "it must end after it begins."))
_TOO_LONG = Fault(
    "slot_too_long",
    Words(f"il faut {SLOT_DAYS_MAX} jours au plus.", f"it must be {SLOT_DAYS_MAX} days at most."),
)


@lru_cache(4_096)  # calendars ask for the same ones again and again
def seconds(text: str) -> int | None:
    """Unix seconds of an RFC 3339 time in one of ``YEARS``; None for anything else."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(at.timestamp()) if at.year in YEARS else None


@lru_cache(64)
def zone_of(name: str) -> dt.tzinfo:
    """The zone of this name; UTC when this computer does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return dt.UTC


def rfc3339(when: int, zone: str) -> str:
    """Unix seconds as an RFC 3339 time with the zone's offset."""
    return dt.datetime.fromtimestamp(when, zone_of(zone)).isoformat(timespec="seconds")


def local(when: int, zone: str) -> dt.datetime:
    """Unix seconds as people of a zone read them."""
    return dt.datetime.fromtimestamp(when, zone_of(zone))


def said(when: int, zone: str, language: str) -> str:
    """12 décembre 2026, 08:00."""
    at, locale = local(when, zone), "fr" if language.startswith("fr") else "en_GB"
    return f"{format_date(at, 'full', locale=locale)}, {format_time(at, 'short', locale=locale)}"


def span_said(start: int, end: int, zone: str, language: str) -> str:
    """samedi 12 décembre 2026, 08:00 à 12:00; with both days when they differ."""
    last = local(end - 1, zone)
    if local(start, zone).date() != last.date():
        between = " au " if language.startswith("fr") else " to "
        return f"{said(start, zone, language)}{between}{said(end, zone, language)}"
    locale = "fr" if language.startswith("fr") else "en_GB"
    at = local(end, zone)
    shown = "24:00" if at.date() != last.date() else format_time(at, "short", locale=locale)
    return f"{said(start, zone, language)}{' à ' if locale == 'fr' else ' to '}{shown}"


@dataclass(frozen=True)
class Moment(ValueType):
    """A point in time: RFC 3339 with its offset."""

    name: ClassVar[str] = "moment"

    def check(self, value: Any) -> Faults:
        return FINE if type(value) is str and seconds(value) is not None else one(_NOT_A_TIME)

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        text = (as_text(given) or "").strip()
        if seconds(text) is not None:
            return text, FINE
        when = _local_seconds(text, context.zone)
        return (UNSET, one(_NOT_A_TIME)) if when is None else (rfc3339(when, context.zone), FINE)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def text(self, value: Any, language: str) -> str:
        return said_as_written(value, language)


def said_as_written(text: str, language: str) -> str:
    """An RFC 3339 time with the offset its author gave."""
    at, locale = dt.datetime.fromisoformat(text), "fr" if language.startswith("fr") else "en_GB"
    return f"{format_date(at, 'full', locale=locale)}, {format_time(at, 'short', locale=locale)}"


def _local_seconds(text: str, zone: str) -> int | None:
    """A local time; the day alone is its beginning. A time skipped by summer time is the one after it."""
    match = _LOCAL.fullmatch(text)
    if match is None:
        return None
    try:
        day = dt.date.fromisoformat(match[1])
        at = dt.time(int(match[2] or 0), int(match[3] or 0))
        return int(dt.datetime.combine(day, at, zone_of(zone)).timestamp())
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Zone(ValueType):
    """The name of a time zone. Which ones exist is for this computer to know, not for a record's validity."""

    name: ClassVar[str] = "zone"
    _shape: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")

    def check(self, value: Any) -> Faults:
        return FINE if type(value) is str and self._shape.fullmatch(value) else one(_NO_ZONE)

    def read(self, given: Any, context: Context) -> Reading:
        given = without_default(given)
        if is_blank(given):
            return NOT_GIVEN
        text = (as_text(given) or "").strip()
        known = bool(self._shape.fullmatch(text)) and (zone_of(text) is not dt.UTC or text == "UTC")
        return (text, FINE) if known else (UNSET, one(_NO_ZONE))

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "description": "IANA time zone"}


class Slot(Record):
    """``{start, end, tz}``: from one time to another."""

    name = "slot"
    in_words = True

    def __init__(self) -> None:
        super().__init__(fields=_SLOT_FIELDS, short=_interval)

    def check(self, value: Any) -> Faults:
        faults = super().check(value)
        if faults:
            return faults
        start, end = span(value)
        if end <= start:
            return one(_BACKWARDS)
        return one(_TOO_LONG) if end - start > SLOT_DAYS_MAX * DAY_SECONDS else FINE

    def read(self, given: Any, context: Context) -> Reading:
        members = self._members(given) or {}
        zone = members.get("tz")
        known = isinstance(zone, str) and not Zone().read(zone, context)[1]
        within = msgspec.structs.replace(context, zone=str(zone)) if known else context
        if isinstance(given, Mapping) and _is_day(members.get("end")):
            given = {**given, "end": _day_after(members["end"])}
        elif isinstance(given, str) and members:
            given = {**members, "end": _day_after(members["end"])} if _is_day(members["end"]) else members
        return super().read(given, within)

    def text(self, value: Any, language: str) -> str:
        start, end = span(value)
        return span_said(start, end, value.get("tz", "UTC"), language)


def span(slot: Mapping[str, Any]) -> tuple[int, int]:
    """Unix seconds of a slot that passed ``check``: from, and up to."""
    return seconds(slot["start"]) or 0, seconds(slot["end"]) or 0


def _interval(text: str) -> dict[str, Any]:
    """Two times with a slash between them, as ISO 8601 has it."""
    start, _, end = text.partition("/")
    return {"start": start.strip(), "end": end.strip()}


def _is_day(given: Any) -> bool:
    """A day without an hour: as an end it means all of that day."""
    if isinstance(given, dt.date) and not isinstance(given, dt.datetime):
        return True
    return isinstance(given, str) and re.fullmatch(r"\s*\d{4}-\d\d-\d\d\s*", given) is not None


def _day_after(given: Any) -> str:
    try:
        return (dt.date.fromisoformat(str(given).strip()) + dt.timedelta(1)).isoformat()
    except (ValueError, OverflowError):
        return str(given)


_SLOT_FIELDS = (
    Field(
        "start", Moment(), Words("Du", "From"), Words("2026-12-12 08:00", "2026-12-12 08:00"), required=True
    ),
    Field("end", Moment(), Words("Au", "To"), Words("2026-12-12 12:00", "2026-12-12 12:00"), required=True),
    Field(
        "tz",
        Zone(),
        Words("Fuseau horaire", "Time zone"),
        required=True,
        default=lambda context: context.zone,
        show=Show.HIDDEN,
    ),
)

WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")  # the first is day 0
_FRENCH_DAYS = dict(zip(("lu", "ma", "me", "je", "ve", "sa", "di"), WEEKDAYS, strict=True))
_DAY = Choice(
    options=(
        Option("mo", Words("lundi", "Monday")),
        Option("tu", Words("mardi", "Tuesday")),
        Option("we", Words("mercredi", "Wednesday")),
        Option("th", Words("jeudi", "Thursday")),
        Option("fr", Words("vendredi", "Friday")),
        Option("sa", Words("samedi", "Saturday")),
        Option("su", Words("dimanche", "Sunday")),
    )
)
_CLOCK = Text(
    pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00",
    wrong=Words("il faut une heure comme 08:00.", "it must be an hour such as 08:00."),
)
_DATE = Text(
    pattern=r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    wrong=Words("il faut un jour comme 2026-12-31.", "it must be a day such as 2026-12-31."),
)
_HOURS_SHORT = re.compile(r"([a-z, -]+?)\s*(\d{1,2})[:h](\d{2})?\s*-\s*(\d{1,2})[:h](\d{2})?", re.IGNORECASE)


def _hours(text: str) -> dict[str, Any]:
    """``mo-fr 08:00-18:00``, ``lu,me 8h-12h``."""
    match = _HOURS_SHORT.fullmatch(text)
    if match is None:
        return {"days": text}
    return {
        "days": _days(match[1]),
        "from": f"{int(match[2]):02}:{match[3] or '00'}",
        "to": f"{int(match[4]):02}:{match[5] or '00'}",
    }


def _days(text: str) -> list[str]:
    days: list[str] = []
    for part in text.replace(" ", "").lower().split(","):
        first, _, last = (_FRENCH_DAYS.get(day, day) for day in part.partition("-"))
        if first in WEEKDAYS and last in WEEKDAYS:
            low, high = WEEKDAYS.index(first), WEEKDAYS.index(last)
            run = range(low, high + 1) if low <= high else (*range(low, 7), *range(high + 1))
            days += [WEEKDAYS[day] for day in run]
        elif part:
            days.append(first)
    return list(dict.fromkeys(days))


class Hours(Record):
    """``{days, from, to, since, until}``: when a week is open (RFC 7953's AVAILABLE)."""

    name = "hours"
    in_words = True

    def __init__(self) -> None:
        super().__init__(fields=_HOURS_FIELDS, short=_hours)

    def check(self, value: Any) -> Faults:
        faults = super().check(value)
        return faults or (FINE if value["to"] > value["from"] else one(_BACKWARDS))

    def text(self, value: Any, language: str) -> str:
        days = ", ".join(_DAY.text(day, language) for day in value["days"])
        told = f"{days} {value['from']}–{value['to']}"
        for key, fr, en in (("since", "depuis le", "since"), ("until", "jusqu’au", "until")):
            if key in value:
                told += f" {fr if language.startswith('fr') else en} {value[key]}"
        return told


_HOURS_FIELDS = (
    Field("days", ListOf(_DAY, separators=", ", items_max=7), Words("Jours", "Days"), required=True),
    Field("from", _CLOCK, Words("Ouvre à", "Opens at"), required=True),
    Field("to", _CLOCK, Words("Ferme à", "Closes at"), required=True),
    Field("since", _DATE, Words("À partir du", "From the")),
    Field("until", _DATE, Words("Jusqu’au", "Until the")),
)
