"""A node's settings: one frozen struct, each field with its help.

Flags win over the environment (``MUTUNODE_…``), the environment over ``HOME/mutunode.toml``, the file over
the defaults. A wrong value is refused with its name, where it stood, and what was expected.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

FILE_NAME = "mutunode.toml"
ENVIRONMENT_PREFIX = "MUTUNODE_"
FILE_BYTES_MAX = 65_536  # a settings file of more is not one


class ConfigError(Exception):
    """A setting cannot be used: names it, its place, and what was expected."""


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
    for origin, values in (
        (str(home / FILE_NAME), _from_file(home / FILE_NAME)),
        ("environment", _from_environment(environment)),
        ("command line", dict(flags)),
    ):
        _check(values, origin)
        merged.update(values)
    return msgspec.convert(merged, Settings, strict=False)


def _check(values: dict[str, Any], origin: str) -> None:
    try:
        settings = msgspec.convert(values, Settings, strict=False)
        for name in ("peer_listen", "web_listen"):
            split_address(getattr(settings, name), name)
    except (msgspec.ValidationError, ConfigError) as error:
        raise ConfigError(f"{origin}: {error}") from error


def _from_file(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError(f"{path}: more than {FILE_BYTES_MAX} bytes; is this really the settings file?")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as TOML: {error}") from error


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
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\s\[\]/]+):(\d{1,5})", text)
    if found is None or int(found[2]) > 65_535:
        raise ConfigError(
            f"`{name}` is {text!r}; expected HOST:PORT, for example 127.0.0.1:8420 or [::]:7447"
        )
    return found[1].strip("[]"), int(found[2])
