"""The kinds of records, as the node declares them; nothing here knows one by name.

A declaration says which fields a kind has, what their values look like and what people call them: enough to
match words of a command line with fields, and to show a record in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from mutunode_cli import failure, words
from mutunode_cli.session import Session


class Shape(NamedTuple):
    """What values of a field look like: a name for the type, and what is inside."""

    type: str
    of: Shape | None  # the items of a list
    fields: dict[str, Field]  # the members of a record
    options: dict[str, dict[str, str]]  # the codes of a choice, in words

    @property
    def item(self) -> Shape:
        """One value: of the list, or the field's own."""
        return self.of or self


class Field(NamedTuple):
    """One field as the command line needs to know it."""

    name: str
    shape: Shape
    help: Any = ""
    label: Any = ""
    required: bool = False

    @property
    def is_list(self) -> bool:
        """It may be given several times."""
        return self.shape.type == "list"

    @property
    def is_flag(self) -> bool:
        """It needs no value."""
        return self.shape.type == "bool"

    @property
    def of_record(self) -> bool:
        """A value may be a JSON object, and dotted names reach inside."""
        return bool(self.shape.item.fields)


class Kind(NamedTuple):
    """One kind of record, as the node declares it."""

    name: str
    verb: str
    label: Any
    about: Any
    sense: str
    fields: dict[str, Field]
    declared: dict[str, Any]  # as the node told it


def kinds(session: Session) -> dict[str, Kind]:
    """The kinds of the node, by name."""
    return {declared["name"]: of_declared(declared) for declared in session.call("kinds")}


def of_declared(declared: dict[str, Any]) -> Kind:
    """A kind from its declaration."""
    fields = (_field(one) for one in declared["fields"])
    return Kind(
        name=declared["name"],
        verb=declared.get("verb") or "",
        label=declared.get("label", declared["name"]),
        about=declared.get("about", ""),
        sense=declared.get("sense", ""),
        fields={field.name: field for field in fields},
        declared=declared,
    )


def _field(declared: dict[str, Any]) -> Field:
    return Field(
        name=declared["name"],
        shape=_shape(declared),
        help=declared.get("help", ""),
        label=declared.get("label", ""),
        required=bool(declared.get("required")),
    )


def _shape(declared: dict[str, Any]) -> Shape:
    return Shape(
        type=declared["type"],
        of=_shape(declared["of"]) if "of" in declared else None,
        fields={inner["name"]: _field(inner) for inner in declared.get("fields", ())},
        options={option["code"]: option for option in declared.get("options", ())},
    )


def the_kind(known: dict[str, Kind], name: str) -> Kind:
    """A kind by its name, or a clear refusal that suggests the nearest."""
    found = known.get(name) or known.get(name.replace("-", "_"))
    if found is None:
        raise failure.usage(*unknown("Nature de fiche inconnue", "Unknown kind", name, list(known)))
    return found


def unknown(fr: str, en: str, name: str, known: Sequence[str]) -> tuple[str, str]:
    """A name nobody knows, in both languages, with the nearest known ones."""
    near = get_close_matches(name, known, n=2)
    if near:
        return (
            f"{fr} : {name}. Vouliez-vous dire {' ou '.join(near)} ?",
            f"{en}: {name}. Did you mean {' or '.join(near)}?",
        )
    listed = ", ".join(sorted(known))
    return f"{fr} : {name}. Il y a : {listed}.", f"{en}: {name}. There are: {listed}."


# --- reading ------------------------------------------------------------------------------------
def label(field: Field | None, name: str, language: str) -> str:
    """A field's name for a person."""
    return (words.pick(field.label, language) if field else "") or name


def body_in_words(kind: Kind | None, body: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """The fields of a record by their names, in the order in which they stand."""
    known = kind.fields if kind else {}
    shown = []
    for name, value in body.items():
        field = known.get(name)
        text = in_words(value, field.shape if field else None, language)
        shown.append((label(field, name, language), text))
    return shown


def in_words(value: Any, shape: Shape | None, language: str) -> str:
    """A value of a body for a person: languages chosen, codes in words, members named."""
    match value:
        case list():
            return "\n".join(in_words(one, shape.item if shape else None, language) for one in value)
        case bool():
            return {"fr": ("non", "oui"), "en": ("no", "yes")}[language][value]
        case str() if shape and value in shape.options:
            return words.pick(shape.options[value], language)
        case dict() if shape and shape.fields:
            return " · ".join(_member(shape, name, inner, language) for name, inner in value.items())
        case dict() if not shape or shape.type == "lang_text":
            return _translations(value, language)
        case _:
            return str(value)


def _member(shape: Shape, name: str, value: Any, language: str) -> str:
    field = shape.fields.get(name)
    return f"{label(field, name, language)}: {in_words(value, field.shape if field else None, language)}"


def _translations(texts: dict[str, Any], language: str) -> str:
    """The text in the person's language alone; else every one, each with the name of its language."""
    if language in texts:
        return str(texts[language])
    return "\n".join(f"[{tag}] {text}" for tag, text in texts.items())
