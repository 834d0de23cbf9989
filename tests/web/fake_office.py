"""A strict stand-in for the office: the same answers in memory, from real kinds and real rows.

It refuses what the real one would be right to refuse: being asked on the event loop's own thread (one slow
answer would hold up every reader), ids in another form than text, fields its kinds do not know.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mutunode.commons import languages, licences
from mutunode.commons.kind import Kind
from mutunode.commons.registry import Registry, load
from mutunode.protocol import ids
from mutunode.protocol.blobs import blob_of
from mutunode.protocol.entry import rec_id
from mutunode.service import phrases, shapes
from mutunode.service.disputes import WHAT_TO_DO, Followed
from mutunode.service.epochs import Dropped, Epoch
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.files.names import safe
from mutunode.service.files.releasing import Released
from mutunode.service.files.showing import Beginning, Opened
from mutunode.service.files.sniffing import media_type
from mutunode.service.keys import EpochLine, KeysShown, Root
from mutunode.service.params import Emit, OneOrMany
from mutunode.service.plain import as_text
from mutunode.service.proving import Proved
from mutunode.store.interface import Draft
from tests.web import catalogue
from tests.web.fake_lender import FakeLender

if TYPE_CHECKING:
    from mutunode.service.importing import Source

NOW = 1_795_400_000  # 22 November 2026
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def org_id(name: str) -> str:
    """An id that is always the same for a name."""
    return ids.org_text(hashlib.sha256(name.encode()).digest())


WORDS = "abeille barrage citoyen cuisine aurore coton balcon citerne avenir bougie cuivre colline".split()


def check_words(name: str) -> dict[str, str]:
    """Six words of a name."""
    picks = hashlib.sha256(name.encode()).digest()
    words = " ".join(WORDS[byte % len(WORDS)] for byte in picks[:6])
    return {"fr": words, "en": words}


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


LINK = "mutunode://invite/1?org=org_a&key=b&token=c&until=1&at=192.168.1.2:7447&name=La+Fabrique"


def left_by_strangers() -> list[shapes.Todo]:
    """What somebody unknown brought: an invitation for us alone, and something nobody can read."""
    invitation = shapes.Todo(
        id="rec_" + "i" * 52,
        kind="peer",
        sense="",
        org=org_id(catalogue.PASSERELLE),
        org_name=catalogue.PASSERELLE,
        time=NOW - HOUR,
        title="Invitation",
        target="",
        type="",
        text={"fr": "Parlons vélo"},
        private=True,
        stranger=True,
        about="invite",
        check_words=check_words(catalogue.PASSERELLE),
    )
    message = msgspec.structs.replace(
        invitation, id="rec_" + "m" * 52, text={}, about="message", similar_to=catalogue.RELAIS
    )
    return [invitation, message]


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class FakeUpload:
    """A file that comes in pieces."""

    def __init__(self, office: FakeOffice, name: str) -> None:
        self._office, self.name, self._content = office, name, b""

    @property
    def size(self) -> int:
        return len(self._content)

    def write(self, piece: bytes | memoryview) -> None:
        _not_on_the_loop()
        if b"no room" in bytes(piece):
            raise Refusal("full", Exit.READ_ONLY, "Le disque est plein.", "The disk is full.")
        self._content += piece

    def keep(self) -> dict[str, Any]:
        _not_on_the_loop()
        chunks = [self._content[at : at + 262_144] for at in range(0, len(self._content), 262_144)]
        blob = ids.blob_text(blob_of(chunks)[0])
        self._office.contents[blob] = self._content
        kind = media_type(self._content, self.name)
        return {"blob": blob, "size": len(self._content), "media_type": kind, "name": self.name}

    def abandon(self) -> None:
        _not_on_the_loop()
        self._office.abandoned.append(self.name)


@dataclass
class FakeOffice:
    """An office of six organisations. ``acts`` tells what was written, in order."""

    registry_: Registry = field(default_factory=load)
    entries: list[Entry] = field(default_factory=list)
    stances: dict[str, str] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    epochs: list[EpochLine] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)  # what a new start would leave out
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

    # --- reading ---

    @property
    def inside(self) -> FakeOffice:
        """What sessions read besides."""
        return replace(self, is_inside=True)

    @property
    def lender(self) -> FakeLender:
        """Means and bookings."""
        return FakeLender(self, Entry)

    def registry(self) -> Registry:
        return self.registry_

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
        _not_on_the_loop()
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
        if not all(_fold(word) in _fold(everything) for word in q.split()):
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
            title_marks=_marks(title, q),
            marks=_marks(snippet, q),
            license_class=str(licences.permission(licence)),
            languages=tuple(kind.facets(entry.body).get("language", ())),
            source=", ".join(entry.body.get("creators", ())),
        )

    def show(self, rec: str, reader_language: str = "") -> shapes.Record:
        _not_on_the_loop()
        entry = self.find(rec)
        kind = self.registry_.get(entry.kind)
        readable = entry.state not in ("opaque", "missing", "erased") and kind is not None
        title, language = languages.pick(kind.title(entry.body), reader_language, ()) if kind else ("", "")
        target = (
            next((self._by_ref(ref) for name, ref in kind.refs(entry.body) if name in _TARGETS), None)
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
            target_title=_title(self.registry_, target) if target else "",
            mine=mine,
            contested_log=entry.state == "contested",
            can_declare=used and not mine,
            asks_usage=used and entry.body.get("ack", {}).get("policy") != "indifferent",
            files=tuple(
                shapes.FileLine(
                    index=index,
                    blob=ids.blob_text(item["blob"]),
                    name=item.get("name", ""),
                    size=item["size"],
                    media_type=item.get("media_type", ""),
                    language=item.get("lang", ""),
                    alt=item.get("alt", {}),
                    held=ids.blob_text(item["blob"]) in self.contents,
                    wanted=item.get("name", "").startswith("wanted"),
                    reason="added" if mine else self.kept_for.get(entry.id, ""),
                    holders=1,
                    sole=mine,
                )
                for index, item in enumerate(
                    [*entry.body.get("files", ()), *filter(None, [entry.body.get("logo")])]
                )
            )
            if readable
            else (),
        )

    # --- files -------------------------------------------------------------------------------
    def opened_file(self, rec: str, index: int) -> Opened:
        _not_on_the_loop()
        for line in self.show(rec).files:
            if line.index == index:
                content = self.contents.get(line.blob)
                kind = line.media_type
                return Opened(line.blob, safe(line.name), line.size, kind, content is not None)
        raise Refusal("no_such_file", Exit.NOT_FOUND, "Pas ce fichier.", "No such file.")

    def read_file(self, blob: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        _not_on_the_loop()
        content = self.contents[blob][start:end]
        yield from (content[at : at + 1_000] for at in range(0, len(content), 1_000))

    def picture_of(self, file: Opened) -> bytes | None:
        _not_on_the_loop()
        return PIXEL if file.media_type.startswith("image/") and file.held else None

    def beginning_of(self, file: Opened) -> Beginning | None:
        _not_on_the_loop()
        if not file.held or not file.media_type.startswith("text/"):
            return None
        text = self.contents[file.blob][:200].decode("utf-8", "ignore")
        return Beginning(text, file.media_type == "text/markdown", len(self.contents[file.blob]) > 200)

    def file_progress(self, blob: str) -> tuple[int, int]:
        _not_on_the_loop()
        return (3, 12)

    def ask_holders(self, rec: str) -> None:
        _not_on_the_loop()

    def fetch_files(self, rec: str, blob: str = "") -> int:
        _not_on_the_loop()
        self.fetched.append(rec)
        return 1

    def release(self, target: str) -> Released:
        _not_on_the_loop()
        if target in self.kept_otherwise:
            return Released(target, (), 0, 1)
        was_promised = self.kept_for.pop(target) == "promised"
        return Released(target, (target,) if was_promised else (), 1, 0)

    def upload(self, name: str, media_type: str = "") -> FakeUpload:
        _not_on_the_loop()
        return FakeUpload(self, name)

    def prove(self, rec: str) -> Proved:
        _not_on_the_loop()
        entry = self.find(rec)
        return Proved(entry.id, "", "mutunode/proof/1\nof the fake office\n", 0, 0, ())

    def usage(self, rec: str) -> shapes.UsageAnswer:
        _not_on_the_loop()
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

    def organisation(self, org: str, reader_language: str = "") -> shapes.OrganisationPage:
        _not_on_the_loop()
        name = self._name(org)
        mine = [entry for entry in self.entries if entry.author == name]
        profile = next((entry for entry in reversed(mine) if entry.kind == "profile"), None)
        hits = [
            hit
            for entry in reversed(mine)
            if entry.kind == "resource" and (hit := self._hit(entry, "", reader_language))
        ]
        uses = [entry for entry in mine if entry.kind == "usage"]
        used = {entry.id: self._by_ref(entry.body["resource"]) for entry in uses}
        return shapes.OrganisationPage(
            organisation=self._organisation(name),
            profile=self.registry_["profile"].to_json(profile.body) if profile else {},
            profile_id=profile.id if profile else "",
            resources=tuple(hits[:12]),
            total_resources=len(hits),
            uses=tuple(self._usage_line(entry) for entry in uses[:12]),
            used_titles={rec: _title(self.registry_, entry) for rec, entry in used.items()},
            used_ids={rec: entry.id for rec, entry in used.items()},
            epoch=0,
            epochs=(self._branch("key_" + "e" * 52, "Ordinateur volé"),) if org in self.disputed else (),
            rivals=(self._branch("key_" + "f" * 52, ""),) if org in self.disputed else (),
            to_decide=org in self.disputed,
            key_here="key_" + "e" * 52 if name == self.own_name else "",
        )

    def network(self) -> shapes.Network:
        _not_on_the_loop()
        others = [self._organisation(name) for name in self._authors() if name != self.own_name]
        return shapes.Network(
            me=self._organisation(self.own_name),
            organisations=tuple(sorted(others, key=lambda each: (each.stance != "accepted", each.name))),
            nearby=(
                shapes.Nearby(
                    org_id("Cyclerie des Deux Rives"), "192.168.1.20:7447", NOW - 2 * MINUTE,
                    "Cyclerie des Deux Rives", check_words("Cyclerie"),
                ),
                shapes.Nearby(
                    org_id("Atelier Paserelle"), "192.168.1.21:7447", NOW - HOUR, "Atelier Paserelle",
                    check_words("Paserelle"), similar_to=catalogue.PASSERELLE,
                ),
            ),
            holders=4 if others else 0,
            reachable=sum(each.connected for each in others),
            now=NOW,
            reach=shapes.Reach(
                "relayed", (catalogue.PASSERELLE,), 1,
                f"Non joignable, sans gravité tant que {catalogue.PASSERELLE} vous relaie.",
                f"Not reachable, no matter as long as {catalogue.PASSERELLE} relays for you.",
            ),
        )  # fmt: skip

    def todo(self, reader_language: str = "") -> shapes.TodoList:
        _not_on_the_loop()
        waiting: list[shapes.Todo] = []
        done: list[shapes.Todo] = []
        for entry in self.entries:
            resource = self._by_ref(entry.body["resource"]) if entry.kind == "usage" else None
            if resource is None or resource.author != self.own_name:
                continue
            todo = shapes.Todo(
                id=entry.id,
                kind="usage_answer",
                sense="aval",
                org=org_id(entry.author),
                org_name=entry.author,
                time=entry.time,
                title=_title(self.registry_, resource),
                target=resource.id,
                type=entry.body["type"],
                period=entry.body["period"],
                text=entry.body.get("experience", {}),
                can_help=entry.body.get("can_help", False),
            )
            (done if self._answer_to(entry) else waiting).append(todo)
        disputes = tuple(self._dispute(name) for name in self._authors() if org_id(name) in self.disputed)
        return shapes.TodoList((*disputes, *waiting, *self.left), (), tuple(done))

    def _dispute(self, name: str) -> shapes.Todo:
        why = "ours" if name == self.own_name else "tied"
        return shapes.Todo(
            id=org_id(name),
            kind="decision",
            sense="",
            org=org_id(name),
            org_name=name,
            time=NOW - HOUR,
            title="",
            target="",
            type=why,
            text=WHAT_TO_DO[why].as_map(),
            about="dispute",
        )

    def status(self) -> shapes.Status:
        _not_on_the_loop()
        return shapes.Status(
            org=org_id(self.own_name),
            name=self.own_name,
            epoch=0,
            logs={
                "public": {"log": ids.log_text(bytes(32)), "size": 96, "root": "", "signed_at": NOW - HOUR}
            },
            organisations=len(self._authors()),
            records=len(self.entries),
            peers=(),
            version="0.0",
            web="http://127.0.0.1:8420",
            peer="[::]:7447",
            read_only=self.read_only,
            read_only_reason={"fr": "Le disque est plein.", "en": "The disk is full."}
            if self.read_only
            else {},
        )

    def kinds(self) -> list[dict[str, Any]]:
        return [{"name": kind.name, "label": kind.label.as_map()} for kind in self.registry_.values()]

    def schema(self, kind: str) -> dict[str, Any]:
        return self._kind(kind).json_schema()

    # --- writing ---

    def preview(self, kind: str, fields: Mapping[str, Any], reader_language: str = "") -> shapes.Preview:
        _not_on_the_loop()
        return self._preview(self._kind(kind), self._read(kind, fields), reader_language)

    def preview_revision(
        self, rec: str, fields: Mapping[str, Any], reader_language: str = ""
    ) -> shapes.Preview:
        _not_on_the_loop()
        entry = self._ours(rec)
        body = self._read(entry.kind, fields)
        return msgspec.structs.replace(
            self._preview(self._kind(entry.kind), body, reader_language),
            revises=entry.id,
            unchanged=entry.id if body == entry.body else "",
        )

    def _preview(self, kind: Kind, body: dict[str, Any], reader: str) -> shapes.Preview:
        shown = kind.to_json(body)
        return shapes.Preview(
            kind=kind.name,
            sense=kind.sense.value,
            org_name=self.own_name,
            index=96,
            body=shown,
            text=as_text(kind.name, shown),
            title=languages.pick(kind.title(body), reader or "fr", ())[0],
            checks=tuple(self._checks(body)),
            entry_bytes=800,
        )

    def publish(self, kind: str, fields: Mapping[str, Any]) -> shapes.Published:
        _not_on_the_loop()
        self._may_write()
        entry = self.add(self.own_name, kind, fields, NOW)
        self.acts.append(("publish", kind, dict(fields)))
        return shapes.Published(entry.id, entry.index, ids.log_text(entry.log), True)

    def revise(self, rec: str, fields: Mapping[str, Any]) -> shapes.Published:
        _not_on_the_loop()
        self._may_write()
        before = self._ours(rec)
        body = self._read(before.kind, fields)
        before.superseded = True
        entry = self._append(self.own_name, before.kind, {**body, "supersedes": before.ref}, NOW)
        self.acts.append(("revise", rec, dict(fields)))
        return shapes.Published(entry.id, entry.index, ids.log_text(entry.log), True, before.id)

    def withdraw(
        self,
        rec: str,
        reason: str,
        replaced_by: str = "",
        erase: bool = False,
        versions: shapes.Which = "all",
    ) -> shapes.Published:
        gone = self._erased(rec, versions) if erase else [self._ours(rec)]
        given = {"reason": reason, "replaced_by": replaced_by, "erase": erase}
        published = self.publish("withdrawal", _withdrawal(rec, given))
        for entry in gone:
            entry.state = "erased" if erase else "withdrawn"
        return published

    def preview_withdrawal(
        self,
        rec: str,
        reason: str,
        replaced_by: str = "",
        erase: bool = False,
        versions: shapes.Which = "all",
        reader_language: str = "",
    ) -> shapes.Preview:
        given = {"reason": reason, "replaced_by": replaced_by, "erase": erase}
        preview = self.preview("withdrawal", _withdrawal(rec, given), reader_language)
        if not erase:
            return preview
        gone, kept = self._erased(rec, versions), self._versions(self._ours(rec))
        return shapes.Erasing(
            **msgspec.structs.asdict(preview),
            erases=tuple(self._version(entry) for entry in gone),
            keeps=tuple(self._version(entry) for entry in kept if entry not in gone),
        )

    def _erased(self, rec: str, versions: shapes.Which) -> list[Entry]:
        named = self._ours(rec)
        match versions:
            case "this":
                return [named]
            case "earlier":
                return [entry for entry in self._versions(named) if entry.superseded]
            case _:
                return list(self._versions(named))

    def _version(self, entry: Entry) -> shapes.Version:
        title = _title(self.registry_, entry)
        return shapes.Version(entry.id, entry.index, entry.time, title, "fr", not entry.superseded)

    def input_of(self, rec: str) -> dict[str, Any]:
        entry = self.find(rec)
        return self._kind(entry.kind).to_json(entry.body)

    def usage_fields(self, rec: str, as_: str, **more: Any) -> dict[str, Any]:
        fields = {"resource": self.find(rec).id, "type": as_, **more}
        return {name: value for name, value in fields.items() if value not in ("", None)}

    def import_lines(
        self, source: Source, *, strict: bool = False, dry_run: bool = False, emit: Emit | None = None
    ) -> shapes.Imported:
        _not_on_the_loop()
        from mutunode.interop.csvfile import read_csv
        from mutunode.interop.jsonl import read_jsonl
        from mutunode.interop.problem import Problem

        bad: list[shapes.BadLine] = []
        good: list[dict[str, Any]] = []
        with source.open() as stream:
            for line, row in (read_csv if source.format == "csv" else read_jsonl)(stream):
                if isinstance(row, Problem):
                    bad.append(shapes.BadLine(row.line, row.field, row.fr, row.en))
                    continue
                fields = source.mapping.apply(row)
                _, problems = self._kind(source.mapping.kind).from_input(fields)
                if problems:
                    bad.append(shapes.BadLine(line, problems[0].field, problems[0].fr, problems[0].en))
                else:
                    good.append(fields)
        if not dry_run:
            for fields in good:
                self.add(self.own_name, source.mapping.kind, fields, NOW)
            self.acts.append(("import", len(good)))
        return shapes.Imported(len(good) + len(bad), len(good), 0, 0, len(bad), tuple(bad))

    def accept(self, org: str, address: str = "", vouch: bool = False, listed: bool = True) -> Any:
        _not_on_the_loop()
        self.stances[org] = "accepted"
        self.acts.append(("accept", org, address, vouch))

    def follow_key(self, org: str, key: str) -> Followed:
        _not_on_the_loop()
        assert ids.parse(org, "org")
        self.acts.append(("follow_key", org, key))
        self.disputed.discard(org)
        ours = org == org_id(self.own_name)
        return Followed(org, self.own_name, 1, key, False, ours, ours and key == "key_" + "e" * 52)

    def key_show(self) -> KeysShown:
        _not_on_the_loop()
        return KeysShown(
            org=org_id(self.own_name),
            name=self.own_name,
            log=self.status().logs["public"]["log"],
            check_words=check_words(self.own_name),
            epoch=len(self.epochs),
            operating="key_" + "a" * 52,
            key_words=check_words("operating"),
            operating_here="key_" + "a" * 52,
            words_here=check_words("operating"),
            current=True,
            disputed=False,
            roots=(Root("root_" + "b" * 52, 1, 0),),
            sealing_epochs=(0,),
            wrapped=False,
            epochs=tuple(self.epochs),
            rivals=(),
        )

    def foresee_epoch(self) -> Epoch:
        _not_on_the_loop()
        return self._epoch("", opened=False)

    def open_epoch(
        self, phrase: str, reason: str = "", base: int | None = None, dry_run: bool = False
    ) -> Epoch:
        _not_on_the_loop()
        assert not dry_run
        phrases.read(phrase)
        self.acts.append(("open_epoch", reason))
        operating, seen = "key_" + "c" * 52, NOW
        line = EpochLine(1, reason, 7, operating, check_words("next"), "root_" + "b" * 52, 1, seen)
        self.epochs.insert(0, line)
        return self._epoch(reason, opened=True)

    def _epoch(self, reason: str, *, opened: bool) -> Epoch:
        gone = tuple(self.dropped)
        return Epoch(
            org=org_id(self.own_name),
            epoch=1,
            reason=reason,
            base=7 - len(gone),
            size=7,
            dropped=len(gone),
            dropped_records=gone,
            operating="key_" + "c" * 52 if opened else "",
            roots=("root_" + "b" * 52,),
            opened=opened,
        )

    def _branch(self, key: str, reason: str) -> dict[str, Any]:
        line = EpochLine(1, reason, 3, key, check_words(key), "root_" + "d" * 52, 1, NOW - DAY)
        return dict(msgspec.to_builtins(line))

    def block(self, org: str) -> Any:
        _not_on_the_loop()
        self.stances[org] = "blocked"
        self.acts.append(("block", org))

    def unblock(self, org: str) -> Any:
        _not_on_the_loop()
        self.stances[org] = ""
        self.acts.append(("unblock", org))

    def answer(self, rec: str, answer: str, reason: Any = "") -> Any:
        _not_on_the_loop()
        self.acts.append(("answer", rec, answer))
        self.left[:] = [each for each in self.left if each.id != rec]

    def invitation(
        self, addresses: tuple[str, ...] = (), days: int = 7, follows: bool = True, note: str = ""
    ) -> shapes.InvitationMade:
        _not_on_the_loop()
        for address in addresses:
            if ":" not in address:
                fr, en = f"« {address} » n’est pas une adresse.", f"“{address}” is not an address."
                raise Refusal("bad_address", Exit.USAGE, fr, en, (Trouble("address", fr, en),))
        self.acts.append(("invitation", addresses, days, follows, note))
        self.invited.insert(
            0,
            shapes.InvitationLine(f"inv_{len(self.invited)}", "open", NOW, NOW + days * DAY, follows, note),
        )
        return shapes.InvitationMade(
            "inv_0", LINK, NOW + days * DAY, follows, addresses or ("192.168.1.2:7447",)
        )

    def invitations(self) -> tuple[shapes.InvitationLine, ...]:
        _not_on_the_loop()
        return tuple(self.invited)

    def revoke_invitation(self, id: str) -> shapes.InvitationLine:
        _not_on_the_loop()
        self.acts.append(("revoke", id))
        return self.invited[0]

    def read_invitation(self, link: str) -> shapes.LinkRead:
        _not_on_the_loop()
        if not link.startswith("mutunode://"):
            fr, en = "Ce n’est pas une invitation entière.", "This is not a whole invitation."
            raise Refusal("not_an_invitation", Exit.USAGE, fr, en, (Trouble("link", fr, en),))
        return shapes.LinkRead(
            org=org_id(catalogue.PASSERELLE),
            name=catalogue.PASSERELLE,
            check_words=check_words(catalogue.PASSERELLE),
            addresses=("192.168.1.9:7447",),
            expires_at=NOW + DAY,
            expired=False,
            ours=False,
            accepted=False,
            blocked=False,
            similar_to="",
        )

    def take_up(self, link: str, wait_seconds: float = 15.0) -> shapes.TakenUp:
        _not_on_the_loop()
        if "used" in link:
            raise Refusal("invitation_used", Exit.REFUSED, "Elle a déjà servi.", "It was used already.")
        self.acts.append(("take_up", link))
        return shapes.TakenUp(self._organisation(catalogue.PASSERELLE), "", "taken")

    def add_peer(self, address: str) -> Any:
        _not_on_the_loop()
        if ":" not in address:
            fr, en = f"« {address} » n’est pas une adresse.", f"“{address}” is not an address."
            raise Refusal("bad_address", Exit.USAGE, fr, en, (Trouble("address", fr, en),))
        self.acts.append(("add_peer", address))

    def sync(self, wait: int, timeout: float, emit: Emit) -> Any:
        _not_on_the_loop()
        self.acts.append(("sync", wait))

    def draft_save(self, id: str, kind: str, fields: Mapping[str, Any]) -> Draft:
        _not_on_the_loop()
        draft = Draft(id or f"d{len(self.drafts)}", kind, dict(fields), NOW)
        self.drafts[draft.id] = draft
        return draft

    def draft_list(self) -> list[Draft]:
        return list(self.drafts.values())

    def draft(self, id: str) -> Draft | None:
        return self.drafts.get(id)

    def draft_drop(self, id: str) -> None:
        self.drafts.pop(id, None)

    # --- what the tests fill it with ---

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

    def _organisation(self, name: str) -> shapes.Organisation:
        known = self._authors()
        place = min(known.index(name), 9) if name in known else 9
        heard = (
            NOW
            - (4 * MINUTE, 11 * MINUTE, 26 * MINUTE, 5 * HOUR, 20 * HOUR, 9 * DAY, 9 * DAY, 0, 0, 0)[place]
        )
        known_by = (catalogue.RELAIS,) if place >= 5 else ()
        return shapes.Organisation(
            org=org_id(name),
            name=name,
            me=name == self.own_name,
            disputed=org_id(name) in self.disputed,
            stance=self.stances.get(org_id(name), "accepted" if 0 < place < 5 else ""),
            records=sum(entry.author == name for entry in self.entries),
            by_sense={
                "aval": sum(entry.author == name and entry.kind == "resource" for entry in self.entries)
            },
            heard_at=heard,
            signed_at=heard,
            connected=place in (1, 2, 3),
            address="192.168.1.2:7447",
            known_by=known_by,
            check_words=check_words(name),
            similar_to=catalogue.PASSERELLE if name == "Atelier Paserelle" else "",
            silent=place >= 5,
            holds_mine=place in (1, 2, 3, 4),
        )

    def _by_ref(self, ref: Sequence[Any]) -> Entry:
        return next(entry for entry in self.entries if entry.ref == list(ref))

    def _about(self, entry: Entry, kind: str, name: str) -> list[Entry]:
        return [each for each in self.entries if each.kind == kind and each.body[name] == entry.ref]

    def _answer_to(self, usage: Entry) -> Entry | None:
        return next(iter(self._about(usage, "usage_answer", "usage")), None)

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

    def _versions(self, entry: Entry) -> list[Entry]:
        chain = [entry]
        while later := next((e for e in self.entries if e.body.get("supersedes") == chain[0].ref), None):
            chain.insert(0, later)
        while ref := chain[-1].body.get("supersedes"):
            chain.append(self._by_ref(ref))
        return chain

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
                title=_title(self.registry_, each),
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
            title=_title(self.registry_, other) if other else uri,
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


_TARGETS = ("resource", "usage", "target")


def _not_on_the_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise AssertionError("the office was asked on the event loop: every reader waits for the answer")


def _title(registry: Registry, entry: Entry) -> str:
    return languages.pick(registry[entry.kind].title(entry.body), "fr", ())[0]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()


def _marks(text: str, q: str) -> tuple[tuple[int, int], ...]:
    folded = "".join(_fold(character)[:1] or " " for character in text)
    found = [(folded.index(_fold(word)), len(word)) for word in q.split() if _fold(word) in folded]
    return tuple((start, start + length) for start, length in sorted(found))


def furnished(**settings: Any) -> FakeOffice:
    """An office with everything a page can show."""
    office = FakeOffice(**settings)
    for age, row in enumerate(catalogue.SOFTWARE):
        office.add(catalogue.POLE, "resource", row, NOW - (30 - age) * DAY)
    office.add(catalogue.PASSERELLE, "profile", catalogue.PROFILE, NOW - 300 * DAY)
    for row in catalogue.SHEETS:
        office.add(catalogue.RELAIS, "resource", row, NOW - 16 * DAY)
    office.add(catalogue.PASSERELLE, "resource", catalogue.TERM, NOW - 12 * DAY)
    sheet = next(
        entry for entry in office.entries if entry.body.get("title", {}).get("fr", "").startswith("L’adap")
    )
    version = office.add(
        catalogue.FABRIQUE,
        "resource",
        {
            **catalogue.VERSION,
            "based_on": [{"ref": sheet.id, "changes": "Exemples de bacs et de hauteurs de table"}],
        },
        NOW - 9 * DAY,
    )
    _furnish_usages(office, sheet, version)
    return office


def _furnish_usages(office: FakeOffice, sheet: Entry, version: Entry) -> None:
    def use(author: str, entry: Entry, type: str, period: str, **more: Any) -> Entry:
        return office.add(
            author, "usage", {"resource": entry.id, "type": type, "period": period, **more}, NOW - 3 * DAY
        )

    def answer(author: str, usage: Entry, answer: str, **more: Any) -> None:
        office.add(author, "usage_answer", {"usage": usage.id, "answer": answer, **more}, NOW - 2 * DAY)

    first = use(
        catalogue.TILLEULS, sheet, "adapted", "mars 2026", can_help=True,
        experience="Trois postes revus à l’atelier vélo. Nous pouvons montrer comment.",
    )  # fmt: skip
    answer(catalogue.RELAIS, first, "thanks")
    use(catalogue.RADIO, sheet, "used", "automne 2026", purpose="Pour préparer une visite de pré-reprise.")
    use(catalogue.PASSERELLE, sheet, "translated", "2026")
    contested = use(catalogue.POLE, sheet, "recommended", "2026")
    answer(catalogue.RELAIS, contested, "contest", reason="Ce n’est pas cette fiche.")
    use(
        catalogue.TILLEULS, version, "used", "novembre 2026", can_help=True,
        experience="Nous avons gardé les hauteurs de table et retiré la partie sur les bacs.",
    )  # fmt: skip
    office.add(
        catalogue.RADIO,
        "flag",
        {"target": version.id, "reason": "inaccurate", "note": "Une mesure manque."},
        NOW - DAY,
    )


def in_state(entry: Entry, state: str) -> Entry:
    """The same record in another state."""
    return replace(entry, state=state)


def _withdrawal(rec: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"target": rec, **{name: value for name, value in given.items() if value}}
