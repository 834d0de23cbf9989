"""From the store's records to acts, as the state functions of ``commons`` take them."""

from __future__ import annotations

from collections.abc import Iterable

from mutunode.commons.states import Act, usage_state
from mutunode.service import rules
from mutunode.service.desk import Desk
from mutunode.store.interface import Stored

CITING_MAX = 2_000  # acts about one record that are looked at; beyond, figures would be of no use to readers


def act_of(stored: Stored) -> Act:
    """One record as an act."""
    return Act(
        log=stored.log,
        index=stored.index,
        org=stored.org,
        rec=stored.rec,
        leaf=stored.leaf,
        kind=stored.kind,
        time=stored.time,
        body=stored.fields() if stored.body is not None and stored.state != "opaque" else None,
        superseded_by=stored.superseded_by,
        withdrawn_by=stored.withdrawn_by,
        state=stored.state,
        sealed=stored.sealed,
        brought=stored.brought,
    )


def citing(desk: Desk, versions: Iterable[Stored], *kinds: str) -> list[Stored]:
    """Records of these kinds that cite any of the versions, and all their own versions."""
    found: dict[bytes, Stored] = {}
    for version in versions:
        for mention in desk.reader.mentions(version.log, version.index, kinds):
            if len(found) >= CITING_MAX:
                return list(found.values())
            for each in rules.versions(desk, mention):
                found.setdefault(each.rec, each)
    return list(found.values())


def usage_acts(desk: Desk, resource: Stored) -> list[Act]:
    """What ``usage_state`` needs of a resource: versions, usages of any of them, answers to those."""
    versions = rules.versions(desk, resource)
    usages = citing(desk, versions, "usage")
    answers = citing(desk, usages, "usage_answer")
    counts = citing(desk, versions, "usage_count")
    return [act_of(each) for each in (*versions, *usages, *answers, *counts)]


def told_in_confidence(desk: Desk, resource: Stored, type: str) -> int:
    """How many organisations told us alone that they use a resource of ours in one way, uncontested."""
    state = usage_state(usage_acts(desk.inside, resource), desk.now(), rules.ref_of(resource))
    return len({each.act.org for each in state.acknowledgements if each.confided and each.type == type})
