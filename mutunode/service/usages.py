"""Who uses what: declared by its user, answered by its author, and what waits for our answer."""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.commons.states import Acknowledgement, Waiting, inbox, usage_state
from mutunode.protocol.ids import org_text, rec_text
from mutunode.protocol.invitation import INVITE
from mutunode.service import brought, disputes, means, naming, network, rules
from mutunode.service.acts import act_of, citing, usage_acts
from mutunode.service.desk import Desk, words_of
from mutunode.service.shapes import BookingLine, Todo, TodoList, Told, UsageAnswer, UsageCount, UsageLine
from mutunode.store.interface import Stored

INBOX_MAX = 1_000
DONE_SHOWN_MAX = 10


def count(desk: Desk, stored: Stored, *, mentioned: bool = True) -> UsageCount:
    """The figures of a resource; none for what is not one. ``mentioned``: unless nothing cites it."""
    if stored.kind != "resource":
        return UsageCount()
    cited = stored.superseded_by is not None or "supersedes" in stored.fields()
    if not cited and not (mentioned and desk.reader.mentions(stored.log, stored.index, ("usage",))):
        return UsageCount()
    counts = usage_state(usage_acts(desk, stored), desk.now(), rules.ref_of(stored)).counts
    if counts is None:
        return UsageCount(pending=True)
    return UsageCount(counts.declared, counts.confirmed, counts.contested, counts.can_help)


def answer(desk: Desk, stored: Stored) -> UsageAnswer:
    """``usage --json``: every declared usage of a resource, newest first."""
    state = usage_state(usage_acts(desk, stored), desk.now(), rules.ref_of(stored))
    counts = state.counts
    return UsageAnswer(
        declared=counts.declared if counts else 0,
        confirmed=counts.confirmed if counts else 0,
        contested=counts.contested if counts else 0,
        organisations=tuple(_line(desk, each) for each in state.acknowledgements),
        can_help=counts.can_help if counts else 0,
        pending=state.pending,
        private=sum(each.confided for each in state.acknowledgements),
        told=tuple(Told(each.type, each.n, rec_text(each.act.rec), each.act.time) for each in state.told),
    )


def line(desk: Desk, usage: Stored, resource: Stored | None) -> UsageLine | None:
    """One usage, with what the resource's author answered."""
    if resource is None:
        return None
    state = usage_state(usage_acts(desk, resource), desk.now(), rules.ref_of(resource))
    found = next((each for each in state.acknowledgements if each.act.rec == usage.rec), None)
    return _line(desk, found) if found is not None else None


def _line(desk: Desk, said: Acknowledgement) -> UsageLine:
    return UsageLine(
        id=rec_text(said.act.rec),
        org=org_text(said.act.org),
        org_name=desk.name_of(said.act.org),
        type=said.type,
        period=said.period,
        purpose=said.purpose,
        experience=said.experience,
        can_help=said.can_help,
        answer=said.answer,
        state=said.state,
        reason=said.reason,
        contact=_contact(desk, said.act.org) if said.can_help else "",
        scale=said.scale,
        time=said.act.time,
        mine=said.act.org == desk.org,
        private=said.act.sealed,
    )


def _contact(desk: Desk, org: bytes) -> str:
    profile = desk.reader.current(org, "profile")
    contact = profile.fields().get("contact") if profile is not None else None
    return contact if isinstance(contact, str) else ""


_TYPES = {"usage": "type", "flag": "reason"}  # the field that says which; a version is a version


def todo(desk: Desk, reader_language: str) -> TodoList:
    """What others said about our records and waits for us; what we said and waits for them."""
    about_us = desk.reader.mentioning_log(desk.own_log, ("usage", "resource", "flag"), INBOX_MAX)
    ours: dict[bytes, Stored] = {}
    for each in about_us:
        for ref in rules.refs_to(desk, each, desk.own_log):
            target = rules.cited(desk, ref)
            for version in rules.versions(desk, target) if target is not None else ():
                ours.setdefault(version.rec, version)
    answers = citing(desk, about_us, "usage_answer")
    acts = [act_of(each) for each in (*ours.values(), *about_us, *answers)]
    waiting = inbox(acts, desk.now(), desk.org)
    booked = means.bookings(desk, reader_language)
    owed = {each.id: each for each in (*booked.ours, *booked.mine) if each.owed}
    left = brought.by_strangers(desk)
    strangers = {rec_text(rec): stored.org for rec, stored in left.items()}
    met = [_todo(desk, each, left.get(each.act.rec), reader_language) for each in waiting]
    told = {each.id for each in met} | {each.id for each in (*booked.ours, *booked.mine)}
    other = [_left(desk, each) for each in brought.other(desk) if rec_text(each.rec) not in told]
    return TodoList(
        waiting=(
            *disputes.to_decide(desk),
            *(_from_whom(desk, _booking(each), strangers) for each in owed.values()),
            *sorted(met + other, key=lambda each: -each.time),
        ),
        asked=(
            *(_booking(each) for each in booked.mine if each.state == "requested" and not each.ours),
            *_asked(desk, reader_language),
        ),
        done=_done(desk, answers, reader_language),
    )


def _booking(each: BookingLine) -> Todo:
    """A booking with which something is to be done."""
    other = (each.org, each.org_name) if each.ours else (each.owner, each.owner_name)
    return Todo(
        id=each.id,
        kind="booking_act",
        sense="amont",
        org=other[0],
        org_name=other[1],
        time=each.time,
        title=each.means_name,
        target=each.means,
        type=each.owed or each.state,
        text=each.purpose,
        due=each.expires if each.state == "requested" else "",
        private=each.private,
        about="booking",
        booking=each,
    )


def _from_whom(desk: Desk, item: Todo, strangers: dict[str, bytes]) -> Todo:
    """A stranger's is told with the words to compare."""
    org = strangers.get(item.id)
    if org is None:
        return item
    words, similar = words_of(org), network.similar_to(desk, org)
    return msgspec.structs.replace(item, stranger=True, check_words=words, similar_to=similar)


def _left(desk: Desk, stored: Stored) -> Todo:
    """An invitation, or something else that a stranger left, which no record of ours stands for."""
    body = stored.fields()
    kind = desk.registry.get(stored.kind)
    readable = kind is not None and not kind.check(body)
    return Todo(
        id=rec_text(stored.rec),
        kind="peer",
        sense="",
        org=org_text(stored.org),
        org_name=desk.name_of(stored.org),
        time=stored.time,
        title=kind.label.text(desk.language) if kind is not None else stored.kind,
        target="",
        type="",
        text=kind.summary(body) if kind is not None and readable else {},
        private=stored.sealed,
        stranger=True,
        about="invite" if readable and stored.kind == INVITE else "message",
        check_words=words_of(stored.org),
        similar_to=network.similar_to(desk, stored.org),
    )


def _todo(desk: Desk, waiting: Waiting, left: Stored | None, reader_language: str) -> Todo:
    act, body = waiting.act, waiting.act.body or {}
    item = _item(
        desk,
        rec=act.rec,
        kind="flag" if waiting.kind == "flag" else "usage_answer",
        about=waiting.kind,
        org=act.org,
        time=act.time,
        target=waiting.target.rec,
        body=body,
        type=str(body.get(_TYPES.get(waiting.kind, ""), "")),
        reader_language=reader_language,
        private=act.sealed,
    )
    if left is None:
        return item
    words, similar = words_of(act.org), network.similar_to(desk, act.org)
    return msgspec.structs.replace(item, stranger=True, check_words=words, similar_to=similar)


def _item(
    desk: Desk,
    *,
    rec: bytes,
    kind: str,
    org: bytes,
    time: int,
    target: bytes,
    body: dict[str, Any],
    type: str,
    reader_language: str,
    private: bool,
    about: str = "usage",
) -> Todo:
    resource = desk.reader.record(target)
    told = body.get("experience") or body.get("note") or body.get("purpose") or {}
    kind_of_target = desk.registry.get(resource.kind) if resource is not None else None
    return Todo(
        id=rec_text(rec),
        kind=kind,
        sense=str(kind_of_target.sense) if kind_of_target is not None else "",
        org=org_text(org),
        org_name=desk.name_of(org),
        time=time,
        title=naming.title_of(desk, resource, reader_language)[0] if resource is not None else "",
        target=rec_text(target),
        type=type,
        period=str(body.get("period", "")),
        text=told,
        can_help=bool(body.get("can_help", False)),
        private=private,
        about=about,
    )


def _asked(desk: Desk, reader_language: str) -> tuple[Todo, ...]:
    """Usages of ours whose author wishes to know, and has not answered."""
    asked = []
    for usage in desk.reader.of_kind("usage", org=desk.org, limit=DONE_SHOWN_MAX):
        resource = rules.cited(desk, usage.fields().get("resource", [b"", 0, b""]))
        found = line(desk, usage, resource)
        if resource is not None and found is not None and not found.answer and _wishes(resource):
            asked.append(_about(desk, usage, resource, resource.org, reader_language))
    return tuple(asked)


def _wishes(resource: Stored) -> bool:
    ack = resource.fields().get("ack")
    return isinstance(ack, dict) and ack.get("policy") != "indifferent"


def _done(desk: Desk, answers: list[Stored], reader_language: str) -> tuple[Todo, ...]:
    """What we answered lately."""
    done: list[Todo] = []
    for given in sorted(answers, key=lambda each: -each.index):
        if given.org != desk.org or given.superseded_by is not None or len(done) >= DONE_SHOWN_MAX:
            continue
        told = rules.cited(desk, given.fields().get("usage", [b"", 0, b""]))
        resource = _ours_cited(desk, told) if told is not None else None
        if told is not None and resource is not None:
            done.append(
                _about(desk, told, resource, told.org, reader_language, str(given.fields()["answer"]))
            )
    return tuple(done)


def _ours_cited(desk: Desk, told: Stored) -> Stored | None:
    """The record of ours that a usage, a version or a report is about."""
    ref = next(iter(rules.refs_to(desk, told, desk.own_log)), None)
    return rules.cited(desk, ref) if ref is not None else None


def _about(
    desk: Desk, usage: Stored, resource: Stored, org: bytes, reader_language: str, type: str = ""
) -> Todo:
    body = usage.fields()
    return _item(
        desk,
        rec=usage.rec,
        kind="usage_answer",
        org=org,
        time=usage.time,
        target=resource.rec,
        body=body,
        type=type or str(body.get("type", "")),
        reader_language=reader_language,
        private=usage.sealed,
    )
