"""What is due when: the core has no clock, so every machine writes here what it wants done later.

An appointment has a key; making it again under the same key moves it. The shell asks for ``next_time`` and
calls ``run`` once that time has come, however late.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

Action = Callable[[float], None]


class Appointment:
    """Something to be done, unless it was moved or cancelled since."""

    __slots__ = ("action", "key")

    def __init__(self, key: Hashable, action: Action) -> None:
        self.key = key
        self.action: Action | None = action


class Agenda:
    """Appointments in the order of their times, then in the order in which they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Appointment]] = []
        self._kept: dict[Hashable, Appointment] = {}
        self._made = 0

    def at(self, key: Hashable, time: float, action: Action) -> None:
        """Have ``action`` called with the time of the call, at ``time`` or soon after."""
        self.cancel(key)
        self._made += 1
        appointment = self._kept[key] = Appointment(key, action)
        heapq.heappush(self._heap, (time, self._made, appointment))
        if len(self._heap) > 2 * len(self._kept) + 64:
            self._forget_cancelled()

    def has(self, key: Hashable) -> bool:
        """Whether something is to be done under this key."""
        return key in self._kept

    def cancel(self, key: Hashable) -> None:
        """Forget an appointment, if there is one."""
        appointment = self._kept.pop(key, None)
        if appointment is not None:
            appointment.action = None

    def next_time(self) -> float | None:
        """When ``run`` has something to do."""
        heap = self._heap
        while heap:
            time, _, appointment = heap[0]
            if appointment.action is not None:
                return time
            heapq.heappop(heap)
        return None

    def run(self, now: float) -> None:
        """Do what is due; what an action makes due for ``now`` is left to the next run."""
        if not self._heap or self._heap[0][0] > now:
            return
        due = []
        while (time := self.next_time()) is not None and time <= now:
            due.append(heapq.heappop(self._heap)[2])
        for appointment in due:
            action = appointment.action
            if action is not None:  # an earlier one may have moved or cancelled it
                self.cancel(appointment.key)
                action(now)

    def _forget_cancelled(self) -> None:
        self._heap = [made for made in self._heap if made[2].action is not None]
        heapq.heapify(self._heap)
