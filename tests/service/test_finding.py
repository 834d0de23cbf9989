"""Searching: what is shared is found, by its words and by its facets, and shown as cards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from mutunode.service.errors import Refusal
from mutunode.store.search.index import SearchIndex, SearchUnavailable
from tests.service.offices import Node, refused, until

CATALOGUE: list[dict[str, Any]] = [
    {"title": "L’école du jardin", "license": "CC-BY-4.0", "type": "practice", "keywords": "semis"},
    {
        "title": "Élever des poules",
        "license": "CC-BY-SA-4.0",
        "abstract": "Un poulailler d’école.",
    },
    {"title.en": "A garden diary", "languages": "en", "license": "CC-BY-4.0", "type": "tool"},
    {"title": "Sans licence", "type": "software"},
]


@pytest.fixture
def jardin(jardin: Node) -> Node:
    """An organisation with a small catalogue, indexed."""
    for fields in CATALOGUE:
        jardin.clock.ahead_seconds += 1  # newest first is by the second
        jardin.office.publish("resource", fields)
    jardin.until_indexed()
    return jardin


def test_an_empty_search_lists_everything_newest_first(jardin: Node) -> None:
    assert jardin.titles() == ["Sans licence", "A garden diary", "Élever des poules", "L’école du jardin"]


@pytest.mark.parametrize("typed", ["ecole", "ÉCOLE", "l'école", "écoles", "jard", "semis"])
def test_accents_elisions_plurals_and_beginnings_do_not_hide_a_record(jardin: Node, typed: str) -> None:
    assert "L’école du jardin" in jardin.titles(typed)


def test_what_answers_is_marked_in_title_and_text(jardin: Node) -> None:
    hits = {hit.title: hit for hit in jardin.office.search("école").hits}
    title = hits["L’école du jardin"]
    assert [title.title[start:end] for start, end in title.title_marks] == ["école"]
    text = hits["Élever des poules"]
    assert [text.snippet[start:end] for start, end in text.marks] == ["école"]


def test_a_sense_that_does_not_exist_is_refused_by_name(jardin: Node) -> None:
    with pytest.raises(Refusal, match="`upward`"):
        jardin.office.search(sense="upward")


def test_a_card_shows_what_the_record_says(jardin: Node) -> None:
    [hit] = jardin.office.search("poules").hits
    assert (hit.kind, hit.sense, hit.org, hit.org_name) == ("resource", "aval", jardin.org, "Jardin")
    assert (hit.license, hit.license_class != "", hit.language) == ("CC-BY-SA-4.0", True, "fr")
    assert jardin.office.show(hit.id).title == hit.title


def test_the_counts_of_a_facet_are_the_totals_one_gets_by_choosing_it(jardin: Node) -> None:
    facets = jardin.office.search().facets
    for name in ("sense", "kind", "language", "license", "org"):
        assert facets[name], name
        for value, count in facets[name].items():
            answer = jardin.office.call("search", {name: value}, print)
            assert answer.total == count, (name, value)
    assert jardin.office.search(language=("fr", "en")).total == 4


def test_one_page_follows_another(jardin: Node) -> None:
    pages = [jardin.office.search(limit=3, offset=offset) for offset in (0, 3)]
    assert [len(page.hits) for page in pages] == [3, 1]
    assert {page.total for page in pages} == {4}
    assert len({hit.id for page in pages for hit in page.hits}) == 4
    assert jardin.office.search(limit=0).hits == ()


@pytest.mark.parametrize(
    "wrong",
    [{"limit": -1}, {"limit": 10_000}, {"offset": -1}, {"sort": "colour"}, {"circle": "circle_x"}],
)
def test_a_search_that_cannot_be_understood_is_refused_in_words(jardin: Node, wrong: dict[str, Any]) -> None:
    with refused("usage", 2):
        jardin.office.search("jardin", **wrong)


def test_an_organisation_never_heard_of_has_nothing_and_half_an_id_is_refused(
    jardin: Node,
) -> None:
    with refused("bad_id", 2):
        jardin.office.search(org="org_x")
    assert jardin.office.search(org="org_" + "a" * 52).total == 0


@pytest.mark.parametrize(
    "typed", ['"', "((", "title:x AND", "*", "\0", "🐔", "x" * 10_000, "-", "' OR 1=1 --"]
)
def test_whatever_is_typed_is_searched_and_breaks_nothing(jardin: Node, typed: str) -> None:
    assert jardin.office.search(typed).total >= 0


def test_titles_are_shown_in_the_language_of_the_reader(jardin: Node) -> None:
    rec = jardin.office.publish("resource", {"title.fr": "Le compost", "title.en": "Compost heaps"}).id
    jardin.until_indexed()
    for language, title in (("fr", "Le compost"), ("en", "Compost heaps")):
        [hit] = jardin.office.search("compost", reader_language=language).hits
        assert (hit.title, hit.title_language) == (title, language)
        assert jardin.office.show(rec, language).title == title


def test_a_blocked_organisation_is_found_no_more_and_found_again_after(
    make: Callable[[str], Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.meets(atelier)
    arrives(jardin, atelier.publish("Réparer un vélo"))
    assert jardin.titles("vélo") == ["Réparer un vélo"]
    jardin.office.block(atelier.org)
    answer = jardin.office.search("vélo")
    assert (answer.total, answer.hits) == (0, ())
    assert atelier.org not in answer.facets["org"]
    jardin.office.unblock(atelier.org)
    assert jardin.titles("vélo") == ["Réparer un vélo"]


def test_found_within_a_second_of_being_published(jardin: Node) -> None:
    jardin.publish("Tout nouveau")
    until(lambda: jardin.office.search("nouveau").total == 1)


def test_while_the_index_is_away_search_says_so_and_records_stay_readable(jardin: Node) -> None:
    rec = jardin.office.search("poules").hits[0].id
    jardin.engine.feeder.stop()
    jardin.engine.index.close()
    with refused("search_unavailable", 8):
        jardin.office.search("poules")
    assert jardin.office.show(rec).title == "Élever des poules"
    assert jardin.office.network().me.records == 4


def test_damage_that_a_search_finds_is_mended_at_once(jardin: Node) -> None:
    until(lambda: not jardin.engine.feeder._poked.is_set(), "what was published is read")
    time.sleep(2 * jardin.engine.feeder.gather_seconds)  # and the feeder waits for more
    files = [path for path in (jardin.engine.home.path / "search").rglob("*.*") if path.stat().st_size > 200]
    for path in files:
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xa5" * (path.stat().st_size - 100))
    with refused("search_unavailable", 8):
        jardin.office.search("poules")
    assert jardin.engine.feeder._poked.is_set() or not jardin.engine.index._doubtful, (
        "it is about to be mended"
    )
    until(lambda: not jardin.engine.index._doubtful, "it is mended, though nobody publishes")
    assert jardin.titles("poules") == ["Élever des poules"]


def test_a_node_whose_index_cannot_be_opened_starts_without_search(
    make: Callable[[str], Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(index: SearchIndex) -> None:
        raise SearchUnavailable("no space left")

    with monkeypatch.context() as disk:
        disk.setattr(SearchIndex, "open", full)
        jardin = make("Jardin")
        rec = jardin.publish("Semis")
        with refused("search_unavailable", 8):
            jardin.office.search("semis")
        assert jardin.office.show(rec).title == "Semis"
    assert jardin.titles("semis") == ["Semis"], "there is room again"


def test_the_page_of_an_organisation_shows_what_it_shares(jardin: Node) -> None:
    page = jardin.office.organisation(jardin.org)
    assert (page.total_resources, page.organisation.me) == (4, True)
    assert [hit.title for hit in page.resources][:1] == ["Sans licence"]
    assert page.organisation.by_sense == {"aval": 4}
    with pytest.raises(Refusal):
        jardin.office.organisation("org_" + "a" * 52)


# --- several organisations, one thing ---


def test_one_thing_of_several_organisations_is_one_card_and_each_record_is_counted(
    two: tuple[Node, Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = two
    ours = jardin.publish("Guide du compost", url="https://www.compost.example/guide/")
    theirs = atelier.publish("Le guide du compost", url="http://compost.example/guide")
    arrives(jardin, theirs)
    jardin.until_indexed()
    answer = jardin.office.search("compost")
    assert answer.total == sum(answer.facets["org"].values()) == 2
    [hit] = answer.hits
    [other] = hit.others
    assert {hit.id, other.id} == {ours, theirs}
    assert {hit.org_name, other.org_name} == {"Jardin", "Atelier"}
    assert [each.id for each in jardin.office.search("compost", org=atelier.org).hits] == [theirs]


def test_an_organisation_that_takes_a_new_name_is_found_by_it(jardin: Node) -> None:
    assert jardin.office.search("jardin poules").total == 1
    posture = {
        "posture.shares_aval": "open",
        "posture.wants_usage": "welcome",
        "posture.prior_works": "closed",
    }
    jardin.office.publish("profile", {"name": "Les Coquelicots", "languages": "fr", **posture})
    jardin.until_indexed()
    assert jardin.titles("coquelicots poules") == ["Élever des poules"]
    assert jardin.office.search("coquelicot", kind="resource").total == 4


# --- order ---


def test_the_most_used_come_first_when_that_is_asked(
    two: tuple[Node, Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = two
    recs = [jardin.publish(f"Semis numéro {number}") for number in range(4)]
    arrives(atelier, recs[-1])
    used = atelier.office.use(recs[1], as_="adapted").id
    arrives(jardin, used)
    jardin.until_indexed()
    assert jardin.office.search("semis", sort="usage").hits[0].id == recs[1]
    assert jardin.office.search("semis", sort="usage").total == 4
    dated = [hit.time for hit in jardin.office.search("semis", sort="date").hits]
    assert dated == sorted(dated, reverse=True)


# --- facets, several values of one ---


def test_a_second_value_of_a_facet_can_be_chosen_and_its_count_is_what_it_adds(jardin: Node) -> None:
    chosen = jardin.office.search(language="fr", sideways=True)
    assert chosen.facets["language"] == jardin.office.search().facets["language"]
    both = jardin.office.search(language=("fr", "en"), sideways=True)
    assert both.total == chosen.total + chosen.facets["language"]["en"]
    assert jardin.office.search(language="fr").facets["language"] == {"fr": chosen.total}
    narrow = jardin.office.search(language="fr", license="CC-BY-4.0", sideways=True)
    assert narrow.facets["language"] == jardin.office.search(license="CC-BY-4.0").facets["language"]
    assert narrow.facets["license"] == jardin.office.search(language="fr").facets["license"]


# --- nothing found ---


def test_nothing_found_says_what_could_be_tried_and_each_try_finds_as_much_as_it_says(jardin: Node) -> None:
    asked: list[dict[str, Any]] = [
        {"q": "poullaillers jardinière"},
        {"q": "école", "language": "en"},
        {"q": "poules journal zzzz"},
        {"q": "diary", "language": "fr", "license": "CC-BY-SA-4.0"},
        {"q": '"jardin école"', "license": "CC-BY-4.0"},
        {"q": "poules -poulailler"},
    ]
    whys = []
    for each in asked:
        answer = jardin.office.search(**each)
        assert (answer.total, answer.tries != ()) == (0, True), each
        for other in answer.tries:
            whys.append(other.why)
            dropped = {"languages": "language", "licenses": "license"}.get(other.why)
            left = {} if other.why in ("word", "filters") else {**each, "q": other.q}
            left.pop(dropped or "", None)
            assert jardin.office.search(**{**left, "q": other.q}).total == other.total, other
    assert {"word", "languages", "filters", "looser"} <= set(whys)
    quoted, excluding = (jardin.office.search(**each).tries for each in asked[-2:])
    assert [other.q for other in quoted] == ["jardin école", "jardin", "école"]
    assert [other.q for other in excluding] == ["poules"], "what was excluded is not proposed"


def test_what_is_found_by_its_key_is_not_taken_for_a_misspelt_word(jardin: Node) -> None:
    jardin.publish("Un logiciel", external_ref="semix:78")
    jardin.until_indexed()
    answer = jardin.office.search("semix:78")
    assert ([hit.title for hit in answer.hits], answer.meant, answer.instead) == (["Un logiciel"], {}, "")


@pytest.mark.parametrize(
    "typed",
    ["https://www.compost.example/guide/?x=1", "http://compost.example/guide?x=1", "id", "beginning"],
)
def test_an_address_or_an_id_finds_the_record_it_names(jardin: Node, typed: str) -> None:
    rec = jardin.publish("Guide du compost", url="https://compost.example/guide?x=1", external_ref="guide:1")
    jardin.until_indexed()
    answer = jardin.office.search({"id": rec, "beginning": rec[:14]}.get(typed, typed), loosely=True)
    assert ([hit.id for hit in answer.hits], answer.loose, answer.instead) == ([rec], False, "")


def test_the_id_of_an_organisation_finds_what_it_shares(jardin: Node) -> None:
    assert jardin.office.search(jardin.org).total == 4
    assert jardin.office.search(f"org_{'a' * 52}").total == 0


def test_what_is_left_when_something_is_excluded_comes_newest_first(jardin: Node) -> None:
    assert jardin.titles("-poules") == ["Sans licence", "A garden diary", "L’école du jardin"]


def test_a_title_is_shown_in_a_language_of_the_pages_rather_than_in_one_nobody_asked_for(
    jardin: Node,
) -> None:
    jardin.office.publish("resource", {"title.af": "mediaan", "title.en": "median"})
    jardin.until_indexed()
    assert jardin.titles("mediaan") == ["median"]


def test_a_misspelt_word_is_found_and_the_word_meant_is_told_as_it_is_written(jardin: Node) -> None:
    answer = jardin.office.search("ekole semis")
    assert [hit.title for hit in answer.hits] == ["L’école du jardin"]
    assert answer.meant["ekole"][0] == "école"
    assert answer.instead == "école semis"
    assert jardin.office.search("école semis").meant == {}
    assert jardin.office.search("lecole semis").instead == "école semis", "an elision without its apostrophe"


def test_pages_are_given_what_holds_most_of_the_words_and_commands_are_not(jardin: Node) -> None:
    strict, loose = (
        jardin.office.search("école semis chimpanzé", loosely=loosely) for loosely in (False, True)
    )
    assert (strict.total, strict.loose) == (0, False)
    assert ([hit.title for hit in loose.hits], loose.loose) == (["L’école du jardin"], True)


def test_a_page_of_hits_says_where_the_next_begins(jardin: Node) -> None:
    assert jardin.office.search(limit=3).next == 3
    assert jardin.office.search(limit=3, offset=3).next == 0
    assert jardin.office.search(limit=4).next == jardin.office.search(limit=0).next == 0


def test_a_card_shows_the_readers_summary_rather_than_its_title_in_other_languages(jardin: Node) -> None:
    titles = {"title.en": "standard deviation", "title.it": "deviazione standard"}
    jardin.office.publish("resource", {**titles, "abstract.en": "How widely values differ."})
    jardin.until_indexed()
    for asked, snippet in (("standard", "How widely values differ."), ("deviazione", "deviazione standard")):
        [hit] = jardin.office.search(asked, reader_language="en").hits
        assert (hit.title, hit.snippet) == ("standard deviation", snippet)


def test_a_card_shows_words_where_the_author_wrote_marks(jardin: Node) -> None:
    jardin.office.publish(
        "resource",
        {"title": "Glossaire", "abstract": "La [moyenne](#moyenne) **pondérée**, voir `poids`."},
    )
    jardin.until_indexed()
    [sought] = jardin.office.search("pondérée").hits
    assert sought.snippet == "La moyenne pondérée, voir poids."
    assert [sought.snippet[start:end] for start, end in sought.marks] == ["pondérée"]
    assert jardin.office.search("").hits[0].snippet == sought.snippet
