"""Bookings of one means, told as what would happen to people."""

from __future__ import annotations

import datetime as dt

import pytest

from mutunode.commons.states import Booking, MeansState, means_state
from mutunode.commons.states.calendars import first_gap, is_open, monday_of, open_spans, week
from mutunode.commons.states.homes import era_of, key_of
from mutunode.commons.states.spans import Span, Taken, peak
from mutunode.commons.states.telling import tell, word
from mutunode.commons.values.times import Slot, local, zone_of
from mutunode.service.booking import way_out
from tests.commons.lenders import DAY, HOUR, MORNING, Lender, Ref, slot
from tests.commons.registers import NOW, together


@pytest.fixture
def vergers() -> Lender:
    return Lender("vergers")


@pytest.fixture
def grain() -> Lender:
    return Lender("grain")


@pytest.fixture
def tilleuls() -> Lender:
    return Lender("tilleuls")


def _state(means: Ref, *registers: Lender, now: int = NOW) -> MeansState:
    return means_state(together(*registers), now, means)


def _booking(means: Ref, booking: Ref, *registers: Lender, now: int = NOW) -> Booking:
    found = _state(means, *registers, now=now).booking(key_of(booking))
    assert found is not None
    return found


def test_a_request_holds_nothing(vergers: Lender, grain: Lender, tilleuls: Lender) -> None:
    press = vergers.lend()
    for asker in (grain, tilleuls):
        vergers.cite(press, asker.ask(press))
    state = _state(press, vergers, grain, tilleuls)
    assert [booking.state for booking in state.bookings] == ["requested", "requested"]
    assert state.free(Span(NOW + 48 * HOUR, NOW + 52 * HOUR)) == 1


def test_the_whole_way_of_a_press(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    said = [(_booking(press, asked, vergers, grain).state, False)]
    vergers.cite(press, asked)
    for owner, name in ((True, "accept"), (True, "checkout"), (False, "pickup"), (False, "give_back")):
        act = (vergers if owner else grain).act(name, press, asked)
        if not owner:
            vergers.cite(press, act, about=(asked,))
        booking = _booking(press, asked, vergers, grain)
        said.append((booking.state, booking.confirmed))
    vergers.act("return", press, asked, condition="damaged", note={"fr": "Roue voilée"})
    booking = _booking(press, asked, vergers, grain)
    said.append((booking.state, booking.confirmed))
    assert said == [
        ("requested", False),
        ("accepted", True),
        ("checked_out", False),
        ("checked_out", True),
        ("returned", False),
        ("closed", True),
    ]
    assert booking.damaged
    assert "Abîmé, dit le propriétaire ; en bon état, dit le demandeur." in tell(booking).fr
    assert word(booking).en == "back, confirmed"


def test_what_a_requester_did_counts_once_the_owner_s_register_took_note(
    vergers: Lender, grain: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    withdrawn = grain.act("withdraw", press, asked)
    waiting = _booking(press, asked, vergers, grain)
    assert (waiting.state, set(waiting.said)) == ("accepted", {"withdraw"})
    assert "n’en a pas encore pris acte" in tell(waiting).fr
    vergers.cite(press, withdrawn, about=(asked,))
    assert _booking(press, asked, vergers, grain).state == "withdrawn"


def test_two_of_three_can_be_had_at_once(vergers: Lender, grain: Lender, tilleuls: Lender) -> None:
    chairs = vergers.lend("Chaises", units=3)
    first = grain.ask(chairs, units=2)
    second = tilleuls.ask(chairs, units=2)
    vergers.act("accept", chairs, first, units=2)
    vergers.act("accept", chairs, second, units=2)
    state = _state(chairs, vergers, grain, tilleuls)
    assert [booking.state for booking in state.bookings] == ["accepted", "overbooked"]


def test_what_was_promised_twice_is_right_again_when_one_withdraws(
    vergers: Lender, grain: Lender, tilleuls: Lender
) -> None:
    press = vergers.lend()
    first, second = grain.ask(press), tilleuls.ask(press)
    for asked in (first, second):
        vergers.act("accept", press, asked)
    assert _booking(press, second, vergers, grain, tilleuls).state == "overbooked"
    vergers.cite(press, grain.act("withdraw", press, first), about=(first,))
    assert _booking(press, second, vergers, grain, tilleuls).state == "accepted"


def test_bookings_one_after_the_other_do_not_meet(vergers: Lender, grain: Lender, tilleuls: Lender) -> None:
    press = vergers.lend()
    first, second = grain.ask(press, slot(48, 4)), tilleuls.ask(press, slot(52, 4))
    vergers.act("accept", press, first)
    vergers.act("accept", press, second, slot=slot(52, 4))
    assert _booking(press, second, vergers, grain, tilleuls).state == "accepted"


def test_an_acceptance_of_what_nobody_asked_has_no_effect(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("accept", press, asked, slot=slot(72, 4))
    booking = _booking(press, asked, vergers, grain)
    assert (booking.state, [name for name, _ in booking.void]) == ("requested", ["accept"])


def test_a_booking_whose_request_has_not_arrived_is_awaited_and_its_time_is_taken(
    vergers: Lender, grain: Lender, tilleuls: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    other = tilleuls.ask(press)
    vergers.act("accept", press, other)
    state = _state(press, vergers, tilleuls)
    assert [booking.state for booking in state.bookings] == ["pending", "pending"]
    assert state.bookings[0].span == Span(NOW + 48 * HOUR, NOW + 52 * HOUR)
    whole = _state(press, vergers, grain, tilleuls)
    assert [booking.state for booking in whole.bookings] == ["accepted", "overbooked"]


def test_who_was_refused_and_then_took_the_request_back_where_nobody_holds_it_stays_refused(
    vergers: Lender, grain: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("refuse", press, asked, reason={"fr": "Déjà prise."})
    booking = _booking(press, asked, vergers)
    assert (booking.state, booking.reason(), booking.request) == ("refused", {"fr": "Déjà prise."}, None)
    assert tell(booking).fr


def test_who_noted_an_answer_that_is_not_here_shows_that_data_is_awaited(
    vergers: Lender, grain: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.cite(press, asked)
    accepted = vergers.act("accept", press, asked)
    grain.cite(press, accepted, about=(asked,))
    assert means_state([*vergers.standing[:2], *grain.acts], NOW, press).bookings[0].state == "pending"


def test_an_act_of_the_owner_without_its_text_makes_open_bookings_awaited(
    vergers: Lender, grain: Lender, tilleuls: Lender
) -> None:
    press = vergers.lend()
    refused, asked = grain.ask(press), tilleuls.ask(press)
    vergers.act("refuse", press, refused)
    vergers.cite(press, asked)
    lost = vergers.act("accept", press, asked)
    vergers.mark(lost, state="missing", body=None)
    state = _state(press, vergers, grain, tilleuls)
    assert [booking.state for booking in state.bookings] == ["refused", "pending"]
    assert state.pending


def test_a_request_that_was_taken_back_before_anybody_noted_it_is_gone(
    vergers: Lender, grain: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    grain.withdraw(asked)
    assert _booking(press, asked, vergers, grain).state == "withdrawn"
    vergers.act("accept", press, asked)
    assert _booking(press, asked, vergers, grain).state == "accepted"  # noted all the same: it binds


def test_a_means_that_was_revised_is_one_means(vergers: Lender, grain: Lender, tilleuls: Lender) -> None:
    first = vergers.lend(units=1)
    asked = grain.ask(first)
    second = vergers.lend(units=2, supersedes=first)
    other = tilleuls.ask(second)
    vergers.act("accept", first, asked)
    vergers.act("accept", second, other)
    for version in (first, second):
        state = _state(version, vergers, grain, tilleuls)
        assert (state.units, [booking.state for booking in state.bookings]) == (2, ["accepted", "accepted"])


def test_fewer_of_it_takes_nothing_back(vergers: Lender, grain: Lender, tilleuls: Lender) -> None:
    first = vergers.lend(units=2)
    for asker in (grain, tilleuls):
        vergers.act("accept", first, asker.ask(first))
    vergers.lend(units=1, supersedes=first)
    state = _state(first, vergers, grain, tilleuls)
    assert [booking.state for booking in state.bookings] == ["accepted", "accepted"]
    assert state.free(Span(NOW + 48 * HOUR, NOW + 52 * HOUR)) == 0


def test_a_repair_is_lifted(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    repair = vergers.block(press, MORNING)
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    assert _booking(press, asked, vergers, grain).state == "overbooked"
    vergers.withdraw(repair)
    assert _booking(press, asked, vergers, grain).state == "accepted"


def test_a_hint_blocks_nothing(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    vergers.block(press, MORNING, "hint")
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    booking = _booking(press, asked, vergers, grain)
    assert (booking.state, booking.flags) == ("accepted", frozenset())


def test_an_owner_may_book_its_own_means(vergers: Lender) -> None:
    press = vergers.lend()
    asked = vergers.ask(press)
    vergers.act("accept", press, asked)
    vergers.act("withdraw", press, asked)
    assert _booking(press, asked, vergers).state == "withdrawn"


def test_a_withdrawal_of_the_means_leaves_what_was_booked(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    vergers.withdraw(press)
    state = _state(press, vergers, grain)
    assert (state.record.status, state.bookings[0].state) == ("withdrawn", "accepted")


def test_a_request_dated_far_ahead_waits_until_the_owner_notes_it(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    grain.ask(press)
    asked = grain.say("booking", grain.acts[0].body or {}, time=NOW + 3 * DAY)
    assert key_of(asked) not in [each.key for each in _state(press, vergers, grain).bookings]
    vergers.cite(press, asked)
    assert key_of(asked) in [each.key for each in _state(press, vergers, grain).bookings]


def test_after_two_starts_the_register_s_own_order_still_counts(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.cite(press, asked)
    accepted = vergers.act("accept", press, asked)
    grain.cite(press, accepted, about=(asked,))
    vergers.start_anew(2)
    vergers.start_anew(1)
    vergers.act("refuse", press, asked)  # at the place where the first note of receipt stood
    assert _booking(press, asked, vergers, grain).state == "accepted"


def test_in_which_start_an_entry_was_written() -> None:
    kept = {1: 10, 2: 5, 3: 7}
    assert [era_of(index, kept, None) for index in (4, 5, 6, 7, 12)] == [0, 2, 2, 3, 3]
    assert [era_of(index, kept, 2) for index in (6, 10, 12)] == [0, 1, 1]
    assert era_of(12, kept, 1) == 0


def test_the_most_that_is_taken_at_one_moment() -> None:
    taken = [Taken(Span(0, 10), 1), Taken(Span(10, 20), 2), Taken(Span(5, 12), 1)]
    assert peak(taken, Span(0, 20)) == 3
    assert peak(taken, Span(0, 5)) == 1
    assert peak(taken, Span(20, 30)) == 0


def _week(state: MeansState, now: int) -> dict[str, str]:
    """``Saturday morning`` → how it shows, of the week that ``MORNING`` lies in."""
    monday = monday_of(NOW + 48 * HOUR, "Europe/Paris")
    days = week(state, None, "Europe/Paris", monday, now)
    return {f"{day.date:%A} {part.name}": part.state for day in days for part in day.parts}


def test_a_week_tells_what_can_be_had_and_afterwards_what_was(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    day = MORNING["start"][:11]
    morning = {**MORNING, "start": f"{day}08:00:00+01:00", "end": f"{day}12:00:00+01:00"}
    asked = grain.ask(press, morning)
    day = f"{local(NOW + 48 * HOUR, 'Europe/Paris'):%A}"
    assert _week(_state(press, vergers, grain), NOW)[f"{day} morning"] == "free"
    vergers.act("accept", press, asked, slot=morning)
    assert _week(_state(press, vergers, grain), NOW)[f"{day} morning"] == "taken"
    assert _week(_state(press, vergers, grain), NOW)[f"{day} afternoon"] == "free"
    for owner, name in ((True, "checkout"), (True, "return")):
        (vergers if owner else grain).act(name, press, asked)
    assert _week(_state(press, vergers, grain), NOW)[f"{day} morning"] == "free"  # brought back early
    later = NOW + 9 * DAY
    assert _week(_state(press, vergers, grain), later)[f"{day} morning"] == "taken"
    assert _week(_state(press, vergers, grain), later)[f"{day} afternoon"] == "past"


def test_opening_hours_follow_the_days_of_the_place_and_summer_time() -> None:
    hours = [
        {"days": ["su"], "from": "01:00", "to": "05:00"},
        {"days": ["su"], "from": "05:00", "to": "24:00"},
    ]
    day = int(dt.datetime(2026, 3, 29, tzinfo=zone_of("Europe/Paris")).timestamp())
    [span] = open_spans(hours, "Europe/Paris", Span(day, day + 2 * DAY))
    assert span.seconds == 22 * HOUR  # one hour is skipped that night
    assert open_spans([{**hours[0], "until": "2026-03-28"}], "Europe/Paris", Span(day, day + DAY)) == []
    assert is_open(hours, "Europe/Paris", Span(day + 2 * HOUR, day + 20 * HOUR))
    assert not is_open(hours, "Europe/Paris", Span(day - HOUR, day + 3 * HOUR))


def test_the_first_time_that_is_free_and_open(vergers: Lender, grain: Lender) -> None:
    press = vergers.lend()
    asked = grain.ask(press, slot(48, 4))
    vergers.act("accept", press, asked, slot=slot(48, 4))
    state = _state(press, vergers, grain)
    start = NOW + 48 * HOUR
    within = Span(start, start + 2 * DAY)
    assert first_gap(state, None, "Europe/Paris", within, 1, 2 * HOUR) == Span(
        start + 4 * HOUR, start + 6 * HOUR
    )
    assert first_gap(state, None, "Europe/Paris", within, 2, HOUR) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("9999-12-31T20:00:00-12:00", "9999-12-31T23:59:59-12:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T01:00:00+14:00"),
    ],
)
def test_a_time_that_no_calendar_can_show_in_every_zone_is_no_time(
    vergers: Lender, grain: Lender, start: str, end: str
) -> None:
    when = {"start": start, "end": end, "tz": "Europe/Paris"}
    assert Slot().check(when)
    press = vergers.lend()
    vergers.cite(press, grain.ask(press, when))
    vergers.block(press, when)
    state = _state(press, vergers, grain)
    assert (state.bookings, state.blocks) == ((), ())


def test_by_erasing_its_withdrawal_nobody_makes_anothers_acceptance_worse(
    vergers: Lender, grain: Lender, tilleuls: Lender
) -> None:
    press = vergers.lend()
    first, second = grain.ask(press), tilleuls.ask(press)
    vergers.act("accept", press, first)
    gone = grain.act("withdraw", press, first)
    vergers.cite(press, gone, about=(first,))
    vergers.act("accept", press, second)
    grain.mark(gone, state="erased", body=None)
    state = _state(press, vergers, grain, tilleuls)
    assert [each.state for each in state.bookings] == ["erased", "accepted"]


def test_by_erasing_what_was_never_granted_nobody_keeps_a_calendar_awaited(
    vergers: Lender, grain: Lender, tilleuls: Lender
) -> None:
    press = vergers.lend()
    first, second = grain.ask(press), tilleuls.ask(press)
    gone = grain.act("withdraw", press, first)
    vergers.cite(press, gone, about=(first,))
    grain.mark(gone, state="erased", body=None)
    vergers.act("accept", press, second)
    assert _booking(press, second, vergers, grain, tilleuls).state == "accepted"
    assert _booking(press, first, vergers, grain, tilleuls).state == "erased"


def test_what_was_granted_and_erased_keeps_its_time_until_the_owner_ends_it(
    vergers: Lender, grain: Lender
) -> None:
    press = vergers.lend()
    asked = grain.ask(press)
    vergers.act("accept", press, asked)
    gone = grain.act("pickup", press, asked)
    vergers.cite(press, gone, about=(asked,))
    grain.mark(gone, state="erased", body=None)
    when = Span(NOW + 48 * HOUR, NOW + 52 * HOUR)
    assert _state(press, vergers, grain).free(when) == 0
    booking = _booking(press, asked, vergers, grain)
    assert "until the owner releases it" in tell(booking).en
    assert way_out(booking) == "release"
    vergers.act("release", press, asked)
    assert _state(press, vergers, grain).free(when) == 1
    assert way_out(_booking(press, asked, vergers, grain)) == ""
