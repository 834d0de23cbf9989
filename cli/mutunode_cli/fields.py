"""From ``--name value`` to the fields of a kind.

No kind is known here: the node tells its declarations (verb ``kinds``), and words of the command line are
matched with them. Values stay as they were typed; their meaning is the kind's affair, and so are its errors.
Only what the command line itself gets wrong is refused here: a name no field has, a value that is missing,
a field given twice that takes one value.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutunode_cli import failure
from mutunode_cli.failure import Failure
from mutunode_cli.kinds import Field, Kind, unknown

MANIFEST_BYTES_MAX = 1024 * 1024  # a body is 64 KiB at most; its manifest may be some times wordier
YES = frozenset({"true", "yes", "oui", "1"})
NO = frozenset({"false", "no", "non", "0"})


# --- the command line ---------------------------------------------------------------------------
def from_words(kind: Kind, given: Sequence[str]) -> dict[str, Any]:
    """``["--title", "Grille", "--title.en", "Grid", "--can-help"]`` → fields.

    Raises:
        Failure: exit 2, naming the word that cannot be used.
    """
    fields: dict[str, Any] = {}
    left = list(given)
    while left:
        word = left.pop(0)
        if not word.startswith("--") or word == "--":
            raise failure.usage(
                f"« {word} » n’est la valeur d’aucun champ : écrivez --champ valeur.",
                f"`{word}` is the value of no field: write --field value.",
            )
        name, equals, value = word[2:].partition("=")
        field, path, negated = _find(kind, name)
        if field.is_flag and path == field.name:
            _put(fields, field, path, _flag(path, value if equals else None, negated, left))
            continue
        if not equals:
            value = _next(word, left)
        _put(fields, field, path, _object(field, path, value))
    return fields


def _find(kind: Kind, name: str) -> tuple[Field, str, bool]:
    """The field a word means, its dotted path, and whether ``no-`` stood before it."""
    head, dot, rest = name.partition(".")
    plain = head.replace("-", "_")
    negated = plain.startswith("no_") and plain not in kind.fields
    plain = plain.removeprefix("no_") if negated else plain
    field = kind.fields.get(plain)
    if field is None or (negated and not field.is_flag):
        names = [f"--{known.replace('_', '-')}" for known in kind.fields]
        raise failure.usage(
            *unknown(f"« {kind.name} » n’a pas le champ", f"`{kind.name}` has no field", f"--{name}", names)
        )
    return field, plain + dot + (_inside(field, name, rest) if rest and field.of_record else rest), negated


def _inside(field: Field, name: str, rest: str) -> str:
    """``0.shares-aval`` → ``0.shares_aval``; a member that no record of this field has is refused."""
    steps = rest.split(".")
    place = 1 if steps[0].isdigit() else 0
    members = field.shape.item.fields
    if len(steps) > place:
        steps[place] = steps[place].replace("-", "_")
        if steps[place] not in members:
            known = [f"--{field.name}.{member}" for member in members]
            raise failure.usage(*unknown("Champ inconnu", "Unknown field", f"--{name}", known))
    return ".".join(steps)


def _flag(name: str, value: str | None, negated: bool, left: list[str]) -> bool:
    """A yes or no: the word alone, ``=no``, or a yes or no that follows."""
    if value is None and not negated and left and left[0].lower() in YES | NO:
        value = left.pop(0)
    if value is None:
        return not negated
    if value.lower() not in YES | NO or negated:
        raise failure.usage(
            f"--{name} : « {value} » n’est ni oui ni non.", f"--{name}: `{value}` is neither yes nor no."
        )
    return value.lower() in YES


def _next(word: str, left: list[str]) -> str:
    if not left or (left[0].startswith("--") and left[0] != "--"):
        raise failure.usage(
            f"{word} attend une valeur (une valeur qui commence par -- s’écrit {word}=--…).",
            f"{word} needs a value (one that starts with -- is written {word}=--…).",
        )
    return left.pop(0)


def _object(field: Field, path: str, value: str) -> Any:
    """A record given as JSON becomes one; any other text stays what was typed."""
    if not (field.of_record and path == field.name and value.lstrip().startswith("{")):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise failure.usage(
            f"--{path} : ce n’est pas du JSON ({error}).", f"--{path}: this is not JSON ({error})."
        ) from error


def _put(fields: dict[str, Any], field: Field, path: str, value: Any) -> None:
    if field.is_list and path == field.name:
        fields.setdefault(path, []).append(value)
    elif path in fields and not field.is_list:
        raise failure.usage(f"--{path} est donné deux fois.", f"--{path} is given twice.")
    else:
        fields[path] = value


# --- manifests ----------------------------------------------------------------------------------
def read_manifest(name: str) -> tuple[str, dict[str, Any]]:
    """The kind and the fields of a TOML or JSON file; ``-`` is the standard input."""
    raw = sys.stdin.buffer.read(MANIFEST_BYTES_MAX + 1) if name == "-" else _read_file(name)
    if len(raw) > MANIFEST_BYTES_MAX:
        raise failure.usage(
            f"{name} : plus de {MANIFEST_BYTES_MAX} octets ; pour un catalogue : « mutunode import ».",
            f"{name}: more than {MANIFEST_BYTES_MAX} bytes; for a catalogue, use `mutunode import`.",
        )
    fields = _parse(name, raw)
    kind = fields.pop("kind", "")
    if not isinstance(kind, str):
        raise failure.usage(f"{name} : `kind` doit être un texte.", f"{name}: `kind` must be a text.")
    return kind, fields


def _read_file(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(MANIFEST_BYTES_MAX + 1)
    except OSError as error:
        raise cannot_read(name, error) from error


def cannot_read(name: str, error: OSError) -> Failure:
    """A file of the person's cannot be read: not there is 3, anything else is 2."""
    if isinstance(error, FileNotFoundError):
        return failure.not_found(f"Pas de fichier {name}.", f"No file {name}.")
    return refused(name, error)


def refused(path: object, error: OSError) -> Failure:
    """What the system said of a path."""
    from mutunode import system

    fr, en = system.why(error)
    return failure.usage(f"{path} : {fr}.", f"{path}: {en}.")


def _parse(name: str, raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8-sig")
        parsed = json.loads(text) if text.lstrip().startswith(("{", "[")) else tomllib.loads(text)
    except ValueError as error:  # tomllib, json and UTF-8 errors are all ValueErrors
        raise failure.usage(
            f"{name} : ni TOML ni JSON : {error}", f"{name}: neither TOML nor JSON: {error}"
        ) from error
    if not isinstance(parsed, dict):
        raise failure.usage(
            f"{name} : une fiche est un objet de champs.", f"{name}: a record is an object of fields."
        )
    return parsed
