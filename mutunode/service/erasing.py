"""Erasing on purpose: which versions go, what is signed for each, and what is told before.

The content of a record is usually in its earlier versions too, so all of them go unless somebody says
otherwise. Whatever superseded an earlier version no longer does once it is erased (nobody who comes late
could know): what would stand again so is withdrawn in the same turn, and stays readable as that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mutunode.protocol.entry import Entry, is_ref, rec_id
from mutunode.protocol.ids import rec_text
from mutunode.protocol.ledger import Outgoing
from mutunode.service import confiding, lookup, naming, publishing, rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.service.shapes import Erased, Erasing, Published, Version, Which
from mutunode.store.interface import Stored
from mutunode.store.meaning import WITHDRAWAL
from mutunode.turns import Turn

VERSIONS_MAX = 1_000  # erased in one turn: the ballast has room for some 10,000
LIKENESS_LENGTH = 20  # characters from which a text that is the same is no coincidence


class Plan(msgspec.Struct, frozen=True):
    """What erasing means for the versions of one record."""

    main: Stored  # the version that the answer speaks of
    erased: tuple[Stored, ...]  # newest first
    withdrawn: tuple[Stored, ...]  # stay readable: without these withdrawals they would stand again
    kept: tuple[Stored, ...]  # versions that nothing is done to


def erase(desk: Desk, text: str, reason: str, replaced_by: str = "", versions: Which = "all") -> Erased:
    """Erase a record of ours: signed, durable, and gone from this store when it returns."""
    desk = desk.inside
    named = lookup.record(desk, text)
    extra = _extra(reason, replaced_by)
    _ = _body(desk, named, extra | {"erase": True})  # what is wrong with a field is said before the turn

    def job(turn: Turn) -> Erased:
        chosen = plan(desk, named, versions)
        drafts = _drafts(desk, chosen)
        for draft in drafts:
            turn.ledger.drop_draft(draft)
        done = [_write(desk, turn, each, extra | {"erase": True}) for each in chosen.erased]
        for each in chosen.withdrawn:
            _write(desk, turn, each, _instead(chosen, each, extra))
        first = done[chosen.erased.index(chosen.main)]
        return Erased(
            **msgspec.structs.asdict(first),
            erased=tuple(rec_text(each.rec) for each in chosen.erased),
            withdrawn=tuple(rec_text(each.rec) for each in chosen.withdrawn),
            drafts=len(drafts),
        )

    return desk.act(job, freeing=True)


def preview(
    desk: Desk,
    text: str,
    reason: str,
    replaced_by: str = "",
    versions: Which = "all",
    reader_language: str = "",
) -> Erasing:
    """What ``erase`` would sign and drop, with nothing written."""
    desk = desk.inside
    chosen, extra = plan(desk, lookup.record(desk, text), versions), _extra(reason, replaced_by)
    signed = [
        *(publishing.preview(desk, WITHDRAWAL, _input(each, extra | {"erase": True}), reader_language)
          for each in chosen.erased if each.retracted_by is None),
        *(publishing.preview(
            desk, WITHDRAWAL, _input(each, _instead(chosen, each, extra)), reader_language
          ) for each in chosen.withdrawn),
    ]  # fmt: skip
    if not signed:  # all of them were dropped by an epoch: their places are not known before
        signed = [publishing.preview(desk, WITHDRAWAL, _input(chosen.main, extra | {"erase": True}))]
    whole = msgspec.structs.replace(
        signed[0],
        text="\n\n".join(each.text for each in signed),
        entry_bytes=sum(each.entry_bytes for each in signed),
    )
    language = reader_language or desk.language
    return Erasing(
        **msgspec.structs.asdict(whole),
        erases=_shown(desk, chosen.erased, language),
        withdraws=_shown(desk, chosen.withdrawn, language),
        keeps=_shown(desk, chosen.kept, language),
    )


def renew(desk: Desk) -> int:
    """Sign again what an epoch dropped: withdrawals of records that stand, and whose content is erased.

    Nobody who holds them takes the content back; a newcomer would wait for it for ever. How many.
    """

    def job(turn: Turn) -> int:
        orphans = [each for each in _erased(desk) if each.withdrawn_by is None]
        for each in orphans:
            _write(desk, turn, each, _extra("author", "") | {"erase": True})
        return len(orphans)

    return desk.act(job, freeing=True)


def _erased(desk: Desk) -> Iterator[Stored]:
    """Records of our register whose content is erased."""
    for index, entry in enumerate(desk.reader.log_walk(desk.own_log)):
        stored = desk.reader.at(desk.own_log, index) if not entry.body else None
        if stored is not None and stored.state == "erased":
            yield stored


def asked(desk: Desk, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of ``erase``, when the fields of a new record ask for it; empty when they do not."""
    if kind != WITHDRAWAL or not fields.get("erase"):
        return {}
    body = publishing.read_input(desk, lookup.kind(desk, WITHDRAWAL), fields)
    if not body.get("erase"):
        return {}
    log, _, leaf = body["target"]
    successor = fields.get("replaced_by", "")
    return {
        "rec": rec_text(rec_id(log, leaf)),
        "reason": body.get("reason", ""),
        "replaced_by": str(successor or ""),
        "erase": True,
    }


# --- which versions ---------------------------------------------------------------------------------
def plan(desk: Desk, named: Stored, versions: Which = "all") -> Plan:
    """What to erase of a record given by any of its versions.

    Raises:
        Refusal: it is not ours, was erased already, or has nothing that could be erased so.
    """
    rules.must_be_ours(desk, named)
    if named.kind == WITHDRAWAL:
        raise Refusal(
            "not_erasable",
            Exit.REFUSED,
            "Un retrait ne s’efface pas : sans lui, ce qu’il retire reviendrait chez qui ne l’a pas lu.",
            "A withdrawal is not erased: without it, what it takes back would return to who has not read it.",
        )
    family = tuple(_family(desk, named))
    erased = _chosen(family, named, versions)
    if not erased:
        raise _nothing_left(named, versions)
    rest = tuple(each for each in family if each not in erased and each.state != "erased")
    falls = tuple(each for each in rest if _would_stand_again(each, erased, rest))
    main = named if named in erased else erased[0]
    return Plan(main, erased, falls, tuple(each for each in rest if each not in falls))


def _chosen(family: tuple[Stored, ...], named: Stored, versions: Which) -> tuple[Stored, ...]:
    held = [each for each in family if each.state != "erased"]
    match versions:
        case "this":
            return tuple(each for each in held if each.rec == named.rec)
        case "earlier":
            return tuple(each for each in held if each.superseded_by is not None)
        case _:
            return tuple(held[:VERSIONS_MAX])


def _nothing_left(named: Stored, versions: Which) -> Refusal:
    if versions == "earlier" and named.state != "erased":
        return Refusal(
            "no_earlier",
            Exit.REFUSED,
            "Cette fiche n’a pas de version antérieure dont le contenu soit encore là.",
            "This record has no earlier version whose content is still here.",
        )
    return Refusal(
        "erased",
        Exit.REFUSED,
        f"Le contenu de {rec_text(named.rec)[:16]}… est déjà effacé.",
        f"The content of {rec_text(named.rec)[:16]}… is erased already.",
    )


def _family(desk: Desk, named: Stored) -> Iterator[Stored]:
    """Every version of a record, newest first, by whatever ``supersedes`` joins in our register."""
    found, waiting = {named.rec: named}, [named]
    while waiting and len(found) < rules.REVISIONS_MAX:
        for other in _neighbours(desk, waiting.pop()):
            if other.rec not in found:
                found[other.rec] = other
                waiting.append(other)
    yield from sorted(found.values(), key=lambda each: -each.index)


def _neighbours(desk: Desk, version: Stored) -> Iterator[Stored]:
    """The version before this one, and those after it: more than one when two were written at once."""
    before = version.fields().get("supersedes")
    if isinstance(before, list) and is_ref(before) and before[0] == version.log:
        found = rules.cited(desk, before)
        if found is not None:
            yield found
    for other in desk.reader.mentions(version.log, version.index, (version.kind,)):
        if other.log == version.log and other.fields().get("supersedes") == rules.ref_of(version):
            yield other
    yield from _cut_off(desk, version)


def _cut_off(desk: Desk, version: Stored) -> Iterator[Stored]:
    """Versions before this one that the erasure of one between cut off (``_instead``)."""
    for said in desk.reader.mentions(version.log, version.index, (WITHDRAWAL,)):
        body = said.fields()
        if body.get("replaced_by") == rules.ref_of(version) and not body.get("erase"):
            target = rules.cited(desk, body["target"])
            if target is not None and _fell(desk, said, target, version):
                yield target


def _fell(desk: Desk, said: Stored, target: Stored, version: Stored) -> bool:
    """Was this withdrawal signed beside one that erased a version between the two? They are of one turn."""
    for index in range(said.index - 1, -1, -1):
        before = desk.reader.at(said.log, index)
        if before is None or (before.kind, before.time) != (WITHDRAWAL, said.time):
            return False
        body = before.fields()
        if body.get("erase") and target.index < body["target"][1] < version.index:
            return True
    return False


def _would_stand_again(each: Stored, erased: tuple[Stored, ...], rest: tuple[Stored, ...]) -> bool:
    """Is it superseded by nothing that stays?"""
    if each.withdrawn_by is not None or each.superseded_by is None:
        return False
    stays = [other for other in rest if other.fields().get("supersedes") == rules.ref_of(each)]
    return not stays


# --- what is signed ---------------------------------------------------------------------------------
def _extra(reason: str, replaced_by: str) -> dict[str, Any]:
    return {"reason": reason} | ({"replaced_by": replaced_by} if replaced_by else {})


def _instead(chosen: Plan, fallen: Stored, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a version that would stand again: which one is read instead, and is of its family."""
    later = [each for each in chosen.kept if each.index > fallen.index]
    return ({"replaced_by": rec_text(later[-1].rec)} if later else {}) | dict(extra)


def _input(target: Stored, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": rec_text(target.rec), **extra}


def _body(desk: Desk, target: Stored, extra: Mapping[str, Any]) -> publishing.Body:
    return publishing.read_input(desk, lookup.kind(desk, WITHDRAWAL), _input(target, extra))


def _write(desk: Desk, turn: Turn, target: Stored, extra: Mapping[str, Any]) -> Published:
    body = _body(desk, target, extra)
    if target.retracted_by is not None:
        # It stands nowhere any more, and only what stands can be cited: its leaf comes back, without content.
        again = turn.append(Entry(target.header, b"", b""))
        body["target"] = [again.log, again.index, again.leaf]
    kind = lookup.kind(desk, WITHDRAWAL)
    written = publishing.write(desk, turn, publishing.draft(desk, kind, body))
    if body.get("erase"):
        _tell_readers(desk, turn, target, written.index)
    return written


def _tell_readers(desk: Desk, turn: Turn, target: Stored, index: int) -> None:
    """Whom it was brought to, follower or not, is brought the withdrawal too."""
    for each in desk.reader.outgoing_of(target.log, target.index):
        if each.state in ("waiting", "taken"):
            turn.ledger.put_outgoing(Outgoing(desk.own_log, index, each.reader, int(turn.now)))
            turn.tell(lambda node, now: node.outgoing_changed(now))
    confiding.drop(desk, turn, target)


def _shown(desk: Desk, versions: tuple[Stored, ...], language: str) -> tuple[Version, ...]:
    return tuple(
        Version(
            rec_text(each.rec),
            each.index,
            each.time,
            *naming.title_of(desk, each, language),
            each.superseded_by is None,
        )
        for each in versions
    )


# --- what else has the text -------------------------------------------------------------------------
def _drafts(desk: Desk, chosen: Plan) -> list[str]:
    """Drafts on this computer that say, word for word, what is being erased."""
    told = {text for each in chosen.erased for text in _texts(each.fields())}
    return [
        draft.id
        for draft in desk.reader.drafts()
        if draft.kind == chosen.main.kind and not told.isdisjoint(_texts(draft.input))
    ]


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """Texts that tell one record from another: titles, the author's own key, and all that is long."""
    if isinstance(value, str):
        if len(value.strip()) >= LIKENESS_LENGTH or (name in ("title", "external_ref") and value.strip()):
            yield value.strip()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, name or str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, name)
