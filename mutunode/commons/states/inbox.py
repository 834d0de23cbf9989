"""What waits for an organisation's answer. An author who does not mind who uses a work is never bothered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from mutunode.commons.kinds.flag import KIND as FLAG
from mutunode.commons.kinds.resource import KIND as RESOURCE
from mutunode.commons.kinds.usage_answer import KIND as ANSWER
from mutunode.commons.states.acts import Act, Held, field
from mutunode.commons.states.derivations import links_in
from mutunode.commons.states.resources import asks, state_of
from mutunode.commons.states.usages import Uses


class Waiting(msgspec.Struct, frozen=True):
    """One thing to look at: ``act`` of another organisation, about ``target``, a record of ours.

    ``kind``: ``usage`` (thank, take note or contest), ``derivation`` (recognise or contest), ``flag``
    (mend, withdraw, or answer; it waits no longer once the flagged version is not the current one).
    """

    kind: str
    act: Act
    target: Act


def inbox(records: Iterable[Act], now: int, me: bytes) -> tuple[Waiting, ...]:
    """Everything that waits for ``me``, newest first as its authors date it.

    ``records``: our resources with all versions, what cites them, and our answers.
    """
    held = Held(records, now)
    found = [*_usages(held, me), *_derivations(held, me), *_flags(held, me)]
    return tuple(sorted(found, key=lambda each: (-each.act.time, each.kind, each.act.place)))


def _usages(held: Held, me: bytes) -> Iterator[Waiting]:
    uses = Uses(held)
    for resource in _ours(held, me):
        for said in uses.of(resource.place).acknowledgements:
            if said.state == "declared" and said.act.org != me:
                yield Waiting("usage", said.act, resource)


def _ours(held: Held, me: bytes) -> Iterator[Act]:
    """Our resources whose present version asks to be told."""
    for act in held.standing(RESOURCE):
        if act.org == me and asks(act.body or {}) and state_of(held, (*act.place, act.leaf)).current == act:
            yield act


def _derivations(held: Held, me: bytes) -> Iterator[Waiting]:
    asking = {held.root(act.place): act for act in _ours(held, me)}
    for link in links_in(held):
        if link.source is not None and link.state == "declared" and link.derived.org != me:
            ours = asking.get(held.root(link.source.place))
            if ours is not None:
                yield Waiting("derivation", link.derived, ours)


def _flags(held: Held, me: bytes) -> Iterator[Waiting]:
    answered = {tuple(field(act, "usage", ())) for act in held.standing(ANSWER) if act.org == me}
    for act in held.standing(FLAG):
        if act.org != me and (*act.place, act.leaf) not in answered:
            target = held.at(field(act, "target", None))
            if target is not None and target.org == me and target.stands:
                yield Waiting("flag", act, target)
