"""Rules that a single record cannot tell by itself: they need what else is there.

A kind checks its own fields; here stands what concerns two records or two organisations. Every refusal
says which rule, and what can be done instead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mutunode.commons.kind import Kind
from mutunode.protocol.entry import rec_id
from mutunode.protocol.ids import rec_text
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.store.interface import Stored

REVISIONS_MAX = 10_000  # a chain of versions longer than that is walked no further


def check(desk: Desk, kind: Kind, body: dict[str, Any]) -> None:
    """Raise ``Refusal`` when the body breaks its kind's rules, or cites what it may not."""
    problems = kind.check(body)
    if problems:
        troubles = tuple(Trouble(each.field, each.fr, each.en) for each in problems)
        fr = " ".join(each.fr for each in problems[:3])
        en = " ".join(each.en for each in problems[:3])
        raise Refusal("invalid", Exit.REFUSED, fr, en, troubles)
    rule = _RULES.get(kind.name)
    if rule is not None:
        rule(desk, body)


def ref_of(stored: Stored) -> list[Any]:
    """The reference that cites a record."""
    return [stored.log, stored.index, stored.leaf]


def cited(desk: Desk, ref: Any) -> Stored | None:
    """The record a reference of a body stands for, if it is held and that leaf stands there."""
    log, _, leaf = ref
    return desk.reader.record(rec_id(log, leaf))


def refs_to(desk: Desk, stored: Stored, log: bytes) -> list[list[Any]]:
    """What a record cites of one log; nothing when it does not keep to its kind's rules."""
    kind, body = desk.registry.get(stored.kind), stored.fields()
    if kind is None or kind.check(body):
        return []
    return [ref for _, ref in kind.refs(body) if ref[0] == log]


def newest(desk: Desk, stored: Stored) -> Stored:
    """The version that shows now, of a record given by any of its versions."""
    for _ in range(REVISIONS_MAX):
        if stored.superseded_by is None:
            return stored
        following = desk.reader.at(stored.log, stored.superseded_by)
        if following is None:
            return stored
        stored = following
    return stored


def versions(desk: Desk, stored: Stored) -> list[Stored]:
    """Every version of a record, newest first."""
    latest = newest(desk, stored)
    chain = [latest]
    while len(chain) < REVISIONS_MAX:
        ref = chain[-1].fields().get("supersedes")
        if not isinstance(ref, list) or len(ref) != 3 or ref[0] != latest.log:
            break
        before = desk.reader.at(latest.log, ref[1])
        if before is None or before.index >= chain[-1].index:
            break
        chain.append(before)
    return chain


def same_act(desk: Desk, kind: Kind, body: dict[str, Any]) -> Stored | None:
    """Our earlier record of the same act, which a new one revises: one usage per resource and type."""
    key = _SAME_ACT.get(kind.name)
    if key is None:
        return None
    target = cited(desk, body[key[0]])
    if target is None:
        return None
    for version in versions(desk, target):
        for mention in desk.reader.mentions(version.log, version.index, (kind.name,)):
            ours = mention.org == desk.org and mention.superseded_by is None and mention.withdrawn_by is None
            if ours and all(mention.fields().get(name) == body.get(name) for name in key[1:]):
                return mention
    return None


def must_be_ours(desk: Desk, stored: Stored) -> None:
    """Nobody signs for somebody else (DOMAIN, rule 1)."""
    if stored.org != desk.org:
        author = desk.name_of(stored.org)
        raise Refusal(
            "not_ours",
            Exit.REFUSED,
            f"Cette fiche est de {author}, qui seul peut la modifier ou la retirer. Vous pouvez la signaler.",
            f"This record is by {author}: only its author can change or withdraw it. You can flag it.",
        )


def must_be_revisable(kind: Kind, stored: Stored) -> None:
    """Some acts are made once and withdrawn, never rewritten; nothing stands in for what was withdrawn."""
    must_not_be_withdrawn(stored)
    if not kind.revisable:
        raise Refusal(
            "not_revisable",
            Exit.REFUSED,
            "Ce genre de fiche ne se modifie pas. Retirez-la, puis publiez-en une autre.",
            "This kind of record is not revised. Withdraw it, then publish another.",
        )


def must_not_be_withdrawn(stored: Stored) -> None:
    """What was withdrawn stays so."""
    if stored.withdrawn_by is not None:
        raise Refusal(
            "withdrawn",
            Exit.REFUSED,
            f"La fiche {rec_text(stored.rec)[:16]}… a été retirée ; publiez-en une nouvelle.",
            f"The record {rec_text(stored.rec)[:16]}… was withdrawn; publish a new one.",
        )


def today(now: int) -> str:
    """The date of a time, as the default of a period."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _usage(desk: Desk, body: dict[str, Any]) -> None:
    resource = target(desk, body["resource"], "resource", ("resource",))
    if resource.org == desk.org:
        raise Refusal(
            "own_resource",
            Exit.REFUSED,
            "Un usage se déclare sur la fiche d’une autre organisation ; celle-ci est la vôtre.",
            "A usage is declared on another organisation's record; this one is yours.",
        )
    must_not_be_withdrawn(newest(desk, resource))


def _usage_answer(desk: Desk, body: dict[str, Any]) -> None:
    told = target(desk, body["usage"], "usage", ("usage", "resource", "flag"))
    if told.org == desk.org or not refs_to(desk, told, desk.own_log):
        raise Refusal(
            "not_asked",
            Exit.REFUSED,
            "Seul l’auteur d’une fiche répond à ceux qui l’utilisent, en font une version ou la signalent.",
            "Only the author of a record answers those who use it, make a version of it or report it.",
        )


def _usage_count(desk: Desk, body: dict[str, Any]) -> None:
    resource = target(desk, body["resource"], "resource", ("resource",))
    must_be_ours(desk, resource)
    from mutunode.service.acts import told_in_confidence  # which walks versions by the functions above

    known = told_in_confidence(desk, resource, body["type"])
    if body["n"] > known:
        raise Refusal(
            "too_few",
            Exit.REFUSED,
            f"{known} organisation(s) vous l’ont confié, pas {body['n']} : dites ce qui est.",
            f"{known} organisation(s) told you so in confidence, not {body['n']}: say what is.",
            (Trouble("n", f"{known} au plus.", f"{known} at most."),),
        )


def _withdrawal(desk: Desk, body: dict[str, Any]) -> None:
    from mutunode.service import booking  # which stands on these rules

    named = target(desk, body["target"], "target", ())
    must_be_ours(desk, named)
    booking.check_withdrawal(desk, named, erases=bool(body.get("erase")))


def _booking(desk: Desk, body: dict[str, Any]) -> None:
    from mutunode.service import booking

    booking.check_request(desk, body)


def _booking_act(desk: Desk, body: dict[str, Any]) -> None:
    from mutunode.service import booking

    booking.check_act(desk, body)


def _means_block(desk: Desk, body: dict[str, Any]) -> None:
    from mutunode.service import booking

    booking.check_block(desk, body)


def target(desk: Desk, ref: Any, field: str, kinds: tuple[str, ...]) -> Stored:
    """The record that a field of a body names, held here and of one of these kinds.

    Raises:
        Refusal: there is none.
    """
    found = cited(desk, ref)
    if found is None or (kinds and found.kind not in kinds):
        wanted = " / ".join(kinds)
        fr = f"« {field} » doit désigner une fiche présente ici" + (
            f" de nature {wanted}." if wanted else "."
        )
        en = f"`{field}` must name a record held here" + (f" of kind {wanted}." if wanted else ".")
        raise Refusal("bad_target", Exit.REFUSED, fr, en, (Trouble(field, fr, en),))
    return found


_RULES = {
    "booking": _booking,
    "booking_act": _booking_act,
    "means_block": _means_block,
    "usage": _usage,
    "usage_answer": _usage_answer,
    "usage_count": _usage_count,
    "withdrawal": _withdrawal,
}
_SAME_ACT = {
    "usage": ("resource", "type"),
    "usage_answer": ("usage",),
    "usage_count": ("resource", "type"),
    "flag": ("target", "reason"),
}
