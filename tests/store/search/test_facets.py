"""The numbers beside the filters are the totals one gets by choosing them."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.store.search.filtering import FILTERED
from mutunode.store.search.index import SearchIndex
from tests.store.search.catalogues import ask, digest

FILTERS = {"sense": "senses", "kind": "kinds", "language": "languages", "license": "licenses", "org": "orgs"}


def filtering(facet: str, value: str) -> dict[str, Any]:
    return {FILTERS[facet]: (bytes.fromhex(value) if facet == "org" else value,)}


@pytest.mark.parametrize("text", ["", "logiciel", "data base", "contart", '"base de données"'])
def test_each_count_is_the_total_of_the_filtered_search(library: SearchIndex, text: str) -> None:
    found = ask(library, text)
    assert found.total > 0
    for facet in FILTERED:
        for value, number in found.facets[facet].items():
            assert ask(library, text, **filtering(facet, value)).total == number, (facet, value)


def test_counts_are_of_what_was_found_under_the_filters(library: SearchIndex) -> None:
    found = ask(library, "données", senses=("meta",))
    assert found.facets["sense"] == {"meta": found.total}
    assert (
        found.facets["language"]["fr"] == ask(library, "données", senses=("meta",), languages=("fr",)).total
    )


def test_sideways_a_filter_shows_what_choosing_another_value_gives(library: SearchIndex) -> None:
    chosen = ask(library, "données", senses=("meta",), languages=("fr",), sideways=True)
    for sense, number in chosen.facets["sense"].items():
        assert ask(library, "données", senses=(sense,), languages=("fr",)).total == number
    assert set(chosen.facets["sense"]) == {"meta", "aval"}


def test_several_values_of_one_filter_add_up(library: SearchIndex) -> None:
    orgs = (digest("sill"), digest("glosario"))
    both = ask(library, "", orgs=orgs)
    assert both.total == sum(ask(library, "", orgs=(org,)).total for org in orgs)


def test_a_regional_language_also_counts_as_its_language(library: SearchIndex) -> None:
    facets = ask(library, "").facets["language"]
    assert facets["en"] == 633
    assert facets["fr"] == sum(
        ask(library, "", languages=("fr",), orgs=(digest(name),)).total
        for name in ("sill", "glosario", "fiches-travail")
    )


def test_a_kind_is_also_chosen_by_what_people_call_its_records(library: SearchIndex) -> None:
    natures = ask(library, "").facets["nature"]
    assert natures["software"] == ask(library, "", kinds=("software",)).total == 239
    assert ask(library, "", kinds=("resource",)).total == sum(natures.values())


@pytest.mark.parametrize("value", ["", "no such thing", "\ud800", "a b", "*", "\x00", "fr OR en"])
def test_unknown_filter_values_find_nothing(library: SearchIndex, value: str) -> None:
    for name in ("senses", "kinds", "languages", "licenses"):
        assert ask(library, "", **{name: (value,)}).total == 0


def test_free_text_licences_are_filtered_verbatim(library: SearchIndex) -> None:
    facets = ask(library, "").facets["license"]
    odd = next(value for value in facets if " " in value)
    assert ask(library, "", licenses=(odd,)).total == facets[odd]
