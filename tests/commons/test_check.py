"""Bodies from peers: hostile, bounded, never an exception; what fails is opaque and breaks nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.commons.faults import PROBLEMS_MAX
from mutunode.commons.kind import Kind
from mutunode.commons.registry import load
from mutunode.protocol.limits import INTEGER_MAX

REGISTRY = load()
RESOURCE = REGISTRY["resource"]
REF = [bytes(32), 7, bytes(32)]

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_SCALARS = st.booleans() | st.integers(0, INTEGER_MAX) | _TEXT | st.binary(max_size=32) | st.just(bytes(32))
_CM = st.recursive(
    _SCALARS | st.just(REF),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            _TEXT | st.sampled_from(("fr", "given", "ref", "policy", "blob")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


def _bodies(kind: Kind) -> st.SearchStrategy[Any]:
    names = st.sampled_from([declared.name for declared in kind.all_fields])
    return st.dictionaries(names | _TEXT, _CM, max_size=8) | _CM


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(list(REGISTRY.values())))
def test_no_body_makes_checking_raise_and_what_passes_can_be_shown(data: st.DataObject, kind: Kind) -> None:
    body = data.draw(_bodies(kind))
    problems = kind.check(body)
    assert len(problems) <= PROBLEMS_MAX
    if not problems:
        kind.to_json(body)
        kind.search_texts(body)
        kind.facets(body)
        kind.refs(body)
        for declared in kind.all_fields:
            if declared.name in body:
                assert isinstance(declared.type.text(body[declared.name], "fr"), str)


def test_a_title_alone_is_read_even_without_the_author_s_wishes() -> None:
    assert RESOURCE.check({"title": {"fr": "Fiche 1"}}) == []
    assert REGISTRY["profile"].check({"name": {"fr": "Exemple"}, "languages": ["fr"]}) == []


def test_fields_of_a_later_version_pass_and_stay_out_of_sight() -> None:
    body = {"title": {"fr": "Fiche"}, "mood": "blue", "based_on": [{"uri": "https://a.example/", "since": 3}]}
    assert RESOURCE.check(body) == []
    assert RESOURCE.to_json(body) == {"title": {"fr": "Fiche"}, "based_on": [{"uri": "https://a.example/"}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": {}}, "title"),
        ({"title": "Fiche"}, "title"),
        ({"title": {"fr": " "}}, "title.fr"),
        ({"title": {"<script>": "x"}}, "title"),
        ({"title": {"fr": "x" * 1_021}}, "title.fr"),
        ({"title": {"fr": "x"}, "keywords": ["k"] * 257}, "keywords"),
        ({"title": {"fr": "x"}, "type": "poem"}, "type"),
        ({"title": {"fr": "x"}, "url": "JavaScript:alert(1)"}, "url"),
        ({"title": {"fr": "x"}, "based_on": [{}]}, "based_on.0"),
        ({"title": {"fr": "x"}, "supersedes": [bytes(32), 1]}, "supersedes"),
        ({"title": {"fr": "x"}, "dates": [{"given": "x", "parsed": "2025-02-30"}]}, "dates.0"),
        ({"title": {"fr": "x"}, "files": [{"blob": bytes(32), "size": 1, "name": ".."}]}, "files.0.name"),
        ({"title": {"fr": "x"}, "ack": {"policy": ["welcome"]}}, "ack.policy"),
    ],
)
def test_what_breaks_the_declaration_is_opaque(body: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in RESOURCE.check(body)] == [field]


def test_a_body_that_is_no_map_is_opaque() -> None:
    assert [problem.code for problem in RESOURCE.check([1, 2])] == ["type"]


def test_a_thousand_wrong_values_make_no_more_than_a_page_of_problems() -> None:
    body = {"title": {"fr": "x"}, "keywords": [7] * 250, "creators": [7] * 250, "audience": [7] * 250}
    assert len(RESOURCE.check(body)) == PROBLEMS_MAX


def test_an_unknown_kind_is_neither_right_nor_wrong() -> None:
    assert REGISTRY.check("recipe", {}) is None


def test_checking_keeps_up_with_the_search_index() -> None:
    body, _ = RESOURCE.from_input(RESOURCE.example)
    spent: list[float] = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(400):
            RESOURCE.check(body)
        spent.append(time.process_time() - start)
    assert min(spent) < 400 / 5_000  # 20,000/s is meant; a shared machine gets four times as long
