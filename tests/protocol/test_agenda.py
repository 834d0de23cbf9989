"""What is due when: moved, cancelled and made again, in the order of time and of making."""

from __future__ import annotations

from mutunode.protocol.agenda import Agenda


def test_appointments_are_kept_in_order_moved_and_cancelled() -> None:
    agenda, done = Agenda(), list[str]()
    for key, time in (("b", 2.0), ("a", 1.0), ("gone", 1.5), ("c", 2.0), ("moved", 1.0)):
        agenda.at(key, time, lambda now, key=key: done.append(key))  # type: ignore[misc]
    agenda.cancel("gone")
    agenda.at("moved", 3.0, lambda now: done.append("moved"))
    assert agenda.has("moved")
    assert not agenda.has("gone")
    assert agenda.next_time() == 1.0
    agenda.run(2.5)
    assert done == ["a", "b", "c"]
    assert agenda.next_time() == 3.0


def test_what_an_action_cancels_or_makes_is_not_done_in_the_same_run() -> None:
    agenda, done = Agenda(), list[str]()

    def first(now: float) -> None:
        agenda.cancel("second")
        agenda.at("again", now, lambda then: done.append("again"))
        done.append("first")

    agenda.at("first", 1.0, first)
    agenda.at("second", 1.0, lambda now: done.append("second"))
    agenda.run(1.0)
    assert done == ["first"]
    agenda.run(1.0)
    assert done == ["first", "again"]
    assert agenda.next_time() is None


def test_what_was_moved_often_is_forgotten() -> None:
    agenda = Agenda()
    for time in range(1_000):
        agenda.at("key", float(time), lambda now: None)
    assert len(agenda._heap) < 100
    assert agenda.next_time() == 999.0
