"""A pace: so much at once, so much a second (a token bucket that is told the time)."""

from __future__ import annotations


class Pace:
    """Lets ``burst`` through at once and ``per_second`` over time.

    Something large may go when anything at all is left, and is paid off afterwards: a frame is never cut to
    fit what happens to be left.
    """

    __slots__ = ("_left", "_seen", "burst", "per_second")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self.burst = burst
        self.per_second = per_second
        self._left = burst
        self._seen = now

    def take(self, amount: float, now: float) -> bool:
        """Take ``amount`` if anything is left."""
        self._refill(now)
        if self._left <= 0:
            return False
        self._left -= amount
        return True

    def take_whole(self, now: float) -> bool:
        """Take one, only if a whole one is left (for counting, where a half does not exist)."""
        self._refill(now)
        if self._left < 1 - 1e-6:  # what rounding of the time took
            return False
        self._left -= 1
        return True

    def wait_seconds(self, now: float, amount: float = 1.0) -> float:
        """How long until ``amount`` is there, 0 when it is."""
        self._refill(now)
        lacking = min(amount, self.burst) - self._left
        # A shorter wait than this would be lost in the rounding of a time in seconds since 1970.
        return max(0.001, lacking / self.per_second) if lacking > 1e-6 else 0.0

    def slow_down(self, burst: float, per_second: float, now: float) -> None:
        """From now on a slower pace, with nothing left."""
        self.burst, self.per_second = burst, per_second
        self._left, self._seen = 0.0, now

    def _refill(self, now: float) -> None:
        # A clock that went back gives nothing and takes nothing.
        if now > self._seen:
            self._left = min(self.burst, self._left + (now - self._seen) * self.per_second)
        self._seen = now
