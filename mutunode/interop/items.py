"""A file, row by row, as records to publish: reading and mapping together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from rapidfuzz import process

from mutunode.interop.csvfile import read_csv
from mutunode.interop.jsonl import read_jsonl
from mutunode.interop.mapping import Mapping, Misfit
from mutunode.interop.problem import Problem, Unreadable

FORMATS = ("csv", "jsonl")


class Item(msgspec.Struct, frozen=True):
    """The fields of one record, as a person would have given them, for the kind to check."""

    kind: str
    fields: dict[str, Any]


def format_of(name: str) -> str:
    """The format that a file's name tells; raises `Unreadable` when it does not."""
    ending = name.lower().rpartition(".")[2]
    found = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}.get(ending)
    if found is None:
        raise Unreadable(
            f"Le nom « {name} » ne dit pas le format ; ajoutez --format ({', '.join(FORMATS)}).",
            f'The name "{name}" does not tell the format; add --format ({", ".join(FORMATS)}).',
        )
    return found


def read_items(stream: BinaryIO, form: str, mapping: Mapping) -> Iterator[tuple[int, Item | Problem]]:
    """Each row's line number with its record, or with what is wrong. Raises `Unreadable` for a whole file."""
    if form not in FORMATS:
        raise Unreadable(
            f"Format « {form} » inconnu ; connus : {', '.join(FORMATS)}.",
            f'Unknown format "{form}"; known: {", ".join(FORMATS)}.',
        )
    rows: Iterator[tuple[int, dict[str, Any] | Problem]]
    rows = read_csv(stream) if form == "csv" else read_jsonl(stream)
    checked = form != "csv"  # rows of JSON may each have other columns
    for line, row in rows:
        if isinstance(row, Problem):
            yield line, row
            continue
        if not checked:
            _check_columns(mapping, list(row))
            checked = True
        yield line, _item(line, row, mapping)


def _item(line: int, row: dict[str, Any], mapping: Mapping) -> Item | Problem:
    try:
        fields = mapping.apply(row)
    except Misfit as misfit:
        return Problem(line, misfit.fr, misfit.en, misfit.field)
    kind = mapping.kind if mapping.fields else fields.pop("kind", mapping.kind)
    return Item(str(kind), fields)


def _check_columns(mapping: Mapping, columns: list[str]) -> None:
    """A column that the mapping names and the file lacks is a slip: say so before the first row."""
    for wanted in mapping.columns():
        if wanted not in columns:
            near = process.extractOne(wanted, columns, score_cutoff=60)
            fr = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
            en = f' Did you mean "{near[0]}"?' if near else ""
            raise Unreadable(
                f"Le fichier n’a pas de colonne « {wanted} ».{fr} Ses colonnes : {', '.join(columns)}.",
                f'The file has no column "{wanted}".{en} Its columns: {", ".join(columns)}.',
            )
