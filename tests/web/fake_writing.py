"""The fake office writes: it previews, publishes, revises, withdraws, imports, and keeps drafts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mutunode.commons import languages
from mutunode.commons.kind import Kind
from mutunode.protocol import ids
from mutunode.service import shapes
from mutunode.service.importing import Source
from mutunode.service.params import Emit
from mutunode.service.plain import as_text
from mutunode.store.interface import Draft
from tests.web.fake_reading import FakeReading
from tests.web.fake_shelf import NOW, Entry, not_on_the_loop


class FakeWriting(FakeReading):
    """What is written, kept in memory."""

    def preview(self, kind: str, fields: Mapping[str, Any], reader_language: str = "") -> shapes.Preview:
        not_on_the_loop()
        return self._preview(self._kind(kind), self._read(kind, fields), reader_language)

    def preview_revision(
        self, rec: str, fields: Mapping[str, Any], reader_language: str = ""
    ) -> shapes.Preview:
        not_on_the_loop()
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
        not_on_the_loop()
        self._may_write()
        entry = self.add(self.own_name, kind, fields, NOW)
        self.acts.append(("publish", kind, dict(fields)))
        return shapes.Published(entry.id, entry.index, ids.log_text(entry.log), True)

    def revise(self, rec: str, fields: Mapping[str, Any]) -> shapes.Published:
        not_on_the_loop()
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

    def import_lines(
        self, source: Source, *, strict: bool = False, dry_run: bool = False, emit: Emit | None = None
    ) -> shapes.Imported:
        not_on_the_loop()
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

    def answer(self, rec: str, answer: str, reason: Any = "") -> Any:
        not_on_the_loop()
        self.acts.append(("answer", rec, answer))
        self.left[:] = [each for each in self.left if each.id != rec]

    def draft_save(self, id: str, kind: str, fields: Mapping[str, Any]) -> Draft:
        not_on_the_loop()
        draft = Draft(id or f"d{len(self.drafts)}", kind, dict(fields), NOW)
        self.drafts[draft.id] = draft
        return draft

    def draft_list(self) -> list[Draft]:
        return list(self.drafts.values())

    def draft(self, id: str) -> Draft | None:
        return self.drafts.get(id)

    def draft_drop(self, id: str) -> None:
        self.drafts.pop(id, None)


def _withdrawal(rec: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"target": rec, **{name: value for name, value in given.items() if value}}
