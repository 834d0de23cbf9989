"""Calendars for other programs: a feed of a means and of an organisation; and hours taken from one.

A feed is read by everybody who reaches the pages, so it is made of the public side alone: what was sealed
shows as "occupied", which is all that its owner says in public.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.commons.languages import pick
from mutunode.commons.states import Block, Booking
from mutunode.commons.states.telling import tell
from mutunode.commons.values.times import rfc3339, zone_of
from mutunode.commons.words import Words
from mutunode.interop import ical
from mutunode.protocol.ids import rec_text
from mutunode.service import lending, lookup, naming, publishing
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.store.interface import Stored

BOOKED = Words("Réservé", "Booked")
ASKED = Words("Demandé", "Requested")
BLOCKS = {
    "closed": Words("Fermé", "Closed"),
    "repair": Words("En réparation", "Under repair"),
    "occupied": Words("Occupé", "Occupied"),
    "hint": Words("À savoir", "Good to know"),
}
MEANS_MAX = 1_000


class Hours(msgspec.Struct, frozen=True):
    """Answer of ``means hours``."""

    availability: tuple[dict[str, Any], ...]
    closed: int
    left_out: int
    id: str = ""  # the new version of the means
    blocks: tuple[str, ...] = ()


def feed(desk: Desk, text: str, language: str) -> bytes:
    """The calendar of a means (``rec_…``), or of all that an organisation lends (``org_…``)."""
    if text.startswith("org_"):
        org = lookup.organisation(desk, text)
        lent = desk.reader.of_kind("means", org, limit=MEANS_MAX)
        name, zone = desk.name_of(org), "UTC"
    else:
        lent = [lending.of(desk, text)]
        name, _ = naming.title_of(desk, lent[0], language)
        zone = str(lent[0].fields().get("tz", "UTC"))
    events = [event for means in lent for event in _events(desk, means, language, alone=len(lent) == 1)]
    return ical.write(name, events, zone)


def _events(desk: Desk, means: Stored, language: str, *, alone: bool) -> list[ical.Event]:
    state, body = lending.state(desk, means), means.fields()
    zone = str(body.get("tz", "UTC"))
    name = "" if alone else naming.title_of(desk, means, language)[0] + " · "
    booked = [
        _booking(desk, each, zone, name, language)
        for each in state.bookings
        if each.span is not None and (each.taken or each.state in ("requested", "pending"))
    ]
    return booked + [_block(each, zone, name, language) for each in state.blocks]


def _booking(desk: Desk, each: Booking, zone: str, name: str, language: str) -> ical.Event:
    assert each.span is not None
    request = each.request
    who = desk.name_of(request.org) if request is not None else ""
    word = BOOKED if each.taken else ASKED
    return ical.Event(
        uid=(rec_text(request.rec) if request is not None else each.key[1].hex()) + "@mutunode",
        start=each.span.start,
        end=each.span.end,
        zone=zone,
        summary=name + word.text(language) + (f" · {who}" if who else ""),
        description=tell(each).text(language),
        stamp=request.time if request is not None else each.span.start,
        sure=each.taken,
    )


def _block(each: Block, zone: str, name: str, language: str) -> ical.Event:
    note = pick(each.note, language, ())[0] if each.note else ""
    return ical.Event(
        uid=f"{rec_text(each.act.rec)}@mutunode",
        start=each.span.start,
        end=each.span.end,
        zone=zone,
        summary=name + BLOCKS[each.what].text(language),
        description=note,
        stamp=each.act.time,
        blocks=each.what != "hint",
    )


def take_hours(desk: Desk, rec: str, text: str, *, dry_run: bool = False) -> Hours:
    """Opening hours and absences of a calendar, as the means' own and as blocks; twice is once.

    Raises:
        Refusal: it is no calendar, or the means is not ours.
    """
    desk = desk.inside
    means = lending.of(desk, rec)
    zone = str(means.fields().get("tz", "UTC"))
    try:
        found = ical.read(text, zone_of(zone))
    except ical.Unreadable as error:
        raise Refusal(
            "no_calendar",
            Exit.USAGE,
            f"Ce n’est pas un agenda iCalendar : {error}",
            f"This is no iCalendar file: {error}",
        ) from None
    openings = tuple(each.fields() for each in found.openings)
    absences, left_out = _to_close(desk, means, found, zone)
    if dry_run:
        return Hours(openings, len(absences), left_out)
    newest = publishing.revise(desk, rec, {"availability": list(openings)}).id if openings else ""
    blocks = tuple(publishing.publish(desk, "means_block", each).id for each in absences)
    return Hours(openings, len(absences), left_out, newest, blocks)


def _to_close(desk: Desk, means: Stored, found: ical.Read, zone: str) -> tuple[list[dict[str, Any]], int]:
    """The absences that are still to be said, as input; and what is left out: too long, or beyond any year.

    Raises:
        Refusal: a booking stands in the way of one. Nothing was signed.
    """
    kind = desk.registry["means_block"]
    known = {(each.span.start, each.span.end) for each in lending.state(desk, means).blocks}
    ready, left_out = [], found.left_out
    for start, end in found.absences:
        if (start, end) in known or end <= desk.now():
            continue
        try:
            slot = {"start": rfc3339(start, zone), "end": rfc3339(end, zone), "tz": zone}
            fields = {"means": rec_text(means.rec), "slot": slot, "what": "closed"}
            body = publishing.read_input(desk, kind, fields)
        except (Refusal, ValueError, OverflowError):
            left_out += 1
            continue
        publishing.draft(desk, kind, body)
        ready.append(fields)
    return ready, left_out
