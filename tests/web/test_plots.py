"""Where the dots of the network stand."""

from __future__ import annotations

from mutunode.service.shapes import Organisation
from mutunode.web import plots

NOW = 1_000_000


def followed(org: str, name: str) -> Organisation:
    return Organisation(
        org=org,
        name=name,
        me=False,
        stance="accepted",
        records=1,
        by_sense={},
        heard_at=NOW,
        signed_at=NOW,
        connected=True,
        address="",
        known_by=(),
        check_words={},
    )


def test_two_organisations_with_one_name_are_two_dots() -> None:
    drawn = plots.network([followed("org_a", "Régie"), followed("org_b", "Régie")], NOW)
    assert [dot.number for dot in drawn] == [1, 2]
    assert (drawn[0].x, drawn[0].y) != (drawn[1].x, drawn[1].y)
