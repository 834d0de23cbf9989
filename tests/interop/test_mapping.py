"""Rules that say which column becomes which field."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from mutunode.commons.registry import load
from mutunode.interop.items import Item, format_of, read_items
from mutunode.interop.mapping import Mapping
from mutunode.interop.plaintext import plain_text
from mutunode.interop.problem import Problem, Unreadable


def fields(toml: str, row: dict[str, Any]) -> dict[str, Any]:
    return Mapping.from_toml("[fields]\n" + toml).apply(row)


def test_a_column_becomes_a_field_and_dots_reach_inside_on_both_sides() -> None:
    row = {"Nom": "Pot", "fr": {"term": "écart type"}, "a.b": "as named"}
    assert fields('"title.fr" = "Nom"\n"abstract.fr" = "fr.term"\nlevel = "a.b"', row) == {
        "title": {"fr": "Pot"},
        "abstract": {"fr": "écart type"},
        "level": "as named",
    }


@pytest.mark.parametrize("nothing", [None, "", "  \n", [], {}])
def test_what_says_nothing_makes_no_field(nothing: object) -> None:
    assert fields('title = "a"\nurl = "b"\nlevel = { text = "n. {a}" }', {"a": nothing}) == {}


def test_the_first_column_that_says_something_is_taken() -> None:
    rule = 'url = { first_of = ["site", "sources"] }'
    assert fields(rule, {"site": "", "sources": "s"}) == {"url": "s"}
    assert fields(rule, {"site": "w", "sources": "s"}) == {"url": "w"}


def test_lists_come_from_several_columns_or_from_one_cell_without_repeats() -> None:
    row = {"f": "Tri", "c": "", "y": "2018 ; 2019 ;", "tags": ["x", "y", "x"]}
    assert fields('keywords = { all_of = ["f", "c", "f"] }', row) == {"keywords": ["Tri"]}
    assert fields('keywords = { column = "y", split = ";" }', row) == {"keywords": ["2018", "2019"]}
    assert fields('keywords = "tags"', row) == {"keywords": ["x", "y"]}


def test_a_text_leaves_out_its_incomplete_parts() -> None:
    rule = 'abstract = { text = ["{intro|summary}", "Contents:\\n{parts[].title}"] }'
    row = {"intro": "", "summary": "Short.", "parts": [{"title": "One"}, {"title": ""}, {"title": "Two"}]}
    assert fields(rule, row) == {"abstract": "Short.\n\nContents:\n– One\n– Two"}
    assert fields(rule, {"summary": "Short.", "parts": []}) == {"abstract": "Short."}


def test_a_table_translates_values_and_empties_what_means_none() -> None:
    rule = 'license = { column = "l", values = { "N/A" = "", "GPL v2" = "GPL-2.0-only" } }'
    assert fields(rule, {"l": "GPL v2"}) == {"license": "GPL-2.0-only"}
    assert fields(rule, {"l": "MPL 2.0 et EPL 1.0"}) == {"license": "MPL 2.0 et EPL 1.0"}
    assert fields(rule, {"l": "N/A"}) == {}


def test_one_rule_for_many_languages() -> None:
    rule = 'title = { column = "{language}.term", languages = ["fr", "ar", "he"] }'
    row = {"fr": {"term": "moyenne"}, "ar": {"term": "المتوسط"}, "def": {"term": "no language"}}
    assert fields(rule, row) == {"title": {"fr": "moyenne", "ar": "المتوسط"}}


def test_constants_keep_their_type() -> None:
    assert fields('ack = { value = { policy = "welcome" } }\nunits = { value = 3 }', {}) == {
        "ack": {"policy": "welcome"},
        "units": 3,
    }


def test_texts_are_not_touched_unless_asked() -> None:
    text = " <b>e\u0301</b>\x01\u200b\n"
    assert fields('title = "t"', {"t": text}) == {"title": text}
    assert fields('title = { column = "t", html = "text" }', {"t": text}) == {"title": "e\u0301\x01\u200b"}


def test_html_becomes_what_a_reader_would_see() -> None:
    html = (
        "<p>Le <strong>CSE</strong>&nbsp;: 1&lt;2</p><ul><li>un</li><li> </li><li>deux<br>suite</li></ul>"
        "<script>alert(1)</script><style>p{}</style><img src=x onerror=alert(1)>"
    )
    assert plain_text(html) == "Le CSE\xa0: 1<2\n– un\n– deux\nsuite"


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("fields = 3", "$.fields"),
        ('[fields]\ntitle = { colunm = "x" }', "colunm"),
        ('[fields]\ntitle = { column = "x", value = "y" }', "exactly one"),
        ("[fields]\ntitle = {}", "exactly one"),
        ('[fields]\ntitle = { column = "x", languages = ["fr"] }', "{language}"),
        ("[fields\n", "not valid"),
        ('feilds = { title = "x" }', "feilds"),
    ],
)
def test_a_mapping_file_with_a_slip_is_refused_by_name(toml: str, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        Mapping.from_toml(toml)
    assert why in str(caught.value)
    assert caught.value.fr


def test_pairs_of_the_command_line_are_rules_too() -> None:
    mapping = Mapping.from_pairs(["title=Nom", "title.en = Name"])
    assert mapping.fields == {"title": "Nom", "title.en": "Name"}
    with pytest.raises(Unreadable, match="FIELD=COLUMN"):
        Mapping.from_pairs(["title"])


def read(data: str, mapping: Mapping, form: str = "csv") -> list[tuple[int, Item | Problem]]:
    return list(read_items(io.BytesIO(data.encode()), form, mapping))


def test_without_rules_columns_have_the_names_of_fields() -> None:
    rows = read("kind,title.fr,keywords[],@id\nflag,Nom,a; b\\; c,rec_1\n", Mapping())
    assert rows == [(2, Item("flag", {"title": {"fr": "Nom"}, "keywords": ["a", "b; c"]}))]


def test_a_column_the_file_lacks_is_said_before_anything_is_read() -> None:
    with pytest.raises(Unreadable, match='Did you mean "Titre"'):
        read("Titre,url\nx,y\n", Mapping.from_pairs(["title=titre"]))


def test_a_row_whose_column_does_not_fit_is_one_problem() -> None:
    mapping = Mapping.from_toml('[fields]\ntitle = { text = "{a}!" }')
    rows = read('{"a": {"b": 1}}\n{"a": "x"}\n', mapping, "jsonl")
    assert isinstance(rows[0][1], Problem)
    assert rows[0][1].field == "title"
    assert rows[1] == (2, Item("resource", {"title": "x!"}))


@pytest.mark.parametrize("heading", ["title,title.en", "title.en,title"])
def test_a_text_without_language_goes_with_its_translations(heading: str) -> None:
    cells = {"title": "Nom", "title.en": "Name"}
    row = ",".join(cells[name] for name in heading.split(","))
    [(_, item)] = read(f"{heading}\n{row}\n", Mapping())
    assert isinstance(item, Item)
    body, problems = load()["resource"].from_input(item.fields, language="fr")
    assert not problems
    assert body["title"] == {"fr": "Nom", "en": "Name"}


def test_the_mapping_of_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "import.md").read_text()
    [example] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    mapping = Mapping.from_toml(example)
    row = {
        "Titre": "Nom",
        "en": {"name": "Name"},
        "ISBN": "1",
        "l": "N/A",
        "tags": "a;b",
        "intro": "<p>x</p>",
    }
    assert mapping.apply(row) == {
        "title": {"": "Nom", "en": "Name"},
        "external_ref": "books:1",
        "keywords": ["a", "b"],
        "creators": ["Bibliothèque de quartier"],
        "abstract": "x",
    }


def test_the_format_is_told_by_the_name_or_asked_for() -> None:
    assert (format_of("a.CSV"), format_of("b.jsonl"), format_of("c.ndjson")) == ("csv", "jsonl", "jsonl")
    with pytest.raises(Unreadable, match="--format"):
        format_of("catalogue.xlsx")
    with pytest.raises(Unreadable, match="csv, jsonl"):
        read("", Mapping(), "xml")
