"""The example: a year of a cooperative, its occupancy computed a second time, and its catalogue imported."""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mutunode.commons.registry import load
from mutunode.commons.states import means_state
from mutunode.commons.states.calendars import use
from mutunode.commons.states.spans import Span
from mutunode.commons.values.base import Context
from tests.commons.lenders import Lender, Ref
from tests.commons.registers import together

FOLDER = Path(__file__).parents[2] / "examples" / "cooperative"
CONDITION: dict[str, dict[str, Any]] = {
    "ok": {"condition": "ok"},
    "damaged": {"condition": "damaged", "note": {"fr": "Abîmé"}},
    "": {},
}


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cooperative", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["cooperative"] = module
    spec.loader.exec_module(module)
    return module


def _hours(text: str) -> list[dict[str, Any]]:
    value, faults = load()["means"].by_name["availability"].type.read(text, Context())
    assert not faults
    assert isinstance(value, list)
    return value


def _slot(happened: Any) -> dict[str, Any]:
    start, end = (at.isoformat(timespec="seconds") for at in (happened.start, happened.end))
    return {"start": start, "end": end, "tz": "Europe/Paris"}


def _enter(example: ModuleType) -> tuple[dict[str, Ref], dict[str, Lender]]:
    """The year, written into three registers; each owner notes at once what others did."""
    registers = {name: Lender(name) for name, *_ in example.ORGANISATIONS}
    lent = {
        each.ref: registers[each.owner].lend(each.name, each.units, availability=_hours(each.hours))
        for each in example.means()
    }
    owners = {each.ref: registers[each.owner] for each in example.means()}
    booked: dict[str, Ref] = {}
    for each in example.year():
        means, owner, author = lent[each.means], owners[each.means], registers[each.by]
        time = int(each.at.timestamp())
        if each.act == "request":
            expires = int(each.start.timestamp())
            booked[each.booking] = author.ask(means, _slot(each), each.units, expires)
            owner.cite(means, booked[each.booking])
            continue
        said: dict[str, Any] = {**CONDITION[each.condition]}
        if each.act == "accept":
            said |= {"slot": _slot(each), "units": each.units}
        act = author.act(each.act, means, booked[each.booking], time, **said)
        if author is not owner:
            owner.cite(means, act, about=(booked[each.booking],))
    return lent, registers


def _second_count(example: ModuleType) -> Counter[tuple[str, dt.date]]:
    """Hours × units booked, by means and Monday: hour by hour, from what happened alone."""
    granted: dict[str, Any] = {}
    for each in example.year():
        if each.act == "accept":
            granted[each.booking] = each
        elif each.act in ("withdraw", "release"):
            granted.pop(each.booking, None)
    hours: Counter[tuple[str, dt.date]] = Counter()
    for each in granted.values():
        at = each.start
        while at < each.end:
            hours[each.means, at.date() - dt.timedelta(at.weekday())] += each.units
            at += dt.timedelta(hours=1)
    return hours


def test_the_occupancy_of_a_year_is_that_of_a_second_count(example: ModuleType) -> None:
    lent, registers = _enter(example)
    counted = _second_count(example)
    acts, now = together(*registers.values()), int(dt.datetime(2027, 1, 15, tzinfo=dt.UTC).timestamp())
    mondays = [dt.date(2025, 12, 29) + dt.timedelta(7 * week) for week in range(53)]
    hours = {each.ref: each.hours for each in example.means()}
    states: Counter[str] = Counter()
    for ref, means in lent.items():
        state = means_state(acts, now, means)
        states.update(booking.state for booking in state.bookings)
        assert not state.pending
        for monday in mondays:
            start, end = (
                int(dt.datetime.combine(day, dt.time(), example.PARIS).timestamp())
                for day in (monday, monday + dt.timedelta(7))
            )
            told = use(state, _hours(hours[ref]), "Europe/Paris", Span(start, end))
            assert told.booked == counted[ref, monday], (ref, monday)
            assert told.booked <= told.open
    assert {"overbooked", "pending", "requested", "expired", "accepted"} & set(states) == set()
    assert set(states) == {"closed", "returned", "refused", "withdrawn", "released"}
    assert sum(states.values()) > 500


def test_the_catalogue_is_what_the_script_makes(example: ModuleType) -> None:
    assert (FOLDER / "means.csv").read_text("utf-8") == example.catalogue()
    assert len(example.means()) == 30
    assert len({each.owner for each in example.means()}) == 3
