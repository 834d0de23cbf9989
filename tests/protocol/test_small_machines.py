"""The small machines below the core: the agenda, the pace, the pull."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.protocol.agenda import Agenda
from mutunode.protocol.identity import Chain
from mutunode.protocol.merkle import Compact
from mutunode.protocol.pace import Pace
from mutunode.protocol.pull import Mode, Pull
from mutunode.protocol.replica import Assembly, Verdict
from tests.store.authors import Author

NOW = 1_700_000_000.0


# --- agenda ----------------------------------------------------------------------------------------
def test_appointments_are_kept_in_the_order_of_their_times() -> None:
    agenda, done = Agenda(), []
    agenda.at("late", 3, lambda now: done.append("late"))
    agenda.at("early", 1, lambda now: done.append("early"))
    agenda.at("second", 1, lambda now: done.append("second"))
    assert agenda.next_time() == 1
    agenda.run(2)
    assert done == ["early", "second"]
    assert agenda.next_time() == 3


def test_made_again_under_the_same_key_an_appointment_moves() -> None:
    agenda, done = Agenda(), []
    agenda.at("x", 1, lambda now: done.append("first"))
    agenda.at("x", 5, lambda now: done.append("moved"))
    agenda.run(2)
    assert done == []
    agenda.run(5)
    assert done == ["moved"]
    assert agenda.next_time() is None


def test_what_one_appointment_cancels_does_not_happen_though_it_is_due() -> None:
    agenda, done = Agenda(), []
    agenda.at("first", 1, lambda now: agenda.cancel("second"))
    agenda.at("second", 1, lambda now: done.append("second"))
    agenda.run(1)
    assert done == []


def test_what_is_made_due_at_once_waits_for_the_next_run() -> None:
    agenda, runs = Agenda(), []

    def again(now: float) -> None:
        runs.append(now)
        agenda.at("again", now, again)

    agenda.at("again", 1, again)
    agenda.run(1)
    assert runs == [1]
    assert agenda.next_time() == 1


def test_moving_an_appointment_a_thousand_times_keeps_one() -> None:
    agenda = Agenda()
    for i in range(1_000):
        agenda.at("x", float(i), lambda now: None)
    assert len(agenda._heap) < 200
    assert agenda.next_time() == 999


# --- pace ------------------------------------------------------------------------------------------
def test_a_pace_lets_a_burst_through_and_then_so_much_a_second() -> None:
    pace = Pace(3, 2, NOW)
    assert [pace.take_whole(NOW) for _ in range(4)] == [True, True, True, False]
    assert pace.wait_seconds(NOW) == 0.5
    assert not pace.take_whole(NOW + 0.4)
    assert pace.take_whole(NOW + 0.5)


def test_whoever_waits_as_long_as_told_may_go_on() -> None:
    pace = Pace(1, 1 / 7, NOW)
    now = NOW
    for _ in range(1_000):
        assert pace.take_whole(now)
        now += pace.wait_seconds(now)


def test_something_large_goes_when_anything_is_left_and_is_paid_off() -> None:
    pace = Pace(100, 10, NOW)
    assert pace.take(1_000, NOW)
    assert not pace.take(1, NOW + 89)
    assert pace.take(1, NOW + 91)


def test_a_clock_that_goes_back_gives_nothing_twice() -> None:
    pace = Pace(2, 1, NOW)
    assert pace.take_whole(NOW)
    assert pace.take_whole(NOW)
    assert not pace.take_whole(NOW - 3_600)
    assert not pace.take_whole(NOW - 3_600)
    assert pace.take_whole(NOW - 3_599)


# --- pull ------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.integers(1, 80), st.data())
def test_a_pull_comes_to_its_end_however_answers_are_cut_and_ordered(size: int, data: st.DataObject) -> None:
    alice = Author("alice")
    entries = alice.write(*(("resource", {"n": i}) for i in range(size)))
    assembly = Assembly(alice.head(), Chain(alice.chain.genesis), Compact())
    pull = Pull(assembly, Mode.EXTEND)
    under_way: list[tuple[int, int]] = []
    taken = 0
    while not assembly.is_complete:
        while (span := pull.next_range(data.draw(st.integers(1, 20_000)), 4)) is not None:
            under_way.append(span)
        assert 0 < len(under_way) <= 4
        start, end = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
        cut = data.draw(st.integers(start + 1, end))
        rows = [(entry.header, entry.salt, entry.body) for entry in entries[start:cut]]
        for at, run in pull.came(start, rows):
            assert at == assembly.size == taken
            assembly.take(run)
            taken += len(run)
    assert taken == size
    assert assembly.verdict() is Verdict.MATCHES
