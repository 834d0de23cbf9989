"""The catalogues of examples/ as three organisations share them, and what members would ask of them.

Records go the way an import takes (reader, mapping, kind), and the way the index takes (`Documents`); only
the store between the two is a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from mutunode.commons.registry import load
from mutunode.interop.items import Item, format_of, read_items
from mutunode.interop.mapping import Mapping
from mutunode.protocol.entry import encode_body
from mutunode.protocol.head import PUBLIC
from mutunode.service.documents import Documents
from mutunode.store.interface import Stored
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import SearchQuery

EXAMPLES = Path(__file__).parents[2] / "examples"
CATALOGUES = {
    "DINUM": "sill/sill-2022.jsonl",
    "The Carpentries": "glosario/glosario.jsonl",
    "Ministère du Travail": "fiches-travail/fiches-travail.jsonl",
}
FIRST = 3  # what somebody looks at before typing something else


class Question(msgspec.Struct, frozen=True):
    """What a member types, and the records, by their authors' keys, any of which is the answer."""

    reader: str
    text: str
    wanted: frozenset[str]
    tries: str


@cache
def questions() -> tuple[Question, ...]:
    """The committed set."""
    lines = Path(__file__).with_name("queries.txt").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line and line[0] != "#"]
    return tuple(
        Question(reader, text, frozenset(keys.split()), tries) for reader, text, keys, tries in cells
    )


@cache
def records() -> tuple[Stored, ...]:
    """Every record of the catalogues, as a store would hand it out."""
    return tuple(stored for name, path in CATALOGUES.items() for stored in _of(name, EXAMPLES / path))


def _of(name: str, path: Path) -> Iterator[Stored]:
    mapping = Mapping.from_toml(path.with_name("mapping.toml").read_text(encoding="utf-8"))
    kind = load()[mapping.kind]
    org = sha256(name.encode()).digest()
    with path.open("rb") as stream:
        for index, (_, item) in enumerate(read_items(stream, format_of(path.name), mapping)):
            assert isinstance(item, Item), item
            body, problems = kind.from_input(item.fields, language="fr")
            assert not problems, problems
            encoded = encode_body(body)
            digest = sha256(org + encoded).digest()
            yield Stored(
                log=org,
                index=index,
                org=org,
                space=PUBLIC,
                leaf=digest,
                rec=digest,
                kind=kind.name,
                time=1_700_000_000 + index,
                header=b"",
                salt=b"",
                body=encoded,
                state="ok",
            )


def text_of(key: str) -> str:
    """Everything a record says, in all its languages."""
    return _texts()[key]


@cache
def _texts() -> dict[str, str]:
    return {str(stored.fields()["external_ref"]): " ".join(_strings(stored.fields())) for stored in records()}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


class Commons:
    """An index of all three catalogues, and how well it answers."""

    def __init__(self, folder: Path) -> None:
        self._keys = {stored.rec: str(stored.fields()["external_ref"]) for stored in records()}
        self._names = {sha256(name.encode()).digest(): name for name in CATALOGUES}
        documents = Documents(load(), self, "fr")  # type: ignore[arg-type]  # the part of a reader it asks
        self.index = SearchIndex(folder, documents, lambda: 0.0)
        self.index.open()
        while self.index.follow(self):
            pass

    def changes(self, after: int, limit: int) -> list[tuple[int, Stored]]:
        return list(enumerate(records(), 1))[after : after + limit]

    def newest_change(self) -> int:
        return len(records())

    def current(self, org: bytes, kind: str) -> None:
        """No organisation has a profile."""

    def organisation(self, org: bytes) -> SimpleNamespace:
        return SimpleNamespace(name=self._names[org])

    def first(self, question: Question, *, loosely: bool) -> list[str]:
        """The keys of the first records found."""
        asked = SearchQuery(text=question.text, reader_language=question.reader, limit=FIRST, loosely=loosely)
        return [self._keys[hit.rec] for hit in self.index.search(asked).hits]

    def missed(self, *, loosely: bool) -> list[Question]:
        """The questions whose answer is not among the first."""
        return [
            question
            for question in questions()
            if not question.wanted & set(self.first(question, loosely=loosely))
        ]

    def close(self) -> None:
        self.index.close()
