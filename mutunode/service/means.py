"""A means as readers see it: its week, its bookings, how much it is used; and what is asked by whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec

from mutunode.commons.kinds.booking import SLOT
from mutunode.commons.states import Block, Booking, MeansState
from mutunode.commons.states.acts import field
from mutunode.commons.states.calendars import Day, Part, at_hour, first_gap, is_open, monday_of, use, week
from mutunode.commons.states.homes import Key
from mutunode.commons.states.spans import Span
from mutunode.commons.states.telling import look, tell, word
from mutunode.commons.values.base import Context
from mutunode.commons.values.times import DAY_SECONDS, YEARS, rfc3339
from mutunode.protocol.ids import org_text, rec_text
from mutunode.service import booking, lending, naming, publishing, rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.lendshapes import (
    Blocked,
    BlockLine,
    BookingLine,
    Bookings,
    DayLine,
    MeansCard,
    MeansPage,
    PartLine,
    SlotShape,
    UseLine,
)
from mutunode.store.interface import Stored
from mutunode.turns import Turn

BOOKINGS_LISTED_MAX = 2_000
USE_WEEKS = 12
LOOK_AHEAD_DAYS = 14  # for the next time it is free


# --- one means -----------------------------------------------------------------------------------
def page(desk: Desk, text: str, day: str, reader_language: str) -> MeansPage:
    """A means with the week a day lies in; this week without one."""
    stored = lending.of(desk, text)
    state, body = lending.state(desk, stored), stored.fields()
    zone, hours = str(body.get("tz", "UTC")), body.get("availability")
    monday = monday_of(_noon(day, zone, desk.now()), zone)
    span = Span(*(int(_midnight(monday + dt.timedelta(days), zone)) for days in (0, 7)))
    names = dict[bytes, str]()
    lines = {each.key: line(desk, stored, each, reader_language, names) for each in state.bookings}
    in_week = [each for each in state.bookings if each.span and each.span.overlaps(span)]
    blocks = [each for each in state.blocks if each.span.overlaps(span)]
    kind = desk.registry["means"]
    return MeansPage(
        card=card(desk, stored, state, reader_language),
        body=kind.to_json(body) if not kind.check(body) else {},
        state=state.record.status,
        week=tuple(_day(each, lines, zone) for each in week(state, hours, zone, monday, desk.now())),
        bookings=tuple(lines[each.key] for each in sorted(in_week, key=_begins)),
        blocks=tuple(_block(each, zone) for each in blocks),
        use=_use(state, hours, zone, monday),
        monday=monday.isoformat(),
        waiting=sum(each.state == "requested" for each in state.bookings),
        pending=state.pending or any(_is_awaited(each) for each in state.bookings),
    )


def _is_awaited(each: Booking) -> bool:
    """Whether the calendar may change when data arrives; it does not for a request that took no time."""
    return each.state == "pending" and (each.request is not None or each.holds)


def _noon(day: str, zone: str, now: int) -> int:
    if not day:
        return now
    try:
        at = dt.date.fromisoformat(day)
    except ValueError:
        at = dt.date.min
    if at.year not in YEARS:
        raise Refusal(
            "bad_day",
            Exit.USAGE,
            f"« {day} » n’est pas un jour (2026-12-12).",
            f"`{day}` is no day (2026-12-12).",
        )
    return _midnight(at, zone) + DAY_SECONDS // 2


def _midnight(day: dt.date, zone: str) -> int:
    return at_hour(day, "00:00", zone)


def _begins(each: Booking) -> int:
    return each.span.start if each.span is not None else 0


def _use(state: MeansState, hours: Any, zone: str, monday: dt.date) -> tuple[UseLine, ...]:
    """The weeks up to this one and a few more: what was, and what is booked ahead."""
    lines = []
    for number in range(-USE_WEEKS // 2, USE_WEEKS // 2):
        first = monday + dt.timedelta(7 * number)
        span = Span(_midnight(first, zone), _midnight(first + dt.timedelta(7), zone))
        told = use(state, hours, zone, span)
        hours_told = (round(told.booked, 2), round(told.blocked, 2), round(told.open, 2))
        lines.append(UseLine(first.isoformat(), *hours_told, round(told.share, 4)))
    return tuple(lines)


def _day(day: Day, lines: dict[Any, BookingLine], zone: str) -> DayLine:
    return DayLine(day.date.isoformat(), tuple(_part(each, lines, zone) for each in day.parts))


def _part(part: Part, lines: dict[Any, BookingLine], zone: str) -> PartLine:
    return PartLine(
        name=part.name,
        start=rfc3339(part.span.start, zone),
        end=rfc3339(part.span.end, zone),
        state=part.state,
        free=part.free,
        bookings=tuple(lines[each.key] for each in part.bookings),
        asked=tuple(lines[each.key] for each in part.asked),
        blocks=tuple(_block(each, zone) for each in part.blocks),
    )


def _block(block: Block, zone: str) -> BlockLine:
    return BlockLine(rec_text(block.act.rec), slot_of(block.span, zone), block.what, block.units, block.note)


def slot_of(span: Span, zone: str) -> SlotShape:
    """A span as it is written."""
    return SlotShape(rfc3339(span.start, zone), rfc3339(span.end, zone), zone)


def card(
    desk: Desk,
    stored: Stored,
    state: MeansState,
    reader_language: str,
    wanted: Span | None = None,
    units: int = 1,
    distance: float | None = None,
) -> MeansCard:
    """One means as a list shows it; ``wanted``: whether it can be had then, and else when."""
    body = stored.fields()
    name, language = naming.title_of(desk, stored, reader_language)
    zone, hours = str(body.get("tz", "UTC")), body.get("availability")
    free, gap = None, None
    if wanted is not None:
        free = state.free(wanted) if is_open(hours, zone, wanted) else 0
        if free < units:
            after = Span(wanted.start, wanted.start + LOOK_AHEAD_DAYS * DAY_SECONDS)
            gap = first_gap(state, hours, zone, after, units, wanted.seconds)
    return MeansCard(
        id=rec_text(stored.rec),
        name=name,
        name_language=language,
        type=str(body.get("type", "")),
        org=org_text(stored.org),
        org_name=desk.name_of(stored.org),
        units=int(body.get("units", 0)),
        approval=str(body.get("approval", "manual")),
        calendar=str(body.get("calendar", "names")),
        place=dict(body.get("place", {})),
        cost=dict(body.get("cost", {})),
        distance_km=round(distance, 1) if distance is not None else None,
        free=free,
        next_free=slot_of(gap, zone) if gap is not None else None,
        pending=state.pending,
        mine=stored.org == desk.org,
    )


# --- bookings --------------------------------------------------------------------------------------
def line(
    desk: Desk, means: Stored, each: Booking, reader_language: str, names: dict[bytes, str] | None = None
) -> BookingLine:
    """One booking for a reader. ``names``: of organisations, kept from one line to the next."""
    known = names if names is not None else {}
    request, body = each.request, (each.request.body if each.request is not None else None) or {}
    zone = str(means.fields().get("tz", "UTC"))
    asker = request.org if request is not None else _org_of(desk, each.key[0])
    name, language = naming.title_of(desk, means, reader_language)
    back = [side for side in ("return", "give_back") if side in each.halves]
    return BookingLine(
        id=rec_text(request.rec) if request is not None else "",
        means=rec_text(means.rec),
        means_name=name,
        means_language=language,
        org=org_text(asker) if asker is not None else "",
        org_name=_name(desk, asker, known) if asker is not None else "",
        owner=org_text(means.org),
        owner_name=_name(desk, means.org, known),
        slot=slot_of(each.span, zone) if each.span is not None else None,
        units=each.units,
        state=each.state,
        word=word(each).as_map(),
        told=tell(each).as_map(),
        look=look(each),
        confirmed=each.confirmed,
        received=each.received,
        taken=each.taken,
        time=request.time if request is not None else 0,
        expires=str(body.get("expires", "")),
        purpose=dict(body.get("purpose", {})),
        reason=each.reason(),
        condition={side: each.condition(side) for side in back},
        notes={side: dict(field(each.halves[side], "note", {})) for side in back},
        flags=tuple(sorted(each.flags)),
        acts=booking.may_say(desk, means, each),
        owed=_owed(desk, means, each),
        ours=means.org == desk.org,
        mine=each.key[0] == desk.own_log,
        private=request is not None and request.sealed,
    )


def _name(desk: Desk, org: bytes, known: dict[bytes, str]) -> str:
    if org not in known:
        known[org] = desk.name_of(org)
    return known[org]


def _owed(desk: Desk, means: Stored, each: Booking) -> str:
    """What we should do next, as owner or as requester."""
    now, owed = desk.now(), ""
    if means.org == desk.org:
        owed = booking.owed(each, now, owner=True)
    if not owed and each.key[0] == desk.own_log:
        owed = booking.owed(each, now, owner=False)
    return owed


def _org_of(desk: Desk, log: bytes) -> bytes | None:
    """Whose public register this is, of those we know."""
    return next((each.org for each in desk.reader.organisations() if each.log == log), None)


def show_booking(desk: Desk, text: str, reader_language: str) -> BookingLine:
    """One booking."""
    request, means = lending.booking_of(desk, text)
    return line(desk, means, lending.booking_state(desk, request, means)[1], reader_language)


def bookings(desk: Desk, reader_language: str) -> Bookings:
    """What we asked of others, and what is asked of us: the soonest first, what is over last."""
    told = _Told(desk, reader_language)
    return Bookings(
        mine=tuple(_sorted(_asked_by_us(desk, told))),
        ours=tuple(_sorted(line for means in own_means(desk) for line in told.of(means).values())),
    )


class _Told:
    """The bookings of means as lines: each means is reckoned once, though we may be on both sides of it."""

    def __init__(self, desk: Desk, reader_language: str) -> None:
        self._desk = desk
        self._language = reader_language
        self._lines: dict[bytes, dict[Key, BookingLine]] = {}

    def of(self, means: Stored) -> dict[Key, BookingLine]:
        """Those of the newest version of a means."""
        if means.rec not in self._lines:
            names = dict[bytes, str]()
            self._lines[means.rec] = {
                each.key: line(self._desk, means, each, self._language, names)
                for each in lending.state(self._desk, means).bookings
            }
        return self._lines[means.rec]


def _asked_by_us(desk: Desk, told: _Told) -> Iterable[BookingLine]:
    for request in desk.reader.of_kind("booking", desk.org, limit=BOOKINGS_LISTED_MAX, current=False):
        means = rules.cited(desk, request.fields().get("means", [b"", 0, b""]))
        if means is None or desk.registry["booking"].check(request.fields()):
            continue
        found = told.of(rules.newest(desk, means)).get((request.log, request.leaf))
        if found is not None:
            yield found


def own_means(desk: Desk) -> list[Stored]:
    """What we lend."""
    return desk.reader.of_kind("means", desk.org, limit=BOOKINGS_LISTED_MAX)


def _sorted(lines: Iterable[BookingLine]) -> list[BookingLine]:
    over = ("refused", "expired", "withdrawn", "released", "closed", "erased")
    return sorted(
        lines, key=lambda each: (each.state in over, each.slot.start if each.slot else "", each.id)
    )[:BOOKINGS_LISTED_MAX]


# --- writing ---------------------------------------------------------------------------------------
def block(desk: Desk, fields: dict[str, Any]) -> Blocked:
    """Say that a means of ours cannot be had; a repair releases what was booked then, with its reason."""
    desk = desk.inside
    kind, act = desk.registry["means_block"], desk.registry["booking_act"]
    means = lending.of(desk, str(fields.get("means", "")))
    body = publishing.read_input(desk, kind, with_zone(means, fields))

    def job(turn: Turn) -> Blocked:
        ready = publishing.draft(desk, kind, body)
        affected = booking.in_the_way(desk, means, body) if body["what"] == "repair" else []
        done = publishing.write(desk, turn, ready)
        released = []
        for each in affected:
            request = each.request
            if request is not None:
                said = release_body(request, body)
                publishing.write(desk, turn, publishing.draft(desk, act, said))
                released.append(rec_text(request.rec))
        return Blocked(**msgspec.structs.asdict(done), released=tuple(released))

    return desk.act(job)


REPAIR = {"fr": "En réparation à ce moment-là.", "en": "Under repair at that time."}


def release_body(request: Any, block_body: dict[str, Any]) -> dict[str, Any]:
    """The release that goes with a repair: its note is the reason."""
    return {
        "means": list(request.body["means"]),
        "booking": [request.log, request.index, request.leaf],
        "act": "release",
        "reason": dict(block_body.get("note") or REPAIR),
    }


def with_zone(means: Stored, fields: dict[str, Any]) -> dict[str, Any]:
    """Times given without a zone are the means' own."""
    slot = fields.get("slot")
    zone = str(means.fields().get("tz", "UTC"))
    given = dict(fields)
    if isinstance(slot, dict):
        given["slot"] = {"tz": zone, **slot}
    elif isinstance(slot, str) and slot:
        read, _ = SLOT.read(slot, Context(zone=zone))
        given["slot"] = read if isinstance(read, dict) else slot
    if "slot.start" in given or "slot.end" in given:
        given.setdefault("slot.tz", zone)
    return given
