"""The law of bookings, one test a line, and the page that tells it."""

from __future__ import annotations

import pytest

from mutunode.commons.states.telling import tell
from tests.commons.booking_pairs import PAGE, Row, page, rows


@pytest.mark.parametrize("row", list(rows()), ids=str)
def test_two_things_that_happen_unseen(row: Row) -> None:
    booking = row.play()
    assert booking.state == row.state
    told = tell(booking)
    assert told.fr
    assert told.en


def test_the_page_tells_the_law() -> None:
    assert PAGE.read_text() == page(), "make it anew: python -m tests.commons.booking_pairs"
