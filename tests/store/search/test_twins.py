"""Records of one thing by several organisations are counted each and shown together."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.store.search.document import Document
from mutunode.store.search.query import FoundHit
from tests.store.search.catalogues import Clock, FakeStore, ask, document, filled


def record(org: str, key: str, *things: str, title: str = "Semis", time: int = 0) -> Document:
    made = document(org, key, [("fr", title)], [], time=time)
    return msgspec.structs.replace(made, things=things)


def shown(store: FakeStore, hits: list[FoundHit]) -> list[tuple[str, set[str]]]:
    """Hits and what stands under them, by the catalogues' keys."""
    name = {rec: made.external or "" for rec, made in store.documents.items()}
    return [(name[hit.rec], {name[other] for other in hit.others}) for hit in hits]


def test_the_best_placed_record_of_a_thing_shows_those_of_others_under_it(tmp_path: Path) -> None:
    store = FakeStore(
        [
            record("a", "1", "url:x.org", title="Semis de carottes longues", time=1),
            record("b", "1", "url:x.org", title="Semis", time=2),
            record("c", "1", "file:77", title="Semis", time=3),
        ]
    )
    index = filled(tmp_path, store)
    found = ask(index, "semis")
    assert found.total == found.facets["sense"]["aval"] == 3
    assert shown(store, found.hits) == [("b:1", {"a:1"}), ("c:1", set())]
    assert shown(store, ask(index, "").hits) == [("c:1", set()), ("b:1", {"a:1"})]
    assert shown(store, ask(index, "carottes").hits) == [("a:1", set())]
    index.close()


def test_two_records_of_one_organisation_are_two_things(tmp_path: Path) -> None:
    forms = [record("a", str(number), "url:mairie.example") for number in range(4)]
    store = FakeStore([*forms, record("b", "1", "url:mairie.example")])
    index = filled(tmp_path, store)
    found = ask(index, "semis")
    assert found.total == 5
    assert len(found.hits) == 4
    assert [len(hit.others) for hit in found.hits] == [1, 0, 0, 0]
    index.close()


def test_things_are_told_together_through_a_third(tmp_path: Path) -> None:
    store = FakeStore(
        [record("a", "1", "url:x"), record("b", "1", "url:x", "file:7"), record("c", "1", "file:7")]
    )
    index = filled(tmp_path, store)
    [(leader, others)] = shown(store, ask(index, "semis").hits)
    assert {leader, *others} == {"a:1", "b:1", "c:1"}
    index.close()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sets(st.sampled_from(["u1", "u2", "f1"]), max_size=2)),
        min_size=1,
        max_size=14,
    ),
    st.integers(1, 5),
)
def test_over_all_pages_every_record_is_shown_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[str, set[str]]], limit: int
) -> None:
    made = [record(org, str(at), *sorted(things), time=at) for at, (org, things) in enumerate(given)]
    store = FakeStore(made)
    index = filled(tmp_path_factory.mktemp("twins"), store)
    for order in ({}, {"newest_first": True}, {"first": tuple(each.rec for each in made[::3])}):
        pages = [ask(index, "semis", limit=limit, offset=at, **order) for at in range(0, len(made), limit)]
        seen = [rec for page in pages for hit in page.hits for rec in (hit.rec, *hit.others)]
        assert len(seen) == len(set(seen)) == pages[0].total == len(made)
        for page in pages:
            for hit in page.hits:
                orgs = [store.documents[rec].org for rec in (hit.rec, *hit.others)]
                assert len(orgs) == len(set(orgs))
    index.close()


def test_those_brought_along_come_first_in_their_order_and_the_rest_by_score(tmp_path: Path) -> None:
    made = [record("a", str(at), title=f"Semis {'de carottes ' * at}", time=at) for at in range(6)]
    store = FakeStore(made)
    index = filled(tmp_path, store, clock=Clock())
    first = (made[4].rec, made[2].rec, b"nobody knows it")
    by_score = [hit.rec for hit in ask(index, "semis").hits]
    rest = [rec for rec in by_score if rec not in first]
    for limit in (1, 2, 4):
        pages = [ask(index, "semis", first=first, limit=limit, offset=at) for at in range(0, 6, limit)]
        assert [hit.rec for page in pages for hit in page.hits] == [made[4].rec, made[2].rec, *rest]
    assert ask(index, "semis", first=first).total == 6
    index.close()
