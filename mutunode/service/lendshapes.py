"""Answers about means and bookings: their JSON is what ``--json`` prints."""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.commons.words import LangMap
from mutunode.service.published import Published


class SlotShape(msgspec.Struct, frozen=True):
    """From, to (RFC 3339, in the means' zone), and the zone."""

    start: str
    end: str
    tz: str


class BookingLine(msgspec.Struct, frozen=True):
    """One booking, as a reader may see it."""

    id: str
    means: str
    means_name: str
    org: str  # who asked
    org_name: str
    owner: str
    owner_name: str
    slot: SlotShape | None
    units: int
    state: str
    word: LangMap  # the state in a word or two, with whose word it is
    told: LangMap  # in sentences: what it is, and what stands out
    look: str  # the class of its mark
    confirmed: bool
    received: bool  # the owner's register took note of it
    taken: bool
    time: int  # when it was asked, says who asked
    expires: str = ""
    purpose: LangMap = {}
    reason: LangMap = {}  # of a refusal or a release
    condition: dict[str, str] = {}  # side (return, give_back) → ok · damaged
    notes: dict[str, LangMap] = {}  # side → what it wrote about it
    flags: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()  # what is ours to say now
    owed: str = ""  # ours to do next: answer, overbooked, blocked, checkout, return, pickup, give_back
    ours: bool = False  # of a means of ours
    mine: bool = False  # we asked
    private: bool = False  # sealed: read by two
    means_language: str = ""


class BlockLine(msgspec.Struct, frozen=True):
    """When a means cannot be had, or what is good to know."""

    id: str
    slot: SlotShape
    what: str
    units: int | None
    note: LangMap = {}


class PartLine(msgspec.Struct, frozen=True):
    """A part of a day (morning, afternoon, evening)."""

    name: str
    start: str
    end: str
    state: str  # free · partly · taken · closed · repair · occupied · past
    free: int
    bookings: tuple[BookingLine, ...] = ()
    asked: tuple[BookingLine, ...] = ()
    blocks: tuple[BlockLine, ...] = ()


class DayLine(msgspec.Struct, frozen=True):
    """One day."""

    date: str
    parts: tuple[PartLine, ...]


class UseLine(msgspec.Struct, frozen=True):
    """How much was booked in a week; hours × units."""

    week: str  # its Monday
    booked_hours: float
    blocked_hours: float
    open_hours: float
    share: float


class MeansCard(msgspec.Struct, frozen=True):
    """One means in a list."""

    id: str
    name: str
    name_language: str
    type: str
    org: str
    org_name: str
    units: int
    approval: str
    calendar: str
    place: dict[str, Any] = {}
    cost: dict[str, Any] = {}
    distance_km: float | None = None
    free: int | None = None  # units, in the time asked for
    next_free: SlotShape | None = None  # where that time is taken: the next one as long
    pending: bool = False
    mine: bool = False
    score: float = 0.0


class MeansAnswer(msgspec.Struct, frozen=True):
    """``means ls``: what was understood, and what was found."""

    total: int
    hits: tuple[MeansCard, ...]
    near: dict[str, Any] = {}  # label, lat, lon of the place that was meant
    slot: SlotShape | None = None
    unplaced: int = 0  # found, and it is not known where they are
    words: str = ""  # what is left of the question


class MeansPage(msgspec.Struct, frozen=True):
    """One means with its week, its bookings and its use."""

    card: MeansCard
    body: dict[str, Any]
    state: str  # published · revised · withdrawn · pending…
    week: tuple[DayLine, ...]
    bookings: tuple[BookingLine, ...]  # of that week, or all
    blocks: tuple[BlockLine, ...]
    use: tuple[UseLine, ...]
    monday: str
    waiting: int  # requests nobody answered
    pending: bool = False


class Bookings(msgspec.Struct, frozen=True):
    """``book ls``: what we asked, and what is asked of us."""

    mine: tuple[BookingLine, ...]
    ours: tuple[BookingLine, ...]


class Blocked(Published, frozen=True):
    """Answer of ``means block``."""

    released: tuple[str, ...] = ()  # bookings that a repair released
