"""Calendars out, read by somebody else's parser, and in, whatever somebody's file holds."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from mutunode.interop import ical

PARIS = ZoneInfo("Europe/Paris")
START = int(dt.datetime(2026, 12, 12, 8, tzinfo=PARIS).timestamp())

OPENING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VAVAILABILITY
UID:a@example
DTSTAMP:20261101T000000Z
BEGIN:AVAILABLE
UID:b@example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Paris:20261102T080000
DTEND;TZID=Europe/Paris:20261102T180000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE;UNTIL=20270630T220000Z
END:AVAILABLE
BEGIN:AVAILABLE
UID:c@example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Paris:20261107T090000
DTEND;TZID=Europe/Paris:20261108T000000
RRULE:FREQ=WEEKLY
END:AVAILABLE
BEGIN:AVAILABLE
UID:d@example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Paris:20261107T090000
DTEND;TZID=Europe/Paris:20261107T100000
RRULE:FREQ=MONTHLY;BYDAY=1SA
END:AVAILABLE
END:VAVAILABILITY
BEGIN:VEVENT
UID:e@example
DTSTAMP:20261101T000000Z
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20270102
SUMMARY:Fermeture de fin d’année
END:VEVENT
BEGIN:VEVENT
UID:f@example
DTSTAMP:20261101T000000Z
DTSTART:20261130T090000Z
DURATION:PT2H
TRANSP:TRANSPARENT
SUMMARY:Anniversaire
END:VEVENT
BEGIN:VEVENT
UID:g@example
DTSTAMP:20261101T000000Z
DTSTART:20261130T090000Z
DURATION:PT2H
RRULE:FREQ=DAILY
SUMMARY:Ménage
END:VEVENT
END:VCALENDAR
"""


def _event(summary: str, **more: object) -> ical.Event:
    return ical.Event("rec_1@mutunode", START, START + 4 * 3_600, "Europe/Paris", summary, START, **more)  # type: ignore[arg-type]


def test_another_parser_reads_what_we_write() -> None:
    told = "Réservé · Épicerie, le Grain; commun\nligne"
    written = ical.write("Pressoir", [_event(told, description="Pour\nla fête", sure=True)], "Europe/Paris")
    read = vobject.readOne(written.decode())
    assert read.version.value == "2.0"
    [event] = read.vevent_list
    assert event.summary.value == told
    assert event.description.value == "Pour\nla fête"
    assert int(event.dtstart.value.timestamp()) == START
    assert int(event.dtend.value.timestamp()) == START + 4 * 3_600
    assert (event.status.value, event.transp.value) == ("CONFIRMED", "OPAQUE")
    assert all(len(line) <= 75 for line in written.split(b"\r\n"))


def test_what_is_only_asked_for_takes_no_time() -> None:
    [event] = vobject.readOne(ical.write("x", [_event("Demandé", sure=False)], "UTC").decode()).vevent_list
    assert (event.status.value, event.transp.value) == ("TENTATIVE", "TRANSPARENT")


def test_an_empty_calendar_is_one_too() -> None:
    assert vobject.readOne(ical.write("Rien", [], "UTC").decode()).name == "VCALENDAR"


def test_opening_hours_and_absences_are_taken_and_the_rest_is_counted() -> None:
    found = ical.read(OPENING, PARIS)
    assert [each.fields() for each in found.openings] == [
        {
            "days": ["mo", "tu", "we"],
            "from": "08:00",
            "to": "18:00",
            "since": "2026-11-02",
            "until": "2027-06-30",
        },
        {"days": ["sa"], "from": "09:00", "to": "24:00", "since": "2026-11-07"},
    ]
    [(start, end)] = found.absences
    assert dt.datetime.fromtimestamp(start, PARIS).isoformat() == "2026-12-24T00:00:00+01:00"
    assert dt.datetime.fromtimestamp(end, PARIS).isoformat() == "2027-01-02T00:00:00+01:00"
    assert found.left_out == 2


@pytest.mark.parametrize("text", ["", "BEGIN:VCALENDAR", "nonsense", "BEGIN:VEVENT\nEND:VCALENDAR", "\0"])
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(ical.Unreadable):
        ical.read(text, PARIS)


def test_a_calendar_too_long_to_be_one_is_refused() -> None:
    event = "BEGIN:VEVENT\r\nUID:x\r\nDTSTART:20261130T090000Z\r\nEND:VEVENT\r\n"
    whole = f"BEGIN:VCALENDAR\r\n{event * (ical.COMPONENTS_MAX + 1)}END:VCALENDAR\r\n"
    with pytest.raises(ical.Unreadable, match="more than"):
        ical.read(whole, PARIS)


def test_a_time_in_a_zone_that_is_not_known_is_left_out_and_not_guessed() -> None:
    event = (
        "BEGIN:VEVENT\r\nUID:x\r\nDTSTART;TZID=Mars/Phobos:20261130T090000\r\n"
        "DTEND;TZID=Mars/Phobos:20261130T100000\r\nEND:VEVENT\r\n"
    )
    found = ical.read(f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n", PARIS)
    assert (found.absences, found.left_out) == ((), 1)


@given(st.text(max_size=300), st.integers(0, len(OPENING)))
def test_no_file_breaks_the_reader(garbage: str, place: int) -> None:
    try:
        found = ical.read(OPENING[:place] + garbage + OPENING[place:], PARIS)
    except ical.Unreadable:
        return
    assert all(start < end for start, end in found.absences)
