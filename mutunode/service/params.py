"""The parameters of each verb, as structs: a name that is not there is refused, never ignored.

One struct for one shape: verbs that take the same share it. What holds a phrase does not show it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mutunode.service.shapes import Which

Emit = Callable[[dict[str, Any]], None]  # progress, told while a verb works
OneOrMany = str | tuple[str, ...]


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of a verb; ``reader_language`` chooses among translations."""


class Nothing(Params, frozen=True):
    reader_language: str = ""


class OfRecord(Params, frozen=True):
    rec: str
    reader_language: str = ""


class Publish(Params, frozen=True):
    kind: str
    fields: dict[str, Any]
    dry_run: bool = False
    reader_language: str = ""


class GetFiles(Params, frozen=True):
    """``path`` is a folder that the node itself writes to (same machine, same user)."""

    rec: str
    path: str
    timeout: float = 60.0
    reader_language: str = ""


class Release(Params, frozen=True):
    target: str  # rec_… or org_…


class OfBlob(Params, frozen=True):
    blob: str
    reader_language: str = ""


class Revise(Params, frozen=True):
    rec: str
    fields: dict[str, Any]
    dry_run: bool = False
    reader_language: str = ""


class Withdraw(Params, frozen=True):
    """``versions``, when erasing: all of them, the earlier ones, or the one that is named."""

    rec: str
    reason: str
    replaced_by: str = ""
    erase: bool = False
    versions: Which = "all"
    dry_run: bool = False
    reader_language: str = ""


class Use(Params, frozen=True, rename={"as_": "as"}):
    rec: str
    as_: str
    purpose: Any = ""
    period: str = ""
    can_help: bool = False
    visibility: str = "public"
    experience: Any = ""
    scale: str = ""
    dry_run: bool = False
    reader_language: str = ""


class AnswerUsage(Params, frozen=True):
    rec: str
    answer: str
    reason: Any = ""
    reader_language: str = ""


class Flag(Params, frozen=True):
    rec: str
    reason: str
    note: Any = ""
    reader_language: str = ""


class Import(Params, frozen=True):
    """``path`` is read by the node itself (same machine, same user); ``lines`` is text already read."""

    path: str = ""
    lines: str = ""
    format: str = ""
    map: dict[str, str] = {}
    mapping: str = ""
    kind: str = "resource"
    strict: bool = False
    dry_run: bool = False
    reader_language: str = ""


class Search(Params, frozen=True):
    q: str = ""
    sense: OneOrMany = ""
    kind: OneOrMany = ""
    org: OneOrMany = ""
    language: OneOrMany = ""
    license: OneOrMany = ""
    circle: str = ""
    limit: int = 20
    offset: int = 0
    sort: str = ""
    loosely: bool = False
    sideways: bool = False
    reader_language: str = ""


class OfPeer(Params, frozen=True):
    org: str
    address: str = ""
    vouch: bool = False
    listed: bool = True
    reader_language: str = ""


class Invite(Params, frozen=True):
    """``to`` an organisation whose key is known, else a link is made."""

    to: str = ""
    address: tuple[str, ...] = ()
    days: int = 7
    follows: bool = True
    note: Any = ""
    reader_language: str = ""


class OfInvitation(Params, frozen=True):
    id: str
    reader_language: str = ""


class TakeUp(Params, frozen=True):
    link: str
    wait: float = 15.0
    reader_language: str = ""


class AtAddress(Params, frozen=True):
    address: str
    reader_language: str = ""


class Sync(Params, frozen=True):
    wait: int = 0
    timeout: float = 60.0
    reader_language: str = ""


class Carry(Params, frozen=True):
    """``path`` is a file that the node itself reads or writes (same machine, same user)."""

    path: str
    files: bool = False
    reader_language: str = ""


class Backup(Params, frozen=True):
    """``path`` is a folder that the node itself makes (same machine, same user)."""

    path: str
    keys: bool = True
    reader_language: str = ""


class ShowLog(Params, frozen=True):
    log: str = ""
    start: int = msgspec.field(default=0, name="from")
    limit: int = 50
    reader_language: str = ""


class ExportLog(Params, frozen=True):
    """``path`` is a folder that the node itself writes to (same machine, same user)."""

    path: str
    log: str = ""
    reader_language: str = ""


class Prove(Params, frozen=True):
    rec: str
    witnesses: int = 0
    timeout: float = 30.0
    reader_language: str = ""


class ProveFork(Params, frozen=True):
    org: str


class Export(Params, frozen=True):
    format: str = "jsonl"
    kind: str = "resource"
    reader_language: str = ""


class OfKind(Params, frozen=True):
    kind: str
    reader_language: str = ""


class MeansLs(Params, frozen=True, rename={"start": "from", "end": "to"}):
    """A question about means: words, near where, when."""

    q: str = ""
    near: str = ""
    within_km: float = 50.0
    on: str = ""
    start: str = ""
    end: str = ""
    units: int = 1
    type: str = ""
    org: str = ""
    limit: int = 20
    offset: int = 0
    reader_language: str = ""


class OfMeans(Params, frozen=True):
    """``day``: any day of the week to show."""

    rec: str
    day: str = ""
    reader_language: str = ""


class MeansHours(Params, frozen=True):
    """``text``: an iCalendar file, already read."""

    rec: str
    text: str
    dry_run: bool = False
    reader_language: str = ""


class BlockMeans(Params, frozen=True):
    fields: dict[str, Any]
    dry_run: bool = False
    reader_language: str = ""


class BookRequest(Params, frozen=True, rename={"start": "from", "end": "to"}):
    rec: str
    start: str = ""
    end: str = ""
    units: int = 1
    purpose: Any = ""
    expires: str = ""
    dry_run: bool = False
    reader_language: str = ""


class BookAct(Params, frozen=True):
    rec: str
    act: str
    reason: Any = ""
    condition: str = ""
    note: Any = ""
    dry_run: bool = False
    reader_language: str = ""


class LoginLink(Params, frozen=True):
    language: str = ""
    reader_language: str = ""


class OpenEpoch(Params, frozen=True):
    """``phrase`` is the recovery phrase; it lives as long as the verb."""

    phrase: str
    reason: str = ""
    base: int | None = None
    undo: bool = False
    dry_run: bool = False
    reader_language: str = ""

    def __repr__(self) -> str:
        return "OpenEpoch(…)"


class FollowKey(Params, frozen=True):
    """``key``: the operating key of the branch that is to be followed, eight characters of it or more."""

    org: str
    key: str
    reader_language: str = ""


class OfOrganisation(Params, frozen=True):
    org: str
    reader_language: str = ""


class Entrusting(Params, frozen=True):
    """``phrase`` is our own; ``org`` or ``root`` is whom or what it is about."""

    phrase: str
    org: str = ""
    root: str = ""
    reason: str = ""
    remove: bool = False
    request: str = ""
    reader_language: str = ""

    def __repr__(self) -> str:
        return "Entrusting(…)"


class Passphrase(Params, frozen=True):
    """An empty ``new`` takes the guard away."""

    old: str = ""
    new: str = ""
    reader_language: str = ""

    def __repr__(self) -> str:
        return "Passphrase(…)"
