"""A request to an owner that does not follow who asks: it is brought (DELIVER), and a person decides."""

from __future__ import annotations

from collections.abc import Callable

from tests.service.offices import Node, until
from tests.service.test_booking import ask, comes_to, lend

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
