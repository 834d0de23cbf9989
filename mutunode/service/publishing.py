"""Signing on purpose: from what was typed to an entry of our register, shown before it is signed.

The same road for pages, scripts and imports: input → the kind's checks → the rules that need other records
→ one entry. An ``external_ref`` is its author's own key: the same content again signs nothing, new content
revises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.commons.languages import pick
from mutunode.protocol.entry import encode_body, make_entry
from mutunode.protocol.errors import Malformed
from mutunode.protocol.ids import log_text, org_text, rec_text
from mutunode.protocol.limits import SALT_BYTES
from mutunode.service import brought, confiding, families, lookup, rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.files.keeping import files_in
from mutunode.service.plain import as_text
from mutunode.service.revising import next_version
from mutunode.service.shapes import Preview, Published
from mutunode.store.interface import Cite, Stored
from mutunode.turns import Turn

Body = dict[str, Any]


class Draft(msgspec.Struct, frozen=True):
    """What would be signed: checked, but for what may change until its turn comes."""

    kind: Kind
    body: Body
    revises: Stored | None
    unchanged: Stored | None  # the identical record that already stands
    reader: bytes | None = None  # the one organisation that can read it; None: everybody
    key: bytes | None = None  # its sealing key, where no identity is held

    @property
    def signed_body(self) -> Body:
        """The body with the revision it stands for."""
        if self.revises is None:
            return self.body
        return {**self.body, "supersedes": rules.ref_of(self.revises)}


def read_input(desk: Desk, kind: Kind, fields: Mapping[str, Any]) -> Body:
    """The body meant by what was typed; ids of records become references.

    Raises:
        Refusal: what is wrong with which field (2), or a record named there is unknown (3).
    """
    body, problems = kind.from_input(
        fields,
        language=desk.language,
        today=rules.today(desk.now()),
        resolve=lambda text: _resolve(desk, text),
    )
    if problems:
        raise refused([Trouble(each.field, each.fr, each.en) for each in problems])
    return body


def _resolve(desk: Desk, text: str) -> Any:
    """What an id stands for in a body: a reference to a record, or an organisation's 32 bytes."""
    if text.startswith("org_"):
        return lookup.organisation(desk, text, unknown=True)
    return rules.ref_of(lookup.record(desk, text))


def refused(troubles: list[Trouble]) -> Refusal:
    """Fields that cannot be taken, each with its reason."""
    fr = " ".join(each.fr for each in troubles[:3])
    en = " ".join(each.en for each in troubles[:3])
    return Refusal("invalid", Exit.USAGE, fr, en, tuple(troubles))


def draft(
    desk: Desk,
    kind: Kind,
    body: Body,
    revises: Stored | None = None,
    sealed_for: bytes | None = None,
    key: bytes | None = None,
) -> Draft:
    """Check a body against what is already there.

    ``sealed_for`` is whom it is for, unless that follows from the body; ``key`` the reader's sealing key,
    where a person was given one and no identity is held that names it.
    """
    desk = desk.inside
    rules.check(desk, kind, body)
    reader = confiding.reader_of(desk, kind, body, sealed_for)
    try:
        encode_body(body)
    except Malformed as error:
        raise Refusal(
            "too_large",
            Exit.REFUSED,
            f"Cette fiche ne peut pas être signée : {error}",
            f"Cannot be signed: {error}",
        ) from None
    confiding.outer(
        desk, kind.name, body, reader, key
    )  # whether it can be sealed is said before it is signed
    before = revises or _earlier(desk, kind, body, reader)
    if before is not None and not confiding.goes_on(before, reader):
        before = None
    if before is not None and _content(before.fields()) == _content(body):
        return Draft(kind, body, None, before, reader, key)
    return Draft(kind, body, before, None, reader, key)


def _earlier(desk: Desk, kind: Kind, body: Body, reader: bytes | None) -> Stored | None:
    """The record of ours that this one takes the place of."""
    external_ref = body.get("external_ref")
    if isinstance(external_ref, str) and external_ref:
        if reader is not None:
            return confiding.by_external_ref(desk, kind.name, external_ref)
        return desk.reader.by_external_ref(desk.org, kind.name, external_ref)
    if kind.last_wins:
        return desk.reader.current(desk.org, kind.name)
    return rules.same_act(desk, kind, body)


def _content(body: Body) -> Body:
    return {key: value for key, value in body.items() if key != "supersedes"}


def write(desk: Desk, turn: Turn, ready: Draft) -> Published:
    """Append a draft in a turn; nothing when the same content already stands."""
    if ready.unchanged is not None:
        return _published(ready.unchanged, created=False)
    kind, body = ready.kind.name, ready.signed_body
    outer = confiding.outer(desk, kind, body, ready.reader, ready.key)
    written = turn.append(make_entry(*outer, int(turn.now), desk.random(SALT_BYTES)))
    to = confiding.addressee(desk.inside, ready.kind, body, ready.reader)
    confiding.address(desk, turn, written, to, ready.revises, by_hand="token" in body)
    _settle_what_it_is_about(desk.inside, turn, kind, body)
    if ready.reader is not None:
        # Nobody can open it again, its author neither: kept beside it, in the same transaction.
        turn.ledger.put_opened(
            written.log, written.index, written.leaf, kind, encode_body(body), ready.reader
        )
    _cite_files(desk, turn, written.rec, ready)
    return Published(
        id=rec_text(written.rec),
        index=written.index,
        log=log_text(written.log),
        created=True,
        revises=rec_text(ready.revises.rec) if ready.revises else "",
        sealed_for=org_text(ready.reader) if ready.reader is not None else "",
    )


def _cite_files(desk: Desk, turn: Turn, rec: bytes, ready: Draft) -> None:
    """With the record, not a moment later: who hears of it may ask for its files at once."""
    public = ready.reader is None
    cites = [Cite(blob, rec, desk.org, size, public, current=True) for blob, size in files_in(ready.body)]
    if cites:
        turn.ledger.put_cites([rec], cites)


def _settle_what_it_is_about(desk: Desk, turn: Turn, kind: str, body: Body) -> None:
    """What was brought and is answered waits no longer; what is withdrawn is brought to nobody."""
    if kind == "withdrawal" and (target := rules.cited(desk, body["target"])) is not None:
        confiding.take_back(desk, turn, target, body)
    elif kind == "usage_answer" and (told := rules.cited(desk, body["usage"])) is not None and told.brought:
        brought.set_state(turn, told.rec, "answered")


def foresee(ready: Draft) -> Published:
    """What ``write`` would answer, with nothing written: for a trial run."""
    if ready.unchanged is not None:
        return _published(ready.unchanged, created=False)
    return Published("", 0, "", True, rec_text(ready.revises.rec) if ready.revises else "")


def _published(stored: Stored, *, created: bool) -> Published:
    return Published(
        rec_text(stored.rec),
        stored.index,
        log_text(stored.log),
        created,
        sealed_for=org_text(stored.sealed_for) if stored.sealed_for is not None else "",
    )


def publish(desk: Desk, name: str, fields: Mapping[str, Any], sealed_for: str = "") -> Published:
    """Sign one record; ``sealed_for`` an organisation, that one alone can read it."""
    desk = desk.inside
    kind = lookup.kind(desk, name)
    body = read_input(desk, kind, fields)
    reader = lookup.organisation(desk, sealed_for) if sealed_for else None
    return desk.act(lambda turn: write(desk, turn, draft(desk, kind, body, sealed_for=reader)))


def revise(desk: Desk, text: str, fields: Mapping[str, Any]) -> Published:
    """Sign a new version of a record of ours: given fields replace, others stay."""
    desk = desk.inside
    kind, before, body = _revision(desk, text, fields)
    reader = before.sealed_for
    return desk.act(lambda turn: write(desk, turn, draft(desk, kind, body, before, reader)))


def _revision(desk: Desk, text: str, fields: Mapping[str, Any]) -> tuple[Kind, Stored, Body]:
    before = rules.newest(desk, lookup.record(desk, text))
    rules.must_be_ours(desk, before)
    kind = lookup.kind(desk, before.kind)
    rules.must_be_revisable(kind, before)
    given = next_version(kind, kind.to_json(before.fields()), fields, desk.language)
    return kind, before, read_input(desk, kind, given)


def withdraw(desk: Desk, text: str, reason: str, replaced_by: str = "") -> Published:
    """Take a record of ours back: it stays readable as withdrawn, with the reason."""
    return publish(desk, "withdrawal", _withdrawal(desk, text, reason, replaced_by))


def preview_withdrawal(
    desk: Desk, text: str, reason: str, replaced_by: str = "", reader_language: str = ""
) -> Preview:
    """What ``withdraw`` would sign."""
    return preview(desk, "withdrawal", _withdrawal(desk, text, reason, replaced_by), reader_language)


def _withdrawal(desk: Desk, text: str, reason: str, replaced_by: str) -> dict[str, Any]:
    desk = desk.inside
    target = rules.newest(desk, lookup.record(desk, text))
    rules.must_be_ours(desk, target)
    rules.must_not_be_withdrawn(target)
    fields = {"target": rec_text(target.rec), "reason": reason, "replaced_by": replaced_by}
    return {key: value for key, value in fields.items() if value}


def usage_fields(
    desk: Desk,
    rec: str,
    as_: str,
    purpose: Any = "",
    period: str = "",
    can_help: bool = False,
    visibility: str = "public",
    experience: Any = "",
    scale: str = "",
) -> dict[str, Any]:
    """The input of a ``usage`` record; the period is the current month unless given."""
    desk = desk.inside
    fields = {
        "resource": rec_text(lookup.record(desk, rec).rec),
        "type": as_,
        "period": period or rules.today(desk.now()),
        "purpose": purpose,
        "experience": experience,
        "scale": scale,
        "can_help": can_help,
        "visibility": visibility,
    }
    return {key: value for key, value in fields.items() if value not in ("", None)}


def preview(
    desk: Desk, name: str, fields: Mapping[str, Any], reader_language: str = "", sealed_for: str = ""
) -> Preview:
    """What ``publish`` would sign, word for word."""
    desk = desk.inside
    kind = lookup.kind(desk, name)
    reader = lookup.organisation(desk, sealed_for) if sealed_for else None
    ready = draft(desk, kind, read_input(desk, kind, fields), sealed_for=reader)
    return _preview(desk, ready, reader_language)


def preview_revision(desk: Desk, text: str, fields: Mapping[str, Any], reader_language: str = "") -> Preview:
    """What ``revise`` would sign."""
    desk = desk.inside
    kind, before, body = _revision(desk, text, fields)
    return _preview(desk, draft(desk, kind, body, before, before.sealed_for), reader_language)


def _preview(desk: Desk, ready: Draft, reader_language: str) -> Preview:
    language = reader_language or desk.language
    body = ready.signed_body
    shown = ready.kind.to_json(body)
    entry = make_entry(
        *confiding.outer(desk, ready.kind.name, body, ready.reader), desk.now(), bytes(SALT_BYTES)
    )
    me = desk.reader.organisation(desk.org)
    title, _ = pick(ready.kind.title(body), language, [desk.language])
    return Preview(
        kind=ready.kind.name,
        sense=str(ready.kind.sense),
        org_name=desk.name_of(desk.org, me),
        index=me.size if me is not None else 0,
        body=shown,
        text=as_text(ready.kind.name, shown),
        title=title,
        revises=rec_text(ready.revises.rec) if ready.revises else "",
        unchanged=rec_text(ready.unchanged.rec) if ready.unchanged else "",
        checks=families.parents(desk, ready.kind, body, language),
        entry_bytes=len(entry.header) + len(entry.salt) + len(entry.body),
        sealed_for=org_text(ready.reader) if ready.reader is not None else "",
        sealed_for_name=desk.name_of(ready.reader) if ready.reader is not None else "",
    )
