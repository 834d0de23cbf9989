"""Languages and dates as people write them; names that could be mistaken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons import dates, languages
from mutunode.commons.similar import similar_name, similarity_percent


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("zh_CN", "zh-CN"),
        ("iw", "he"),
        ("ca@valencia", "ca-valencia"),
        ("pt_BR.UTF-8", "pt-BR"),
        ("sr-Latn", "sr-Latn"),
        ("klingonish", ""),
        ("français", ""),
        ("", ""),
    ],
)
def test_tags_are_understood(written: str, meant: str) -> None:
    assert languages.canonical(written) == meant


def test_the_reader_s_language_comes_first_then_the_author_s() -> None:
    texts = {"ar": "مرحبا", "en": "Hello", "fr": "Bonjour", "pt_BR": "Olá"}
    assert languages.pick(texts, "fr", ["en"]) == ("Bonjour", "fr")
    assert languages.pick(texts, "pt", ["en"]) == ("Olá", "pt-BR")
    assert languages.pick(texts, "de", ["nl", "en"]) == ("Hello", "en")
    assert languages.pick(texts, "de", []) == ("Hello", "en")  # of what nobody asked for, what most can read
    assert languages.pick({"ar": "مرحبا", "fr": "Bonjour"}, "en", []) == ("Bonjour", "fr")
    assert languages.pick({"ar": "مرحبا", "pt": "Olá"}, "fr", []) == ("مرحبا", "ar")
    assert languages.pick({"x?": "?"}, "de", []) == ("?", "und")
    assert languages.pick({}, "fr", []) == ("", "")


def test_languages_have_names_and_directions() -> None:
    assert languages.display_name("ar", "fr") == "arabe"
    assert languages.display_name("iw", "en") == "Hebrew"
    assert languages.display_name("klingonish", "fr") == "klingonish"
    assert languages.own_name("ar") == "العربية"
    assert [languages.direction(tag) for tag in ("ar", "iw", "fa-ir", "fr", "az-Arab", "?")] == [
        *("rtl", "rtl", "rtl", "ltr", "rtl", "ltr"),
    ]


@given(st.text(max_size=80))
def test_no_tag_breaks_anything(tag: str) -> None:
    languages.canonical(tag)
    languages.direction(tag)
    assert languages.display_name(tag, "fr") == tag or languages.canonical(tag)


@pytest.mark.parametrize(
    ("given", "language", "meant"),
    [
        ("2026-11-24", "en", "2026-11-24"),
        ("2026-11", "en", "2026-11"),
        ("2026", "fr", "2026"),
        ("2026-11-24T10:00:00Z", "fr", "2026-11-24"),
        ("04/11/2025", "fr", "2025-11-04"),
        ("04/11/2025", "en", ""),  # 4 November or April 11?
        ("25/11/2025", "en", "2025-11-25"),
        ("11/25/2025", "en", "2025-11-25"),
        ("26 novembre 2025", "fr", "2025-11-26"),
        ("1er mars 2024", "en", "2024-03-01"),
        ("Décembre  2024", "fr", "2024-12"),
        ("May 4, 2024", "en", "2024-05-04"),
        ("4th May 2024", "en", "2024-05-04"),
        ("30 février 2024", "fr", ""),
        ("2024-13", "fr", ""),
        ("automne 2026", "fr", ""),
        ("bientôt", "fr", ""),
        ("", "fr", ""),
    ],
)
def test_a_date_is_sure_or_stays_words(given: str, language: str, meant: str) -> None:
    assert dates.parse(given, language) == meant


@given(st.text(max_size=40), st.sampled_from(("fr", "en", "ar")))
def test_a_parsed_date_exists(given: str, language: str) -> None:
    parsed = dates.parse(given, language)
    assert parsed == "" or dates.is_iso(parsed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Atelier Passerelle", "Atelier Passerele"),
        ("Atelier Passerelle", "Association Atelier Passerelle"),
        ("Atelier Passerelle", "Аtelier Pаsserelle"),  # Cyrillic А and а
        ("Épicerie", "EPICERIE"),
        ("ΜΥ ORG", "MY ORG"),  # Greek capitals
        ("RAW", "RAVV"),
        ("Grain commun", "Le Grain Commun"),
        ("Passerelle Atelier", "Atelier Passerelle"),
        ("Radio 100", "Radio lOO"),
    ],
)
def test_names_that_could_be_mistaken_are_found(one: str, other: str) -> None:
    assert similar_name(one, ["Tout autre chose", other]) == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Atelier Passerelle", "Atelier Bricole"),
        ("Régie de quartier Les Tilleuls", "Régie de quartier Les Platanes"),
        ("Radio Ondes de Loire", "Relais Ressources Loire"),
        ("", "Atelier"),
        ("!!!", "Atelier"),
    ],
)
def test_names_that_differ_raise_no_alarm(one: str, other: str) -> None:
    assert similar_name(one, [other]) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_similarity_does_not_depend_on_who_is_asked(one: str, other: str) -> None:
    assert similarity_percent(one, other) == similarity_percent(other, one)
    assert 0 <= similarity_percent(one, other) <= 100
