"""The turn of the reference store: one state being worked on, which only its own thread may touch."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mutunode.store.interface import PROJECTED_AT_COMMIT_MAX, promise
from mutunode.store.memory_contents import Contents


class MemoryTurn:
    """Nothing may be asked of it outside a transaction."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.working: Contents | None = None
        self.thread = 0
        self.cut: set[bytes] = set()  # logs that wait for a head of their new epoch
        self.shown_at_commit_max = PROJECTED_AT_COMMIT_MAX  # entries of others
        self.stamp = 0  # rises with every change of interest, and with every turn that was undone

    @property
    def state(self) -> Contents:
        """What the turn works on."""
        promise(self.working is not None, "called outside a transaction")
        promise(self.thread == threading.get_ident(), "called from another thread than the turn's")
        assert self.working is not None
        return self.working
