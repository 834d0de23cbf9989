"""Importing catalogues: few signatures, bad rows told by number and reason, good ones kept, twice is once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mutunode.service import importing
from mutunode.service.shapes import Imported
from tests.service.offices import Node, refused, until

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOGUES = {"sill": 239, "glosario": 633, "fiches-travail": 135}
FILES = {
    "sill": "sill-2022.jsonl",
    "glosario": "glosario.jsonl",
    "fiches-travail": "fiches-travail.jsonl",
}

ROWS = """\
{"external_ref": "a", "title": "Un"}
{"external_ref": "b", "title": ""}
this is not JSON
{"external_ref": "c", "title": "Trois", "licence": "MIT"}

{"external_ref": "d", "title": "Quatre"}
["a", "list"]
"""


def rows(*titles: str) -> str:
    """Lines of JSON, each with a key of its own."""
    return "\n".join(json.dumps({"external_ref": f"r-{n}", "title": t}) for n, t in enumerate(titles))


def figures(answer: Imported) -> tuple[int, int, int, int, int]:
    """Read, created, revised, unchanged, refused."""
    return answer.read, answer.created, answer.revised, answer.unchanged, answer.refused


def test_bad_rows_are_told_by_number_field_and_reason_and_the_good_ones_are_kept(jardin: Node) -> None:
    answer = jardin.import_text(ROWS)
    assert figures(answer) == (6, 2, 0, 0, 4)
    assert [(bad.line, bad.field) for bad in answer.bad] == [(2, "title"), (3, ""), (4, "licence"), (7, "")]
    assert all(bad.fr and bad.en for bad in answer.bad)
    assert sorted(jardin.titles()) == ["Quatre", "Un"]
    assert [jardin.office.show(rec).title for rec in answer.ids] == ["Un", "Quatre"]


def test_a_batch_is_one_signature_however_many_rows_it_holds(
    jardin: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS_MAX", 100)
    answer = jardin.import_text(rows(*(f"Fiche {n}" for n in range(250))))
    assert figures(answer) == (250, 250, 0, 0, 0)
    assert jardin.signatures == 3


def test_importing_again_signs_nothing_and_what_changed_is_revised(jardin: Node) -> None:
    jardin.import_text(rows("Un", "Deux", "Trois"))
    assert figures(jardin.import_text(rows("Un", "Deux", "Trois"))) == (3, 0, 0, 3, 0)
    assert (jardin.size(), jardin.signatures) == (3, 1)
    assert figures(jardin.import_text(rows("Un", "Deux mieux", "Trois"))) == (3, 0, 1, 2, 0)
    assert sorted(jardin.titles()) == ["Deux mieux", "Trois", "Un"]


def test_of_rows_with_the_same_reference_the_last_one_is_meant(jardin: Node) -> None:
    text = '{"external_ref": "a", "title": "Un"}\n{"external_ref": "a", "title": "Deux"}'
    answer = jardin.import_text(text)
    assert (answer.created, answer.unchanged, answer.refused) == (1, 1, 0)
    assert jardin.titles() == ["Deux"]


def test_strict_takes_none_when_one_row_is_bad(jardin: Node) -> None:
    answer = jardin.import_text(ROWS, strict=True)
    assert (answer.created, answer.refused) == (0, 4)
    assert (jardin.size(), jardin.signatures) == (0, 0)


def test_strict_takes_all_with_one_signature(jardin: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS_MAX", 10)
    answer = jardin.import_text(rows(*(f"Fiche {n}" for n in range(25))), strict=True)
    assert figures(answer) == (25, 25, 0, 0, 0)
    assert jardin.signatures == 1


def test_strict_counts_a_row_that_is_said_twice_once(jardin: Node) -> None:
    text = '{"external_ref": "a", "title": "Un"}\n{"external_ref": "a", "title": "Deux"}'
    assert figures(jardin.import_text(text, strict=True)) == (2, 1, 0, 1, 0)
    assert figures(jardin.import_text(text, strict=True)) == (2, 0, 0, 2, 0)


def test_strict_also_refuses_for_rules_that_need_other_records(jardin: Node) -> None:
    own = jardin.publish("La mienne")
    text = "\n".join(
        [
            json.dumps({"kind": "resource", "title": "Bonne"}),
            json.dumps({"kind": "usage", "resource": own, "type": "used"}),
        ]
    )
    answer = jardin.import_text(text, strict=True)
    assert [(bad.line, answer.created) for bad in answer.bad] == [(2, 0)]
    assert jardin.size() == 1
    assert figures(jardin.import_text(text))[1] == 1


def test_a_trial_run_says_what_would_happen_and_signs_nothing(jardin: Node) -> None:
    jardin.import_text(rows("Un", "Deux"))
    answer = jardin.import_text(rows("Un", "Deux mieux", "Trois", ""), dry_run=True)
    assert figures(answer) == (4, 1, 1, 1, 1)
    assert (jardin.size(), jardin.signatures) == (2, 1)


def test_columns_of_a_csv_are_mapped_to_fields(jardin: Node) -> None:
    text = "ref;nom;résumé\n1;Un;Le premier\n2;;Sans titre\n"
    mapping = {"external_ref": "ref", "title": "nom", "abstract.fr": "résumé"}
    answer = jardin.import_text(text, format="csv", map=mapping)
    assert figures(answer) == (2, 1, 0, 0, 1)
    assert answer.bad[0].line == 3
    assert jardin.office.show(answer.ids[0]).body["abstract"] == {"fr": "Le premier"}


def test_a_column_that_is_not_there_is_named_before_anything_is_signed(jardin: Node) -> None:
    with refused("unreadable", 2) as found:
        jardin.import_text("titre\nUn\n", format="csv", map={"title": "titel"})
    assert "titre" in found.value.en
    assert jardin.size() == 0


@pytest.mark.parametrize(
    "params",
    [
        {"lines": ""},
        {"lines": "{}", "path": "/somewhere.jsonl"},
        {"lines": "{}", "format": "xlsx"},
        {"lines": "{}", "mapping": "this is no TOML ="},
        {"lines": "\xff\x00", "format": "csv"},
    ],
)
def test_what_cannot_be_read_at_all_is_refused_in_words(jardin: Node, params: dict[str, Any]) -> None:
    with refused("unreadable", 2):
        jardin.office.call("import", params, print)


def test_a_file_that_is_not_there_is_named(jardin: Node, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with refused("unreadable", 3) as found:
            jardin.office.call("import", {"path": str(path)}, print)
        assert str(path) in found.value.en


def test_progress_is_told_and_ends_where_the_file_ends(jardin: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS_MAX", 10)
    events: list[dict[str, Any]] = []
    jardin.import_text(rows(*(f"Fiche {n}" for n in range(25))), emit=events.append)
    told = [event["progress"] for event in events]
    assert [each["rows"] for each in told] == [10, 20, 25]
    assert told[-1]["done"] == told[-1]["total"]


# --- real catalogues -------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CATALOGUES)
def test_a_real_catalogue_is_imported_searched_exported_and_comes_back_the_same(
    jardin: Node, name: str
) -> None:
    path = EXAMPLES / name / FILES[name]
    params = {"path": str(path), "mapping": (EXAMPLES / name / "mapping.toml").read_text()}
    answer = jardin.office.call("import", params, lambda event: None)
    assert (answer.created, answer.refused) == (CATALOGUES[name], 0)
    assert jardin.signatures <= 2

    jardin.until_indexed()
    assert jardin.office.search(kind="resource").total == CATALOGUES[name]
    for rec in answer.ids[:: CATALOGUES[name] // 20]:
        title = jardin.office.show(rec).title
        assert rec in {hit.id for hit in jardin.office.search(title, limit=100).hits}, title

    for form in ("jsonl", "csv"):
        again = jardin.import_text("".join(exported(jardin, form)), format=form)
        assert figures(again) == (CATALOGUES[name], 0, 0, CATALOGUES[name], 0), again.bad
    assert jardin.size() == CATALOGUES[name]


def exported(node: Node, form: str, kind: str = "resource") -> list[str]:
    """The lines of an export."""
    lines: list[str] = []
    told = node.office.call(
        "export", {"format": form, "kind": kind}, lambda event: lines.append(event["line"])
    )
    assert told["records"] == len(lines) - (form == "csv")
    return lines


def test_an_export_holds_what_stands_now_in_the_order_of_the_register(jardin: Node) -> None:
    first, second, third = (jardin.publish(title) for title in ("Un", "Deux", "Trois"))
    jardin.office.revise(first, {"title": "Un, mieux"})
    jardin.office.withdraw(second, "error")
    lines = [json.loads(line) for line in exported(jardin, "jsonl")]
    assert [line["title"] for line in lines] == [{"fr": "Trois"}, {"fr": "Un, mieux"}]
    assert lines[0]["@id"] == third
    assert all(line["kind"] == "resource" and "supersedes" not in line for line in lines)


def test_another_organisation_can_take_an_export_for_its_own(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    jardin.office.revise(jardin.publish("Un"), {"abstract": "Le premier"})
    assert figures(atelier.import_text("".join(exported(jardin, "jsonl")))) == (1, 1, 0, 0, 0)
    until(lambda: atelier.size() == 1)


def test_an_unknown_format_is_refused_with_those_there_are(jardin: Node) -> None:
    with refused("usage", 2) as found:
        jardin.office.call("export", {"format": "docx"}, print)
    assert "jsonl" in found.value.en
