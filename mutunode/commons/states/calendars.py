"""Opening hours as spans of time, a week as people look at it, and how much of a means was used.

Days and hours are those of the means' own zone; a day that summer time shortens has 23 hours here too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mutunode.commons.states.bookings import Block, Booking, MeansState
from mutunode.commons.states.spans import Span, Taken, peak, unit_seconds
from mutunode.commons.values.times import WEEKDAYS, local, zone_of

DAY = dt.timedelta(days=1)
# The parts of a day that a week is shown by, as in the tables of village halls.
PARTS = (("morning", 8, 12), ("afternoon", 13, 18), ("evening", 18, 21))


def at_hour(day: dt.date, clock: str, zone: str) -> int:
    """Unix seconds of an hour of a day, ``24:00`` being the next midnight."""
    hour, minute = int(clock[:2]), int(clock[3:])
    if hour == 24:
        day, hour = day + DAY, 0
    return int(dt.datetime.combine(day, dt.time(hour, minute), zone_of(zone)).timestamp())


def days_of(within: Span, zone: str) -> list[dt.date]:
    """Every day that a span touches."""
    first, last = local(within.start, zone).date(), local(within.end - 1, zone).date()
    return [first + DAY * number for number in range((last - first).days + 1)]


def open_spans(availability: Sequence[Mapping[str, Any]] | None, zone: str, within: Span) -> list[Span]:
    """When a means is open in a span, without gaps or overlaps; always, when nothing is said."""
    if not availability:
        return [within]
    found = []
    for day in days_of(within, zone):
        for hours in availability:
            if WEEKDAYS[day.weekday()] in hours["days"] and _in_season(day, hours):
                span = Span(at_hour(day, hours["from"], zone), at_hour(day, hours["to"], zone))
                found.append(span.within(within))
    return merged(span for span in found if span.seconds)


def _in_season(day: dt.date, hours: Mapping[str, Any]) -> bool:
    return bool(hours.get("since", "0000") <= day.isoformat() <= hours.get("until", "9999"))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch or overlap as one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def is_open(availability: Sequence[Mapping[str, Any]] | None, zone: str, wanted: Span) -> bool:
    """Whether a means is open at both ends of a span: it is taken and brought back while it is."""
    spans = open_spans(availability, zone, Span(wanted.start - 86_400, wanted.end + 86_400))
    begins = any(span.start <= wanted.start < span.end for span in spans)
    return begins and any(span.start < wanted.end <= span.end for span in spans)


class Part(msgspec.Struct, frozen=True):
    """A part of one day. ``state``: free · partly · taken · closed · repair · occupied · past."""

    name: str
    span: Span
    state: str
    free: int
    bookings: tuple[Booking, ...] = ()  # that hold it
    asked: tuple[Booking, ...] = ()  # that would like to
    blocks: tuple[Block, ...] = ()


class Day(msgspec.Struct, frozen=True):
    """One day of a week."""

    date: dt.date
    parts: tuple[Part, ...]


def monday_of(when: int, zone: str) -> dt.date:
    """The Monday of the week a time lies in."""
    day = local(when, zone).date()
    return day - DAY * day.weekday()


def week(
    state: MeansState,
    availability: Sequence[Mapping[str, Any]] | None,
    zone: str,
    monday: dt.date,
    now: int = 0,
) -> list[Day]:
    """Seven days from a Monday, each in three parts. Before ``now``: what was, not what can be had."""
    days = []
    for number in range(7):
        day = monday + DAY * number
        parts = []
        for name, first, last in PARTS:
            span = Span(at_hour(day, f"{first:02}:00", zone), at_hour(day, f"{last:02}:00", zone))
            parts.append(_part(name, span, state, open_spans(availability, zone, span), now))
        days.append(Day(day, tuple(parts)))
    return days


def _part(name: str, span: Span, state: MeansState, opened: list[Span], now: int) -> Part:
    past = span.end <= now
    within = [each for each in state.bookings if each.span is not None and each.span.overlaps(span)]
    held = tuple(each for each in within if each.holds or (past and each.taken))
    asked = tuple(each for each in within if each.state == "requested" and not past)
    blocks = tuple(each for each in state.blocks if each.span.overlaps(span))
    free = 0 if past else state.free(span)
    return Part(name, span, _state(free, state.units, held, blocks, opened, past), free, held, asked, blocks)


def _state(
    free: int,
    units: int,
    held: Sequence[Booking],
    blocks: Sequence[Block],
    opened: list[Span],
    past: bool,
) -> str:
    if not opened:
        return "closed"
    if free:
        return "free" if free == units else "partly"
    whole = [each.what for each in blocks if each.what != "hint"]
    if held:
        return "taken"
    return whole[0] if whole else "past" if past else "taken"


class Use(msgspec.Struct, frozen=True):
    """How much of a means was booked in a span, in hours × units."""

    span: Span
    booked: float
    blocked: float
    open: float

    @property
    def share(self) -> float:
        """Of what could be had, the part that was booked: from 0 to 1."""
        could = self.open - self.blocked
        return min(1.0, self.booked / could) if could > 0 else 0.0


def use(state: MeansState, availability: Sequence[Mapping[str, Any]] | None, zone: str, within: Span) -> Use:
    """What was booked, what was blocked and what was open in a span, the two former while it was open."""
    booked = [Taken(each.span, each.units) for each in state.bookings if each.taken and each.span]
    blocked = [
        Taken(each.span, state.units if each.units is None else each.units)
        for each in state.blocks
        if each.what in ("closed", "repair")
    ]
    occupied = [
        Taken(each.span, state.units if each.units is None else each.units)
        for each in state.blocks
        if each.what == "occupied"
    ]
    opened = open_spans(availability, zone, within)
    hours = [
        sum(unit_seconds(taken, span) for span in opened) / 3_600 for taken in ([*booked, *occupied], blocked)
    ]
    return Use(within, hours[0], hours[1], sum(span.seconds for span in opened) * state.units / 3_600)


def first_gap(
    state: MeansState,
    availability: Sequence[Mapping[str, Any]] | None,
    zone: str,
    within: Span,
    units: int,
    seconds: int,
) -> Span | None:
    """The first time in a span in which so many units are free and open for so long."""
    taken = state.taken()
    for opened in open_spans(availability, zone, within):
        start = opened.start
        for edge in sorted({opened.start, *(each.span.end for each in taken)}):
            start = max(opened.start, edge)
            wanted = Span(start, start + seconds)
            if wanted.end <= opened.end and peak(taken, wanted) + units <= state.units:
                return wanted
    return None
