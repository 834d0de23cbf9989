"""What the fake office holds: records of six organisations, and what people decided about them.

It refuses what the real one would be right to refuse: being asked on the event loop's own thread (one slow
answer would hold up every reader), ids in another form than text, fields its kinds do not know.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mutunode.commons.kind import Kind
from mutunode.commons.registry import Registry, load
from mutunode.protocol import ids
from mutunode.protocol.entry import rec_id
from mutunode.service import shapes
from mutunode.service.epochs import Dropped
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.keys import EpochLine
from mutunode.store.interface import Draft
from tests.web import catalogue
from tests.web.fake_lender import FakeLender

NOW = 1_795_400_000  # 22 November 2026
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def org_id(name: str) -> str:
    """An id that is always the same for a name."""
    return ids.org_text(hashlib.sha256(name.encode()).digest())


@dataclass
class Entry:
    """One record of the fake; those about means stand apart, and are in no figure."""

    author: str
    kind: str
    body: dict[str, Any]  # as decoded
    index: int
    time: int
    state: str = "ok"
    superseded: bool = False

    @property
    def log(self) -> bytes:
        return hashlib.sha256(b"log" + self.author.encode()).digest()

    @property
    def leaf(self) -> bytes:
        return hashlib.sha256(f"{self.author}/{self.index}".encode()).digest()

    @property
    def id(self) -> str:
        return ids.rec_text(rec_id(self.log, self.leaf))

    @property
    def ref(self) -> list[Any]:
        return [self.log, self.index, self.leaf]


def not_on_the_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AssertionError("the office was asked on the event loop: every reader waits for the answer")


@dataclass
class FakeShelf:
    """Records, stances, drafts and files. ``acts`` tells what was written, in order."""

    registry_: Registry = field(default_factory=load)
    entries: list[Entry] = field(default_factory=list)
    stances: dict[str, str] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    epochs: list[EpochLine] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)  # what a new start would leave out
    lacking: int = 0  # what the last one keeps and is not here
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    drafts: dict[str, Draft] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)  # files, by their ids
    fetched: list[str] = field(default_factory=list)
    kept_for: dict[str, str] = field(default_factory=dict)  # records of others, and why
    kept_otherwise: set[str] = field(default_factory=set)  # of these, what something else keeps
    abandoned: list[str] = field(default_factory=list)
    read_only: bool = False
    own_name: str = catalogue.FABRIQUE
    answered: dict[str, Any] = field(default_factory=dict)  # what a search answers besides
    left: list[shapes.Todo] = field(default_factory=list)  # by strangers
    invited: list[shapes.InvitationLine] = field(default_factory=list)
    told_alone: bool = False  # one usage is for the author alone
    is_inside: bool = False

    @property
    def lender(self) -> FakeLender:
        """Means and bookings."""
        return FakeLender(self, Entry)

    def registry(self) -> Registry:
        return self.registry_

    def add(self, author: str, kind: str, fields: Mapping[str, Any], time: int) -> Entry:
        """One more record, made from input like everybody's."""
        return self._append(author, kind, self._read(kind, fields), time)

    def find(self, rec: str) -> Entry:
        """The record of an id, or of its beginning."""
        assert rec.startswith("rec_")
        found = [each for each in (*self.entries, *self.lender.entries) if each.id.startswith(rec)]
        if len(found) != 1:
            fr, en = f"Rien ici ne porte l’identifiant « {rec} ».", f"Nothing here has the id “{rec}”."
            raise Refusal("not_found", Exit.NOT_FOUND, fr, en)
        entry: Entry = found[0]
        return entry

    def _append(self, author: str, kind: str, body: dict[str, Any], time: int) -> Entry:
        index = sum(entry.author == author for entry in self.entries)
        entry = Entry(author, kind, body, index, time)
        self.entries.append(entry)
        return entry

    def _read(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        body, problems = self._kind(name).from_input(
            fields, language="fr", today="2026-11-22", resolve=self._resolve
        )
        if problems:
            troubles = tuple(Trouble(each.field, each.fr, each.en) for each in problems)
            raise Refusal("invalid", Exit.USAGE, problems[0].fr, problems[0].en, troubles)
        return body

    def _resolve(self, text: str) -> Any:
        if text.startswith("org_"):
            return ids.parse(text, "org")
        return next((entry.ref for entry in self.entries if entry.id.startswith(text)), None)

    def _kind(self, name: str) -> Kind:
        kind = self.registry_.get(name)
        if kind is None:
            raise Refusal(
                "unknown_kind", Exit.NOT_FOUND, f"Nature inconnue : {name}.", f"Unknown kind: {name}."
            )
        return kind

    def _may_write(self) -> None:
        if self.read_only:
            raise Refusal("full", Exit.READ_ONLY, "Le disque est plein.", "The disk is full.")

    def _ours(self, rec: str) -> Entry:
        entry = self.find(rec)
        if entry.author != self.own_name:
            raise Refusal(
                "not_ours", Exit.REFUSED, "Cette fiche n’est pas la vôtre.", "This record is not yours."
            )
        return entry

    def _authors(self) -> list[str]:
        return list(dict.fromkeys([self.own_name, *(entry.author for entry in self.entries)]))

    def _name(self, org: str) -> str:
        names = {
            org_id(name): name for name in (*self._authors(), "Cyclerie des Deux Rives", "Atelier Paserelle")
        }
        if org not in names:
            raise Refusal("not_found", Exit.NOT_FOUND, f"Organisation inconnue : {org}.", f"Unknown: {org}.")
        return names[org]

    def _by_ref(self, ref: Sequence[Any]) -> Entry:
        return next(entry for entry in self.entries if entry.ref == list(ref))

    def _about(self, entry: Entry, kind: str, name: str) -> list[Entry]:
        return [each for each in self.entries if each.kind == kind and each.body[name] == entry.ref]

    def _answer_to(self, usage: Entry) -> Entry | None:
        return next(iter(self._about(usage, "usage_answer", "usage")), None)

    def _versions(self, entry: Entry) -> list[Entry]:
        chain = [entry]
        while later := next((e for e in self.entries if e.body.get("supersedes") == chain[0].ref), None):
            chain.insert(0, later)
        while ref := chain[-1].body.get("supersedes"):
            chain.append(self._by_ref(ref))
        return chain


TARGETS = ("resource", "usage", "target")
