"""What people type over the real catalogues, and what they find."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.store.search.index import SearchIndex
from tests.store.search.catalogues import FakeStore, ask, digest, document, filled, keys

LABOUR = "fiches-travail:"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        # accents and elisions, both ways
        ("delegues syndicaux", LABOUR + "article375542"),
        ("DÉLÉGUÉ SYNDICAL", LABOUR + "article375542"),
        ("l’entretien de parcours professionnel", LABOUR + "article375405"),
        ("entretien parcours", LABOUR + "article375405"),
        ("conge de reclassement", LABOUR + "article201155"),
        # plural, singular, feminine
        ("femme enceinte", LABOUR + "article200092"),
        ("salariées enceintes", LABOUR + "article112741"),
        ("motifs économiques licenciements individuels", LABOUR + "article101101"),
        ("contrats vendange", LABOUR + "article100987"),
        # written in one, written apart
        ("libre office", "sill:78"),
        ("libreoffice", "sill:78"),
        # the other language's word, where there is a translation
        ("relational database", "glosario:relational_database"),
        ("base de données relationnelle", "glosario:relational_database"),
        ("Open-source file archiver", "sill:1"),
        # still being typed
        ("libreoff", "sill:78"),
        ("la durée légale du trav", LABOUR + "article374517"),
        ("postgr", "sill:118"),
        # misspelt
        ("libreofice", "sill:78"),
        ("postgersql", "sill:118"),
        ("vendenges", LABOUR + "article100987"),
        ("relationnal databse", "glosario:relational_database"),
        # misspelt so that it has the stem of a word of another language
        ("machine lerning", "glosario:machine_learning"),
        ("licensiement economique individuel", LABOUR + "article101101"),
        # a word of the organisation's name beside one of the record
        ("carpentries relational database", "glosario:relational_database"),
        ("dinum postgresql", "sill:118"),
        # an elision without its apostrophe
        ("l amiante", LABOUR + "article101013"),
        ("periode d essai", LABOUR + "article100977"),
        ("conge parental d education", LABOUR + "article112819"),
        # the author's own key
        ("glosario:machine_learning", "glosario:machine_learning"),
    ],
)
def test_it_is_among_the_first_three(
    library: SearchIndex, catalogues: FakeStore, text: str, key: str
) -> None:
    assert key in keys(catalogues, ask(library, text))[:3]


def test_every_title_finds_its_record(library: SearchIndex, catalogues: FakeStore) -> None:
    missed = []
    for made in list(catalogues.documents.values())[::7]:
        language, title = made.titles[0]
        if made.external not in keys(catalogues, ask(library, title, reader_language=language)):
            missed.append((made.external, title))
    assert missed == []


TWO_WAYS = [
    ("énergie ", "energies "),
    ("salarié ", "salariées "),
    ("e-mail ", "email "),
    ("l'égalité ", "égalité "),
    ("d’œuvre ", "oeuvre "),
    ("bases de données ", "base donnee "),
]


def everything(library: SearchIndex, catalogues: FakeStore, text: str) -> set[str]:
    """All pages of a search."""
    total = ask(library, text).total
    pages = [ask(library, text, limit=100, offset=at) for at in range(0, total, 100)]
    return {key for page in pages for key in keys(catalogues, page)}


@pytest.mark.parametrize(("one", "other"), TWO_WAYS)
def test_two_ways_of_writing_find_the_same(
    library: SearchIndex, catalogues: FakeStore, one: str, other: str
) -> None:
    assert everything(library, catalogues, one) == everything(library, catalogues, other) != set()


def test_every_word_must_be_found(library: SearchIndex) -> None:
    both = ask(library, "licenciement maternité ")
    assert 0 < both.total < min(ask(library, "licenciement ").total, ask(library, "maternité ").total)


def test_a_finished_word_is_not_a_beginning(library: SearchIndex) -> None:
    assert ask(library, "post ").total < ask(library, "post").total


def test_one_letter_is_not_a_beginning(library: SearchIndex, catalogues: FakeStore) -> None:
    found = ask(library, "R", limit=100)
    assert all("R" in _all_text(catalogues, hit.rec).upper().split() for hit in found.hits[:3])
    assert found.total < 200


def _all_text(catalogues: FakeStore, rec: bytes) -> str:
    made = catalogues.documents[rec]
    return " ".join([*(text for _, text in made.titles), *(text for _, text, _ in made.texts)])


def test_misspelt_words_are_only_looked_for_where_right_ones_are_few(library: SearchIndex) -> None:
    assert ask(library, "contrat").misspelt == frozenset()
    assert ask(library, "contart vendanges").misspelt == {"contart"}


def test_phrases_are_found_as_typed_accents_and_case_apart(library: SearchIndex) -> None:
    apart = ask(library, "égalité professionnelle").total
    assert 0 < ask(library, '"EGALITE professionnelle"').total < apart
    assert ask(library, '"professionnelle égalité"').total == 0
    assert ask(library, "« égalité professionnelle »").total == ask(library, '"égalité professionnelle').total


def test_phrases_do_not_run_over_two_texts(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = document("x", "1", [("fr", "alpha bêta")], [("fr", "gamma delta", 1.0), ("fr", "epsilon", 1.0)])
    store = FakeStore([made])
    index = filled(tmp_path_factory.mktemp("phrases"), store)
    assert ask(index, '"gamma delta"').total == 1
    assert ask(index, '"delta epsilon"').total == 0
    assert ask(index, '"beta gamma"').total == 0
    index.close()


def test_exclusion_takes_out_exactly_what_the_word_finds(library: SearchIndex) -> None:
    everything = ask(library, "contrat ").total
    kept, dropped = (
        ask(library, "contrat -apprentissages ").total,
        ask(library, "contrat apprentissage ").total,
    )
    assert dropped > 0
    assert kept + dropped == everything
    assert ask(library, 'contrat -"contrat de travail"').total < everything
    assert ask(library, "-contrat").total == 1007 - everything


def test_a_hyphen_inside_or_alone_excludes_nothing(library: SearchIndex) -> None:
    assert ask(library, "logiciel - libre").total == ask(library, "logiciel libre").total
    assert ask(library, "open-source").total > 0


def test_words_that_mean_nothing_are_not_required(library: SearchIndex, catalogues: FakeStore) -> None:
    with_them, without = ask(library, "la durée légale du travail "), ask(library, "durée légale travail ")
    assert set(keys(catalogues, with_them)) == set(keys(catalogues, without))
    assert ask(library, "de la ").total > 0  # nothing else was typed


def test_an_empty_query_lists_everything_newest_first(library: SearchIndex, catalogues: FakeStore) -> None:
    found = ask(library, "", limit=100)
    times = [catalogues.documents[hit.rec].time for hit in found.hits]
    assert found.total == len(catalogues.documents)
    assert times == sorted(times, reverse=True)
    assert times[0] == max(made.time for made in catalogues.documents.values())


@pytest.mark.parametrize("text", ['"', "-", "«", '""', " ", "\t\n"])
def test_the_beginning_of_typing_lists_everything(library: SearchIndex, text: str) -> None:
    assert ask(library, text).total == 1007


@pytest.mark.parametrize("text", ["???", "🦊🦊", "+++ ...", "\ud800"])
def test_signs_alone_find_nothing(library: SearchIndex, text: str) -> None:
    assert ask(library, text).total == 0


@pytest.mark.parametrize(
    ("text", "key"), [("البيانات", "glosario:character_encoding"), ("بيانات", "glosario:mode")]
)
def test_arabic_finds_arabic(library: SearchIndex, catalogues: FakeStore, text: str, key: str) -> None:
    assert key in keys(catalogues, ask(library, text, reader_language="ar", limit=100))


def test_japanese_is_found_in_the_middle_of_a_run(library: SearchIndex, catalogues: FakeStore) -> None:
    assert "glosario:doi" in keys(catalogues, ask(library, "オブジェクト識別"))


def test_ukrainian_finds_its_words_as_written(library: SearchIndex) -> None:
    assert ask(library, "даних", reader_language="uk").total > 0


def test_newest_first_finds_the_same_in_another_order(library: SearchIndex, catalogues: FakeStore) -> None:
    best, newest = ask(library, "contrat", limit=100), ask(library, "contrat", limit=100, newest_first=True)
    assert set(keys(catalogues, best)) == set(keys(catalogues, newest))
    times = [catalogues.documents[hit.rec].time for hit in newest.hits]
    assert times == sorted(times, reverse=True)


def test_pages_follow_one_another_without_overlap(library: SearchIndex) -> None:
    whole = [hit.rec for hit in ask(library, "travail", limit=60).hits]
    pages = [hit.rec for at in (0, 20, 40) for hit in ask(library, "travail", limit=20, offset=at).hits]
    assert pages == whole


@pytest.mark.parametrize(("limit", "shown"), [(-5, 0), (0, 0), (1, 1), (100, 100), (10_000, 100)])
def test_a_page_is_never_longer_than_a_hundred(library: SearchIndex, limit: int, shown: int) -> None:
    found = ask(library, "", limit=limit)
    assert (len(found.hits), found.total) == (shown, 1007)


@pytest.mark.parametrize("offset", [-1, 1_000, 1_007, 9_999, 10_000, 2**63])
def test_leafing_beyond_the_end_is_an_empty_page(library: SearchIndex, offset: int) -> None:
    found = ask(library, "", offset=offset)
    assert found.total == 1007
    assert len(found.hits) == (20 if offset < 0 else max(0, min(20, 1007 - offset)))


def test_only_the_spaces_of_the_reader_are_searched(tmp_path_factory: pytest.TempPathFactory) -> None:
    circle = digest("circle")
    public = document("x", "public", [("fr", "recette commune")], [])
    secret = document("x", "secret", [("fr", "recette secrète")], [], space=circle)
    index = filled(tmp_path_factory.mktemp("spaces"), FakeStore([public, secret]))
    assert [hit.rec for hit in ask(index, "recette").hits] == [public.rec]
    assert ask(index, "secrète").total == 0
    assert ask(index, "", spaces=()).total == 0
    assert ask(index, "recette", spaces=(circle,)).total == 1
    assert ask(index, "recette", spaces=(PUBLIC, circle)).total == 2
    index.close()


def test_likeness_is_not_decided_by_what_is_hidden(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    hidden = [document("x", f"s{n}", [("fr", "vendenges")], [], space=digest("circle")) for n in range(5)]
    store = FakeStore([document("x", "p", [("fr", "vendanges")], []), *hidden])
    index = filled(tmp_path_factory.mktemp("likeness"), store)
    assert ask(index, "vendenges").total == 1
    index.close()


def test_blocked_organisations_are_neither_found_nor_counted(library: SearchIndex) -> None:
    found = ask(library, "", without_orgs=(digest("glosario"),))
    assert found.total == 1007 - ask(library, "", orgs=(digest("glosario"),)).total
    assert len(found.facets["org"]) == 2


def test_what_claims_a_later_time_waits_until_it_comes(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = FakeStore([document("x", "now", [("fr", "recette")], [], time=100)])
    index = filled(tmp_path_factory.mktemp("later"), store)
    assert ask(index, "recette", latest=99).total == 0
    assert ask(index, "recette", latest=100).total == 1
    store.put(document("x", "later", [("fr", "recette")], [], time=200))
    while index.follow(store):
        pass
    for text in ("recette", ""):
        assert ask(index, text, latest=199).total == 1
        assert sum(ask(index, text, latest=199).facets["kind"].values()) == 1
        assert ask(index, text, latest=200).total == 2
    index.close()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("bibliotek", ("bibliotheque",)),
        ("jardinnage", ("jardinage",)),
        ("energie", ()),
        ("enterinne", ("enterine",)),
    ],
)
def test_a_word_that_is_nowhere_may_be_one_that_looks_like_it(
    typed: str, meant: tuple[str, ...], tmp_path: Path
) -> None:
    titles = [("fr", "Bibliothèque"), ("fr", "Jardinage"), ("fr", "Un accord entériné")]
    store = FakeStore([document("x", str(number), [title], []) for number, title in enumerate(titles)])
    index = filled(tmp_path, store)
    assert ask(index, f"{typed} quelconque").meant.get(typed, ()) == meant
    index.close()
