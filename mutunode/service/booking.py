"""Booking: what may be asked, what either side may say next, and why not. Rules are checked in the turn that
signs, on what the store holds then, so that a second acceptance of the same time is refused and not undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons.kinds.booking import SLOT
from mutunode.commons.kinds.booking_act import OWNER_ACTS, REQUESTER_ACTS
from mutunode.commons.states import Booking, MeansState
from mutunode.commons.states.booking_cases import NEXT
from mutunode.commons.states.calendars import is_open
from mutunode.commons.states.homes import Key
from mutunode.commons.states.spans import Span, span_of
from mutunode.commons.states.telling import WORDS
from mutunode.commons.values.base import Context
from mutunode.commons.values.times import DAY_SECONDS, rfc3339, seconds, span_said
from mutunode.protocol.ids import rec_text
from mutunode.service import lending, rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.store.interface import Stored

Body = dict[str, Any]

# In the order in which pages and commands offer them.
OWNERS_SAY = ("accept", "checkout", "return", "refuse", "release")
REQUESTERS_SAY = ("pickup", "give_back", "withdraw")

ANSWER_DAYS = 3  # an owner has a weekend to answer, unless the booking begins sooner
ANSWER_SECONDS_MIN = 3_600


# --- input ---------------------------------------------------------------------------------------
def request_fields(
    desk: Desk,
    means: str,
    start: Any,
    end: Any,
    units: Any = "",
    purpose: Any = "",
    expires: Any = "",
) -> dict[str, Any]:
    """The input of a ``booking``: times are those of the means' own zone."""
    stored = lending.of(desk, means)
    body = stored.fields()
    slot = {"start": start, "end": end, "tz": body.get("tz", "")}
    fields = {
        "means": rec_text(stored.rec),
        "slot": slot,
        "units": units or 1,
        "purpose": purpose,
        "expires": expires or _expires(desk, slot),
    }
    return {key: value for key, value in fields.items() if value not in ("", None)}


def _expires(desk: Desk, slot: Mapping[str, Any]) -> str:
    """When a request lapses unless its author says so: in three days, or when it would begin."""
    now = desk.now()
    read, _ = SLOT.read(slot, Context(desk.language))
    latest = now + ANSWER_DAYS * DAY_SECONDS
    if isinstance(read, Mapping) and not SLOT.check(read):
        span = span_of(read)
        latest = min(span.end, max(min(latest, span.start), now + ANSWER_SECONDS_MIN))
    zone = str(slot.get("tz") or "UTC")
    return rfc3339(latest, zone)


def act_fields(
    desk: Desk, act: str, booking: str, reason: Any = "", condition: str = "", note: Any = ""
) -> dict[str, Any]:
    """The input of a ``booking_act``; an acceptance repeats what it grants."""
    request, _ = lending.booking_of(desk, booking)
    asked = request.fields()
    means = rules.cited(desk, asked["means"])
    assert means is not None, "booking_of found it"
    means = rules.newest(desk, means)  # what it was judged by: cited, it binds with the acceptance
    fields: dict[str, Any] = {
        "means": rec_text(means.rec),
        "booking": rec_text(request.rec),
        "act": act,
        "reason": reason,
        "condition": condition,
        "note": note,
    }
    if act == "accept":
        fields |= {"slot": asked["slot"], "units": asked["units"]}
    return {key: value for key, value in fields.items() if value not in ("", None)}


# --- what either side may say ----------------------------------------------------------------------
def foreseen(booking: Booking) -> str:
    """The state once the owner's register took note of what the requester did."""
    state = "accepted" if booking.state == "overbooked" else booking.state
    for name in ("pickup", "withdraw", "give_back"):
        if name in booking.said:
            state = NEXT.get((state, name), state)
    return state


def may_say(desk: Desk, means: Stored, booking: Booking) -> tuple[str, ...]:
    """The acts that are ours to say now, in the order of a booking's life."""
    said = {*booking.halves, *booking.said}
    names = (
        *(OWNERS_SAY if means.org == desk.org else ()),
        *(REQUESTERS_SAY if _ours(desk, booking) else ()),
    )
    if booking.state in ("pending", "erased", "expired"):
        return tuple(name for name in names if name == way_out(booking))
    state = foreseen(booking)
    return tuple(name for name in names if (state, name) in NEXT and name not in said)


def way_out(booking: Booking) -> str:
    """What its owner says to have the time free again where the other side erased what it had said."""
    if booking.state != "erased" or not booking.holds:
        return ""
    return "return" if {"checkout", "pickup"} & set(booking.halves) else "release"


def _ours(desk: Desk, booking: Booking) -> bool:
    return booking.key[0] == desk.own_log


def owed(booking: Booking, now: int, *, owner: bool) -> str:
    """What a side should do next, as a code; "" for nothing."""
    has, state = booking.halves, booking.state
    start, end = (booking.span.start, booking.span.end) if booking.span is not None else (now + 1, now + 1)
    if owner:
        due = {
            "requested": "answer",
            "overbooked": "overbooked",
            "accepted": "blocked" if "blocked" in booking.flags else "checkout" if start <= now else "",
            "checked_out": "checkout" if "checkout" not in has else "return" if end <= now else "",
            "returned": "return" if "return" not in has else "",
        }
    else:
        due = {
            "overbooked": "overbooked",
            "checked_out": "pickup" if "pickup" not in has else "give_back" if end <= now else "",
            "returned": "give_back" if "give_back" not in has else "",
        }
    told = due.get(state, "")
    return "" if told in booking.said else told


# --- rules -----------------------------------------------------------------------------------------
def check_request(desk: Desk, body: Body) -> None:
    """Whether we may ask for this: every rule that its owner gave, and that it is still free."""
    means = rules.newest(desk, rules.target(desk, body["means"], "means", ("means",)))
    rules.must_not_be_withdrawn(means)
    if (seconds(body["expires"]) or 0) <= desk.now():
        raise _no("in_the_past", "Ce moment est passé.", "That time is over.", "expires")
    check_offer(desk, means, body, desk.own_log)
    offered = means.fields()
    _check_room(lending.state(desk, means), span_of(body["slot"]), body["units"], offered.get("tz", "UTC"))


def check_offer(desk: Desk, means: Stored, body: Body, asker: bytes, but: Key | None = None) -> None:
    """Whether a request keeps to what the owner of a means offers; ``asker``: the register it stands in.

    ``but``: the request itself, where it stands there already.
    """
    offered, span = means.fields(), span_of(body["slot"])
    if asker != means.log and "public" not in offered.get("allowed", ["public"]):
        raise _no("not_allowed", "Ce moyen n’est pas ouvert à votre organisation.", "It is not open to you.")
    if span.end <= desk.now():
        raise _no("in_the_past", "Ce moment est passé.", "That time is over.", "slot")
    _check_quota(desk, means, span, asker, but)
    if not is_open(offered.get("availability"), offered.get("tz", "UTC"), span):
        raise _no(
            "outside_availability",
            "C’est hors des heures d’ouverture de ce moyen.",
            "That is outside the opening hours of this means.",
            "slot",
        )


def _check_quota(desk: Desk, means: Stored, span: Span, asker: bytes, but: Key | None) -> None:
    quota = means.fields().get("quota", {})
    hours, ahead, open_max = (quota.get(name) for name in ("hours_max", "ahead_days_max", "open_max"))
    if hours is not None and span.seconds > hours * 3_600:
        raise _no(
            "quota_hours",
            f"Le propriétaire prête {hours} h au plus à la fois.",
            f"The owner lends for {hours} h at most at a time.",
            "slot",
        )
    if ahead is not None and span.start > desk.now() + ahead * DAY_SECONDS:
        raise _no(
            "quota_ahead",
            f"Le propriétaire prête {ahead} jours à l’avance au plus.",
            f"The owner lends {ahead} days ahead at most.",
            "slot",
        )
    if open_max is None or asker == means.log:
        return
    theirs = [each for each in lending.state(desk, means).bookings if each.key[0] == asker]
    if sum(is_live(each) and each.key != but for each in theirs) >= open_max:
        raise _no(
            "quota_open",
            f"Le propriétaire prête {open_max} fois au plus en même temps à une organisation.",
            f"The owner lends to one organisation {open_max} times at most at once.",
        )


def is_live(booking: Booking) -> bool:
    """Whether something may still happen with it."""
    return booking.state in ("requested", "accepted", "overbooked", "checked_out", "returned", "pending")


def _check_room(state: MeansState, span: Span, units: int, zone: str) -> None:
    free = state.free(span)
    if units <= free:
        return
    first = [each.span for each in state.taken() if each.span.overlaps(span)][:1]
    fr = span_said(first[0].start, first[0].end, zone, "fr") if first else ""
    en = span_said(first[0].start, first[0].end, zone, "en") if first else ""
    raise _no(
        "over_capacity",
        f"Ce n’est pas libre : {free} sur {state.units} à ce moment" + (f" (pris : {fr})." if fr else "."),
        f"It is not free: {free} of {state.units} at that time" + (f" (taken: {en})." if en else "."),
        "slot",
    )


def check_act(desk: Desk, body: Body) -> None:
    """Whether this act is ours to say, and whether it can have an effect now."""
    request, means = _named(desk, body)
    name = str(body["act"])
    if name in OWNER_ACTS and means.org != desk.org:
        raise _no(
            "not_the_owner",
            f"Seule {desk.name_of(means.org)}, qui prête, peut dire cela.",
            f"Only {desk.name_of(means.org)}, which lends it, can say that.",
        )
    if name in REQUESTER_ACTS and request.org != desk.org:
        raise _no(
            "not_the_requester",
            f"Seule {desk.name_of(request.org)}, qui a demandé, peut dire cela.",
            f"Only {desk.name_of(request.org)}, which asked, can say that.",
        )
    state, booking = lending.booking_state(desk, request, means)
    _check_order(booking, name)
    if name == "accept":
        asked = request.fields()
        if span_of(asked["slot"]) != span_of(body["slot"]) or asked["units"] != body["units"]:
            raise _no(
                "not_what_was_asked",
                "Une acceptation accorde ce qui est demandé, ni plus ni moins.",
                "An acceptance grants what was asked, no more and no less.",
                "slot",
            )
        _check_room(state, span_of(body["slot"]), body["units"], means.fields().get("tz", "UTC"))


def _named(desk: Desk, body: Body) -> tuple[Stored, Stored]:
    request = rules.target(desk, body["booking"], "booking", ("booking",))
    means = rules.newest(desk, rules.target(desk, body["means"], "means", ("means",)))
    asked = rules.cited(desk, request.fields()["means"])
    if asked is None or rules.newest(desk, asked).rec != means.rec:
        raise _no(
            "another_means",
            "Cette réservation est celle d’un autre moyen.",
            "That booking is of another means.",
            "means",
        )
    return request, means


def _check_order(booking: Booking, name: str) -> None:
    state = foreseen(booking)
    if booking.state == "pending":
        raise _no(
            "pending_data",
            "Des données sont attendues : demandez des nouvelles, puis réessayez.",
            "Data is awaited: ask for news, then try again.",
        )
    if booking.state == "expired" and name == "accept":
        raise _no(
            "request_lapsed",
            "La demande est tombée à son échéance. L’organisation peut en faire une autre.",
            "The request lapsed when its time had come. The organisation can make another.",
        )
    if name == way_out(booking):
        return
    if (state, name) not in NEXT or name in booking.halves or name in booking.said:
        word = WORDS.get(state, WORDS[booking.state])
        raise _no(
            "not_in_this_state",
            f"Cela ne se peut pas maintenant : « {word.fr} ».",
            f"That cannot be done now: “{word.en}”.",
        )


def check_block(desk: Desk, body: Body) -> None:
    """Whether we may say so: the means is ours, and closing does not undo what was promised."""
    means = rules.target(desk, body["means"], "means", ("means",))
    rules.must_be_ours(desk, means)
    if body["what"] == "closed" and (affected := in_the_way(desk, means, body)):
        raise _no(
            "block_over_bookings",
            f"{len(affected)} réservation(s) tombent dans ce moment : annulez-les d’abord en disant pourquoi "
            "(« book release »), ou annoncez une réparation, qui les annule avec son motif.",
            f"{len(affected)} booking(s) lie in that time: release them first, saying why (`book release`), "
            "or announce a repair, which releases them with its reason.",
            "slot",
        )


def check_withdrawal(desk: Desk, target: Stored, *, erases: bool) -> None:
    """What was said of a booking is not taken back by the general withdrawal; erasing waits for its end."""
    if target.kind not in ("booking", "booking_act", "cite"):
        return
    if not erases or target.kind == "cite":
        raise _no(
            "use_book",
            "Cela ne se retire pas ainsi : « book withdraw » pour votre demande, « book release » pour "
            "ce que vous avez accordé.",
            "That is not withdrawn so: `book withdraw` for a request of yours, `book release` for what you "
            "granted.",
        )
    request, means = lending.booking_of(desk, rec_text(target.rec))
    if is_live(lending.booking_state(desk, request, means)[1]):
        raise _no(
            "booking_is_open",
            "Cette réservation est en cours : terminez-la, puis effacez.",
            "This booking is open: bring it to its end, then erase.",
        )


def in_the_way(desk: Desk, means: Stored, block: Mapping[str, Any]) -> list[Booking]:
    """Bookings, not yet handed over, for which there would be no room beside a block: the latest first."""
    state = lending.state(desk, rules.newest(desk, means))
    span = span_of(block["slot"])
    left = state.units - min(state.units, int(block.get("units", state.units)))
    held = [each for each in state.bookings if each.holds and each.span and each.span.overlaps(span)]
    out, used = [], 0
    for each in held:
        used += each.units
        if used > left and each.state in ("accepted", "overbooked"):
            out.append(each)
            used -= each.units
    return out[::-1]


def _no(code: str, fr: str, en: str, field: str = "") -> Refusal:
    """A rule refuses, and is named."""
    troubles = (Trouble(field, fr, en),) if field else ()
    return Refusal(code, Exit.REFUSED, fr, en, troubles)
