"""The three real catalogues as documents, and a store that feeds them to an index."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from mutunode.protocol.head import PUBLIC
from mutunode.store.interface import Stored
from mutunode.store.search.document import Document
from mutunode.store.search.index import SearchIndex
from mutunode.store.search.query import Found, SearchQuery

EXAMPLES = Path(__file__).parents[3] / "examples"
ORGANISATIONS = {"sill": "DINUM", "glosario": "The Carpentries", "fiches-travail": "Ministère du Travail"}

Texts = list[tuple[str, str, float]]
NATURES = {"sill": "software", "fiches-travail": "practice"}


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def document(catalogue: str, key: str, titles: list[tuple[str, str]], texts: Texts, **more: Any) -> Document:
    return Document(
        rec=digest(f"{catalogue}:{key}"),
        log=digest(f"log {catalogue}"),
        index=more.get("index", 0),
        org=digest(catalogue),
        space=more.get("space", PUBLIC),
        kind=more.get("kind", "resource"),
        nature=more.get("nature", NATURES.get(catalogue, "document")),
        sense=more.get("sense", "aval"),
        time=more.get("time", 1_700_000_000),
        titles=titles,
        texts=texts,
        languages=more.get("languages", ["fr"]),
        license_class=more.get("license_class", ""),
        license=more.get("license", ""),
        external=f"{catalogue}:{key}",
    )


def _rows(catalogue: str, file: str) -> Iterator[dict[str, Any]]:
    with (EXAMPLES / catalogue / file).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _plain(markup: str | None) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", markup or ""))


def _sill() -> Iterator[Document]:
    for row in _rows("sill", "sill-2022.jsonl"):
        texts: Texts = [("fr", row[key], 2.0) for key in ("f", "c") if row.get(key)]
        texts += [(key[:2], row[key], 1.0) for key in ("fr-desc", "en-desc") if row.get(key)]
        yield document("sill", row["id"], [("fr", row["i"])], texts, license=row.get("l") or "")


def _glosario() -> Iterator[Document]:
    for row in _rows("glosario", "glosario.jsonl"):
        terms = {tag: term for tag, term in row.items() if isinstance(term, dict) and term.get("term")}
        titles = [(tag, term["term"]) for tag, term in terms.items()]
        texts: Texts = [(tag, term.get("def") or "", 1.0) for tag, term in terms.items()]
        yield document(
            "glosario", row["slug"], titles, texts, languages=list(terms), license="CC-BY-4.0", sense="meta"
        )


def _fiches() -> Iterator[Document]:
    for row in _rows("fiches-travail", "fiches-travail.jsonl"):
        texts: Texts = [("fr", row["description"] or "", 1.0), ("fr", _plain(row["intro"]), 1.0)]
        texts += [("fr", f"{part['title']} {_plain(part['html'])}", 1.0) for part in row["sections"]]
        yield document("fiches-travail", row["pubId"], [("fr", row["title"])], texts, license="Apache-2.0")


@cache
def all_documents() -> tuple[Document, ...]:
    found = [*_sill(), *_glosario(), *_fiches()]
    return tuple(
        msgspec.structs.replace(made, index=at, time=1_700_000_000 + at) for at, made in enumerate(found)
    )


def stored(made: Document, **more: Any) -> Stored:
    return Stored(
        log=made.log,
        index=made.index,
        org=made.org,
        space=made.space,
        leaf=made.rec,
        rec=made.rec,
        kind=more.get("kind", made.kind),
        time=made.time,
        header=b"",
        salt=b"",
        body=more.get("body", b"\x80"),
        state=more.get("state", "ok"),
        superseded_by=more.get("superseded_by"),
        withdrawn_by=more.get("withdrawn_by"),
    )


class FakeStore:
    """A store's feed: every record once, under the number of its newest change."""

    def __init__(self, documents: Sequence[Document] = (), newest: int = 0) -> None:
        self.documents: dict[bytes, Document] = {}
        self._changes: dict[bytes, tuple[int, Stored]] = {}
        self._newest = newest
        self.names = {digest(catalogue): name for catalogue, name in ORGANISATIONS.items()}
        for made in documents:
            self.put(made)

    def put(self, made: Document, **state: Any) -> None:
        self._newest += 1
        self.documents[made.rec] = made
        self._changes.pop(made.rec, None)
        self._changes[made.rec] = (self._newest, stored(made, **state))

    def changes(self, after: int, limit: int) -> list[tuple[int, Stored]]:
        return [change for change in self._changes.values() if change[0] > after][:limit]

    def newest_change(self) -> int:
        return self._newest

    def document(self, record: Stored) -> Document | None:
        return self.documents[record.rec]

    def name(self, org: bytes) -> str:
        return self.names.get(org, "")


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def opened(path: Path, store: FakeStore, clock: Clock | None = None, **more: Any) -> SearchIndex:
    index = SearchIndex(path, store, clock or Clock(), **more)
    index.open()
    return index


def filled(path: Path, store: FakeStore, **more: Any) -> SearchIndex:
    index = opened(path, store, **more)
    catch_up(index, store)
    return index


def catch_up(index: SearchIndex, store: FakeStore) -> None:
    for _ in range(10_000):
        if not index.follow(store):
            return
    raise AssertionError("the index never catches up")


def ask(index: SearchIndex, text: str, **more: Any) -> Found:
    return index.search(SearchQuery(text=text, **more))


def keys(store: FakeStore, found: Found) -> list[str]:
    """What was found, by the catalogues' own keys."""
    return [store.documents[hit.rec].external or "" for hit in found.hits]
