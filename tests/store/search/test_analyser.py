"""What the analyser makes of words: the same of all that a reader takes for the same."""

from __future__ import annotations

import pytest

from mutunode.store.search.analyser import spell, tokens
from mutunode.store.search.folding import MARKS, WORD_LENGTH_MAX, fold
from tests.store.search.catalogues import all_documents


def stems(text: str, language: str = "fr") -> list[str]:
    return [token.stem for token in tokens(text, language) if token.stem]


@pytest.mark.parametrize(
    "family",
    [
        "mutualisé mutualisée mutualisés mutualisées mutualisation mutualiser mutualise",
        "salarié salariée salariés salariées",
        "licencié licenciée licenciement licenciements",
        "énergie énergies energie ENERGIES l'énergie d’énergie",
        "congé congés conge",
        "cheval chevaux",
        "travail travaux",
        "national nationaux nationale nationales",
        "œuvre oeuvre Œuvres d'œuvre",
    ],
)
def test_the_forms_of_a_french_word_share_a_stem(family: str) -> None:
    assert len(set(stems(family))) == 1, stems(family)


@pytest.mark.parametrize("family", ["database databases Database's", "share shares shared"])
def test_the_forms_of_an_english_word_share_a_stem(family: str) -> None:
    assert len(set(stems(family, "en"))) == 1, stems(family, "en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("l'énergie d’aujourd'hui", ["energie", "aujourdhui"]),
        ("jusqu'à lorsqu’il puisqu'elle qu'on", ["a", "il", "elle", "on"]),
        ("s'assurer n'est j'ai m'a t'a c'est", ["assurer", "est", "ai", "a", "a", "est"]),
        ("don't O'Reilly's", ["don", "o", "reilly"]),
        ("snake_case auto-entrepreneur", ["snake", "case", "auto", "entrepreneur"]),
        ("straße ﬁchier Ærø naïve", ["strasse", "fichier", "aero", "naive"]),
        ("mu\u00adtua\u200dliser", ["mutualiser"]),
        ("R.G.P.D. l’A.G. d'E.N.S, M.J.C.-relais", ["rgpd", "ag", "ens", "mjc", "relais"]),
        (
            "B. A. Dupont, a.b, www.x.org, v2.1. R.G.Dupont",
            [*"ba", "dupont", *"ab", *"www x org v2 1 r g dupont".split()],
        ),
    ],
)
def test_words_lose_elisions_and_accents(text: str, words: list[str]) -> None:
    assert [token.word for token in tokens(text, "fr")] == words


def test_decomposed_accents_are_the_same_word() -> None:
    assert spell("de\u0301le\u0301gue\u0301", "fr") == spell("délégué", "fr")


def test_an_acronym_is_marked_whole_and_found_with_and_without_its_dots() -> None:
    text = "Le R.G.P.D., appliqué"
    assert spell("Le R.G.P.D., appliqué", "fr") == spell("Le RGPD, appliqué", "fr")
    assert [text[token.start : token.end] for token in tokens(text, "fr")] == ["Le", "R.G.P.D.", "appliqué"]


def test_stop_words_are_words_without_a_stem() -> None:
    spelled = spell("le droit du travail", "fr")
    assert spelled.words.split() == ["le", "droit", "du", "travail"]
    assert spelled.stems.split() == ["droit", "travail"]


def test_words_that_mean_something_in_the_other_language_are_no_stop_words() -> None:
    assert stems("or car but son", "fr") != []
    assert len(stems("or car but son", "en")) == 4


def test_compounds_are_also_written_as_one() -> None:
    assert spell("e-mail et arc-en-ciel", "fr").joined.split() == ["email", "arcenciel"]
    assert spell("2022-11-23-12-00", "fr").joined == ""


def test_scripts_without_blanks_become_overlapping_pairs() -> None:
    assert [token.word for token in tokens("機械学習 Python入門 日", "ja")] == [
        *["機械", "械学", "学習", "python", "入門", "日"]
    ]


def test_a_mark_of_another_script_stays_with_its_letter() -> None:
    for letter in ("a", "ب", "学", "ก", "က"):
        for mark in sorted(MARKS)[::5]:
            text = f"{letter}{mark}{letter}"
            assert spell(text, "").words.split() == [token.word for token in tokens(text, "")]
    assert [token.word for token in tokens("e\u0e31t", "th")] == ["e\u0e31t"]


def test_a_vowel_sign_is_not_torn_from_its_letter() -> None:
    text = "ข้อมูล"
    assert [text[token.start : token.end] for token in tokens(text, "th")] == ["ข้อ", "อมู", "มูล"]
    assert [token.word for token in tokens("हिन्दी", "hi")] == ["हिन्दी"]


def test_arabic_is_found_with_and_without_vowels_article_and_conjunction() -> None:
    assert len(set(stems("البيانات وَالبَيَانَات بيانات", "ar"))) == 1


def test_hebrew_points_are_left_out() -> None:
    assert fold("הַנְּתוּנִים") == "הנתונים"


def test_cyrillic_short_i_is_a_letter_and_io_may_be_typed_without_dots() -> None:
    assert fold("Йод") == "йод"
    assert fold("ещё") == "еще"
    assert len(set(stems("данные данных", "ru"))) == 1


def test_the_script_decides_before_the_language_of_the_text() -> None:
    assert stems("databases", "ar") == stems("database", "en")
    assert stems("данные", "fr") == stems("данных", "fr")


def test_positions_are_those_of_the_original_text() -> None:
    text = "Voilà : L’ŒUVRE mutualisée, e\u0301nergie — 機械学習 et l'œuf"
    for token in tokens(text, "fr"):
        assert fold(text[token.start : token.end]) == token.word


def test_the_index_and_the_highlights_see_the_same_words() -> None:
    text = "L'énergie d’aujourd'hui_demain, O'Reilly: 機械学習とPython, ข้อมูล, الطاقة, e-mail"
    seen = list(tokens(text, "fr"))
    spelled = spell(text, "fr")
    assert spelled.words.split() == [token.word for token in seen]
    assert spelled.stems.split() == [token.stem for token in seen if token.stem]


def test_the_index_and_the_highlights_agree_on_every_word_of_the_catalogues() -> None:
    for made in all_documents()[::5]:
        for language, text in [*made.titles, *((language, text) for language, text, _ in made.texts)]:
            spelled, seen = spell(text, language), list(tokens(text, language))
            assert spelled.words.split() == [token.word for token in seen]
            assert spelled.stems.split() == [token.stem for token in seen if token.stem]


def test_endless_words_are_cut() -> None:
    assert len(fold("a" * 100_000)) == WORD_LENGTH_MAX
    assert len(fold("é" * 100_000)) == WORD_LENGTH_MAX


@pytest.mark.parametrize(
    "text",
    ["", " ", "'", "’’", "-", "l'", "\u0301", "_", "\ud800", "🦊", "\x00", "＇a", "\u1dd4\u1038", "e\u0e31"],
)
def test_nothing_is_no_trouble(text: str) -> None:
    assert len(spell(text, "").words.split()) == len(list(tokens(text, "")))
