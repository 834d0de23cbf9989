"""What is due when: the core has no clock, so every machine writes here what it wants done later.

An appointment has a key; making it again under the same key moves it. The shell asks for ``next_time`` and
calls ``run`` once that time has come, however late.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

Action = Callable[[float], None]


class Agenda:
    """Appointments in the order of their times, then in the order in which they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._kept: dict[Hashable, tuple[int, Action]] = {}
        self._made = 0

    def at(self, key: Hashable, time: float, action: Action) -> None:
        """Have ``action`` called with the time of the call, at ``time`` or soon after."""
        self._made += 1
        self._kept[key] = (self._made, action)
        heapq.heappush(self._heap, (time, self._made, key))
        if len(self._heap) > 2 * len(self._kept) + 64:
            self._forget_cancelled()

    def has(self, key: Hashable) -> bool:
        """Whether something is to be done under this key."""
        return key in self._kept

    def cancel(self, key: Hashable) -> None:
        """Forget an appointment, if there is one."""
        self._kept.pop(key, None)

    def next_time(self) -> float | None:
        """When ``run`` has something to do."""
        while self._heap and not self._stands(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Do what is due; what an action makes due for ``now`` is left to the next run."""
        if not self._heap or self._heap[0][0] > now:
            return
        due = []
        while (time := self.next_time()) is not None and time <= now:
            due.append(heapq.heappop(self._heap))
        for appointment in due:
            if self._stands(appointment):  # an earlier action may have moved or cancelled it
                _, action = self._kept.pop(appointment[2])
                action(now)

    def _stands(self, appointment: tuple[float, int, Hashable]) -> bool:
        kept = self._kept.get(appointment[2])
        return kept is not None and kept[0] == appointment[1]

    def _forget_cancelled(self) -> None:
        self._heap = [appointment for appointment in self._heap if self._stands(appointment)]
        heapq.heapify(self._heap)
