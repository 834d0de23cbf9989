"""What is used most: records by how many organisations declared a usage of them.

Counted from the usages that are held, since a record cannot know what others declare about it; remembered
until something changes.
"""

from __future__ import annotations

from collections import Counter

from mutunode.service import rules
from mutunode.service.desk import Desk
from mutunode.store.interface import Stored

USAGES_MAX = 10_000  # the newest; what was declared before them is counted on each card all the same
PAGE = 500


def most_used(desk: Desk) -> tuple[bytes, ...]:
    """Records that somebody uses, the most used first; those used alike, the last declared first."""
    key = (type(desk.reader), desk.reader.newest_change())  # who may read sealed usages counts them too
    remembered = desk.most_used[0]
    if remembered[0] != key:
        remembered = desk.most_used[0] = (key, _counted(desk))
    return remembered[1]


def _counted(desk: Desk) -> tuple[bytes, ...]:
    users: dict[tuple[bytes, int], set[bytes]] = {}
    refs: dict[tuple[bytes, int], list[object]] = {}
    for usage in _usages(desk):
        ref = usage.fields().get("resource")
        if isinstance(ref, list) and len(ref) == 3 and usage.state == "ok":
            users.setdefault((ref[0], ref[1]), set()).add(usage.org)
            refs.setdefault((ref[0], ref[1]), ref)
    counted: Counter[bytes] = Counter()
    for place, orgs in users.items():
        used = rules.cited(desk, refs[place])
        if used is not None:
            counted[rules.newest(desk, used).rec] += len(orgs)
    return tuple(rec for rec, _ in counted.most_common())


def _usages(desk: Desk) -> list[Stored]:
    found: list[Stored] = []
    while len(found) < USAGES_MAX:
        page = desk.reader.of_kind("usage", limit=PAGE, offset=len(found))
        found += page
        if len(page) < PAGE:
            break
    return found
