"""A request to an owner that does not follow who asks: it is brought (DELIVER), and a person decides."""

from __future__ import annotations

from collections.abc import Callable

from mutunode.service.lendshapes import BookingLine
from tests.service.offices import Node, until
from tests.service.test_booking import AFTERNOON, ask, comes_to, lend

Arrives = Callable[[Node, str], None]


def test_a_request_reaches_an_owner_that_does_not_follow_who_asks(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    means = lend(jardin)
    atelier.office.accept(jardin.org, jardin.address)
    arrives(atelier, means)
    rec = ask(atelier, means, purpose="Presser nos pommes")
    size = jardin.size()
    waiting = until(lambda: jardin.office.inside.todo().waiting, "brought to the owner")
    assert [(each.id, each.about, each.stranger) for each in waiting] == [(rec, "booking", True)]
    jardin.engine.noter.step()
    assert jardin.size() == size  # nothing is noted of a stranger before a person decided
    jardin.office.accept(atelier.org, atelier.address)
    comes_to(jardin, rec, "requested", received=True)
    jardin.office.lender.act("accept", rec)
    comes_to(atelier, rec, "accepted")


def _stands(node: Node, rec: str, state: str) -> BookingLine:
    """Wait until a booking shows so in a session, of a stranger too."""

    def shows() -> BookingLine | None:
        listed = node.office.inside.lender.bookings()
        return next(
            (each for each in (*listed.ours, *listed.mine) if (each.id, each.state) == (rec, state)), None
        )

    found = until(shows, f"{rec} is {state} at {node.address}")
    assert isinstance(found, BookingLine)
    return found


def test_what_a_stranger_does_after_an_answer_is_noted_and_frees_the_time(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    means = lend(jardin)
    atelier.office.accept(jardin.org, jardin.address)
    arrives(atelier, means)
    morning, afternoon = ask(atelier, means), ask(atelier, means, AFTERNOON)
    for rec in (morning, afternoon):  # the second does not take the place of the first
        _stands(jardin, rec, "requested")
        jardin.office.lender.act("accept", rec)
        comes_to(atelier, rec, "accepted")
    atelier.office.lender.act("withdraw", morning)
    _stands(jardin, morning, "withdrawn")
    comes_to(atelier, morning, "withdrawn")
    atelier.office.lender.act("pickup", afternoon)
    _stands(jardin, afternoon, "checked_out")
    atelier.office.lender.act("give_back", afternoon, condition="ok")
    assert _stands(jardin, afternoon, "returned").owed == "return"
    jardin.office.lender.act("return", afternoon, condition="ok")
    assert comes_to(atelier, afternoon, "closed").confirmed
    assert jardin.office.inside.todo().waiting == ()
