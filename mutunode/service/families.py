"""Where a record comes from and what others made of it: sources, descendants, and whether licences agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons import licences
from mutunode.commons.kind import Kind
from mutunode.commons.states import Act, Branch, family
from mutunode.protocol.entry import is_ref
from mutunode.protocol.ids import org_text, rec_text
from mutunode.service import naming, rules
from mutunode.service.acts import act_of, citing
from mutunode.service.desk import Desk
from mutunode.service.shapes import Parent
from mutunode.store.interface import Stored

CHILDREN_MAX = 100


def parents(desk: Desk, kind: Kind, body: Mapping[str, Any], reader_language: str) -> tuple[Parent, ...]:
    """The sources a body names, each with the licence check."""
    sources = body.get("based_on")
    if not isinstance(sources, list) or "based_on" not in kind.by_name:
        return ()
    given = body.get("license")
    own = given if isinstance(given, str) else ""
    return tuple(
        _parent(desk, source, own, reader_language) for source in sources if isinstance(source, dict)
    )


def _parent(desk: Desk, source: Mapping[str, Any], own_license: str, reader_language: str) -> Parent:
    relation = str(source.get("relation", "adaptation"))
    changes = source.get("changes", {})
    ref = source.get("ref")
    if not is_ref(ref):
        uri = str(source.get("uri", ""))
        verdict = licences.compare("", own_license, relation)
        return Parent(
            title=uri, title_language="", relation=relation, changes=changes, uri=uri,
            verdict=verdict.verdict, reason=verdict.reason.as_map(),
        )  # fmt: skip
    stored = rules.cited(desk, ref)
    if stored is None:
        return Parent(title="", title_language="", relation=relation, changes=changes, state="pending")
    source_license = naming.licence_of(stored)
    verdict = licences.compare(source_license, own_license, relation)
    title, language = naming.title_of(desk, stored, reader_language)
    return Parent(
        title=title,
        title_language=language,
        relation=relation,
        changes=changes,
        id=rec_text(stored.rec),
        org=org_text(stored.org),
        org_name=desk.name_of(stored.org),
        verdict=verdict.verdict,
        reason=verdict.reason.as_map(),
        license=source_license,
    )


def children(desk: Desk, stored: Stored, reader_language: str) -> tuple[Parent, ...]:
    """What was made from this record, and from that, and so on: each work once, depth first."""
    if stored.kind != "resource":
        return ()
    branches = family(_descendants(desk, stored), desk.now(), (stored.log, stored.index, stored.leaf))
    return tuple(
        _child(desk, branch, reader_language) for branch in branches[:CHILDREN_MAX] if not branch.again
    )


def _descendants(desk: Desk, stored: Stored) -> list[Act]:
    """The record, all that derives from it, and what the authors of the sources said of that."""
    found = {each.rec: each for each in rules.versions(desk, stored)}
    ring = list(found.values())
    while ring and len(found) < CHILDREN_MAX:
        ring = [each for each in citing(desk, ring, "resource") if each.rec not in found]
        found.update((each.rec, each) for each in ring)
    answers = citing(desk, list(found.values()), "usage_answer")
    return [act_of(each) for each in (*found.values(), *answers)]


def _child(desk: Desk, branch: Branch, reader_language: str) -> Parent:
    link = branch.link
    stored = desk.reader.at(link.derived.log, link.derived.index)
    title, language = naming.title_of(desk, stored, reader_language) if stored is not None else ("", "")
    verdict = link.verdict
    return Parent(
        title=title,
        title_language=language,
        relation=link.relation,
        changes=link.changes,
        id=rec_text(link.derived.rec),
        org=org_text(link.derived.org),
        org_name=desk.name_of(link.derived.org),
        state=link.state,
        verdict=verdict.verdict if verdict is not None else "",
        reason=verdict.reason.as_map() if verdict is not None else {},
        license=naming.licence_of(stored) if stored is not None else "",
        depth=branch.depth,
    )
