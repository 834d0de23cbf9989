"""A first look at a file that somebody wants to import: its columns, its first rows, and what they may be.

Only a guess, for a person to correct before anything is read for good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from mutunode.commons.kind import Kind, LangText
from mutunode.commons.normalizing import normalized
from mutunode.interop.csvfile import read_csv
from mutunode.interop.jsonl import read_jsonl
from mutunode.interop.problem import Problem, Unreadable
from mutunode.service.errors import Exit, Refusal

if TYPE_CHECKING:
    from mutunode.service.importing import Source

ROWS_LOOKED_AT_MAX = 50  # columns that only appear later are rare, and can be named by hand
COLUMNS_MAX = 100  # of those found in JSON rows; nobody maps more by hand

REFERENCE = "external_ref"  # the author's own key of a row

# Words that catalogues use for fields of ours; folded as `_folded` does.
_SAYINGS = {
    "title": "titre nom name intitule libelle label",
    "abstract": "resume description descriptif presentation summary texte text",
    "url": "lien adresse site siteweb website web link href",
    "license": "licence droits rights",
    "creators": "auteur auteurs author authors creator createur editeur source",
    "keywords": "motscles tags mots keyword",
    "languages": "langue langues language lang",
    "external_ref": "id identifiant identifier ref reference numero uid slug pubid",
    "dates": "date",
}


class Peek(msgspec.Struct, frozen=True):
    """What a first look shows."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


def peek(stream: BinaryIO, format: str, rows_max: int) -> Peek:
    """The columns of a file and its first good rows.

    Raises:
        Refusal: the file as a whole is not what it says it is.
    """
    read = read_csv(stream) if format == "csv" else read_jsonl(stream)
    try:
        rows = [row for _, row in islice(read, ROWS_LOOKED_AT_MAX) if not isinstance(row, Problem)]
    except Unreadable as error:
        raise Refusal("unreadable", Exit.USAGE, error.fr, error.en) from None
    columns = dict.fromkeys(column for row in rows for column in row)
    return Peek(tuple(islice(columns, COLUMNS_MAX)), tuple(rows[:rows_max]))


def source(path: Path, format: str, kind: str, fields: dict[str, str], mapping: str = "") -> Source:
    """What ``import_lines`` reads: ``fields`` is field → column, unless a mapping file's text is given."""
    from mutunode.service.importing import source_of
    from mutunode.service.params import Import

    return source_of(Import(path=str(path), format=format, map=fields, mapping=mapping, kind=kind))


def is_keyed(source: Source, columns: Iterable[str] = ()) -> bool:
    """Whether rows bear a reference of their author's: reading them again then corrects, not doubles."""
    return REFERENCE in (source.mapping.fields or columns)


def targets(kind: Kind, languages: Iterable[str]) -> dict[str, str]:
    """Dotted names a column may fill → label of their field, by language where they have one."""
    found: dict[str, str] = {}
    for field in kind.all_fields:
        if field.name == "supersedes":
            continue
        found[field.name] = field.name
        if isinstance(field.type, LangText):
            found |= {f"{field.name}.{tag}": field.name for tag in languages}
    return found


def guess(kind: Kind, columns: Iterable[str], languages: Iterable[str]) -> dict[str, str]:
    """Column → field, where the column's name says it. A field is given to one column only."""
    names = targets(kind, languages)
    told = {_folded(name): name for name in names}
    for field in kind.all_fields:
        for label in (field.label.fr, field.label.en):
            told.setdefault(_folded(label), field.name)
    for name, sayings in _SAYINGS.items():
        if name in kind.by_name:
            for saying in sayings.split():
                told.setdefault(saying, name)
    found: dict[str, str] = {}
    for column in columns:
        field_name = told.get(_folded(column))
        if field_name and field_name not in found.values():
            found[column] = field_name
    return found


def _folded(text: str) -> str:
    plain = normalized("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9.]", "", plain)
