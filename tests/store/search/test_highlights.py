"""What is marked in titles and snippets: exactly the words that were found, where they stand."""

from __future__ import annotations

import unicodedata

import pytest

from mutunode.store.search.asked import read
from mutunode.store.search.highlight import LEAD_SHARE, READ_LENGTH, Marked, Sought, mark, snippet
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import Found
from tests.store.search.catalogues import FakeStore, ask


def sought(text: str, *, language: str = "fr", misspelt: frozenset[str] = frozenset()) -> Sought:
    return Sought(Found(0, [], {}, read(text, language), misspelt))


def marked(text: str, typed: str, language: str = "fr") -> list[str]:
    return [text[start:end] for start, end in mark(text, language, sought(typed)).marks]


def sound(shown: Marked) -> bool:
    """Marks lie inside the text, in order, apart from one another, and are not empty."""
    edges = [0, *(edge for start, end in shown.marks for edge in (start, end)), len(shown.text)]
    return edges == sorted(edges) and all(start < end for start, end in shown.marks)


@pytest.mark.parametrize(
    ("text", "typed", "found"),
    [
        ("De l'énergie, des ÉNERGIES", "energie", ["énergie", "ÉNERGIES"]),
        ("Les salariées et le salarié", "salariés", ["salariées", "salarié"]),
        ("Chefs-d’œuvre", "l'oeuvre", ["œuvre"]),
        ("Partager ses travaux", "travail", ["travaux"]),
        ("La mutualisation", "mutu", ["mutualisation"]),
        ("e\u0301nergie", "energie", ["e\u0301nergie"]),
        ("un e-mail", "email", ["e-mail"]),
        ("LibreOffice", "libre office", ["LibreOffice"]),
        ("égalité professionnelle", '"egalite professionnelle"', ["égalité", "professionnelle"]),
        ("Le droit du sol, le droit du travail", '"droit du travail"', ["droit", "du", "travail"]),
        ("Le travail. Le droit du travail", '"le droit" travail', ["travail", "Le", "droit", "travail"]),
        ("Du droit : le droit social", 'droit "le droit social"', ["droit", "le", "droit", "social"]),
        ("droit et travail", '"droit du travail"', []),
        ("le droit du travail", "le droit du travail", ["droit", "travail"]),
        ("rien de tel", "energie -rien", []),
    ],
)
def test_words_are_marked_as_they_stand_there(text: str, typed: str, found: list[str]) -> None:
    assert marked(text, typed) == found


def test_english_is_marked_in_english_texts() -> None:
    assert marked("Shared databases", "sharing database", "en") == ["Shared", "databases"]


def test_arabic_is_marked_with_its_article() -> None:
    assert marked("في مجموعة البيانات.", "بيانات", "ar") == ["البيانات"]


def test_pairs_of_a_run_without_blanks_are_one_mark() -> None:
    assert marked("これは機械学習です", "機械学習", "ja") == ["機械学習"]


def test_what_was_found_by_likeness_is_marked() -> None:
    shown = mark("Les vendanges", "fr", sought("vendenges", misspelt=frozenset({"vendenges"})))
    assert [shown.text[start:end] for start, end in shown.marks] == ["vendanges"]


def test_markup_in_a_text_is_just_text() -> None:
    shown = mark("<img alt='libre'> & libre", "fr", sought("libre"))
    assert shown.text == "<img alt='libre'> & libre"
    assert [shown.text[start:end] for start, end in shown.marks] == ["libre", "libre"]


def test_a_snippet_is_in_the_readers_language_when_that_holds_the_words() -> None:
    texts = [("en", "A document about energy"), ("fr", "Un document sur l'énergie")]
    both = sought("document")
    for reader in ("fr", "en"):
        shown = snippet(texts, reader, both)
        assert shown is not None
        assert shown.language == reader


def test_a_snippet_shows_the_words_rather_than_nothing_in_the_readers_language() -> None:
    texts = [("fr", "Une définition"), ("en", "A relational database")]
    shown = snippet(texts, "fr-CA", sought("database"))
    assert shown is not None
    assert shown.language == "en"


def test_a_snippet_is_rather_in_a_language_of_the_pages_than_in_one_nobody_asked_for() -> None:
    texts = [("af", "Die mediaan"), ("en", "The median"), ("fr", "La médiane")]
    for reader, expected in (("fr", "fr"), ("en", "en"), ("ar", "en"), ("af", "af")):
        shown = snippet(texts, reader, sought("ailleurs"))
        assert shown is not None
        assert shown.language == expected


def test_without_any_word_a_snippet_is_the_beginning() -> None:
    shown = snippet([("en", "word " * 100), ("fr", "mot " * 100)], "fr", sought("ailleurs"), 50)
    assert shown is not None
    assert shown.text.startswith("mot mot")
    assert (shown.before, shown.after, shown.marks) == (False, True, [])


def test_no_text_no_snippet() -> None:
    assert snippet([], "fr", sought("a")) is None
    assert snippet([("fr", " \n")], "fr", sought("a")) is None


def test_a_snippet_is_cut_between_words_around_the_densest_place() -> None:
    text = (
        "début "
        + "bla " * 200
        + "un seul droit "
        + "bla " * 200
        + "le droit, du droit au droit "
        + "bla " * 99
    )
    shown = snippet([("fr", text)], "fr", sought("droit"), 120)
    assert shown is not None
    assert len(shown.marks) == 3
    assert shown.before
    assert shown.after
    assert len(shown.text) <= 120
    assert shown.marks[0][0] <= 120 // LEAD_SHARE
    assert all(word in text.split() for word in shown.text.split())


FAMILY = "👩‍👩‍👧‍👦"
SPECIAL = ["e\u0301" * 300, FAMILY * 60, "🇫🇷" * 150, "👍🏽" * 150, "ข้อมูล" * 60, "日本語" * 120, "☝️" * 150]


@pytest.mark.parametrize("text", SPECIAL)
@pytest.mark.parametrize("length", [61, 62, 63, 64, 65, 66, 67, 100])
def test_no_character_is_torn_apart(text: str, length: int) -> None:
    for whole in (text, f"{text}droit{text}"):
        shown = snippet([("fr", whole)], "fr", sought("droit"), length)
        assert shown is not None
        assert sound(shown)
        at = whole.index(shown.text) if not shown.marks else whole.index("droit") - shown.text.index("droit")
        for edge in (at, at + len(shown.text)):
            assert edge in (0, len(whole)) or _may_be_cut(whole, edge)


def _may_be_cut(text: str, at: int) -> bool:
    before, here = text[at - 1], text[at]
    flags = "🇦" <= here <= "🇿" and sum("🇦" <= letter <= "🇿" for letter in text[:at].split("t")[-1]) % 2 == 1
    return not (
        unicodedata.category(here).startswith("M")
        or "\u200d" in (before, here)
        or here in "\ufe0f🏻🏼🏽🏾🏿"
        or flags
    )


@pytest.mark.parametrize("typed", ["contrat de travail", "donnees", "libreofice", "data", "البيانات", "a"])
def test_marks_are_sound_over_the_real_catalogues(
    library: SearchIndex, catalogues: FakeStore, typed: str
) -> None:
    found = ask(library, typed, limit=100)
    words = Sought(found)
    assert found.total
    for hit in found.hits:
        made = catalogues.documents[hit.rec]
        shown = snippet([(language, text) for language, text, _ in made.texts], "fr", words)
        titles = [mark(title, language, words) for language, title in made.titles]
        assert all(map(sound, titles))
        assert shown is None or sound(shown)
        assert shown is None or any(shown.text in text for _, text, _ in made.texts)


def test_what_is_found_is_marked_somewhere(library: SearchIndex, catalogues: FakeStore) -> None:
    for typed in ("licenciement ", "salariée ", "base de données ", "vendenges", "postgr"):
        found = ask(library, typed, limit=100)
        words = Sought(found)
        for hit in found.hits:
            made = catalogues.documents[hit.rec]
            texts = [*made.titles, *((language, text) for language, text, _ in made.texts)]
            assert any(mark(text, language, words).marks for language, text in texts), (typed, made.external)


def test_a_snippet_is_sought_in_the_first_pages_of_a_text() -> None:
    for at, found in ((READ_LENGTH - 200, True), (READ_LENGTH + 200, False)):
        text = ("rien " * (at // 5))[:at] + " pommier " + "rien " * 9_000
        cut = snippet([("fr", text)], "fr", sought("pommier"))
        assert cut is not None
        assert bool(cut.marks) is found
        assert found or text.startswith(cut.text), "else its beginning is shown"


def test_long_texts_are_marked_in_bounded_time() -> None:
    text = "droit " * 200_000
    shown = mark(text, "fr", sought("droit"))
    assert len(shown.marks) < 1_000
