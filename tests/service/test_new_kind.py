"""One new file is one new kind: everything else derives from it, without another edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.offices import Node, refused

RECIPE = '''
"""A recipe that kitchens share."""

from __future__ import annotations

from mutunode.commons.kind import Choice, Field, Int, Kind, LangText, Option, Section, Sense, Words

_COURSE = Choice(options=(
    Option("soup", Words("Soupe", "Soup")),
    Option("dessert", Words("Dessert", "Dessert")),
))

KIND = Kind(
    name="recipe",
    sense=Sense.AVAL,
    label=Words("Recette", "Recipe"),
    plural=Words("Recettes", "Recipes"),
    about=Words("Une recette qu’une cuisine partage.", "A recipe that a kitchen shares."),
    verb="cook",
    title_field="title",
    nature_field="course",
    sections=(Section("recipe", Words("La recette", "The recipe")),),
    fields=(
        Field("title", LangText(), Words("Nom", "Name"), required=True, section="recipe", weight=4.0),
        Field("course", _COURSE, Words("Plat", "Course"), section="recipe", facet="nature"),
        Field("servings", Int(), Words("Parts", "Servings"), required=True, section="recipe"),
    ),
    example={"title": {"fr": "Soupe d’orties"}, "course": "soup", "servings": 40},
)
'''
SOUP = {"title": "Soupe d’orties", "course": "soup", "servings": "40", "external_ref": "r-1"}


@pytest.fixture
def cantine(make: Callable[..., Node], tmp_path: Path) -> Node:
    """A node whose folder of kinds holds one file more."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "recipe.py").write_text(RECIPE)
    return make("Cantine", kinds=(folder,))


def test_a_new_kind_is_published_by_its_name_and_by_its_verb(cantine: Node) -> None:
    preview = cantine.office.preview("recipe", SOUP)
    assert (preview.kind, preview.sense, preview.title) == ("recipe", "aval", "Soupe d’orties")
    assert "servings = 40" in preview.text
    published = cantine.office.publish("cook", SOUP)
    assert cantine.office.show(published.id).body == {**preview.body, "external_ref": "r-1"}
    assert not cantine.office.publish("recipe", SOUP).created
    with refused("invalid", 2) as found:
        cantine.office.publish("recipe", {"title": "Soupe"})
    assert found.value.troubles[0].field == "servings"


def test_a_new_kind_is_found_with_its_facets(cantine: Node) -> None:
    cantine.office.publish("recipe", SOUP)
    cantine.publish("Une fiche sur les orties")
    cantine.until_indexed()
    answer = cantine.office.search("orties")
    assert answer.facets["kind"]["recipe"] == 1
    [hit] = cantine.office.search("orties", kind="recipe").hits
    assert (hit.kind, hit.type, hit.title) == ("recipe", "soup", "Soupe d’orties")


def test_a_new_kind_has_a_schema_and_a_description_for_programs(cantine: Node) -> None:
    schema = cantine.office.schema("recipe")
    assert schema["properties"]["servings"]["type"] == "integer"
    assert {"title", "servings"} <= set(schema["required"])
    [told] = [kind for kind in cantine.office.kinds() if kind["name"] == "recipe"]
    assert told["verb"] == "cook"
    assert [field["name"] for field in told["fields"]][:3] == ["title", "course", "servings"]


def test_a_new_kind_is_revised_withdrawn_exported_and_imported(cantine: Node) -> None:
    rec = cantine.office.publish("recipe", SOUP).id
    cantine.office.revise(rec, {"servings": 60})
    cantine.office.withdraw(cantine.office.publish("recipe", {"title": "Tarte", "servings": 8}).id, "error")
    lines: list[str] = []
    cantine.office.call("export", {"format": "jsonl", "kind": "recipe"}, lambda e: lines.append(e["line"]))
    [row] = [json.loads(line) for line in lines]
    assert (row["kind"], row["servings"]) == ("recipe", 60)
    assert cantine.import_text(lines[0]).unchanged == 1


def test_a_node_that_does_not_know_the_kind_keeps_it_passes_it_on_and_says_so(
    cantine: Node, make: Callable[..., Node], arrives: Callable[[Node, str], None]
) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    cantine.meets(jardin)
    atelier.office.accept(cantine.org)  # it knows no address of hers
    jardin.meets(atelier)
    rec = cantine.office.publish("recipe", SOUP).id
    arrives(atelier, rec)
    shown = atelier.office.show(rec)
    assert (shown.kind, shown.state, shown.sense, shown.body) == ("recipe", "opaque", "", {})
    assert shown.org_name == "Cantine"
    assert atelier.titles("orties") == []
