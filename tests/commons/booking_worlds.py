"""Random worlds of lenders and borrowers, and a second, simpler reckoning of what became of each booking.

The reckoning shares nothing with the machine but the records: it replays a list of plain events, and counts
what is taken hour by hour. A view is what one node holds: prefixes of registers, bodies missing, one branch
of a fork.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mutunode.commons.states import Act
from mutunode.commons.states.bookings import MeansState, means_state
from mutunode.commons.states.homes import Key, key_of
from tests.commons.lenders import HOUR, Lender, Ref, slot
from tests.commons.registers import NOW

OWN = ("accept", "refuse", "release", "checkout", "return")
ASKED = ("withdraw", "pickup", "give_back")
MOVES = (*("grant",) * 5, *("ask",) * 2, *("cite",) * 4, *OWN, "accept", *ASKED, "note", "block", "later")
RARE = ("restart", "restart", "restart_asker", "erase", "erase_act", "forge", "forge", "revise")
Step = tuple[str, int, int]


@dataclass
class Event:
    """One thing the owner's register holds, in its order."""

    index: int
    what: str  # cite · own · block · means
    ref: Ref
    name: str = ""  # of an act
    booking: Key | None = None
    start: int = 0  # hours
    hours: int = 0
    units: int = 0
    noted: bool = False  # somebody else's register cites it
    dropped: bool = False
    lent: Ref | None = None  # the version of the means that an act of the owner names


@dataclass
class Asked:
    """One request."""

    ref: Ref
    who: int
    start: int
    hours: int
    units: int
    expires: int
    erased: bool = False

    @property
    def key(self) -> Key:
        return key_of(self.ref)


class World:
    """An owner, three others, and everything they do."""

    def __init__(self, units: int) -> None:
        self.owner = Lender("vergers")
        self.askers = [Lender(name) for name in ("grain", "tilleuls", "fabrique")]
        self.stranger = Lender("stranger")
        self.units = units
        self.now = NOW
        self.means = self.owner.lend(units=units)
        self.events = [Event(0, "means", self.means, units=units)]
        self.asked: list[Asked] = []
        self.uncited: list[tuple[Ref, str, Key]] = []  # what others did and the owner did not cite
        self.erased_acts: set[Key] = set()
        self.lost: set[Key] = set()  # bookings of which such an act was taken note of
        self.forged: list[Ref] = []
        self.noted_by_requester: list[tuple[int, int, Key, Ref]] = []  # who, index, booking, act

    # --- moves ---------------------------------------------------------------------------------
    def do(self, step: Step) -> None:
        move, a, b = step
        getattr(self, f"_{move}" if move not in (*OWN, *ASKED) else "_act")(move, a, b)

    def _ask(self, move: str, a: int, b: int) -> None:
        who, start, hours, units = a % 3, 24 + b % 6, 1 + a % 3, 1 + b % 2
        ref = self.askers[who].ask(
            self.means, slot(start, hours), units, expires=NOW + (1 + b % 3) * 6 * HOUR
        )
        self.asked.append(Asked(ref, who, start, hours, units, NOW + (1 + b % 3) * 6 * HOUR))
        self.uncited.append((ref, "request", key_of(ref)))

    def _grant(self, move: str, a: int, b: int) -> None:
        """The whole way: asked, cited, accepted, noted; so that worlds are busy."""
        self._ask("ask", a, b)
        self._cite("cite", len(self.uncited) - 1, 0)
        self._act("accept", len(self.asked) - 1, 1 + b)
        if b % 2:
            own = [each for each in self.events if each.what == "own" and not each.dropped]
            self._note("note", len(own) - 1, 0)

    def _cite(self, move: str, a: int, b: int) -> None:
        if not self.uncited:
            return
        ref, name, booking = self.uncited.pop(a % len(self.uncited))
        about = [each.ref for each in self.asked if each.key == booking and name != "request"]
        self.owner.cite(self.means, ref, about=tuple(about))
        self.events.append(Event(self.owner.size - 1, "cite", ref, name, booking))

    def _act(self, move: str, a: int, b: int) -> None:
        if not self.asked:
            return
        asked = self.asked[a % len(self.asked)]
        if move in ASKED:
            ref = self.askers[asked.who].act(move, self.means, asked.ref)
            self.uncited.append((ref, move, asked.key))
            return
        granted = asked if b % 7 else an_hour_later(asked)
        grants: dict[str, Any] = {"slot": slot(granted.start, granted.hours), "units": granted.units}
        said = grants if move == "accept" else {}
        lent = next(each for each in reversed(self.events) if each.what == "means").ref
        ref = self.owner.act(move, lent, asked.ref, self.now, **said)
        name = move if move != "accept" or granted is asked else "wrong_accept"
        self.events.append(Event(self.owner.size - 1, "own", ref, name, asked.key, lent=lent))

    def _note(self, move: str, a: int, b: int) -> None:
        """A requester's register takes note of an act of the owner about its booking."""
        own = [each for each in self.events if each.what == "own" and not each.dropped]
        if own:
            event = own[a % len(own)]
            asked = next(each for each in self.asked if each.key == event.booking)
            asker = self.askers[asked.who]
            asker.cite(self.means, event.ref, about=(asked.ref,))
            self.noted_by_requester.append((asked.who, asker.size - 1, asked.key, event.ref))
            event.noted = True

    def _block(self, move: str, a: int, b: int) -> None:
        start, hours = 24 + a % 6, 1 + b % 3
        what = ("repair", "closed", "hint")[a % 3]
        ref = self.owner.block(self.means, slot(start, hours), what)
        units = 0 if what == "hint" else self.units
        self.events.append(
            Event(self.owner.size - 1, "block", ref, what, start=start, hours=hours, units=units)
        )

    def _later(self, move: str, a: int, b: int) -> None:
        self.now += (1 + a % 4) * 4 * HOUR

    def _revise(self, move: str, a: int, b: int) -> None:
        last = next(each for each in reversed(self.events) if each.what == "means" and not each.dropped)
        self.units = 1 + a % 3
        ref = self.owner.lend(units=self.units, supersedes=last.ref)
        self.events.append(Event(self.owner.size - 1, "means", ref, units=self.units))

    def _restart(self, move: str, a: int, b: int) -> None:
        """The owner's register starts anew, keeping at least the means."""
        kept = 1 + a % self.owner.size
        self.owner.start_anew(kept)
        gone = [each for each in self.events if each.index >= kept and not each.dropped]
        named = [each.lent for each in self.events if each.noted]  # also by what an earlier start dropped
        bound = [each for each in gone if each.noted or each.ref in named]
        for each in bound:
            each.dropped = True
        before = [each for each in self.events if each.index < kept or each.dropped]
        for each in gone:
            if each.what == "cite" and not each.noted:
                self.uncited.append((each.ref, each.name, each.booking or (b"", b"")))
        # What stays keeps its order: what was dropped came before whatever is written from now on.
        self.events = [each for each in self.events if each in before or each in bound]
        last = next(each for each in reversed(self.events) if each.what == "means")
        self.units = last.units

    def _restart_asker(self, move: str, a: int, b: int) -> None:
        """A requester's register starts anew from nothing: what was cited binds, the rest is gone."""
        who = a % 3
        self.askers[who].start_anew(0)
        cited = {each.booking for each in self.events if each.booking is not None}
        acts = {key_of(each.ref) for each in self.events}
        self.asked = [each for each in self.asked if each.who != who or each.key in cited]
        self.uncited = [each for each in self.uncited if each[0][0] != self.askers[who].log]
        mine = {key for holder, _, key, _ in self.noted_by_requester if holder == who}
        self.noted_by_requester = [each for each in self.noted_by_requester if each[0] != who]
        for event in self.events:
            if event.booking in mine and event.what == "own" and key_of(event.ref) in acts:
                event.noted = False
        named = [each.lent for each in self.events if each.noted]
        self.events = [each for each in self.events if not each.dropped or each.noted or each.ref in named]
        self.units = next(each for each in reversed(self.events) if each.what == "means").units

    def _erase(self, move: str, a: int, b: int) -> None:
        if self.asked:
            asked = self.asked[a % len(self.asked)]
            index = next(
                (act.index for act in self.askers[asked.who].standing if act.leaf == asked.ref[2]), None
            )
            if index is not None:
                self.askers[asked.who].mark([asked.ref[0], index, asked.ref[2]], state="erased", body=None)
                asked.erased = True

    def _erase_act(self, move: str, a: int, b: int) -> None:
        """A requester erases something it had said of a booking."""
        asker = self.askers[a % 3]
        said = [act for act in asker.standing if act.kind == "booking_act" and act.body is not None]
        if said:
            act = said[b % len(said)]
            asker.mark([act.log, act.index, act.leaf], state="erased", body=None)
            self.erased_acts.add((act.log, act.leaf))

    def _forge(self, move: str, a: int, b: int) -> None:
        """Acts by those who may not say them."""
        if not self.asked:
            return
        asked = self.asked[a % len(self.asked)]
        name = (*OWN, *ASKED)[b % 8]
        grants: dict[str, Any] = {"slot": slot(asked.start, asked.hours), "units": asked.units}
        granted = grants if name == "accept" else {}
        forged = [self.stranger.act(name, self.means, asked.ref, **granted)]
        if name in OWN:
            forged.append(self.askers[asked.who].act(name, self.means, asked.ref, **granted))
        for ref in forged[a % 2 :]:  # the owner's register takes note of what means nothing
            self.uncited.append((ref, "forged", asked.key))
        if name in ASKED:
            forged.append(self.owner.act(name, self.means, asked.ref))
        late = self.owner.standing[-3:]  # a stranger's citing binds nobody
        forged += [self.stranger.cite(self.means, [act.log, act.index, act.leaf]) for act in late]
        self.forged += forged

    # --- the second reckoning ------------------------------------------------------------------
    def reckon(self, upto: int | None = None, now: int | None = None) -> dict[Key, str]:
        """State of every booking, from the events of the register up to an index."""
        now = self.now if now is None else now
        events = [each for each in self.events if upto is None or each.dropped or each.index < upto]
        states: dict[Key, str] = {each.key: "requested" for each in self.asked}
        order: list[tuple[int, Key, Asked]] = []
        done: set[tuple[Key, str]] = set()
        by_key = {each.key: each for each in self.asked}
        lost = set[Key]()  # nobody can tell any more
        for position, event in enumerate(events):
            key = event.booking
            if key is None or event.what not in ("own", "cite") or event.name == "request":
                continue
            if key not in states:
                continue
            asked, name = by_key[key], event.name
            if name == "wrong_accept" and asked.erased:
                asked, name = an_hour_later(asked), "accept"  # nobody can tell any more that it was wrong
            if event.what == "cite" and key_of(event.ref) in self.erased_acts:
                if states[key] not in _FINAL:
                    lost.add(key)
                continue
            following = _NEXT.get(states[key], {}).get(name)
            if following and (key, name) not in done:
                states[key] = following
                done.add((key, name))
                if name == "accept":
                    order.append((position, key, asked))
        self._overbook(events, states, [each for each in order if each[1] not in lost])
        self.lost |= lost
        for key, state in states.items():
            if key in lost or (state == "requested" and by_key[key].erased):
                states[key] = "erased"
            elif state == "requested" and by_key[key].expires <= now:
                states[key] = "expired"
        return states

    def _overbook(
        self, events: list[Event], states: dict[Key, str], order: list[tuple[int, Key, Asked]]
    ) -> None:
        """Hour by hour: who was accepted when everything was taken already."""
        taken = [0] * 200
        for position, key, asked in order:
            if states[key] not in ("accepted", "checked_out"):
                continue
            units = [each.units for each in events[:position] if each.what == "means"][-1]
            hours = range(asked.start, asked.start + asked.hours)
            blocked = [sum(units for each in events[:position] if _covers(each, hour)) for hour in range(200)]
            over = any(taken[hour] + blocked[hour] + asked.units > units for hour in hours)
            if over and states[key] == "accepted":
                states[key] = "overbooked"
            for hour in hours:
                taken[hour] += asked.units

    # --- views ---------------------------------------------------------------------------------
    def everything(self) -> list[Act]:
        return [act for each in (self.owner, *self.askers, self.stranger) for act in each.acts]

    def shown(self, acts: Iterable[Act] | None = None) -> MeansState:
        return means_state(self.everything() if acts is None else acts, self.now, self.means)

    def states(self, acts: Iterable[Act] | None = None) -> dict[Key, str]:
        return {each.key: each.state for each in self.shown(acts).bookings}


def an_hour_later(asked: Asked) -> Asked:
    """The same request, an hour later: an acceptance that grants what nobody asked."""
    return Asked(asked.ref, asked.who, asked.start + 1, asked.hours, asked.units, asked.expires)


def _covers(event: Event, hour: int) -> bool:
    return event.what == "block" and event.name != "hint" and event.start <= hour < event.start + event.hours


_FINAL = ("refused", "withdrawn", "released", "closed")
_NEXT: dict[str, dict[str, str]] = {
    "requested": {"accept": "accepted", "refuse": "refused", "withdraw": "withdrawn"},
    "accepted": {
        "withdraw": "withdrawn",
        "release": "released",
        "checkout": "checked_out",
        "pickup": "checked_out",
    },
    "checked_out": {
        "checkout": "checked_out",
        "pickup": "checked_out",
        "return": "returned",
        "give_back": "returned",
    },
    "returned": {"checkout": "returned", "pickup": "returned", "return": "closed", "give_back": "closed"},
}
