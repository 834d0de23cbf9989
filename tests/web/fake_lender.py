"""Means and bookings of the fake office: one press, one van, and bookings in every state."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import msgspec

from mutunode.commons.states.bookings import Booking
from mutunode.commons.states.telling import LOOK, WORDS, tell
from mutunode.commons.words import Words
from mutunode.protocol import ids
from mutunode.service import shapes
from mutunode.service.errors import Exit, Refusal, Trouble
from mutunode.service.lendshapes import (
    BlockLine,
    BookingLine,
    Bookings,
    DayLine,
    MeansAnswer,
    MeansCard,
    MeansPage,
    PartLine,
    SlotShape,
    UseLine,
)
from mutunode.service.plain import as_text
from tests.web import catalogue

MONDAY = dt.date(2026, 11, 23)
STATES = ("requested", "accepted", "overbooked", "refused", "pending", "released", "expired")


def org_id(name: str) -> str:
    return ids.org_text(hashlib.sha256(name.encode()).digest())


OWNER, ASKER = catalogue.TILLEULS, catalogue.RADIO
BODY = {
    "name": {"fr": "Pressoir mobile"},
    "abstract": {"fr": "Presse, broyeur et pasteurisateur."},
    "type": "equipment",
    "units": 1,
    "place": {"label": "Savenay"},
    "tz": "Europe/Paris",
    "conditions": {"fr": "Rendu lavé."},
    "availability": [{"days": ["mo", "tu"], "from": "08:00", "to": "21:00"}],
    "allowed": ["public"],
    "approval": "manual",
    "calendar": "names",
}


def slot(day: int, first: int, last: int) -> SlotShape:
    date = (MONDAY + dt.timedelta(day)).isoformat()
    return SlotShape(f"{date}T{first:02}:00:00+01:00", f"{date}T{last:02}:00:00+01:00", "Europe/Paris")


def _told(state: str) -> dict[str, str]:
    return tell(Booking((b"", b""), state, None, None, 1)).as_map()


class FakeLender:
    """What the pages ask of means; ``office`` keeps what was done."""

    def __init__(self, office: Any, entry: Any) -> None:
        self._office = office
        self.press = entry(OWNER, "means", BODY, 900, 1_795_000_000)
        self.van = entry(office.own_name, "means", BODY, 901, 1_795_000_000)
        asked = [
            {
                "means": self.van.ref if place % 2 == 0 else self.press.ref,
                "slot": msgspec.to_builtins(slot(place % 5, 8, 12)),
                "units": 1,
                "expires": slot(0, 8, 12).start,
            }
            for place in range(len(STATES))
        ]
        self.booked = [
            entry(ASKER if place % 2 == 0 else office.own_name, "booking", body, 910 + place, 1_795_000_000)
            for place, body in enumerate(asked)
        ]

    @property
    def entries(self) -> list[Any]:
        """What has a proof, and can be corrected or withdrawn."""
        return [self.press, self.van, *self.booked]

    # --- reading ---
    def _card(self, rec: str, **more: Any) -> MeansCard:
        mine = rec == self.van.id
        return MeansCard(
            id=rec,
            name="Camionnette 12 m³" if mine else "Pressoir mobile, 300 kg à l’heure",
            name_language="fr",
            type="vehicle" if mine else "equipment",
            org=org_id(self._office.own_name if mine else OWNER),
            org_name=self._office.own_name if mine else OWNER,
            units=2 if mine else 1,
            approval="auto" if mine else "manual",
            calendar="occupied" if mine else "names",
            place={"label": "Nantes", "lat": "47.2184", "lon": "-1.5536"} if mine else {"label": "Savenay"},
            cost={"type": "deposit", "money": {"minor": 30_000, "currency": "EUR"}} if not mine else {},
            mine=mine,
            **more,
        )

    def find(self, reader_language: str = "", **asked: Any) -> MeansAnswer:
        if asked.get("on") == "x":
            raise Refusal("bad_time", Exit.USAGE, "Donnez un jour.", "Give a day.")
        if asked.get("q") == "zzz":
            return MeansAnswer(0, (), near={"label": "Ys"}, words="zzz")
        cards = (
            self._card(self.van.id, distance_km=5.5, free=2),
            self._card(self.press.id, free=0, next_free=slot(3, 8, 12), pending=True),
        )
        near = {"label": "Nantes", "lat": "47.2", "lon": "-1.5"}
        return MeansAnswer(2, cards, near=near, slot=slot(1, 8, 18), unplaced=1)

    def _line(self, place: int, state: str) -> BookingLine:
        ours = place % 2 == 0
        acts = {"requested": ("accept", "refuse"), "accepted": ("release", "checkout", "return")}
        return BookingLine(
            id=self.booked[place].id,
            means=self.van.id if ours else self.press.id,
            means_name="Camionnette 12 m³" if ours else "Pressoir mobile",
            means_language="fr",
            org=org_id(ASKER),
            org_name=ASKER,
            owner=org_id(OWNER),
            owner_name=OWNER,
            slot=slot(place % 5, 8, 12) if state != "pending" else None,
            units=1 + place % 2,
            state=state,
            word=WORDS[state].as_map(),
            told=_told(state),
            look=LOOK[state],
            confirmed=state == "accepted",
            received=place != 1,
            taken=state in ("accepted", "overbooked"),
            time=1_795_300_000,
            expires="2026-11-24T20:00:00+01:00",
            purpose={"fr": "180 kg de reinettes <b>x</b>"} if place else {},
            reason={"fr": "Courroie à changer"} if state in ("refused", "released") else {},
            condition={"give_back": "damaged"} if place == 1 else {},
            notes={"give_back": {"fr": "Roue voilée"}} if place == 1 else {},
            acts=acts.get(state, ()),
            owed={"requested": "answer", "overbooked": "overbooked"}.get(state, ""),
            ours=ours,
            mine=not ours,
            private=place == 2,
        )

    def lines(self) -> list[BookingLine]:
        return [self._line(place, state) for place, state in enumerate(STATES)]

    def page(self, rec: str, day: str = "", reader_language: str = "") -> MeansPage:
        if rec not in (self.press.id, self.van.id):
            raise Refusal("not_found", Exit.NOT_FOUND, f"Rien ne porte {rec}.", f"Nothing has the id {rec}.")
        lines, monday = self.lines(), MONDAY
        if day:
            asked = dt.date.fromisoformat(day)
            monday = asked - dt.timedelta(asked.weekday())
        block = BlockLine(self.press.id, slot(0, 8, 18), "repair", None, {"fr": "Courroie à changer"})
        hint = msgspec.structs.replace(block, what="hint")
        days = []
        for number in range(7):
            states = ("free", "taken", "closed") if number else ("repair", "partly", "occupied")
            parts = tuple(
                PartLine(
                    name, slot(number, 8, 12).start, slot(number, 8, 12).end, state, int(state == "free"),
                    tuple(lines[1:3]) if state == "taken" else (),
                    tuple(lines[:1]) if state == "free" else (),
                    (block, hint) if state == "repair" else (),
                )
                for name, state in zip(("morning", "afternoon", "evening"), states, strict=True)
            )  # fmt: skip
            days.append(DayLine((monday + dt.timedelta(number)).isoformat(), parts))
        weeks = [(monday + dt.timedelta(7 * number)).isoformat() for number in range(-6, 6)]
        return MeansPage(
            card=self._card(rec),
            body=BODY,
            state="published",
            week=tuple(days),
            bookings=tuple(lines),
            blocks=(block, hint),
            use=tuple(UseLine(week, 10.0 * n, 2.0, 91.0, n / 12) for n, week in enumerate(weeks)),
            monday=monday.isoformat(),
            waiting=1,
            pending=rec == self.van.id,
        )

    def booking(self, rec: str, reader_language: str = "") -> BookingLine:
        found = next((line for line in self.lines() if line.id == rec), None)
        if found is None:
            raise Refusal("not_found", Exit.NOT_FOUND, f"Rien ne porte {rec}.", f"Nothing has the id {rec}.")
        return found

    def bookings(self, reader_language: str = "") -> Bookings:
        lines = self.lines()
        return Bookings(
            tuple(each for each in lines if each.mine), tuple(each for each in lines if each.ours)
        )

    def calendar(self, id: str, language: str = "") -> bytes:
        return b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"

    # --- writing ---
    def request(self, rec: str, **asked: Any) -> shapes.Published:
        self._office.acts.append(("book_request", rec, asked))
        return shapes.Published(self.press.id, 7, "log_x", True)

    def preview_request(self, rec: str, reader_language: str = "", **asked: Any) -> shapes.Preview:
        if not asked["start"]:
            words = Words("il faut un début.", "a beginning is needed.")
            raise Refusal("invalid", Exit.USAGE, words.fr, words.en, (Trouble("slot", words.fr, words.en),))
        body = {
            "means": rec,
            "slot": {
                "start": f"{asked['start']}:00+01:00",
                "end": f"{asked['end']}:00+01:00",
                "tz": "Europe/Paris",
            },
            "units": int(asked.get("units", 1)),
            "expires": asked.get("expires") or "2026-11-24T20:00:00+01:00",
        }
        return self._preview("booking", body, org_id(OWNER) if rec == self.van.id else "")

    def act(self, act: str, rec: str, **more: Any) -> shapes.Published:
        self._office.acts.append(("book_act", act, rec, more))
        return shapes.Published(self.press.id, 8, "log_x", True)

    def preview_act(self, act: str, rec: str, reader_language: str = "", **more: Any) -> shapes.Preview:
        if act in ("refuse", "release") and not more.get("reason"):
            words = Words("Pourquoi ? : ce champ est obligatoire.", "Why?: this field is required.")
            raise Refusal("invalid", Exit.USAGE, words.fr, words.en, (Trouble("reason", words.fr, words.en),))
        means = self.booking(rec).means
        return self._preview("booking_act", {"means": means, "booking": rec, "act": act, **more})

    def _preview(self, kind: str, body: dict[str, Any], sealed_for: str = "") -> shapes.Preview:
        said = {name: {"fr": value} if name in ("reason", "note") else value for name, value in body.items()}
        return shapes.Preview(
            kind=kind,
            sense="amont",
            org_name=self._office.own_name,
            index=7,
            body=said,
            text=as_text(kind, said),
            title="",
            sealed_for=sealed_for,
            sealed_for_name=OWNER if sealed_for else "",
        )
