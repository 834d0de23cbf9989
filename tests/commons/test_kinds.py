"""Every kind is declared whole: words in both languages, an example that holds, one file each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mutunode.commons.kind import (
    NATURE,
    NOTHING,
    Bool,
    Choice,
    Date,
    Field,
    Kind,
    License,
    ListOf,
    Option,
    Record,
    Sense,
    ValueType,
    Words,
)
from mutunode.commons.registry import Registry, load
from mutunode.protocol.entry import encode_body, rec_id
from mutunode.protocol.ids import rec_text

REF: list[Any] = [bytes(range(32)), 7, bytes(32)]
REGISTRY = load()
KINDS = list(REGISTRY.values())
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def _types(declared: Field) -> Iterator[ValueType]:
    of = declared.type
    yield of
    while isinstance(of, ListOf):
        of = of.item
        yield of


def _fields(fields: tuple[Field, ...]) -> Iterator[Field]:
    for declared in fields:
        yield declared
        for of in _types(declared):
            if isinstance(of, Record):
                yield from _fields(of.fields)


def _options(declared: Field) -> Iterator[Option]:
    for of in _types(declared):
        if isinstance(of, Choice | License | Date):
            yield from of.events if isinstance(of, Date) else of.options


def test_the_kinds_of_this_node() -> None:
    assert list(REGISTRY) == [
        *("booking", "booking_act", "cite", "flag", "invite", "means", "means_block", "preserve"),
        *("profile", "resource", "usage", "usage_answer", "usage_count", "vouch", "withdrawal"),
    ]
    assert [kind.name for kind in REGISTRY.listed] == ["means", "profile", "resource"]
    assert {kind.name: kind.sense for kind in KINDS if kind.sense} == {
        "booking": Sense.AMONT,
        "booking_act": Sense.AMONT,
        "means": Sense.AMONT,
        "means_block": Sense.AMONT,
        "resource": Sense.AVAL,
        "usage": Sense.AVAL,
        "usage_answer": Sense.AVAL,
        "usage_count": Sense.AVAL,
    }


@EACH_KIND
def test_every_word_exists_in_both_languages(kind: Kind) -> None:
    words = [kind.label, kind.plural, kind.about, *(section.label for section in kind.all_sections)]
    for declared in _fields(kind.all_fields):
        words.append(declared.label)
        words += [declared.help] if declared.help != NOTHING else []
        words += [declared.facet_label] if declared.facet else []
        for of in _types(declared):
            words += [of.yes, of.no] if isinstance(of, Bool) else []
        for option in _options(declared):
            words += [option.label, option.shown] + ([option.help] if option.help != NOTHING else [])
    assert all(word.fr.strip() and word.en.strip() for word in words)


@EACH_KIND
def test_words_for_people_are_not_words_of_engineers(kind: Kind) -> None:
    for declared in _fields(kind.all_fields):
        said = f"{declared.label.en} {declared.help.en} {declared.label.fr} {declared.help.fr}".lower()
        assert not {"log", "hash", "peer", "epoch", "node", "nœud", "pair"} & set(said.split())


@EACH_KIND
def test_every_field_has_its_place_and_every_choice_distinct_codes(kind: Kind) -> None:
    placed = [declared for section in kind.all_sections for declared in kind.in_section(section.name)]
    assert sorted(field.name for field in placed) == sorted(field.name for field in kind.all_fields)
    for declared in _fields(kind.all_fields):
        codes = [option.code for option in _options(declared)]
        assert len(codes) == len(set(codes))


@EACH_KIND
def test_the_example_holds_and_comes_back_from_json(kind: Kind) -> None:
    body, problems = kind.from_input(kind.example, today="2026-11-24", resolve=lambda text: REF)
    assert problems == []
    assert kind.check(body) == []
    encode_body(body)
    cited = {rec_text(rec_id(REF[0], REF[2])): REF}
    again, problems = kind.from_input(kind.to_json(body), resolve=cited.get)
    assert (again, problems) == (body, [])


@EACH_KIND
def test_every_example_shows_what_a_record_cannot_do_without(kind: Kind) -> None:
    assert {declared.name for declared in kind.fields if declared.required} <= set(kind.example)
    assert set(kind.example) <= {declared.name for declared in kind.all_fields}


@EACH_KIND
def test_the_json_schema_names_every_field(kind: Kind) -> None:
    schema = kind.json_schema()
    assert list(schema["properties"]) == [declared.name for declared in kind.all_fields]
    assert set(schema.get("required", ())) == {
        declared.name for declared in kind.all_fields if declared.mandatory and declared.default is None
    }


@EACH_KIND
def test_a_record_without_a_title_is_called_by_its_kind(kind: Kind) -> None:
    assert kind.title({}) == kind.label.as_map()
    assert kind.facets({})[NATURE] == [kind.name]


DROPPED_IN = """
from mutunode.commons.kind import *

KIND = Kind(
    name="recipe",
    sense=Sense.AVAL,
    label=Words("Recette", "Recipe"),
    plural=Words("Recettes", "Recipes"),
    about=Words("Comment on le cuisine.", "How it is cooked."),
    title_field="dish",
    nature_field="season",
    verb="cook",
    sections=(Section("all", Words("La recette", "The recipe")),),
    fields=(
        Field("dish", LangText(), Words("Plat", "Dish"), required=True, section="all", weight=4.0),
        Field(
            "season",
            Choice((Option("winter", Words("Hiver", "Winter")), Option("summer", Words("Été", "Summer")))),
            Words("Saison", "Season"),
            section="all",
            facet="season",
            facet_label=Words("Saison", "Season"),
        ),
    ),
    example={"dish": {"fr": "Soupe au potiron"}, "season": "winter"},
)
"""


@pytest.fixture
def with_recipe(tmp_path: Path) -> Registry:
    (tmp_path / "recipe.py").write_text(DROPPED_IN)
    return load(extra=[tmp_path])


def test_a_kind_is_found_because_its_file_is_there(with_recipe: Registry) -> None:
    recipe = with_recipe["recipe"]
    body, problems = recipe.from_input({"dish": "Soupe", "dish.en": "Soup", "season": "été"})
    assert (body, problems) == ({"dish": {"fr": "Soupe", "en": "Soup"}, "season": "summer"}, [])
    assert with_recipe.check("recipe", {"season": "winter"}) != []
    assert recipe.search_texts(body) == [("fr", "Soupe", 4.0), ("en", "Soup", 4.0)]
    assert recipe.facets(body) == {"season": ["summer"], "language": ["fr", "en"], NATURE: ["recipe"]}
    assert with_recipe.facet_labels()["season"] == Words("Saison", "Season")
    assert with_recipe.facet_text("season", "summer", "fr") == "Été"
    assert recipe.nature(body) == Words("Été", "Summer")
    assert recipe.json_schema()["properties"]["season"]["enum"] == ["winter", "summer"]
    assert with_recipe.by_verb("cook") is recipe
    assert "recipe" in [kind.name for kind in with_recipe.listed]


def test_two_kinds_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(DROPPED_IN.replace('name="recipe"', 'name="resource"'))
    with pytest.raises(ValueError, match="resource"):
        load(extra=[tmp_path])


def test_a_file_without_a_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ValueError, match=r"empty\.py"):
        load(extra=[tmp_path])


def test_a_declaration_that_contradicts_itself_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "recipe.py").write_text(DROPPED_IN.replace('section="all", weight', 'section="none", weight'))
    with pytest.raises(AssertionError, match="unknown section"):
        load(extra=[tmp_path])


def test_facets_are_told_in_words() -> None:
    assert REGISTRY.facet_text(NATURE, "software", "fr") == "Logiciel"
    assert REGISTRY.facet_text(NATURE, "profile", "en") == "Organisation"
    assert REGISTRY.facet_text("language", "ar", "fr") == "arabe"
    assert REGISTRY.facet_text("permission", "credit", "en") == "Adapt, with credit"
    assert REGISTRY.facet_text("license", "CC-BY-SA-4.0", "fr") == "CC BY-SA 4.0"
    assert REGISTRY.facet_text("unheard_of", "x", "fr") == "x"
    assert set(REGISTRY.facet_labels()) == {NATURE, "language", "license", "permission"}


def test_what_a_resource_gives_to_search() -> None:
    resource = REGISTRY["resource"]
    body, _ = resource.from_input(resource.example)
    texts = resource.search_texts(body)
    assert ("fr", "Adapter un poste en atelier de tri", 4.0) in texts
    assert ("", "ergonomie", 3.0) in texts
    assert resource.facets(body) == {
        NATURE: ["practice"],
        "language": ["fr"],
        "license": ["CC-BY-SA-4.0"],
        "permission": ["share_alike"],
    }
    assert resource.summary(body)["fr"].startswith("Hauteurs")
    assert resource.nature(body) == Words("Pratique", "Practice")


def test_a_ref_is_found_wherever_the_declaration_puts_it() -> None:
    resource = REGISTRY["resource"]
    body = {"title": {"fr": "X"}, "based_on": [{"uri": "https://a.example/"}, {"ref": REF}]}
    assert resource.refs(body) == [("based_on.1.ref", REF)]
