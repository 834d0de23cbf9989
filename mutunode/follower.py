"""A thread that follows what the writer does: poked after every turn, it works until nothing is left to do.

What it missed, through a crash or a fault, its next step finds, since a step judges from what the store
holds. A step that fails is said once and tried again later; nothing of it reaches the writer.
"""

from __future__ import annotations

import abc
import threading
from typing import ClassVar

import structlog

IDLE_SECONDS_MAX = 30.0  # every turn pokes; this is for what was missed after a fault
STOP_SECONDS_MAX = 5.0


class Follower(abc.ABC):
    """Begins with ``start``, ends with ``stop``; ``poke`` after every turn.

    ``name``: of the thread and in the log. ``gather_seconds``: what comes together is looked at together.
    ``pause_seconds``: between two steps while there is more to do. ``waits_for``: faults that end by
    themselves, as a full disk or a node that may not sign at the moment.
    """

    name: ClassVar[str]
    gather_seconds: ClassVar[float]
    pause_seconds: ClassVar[float] = 0.0
    retry_seconds: ClassVar[float] = 1.0
    waits_for: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self) -> None:
        self._poked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._log = structlog.get_logger(self.name)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def poke(self) -> None:
        """A turn ended: something may have come. Any thread."""
        if not self._poked.is_set():  # most turns find it set: waking costs more than looking
            self._poked.set()

    def stop(self) -> None:
        """End after the step in hand."""
        self._stopping.set()
        self._poked.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS_MAX)

    @abc.abstractmethod
    def step(self) -> bool:
        """Do some of what there is to do; is there more?"""

    def idle_seconds(self) -> float:
        """How long to wait for a poke, when there is nothing more to do."""
        return IDLE_SECONDS_MAX

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                while self.step() and not self._stopping.wait(self.pause_seconds):
                    pass
            except self.waits_for as error:
                self._log.warning("waits", why=str(error))
                self._stopping.wait(self.retry_seconds)
            except Exception:
                if not self._stopping.is_set():
                    self._log.exception("fails")
                self._stopping.wait(self.retry_seconds)
                continue
            self._poked.wait(self.idle_seconds())
            self._stopping.wait(self.gather_seconds)
            self._poked.clear()
