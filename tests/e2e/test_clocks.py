"""A computer whose clock is wrong, or is set while it runs: real daemons, with a clock that a file moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mutunode_cli.failure import Failure
from tests.e2e.nodes import Node, until

Make = Callable[[str], Node]

DAY = 86_400


def starts_at(node: Node, file: Path, seconds: float, *options: str) -> None:
    """Start a node whose clock is off by so much."""
    set_clock(file, seconds)
    node.start(*options, program=("-m", "tests.e2e.other_time", str(file)))


def set_clock(file: Path, seconds: float) -> None:
    """Set its clock, in one step."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)


def is_shown(node: Node, rec: str) -> bool:
    """Whether a record is there for people."""
    try:
        return bool(node.ask("show", rec=rec))
    except Failure:
        return False


@pytest.mark.parametrize("days", [-30, 0.9], ids=["30 days back", "nearly a day ahead"])
def test_a_clock_that_is_wrong_changes_neither_order_nor_who_holds_what(
    make: Make, tmp_path: Path, days: float
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier").start()
    starts_at(jardin, tmp_path / "clock", days * DAY)
    jardin.follows(atelier)
    atelier.follows(jardin)
    for number in range(5):
        jardin.publish(f"Fiche {number}")
    theirs = atelier.publish("D’à côté")
    atelier.catches_up_with(jardin)
    jardin.holds_all_of(atelier)
    if days < -1:
        finding = next(each for each in jardin.ask("doctor") if each["name"] == "clock")
        assert not finding["well"], "a person is told what others' clocks say"
        set_clock(tmp_path / "clock", 0)
    until(lambda: is_shown(jardin, theirs), "once its time has come")
    listed = atelier.ask("log_show", log=jardin.org)["entries"]
    shown = [atelier.ask("show", rec=each["id"])["title"] for each in listed]
    assert shown == [f"Fiche {number}" for number in range(5)], "the order is the register's, not the clock's"
    for node in (jardin, atelier):
        node.ask("log_verify")
        assert node.forked() == []
        node.stop()


def test_what_is_signed_ten_years_ahead_is_held_and_not_relayed(make: Make, tmp_path: Path) -> None:
    jardin, atelier, mairie = make("Jardin"), make("Atelier").start(), make("Mairie").start()
    starts_at(jardin, tmp_path / "clock", 3_652 * DAY)
    jardin.follows(atelier)
    for one, other in ((atelier, jardin), (atelier, mairie), (mairie, atelier)):
        one.follows(other)
    mairie.ask("peer_accept", org=jardin.org)  # it listens, and has no address of it
    first = jardin.publish("De 2036")
    own = jardin.publish("Encore de 2036")
    assert jardin.register()[0] == 2, "own publishing goes on"
    assert jardin.ask("show", rec=own)["title"] == "Encore de 2036"
    atelier.publish("D’aujourd’hui")
    mairie.catches_up_with(atelier)
    time.sleep(2.0)  # ten times what a push takes
    assert mairie.holds_of(jardin) == (0, ""), "what lies more than a day ahead is relayed by nobody"
    assert atelier.ask("search", q="2036")["hits"] == [], "nor shown before its time"
    jardin.catches_up_with(atelier)
    set_clock(tmp_path / "clock", 0)
    until(lambda: not clock_of(jardin)["well"], "its own doctor says what others do not show")
    assert clock_of(jardin)["en"].startswith("2 of your records")
    for rec in (first, own):
        jardin.ask("revise", rec=rec, fields={"abstract": "Datée d’aujourd’hui"})
    assert clock_of(jardin)["well"], "corrected, they are dated right"
    until(lambda: atelier.ask("search", q="2036")["total"] == 2, "and seen")
    for node in (jardin, atelier, mairie):
        node.ask("log_verify")
        node.stop()


def clock_of(node: Node) -> dict[str, Any]:
    """What its doctor says of clocks."""
    return next(each for each in node.ask("doctor") if each["name"] == "clock")


def test_a_clock_that_jumps_while_the_node_runs_costs_nothing(make: Make, tmp_path: Path) -> None:
    jardin, atelier = make("Jardin"), make("Atelier").start()
    clock = tmp_path / "clock"
    starts_at(jardin, clock, 0)
    jardin.follows(atelier)
    atelier.follows(jardin)
    for number, seconds in enumerate((0.0, 0.5 * DAY, -30 * DAY, -29 * DAY, 0.0)):
        set_clock(clock, seconds)
        jardin.publish(f"Fiche {number}")
        assert jardin.register()[0] == number + 1
    theirs = atelier.publish("Après les sauts")
    atelier.catches_up_with(jardin)
    jardin.catches_up_with(atelier)
    assert jardin.ask("show", rec=theirs)["title"] == "Après les sauts", "timers go on"
    assert (jardin.forked(), atelier.forked()) == ([], [])
    for node in (jardin, atelier):
        node.ask("log_verify")
        node.stop()
