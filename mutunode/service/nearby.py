"""Finding a means: what, near where, free when. "A van near Rennes on the 12th", across all organisations.

Distances are computed here, offline. A place is known by its coordinates; a name or a code stands for those
that some record here gives with it, and for the same name alone where none does.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec

from mutunode.commons.dates import parse
from mutunode.commons.kinds.booking import SLOT
from mutunode.commons.normalizing import normalized
from mutunode.commons.states.spans import Span, span_of
from mutunode.commons.values.base import ZONE, Context
from mutunode.commons.values.places import coordinates, coordinates_in, distance_km
from mutunode.commons.values.times import local
from mutunode.protocol.limits import FUTURE_SECONDS_MAX
from mutunode.service import finding, lending, lookup, means
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.lendshapes import MeansAnswer, MeansCard
from mutunode.store.interface import Stored
from mutunode.store.search.query import LIMIT_MAX

MEANS_MAX = 10_000  # looked through for one question
WITHIN_KM = 50.0
FOUND_MAX = 500  # by words

_NEAR = re.compile(r"\b(?:près de|pres de|autour de|proche de|near|around)\s+(.+?)(?=\s+(?:le|on)\b|$)", re.I)
_ON = re.compile(
    r"\b(?:le|on(?: the)?)\s+(\d{1,2})(?:er|st|nd|rd|th)?(?:\s+([a-zéûô]{3,}))?(?:\s+(\d{4}))?\s*$", re.I
)


class Asked(msgspec.Struct, frozen=True):
    """What was asked: words, a place, a time, and what it must be."""

    q: str = ""
    near: str = ""
    within_km: float = WITHIN_KM
    on: str = ""  # a day
    start: str = ""
    end: str = ""
    units: int = 1
    type: str = ""
    org: str = ""
    limit: int = 20
    offset: int = 0
    reader_language: str = "fr"


def find(desk: Desk, asked: Asked) -> MeansAnswer:
    """The means that fit: free ones first, the nearest first among them."""
    asked = in_words(asked, desk.now())
    centre = _centre(desk, asked.near) if asked.near else {}
    found: list[MeansCard] = []
    unplaced = 0
    for rank, stored in _offered(desk, asked):
        place = stored.fields().get("place")
        away = _distance(centre, place)
        if asked.near and away is None and not _same_name(place, asked.near):
            unplaced += coordinates(place) is None
        elif away is None or away <= asked.within_km:
            wanted = _wanted(asked, _zone(stored))
            state = lending.state(desk, stored)
            card = means.card(desk, stored, state, asked.reader_language, wanted, asked.units, away)
            found.append(msgspec.structs.replace(card, score=rank))
    found.sort(key=lambda card: _order(card, asked.units))
    wanted = _wanted(asked, ZONE)
    return MeansAnswer(
        total=len(found),
        hits=tuple(found[asked.offset : asked.offset + asked.limit]),
        near=centre,
        slot=means.slot_of(wanted, ZONE) if wanted is not None else None,
        unplaced=unplaced,
        words=asked.q,
    )


def _zone(stored: Stored) -> str:
    return str(stored.fields().get("tz", "UTC"))


def _distance(centre: dict[str, Any], place: Any) -> float | None:
    here, there = coordinates(centre), coordinates(place)
    return distance_km(here, there) if here is not None and there is not None else None


def _order(card: MeansCard, units: int) -> tuple[Any, ...]:
    is_taken = card.free is not None and card.free < units
    return (is_taken, card.distance_km is None, card.distance_km or 0.0, -card.score, card.name, card.id)


def _offered(desk: Desk, asked: Asked) -> Iterable[tuple[float, Stored]]:
    """(how well it fits the words, means) of those on offer."""
    org = lookup.organisation(desk, asked.org) if asked.org else None
    latest = desk.now() + FUTURE_SECONDS_MAX
    ranks = _ranks(desk, asked) if asked.q.strip() else None
    for stored in desk.reader.of_kind("means", org, limit=MEANS_MAX):
        body = stored.fields()
        if stored.time > latest or stored.state != "ok" or desk.registry["means"].check(body):
            continue
        if asked.type and body.get("type") != asked.type:
            continue
        if ranks is None or stored.rec in ranks:
            yield (ranks[stored.rec] if ranks is not None else 0.0), stored


def _ranks(desk: Desk, asked: Asked) -> dict[bytes, float]:
    """Record id → how well it fits the words, of the first few hundred."""
    ranks: dict[bytes, float] = {}
    for offset in range(0, FOUND_MAX, LIMIT_MAX):
        words = finding.Asked(q=asked.q, kinds="means", limit=LIMIT_MAX, offset=offset)
        hits = finding.search(desk, words).hits
        ranks |= {lookup.record(desk, hit.id).rec: float(hit.score) for hit in hits}
        if len(hits) < LIMIT_MAX:
            break
    return ranks


def _centre(desk: Desk, near: str) -> dict[str, Any]:
    """The place that is meant: coordinates, a code, or a name that a record here gives coordinates for."""
    typed = coordinates_in(near)
    if typed is not None:
        return {"label": near, "lat": str(typed[0]), "lon": str(typed[1])}
    told: dict[bytes, dict[str, Any]] = {}  # one word of each organisation
    for stored in desk.reader.of_kind("means", limit=MEANS_MAX):
        place = stored.fields().get("place")
        if isinstance(place, dict) and _same_name(place, near) and coordinates(place) is not None:
            told.setdefault(stored.org, {name: place[name] for name in ("label", "lat", "lon")})
    return most_central(told.get(desk.org), told.values()) or {"label": near}


def most_central(ours: dict[str, Any] | None, places: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Where a name is: by our own word, else where most of the others say, so that nobody moves a town."""
    known = [(place, at) for place in places if (at := coordinates(place)) is not None]
    if ours is not None or not known:
        return ours
    return min(known, key=lambda each: sum(distance_km(each[1], at) for _, at in known))[0]


def _same_name(place: Any, name: str) -> bool:
    """Whether a place is called so, or bears this code."""
    if not isinstance(place, dict):
        return False
    if place.get("insee") == name.strip():
        return True
    wanted, label = _folded(name), _folded(str(place.get("label", "")))
    return bool(wanted) and (label == wanted or label.startswith(f"{wanted} ") or f" {wanted}" in label)


def _folded(text: str) -> str:
    plain = "".join(c for c in normalized("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain))


def _wanted(asked: Asked, zone: str) -> Span | None:
    """The time asked for, in the zone of a means: a day is its hours from 8 to 18.

    Raises:
        Refusal: it is no time.
    """
    if asked.on:
        given: dict[str, str] = {"start": f"{asked.on} 08:00", "end": f"{asked.on} 18:00"}
    elif asked.start or asked.end:
        given = {"start": asked.start, "end": asked.end or asked.start}
    else:
        return None
    slot, faults = SLOT.read({**given, "tz": zone}, Context(asked.reader_language))
    if faults or not isinstance(slot, dict) or SLOT.check(slot):
        raise Refusal(
            "bad_time",
            Exit.USAGE,
            "Donnez un jour (2026-12-12), ou un début et une fin (2026-12-12 08:00).",
            "Give a day (2026-12-12), or a beginning and an end (2026-12-12 08:00).",
        )
    return span_of(slot)


def in_words(asked: Asked, now: int) -> Asked:
    """A question as one asks it: the place and the day are taken out of its words."""
    q, near, on = asked.q.strip(), asked.near, asked.on
    if not on and not asked.start and (found := _ON.search(q)):
        day = _day(found, now, asked.reader_language)
        if day:
            on, q = day, q[: found.start()].strip()
    if not near and (found := _NEAR.search(q)):
        near = found[1].strip()
        q = f"{q[: found.start()]} {q[found.end() :]}".strip()
    return msgspec.structs.replace(asked, q=q, near=near, on=on)


def _day(found: re.Match[str], now: int, language: str) -> str:
    """The next day so called; "" when there is none."""
    today = local(now, ZONE).date()
    if found[2]:
        year = found[3] or str(today.year)
        said = parse(f"{found[1]} {found[2]} {year}", language)
        if said and not found[3] and said < today.isoformat():
            said = parse(f"{found[1]} {found[2]} {today.year + 1}", language)
        return said
    first = today.replace(day=1)
    for months in range(3):
        month = (first.month - 1 + months) % 12 + 1
        try:
            day = dt.date(first.year + (first.month - 1 + months) // 12, month, int(found[1]))
        except ValueError:
            continue
        if day >= today:
            return day.isoformat()
    return ""
