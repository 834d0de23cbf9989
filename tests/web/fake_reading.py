"""The fake office reads: search, records, usages."""

from __future__ import annotations

import base64
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from mutunode.commons import languages, licences
from mutunode.commons.registry import Registry
from mutunode.protocol import ids
from mutunode.service import shapes
from mutunode.service.params import OneOrMany
from mutunode.service.proving import Proved
from tests.web.fake_shelf import DAY, NOW, TARGETS, Entry, FakeShelf, not_on_the_loop, org_id


class FakeReading(FakeShelf):
    """What pages ask about records."""

    def search(
        self,
        q: str = "",
        sense: OneOrMany = "",
        kind: OneOrMany = "",
        org: OneOrMany = "",
        language: OneOrMany = "",
        license: OneOrMany = "",
        circle: str = "",
        limit: int = 20,
        offset: int = 0,
        sort: str = "",
        reader_language: str = "",
        *,
        loosely: bool = False,
        sideways: bool = False,
    ) -> shapes.SearchAnswer:
        not_on_the_loop()
        assert 0 <= limit <= 100
        assert offset >= 0
        assert sort in ("", "date", "usage", "relevance", "time")
        everything = [
            hit for entry in reversed(self.entries) if (hit := self._hit(entry, q, reader_language))
        ]
        found = everything
        for wanted, of in (
            (sense, lambda hit: (hit.sense,)),
            (kind, lambda hit: (hit.kind,)),
            (org, lambda hit: (hit.org,)),
            (language, lambda hit: hit.languages),
            (license, lambda hit: (hit.license, hit.license_class)),
        ):
            values = (wanted,) if isinstance(wanted, str) else wanted
            assert isinstance(values, tuple)
            if any(values):
                found = [hit for hit in found if set(of(hit)) & set(values)]
        words = [word for word in q.split() if self.search(word).total] if not found and " " in q else []
        tries = [shapes.Try(q=word, total=self.search(word).total, why="word") for word in words]
        if everything and not found:
            tries.append(shapes.Try(q=q, total=len(everything), why="filters"))
        facets = {
            "sense": Counter(hit.sense for hit in found if hit.sense),
            "kind": Counter(hit.kind for hit in found),
            "language": Counter(tag for hit in found for tag in hit.languages),
            "license_class": Counter(hit.license_class for hit in found),
            "org": Counter(hit.org for hit in found),
        }
        return shapes.SearchAnswer(
            total=len(found),
            took_ms=1.0,
            hits=tuple(found[offset : offset + limit]),
            facets={name: dict(counts) for name, counts in facets.items()},
            org_names={org_id(name): name for name in self._authors()},
            catalogues=len(self._authors()),
            oldest_news=NOW - 9 * DAY,
            tries=tuple(tries),
            next=offset + limit if offset + limit < len(found) else 0,
            **self.answered,
        )

    def _hit(self, entry: Entry, q: str, reader: str) -> shapes.Hit | None:
        kind = self.registry_[entry.kind]
        if not kind.listed or entry.state != "ok" or entry.superseded:
            return None
        title, title_language = languages.pick(kind.title(entry.body), reader, ())
        snippet, language = languages.pick(kind.summary(entry.body), reader, ())
        snippet = snippet.split("\n\n")[0]
        everything = " ".join(text for _, text, _ in kind.search_texts(entry.body))
        if not all(fold(word) in fold(everything) for word in q.split()):
            return None
        licence = entry.body.get("license", "")
        return shapes.Hit(
            id=entry.id,
            kind=entry.kind,
            sense=kind.sense.value,
            title=title,
            snippet=snippet,
            org=org_id(entry.author),
            org_name=entry.author,
            language=language,
            license=licence,
            usage=self._count(entry),
            score=1.0,
            time=entry.time,
            type=str(entry.body.get(kind.nature_field, "")),
            title_language=title_language,
            title_marks=marks(title, q),
            marks=marks(snippet, q),
            license_class=str(licences.permission(licence)),
            languages=tuple(kind.facets(entry.body).get("language", ())),
            source=", ".join(entry.body.get("creators", ())),
        )

    def show(self, rec: str, reader_language: str = "") -> shapes.Record:
        not_on_the_loop()
        entry = self.find(rec)
        kind = self.registry_.get(entry.kind)
        readable = entry.state not in ("opaque", "missing", "erased") and kind is not None
        title, language = languages.pick(kind.title(entry.body), reader_language, ()) if kind else ("", "")
        target = (
            next((self._by_ref(ref) for name, ref in kind.refs(entry.body) if name in TARGETS), None)
            if kind
            else None
        )
        mine = entry.author == self.own_name
        used = entry.kind == "resource" and entry.state == "ok"
        return shapes.Record(
            id=entry.id,
            kind=entry.kind,
            sense=kind.sense.value if kind else "",
            org=org_id(entry.author),
            org_name=entry.author,
            time=entry.time,
            body=kind.to_json(entry.body) if readable and kind else {},
            proof=shapes.Proof(
                log=ids.log_text(entry.log),
                index=entry.index,
                epoch=0,
                size=412,
                root=base64.b64encode(entry.leaf).decode(),
                signed_at=entry.time,
                holders=4,
            ),
            revisions=tuple(
                shapes.Revision(each.id, each.time, each.index, not each.superseded, each.state)
                for each in self._versions(entry)
            ),
            usage=self._count(entry),
            erased=entry.state == "erased",
            state="superseded" if entry.superseded else entry.state,
            title=title if readable else "",
            title_language=language if readable else "",
            newest=self._versions(entry)[0].id,
            withdrawn_reason="error" if entry.state == "withdrawn" else "",
            based_on=tuple(self._parents(entry)),
            derived=tuple(self._children(entry)),
            flags=tuple(self._flags(entry)),
            target=target.id if target else "",
            target_title=title_of(self.registry_, target) if target else "",
            mine=mine,
            contested_log=entry.state == "contested",
            can_declare=used and not mine,
            asks_usage=used and entry.body.get("ack", {}).get("policy") != "indifferent",
            files=tuple(self._file_lines(entry, mine)) if readable else (),
        )

    def _file_lines(self, entry: Entry, mine: bool) -> Iterator[shapes.FileLine]:
        held = [*entry.body.get("files", ()), *filter(None, [entry.body.get("logo")])]
        for index, item in enumerate(held):
            blob = ids.blob_text(item["blob"])
            yield shapes.FileLine(
                index=index,
                blob=blob,
                name=item.get("name", ""),
                size=item["size"],
                media_type=item.get("media_type", ""),
                language=item.get("lang", ""),
                alt=item.get("alt", {}),
                held=blob in self.contents,
                wanted=item.get("name", "").startswith("wanted"),
                reason="added" if mine else self.kept_for.get(entry.id, ""),
                holders=1,
                sole=mine,
            )

    def prove(self, rec: str) -> Proved:
        not_on_the_loop()
        entry = self.find(rec)
        return Proved(entry.id, "", "mutunode/proof/1\nof the fake office\n", 0, 0, ())

    def usage(self, rec: str) -> shapes.UsageAnswer:
        not_on_the_loop()
        lines = [self._usage_line(each) for each in self._about(self.find(rec), "usage", "resource")]
        count = self._count(self.find(rec))
        private = int(self.told_alone and self.is_inside) * 3
        if private:
            lines = [msgspec.structs.replace(line, private=True, mine=False) for line in lines[:1]] + lines[
                1:
            ]
        told = (shapes.Told("adapted", 4, self.find(rec).id, NOW),) if self.told_alone else ()
        return shapes.UsageAnswer(
            count.declared,
            count.confirmed,
            count.contested,
            tuple(lines),
            count.can_help,
            private=private,
            told=told,
        )

    def kinds(self) -> list[dict[str, Any]]:
        return [{"name": kind.name, "label": kind.label.as_map()} for kind in self.registry_.values()]

    def schema(self, kind: str) -> dict[str, Any]:
        return self._kind(kind).json_schema()

    def _version(self, entry: Entry) -> shapes.Version:
        title = title_of(self.registry_, entry)
        return shapes.Version(entry.id, entry.index, entry.time, title, "fr", not entry.superseded)

    def input_of(self, rec: str) -> dict[str, Any]:
        entry = self.find(rec)
        return self._kind(entry.kind).to_json(entry.body)

    def usage_fields(self, rec: str, as_: str, **more: Any) -> dict[str, Any]:
        fields = {"resource": self.find(rec).id, "type": as_, **more}
        return {name: value for name, value in fields.items() if value not in ("", None)}

    def _usage_line(self, entry: Entry) -> shapes.UsageLine:
        answer = self._answer_to(entry)
        said = answer.body["answer"] if answer else ""
        return shapes.UsageLine(
            id=entry.id,
            org=org_id(entry.author),
            org_name=entry.author,
            type=entry.body["type"],
            period=entry.body["period"],
            purpose=entry.body.get("purpose", {}),
            experience=entry.body.get("experience", {}),
            can_help=entry.body.get("can_help", False),
            answer=said,
            state="contested" if said == "contest" else "confirmed" if said else "declared",
            reason=answer.body.get("reason", {}) if answer else {},
            contact="accueil@tilleuls.example" if entry.body.get("can_help") else "",
            time=entry.time,
            mine=entry.author == self.own_name,
        )

    def _count(self, entry: Entry) -> shapes.UsageCount:
        lines = [self._usage_line(each) for each in self._about(entry, "usage", "resource")]
        counted = [line for line in lines if line.state != "contested"]
        return shapes.UsageCount(
            declared=len(counted),
            confirmed=sum(line.state == "confirmed" for line in counted),
            contested=len(lines) - len(counted),
            can_help=sum(line.can_help for line in counted),
        )

    def _parents(self, entry: Entry) -> list[shapes.Parent]:
        out = []
        for link in entry.body.get("based_on", ()):
            source = self._by_ref(link["ref"]) if "ref" in link else None
            out.append(self._parent(entry, link, source, link.get("uri", "")))
        return out

    def _children(self, entry: Entry) -> list[shapes.Parent]:
        return [
            msgspec.structs.replace(
                self._parent(each, link, entry, ""),
                title=title_of(self.registry_, each),
                id=each.id,
                org=org_id(each.author),
                org_name=each.author,
            )
            for each in self.entries
            for link in each.body.get("based_on", ())
            if link.get("ref") == entry.ref
        ]

    def _checks(self, body: dict[str, Any]) -> list[shapes.Parent]:
        draft = Entry(self.own_name, "resource", body, 96, NOW)
        return self._parents(draft)

    def _parent(self, of: Entry, link: dict[str, Any], other: Entry | None, uri: str) -> shapes.Parent:
        source_license = other.body.get("license", "") if other else ""
        verdict = licences.compare(source_license, of.body.get("license", ""), link["relation"])
        return shapes.Parent(
            title=title_of(self.registry_, other) if other else uri,
            title_language="fr",
            relation=link["relation"],
            changes=link.get("changes", {}),
            id=other.id if other else "",
            uri=uri,
            org=org_id(other.author) if other else "",
            org_name=other.author if other else "",
            state="recognised" if other and other.index % 2 == 0 else "declared",
            verdict=verdict.verdict,
            reason=verdict.reason.as_map(),
            license=source_license,
        )

    def _flags(self, entry: Entry) -> list[shapes.Flagged]:
        return [
            shapes.Flagged(
                each.id,
                org_id(each.author),
                each.author,
                each.body["reason"],
                each.body.get("note", {}),
                each.time,
            )
            for each in self._about(entry, "flag", "target")
        ]


def title_of(registry: Registry, entry: Entry) -> str:
    return languages.pick(registry[entry.kind].title(entry.body), "fr", ())[0]


def fold(text: str) -> str:
    return unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()


def marks(text: str, q: str) -> tuple[tuple[int, int], ...]:
    folded = "".join(fold(character)[:1] or " " for character in text)
    found = [(folded.index(fold(word)), len(word)) for word in q.split() if fold(word) in folded]
    return tuple((start, start + length) for start, length in sorted(found))
