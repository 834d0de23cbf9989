"""Several organisations' records of one thing, shown as one hit with the others under it.

Catalogues are harvested, copied and shared again: the same address, the same file, the same key of the same
source then stands in several registers. Each organisation's record is counted as a record everywhere (totals,
facets, pages), and shown once: as a hit, or under the hit of the best placed one. Two records of one
organisation are never taken for one: ten forms under the address of a town hall are ten things.
"""

from __future__ import annotations

from mutunode.store.search.query import FoundHit
from mutunode.store.search.ranking import Ranked, Ranking

MEMBERS_MAX = 50  # records of one thing; a key that more of them bear tells nothing


def grouped(ranking: Ranking) -> list[FoundHit]:
    """The hits of a page; what stands under a better placed hit, here or on an earlier page, is left out."""
    hits = []
    for ranked in ranking.page:
        members = _members(ranking, ranked)
        leader, *others = members or [ranked]
        under = _one_of_each(ranking, leader, others)
        if ranked.rec == leader.rec:
            hits.append(FoundHit(bytes.fromhex(ranked.rec), ranked.score, tuple(map(bytes.fromhex, under))))
        elif ranked.rec not in under:
            hits.append(FoundHit(bytes.fromhex(ranked.rec), ranked.score))
    return hits


def _members(ranking: Ranking, ranked: Ranked) -> list[Ranked]:
    """All records found that are about the same, best placed first; [] when it is the only one."""
    things = _shared(ranking, [ranked])
    members: list[Ranked] = []
    while things:
        members = ranking.among(sorted(things), MEMBERS_MAX + 1)
        if len(members) > MEMBERS_MAX:
            return []
        wider = things | _shared(ranking, members)
        if wider == things:
            break
        things = wider
    return members


def _shared(ranking: Ranking, members: list[Ranked]) -> set[str]:
    """What these are about, as far as others bear the same key."""
    things = {
        str(thing) for member in members for thing in ranking.searcher.doc(member.place).get_all("thing")
    }
    return {thing for thing in things if ranking.searcher.doc_freq("thing", thing) > 1}


def _one_of_each(ranking: Ranking, leader: Ranked, others: list[Ranked]) -> list[str]:
    """The best placed record of each other organisation."""
    best: dict[str, str] = {}
    own = _org(ranking, leader)
    for other in others:
        org = _org(ranking, other)
        if org != own:
            best.setdefault(org, other.rec)
    return list(best.values())


def _org(ranking: Ranking, ranked: Ranked) -> str:
    return ranking.searcher.doc(ranked.place).get_first("org") or ""
