"""The law of bookings: two things that happen without knowing of each other, and what results.

``LAW`` is written by hand; one test a line holds the machine to it, and `docs/bookings.md` is made of it:
``python -m tests.commons.booking_pairs`` writes the page anew.

Both happenings start from the same state; the first column is what the owner's register has first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutunode.commons.kinds.booking_act import OWNER_ACTS, REQUESTER_ACTS
from mutunode.commons.states.bookings import Booking, means_state
from mutunode.commons.states.homes import key_of
from mutunode.commons.states.telling import tell
from tests.commons.lenders import DAY, MORNING, Lender, Ref
from tests.commons.registers import NOW, together

PAGE = Path(__file__).parents[2] / "docs" / "bookings.md"

# start → first → second → the state that results
LAW: dict[str, dict[str, dict[str, str]]] = {
    "requested": {
        "accept": {
            "accept": "accepted", "refuse": "accepted", "withdraw": "withdrawn", "lapse": "accepted",
            "other": "accepted", "repair": "accepted", "closed": "accepted", "request": "accepted",
            "restart": "accepted", "restart_unseen": "requested", "restart_requester": "accepted",
            "erase": "accepted", "revise": "accepted", "another_slot": "accepted",
        },
        "refuse": {
            "accept": "refused", "withdraw": "refused", "lapse": "refused", "other": "refused",
            "repair": "refused", "request": "refused", "restart": "refused", "restart_unseen": "requested",
            "restart_requester": "refused", "erase": "refused",
        },
        "withdraw": {
            "accept": "withdrawn", "refuse": "withdrawn", "lapse": "withdrawn", "other": "withdrawn",
            "repair": "withdrawn", "request": "withdrawn", "restart_unseen": "requested",
            "restart_requester": "withdrawn", "erase": "withdrawn", "erase_act": "withdrawn",
        },
        "lapse": {
            "accept": "accepted", "refuse": "refused", "withdraw": "withdrawn", "other": "expired",
            "repair": "expired", "request": "expired", "erase": "erased", "restart_requester": "expired",
        },
        "other": {
            "accept": "overbooked", "refuse": "refused", "withdraw": "withdrawn", "lapse": "expired",
            "repair": "requested", "request": "requested", "erase": "erased", "restart_unseen": "requested",
        },
        "repair": {
            "accept": "overbooked", "refuse": "refused", "withdraw": "withdrawn", "lapse": "expired",
            "other": "requested", "request": "requested", "erase": "erased",
        },
        "closed": {"accept": "overbooked", "refuse": "refused", "withdraw": "withdrawn", "lapse": "expired"},
        "request": {
            "accept": "accepted", "refuse": "refused", "withdraw": "withdrawn", "lapse": "expired",
            "repair": "requested", "erase": "erased",
        },
        "erase": {
            "accept": "accepted", "refuse": "refused", "withdraw": "withdrawn", "lapse": "erased",
            "other": "erased", "repair": "erased",
        },
        "revise": {"accept": "accepted"},
        "another_slot": {"accept": "accepted", "refuse": "refused", "withdraw": "withdrawn"},
        "pickup": {"accept": "accepted", "refuse": "refused", "withdraw": "withdrawn", "lapse": "expired"},
    },
    "accepted": {
        "withdraw": {
            "release": "withdrawn", "checkout": "withdrawn", "pickup": "withdrawn", "other": "withdrawn",
            "repair": "withdrawn", "restart_unseen": "accepted", "restart_requester": "withdrawn",
            "erase": "withdrawn", "lapse": "withdrawn",
        },
        "release": {
            "withdraw": "released", "checkout": "released", "pickup": "released", "other": "released",
            "repair": "released", "restart": "released", "restart_unseen": "accepted",
            "restart_requester": "released", "erase": "released", "lapse": "released",
            "erase_act": "released",
        },
        "checkout": {
            "withdraw": "checked_out", "release": "checked_out", "pickup": "checked_out",
            "other": "checked_out", "repair": "checked_out", "restart": "checked_out",
            "restart_unseen": "accepted", "restart_requester": "checked_out", "erase": "checked_out",
            "lapse": "checked_out", "refuse": "checked_out", "erase_act": "erased",
        },
        "pickup": {
            "withdraw": "checked_out", "release": "checked_out", "checkout": "checked_out",
            "other": "checked_out", "repair": "checked_out", "restart_requester": "checked_out",
            "erase": "checked_out", "lapse": "checked_out",
        },
        "other": {
            "withdraw": "withdrawn", "release": "released", "checkout": "checked_out",
            "pickup": "checked_out", "repair": "accepted", "lapse": "accepted", "erase": "accepted",
        },
        "repair": {
            "withdraw": "withdrawn", "release": "released", "checkout": "checked_out",
            "pickup": "checked_out", "other": "accepted", "lapse": "accepted", "erase": "accepted",
        },
        "refuse": {"withdraw": "withdrawn", "release": "released", "checkout": "checked_out"},
        "erase": {
            "withdraw": "withdrawn", "release": "released", "checkout": "checked_out", "other": "accepted",
        },
        "erase_act": {
            "release": "erased", "checkout": "erased", "withdraw": "erased", "other": "erased",
            "repair": "erased", "lapse": "erased",
        },
        "revise": {"withdraw": "withdrawn", "checkout": "checked_out", "other": "accepted"},
        "give_back": {"checkout": "checked_out", "withdraw": "withdrawn", "release": "released"},
        "return": {"checkout": "checked_out", "withdraw": "withdrawn", "release": "released"},
        "restart_whole": {"withdraw": "withdrawn", "release": "released", "other": "accepted"},
    },
    "checked_out": {
        "return": {
            "give_back": "closed", "give_back_damaged": "closed", "pickup": "returned",
            "withdraw": "returned", "release": "returned", "other": "returned", "repair": "returned",
            "restart": "returned", "restart_unseen": "checked_out",
            "restart_requester": "returned", "erase": "returned", "erase_act": "erased",
        },
        "return_damaged": {"give_back": "closed", "give_back_damaged": "closed", "pickup": "returned"},
        "give_back": {
            "return": "closed", "return_damaged": "closed", "pickup": "returned", "withdraw": "returned",
            "release": "returned", "other": "returned", "repair": "returned",
            "restart_requester": "returned", "erase": "returned",
        },
        "pickup": {
            "return": "returned", "give_back": "returned", "withdraw": "checked_out",
            "release": "checked_out", "other": "checked_out", "repair": "checked_out",
        },
        "erase_act": {"return": "erased", "release": "erased", "other": "erased"},
        "withdraw": {"return": "returned", "give_back": "returned", "pickup": "checked_out"},
        "release": {"return": "returned", "give_back": "returned", "pickup": "checked_out"},
        "other": {"return": "returned", "give_back": "returned", "pickup": "checked_out"},
        "repair": {"return": "returned", "give_back": "returned", "pickup": "checked_out"},
    },
}  # fmt: skip

HAPPENINGS = {
    "accept": ("le propriétaire accepte", "the owner accepts"),
    "refuse": ("le propriétaire refuse", "the owner refuses"),
    "withdraw": ("le demandeur se retire", "who asked withdraws"),
    "release": ("le propriétaire annule", "the owner releases"),
    "checkout": ("le propriétaire remet", "the owner hands over"),
    "pickup": ("le demandeur emporte", "who asked picks up"),
    "return": ("le propriétaire reprend, en bon état", "the owner takes back, in good order"),
    "return_damaged": ("le propriétaire reprend, abîmé", "the owner takes back, damaged"),
    "give_back": ("le demandeur rend, en bon état", "who asked gives back, in good order"),
    "give_back_damaged": ("le demandeur rend, abîmé", "who asked gives back, damaged"),
    "lapse": ("l’échéance de la demande passe", "the request's time passes"),
    "other": (
        "une autre réservation du même créneau est acceptée",
        "another booking of that time is accepted",
    ),
    "request": ("une autre organisation demande ce créneau", "another organisation asks for that time"),
    "another_slot": ("un autre créneau est accordé à un autre", "another time is granted to another"),
    "repair": ("le propriétaire annonce une réparation", "the owner announces a repair"),
    "closed": ("le propriétaire ferme ce jour-là", "the owner closes that day"),
    "revise": ("le moyen est revu (même nombre)", "the means is revised (as many of it)"),
    "restart": (
        "le registre du propriétaire repart d’avant, l’acte ayant été cité",
        "the owner's register starts anew from before, the act having been cited",
    ),
    "restart_unseen": (
        "le registre du propriétaire repart d’avant, sans que personne ait cité",
        "the owner's register starts anew from before, nobody having cited",
    ),
    "restart_requester": (
        "le registre du demandeur repart de rien",
        "the register of who asked starts anew from nothing",
    ),
    "restart_whole": (
        "le registre du propriétaire repart en gardant tout",
        "the owner's register starts anew and keeps everything",
    ),
    "erase": ("le demandeur efface sa demande", "who asked erases the request"),
    "erase_act": (
        "le demandeur efface un acte dont il fut pris acte",
        "who asked erases an act that had been noted",
    ),
}
STARTS = {
    "requested": ("Une demande est reçue", "A request is received"),
    "accepted": ("Une réservation est acceptée", "A booking is accepted"),
    "checked_out": ("Un moyen est remis par le propriétaire", "A means is handed over by the owner"),
}


class Pair:
    """One world: Vergers lends one press, Grain has asked for it, Tilleuls may ask too."""

    def __init__(self, start: str) -> None:
        self.owner, self.asker, self.other = Lender("vergers"), Lender("grain"), Lender("tilleuls")
        self.now = NOW
        self.means = self.owner.lend()
        self.booking = self.asker.ask(self.means)
        self.owner.cite(self.means, self.booking)
        self.start_size = self.owner.size
        if start in ("accepted", "checked_out"):
            self._of_owner("accept")
        if start == "checked_out":
            self._of_owner("checkout")
        self.start_size = self.owner.size
        self.last: Ref = self.booking

    def happen(self, name: str) -> None:
        """Let one thing happen, entered into the owner's register as it comes."""
        act = name.removesuffix("_damaged")
        broken = {"condition": "damaged", "note": {"fr": "Roue voilée"}} if act != name else {}
        if act in OWNER_ACTS:
            self._of_owner(act, **broken)
        elif act in REQUESTER_ACTS:
            self._of_asker(act, **broken)
        else:
            getattr(self, f"_{name}")()

    def _lapse(self) -> None:
        self.now = NOW + DAY + 1

    def _other(self) -> None:
        self.last = self.owner.act("accept", self.means, self.other.ask(self.means))

    def _another_slot(self) -> None:
        when = {**MORNING, "start": MORNING["end"], "end": MORNING["end"][:11] + "23:00:00+01:00"}
        self.owner.act("accept", self.means, self.other.ask(self.means, when), slot=when)

    def _request(self) -> None:
        self.owner.cite(self.means, self.other.ask(self.means))

    def _repair(self) -> None:
        self.last = self.owner.block(self.means, MORNING, "repair")

    def _closed(self) -> None:
        self.last = self.owner.block(self.means, MORNING, "closed")

    def _revise(self) -> None:
        self.owner.lend(supersedes=self.means)

    def _restart(self) -> None:
        self.asker.cite(self.means, self.last, about=(self.booking,))
        self.owner.start_anew(self.start_size)

    def _restart_unseen(self) -> None:
        self.owner.start_anew(self.start_size)

    def _restart_whole(self) -> None:
        self.owner.start_anew(self.owner.size)

    def _restart_requester(self) -> None:
        self.asker.start_anew(0)

    def _erase(self) -> None:
        self.asker.mark(self.booking, state="erased", body=None)

    def _erase_act(self) -> None:
        """Nobody can tell any more what it said."""
        self._of_asker("pickup")
        self.asker.mark(self.last, state="erased", body=None)

    def _of_owner(self, name: str, **more: Any) -> None:
        time = self.now if name == "accept" else NOW
        self.last = self.owner.act(name, self.means, self.booking, time=time, **more)

    def _of_asker(self, name: str, **more: Any) -> None:
        self.last = self.asker.act(name, self.means, self.booking, **more)
        self.owner.cite(self.means, self.last, about=(self.booking,))

    def outcome(self) -> Booking:
        """What anybody shows who holds all three registers."""
        state = means_state(together(self.owner, self.asker, self.other), self.now, self.means)
        booking = state.booking(key_of(self.booking))
        assert booking is not None
        return booking


@dataclass(frozen=True)
class Row:
    """One line of the law."""

    start: str
    first: str
    second: str
    state: str

    def play(self) -> Booking:
        """Let it happen."""
        pair = Pair(self.start)
        pair.happen(self.first)
        pair.happen(self.second)
        return pair.outcome()

    def __str__(self) -> str:
        return f"{self.start}: {self.first}, {self.second}"


def rows() -> Iterator[Row]:
    """The law, line by line."""
    for start, firsts in LAW.items():
        for first, seconds in firsts.items():
            for second, state in seconds.items():
                yield Row(start, first, second, state)


INTRODUCTION = """# Réserver à deux sans se voir · Booking without seeing each other

Deux organisations peuvent agir au même moment sans le savoir. Le registre du propriétaire décide : ce qu’il
inscrit en premier compte en premier, et aucune horloge n’en décide. Cette page dit, pour chaque paire
d’actes, ce qui en résulte et la phrase affichée. Elle est faite de la table que les tests suivent, ligne à
ligne (`tests/commons/booking_pairs.py`).

Two organisations may act at the same moment without knowing of it. The owner's register decides: what it
enters first counts first, and no clock has a say. This page says, for each pair of acts, what results and
the sentence that is shown. It is made of the table that the tests follow line by line
(`tests/commons/booking_pairs.py`).
"""


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION]
    for start, firsts in LAW.items():
        fr, en = STARTS[start]
        count = sum(map(len, firsts.values()))
        lines += [f"## {fr} · {en} ({count})", ""]
        lines += [
            "| d’abord · first | ensuite · then | état · state | français | English |",
            "|---|---|---|---|---|",
        ]
        for row in rows():
            if row.start == start:
                told = tell(row.play())
                first, second = HAPPENINGS[row.first], HAPPENINGS[row.second]
                lines.append(
                    f"| {first[0]}<br>*{first[1]}* | {second[0]}<br>*{second[1]}* | `{row.state}` "
                    f"| {told.fr} | {told.en} |"
                )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
