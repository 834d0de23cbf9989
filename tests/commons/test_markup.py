"""Markdown as words, on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons.markup import leads_outside, plain


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Der [relative Fehler](#relative_error) ist kleiner.", "Der relative Fehler ist kleiner."),
        ("![Logo](logo.png) de l’**association**", "Logo de l’association"),
        ("La commande `git pull` et ``git push``", "La commande git pull et git push"),
        ("## Pourquoi\n\nParce que.", "Pourquoi\n\nParce que."),
        ("[un](#a)[deux](#b)", "undeux"),
    ],
)
def test_marks_go_and_words_stay(written: str, read: str) -> None:
    assert plain(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "2 ** 3 vaut 8, et 3 ** 2 vaut 9… **",
        "a * b * c, snake_case_name, - un tiret",
        "La fiche n° #12 du groupe #2",
        "tableau[0] (le premier), [sic], f(x)",
        "C# et F#",
    ],
)
def test_signs_that_are_no_marks_stay(written: str) -> None:
    assert plain(written) == written


@given(st.text(alphabet="ab [](`*#!\n", max_size=60))
def test_no_letter_of_the_words_is_lost_outside_of_an_address(written: str) -> None:
    assert plain(written).count("b") <= written.count("b")
    if "](" not in written:
        assert plain(written).replace("`", "").replace("*", "").replace("#", "").split() == (
            written.replace("`", "").replace("*", "").replace("#", "").split()
        )


def test_an_address_outside_is_told_from_one_inside() -> None:
    assert leads_outside("voir [le guide](https://exemple.fr)")
    assert not leads_outside("voir [le guide](#guide)")
