"""One record with all that surrounds it: versions, usage, sources, descendants, flags, and its proof."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from mutunode.commons.kind import Kind
from mutunode.protocol.entry import is_ref, rec_id
from mutunode.protocol.ids import log_text, org_text, rec_text
from mutunode.protocol.sealed import KIND as SEALED
from mutunode.service import families, naming, rules, usages
from mutunode.service.desk import Desk
from mutunode.service.files import having
from mutunode.service.shapes import Flagged, Proof, Record, Revision
from mutunode.store.interface import Stored

FLAGS_SHOWN_MAX = 50


def show(desk: Desk, stored: Stored, reader_language: str) -> Record:
    """``show --json`` and the record's page."""
    kind = desk.registry.get(stored.kind)
    body = stored.fields()
    understood = kind is not None and stored.state not in ("missing", "erased") and not kind.check(body)
    chain = rules.versions(desk, stored)
    title, title_language = naming.title_of(desk, stored, reader_language)
    target = _target(desk, kind, body) if understood and kind is not None else None
    withdrawal = _withdrawal(desk, stored)
    return Record(
        id=rec_text(stored.rec),
        kind=stored.kind,
        sense=str(kind.sense) if kind is not None else "",
        org=org_text(stored.org),
        org_name=desk.name_of(stored.org),
        time=stored.time,
        body=kind.to_json(body) if understood and kind is not None else {},
        proof=_proof(desk, stored),
        revisions=tuple(_revision(each, chain[0]) for each in chain),
        usage=usages.count(desk, stored),
        erased=stored.state == "erased",
        state=_state(stored, understood=understood),
        title=title,
        title_language=title_language,
        newest=rec_text(chain[0].rec) if chain[0].index != stored.index else "",
        withdrawn_reason=str(withdrawal.get("reason", "")),
        replaced_by=_rec_of(withdrawal.get("replaced_by")),
        based_on=families.parents(desk, kind, body, reader_language) if understood and kind else (),
        derived=families.children(desk, stored, reader_language),
        flags=_flags(desk, chain),
        target=rec_text(target.rec) if target is not None else "",
        target_title=naming.title_of(desk, target, reader_language)[0] if target is not None else "",
        mine=stored.org == desk.org,
        contested_log=stored.contested,
        files=having.lines(desk, stored),
        delivery=_delivery(desk, stored),
        brought=stored.brought,
        private=stored.sealed,
        sealed_for=org_text(stored.sealed_for) if stored.sealed_for is not None else "",
        sealed_for_name=desk.name_of(stored.sealed_for) if stored.sealed_for is not None else "",
        can_declare=_can_declare(desk, stored) and understood,
        asks_usage=understood and _asks_usage(body),
    )


def _state(stored: Stored, *, understood: bool) -> str:
    if stored.state != "ok":
        return stored.state
    if stored.withdrawn_by is not None:
        return "withdrawn"
    if stored.superseded_by is not None:
        return "superseded"
    if stored.kind == SEALED:
        return "sealed"
    return "ok" if understood else "opaque"


def _proof(desk: Desk, stored: Stored) -> Proof:
    author = desk.reader.organisation(stored.org)
    head = author.head if author is not None else None
    return Proof(
        log=log_text(stored.log),
        index=stored.index,
        epoch=head.epoch if head else 0,
        size=head.size if head else 0,
        root=b64encode(head.root).decode("ascii") if head else "",
        signed_at=head.time if head else 0,
        holders=len(_holders(desk, stored)),
    )


def _revision(stored: Stored, newest: Stored) -> Revision:
    return Revision(
        rec_text(stored.rec), stored.time, stored.index, stored.index == newest.index, stored.state
    )


def _withdrawal(desk: Desk, stored: Stored) -> Mapping[str, Any]:
    if stored.withdrawn_by is None:
        return {}
    act = desk.reader.at(stored.log, stored.withdrawn_by)
    return act.fields() if act is not None else {}


def _rec_of(ref: Any) -> str:
    return rec_text(rec_id(ref[0], ref[2])) if is_ref(ref) else ""


def _target(desk: Desk, kind: Kind, body: Mapping[str, Any]) -> Stored | None:
    """The record that an act is about: its first required reference."""
    for field in kind.fields:
        if field.required and field.type.name == "ref":
            return rules.cited(desk, body[field.name])
    return None


def _flags(desk: Desk, chain: list[Stored]) -> tuple[Flagged, ...]:
    raised = [
        Flagged(
            rec_text(flag.rec),
            org_text(flag.org),
            desk.name_of(flag.org),
            str(flag.fields().get("reason", "")),
            flag.fields().get("note", {}),
            flag.time,
            *_answered(desk, flag, version.org),
        )
        for version in chain
        for flag in desk.reader.mentions(version.log, version.index, ("flag",))
        if flag.withdrawn_by is None and not desk.registry["flag"].check(flag.fields())
    ]
    return tuple(raised[:FLAGS_SHOWN_MAX])


def _answered(desk: Desk, flag: Stored, author: bytes) -> tuple[str, dict[str, str]]:
    """What the record's author answered a flag, and why."""
    for given in desk.reader.mentions(flag.log, flag.index, ("usage_answer",)):
        stands = given.org == author and given.superseded_by is None and given.withdrawn_by is None
        if stands and not desk.registry["usage_answer"].check(given.fields()):
            return str(given.fields()["answer"]), given.fields().get("reason", {})
    return "", {}


def _delivery(desk: Desk, stored: Stored) -> str:
    """How it stands with bringing a record of ours to whom it is for.

    Somebody in between may have brought it, and tells us nothing of that. But who speaks of it has it, and
    so has who holds our register that far.
    """
    told = desk.reader.outgoing_of(stored.log, stored.index) if stored.org == desk.org else []
    if not told:
        return ""
    reader, state = told[0].reader, told[0].state
    if state in ("waiting", "given_up") and (
        reader in _holders(desk, stored) or _spoke(desk, stored, reader)
    ):
        return "taken"
    return state


def _holders(desk: Desk, stored: Stored) -> list[bytes]:
    """Who among those that are connected holds our register up to there."""
    author = desk.reader.organisation(stored.org)
    if stored.org != desk.org or author is None or author.head is None:
        return []
    held = desk.turns.sight.holders.items()
    return [org for org, (epoch, size, _) in held if epoch == author.head.epoch and size > stored.index]


def _spoke(desk: Desk, stored: Stored, org: bytes) -> bool:
    """Whether an organisation cited this record."""
    return any(each.org == org for each in desk.reader.mentions(stored.log, stored.index))


def _can_declare(desk: Desk, stored: Stored) -> bool:
    usable = stored.state == "ok" and stored.withdrawn_by is None
    return stored.kind == "resource" and stored.org != desk.org and usable


def _asks_usage(body: Mapping[str, Any]) -> bool:
    ack = body.get("ack")
    return isinstance(ack, dict) and ack.get("policy") != "indifferent"
