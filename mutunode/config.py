"""A node's settings: one frozen struct, each field with its help.

Flags win over the environment (``MUTUNODE_…``), the environment over ``HOME/mutunode.toml``, the file over
the defaults. A wrong value is refused with its name, where it stood, and what was expected, in both
languages: whoever runs a node may have typed it a minute ago, or inherited the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

from mutunode import system

FILE_NAME = "mutunode.toml"
ENVIRONMENT_PREFIX = "MUTUNODE_"
PORT_MAX = 65_535
FILE_BYTES_MAX = 65_536  # a settings file of more is not one


SHOWN_LENGTH_MAX = 80  # of a wrong value


class ConfigError(Exception):
    """A setting cannot be used: names it, its place, and what was expected, in both languages."""

    def __init__(self, fr: str, en: str) -> None:
        super().__init__(en)
        self.fr = fr
        self.en = en

    def within(self, fr: str, en: str) -> ConfigError:
        """The same, said to stand there."""
        return ConfigError(f"{fr} : {self.fr}", f"{en}: {self.en}")


def _help(text: str) -> Meta:
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a person may set."""

    peer_listen: Annotated[str, _help("HOST:PORT where other organisations reach this node")] = "[::]:7447"
    web_listen: Annotated[str, _help("HOST:PORT of the pages")] = "127.0.0.1:8420"
    seeds: Annotated[
        tuple[str, ...], _help("addresses asked first: host:port or wss://name, optionally #org_…")
    ] = ()
    lan: Annotated[bool, _help("announce this node on the local network, and listen for others")] = True
    language: Annotated[
        Literal["", "fr", "en"],
        _help("language of the node's messages and of readers who name none; empty: the organisation's"),
    ] = ""
    reading: Annotated[
        Literal["here", "premises"],
        _help("who may read the pages: this computer only, or whoever reaches it"),
    ] = "here"
    web_hosts: Annotated[tuple[str, ...], _help("further names under which the pages may be asked for")] = ()
    behind_tls_proxy: Annotated[bool, _help("the pages stand behind a proxy that speaks https")] = False
    peer_tls_proxy: Annotated[
        str, _help("name[:port] of the TLS proxy before the peer port; empty: the node speaks TLS itself")
    ] = ""
    links_max: Annotated[int, Meta(ge=1, le=1024, description="connections with other organisations")] = 64
    store: Annotated[str, _help("where records are kept; empty: in the node's folder")] = ""
    blobs: Annotated[
        str, _help("where files are kept: folder://PATH or s3://BUCKET/…; empty: in the node's folder")
    ] = ""
    fetch_file_mb: Annotated[
        int, Meta(ge=0, description="files of accepted organisations up to this size are fetched; 0: none")
    ] = 5
    fetch_total_mb: Annotated[int, Meta(ge=0, description="room for all files that are fetched unasked")] = (
        2_000
    )
    fetch_everything_of: Annotated[
        tuple[str, ...], _help("organisations (org_…) whose files are all fetched, whatever their size")
    ] = ()
    keep_promised_mb: Annotated[
        int, Meta(ge=0, description="room for files that this node promised to keep")
    ] = 20_000
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _help("what is written to stderr")] = (
        "info"
    )


def load(home: Path, environment: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Settings of a home. ``flags`` holds only what was given.

    Raises:
        ConfigError: naming the setting, where it was given and why it cannot be used.
    """
    merged: dict[str, Any] = {}
    path = str(home / FILE_NAME)
    for fr, en, values in (
        (path, path, _from_file(home / FILE_NAME)),
        ("variables d’environnement", "environment", _from_environment(environment)),
        ("ligne de commande", "command line", dict(flags)),
    ):
        try:
            for name, value in values.items():
                _check(name, value)
        except ConfigError as error:
            raise error.within(fr, en) from None
        merged.update(values)
    return msgspec.convert(merged, Settings, strict=False)


# --- what may stand there -------------------------------------------------------------------------
@cache
def _types() -> dict[str, inspect.Type]:
    """What each setting may be."""
    described = inspect.type_info(Settings)
    assert isinstance(described, inspect.StructType)
    return {
        each.name: each.type.type if isinstance(each.type, inspect.Metadata) else each.type
        for each in described.fields
    }


def _check(name: str, value: Any) -> None:
    """Refuse what is no setting, or no value of it."""
    if name not in _types():
        raise _unknown(name)
    of = next(each for each in msgspec.structs.fields(Settings) if each.name == name)
    try:
        given = msgspec.convert(value, of.type, strict=False)
    except msgspec.ValidationError:
        raise _wrong(name, value, *_expected(_types()[name])) from None
    for each in given if isinstance(given, tuple) else (given,):
        if name in _FORMS and each and not _FORMS[name][0](each):
            raise _wrong(name, each, *_FORMS[name][1:])


def _unknown(name: str) -> ConfigError:
    near = difflib.get_close_matches(name, _types(), 1)
    fr, en = (f" ; pensiez-vous à « {near[0]} » ?", f"; did you mean `{near[0]}`?") if near else (".", ".")
    every = ", ".join(_types())
    return ConfigError(
        f"« {name} » n’est pas un réglage{fr} Les réglages sont : {every}.",
        f"`{name}` is no setting{en} The settings are: {every}.",
    )


def _wrong(name: str, value: Any, fr: str, en: str) -> ConfigError:
    shown = msgspec.json.encode(value).decode()
    shown = shown if len(shown) <= SHOWN_LENGTH_MAX else shown[: SHOWN_LENGTH_MAX - 1] + "…"
    return ConfigError(f"« {name} » vaut {shown} ; il faut {fr}.", f"`{name}` is {shown}; expected {en}.")


def _expected(of: inspect.Type) -> tuple[str, str]:
    """What a setting of this type may be, in words."""
    match of:
        case inspect.LiteralType(values=values):
            every = [f'"{each}"' for each in sorted(values, key=str)]
            return " ou ".join(every), " or ".join(every)
        case inspect.BoolType():
            return "true ou false", "true or false"
        case inspect.IntType(ge=least, le=None):
            return f"un nombre entier, {least} au moins", f"a whole number, at least {least}"
        case inspect.IntType(ge=least, le=most):
            return f"un nombre entier de {least} à {most}", f"a whole number from {least} to {most}"
        case inspect.VarTupleType():
            return 'une liste de textes : ["…", "…"]', 'a list of texts: ["…", "…"]'
        case _:
            return "un texte entre guillemets", "a text between quotation marks"


def _is_address(text: str) -> bool:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\s\[\]/]+):(\d{1,5})", text)
    return found is not None and int(found[2]) <= PORT_MAX


_ADDRESS = (
    _is_address,
    "HÔTE:PORT, par exemple 127.0.0.1:8420 ou [::]:7447",
    "HOST:PORT, for example 127.0.0.1:8420 or [::]:7447",
)
_FORMS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "peer_listen": _ADDRESS,
    "web_listen": _ADDRESS,
    "peer_tls_proxy": (
        re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?").fullmatch,
        "nom[:port], par exemple partage.exemple.org:443",
        "name[:port], for example share.example.org:443",
    ),
    "store": (
        re.compile(r"(sqlite:.+|memory:)").fullmatch,
        '"" (dans le dossier du nœud) ou sqlite:CHEMIN',
        '"" (in the node\'s folder) or sqlite:PATH',
    ),
    "blobs": (
        re.compile(r"(folder|s3)://.+").fullmatch,
        '"" (dans le dossier du nœud), folder://CHEMIN ou s3://SEAU/…',
        '"" (in the node\'s folder), folder://PATH or s3://BUCKET/…',
    ),
    "fetch_everything_of": (
        re.compile(r"org_[a-z2-7]{52}").fullmatch,
        "des identifiants entiers d’organisations : org_ et 52 caractères",
        "whole ids of organisations: org_ and 52 characters",
    ),
}


# --- where it is read -----------------------------------------------------------------------------
def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        fr, en = system.why(error)
        raise ConfigError(f"{path} ne se lit pas : {fr}.", f"{path} cannot be read: {en}.") from error
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError(
            f"{path} : plus de {FILE_BYTES_MAX} octets ; est-ce bien le fichier des réglages ?",
            f"{path}: more than {FILE_BYTES_MAX} bytes; is this really the settings file?",
        )
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        at = re.search(r"at line (\d+), column (\d+)", str(error))
        where = f"ligne {at[1]}, colonne {at[2]} : " if at else ""
        raise ConfigError(
            f"{path} : {where}ce n’est pas du TOML. Il faut des lignes « nom = valeur », les textes entre "
            "guillemets droits, le tout en UTF-8.",
            f"{path}: not readable as TOML: {error}",
        ) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """``MUTUNODE_SEEDS="a:1 b:2"``; lists are separated by spaces, booleans are 1/0/true/false."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        text = environment.get(ENVIRONMENT_PREFIX + field.name.upper())
        if text is None:
            continue
        values[field.name] = tuple(text.split()) if isinstance(field.default, tuple) else text
    return values


def split_address(text: str, name: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[V6]:PORT`` → (host, port); port 0 picks a free one."""
    if not _is_address(text):
        raise _wrong(name, text, *_ADDRESS[1:])
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
