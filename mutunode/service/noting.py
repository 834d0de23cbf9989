"""What this node writes by itself: that it took note of what others did, yes or no where its organisation
said "at once", and "occupied" where nobody else is to know.

Taking note is order, never approval: from then on the act counts (DOMAIN, rule 2). The home of a means notes
requests and what requesters did; whoever asked notes the owner's answers, so that a later start of the
owner's register cannot undo them. All of it waits while the node may not sign, and is found again at the
next turn or start: what is not noted is simply still to be noted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from mutunode.commons.kinds.booking_act import OWNER_ACTS, REQUESTER_ACTS
from mutunode.commons.states import Booking
from mutunode.commons.states.homes import Key, key_of
from mutunode.commons.states.spans import Span
from mutunode.commons.values.times import rfc3339, seconds
from mutunode.follower import Follower
from mutunode.protocol.entry import is_ref
from mutunode.protocol.ids import rec_text
from mutunode.service import booking, brought, lending, publishing, rules
from mutunode.service.desk import Desk
from mutunode.service.errors import Refusal
from mutunode.store.interface import Stored, StoreError
from mutunode.turns import NotSigned, Stopping, Turn

LOOKED_AT_ONCE = 200  # newest arrivals first, on, until a whole lot of them was noted before
NOTED_IN_ONE_MAX = 200  # refs of one note; lists hold 256
OPEN_OF_ONE_MAX = 50  # requests of one organisation that wait for an answer: more are noted later
OWN_ACTS_MAX = 100_000
TAKEN_FR, TAKEN_EN = "Le créneau est déjà pris.", "That time is already taken."


class Noter(Follower):
    """The thread that takes note."""

    name = "noter"
    gather_seconds = 0.1
    retry_seconds = 2.0
    waits_for = (NotSigned, Stopping, Refusal, StoreError, OSError)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._public = desk
        self._desk = desk.inside
        self._noted: set[Key] = set()
        self._of_epoch = -1
        self._one_at_a_time = threading.Lock()

    def step(self) -> bool:
        """Note what waits, answer what is answered at once, keep calendars true; was anything written?"""
        if not self._desk.turns.sight.may_sign:
            return False
        with self._one_at_a_time:
            return self._step()

    def _step(self) -> bool:
        self._remember()
        wrote = self._note(list(self._waiting()))
        for means in self._own_means():
            wrote |= self._answer(means) if means.fields().get("approval") == "auto" else False
            wrote |= self._occupy(means) if means.fields().get("calendar") == "occupied" else False
        return wrote

    # --- what waits to be noted ------------------------------------------------------------------
    def _remember(self) -> None:
        """What our register notes already; read again after a new start of it."""
        me = self._desk.reader.organisation(self._desk.org)
        epoch = me.chain.epoch if me is not None and me.chain is not None else 0
        if epoch == self._of_epoch:
            return
        self._noted = set()
        for kind in ("cite", "booking_act"):
            for own in self._desk.reader.of_kind(kind, self._desk.org, limit=OWN_ACTS_MAX, current=False):
                self._noted |= set(_notes(own))
        self._of_epoch = epoch

    def _waiting(self) -> Iterator[Stored]:
        """What strangers left waits for a person: they cannot make our register grow. What follows on a
        booking that a person answered is noted: they agreed to deal with it."""
        strangers = {
            rec
            for rec, stored in brought.by_strangers(self._desk).items()
            if not self._follows_an_answer(stored)
        }
        offset = 0
        while True:
            lot = self._desk.reader.mentioning_log(
                self._desk.own_log, ("booking", "booking_act"), LOOKED_AT_ONCE, offset
            )
            new = [each for each in lot if (each.log, each.leaf) not in self._noted]
            yield from (each for each in new if each.rec not in strangers and self._concerns(each))
            if len(lot) < LOOKED_AT_ONCE or not new:
                return
            offset += LOOKED_AT_ONCE

    def _follows_an_answer(self, stored: Stored) -> bool:
        """An act about a booking that a person answered here; of each kind, one can have an effect."""
        named: Any = stored.fields().get("booking")
        if stored.kind != "booking_act" or not is_ref(named):
            return False
        said = self._desk.reader.mentions(named[0], named[1], ("booking_act",))
        return any(each.org == self._desk.org for each in said)

    def _concerns(self, stored: Stored) -> bool:
        """Whether it is for us to note: about a means of ours, or the answer to a request of ours."""
        kind, body = self._desk.registry[stored.kind], stored.fields()
        if stored.withdrawn_by is not None or kind.check(body):
            return False
        ours = body["means"][0] == self._desk.own_log
        if stored.kind == "booking":
            live = (seconds(body["expires"]) or 0) > self._desk.now()
            return ours and live and self._few_open(stored)
        if ours:
            return body["act"] in REQUESTER_ACTS and body["booking"][0] == stored.log
        return (
            body["act"] in OWNER_ACTS
            and body["booking"][0] == self._desk.own_log
            and body["means"][0] == stored.log
        )

    def _few_open(self, request: Stored) -> bool:
        """One organisation cannot make our register grow as it likes."""
        means = rules.cited(self._desk, request.fields()["means"])
        if means is None:
            return False
        state = lending.state(self._desk, rules.newest(self._desk, means))
        of_one = [each for each in state.bookings if each.key[0] == request.log and each.received]
        return sum(each.state == "requested" for each in of_one) < OPEN_OF_ONE_MAX

    # --- writing -----------------------------------------------------------------------------------
    def _note(self, waiting: list[Stored]) -> bool:
        if not waiting:
            return False
        desk, kind = self._desk, self._desk.registry["cite"]
        waiting.sort(key=lambda each: (each.time, each.log, each.index))  # those of one author as it wrote
        waiting.sort(key=lambda each: each.kind != "booking")  # a request before what became of it

        def job(turn: Turn) -> list[Key]:
            done = []
            for of, acts in _together(waiting):
                body = {"of": of, "acts": [rules.ref_of(each) for each in acts]}
                publishing.write(desk, turn, publishing.draft(desk, kind, body))
                for each in acts:
                    brought.set_state(turn, each.rec, "answered")  # nobody need look at it any more
                done += [(each.log, each.leaf) for each in acts]
            return done

        self._noted.update(desk.turns.act(job).result())
        return True

    def _own_means(self) -> list[Stored]:
        return self._desk.reader.of_kind("means", self._desk.org, limit=OWN_ACTS_MAX)

    def _answer(self, means: Stored) -> bool:
        """Yes, or no with its reason, to what waits; what only a person can judge waits for one."""
        wrote = False
        for each in lending.state(self._desk, means).bookings:
            if each.state == "requested" and each.received and each.request is not None:
                wrote |= self._answer_one(means, each)
        return wrote

    def _answer_one(self, means: Stored, asked: Booking) -> bool:
        request = asked.request
        assert request is not None
        if "withdraw" in asked.said or not _keeps_rules(self._desk, means, asked):
            return False
        try:
            self._act(rec_text(request.rec), "accept")
        except Refusal as refusal:
            if refusal.code != "over_capacity":
                return False
            reason = TAKEN_EN if self._desk.language == "en" else TAKEN_FR
            self._act(rec_text(request.rec), "refuse", reason=reason)
        return True

    def _act(self, rec: str, act: str, **more: str) -> None:
        desk, kind = self._desk, self._desk.registry["booking_act"]
        body = publishing.read_input(desk, kind, booking.act_fields(desk, act, rec, **more))
        desk.turns.act(lambda turn: publishing.write(desk, turn, publishing.draft(desk, kind, body))).result()

    def _occupy(self, means: Stored) -> bool:
        """Say in public what is taken, and no more: as many blocks as sealed bookings hold."""
        bookings = lending.state(self._desk, means).bookings
        taken = [each for each in bookings if each.taken or each.holds]
        wanted = [_said(each) for each in taken if _is_sealed(each) and each.span]
        standing: dict[tuple[Span, int | None], list[Stored]] = {}
        for block in lending.state(self._public, means).blocks:
            if block.what == "occupied":
                stored = self._public.reader.at(block.act.log, block.act.index)
                assert stored is not None
                standing.setdefault((block.span, block.units), []).append(stored)
        missing = []
        for each in wanted:
            if standing.get(each):
                standing[each].pop()
            else:
                missing.append(each)
        extra = [stored for left in standing.values() for stored in left if _is_by_itself(stored)]
        if not missing and not extra:
            return False
        self._desk.turns.act(lambda turn: self._write_blocks(turn, means, missing, extra)).result()
        return True

    def _write_blocks(
        self, turn: Turn, means: Stored, missing: list[tuple[Span, int]], extra: list[Stored]
    ) -> None:
        desk, zone = self._desk, str(means.fields().get("tz", "UTC"))
        for span, units in missing:
            slot = {"start": rfc3339(span.start, zone), "end": rfc3339(span.end, zone), "tz": zone}
            body = {
                "means": rules.ref_of(means), "slot": slot, "what": "occupied",
                "units": units, "external_ref": BY_ITSELF,
            }  # fmt: skip
            block = desk.registry["means_block"]
            publishing.write(desk, turn, publishing.Draft(block, body, None, None))
        for stored in extra:
            taken_back = {"target": rules.ref_of(stored), "reason": "author"}
            withdrawal = desk.registry["withdrawal"]
            publishing.write(desk, turn, publishing.Draft(withdrawal, taken_back, None, None))


BY_ITSELF = "mutunode:occupied"  # on blocks that the node writes, so that it takes back no person's


def _is_by_itself(stored: Stored) -> bool:
    return stored.fields().get("external_ref") == BY_ITSELF


def _notes(own: Stored) -> Iterator[Key]:
    """What a record of ours takes note of."""
    body = own.fields()
    if own.kind == "cite":
        yield from (key_of(ref) for ref in body.get("acts", ()))
    elif isinstance(body.get("booking"), list):
        yield key_of(body["booking"])


def _together(waiting: list[Stored]) -> Iterator[tuple[list[list[object]], list[Stored]]]:
    """Acts that one note can hold: about the same, and for the same eyes."""
    groups: dict[tuple[object, ...], tuple[list[list[object]], list[Stored]]] = {}
    for each in waiting:
        body = each.fields()
        of = [body["means"]] + ([body["booking"]] if each.kind == "booking_act" else [])
        private = (each.sealed_for or each.org) if each.sealed else None
        key = (private, *(key_of(ref) for ref in of))
        groups.setdefault(key, (of, []))[1].append(each)
    for of, acts in groups.values():
        for start in range(0, len(acts), NOTED_IN_ONE_MAX):
            yield of, acts[start : start + NOTED_IN_ONE_MAX]


def _keeps_rules(desk: Desk, means: Stored, asked: Booking) -> bool:
    """Whether a request is within what its owner offers: then yes can be said without a person."""
    body = dict((asked.request.body if asked.request is not None else None) or {})
    try:
        booking.check_offer(desk, means, body, asked.key[0], asked.key)
    except Refusal:
        return False
    return True


def _said(each: Booking) -> tuple[Span, int]:
    assert each.span is not None
    return each.span, each.units


def _is_sealed(each: Booking) -> bool:
    granted = each.halves.get("accept")
    return granted is not None and granted.sealed
