"""The network as seen from here: who is followed, in reach, or near, and who holds what we published."""

from __future__ import annotations

from base64 import b64encode

import msgspec

from mutunode import __version__
from mutunode.commons.similar import similar_name
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ids import log_text, org_text
from mutunode.protocol.links import LinkInfo
from mutunode.service import desk as desks
from mutunode.service import reach, readonly
from mutunode.service.desk import Desk
from mutunode.service.shapes import Nearby, Network, Organisation, PeerLine, Status
from mutunode.store import interface as store
from mutunode.store.search.index import SearchUnavailable
from mutunode.store.search.query import SearchQuery
from mutunode.turns import Sight

SILENT_SECONDS = 3 * 86_400  # heads are renewed daily: after three days something is wrong (PROTOCOL §3)


class View(msgspec.Struct, frozen=True):
    """What is looked up once for a page about many."""

    known: dict[bytes, store.Organisation]
    names: dict[bytes, str]
    sight: Sight
    holding: frozenset[bytes]  # organisations that hold all we published


def _view(desk: Desk) -> View:
    known = {each.org: each for each in desk.reader.organisations()}
    names = {org: desk.name_of(org, found) for org, found in known.items()}
    sight = desk.turns.sight
    # Who is linked and never published is known by the name it was born with.
    names.update({link.org: link.name for link in sight.links if link.ready and link.org not in names})
    return View(known, names, sight, frozenset(holders(desk, sight)))


def network(desk: Desk) -> Network:
    """Everything the network page shows."""
    view = _view(desk)
    listed = [
        _organisation(desk, found, view)
        for org, found in view.known.items()
        if org != desk.org and (found.accepted or found.blocked or found.vouched_by or found.size)
    ]
    listed.sort(key=lambda each: (each.stance != "accepted", not each.connected, each.name.casefold()))
    return Network(
        me=_one(desk, desk.org, view),
        organisations=tuple(listed),
        nearby=tuple(_nearby(desk, view)),
        holders=sum(each.holds_mine for each in listed),
        reachable=sum(each.connected for each in listed),
        now=desk.now(),
        reach=reach.reach(view.sight, view.names, desk.now()),
    )


def organisation(desk: Desk, org: bytes) -> Organisation:
    """One organisation, also one of which nothing is held yet."""
    return _one(desk, org, _view(desk))


def _one(desk: Desk, org: bytes, view: View) -> Organisation:
    return _organisation(desk, view.known.get(org) or _unheard_of(org), view)


def counts_by_sense(desk: Desk, org: bytes) -> dict[str, int]:
    """How many records of an organisation a search finds, by sense."""
    try:
        found = desk.index.search(SearchQuery(orgs=(org,), limit=0))
    except SearchUnavailable:
        return {}  # it is being mended; the page stands without these figures
    return dict(found.facets.get("sense", {}))


def status(desk: Desk) -> Status:
    """``status --json``."""
    me = desk.reader.organisation(desk.org)
    head = me.head if me is not None else None
    sight = desk.turns.sight
    counts = desk.reader.counts()
    register = {
        "log": log_text(desk.own_log),
        "size": head.size if head else 0,
        "root": b64encode(head.root).decode("ascii") if head else "",
        "signed_at": head.time if head else 0,
    }
    closed = not sight.may_sign and sight.reason != "asking"
    return Status(
        org=org_text(desk.org),
        name=desk.name_of(desk.org, me),
        epoch=me.chain.epoch if me is not None and me.chain is not None else 0,
        logs={"public": register},
        organisations=counts.organisations,
        records=counts.records,
        peers=tuple(
            PeerLine(
                org_text(link.org) if link.org else "",
                link.address,
                "connected" if link.ready else "handshake",
            )
            for link in sight.links
        ),
        version=__version__,
        web=desk.live.web_address(),
        peer=desk.live.peer_address(),
        read_only=closed,
        read_only_reason=_why(sight.reason, me) if closed else {},
        holders=len(holders(desk, sight)),
        indexed=desk.index.place.change >= desk.reader.newest_change(),
        language=desk.language,
    )


def _why(reason: str, me: store.Organisation | None) -> dict[str, str]:
    return readonly.why_read_only(reason, me.size if me is not None else 0).as_map()


def holders(desk: Desk, sight: Sight) -> list[bytes]:
    """Organisations last known to hold all we published."""
    me = desk.reader.organisation(desk.org)
    if me is None or me.head is None:
        return []
    wanted = (me.head.epoch, me.head.size)
    return [org for org, order in sight.holders.items() if order[:2] >= wanted]


def _organisation(desk: Desk, found: store.Organisation, view: View) -> Organisation:
    names = view.names
    link = next((each for each in view.sight.links if each.org == found.org and each.ready), None)
    heard_at = found.received_at
    mine = found.org == desk.org
    return Organisation(
        org=org_text(found.org),
        name=names.get(found.org) or desks.short(found.org),
        me=mine,
        stance="accepted" if found.accepted else "blocked" if found.blocked else "",
        records=found.records,
        by_sense=counts_by_sense(desk, found.org) if found.records else {},
        heard_at=heard_at,
        signed_at=found.head.time if found.head else 0,
        connected=link is not None,
        address=_dialled(link) if link else "",
        by_relay=_relay(link, names) if link else "",
        known_by=tuple(names.get(org) or desks.short(org) for org in found.vouched_by if org != desk.org),
        check_words=desks.words_of(found.org),
        similar_to=similar(found.org, names),
        silent=not mine and 0 < heard_at < desk.now() - SILENT_SECONDS,
        forked=found.evidence,
        contested=found.frozen,
        broken=found.broken_at is not None,
        full=view.sight.full.get(found.org, ""),
        disputed=found.chain is not None and found.chain.disputed,
        holds_mine=not mine and found.org in view.holding,
    )


def _nearby(desk: Desk, view: View) -> list[Nearby]:
    """Those who announce themselves on the LAN or dialled us, and about whom nobody has decided."""
    names = view.names
    seen = {org: (address, at) for org, address, at in desk.live.candidates()}
    for link in view.sight.links:
        if link.ready:
            seen.setdefault(link.org, (_dialled(link), link.since))
    near = []
    for org, (address, at) in sorted(seen.items(), key=lambda item: -item[1][1]):
        held = view.known.get(org)
        if org == desk.org or (held is not None and (held.accepted or held.blocked)):
            continue
        name = names.get(org, "")
        near.append(
            Nearby(
                org=org_text(org),
                address=address,
                seen_at=int(at),
                name=name,
                check_words=desks.words_of(org),
                similar_to=similar(org, names),
                introduced_by=tuple(names.get(each, "") for each in (held.vouched_by if held else ())),
            )
        )
    return near


def _dialled(link: LinkInfo) -> str:
    """Where an organisation answers; who dialled us has shown only the port it left from."""
    return link.address if link.outgoing else ""


def _relay(link: LinkInfo, names: dict[bytes, str]) -> str:
    """Who carries this link."""
    return (names.get(link.via) or desks.short(link.via)) if link.via else ""


def similar(org: bytes, names: dict[bytes, str]) -> str:
    """The name of another of these organisations that could be mistaken for this one."""
    own = names.get(org, "")
    others = [name for other, name in names.items() if other != org]
    return similar_name(own, others) or "" if own else ""


def similar_to(desk: Desk, org: bytes) -> str:
    """The name of a known organisation that could be mistaken for this one."""
    return similar(org, _view(desk).names)


def _unheard_of(org: bytes) -> store.Organisation:
    return store.Organisation(
        org=org,
        name="",
        chain=None,
        accepted=False,
        blocked=False,
        stance_time=0,
        log=log_id(org, PUBLIC),
        head=None,
        size=0,
        records=0,
        received_at=0,
        vouched_by=(),
        evidence=False,
        frozen=False,
        broken_at=None,
    )
