"""Strings that break things elsewhere: they are indexed, asked for and marked like any other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mutunode.store.search.asked import read
from mutunode.store.search.highlight import Sought, mark, snippet
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import Found
from tests.store.search.catalogues import FakeStore, ask, document, filled

NAUGHTY: list[str] = json.loads((Path(__file__).parents[2] / "vectors" / "blns.json").read_bytes())
SYNTAX = [
    *["title:secret", "space:*", "rec:[a TO z]", "a AND b OR NOT c", "(((", "a~9", 'b^99 "x"~2', "*", "/.*/"],
    *[
        "+a -b",
        "--",
        "-",
        '-"',
        '"-"',
        "\\",
        "\\x",
        "a\\",
        "[",
        "{",
        "l'",
        "-l'",
        "qu’",
        "'" * 3,
        "’" * 3,
        "𝔲𝔫𝔦",
    ],
    *["a " * 5_000, "x" * 10_000, '"' + "mot " * 500, "-" * 1_000, "é" * 5_000, "\x00", "\ud800\udfff"],
    *["𝔲𝔫𝔦", "日" * 999, "؁" * 99],
]


@pytest.mark.parametrize("language", ["fr", "zh_CN", ""])
def test_nothing_typed_is_an_error(library: SearchIndex, language: str) -> None:
    for text in NAUGHTY + SYNTAX:
        found = ask(library, text, reader_language=language, limit=3)
        assert 0 <= len(found.hits) <= found.total <= 1007
        words = Sought(found)
        for shown in (mark(text, language, words), snippet([(language, text)], "fr", words)):
            assert shown is None or all(0 <= start < end <= len(shown.text) for start, end in shown.marks)


def test_nothing_published_is_an_error(tmp_path: Path) -> None:
    # a record's text is valid UTF-8 by construction: half surrogates never get this far
    made = [
        document("x", str(number), [("fr", text)], [("en", text, 1.0)], license=text, languages=[text[:20]])
        for number, text in enumerate(NAUGHTY)
    ]
    index = filled(tmp_path, FakeStore(made))
    assert ask(index, "").total == len(NAUGHTY)
    for text in NAUGHTY:
        unquoted = re.sub('["“”«»„]', " ", text)
        found = ask(index, f'"{unquoted}"')
        if found.asked.phrases:
            assert found.total > 0, text
    index.close()


def test_a_query_is_never_read_as_a_language_of_its_own(library: SearchIndex) -> None:
    assert ask(library, "space:*").total == ask(library, "space").total
    assert ask(library, "contrat OR vendanges").total <= ask(library, "vendanges").total
    assert ask(library, "contrat.*").total == ask(library, "contrat ").total


def test_an_endless_query_is_cut() -> None:
    asked = read("mot " * 100_000, "fr")
    assert len(asked.words) == 24


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60), other=st.text(max_size=60))
def test_any_text_is_marked_in_sound_ranges(text: str, other: str) -> None:
    words = Sought(Found(0, [], {}, read(other, "fr"), frozenset()))
    for shown in (mark(text, "fr", words), snippet([("fr", text + other)], "fr", words, 20)):
        assert shown is None or all(0 <= start < end <= len(shown.text) for start, end in shown.marks)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_can_be_asked_for(library: SearchIndex, text: str) -> None:
    assert ask(library, text, limit=2).total >= 0
