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
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from mutunode_cli import failure, words
from mutunode_cli.failure import Failure
from mutunode_cli.session import Session

MANIFEST_BYTES_MAX = 1024 * 1024  # a body is 64 KiB at most; its manifest may be some times wordier
ALWAYS = frozenset({"external_ref"})  # every body may carry it (the author's own key)
YES = frozenset({"true", "yes", "oui", "1"})
NO = frozenset({"false", "no", "non", "0"})


class Field(NamedTuple):
    """One field as the command line needs to know it."""

    name: str
    is_list: bool
    is_flag: bool
    of_record: bool  # a value may be a JSON object, and dotted names reach inside
    help: Any
    label: Any
    required: bool


class Kind(NamedTuple):
    """One kind of record, as the node declares it."""

    name: str
    verb: str
    label: Any
    about: Any
    sense: str
    fields: dict[str, Field]


def kinds(session: Session) -> dict[str, Kind]:
    """The kinds of the node, by name."""
    answer = session.call("kinds")
    listed = answer.get("kinds", answer) if isinstance(answer, dict) else answer
    if isinstance(listed, dict):
        listed = [{"name": name, **declared} for name, declared in listed.items()]
    try:
        return {declared["name"]: _kind(declared) for declared in listed}
    except (KeyError, TypeError, AttributeError) as error:
        raise failure.broken(
            "Le nœud décrit ses natures de fiches d’une manière que cette commande ne comprend pas : "
            "sont-ils de la même version ?",
            "The node describes its kinds in a way this command does not understand: "
            "are they of the same version?",
        ) from error


def _kind(declared: dict[str, Any]) -> Kind:
    fields = (_field(one) for one in declared["fields"])
    return Kind(
        name=declared["name"],
        verb=declared.get("verb") or "",
        label=declared.get("label", declared["name"]),
        about=declared.get("about", ""),
        sense=declared.get("sense", ""),
        fields={field.name: field for field in fields},
    )


def _field(declared: dict[str, Any]) -> Field:
    outer = _type_name(declared.get("type"))
    inner = _type_name(declared["type"].get("of")) if isinstance(declared.get("type"), dict) else ""
    return Field(
        name=declared["name"],
        is_list=outer.startswith("list"),
        is_flag=outer in ("bool", "boolean"),
        of_record="record" in (outer, inner),
        help=declared.get("help", ""),
        label=declared.get("label", declared["name"]),
        required=bool(declared.get("required")),
    )


def _type_name(declared: object) -> str:
    """``"list"`` and ``{"type": "list", "of": …}`` say the same."""
    if isinstance(declared, dict):
        declared = declared.get("type") or declared.get("name")
    return str(declared or "").lower()


def the_kind(known: dict[str, Kind], name: str) -> Kind:
    """A kind by its name, or a clear refusal that suggests the nearest."""
    found = known.get(name) or known.get(name.replace("-", "_"))
    if found is None:
        raise failure.usage(*_unknown("Nature de fiche inconnue", "Unknown kind", name, list(known)))
    return found


def _unknown(fr: str, en: str, name: str, known: Sequence[str]) -> tuple[str, str]:
    near = get_close_matches(name, known, n=2)
    if near:
        return (
            f"{fr} : {name}. Vouliez-vous dire {' ou '.join(near)} ?",
            f"{en}: {name}. Did you mean {' or '.join(near)}?",
        )
    listed = ", ".join(sorted(known))
    return f"{fr} : {name}. Il y a : {listed}.", f"{en}: {name}. There are: {listed}."


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
    if field is None and plain in ALWAYS:
        field = Field(plain, False, False, False, "", plain, False)
    if field is None or (negated and not field.is_flag):
        names = [f"--{known.replace('_', '-')}" for known in [*kind.fields, *ALWAYS]]
        raise failure.usage(
            *_unknown(f"« {kind.name} » n’a pas le champ", f"`{kind.name}` has no field", f"--{name}", names)
        )
    rest = rest.replace("-", "_") if field.of_record else rest
    return field, plain + dot + rest, negated


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
    return failure.usage(f"{name} : {error.strerror}.", f"{name}: {error.strerror}.")


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


def label(kind: Kind | None, name: str, language: str) -> str:
    """A field's name for a person."""
    field = kind.fields.get(name) if kind else None
    return words.pick(field.label, language) if field else name
