"""Normal forms, whatever somebody sends."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons import licences
from mutunode.commons.dates import parse
from mutunode.commons.normalizing import MARKS_IN_A_ROW_MAX, normalized
from mutunode.commons.similar import similar_name
from mutunode.service.files import names
from mutunode.service.things import things
from mutunode.store.search.analyser import spell
from mutunode.store.search.folding import UNFOLDED_LENGTH_MAX, fold

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
HEAP = "a" + "\u0301\u0591" * 32_000  # alternating, so that each has its place before the one that came last


@given(st.text(max_size=40), st.integers(1, 40), st.sampled_from(FORMS))
def test_what_people_write_has_the_form_that_unicode_gives_it(text: str, times: int, form: Form) -> None:
    long = f"{text} · " * times  # no run of marks goes on over a dot
    assert normalized(form, long) == unicodedata.normalize(form, long)


def test_letters_keep_their_marks_in_a_long_text() -> None:
    word = "ṩ̂" * 200  # one sign of four, and one more over it
    assert normalized("NFD", word) == unicodedata.normalize("NFD", word)


@pytest.fixture
def longest_run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many marks in a row Unicode was given to sort, at most."""
    longest, really = [0], unicodedata.normalize

    def normalize(form: Form, text: str) -> str:
        run = 0
        for letter in text:
            run = run + 1 if unicodedata.combining(letter) else 0
            longest[0] = max(longest[0], run)
        return really(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    return longest


@pytest.mark.parametrize("form", FORMS)
def test_of_a_heap_of_marks_the_first_thirty_are_sorted(form: Form, longest_run: list[int]) -> None:
    assert len(normalized(form, HEAP)) <= MARKS_IN_A_ROW_MAX + 1
    assert longest_run[0] <= MARKS_IN_A_ROW_MAX


def test_nothing_that_peers_write_has_unicode_sort_a_heap(longest_run: list[int]) -> None:
    """Unicode compares each mark with those before it: 64 kB take a second, in which all of a node stands."""
    body = {"external_ref": "catalogue:1", "title": {"fr": HEAP}}
    things(body, {"fr": HEAP})
    similar_name(HEAP, [HEAP + "b"])
    licences.permission(HEAP)
    parse(HEAP, "fr")
    names.safe(HEAP)
    names.twin(HEAP)
    fold(HEAP)
    spell(f"{HEAP} {HEAP}b", "fr")
    assert 0 < longest_run[0] <= UNFOLDED_LENGTH_MAX
