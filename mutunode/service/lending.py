"""The means of everybody as this node sees them: what is gathered for one, and the state that follows.

Everything about a means names it, so that one look at who cites its versions finds the whole; what those
cite in turn is fetched by id, also where its author dropped it since.
"""

from __future__ import annotations

from collections.abc import Iterable

from mutunode.commons.kinds.booking import KIND as BOOKING
from mutunode.commons.kinds.booking_act import KIND as ACT
from mutunode.commons.kinds.cite import KIND as CITE
from mutunode.commons.kinds.means import KIND as MEANS
from mutunode.commons.kinds.means_block import KIND as BLOCK
from mutunode.commons.states import Act, Booking, MeansState, means_state
from mutunode.commons.states.homes import era_of
from mutunode.protocol.entry import rec_id
from mutunode.service import lookup, rules
from mutunode.service.acts import act_of
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal
from mutunode.store.interface import Stored

ABOUT = (BOOKING.name, ACT.name, BLOCK.name, CITE.name)
UNNOTED_OF_ONE_MAX = 200  # requests of one organisation about one means that its owner took no note of
ROUNDS_MAX = 4  # a note cites an act, an act its request: nothing is further away


def of(desk: Desk, text: str) -> Stored:
    """The newest version of the means of an id.

    Raises:
        Refusal: nothing has this id, or it is no means.
    """
    found = rules.newest(desk, lookup.record(desk, text))
    if found.kind != MEANS.name:
        raise Refusal(
            "not_a_means",
            Exit.NOT_FOUND,
            f"« {text} » n’est pas un moyen partagé.",
            f"`{text}` is not a shared means.",
        )
    return found


def state(desk: Desk, means: Stored) -> MeansState:
    """What became of a means and its bookings, by what this desk may read."""
    return means_state(acts(desk, means), desk.now(), rules.ref_of(means))


def acts(desk: Desk, means: Stored) -> list[Act]:
    """Everything that ``means_state`` needs."""
    gathered = {each.rec: each for each in rules.versions(desk, means)}
    own: list[Stored] = []
    others: list[Stored] = []
    for version in list(gathered.values()):
        for mention in desk.reader.mentions(version.log, version.index, (*ABOUT, "withdrawal")):
            (own if mention.org == means.org else others).append(mention)
    gathered |= {each.rec: each for each in (*own, *_fair(others))}
    for missing in desk.reader.awaited(means.log, (MEANS.name, *ABOUT)):
        gathered.setdefault(missing.rec, missing)
    _close(desk, gathered)
    eras = {org: _kept(desk, org) for org in {each.org for each in gathered.values()}}
    return [_act(each, eras[each.org]) for each in gathered.values()]


def _fair(mentions: Iterable[Stored]) -> list[Stored]:
    """What others say, so that nobody pushes anybody else out of sight."""
    counts: dict[bytes, int] = {}
    kept = []
    for each in mentions:
        if each.kind == BOOKING.name:
            counts[each.org] = counts.get(each.org, 0) + 1
        if counts.get(each.org, 0) <= UNNOTED_OF_ONE_MAX or each.kind != BOOKING.name:
            kept.append(each)
    return kept


def _close(desk: Desk, gathered: dict[bytes, Stored]) -> None:
    """Fetch what is cited and not there yet."""
    ring = list(gathered.values())
    for _ in range(ROUNDS_MAX):
        cited = {
            rec_id(ref[0], ref[2])
            for each in ring
            if each.kind in (CITE.name, ACT.name)
            for _, ref in desk.registry[each.kind].refs(each.fields() if _reads(desk, each) else {})
        }
        found = [desk.reader.record(rec) for rec in sorted(cited - gathered.keys())]
        ring = [each for each in found if each is not None and each.kind in (*ABOUT, "sealed")]
        gathered |= {each.rec: each for each in ring}
        if not ring:
            return


def _reads(desk: Desk, stored: Stored) -> bool:
    return stored.body is not None and not desk.registry[stored.kind].check(stored.fields())


def _kept(desk: Desk, org: bytes) -> dict[int, int]:
    """How much of its register each of an organisation's starts kept."""
    known = desk.reader.organisation(org)
    ops = known.chain.ops if known is not None and known.chain is not None else ()
    return {each.op.epoch: each.op.base.size for each in ops}


def _act(stored: Stored, kept: dict[int, int]) -> Act:
    act = act_of(stored)
    if not kept:
        return act
    return act.at_era(era_of(stored.index, kept, stored.retracted_by))


def booking_of(desk: Desk, text: str) -> tuple[Stored, Stored]:
    """(request, newest version of its means) of the id of a booking, or of an act about it.

    Raises:
        Refusal: nothing has this id, it is no booking, or its means is not known here.
    """
    found = lookup.record(desk, text)
    if found.kind == ACT.name and _reads(desk, found):
        booking = rules.cited(desk, found.fields()["booking"])
        found = booking if booking is not None else found
    if found.kind != BOOKING.name or not _reads(desk, found):
        raise Refusal(
            "not_a_booking",
            Exit.NOT_FOUND,
            f"« {text} » n’est pas une réservation.",
            f"`{text}` is not a booking.",
        )
    means = rules.cited(desk, found.fields()["means"])
    if means is None or means.kind != MEANS.name:
        raise Refusal(
            "means_unknown",
            Exit.NOT_FOUND,
            "Le moyen demandé n’est pas connu ici : suivez d’abord l’organisation qui le prête.",
            "The means asked for is not known here: follow the organisation that lends it first.",
        )
    return found, rules.newest(desk, means)


def booking_state(desk: Desk, request: Stored, means: Stored) -> tuple[MeansState, Booking]:
    """A booking, in the state of its means."""
    whole = state(desk, means)
    found = whole.booking((request.log, request.leaf))
    if found is None:  # dated ahead, or more of one organisation than is looked at
        raise lookup.not_found(str(request.index))
    return whole, found
