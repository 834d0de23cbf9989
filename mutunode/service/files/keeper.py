"""The thread that follows the records and keeps the files they need.

A step is an act of the node like any other. What it missed, through a crash or a fault, the next one finds:
everything is judged from what the store holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from mutunode.service.desk import Desk
from mutunode.service.errors import Refusal
from mutunode.service.files import keeping
from mutunode.store.interface import StoreError

PAUSE_SECONDS = 0.1  # what comes together is looked at together
LOOK_AT_ALL_SECONDS = 3_600.0
ASK_HOLDERS_SECONDS = 60.0
ASK_HOLDERS_FILES = 32  # in one round, of ours that were heard of least recently
RETRY_SECONDS = 5.0

log = structlog.get_logger("files")


class Keeper:
    """Begins with ``start``, ends with ``stop``; ``poke`` after every turn."""

    def __init__(self, desk: Desk, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._monotonic = monotonic
        self._poked = threading.Event()
        self._stopping = threading.Event()
        self._all_due = float("-inf")
        self._ask_due = float("-inf")
        self._asked_from = 0
        self._reached = -1
        self._working = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step in hand."""
        self._stopping.set()
        self._poked.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def poke(self) -> None:
        """A turn ended: there may be something new. Any thread."""
        if not self._poked.is_set():  # most turns find it set: waking costs more than looking
            self._poked.set()

    def look_again(self) -> None:
        """Somebody was accepted, blocked or promised something: judge everything again. Any thread."""
        self._all_due = float("-inf")
        self._poked.set()

    def catch_up(self) -> None:
        """Read on to the end of the feed, here and now; for who asks once."""
        with self._working:
            self._follow()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._working:
                    self._step()
            except (Refusal, StoreError) as error:
                log.warning("files wait", why=str(error))
                self._stopping.wait(RETRY_SECONDS)
            except Exception:
                log.exception("files")
                self._stopping.wait(RETRY_SECONDS)
            due = min(self._all_due, self._ask_due) - self._monotonic()
            self._poked.wait(max(0.0, due))
            self._stopping.wait(PAUSE_SECONDS)
            self._poked.clear()

    def _step(self) -> None:
        self._follow()
        now = self._monotonic()
        if now >= self._all_due:
            self._all_due = now + LOOK_AT_ALL_SECONDS
            keeping.look_at_all(self._desk)
        if now >= self._ask_due:
            self._ask_due = now + ASK_HOLDERS_SECONDS
            self._ask_holders()

    def _follow(self) -> None:
        if self._reached < 0:
            self._reached = self._desk.reader.cited_until()
        while not self._stopping.is_set():
            reached, promised = keeping.follow(self._desk, self._reached)
            if promised:
                self._all_due = float("-inf")
            if reached == self._reached:
                return
            self._reached = reached

    def _ask_holders(self) -> None:
        """Of our own files, in turn: who else has them?"""
        ours = [file.blob for file in self._desk.reader.files() if file.held and file.reason == "added"]
        if not ours:
            return
        start = self._asked_from % len(ours)
        asked = (ours[start:] + ours[:start])[:ASK_HOLDERS_FILES]
        self._asked_from = start + len(asked)
        self._desk.turns.post(lambda node, now: node.ask_holders(asked, now))
