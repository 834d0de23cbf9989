"""What was imported can be exported again and compared: on real catalogues, not on samples."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.commons.kind import Kind
from mutunode.commons.registry import load
from mutunode.interop.export import csv_lines, jsonl_lines
from mutunode.interop.flat import columns_of, meant
from mutunode.interop.items import Item, read_items
from mutunode.interop.mapping import Mapping

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOGUES = {
    "sill": ("sill-2022.jsonl", 239),
    "glosario": ("glosario.jsonl", 633),
    "fiches-travail": ("fiches-travail.jsonl", 135),
}


def imported(data: bytes, form: str, mapping: Mapping) -> list[Item]:
    """The records of a file in which every row is good."""
    items = []
    for line, item in read_items(io.BytesIO(data), form, mapping):
        assert isinstance(item, Item), (line, item)
        items.append(item)
    return items


def catalogue(name: str) -> tuple[list[dict[str, Any]], list[Item]]:
    """The rows of an example as they came, and the records its mapping makes of them."""
    data = (EXAMPLES / name / CATALOGUES[name][0]).read_bytes()
    mapping = Mapping.from_toml((EXAMPLES / name / "mapping.toml").read_text())
    rows = [json.loads(line) for line in data.splitlines()]
    return rows, imported(data, "jsonl", mapping)


def rows_of(items: list[Item]) -> list[dict[str, Any]]:
    """Records as rows to write, with what tells where they come from."""
    return [{"kind": item.kind, **item.fields, "@id": f"rec_{n}", "@time": n} for n, item in enumerate(items)]


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_comes_back_the_same_from_json_lines_and_from_csv(name: str) -> None:
    _, items = catalogue(name)
    assert len(items) == CATALOGUES[name][1]
    assert imported("".join(jsonl_lines(rows_of(items))).encode(), "jsonl", Mapping()) == items
    assert imported("".join(csv_lines(rows_of(items))).encode(), "csv", Mapping()) == items


@pytest.mark.parametrize("name", CATALOGUES)
@pytest.mark.parametrize(("write", "form"), [(jsonl_lines, "jsonl"), (csv_lines, "csv")])
def test_records_made_of_a_catalogue_are_the_same_after_export_and_import(
    name: str, write: Callable[[list[dict[str, Any]]], Iterator[str]], form: str
) -> None:
    resource = load()["resource"]
    _, items = catalogue(name)
    bodies = [taken(resource, item.fields) for item in items]
    text = "".join(write([resource.to_json(body) for body in bodies]))
    assert [taken(resource, item.fields) for item in imported(text.encode(), form, Mapping())] == bodies


def taken(kind: Kind, fields: dict[str, Any]) -> dict[str, Any]:
    """The body that a kind makes of fields it has nothing to say against."""
    body, problems = kind.from_input(fields)
    assert not problems, problems
    return body


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_row_has_a_title_and_a_key_of_its_own(name: str) -> None:
    _, items = catalogue(name)
    assert all(item.fields["title"] for item in items)
    assert len({item.fields["external_ref"] for item in items}) == len(items)


def test_sill_rows_without_a_description_are_taken_with_their_title_alone() -> None:
    rows, items = catalogue("sill")
    bare = [item for item in items if "abstract" not in item.fields]
    assert len(bare) == sum(not (row.get("fr-desc") or row.get("en-desc")) for row in rows) == 74
    assert all(item.fields["title"]["fr"] == row["i"] for row, item in zip(rows, items, strict=True))
    assert sum("license" not in item.fields for item in items) == sum(row["l"] == "N/A" for row in rows)


def test_the_glossary_comes_in_every_language_letter_for_letter() -> None:
    rows, items = catalogue("glosario")
    tags = {"af", "am", "ar", "bn", "de", "el", "en", "es", "fr", "he", "hr", "id"} | {
        "it", "ja", "ko", "nl", "pt", "st", "sw", "tn", "uk", "xh", "zu",
    }  # fmt: skip
    for row, item in zip(rows, items, strict=True):
        assert item.fields["title"] == {tag: row[tag]["term"] for tag in tags if tag in row}
        assert item.fields["abstract"] == {tag: row[tag]["def"] for tag in tags if tag in row}
    assert {tag for item in items for tag in item.fields["title"]} == tags


def test_the_sheets_come_as_plain_text_that_fits_a_record() -> None:
    rows, items = catalogue("fiches-travail")
    for row, item in zip(rows, items, strict=True):
        text = item.fields["abstract"]["fr"]
        assert "</" not in text
        assert "<p" not in text
        assert all(section["title"] in text for section in row["sections"] if section["title"].strip())
        assert len(text.encode()) < 32 * 1024


def test_html_and_control_characters_come_back_when_they_are_kept() -> None:
    data = (EXAMPLES / "fiches-travail" / "fiches-travail.jsonl").read_bytes()
    mapping = Mapping.from_toml('[fields]\ntitle = "title"\nabstract = { text = "{sections[].html}" }')
    items = imported(data, "jsonl", mapping)
    controls = [
        char for item in items for char in item.fields["abstract"] if unicodedata.category(char) == "Cc"
    ]
    assert controls.count("\x01") == 12
    assert sum("<strong>" in item.fields["abstract"] for item in items) > 100
    assert imported("".join(jsonl_lines(rows_of(items))).encode(), "jsonl", Mapping()) == items
    assert imported("".join(csv_lines(rows_of(items))).encode(), "csv", Mapping()) == items


def test_an_export_begins_with_the_mark_and_hides_no_formula() -> None:
    formulas = ["=1+1", "+33 1", "-x", "@SUM(A1)", "'=already", "'s Hertogenbosch"]
    items = [Item("resource", {"title": {"fr": text}}) for text in formulas]
    written = "".join(csv_lines(rows_of(items)))
    assert written.startswith("\ufeffkind,title.fr,@id,@time\r\n")
    cells = [line.split(",")[1] for line in written.splitlines()[1:]]
    assert cells == ["'=1+1", "'+33 1", "'-x", "'@SUM(A1)", "''=already", "'s Hertogenbosch"]
    assert imported(written.encode(), "csv", Mapping()) == items


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
scalars = texts | st.booleans() | st.integers(0, 10**15 - 1)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["title", "keywords", "ack", "url", "files"])
bodies = st.dictionaries(names, values, min_size=1)


def as_cells(value: Any) -> Any:
    """A value as a CSV file gives it back: numbers and yes or no are text there, their field knows better."""
    if isinstance(value, dict) and value and all(_plain(name) for name in value):
        return {name: as_cells(inner) for name, inner in value.items()}
    return json.dumps(value) if isinstance(value, bool | int) else value


def _plain(name: str) -> bool:
    return re.fullmatch(r"\w([\w @+-]*\w)?", name) is not None


@given(bodies)
def test_any_fields_come_back_from_columns(body: dict[str, Any]) -> None:
    assert meant(dict(columns_of(body))) == as_cells(body)


@given(st.lists(bodies, max_size=3))
def test_any_records_come_back_from_a_file_of_columns(several: list[dict[str, Any]]) -> None:
    items = [Item("resource", body) for body in several]
    again = imported("".join(csv_lines(rows_of(items))).encode(), "csv", Mapping()) if items else []
    assert [item.fields for item in again] == [as_cells(body) for body in several]
