"""What became of the bookings of one means: a walk through its home's register, in that register's order.

The owner's acts stand in the home itself. What a requester did counts from the moment the home cites it.
Each booking is a small table of states and acts; an act that finds no line there has no effect and is kept
as such. Whether an acceptance went over capacity is judged against those written before it that still hold,
so that a later act never makes an earlier acceptance worse.

What is missing makes a booking *pending*, never guessed: an act that is cited and not held may have
changed it. Nothing here looks at a clock but the expiry of a request nobody answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mutunode.commons.kind import Kind
from mutunode.commons.kinds.booking import KIND as BOOKING
from mutunode.commons.kinds.booking_act import KIND as ACT
from mutunode.commons.kinds.booking_act import OWNER_ACTS, REQUESTER_ACTS
from mutunode.commons.kinds.cite import KIND as CITE
from mutunode.commons.kinds.means import KIND as MEANS
from mutunode.commons.kinds.means_block import KIND as BLOCK
from mutunode.commons.states.acts import Act, Ref, field, readable
from mutunode.commons.states.booking_cases import FINAL, HOLDING, OVER, Case
from mutunode.commons.states.homes import Key, Records, key_of
from mutunode.commons.states.resources import ResourceState, resource_state
from mutunode.commons.states.spans import Span, Taken, peak, span_of
from mutunode.commons.values.times import seconds
from mutunode.commons.words import LangMap
from mutunode.protocol.entry import is_ref
from mutunode.protocol.limits import FUTURE_SECONDS_MAX

TAKING = frozenset((*HOLDING, "returned", "closed"))  # what a calendar shows as booked
LOST = frozenset(("erased", "retracted"))  # where the text is not held: it will not come any more
RELEVANT = frozenset(kind.name for kind in (MEANS, BLOCK, BOOKING, ACT, CITE))


class Booking(msgspec.Struct, frozen=True):
    """One booking.

    ``state``: requested · expired · refused · withdrawn · accepted · overbooked · released · checked_out ·
    returned · closed · pending (something cited is not held) · erased (its author erased what it said).
    ``halves``: what counts of either side. ``said``: what the requester did and the home did not cite yet.
    ``void``: what came when it could have no effect. ``flags``: blocked · late_accept · retracted ·
    erased_request.
    """

    key: Key
    state: str
    request: Act | None
    span: Span | None
    units: int
    received: bool = False
    halves: Mapping[str, Act] = {}
    said: Mapping[str, Act] = {}
    void: tuple[tuple[str, Act], ...] = ()
    flags: frozenset[str] = frozenset()

    @property
    def confirmed(self) -> bool:
        """Whether both sides signed what the state says."""
        match self.state:
            case "accepted" | "overbooked" | "closed":
                return True
            case "checked_out":
                return {"checkout", "pickup"} <= set(self.halves)
            case _:
                return False

    @property
    def taken(self) -> bool:
        """Whether a calendar shows its time as booked."""
        return self.state in TAKING or self.state == "overbooked"

    @property
    def holds(self) -> bool:
        """Whether it still keeps others out; one that was granted and cannot be told may."""
        if self.state in ("pending", "erased"):
            return "accept" in self.halves and not OVER & set(self.halves)
        return self.state in HOLDING or self.state == "overbooked"

    def reason(self) -> LangMap:
        """Why it was refused or released."""
        act = self.halves.get("refuse") or self.halves.get("release")
        return dict(field(act, "reason", {})) if act is not None else {}

    def condition(self, side: str) -> str:
        """What ``return`` (the owner) or ``give_back`` (the requester) said of its state."""
        act = self.halves.get(side)
        return str(field(act, "condition", "")) if act is not None else ""

    @property
    def damaged(self) -> bool:
        """Whether either side said that it came back damaged."""
        return "damaged" in (self.condition("return"), self.condition("give_back"))


class Block(msgspec.Struct, frozen=True):
    """When a means cannot be had, by its owner's word. ``units`` None: all of them."""

    act: Act
    span: Span
    what: str
    units: int | None
    note: LangMap = {}


class MeansState(msgspec.Struct, frozen=True):
    """A means with everything around it. ``pending``: something of its home is awaited."""

    record: ResourceState
    units: int
    blocks: tuple[Block, ...]
    bookings: tuple[Booking, ...]  # in the order in which the home came to know them; unknown ones last
    pending: bool = False

    def booking(self, key: Key) -> Booking | None:
        """One of them."""
        return next((each for each in self.bookings if each.key == key), None)

    def taken(self) -> list[Taken]:
        """What is booked or blocked."""
        booked = [Taken(each.span, each.units) for each in self.bookings if each.holds and each.span]
        return booked + [
            Taken(each.span, self.units if each.units is None else each.units)
            for each in self.blocks
            if each.what != "hint"
        ]

    def free(self, wanted: Span) -> int:
        """How many units nobody has at any moment of a span."""
        return max(0, self.units - peak(self.taken(), wanted))


def means_state(records: Iterable[Act], now: int, of: Ref) -> MeansState:
    """The state of the means of which ``of`` names any version.

    ``records``: its versions, withdrawals and blocks, every booking that cites a version, every
    ``booking_act`` and ``cite`` about them, and whatever those cite.
    """
    walk = _Walk(records, of)
    walk.run()
    return walk.result(now)


class _Walk:
    """One reading of a home's register."""

    def __init__(self, acts: Iterable[Act], of: Ref) -> None:
        self._acts = list(acts)
        self._of = of
        self._home: bytes = of[0]
        self._records = Records(self._acts, self._home)
        self._versions = self._all_versions()
        self._cases: dict[Key, Case] = {}
        self._units: list[tuple[int, int]] = []  # (position, how many there are from then on)
        self._blocks: list[tuple[int, Block]] = []
        self._counted: set[Key] = set()
        self._unread_of: dict[bytes, str] = {}  # registers of which something cited cannot be read → why
        self._readable: dict[Key, bool] = {}
        self._awaiting = False  # an act of the home is missing: what follows is not sure

    # --- reading -------------------------------------------------------------------------------
    def run(self) -> None:
        for position, act in enumerate(self._records.of(self._home)):
            if act.kind in RELEVANT:
                self._hear(position, act)
        self._unknown_to_the_home()
        self._what_requesters_noted()

    def _hear(self, position: int, act: Act) -> None:
        if act.state == "missing":
            self._awaiting = True
            for case in self._cases.values():
                case.doubted("missing")
        elif (act.log, act.leaf) in self._versions and self._says(act, MEANS):
            self._units.append((position, int(field(act, "units", 1))))
        elif self._says(act, BLOCK) and self._is_about_us(field(act, "means", None)):
            self._block(position, act)
        elif self._says(act, CITE) and any(self._is_about_us(ref) for ref in field(act, "of", ())):
            for ref in field(act, "acts", ()):
                self._cited(position, act, ref)
        elif self._says(act, BOOKING) and self._is_about_us(field(act, "means", None)):
            self._case((act.log, act.leaf)).received = True  # our own request of our own means
        elif self._says(act, ACT) and self._is_about_us(field(act, "means", None)):
            self._own_act(position, act)

    def _block(self, position: int, act: Act) -> None:
        if act.superseded_by is not None or act.withdrawn_by is not None or act.state == "retracted":
            return
        block = Block(act, span_of(field(act, "slot", {})), field(act, "what", ""), field(act, "units", None))
        self._blocks.append((position, msgspec.structs.replace(block, note=dict(field(act, "note", {})))))

    def _own_act(self, position: int, act: Act) -> None:
        """An act of the owner; or of ourselves as requester of our own means."""
        booking = field(act, "booking", None)
        case = self._case(key_of(booking))
        case.received = True
        name = field(act, "act", "")
        if name in OWNER_ACTS or (name in REQUESTER_ACTS and booking[0] == self._home):
            case.apply(act, position)

    def _cited(self, position: int, cite: Act, ref: Ref) -> None:
        act = self._records.at(ref)
        if ref[0] == self._home or key_of(ref) in self._counted:
            return
        self._counted.add(key_of(ref))
        if act is None or act.body is None or act.state == "opaque":
            self._cited_unread(cite, ref, act)
        elif self._says(act, BOOKING) and self._is_about_us(field(act, "means", None)):
            self._case(key_of(ref)).received = True
        elif self._says(act, ACT) and self._is_about_us(field(act, "means", None)):
            booking = field(act, "booking", None)
            if booking[0] == act.log and field(act, "act", "") in REQUESTER_ACTS:
                case = self._case(key_of(booking))
                case.received = True
                case.apply(act, position)

    def _cited_unread(self, cite: Act, ref: Ref, act: Act | None) -> None:
        """Something of a requester that cannot be read: it may have changed its bookings."""
        if act is not None and act.state == "opaque":
            return  # it says nothing that counts, to anybody
        why = "erased" if act is not None and act.state in LOST else "missing"
        if act is not None and act.kind == BOOKING.name:
            case = self._case(key_of(ref))
            case.received = True
            if why == "missing":
                case.doubted(why)  # of an erased one, what the home granted says what it was
            return
        named = [
            key
            for key in map(key_of, field(cite, "of", ()))
            if key not in self._versions and key[0] == ref[0]
        ]
        if not named:
            self._unread_of[ref[0]] = why
            named = [key for key in self._cases if key[0] == ref[0]]
        for key in named:
            self._case(key).doubted(why)

    def _unknown_to_the_home(self) -> None:
        """Requests that the home has not taken note of, and what requesters did since."""
        for act in self._in_a_row():
            if self._says(act, BOOKING) and self._is_about_us(field(act, "means", None)):
                self._case((act.log, act.leaf))

    def _what_requesters_noted(self) -> None:
        """A requester's register took note of an act of the home that is not here: we lag behind it."""
        for act in self._in_a_row():
            if act.log == self._home or not self._says(act, CITE):
                continue
            own = [self._cases[key] for key in map(key_of, field(act, "of", ())) if key in self._cases]
            for ref in field(act, "acts", ()):
                noted = self._records.at(ref)
                if ref[0] != self._home or (noted is not None and noted.body is not None):
                    continue
                why = "erased" if noted is not None and noted.state in LOST else "missing"
                for case in own:
                    if case.key[0] == act.log:
                        case.doubted(why, at_once=False)

    # --- what follows --------------------------------------------------------------------------
    def result(self, now: int) -> MeansState:
        self._pair_sealed()
        self._judge_capacity()
        said = self._said()
        bookings = [self._told(case, said.get(case.key, {}), now) for case in self._cases.values()]
        shown = [each for each in bookings if each.received or not _is_ahead(each.request, now)]
        own = [act for act in self._acts if act.log == self._home and act.kind in (MEANS.name, "withdrawal")]
        standing = [act for act in own if act.state != "retracted"]
        asked = self._standing_version()
        record = resource_state(
            standing if any(act.kind == MEANS.name for act in standing) else own, now, asked
        )
        at_last = self._units[-1][1] if self._units else 0
        return MeansState(
            record=record,
            units=at_last,
            blocks=tuple(block for _, block in self._blocks),
            bookings=tuple(shown),
            pending=self._awaiting or record.pending,
        )

    def _pair_sealed(self) -> None:
        """Who may read a sealed booking sees it instead of the public word that the means is occupied."""
        granted = [case for case in self._cases.values() if _is_sealed(case) and case.span is not None]
        for case in granted:
            paired = next((each for each in self._blocks if _says_no_more_than(each[1], case)), None)
            if paired is not None:
                self._blocks.remove(paired)

    def _judge_capacity(self) -> None:
        accepted = sorted(
            (case for case in self._cases.values() if case.accepted_at >= 0),
            key=lambda case: case.accepted_at,
        )
        sure: list[Taken] = []
        unsure: list[Taken] = [
            Taken(case.span or _ALWAYS, case.units)
            for case in self._cases.values()
            if case.is_awaited and case.accepted_at < 0 and case.state not in FINAL
        ]
        for case in accepted:
            span, at = case.span, case.accepted_at
            if span is None or not case.may_hold:
                continue
            units = max((entry for entry in self._units if entry[0] < at), default=(0, 0))[1]
            blocked = self._blocked(units, lambda position, at=at: position < at)
            room = units - case.units
            if peak([*sure, *blocked], span) > room:
                case.flags.add("overbooked")
            elif peak([*sure, *unsure, *blocked], span) > room:
                case.doubt = case.doubt or "missing"
            if case.state == "accepted" and peak(self._blocked(units, lambda position: True), span) > room:
                case.flags.add("blocked")
            if case.doubt != "erased":  # by erasing an act, nobody makes another's acceptance worse
                (unsure if case.doubt or case.is_awaited else sure).append(Taken(span, case.units))

    def _blocked(self, units: int, when: Any) -> list[Taken]:
        return [
            Taken(block.span, units if block.units is None else block.units)
            for position, block in self._blocks
            if block.what != "hint" and when(position)
        ]

    def _said(self) -> dict[Key, dict[str, Act]]:
        """What requesters did and the home did not cite."""
        said: dict[Key, dict[str, Act]] = {}
        for act in self._in_a_row():
            if act.log == self._home or (act.log, act.leaf) in self._counted or not self._says(act, ACT):
                continue
            booking, name = field(act, "booking", None), field(act, "act", "")
            if booking[0] == act.log and name in REQUESTER_ACTS and act.withdrawn_by is None:
                said.setdefault(key_of(booking), {}).setdefault(name, act)
        return said

    def _told(self, case: Case, said: Mapping[str, Act], now: int) -> Booking:
        new = {name: act for name, act in said.items() if name not in case.halves}
        return Booking(
            key=case.key,
            state=self._state(case, new, now),
            request=case.request,
            span=case.span,
            units=case.units,
            received=case.received,
            halves=case.halves,
            said=new,
            void=tuple(case.void),
            flags=frozenset(case.flags | self._late(case)),
        )

    def _state(self, case: Case, said: Mapping[str, Act], now: int) -> str:
        request = case.request
        if case.is_awaited:
            # Whoever says no to a request ends it, whatever it asked.
            return case.state if case.is_unseen and case.state == "refused" and not case.doubt else "pending"
        assert request is not None
        if case.doubt == "erased" or (case.state == "requested" and request.body is None):
            return "erased"
        if case.state == "requested":
            if self._awaiting or "pickup" in said or "give_back" in said:
                return "pending"  # who picks up was accepted: the home's register goes on beyond what we hold
            if not case.received and request.withdrawn_by is not None:
                return "withdrawn"  # nobody had taken note of it
            return "expired" if (seconds(field(request, "expires", "")) or 0) <= now else "requested"
        return "overbooked" if "overbooked" in case.flags and case.state == "accepted" else case.state

    def _late(self, case: Case) -> set[str]:
        """Accepted after its time, by the owner's own date: told, and no more than that."""
        accept = case.halves.get("accept")
        if accept is None or case.request is None or case.request.body is None:
            return set()
        expires = seconds(field(case.request, "expires", "")) or 0
        return {"late_accept"} if accept.time > expires else set()

    # --- small things --------------------------------------------------------------------------
    def _says(self, act: Act, kind: Kind) -> bool:
        """Whether an act is of a kind and says what its kind says."""
        if act.kind != kind.name:
            return False
        key = (act.log, act.leaf)
        if key not in self._readable:
            self._readable[key] = readable(act, kind)
        return self._readable[key]

    def _case(self, key: Key) -> Case:
        if key not in self._cases:
            request = self._records.get(key)
            if request is not None and request.kind != BOOKING.name:
                request = None
            case = self._cases[key] = Case(key, request)
            if self._awaiting:
                case.doubt = "missing"
            elif key[0] in self._unread_of:
                case.doubt = self._unread_of[key[0]]
            if request is not None and request.state in ("retracted", "erased"):
                case.flags.add("retracted" if request.state == "retracted" else "erased_request")
        return self._cases[key]

    def _in_a_row(self) -> list[Act]:
        """All that counts, in an order that is the same everywhere."""
        return sorted(self._records.bound(), key=lambda act: (act.log, act.index, act.leaf))

    def _is_about_us(self, ref: Any) -> bool:
        return ref is not None and key_of(ref) in self._versions

    def _all_versions(self) -> set[Key]:
        """Every version of the means, joined by ``supersedes``."""
        versions, found = {key_of(self._of)}, True
        own = [act for act in self._records.bound() if act.log == self._home and act.kind == MEANS.name]
        pairs = [((act.log, act.leaf), before) for act in own if (before := _superseded(act)) is not None]
        while found:
            found = False
            for later, earlier in pairs:
                if (later in versions) != (earlier in versions):
                    versions |= {later, earlier}
                    found = True
        return versions

    def _standing_version(self) -> Ref:
        """A version to ask the record's state of: the one asked for, or one that stands if it does not."""
        asked = self._records.at(self._of)
        if asked is None or asked.state == "retracted":
            for key in sorted(self._versions):
                act = self._records.get(key)
                if act is not None and act.state != "retracted":
                    return act.log, act.index, act.leaf
        return self._of


_ALWAYS = Span(-(2**62), 2**62)


def _is_sealed(case: Case) -> bool:
    granted = case.halves.get("accept")
    return granted is not None and granted.sealed


def _says_no_more_than(block: Block, case: Case) -> bool:
    return block.what == "occupied" and (block.span, block.units) == (case.span, case.units)


def _superseded(act: Act) -> Key | None:
    before = (act.body or {}).get("supersedes")
    return key_of(before) if before is not None and is_ref(before) and before[0] == act.log else None


def _is_ahead(request: Act | None, now: int) -> bool:
    return request is not None and request.time > now + FUTURE_SECONDS_MAX
