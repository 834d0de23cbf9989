"""Which resource was made from which: declared by the deriving author, recognised or contested by the other.

The source's author answers a derived work as it answers a use. One link is drawn for each pair, however
many versions cite each other, and a circle ends where it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from mutunode.commons import licences
from mutunode.commons.kinds.resource import KIND as RESOURCE
from mutunode.commons.states.acts import Act, Held, Place, Ref, field, readable
from mutunode.commons.states.resources import state_of
from mutunode.commons.states.usages import Uses
from mutunode.commons.words import LangMap


class Link(msgspec.Struct, frozen=True):
    """One work based on another. ``source`` is None when it lies elsewhere (``uri``) or is not held."""

    derived: Act
    source: Act | None
    ref: tuple[Any, ...] | None
    uri: str
    relation: str
    changes: LangMap
    state: str  # declared · recognised · contested · pending (the source is not held)
    reason: LangMap = {}  # of contesting
    verdict: licences.Verdict | None = None  # None: the source's licence cannot be read here


class Branch(msgspec.Struct, frozen=True):
    """A link as it is drawn: ``depth`` steps below the first work; ``again``: it is drawn further up."""

    depth: int
    link: Link
    again: bool = False


def derivations(records: Iterable[Act], now: int) -> tuple[Link, ...]:
    """Every link between the resources among ``records``, as their present versions tell it.

    ``records``: resources with all their versions, and the ``usage_answer`` acts that cite them.
    """
    return links_in(Held(records, now))


def links_in(held: Held) -> tuple[Link, ...]:
    """``derivations`` over acts already indexed."""
    uses = Uses(held)
    return tuple(
        link
        for act in held.standing(RESOURCE)
        if state_of(held, (*act.place, act.leaf)).current == act
        for link in _links(held, uses, act)
    )


def _links(held: Held, uses: Uses, act: Act) -> Iterator[Link]:
    told: set[Any] = set()
    for item in field(act, "based_on", []):
        ref = item.get("ref")
        source = held.at(ref)
        target = held.root((ref[0], ref[1])) if ref else item["uri"]
        if target in told or target == held.root(act.place):
            continue
        told.add(target)
        yield _link(uses, act, item, source)


def _link(uses: Uses, act: Act, item: dict[str, Any], source: Act | None) -> Link:
    answer = uses.answer(act, source.org) if source else None
    word = field(answer, "answer", "") if answer else ""
    ref = item.get("ref")
    relation = item.get("relation", "adaptation")
    return Link(
        derived=act,
        source=source,
        ref=tuple(ref) if ref else None,
        uri=item.get("uri", ""),
        relation=relation,
        changes=item.get("changes", {}),
        state=_state(act, source, word, is_record=ref is not None),
        reason=field(answer, "reason", {}) if answer else {},
        verdict=_verdict(act, source, relation),
    )


def _state(act: Act, source: Act | None, word: str, *, is_record: bool) -> str:
    if source is None:
        return "pending" if is_record else "declared"
    if source.org == act.org:
        return "recognised"
    return {"": "declared", "contest": "contested"}.get(word, "recognised")


def _verdict(act: Act, source: Act | None, relation: str) -> licences.Verdict | None:
    if source is None or not readable(source, RESOURCE):
        return None
    return licences.compare(field(source, "license", ""), field(act, "license", ""), relation)


def family(records: Iterable[Act], now: int, of: Ref) -> tuple[Branch, ...]:
    """What was made from a resource, and from that, and so on: each work once, depth first."""
    held = Held(records, now)
    children: dict[Place, list[Link]] = {}
    for link in links_in(held):
        if link.ref is not None and link.source is not None:
            children.setdefault(held.root((link.ref[0], link.ref[1])), []).append(link)
    drawn = {held.root((of[0], of[1]))}
    branches: list[Branch] = []
    waiting = [(1, link) for link in reversed(children.get(held.root((of[0], of[1])), []))]
    while waiting:
        depth, link = waiting.pop()
        place = held.root(link.derived.place)
        branches.append(Branch(depth, link, again=place in drawn))
        if place not in drawn:
            drawn.add(place)
            waiting += [(depth + 1, below) for below in reversed(children.get(place, []))]
    return tuple(branches)
