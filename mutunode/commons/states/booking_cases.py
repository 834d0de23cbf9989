"""One booking while its home's register is read: a small table of states and acts.

An act that finds no line in the table has no effect and is kept as such. What is not known makes the booking
doubtful from there on: *missing* where it may still come, *erased* where it will not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mutunode.commons.kinds.booking import KIND as BOOKING
from mutunode.commons.states.acts import Act, field, readable
from mutunode.commons.states.homes import Key
from mutunode.commons.states.spans import Span, span_of

NEXT = {
    ("requested", "accept"): "accepted",
    ("requested", "refuse"): "refused",
    ("requested", "withdraw"): "withdrawn",
    ("accepted", "withdraw"): "withdrawn",
    ("accepted", "release"): "released",
    ("accepted", "checkout"): "checked_out",
    ("accepted", "pickup"): "checked_out",
    ("checked_out", "checkout"): "checked_out",
    ("checked_out", "pickup"): "checked_out",
    ("checked_out", "return"): "returned",
    ("checked_out", "give_back"): "returned",
    ("returned", "checkout"): "returned",
    ("returned", "pickup"): "returned",
    ("returned", "return"): "closed",
    ("returned", "give_back"): "closed",
}
FINAL = frozenset(("refused", "withdrawn", "released", "closed"))
HOLDING = frozenset(("accepted", "checked_out"))
OVER = frozenset(("release", "withdraw", "return"))


class Case:
    """One booking while the register is read."""

    def __init__(self, key: Key, request: Act | None) -> None:
        self.key = key
        self.request = request
        self.state = "requested"
        self.received = False
        self.accepted_at = -1
        self.halves: dict[str, Act] = {}
        self.void: list[tuple[str, Act]] = []
        self.doubt = ""  # missing · erased
        self.flags: set[str] = set()

    @property
    def body(self) -> Mapping[str, Any]:
        """What was asked; what was granted, where the request is not there to be read."""
        if self.request is not None and readable(self.request, BOOKING):
            return self.request.body or {}
        granted = self.halves.get("accept")
        return (granted.body or {}) if granted is not None else {}

    @property
    def span(self) -> Span | None:
        body = self.body
        return span_of(body["slot"]) if "slot" in body else None

    @property
    def units(self) -> int:
        return int(self.body.get("units", 1))

    @property
    def is_unseen(self) -> bool:
        """Whether its request is not held: a stranger's that was taken back is nowhere to be had."""
        return self.request is None or self.request.state == "missing"

    @property
    def is_awaited(self) -> bool:
        """Whether something may still come that says more."""
        return self.is_unseen or self.doubt == "missing"

    @property
    def may_hold(self) -> bool:
        """Whether it holds, or did when it became doubtful."""
        return self.state in HOLDING

    def apply(self, act: Act, position: int) -> None:
        name = str(field(act, "act", ""))
        following = NEXT.get((self.state, name))
        if name in self.halves or any(act == each for _, each in self.void):
            return  # the same said twice
        if following is None or (name == "accept" and not self._grants_what_was_asked(act)):
            self.void.append((name, act))
            return
        self.state = following
        self.halves[name] = act
        if name == "accept":
            self.accepted_at = position
        if act.state == "retracted":
            self.flags.add("retracted")

    def _grants_what_was_asked(self, act: Act) -> bool:
        if self.request is None or not readable(self.request, BOOKING):
            return True  # cannot be said yet: the booking is doubtful as a whole
        asked, granted = self.request.body or {}, act.body or {}
        return span_of(asked["slot"]) == span_of(granted["slot"]) and asked["units"] == granted["units"]

    def doubted(self, why: str, *, at_once: bool = True) -> None:
        """Something is not known: from here on if the state is open, else only where nothing is final."""
        if at_once and self.state in FINAL:
            return
        self.doubt = "missing" if "missing" in (why, self.doubt) else why
