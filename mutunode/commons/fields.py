"""A field of a record, and how the fields of one map are checked and read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import UNSET

from mutunode.commons.faults import Fault, Faults, required, unknown_field
from mutunode.commons.values.base import DEFAULT_KEY, Context, ValueType
from mutunode.commons.words import NOTHING, Words


class Show(StrEnum):
    """Where a page puts a field."""

    LEAD = "lead"  # the title, or what stands right below it
    PROSE = "prose"  # running text, a section of its own
    FACT = "fact"  # a line of label and value
    LINK = "link"  # something to follow or fetch
    HIDDEN = "hidden"  # not for readers


Default = Callable[[Context], Any]


@dataclass(frozen=True)
class Field:
    """One field, with all that forms, pages, commands, search and the API need to know of it.

    ``required``: without it a record says nothing, and whoever sends one without it is not understood.
    ``asked``: our own members must give it (the design's ``*``), but a record of others that lacks it is
    read all the same. ``default`` is what reading puts there when nothing was given.
    """

    name: str
    type: ValueType
    label: Words
    help: Words = NOTHING
    required: bool = False
    asked: bool = False
    section: str = ""
    show: Show = Show.FACT
    weight: float = 0.0  # in search; 0 is not searched
    facet: str = ""
    facet_label: Words = NOTHING
    default: Default | None = None

    @property
    def mandatory(self) -> bool:
        """Whether a form must not be sent without it."""
        return self.required or self.asked


def check_fields(fields: Iterable[Field], held: Mapping[str, Any]) -> Faults:
    """What is wrong with the values of a map. Keys no field bears are a later version's, and pass."""
    faults: list[Fault] = []
    for field in fields:
        value = held.get(field.name, UNSET)
        if value is UNSET:
            if field.required:
                faults.append(required().within(field.name, field.label))
        elif wrong := field.type.check(value):
            faults += [fault.within(field.name, field.label) for fault in wrong]
    return faults


def read_fields(
    fields: Sequence[Field], given: Mapping[str, Any], context: Context
) -> tuple[dict[str, Any], list[Fault]]:
    """Make the values of a map from input. What could not be read is left out and told."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for field in fields:
        value, wrong = field.type.read(given.get(field.name, UNSET), context)
        if value is UNSET and not wrong and field.default is not None:
            value, wrong = field.type.read(field.default(context), context)
        if value is UNSET and not wrong and field.mandatory:
            wrong = (required(),)
        if value is not UNSET:
            values[field.name] = value
        faults += [fault.within(field.name, field.label) for fault in wrong]
    known = [field.name for field in fields]
    faults += [unknown_field(str(key), known) for key in given if key != DEFAULT_KEY and key not in known]
    return values, faults


def schema_of(fields: Iterable[Field]) -> dict[str, Any]:
    """JSON Schema of a map with these fields, as input."""
    properties = {field.name: _described(field) for field in fields}
    must = [field.name for field in fields if field.mandatory and field.default is None]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": must} if must else schema


def _described(field: Field) -> dict[str, Any]:
    words = field.label if field.help == NOTHING else field.help
    return {"title": field.label.en, **field.type.schema(), "description": words.en}
