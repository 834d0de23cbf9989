"""iCalendar (RFC 5545, RFC 7953): bookings out, opening hours and absences in. Text in, text out.

What comes in is somebody's file: bounded, read with a library that knows the format, and only what has one
meaning here is taken. Rules of recurrence other than "every week on these days" are left out and counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import icalendar
import msgspec

PRODUCT = "-//mutunode//mutunode//FR"
COMPONENTS_MAX = 5_000  # of one file; a year of a busy room
_DAYS = {"MO": "mo", "TU": "tu", "WE": "we", "TH": "th", "FR": "fr", "SA": "sa", "SU": "su"}


class Event(msgspec.Struct, frozen=True):
    """One thing in a calendar; times are Unix seconds."""

    uid: str
    start: int
    end: int
    zone: str
    summary: str
    stamp: int
    description: str = ""
    url: str = ""
    sure: bool = True  # else it is only asked for
    blocks: bool = True  # else its time stays free


class Opening(msgspec.Struct, frozen=True):
    """Hours of a week, as a means declares them."""

    days: tuple[str, ...]
    start: str
    end: str
    since: str = ""
    until: str = ""

    def fields(self) -> dict[str, Any]:
        """As input of the field ``availability``."""
        told = {"days": list(self.days), "from": self.start, "to": self.end}
        more = {"since": self.since, "until": self.until}
        return told | {name: value for name, value in more.items() if value}


class Read(msgspec.Struct, frozen=True):
    """What a file says: openings, absences (from, to in Unix seconds), and how much was left out.

    Not what an absence is for: that may be somebody's private life, and what is signed stays.
    """

    openings: tuple[Opening, ...]
    absences: tuple[tuple[int, int], ...]
    left_out: int


class Unreadable(Exception):
    """It is no calendar, or more than is read."""


# --- out -----------------------------------------------------------------------------------------
def write(name: str, events: Iterable[Event], zone: str) -> bytes:
    """A calendar as a file."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone)
    for event in events:
        calendar.add_component(_event(event))
    return bytes(calendar.to_ical())


def _event(event: Event) -> icalendar.Event:
    made = icalendar.Event()
    made.add("uid", event.uid)
    made.add("dtstamp", _utc(event.stamp))
    made.add("dtstart", _utc(event.start))  # UTC means the same to every program; the zone is the calendar's
    made.add("dtend", _utc(event.end))
    made.add("summary", event.summary)
    if event.description:
        made.add("description", event.description)
    if event.url:
        made.add("url", event.url)
    made.add("status", "CONFIRMED" if event.sure else "TENTATIVE")
    made.add("transp", "OPAQUE" if event.blocks and event.sure else "TRANSPARENT")
    return made


def _utc(when: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(when, dt.UTC)


# --- in ------------------------------------------------------------------------------------------
def read(text: str, zone: dt.tzinfo) -> Read:
    """Opening hours and absences of a calendar; times without a zone are those of ``zone``.

    Raises:
        Unreadable: no calendar, or too much of one.
    """
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(str(error)) from None
    if not any(getattr(each, "name", "") == "VCALENDAR" for each in calendars):
        raise Unreadable("no VCALENDAR")
    openings: list[Opening] = []
    absences: list[tuple[int, int]] = []
    left_out = 0
    for number, component in enumerate(_components(calendars)):
        if number >= COMPONENTS_MAX:
            raise Unreadable(f"more than {COMPONENTS_MAX} entries")
        try:
            if component.name == "AVAILABLE":
                openings.append(_opening(component, zone))
            elif component.name == "VEVENT" and (found := _absence(component, zone)) is not None:
                absences.append(found)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            left_out += 1
    return Read(tuple(dict.fromkeys(openings)), tuple(dict.fromkeys(absences)), left_out)


def _components(calendars: Iterable[Any]) -> Iterator[Any]:
    for calendar in calendars:
        yield from calendar.walk()


def _opening(component: Any, zone: dt.tzinfo) -> Opening:
    start, end = _times(component, zone)
    if start.date() != end.date() and end.time() != dt.time(0):
        raise ValueError("over midnight")
    rule = component["RRULE"]
    until = rule.get("UNTIL", [None])[0]
    if rule.get("FREQ") != ["WEEKLY"] or rule.get("INTERVAL", [1]) != [1] or "COUNT" in rule:
        raise ValueError("not weekly")
    days = tuple(_DAYS[str(day)] for day in rule.get("BYDAY", [])) or (
        tuple(_DAYS.values())[start.weekday()],
    )
    closes = "24:00" if start.date() != end.date() else end.strftime("%H:%M")
    return Opening(days, start.strftime("%H:%M"), closes, start.date().isoformat(), _day(until))


def _day(until: Any) -> str:
    if until is None:
        return ""
    return (until.date() if isinstance(until, dt.datetime) else until).isoformat()


def _absence(component: Any, zone: dt.tzinfo) -> tuple[int, int] | None:
    """An event of a calendar of absences; one that takes no time says nothing."""
    if component.get("TRANSP") == "TRANSPARENT" or component.get("STATUS") == "CANCELLED":
        return None
    if "RRULE" in component or "RDATE" in component:
        raise ValueError("recurring")
    start, end = _times(component, zone)
    if end <= start:
        raise ValueError("no time")
    return int(start.timestamp()), int(end.timestamp())


def _times(component: Any, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    for name in ("DTSTART", "DTEND"):
        if name in component and _is_elsewhere(component[name]):
            raise ValueError("a zone that is not known here")
    start = component["DTSTART"].dt
    if "DTEND" in component:
        end = component["DTEND"].dt
    elif "DURATION" in component:
        end = start + component["DURATION"].dt
    else:
        end = start + dt.timedelta(days=1)
    return _at(start, zone), _at(end, zone)


def _is_elsewhere(given: Any) -> bool:
    """A time in a zone that this computer does not know."""
    return "TZID" in given.params and isinstance(given.dt, dt.datetime) and given.dt.tzinfo is None


def _at(given: Any, zone: dt.tzinfo) -> dt.datetime:
    if not isinstance(given, dt.datetime):
        given = dt.datetime.combine(given, dt.time())
    at: dt.datetime = given.replace(tzinfo=zone) if given.tzinfo is None else given.astimezone(zone)
    return at
