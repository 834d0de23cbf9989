"""A kind of record, declared once.

A module of ``commons/kinds/`` holds one ``KIND = Kind(…)``, and commands, forms, pages, search facets, the
API's schema, import and export derive from it. Everything generic code needs is here: import it from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mutunode.commons import languages
from mutunode.commons.dotted import nested
from mutunode.commons.faults import Fault, Problem, problems
from mutunode.commons.fields import Field, Show, check_fields, read_fields, schema_of
from mutunode.commons.senses import Sense
from mutunode.commons.values.base import (
    LIST_ITEMS_MAX,
    NAME_BYTES_MAX,
    PROSE_BYTES_MAX,
    TITLE_BYTES_MAX,
    ZONE,
    Context,
    Resolve,
    ValueType,
)
from mutunode.commons.values.choices import Bool, Choice, Option
from mutunode.commons.values.files import File, takes_files
from mutunode.commons.values.ids import Blob, Org, Ref
from mutunode.commons.values.meanings import Date, Language, License, Uri
from mutunode.commons.values.money import Money
from mutunode.commons.values.parts import ListOf, Record
from mutunode.commons.values.places import Place
from mutunode.commons.values.text import ENDPOINT, Int, LangText, Text
from mutunode.commons.values.times import Hours, Moment, Slot, Zone
from mutunode.commons.words import INTERFACE_LANGUAGES, NOTHING, LangMap, Words
from mutunode.protocol.entry import encode_body
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import org_text, rec_text
from mutunode.protocol.limits import BODY_BYTES_MAX, ID_BYTES

__all__ = [
    "ENDPOINT",
    "EXAMPLE_ORG",
    "EXAMPLE_REC",
    "INTERFACE_LANGUAGES",
    "LIST_ITEMS_MAX",
    "NAME_BYTES_MAX",
    "NATURE",
    "NOTHING",
    "PROSE_BYTES_MAX",
    "TITLE_BYTES_MAX",
    "Blob",
    "Bool",
    "Choice",
    "Context",
    "Date",
    "Fault",
    "Field",
    "File",
    "Hours",
    "Int",
    "Kind",
    "LangMap",
    "LangText",
    "Language",
    "License",
    "ListOf",
    "Moment",
    "Money",
    "Option",
    "Org",
    "Place",
    "Problem",
    "Record",
    "Ref",
    "Rule",
    "Section",
    "Sense",
    "Show",
    "Slot",
    "Text",
    "Uri",
    "ValueType",
    "Words",
    "Zone",
    "takes_files",
]

NATURE = "nature"  # the facet every record has: its type ("software"), or its kind when it has none
EXAMPLE_REC = rec_text(bytes(ID_BYTES))  # in examples: a record nobody wrote
EXAMPLE_ORG = org_text(bytes(ID_BYTES))

Rule = Callable[[Mapping[str, Any]], Iterable[Fault]]


@dataclass(frozen=True)
class Section:
    """A titled part of a form and of a page. ``folded``: closed until somebody opens it."""

    name: str
    label: Words
    folded: bool = False


_SOURCE = Section(
    "own", Words("Pour retrouver cette fiche chez vous", "To find it again on your side"), folded=True
)
_EXTERNAL_REF = Field(
    "external_ref",
    Text(),
    Words("Votre référence", "Your reference"),
    Words(
        "Votre propre numéro. Publier de nouveau sous le même corrige la fiche au lieu d’en faire une autre.",
        "Your own number. Publishing again under the same one revises the record instead of making another.",
    ),
    section=_SOURCE.name,
    show=Show.HIDDEN,
)
_SUPERSEDES = Field(
    "supersedes",
    Ref(),
    Words("Remplace", "Replaces"),
    Words("La version précédente, dans le même registre.", "The earlier version, in the same register."),
    section=_SOURCE.name,
    show=Show.HIDDEN,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One kind of record. ``example`` is input as people give it."""

    name: str
    sense: Sense
    label: Words  # one of them, without an article: "Usage"
    plural: Words
    about: Words  # one sentence
    fields: tuple[Field, ...]
    sections: tuple[Section, ...]
    example: Mapping[str, Any]
    title_field: str = ""  # a LangText field; without one, a record is called by its kind
    summary_field: str = ""
    nature_field: str = ""  # a Choice field that says better than the kind what this is
    verb: str = ""  # the CLI's own verb; "" is `publish KIND`
    listed: bool = True  # a hit of its own in search
    revisable: bool = True
    last_wins: bool = False  # the author's newest one is the only one that stands
    alone: bool = False  # signed in a turn of its own: what it may say depends on what stood just before
    rules: tuple[Rule, ...] = ()  # what must hold between fields
    by_name: dict[str, Field] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name.update({declared.name: declared for declared in self.all_fields})
        assert len(self.by_name) == len(self.all_fields), f"{self.name}: two fields of one name"
        known = {section.name for section in self.all_sections}
        assert all(declared.section in known for declared in self.all_fields), f"{self.name}: unknown section"
        for name in (self.title_field, self.summary_field, self.nature_field):
            assert not name or name in self.by_name, f"{self.name}: no field {name}"

    @cached_property
    def all_fields(self) -> tuple[Field, ...]:
        """Its own fields, and those every kind has."""
        return (*self.fields, _EXTERNAL_REF, *((_SUPERSEDES,) if self.revisable else ()))

    @cached_property
    def all_sections(self) -> tuple[Section, ...]:
        """Its own sections, and that of the fields every kind has."""
        return (*self.sections, _SOURCE)

    def in_section(self, name: str) -> tuple[Field, ...]:
        """The fields of one section, in order."""
        return tuple(declared for declared in self.all_fields if declared.section == name)

    # --- in ---

    def check(self, body: Any) -> list[Problem]:
        """What keeps a decoded body from being understood; [] is fine, anything else makes it opaque."""
        if type(body) is not dict:
            return problems([Fault("type", Words("ce n’est pas une fiche.", "this is not a record."))])
        faults = check_fields(self.all_fields, body)
        if not faults and self.rules:
            faults = [fault for rule in self.rules for fault in rule(body)]
        return problems(faults) if faults else []

    def from_input(
        self,
        given: Mapping[str, Any],
        *,
        language: str = "fr",
        today: str = "",
        resolve: Resolve | None = None,
        zone: str = ZONE,
    ) -> tuple[dict[str, Any], list[Problem]]:
        """(body, problems) from strings or JSON values. With problems, the body holds what was understood.

        ``given`` may use dotted names (``title.en``, ``posture.statement.fr``, ``based_on.0.ref``).
        ``language`` is that of text given without one, ``zone`` that of times; ``resolve`` as in ``Context``.
        """
        context = Context(language, today, zone, resolve)
        body, faults = read_fields(self.all_fields, nested(given), context)
        faults += check_fields(self.all_fields, body)
        faults += [fault for rule in self.rules for fault in rule(body)]
        return body, problems(faults or _too_large(body))

    def refs_to_resolve(self, given: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(dotted name, text) of every ``rec_…`` and id that ``from_input`` will ask ``resolve`` for."""
        members = nested(given)
        return [
            (f"{declared.name}.{path}" if path else declared.name, text)
            for declared in self.all_fields
            for path, text in declared.type.refs_given(members.get(declared.name))
        ]

    # --- out ---

    def to_json(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body that passed ``check`` as JSON: ids and refs as text, fields not known left out."""
        return {declared.name: declared.type.to_json(value) for declared, value in self._held(body)}

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of what ``from_input`` takes and ``to_json`` gives."""
        return {"title": self.label.en, "description": self.about.en, **schema_of(self.all_fields)}

    def title(self, body: Mapping[str, Any]) -> LangMap:
        """What a record is called; the kind's own name when it bears none."""
        named = body.get(self.title_field) if self.title_field else None
        return dict(named) if isinstance(named, dict) and named else self.label.as_map()

    def summary(self, body: Mapping[str, Any]) -> LangMap:
        """The text that tells more than the title; {} when there is none."""
        told = body.get(self.summary_field) if self.summary_field else None
        return dict(told) if isinstance(told, dict) else {}

    def nature(self, body: Mapping[str, Any]) -> Words:
        """What to call this on a card: "Software", or the kind's label."""
        code = body.get(self.nature_field) if self.nature_field else None
        return self._natures.get(str(code), self.label)

    @cached_property
    def _natures(self) -> dict[str, Words]:
        declared = self.by_name.get(self.nature_field)
        options = declared.type.options if declared and isinstance(declared.type, Choice) else ()
        return {option.code: option.shown for option in options}

    def refs(self, body: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
        """(dotted name, ref) of every record a body cites."""
        return [
            (f"{declared.name}.{path}" if path else declared.name, ref)
            for declared, value in self._held(body)
            for path, ref in declared.type.refs(value)
        ]

    # --- search ---

    def search_texts(self, body: Mapping[str, Any]) -> list[tuple[str, str, float]]:
        """(BCP 47 tag or "", text, weight) of what is searched."""
        return [
            (language, text, declared.weight)
            for declared in self._searched
            if declared.name in body
            for language, text in declared.type.texts(body[declared.name])
        ]

    def facets(self, body: Mapping[str, Any]) -> dict[str, list[str]]:
        """Facet → codes. Every record has a ``nature``; a titled one also a ``language``."""
        found: dict[str, list[str]] = {}
        for declared in self._faceted:
            if declared.name in body:
                found.update(declared.type.facets(declared.facet, body[declared.name]))
        if not found.get("language") and self.title_field in body:
            tags = (languages.canonical(tag) for tag in body[self.title_field])
            found["language"] = list(dict.fromkeys(tag for tag in tags if tag))
        found.setdefault(NATURE, [self.name])
        return found

    @cached_property
    def _searched(self) -> tuple[Field, ...]:
        return tuple(declared for declared in self.all_fields if declared.weight > 0)

    @cached_property
    def _faceted(self) -> tuple[Field, ...]:
        return tuple(declared for declared in self.all_fields if declared.facet)

    def _held(self, body: Mapping[str, Any]) -> Iterator[tuple[Field, Any]]:
        for declared in self.all_fields:
            if declared.name in body:
                yield declared, body[declared.name]


def _too_large(body: dict[str, Any]) -> list[Fault]:
    try:
        encode_body(body)
    except Malformed:
        most = BODY_BYTES_MAX // 1_024
        return [
            Fault(
                "too_large",
                Words(
                    f"La fiche est trop longue ({most} Kio au plus). Mettez les longs textes en fichier.",
                    f"The record is too long ({most} KiB at most). Put long texts into a file.",
                ),
            )
        ]
    return []
