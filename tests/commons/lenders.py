"""Organisations that lend to each other, in registers that may start anew: for the tests of bookings."""

from __future__ import annotations

from typing import Any

import msgspec

from mutunode.commons.states import Act
from mutunode.commons.values.times import rfc3339
from tests.commons.registers import NOW, Register, digest

HOUR = 3_600
DAY = 24 * HOUR
Ref = list[Any]


def slot(start_hours: float, hours: float) -> dict[str, Any]:
    """A span that begins so many hours after ``NOW``."""
    start = NOW + int(start_hours * HOUR)
    end = start + int(hours * HOUR)
    return {
        "start": rfc3339(start, "Europe/Paris"),
        "end": rfc3339(end, "Europe/Paris"),
        "tz": "Europe/Paris",
    }


MORNING = slot(48, 4)


class Lender(Register):
    """One organisation. Refs it gives stay good when its register starts anew."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._count = 0
        self._dropped: list[Act] = []
        self.epoch = 0

    def say(self, kind: str, body: dict[str, Any], *, time: int = NOW) -> Ref:
        index, self._count = len(self._acts), self._count + 1
        leaf = digest(self.log, "leaf", self._count)
        rec = digest("rec", self.log, leaf)
        self._acts.append(Act(self.log, index, self.org, rec, leaf, kind, time, dict(body), era=self.epoch))
        if body.get("supersedes", [b""])[0] == self.log:
            self.mark(body["supersedes"], superseded_by=index)
        if kind == "withdrawal":
            self.mark(body["target"], withdrawn_by=index)
        return [self.log, index, leaf]

    def start_anew(self, kept: int) -> None:
        """A new start of the register that keeps so many leaves; the rest stays readable, retracted."""
        self.epoch += 1
        for act in self._acts[kept:]:
            self._dropped.append(
                msgspec.structs.replace(
                    act,
                    state="retracted",
                    superseded_by=None,
                    withdrawn_by=None,
                )
            )
        self._acts = [
            msgspec.structs.replace(
                act,
                superseded_by=_below(act.superseded_by, kept),
                withdrawn_by=_below(act.withdrawn_by, kept),
            )
            for act in self._acts[:kept]
        ]

    @property
    def acts(self) -> list[Act]:
        return [*self._acts, *self._dropped]

    @property
    def standing(self) -> list[Act]:
        """What the register holds now, as somebody sees it who came after the last start."""
        return list(self._acts)

    @property
    def size(self) -> int:
        return len(self._acts)

    # --- acts ---
    def lend(self, name: str = "Pressoir mobile", units: int = 1, **more: Any) -> Ref:
        body = {
            "name": {"fr": name},
            "type": "equipment",
            "units": units,
            "tz": "Europe/Paris",
            "allowed": ["public"],
            "approval": "manual",
            "calendar": "names",
        }
        return self.say("means", {**body, **more})

    def block(self, means: Ref, when: dict[str, Any], what: str = "repair", **more: Any) -> Ref:
        return self.say(
            "means_block", {"means": means, "slot": when, "what": what, "note": {"fr": "Courroie"}, **more}
        )

    def ask(
        self,
        means: Ref,
        when: dict[str, Any] = MORNING,
        units: int = 1,
        expires: int = NOW + DAY,
        **more: Any,
    ) -> Ref:
        body = {"means": means, "slot": when, "units": units, "expires": rfc3339(expires, "Europe/Paris")}
        return self.say("booking", {**body, **more})

    def act(self, name: str, means: Ref, booking: Ref, time: int = NOW, **more: Any) -> Ref:
        body: dict[str, Any] = {"means": means, "booking": booking, "act": name}
        if name == "accept":
            body |= {"slot": MORNING, "units": 1}
        if name in ("refuse", "release"):
            body["reason"] = {"fr": "Nous en avons besoin"}
        if name in ("return", "give_back"):
            body["condition"] = "ok"
        return self.say("booking_act", {**body, **more}, time=time)

    def cite(self, means: Ref, *acts: Ref, about: tuple[Ref, ...] = ()) -> Ref:
        return self.say("cite", {"of": [means, *about], "acts": list(acts)})


def _below(index: int | None, kept: int) -> int | None:
    return index if index is not None and index < kept else None
