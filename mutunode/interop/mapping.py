"""Which column becomes which field: what somebody writes once for a catalogue, and applies every night.

A mapping comes from ``--map FIELD=COLUMN`` or from a TOML file (docs/import.md). Without any rule the columns
have the names of fields, as in our own exports.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from mutunode.interop.flat import meant, place
from mutunode.interop.problem import Unreadable
from mutunode.interop.rule import Misfit, Row, Rule, fill, is_empty

__all__ = ["Mapping", "Misfit"]


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of one file. Without any, columns have the names of fields."""

    fields: dict[str, str | Rule] = {}
    kind: str = "resource"
    about: str = ""  # for whoever reads the mapping

    @classmethod
    def from_toml(cls, text: str) -> Mapping:
        """A mapping file; raises `Unreadable` naming what is wrong in it."""
        try:
            return msgspec.toml.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise Unreadable(
                f"Le fichier de correspondance n’est pas valable : {error}",
                f"The mapping file is not valid: {error}",
            ) from error

    @classmethod
    def from_pairs(cls, pairs: Iterable[str], kind: str = "resource") -> Mapping:
        """From ``FIELD=COLUMN`` as given on the command line."""
        fields: dict[str, str | Rule] = {}
        for pair in pairs:
            field, equals, column = pair.partition("=")
            if not (field.strip() and equals and column.strip()):
                raise Unreadable(
                    f"« {pair} » : il faut CHAMP=COLONNE, par exemple title=Nom.",
                    f'"{pair}": it takes FIELD=COLUMN, for example title=Name.',
                )
            fields[field.strip()] = column.strip()
        return cls(fields, kind)

    def columns(self) -> list[str]:
        """Every column the rules read, in the order of the fields."""
        return [name for _, rule in self._rules() for name in rule.columns()]

    def _rules(self) -> Iterable[tuple[str, Rule]]:
        for field, given in self.fields.items():
            yield from (Rule(column=given) if isinstance(given, str) else given).by_language(field)

    def apply(self, row: Row) -> dict[str, Any]:
        """The fields of one record; raises `Misfit` when a column holds what its rule cannot use."""
        if not self.fields:
            return meant(row)
        result: dict[str, Any] = {}
        for field, rule in self._rules():
            value = fill(field, rule, row)
            if not is_empty(value):
                place(result, field, value)
        return result
