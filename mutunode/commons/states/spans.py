"""Spans of time, and how much of a means is taken in them. All times are Unix seconds, ends excluded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mutunode.commons.values.times import span


class Span(msgspec.Struct, frozen=True, order=True):
    """From ``start`` up to ``end``."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Whether both have time in common."""
        return self.start < other.end and other.start < self.end

    def within(self, other: Span) -> Span:
        """The part of it that lies in the other; of no length when there is none."""
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.end, other.end)))

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start


def span_of(slot: Mapping[str, Any]) -> Span:
    """The span of a slot that passed its check."""
    return Span(*span(slot))


class Taken(msgspec.Struct, frozen=True):
    """So many units in a span."""

    span: Span
    units: int


def peak(taken: Iterable[Taken], within: Span) -> int:
    """The most units that are taken at one moment of a span."""
    steps: list[tuple[int, int]] = []
    for each in taken:
        if each.span.overlaps(within):
            part = each.span.within(within)
            steps += [(part.start, each.units), (part.end, -each.units)]
    most = now = 0
    for _, change in sorted(steps):  # at one moment what ends comes before what begins
        now += change
        most = max(most, now)
    return most


def unit_seconds(taken: Iterable[Taken], within: Span) -> int:
    """Units × seconds of what is taken in a span."""
    return sum(each.units * each.span.within(within).seconds for each in taken if each.span.overlaps(within))
