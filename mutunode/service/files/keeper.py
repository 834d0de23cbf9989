"""The thread that follows the records and keeps the files they need.

A step is an act of the node like any other. What it missed, through a crash or a fault, the next one finds:
everything is judged from what the store holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mutunode.follower import Follower
from mutunode.service.desk import Desk
from mutunode.service.errors import Refusal
from mutunode.service.files import keeping
from mutunode.store.interface import StoreError

LOOK_AT_ALL_SECONDS = 3_600.0
ASK_HOLDERS_SECONDS = 60.0
ASK_HOLDERS_FILES = 32  # in one round, of ours that were heard of least recently


class Keeper(Follower):
    """The thread, and what it does next."""

    name = "files"
    gather_seconds = 0.1
    retry_seconds = 5.0
    waits_for = (Refusal, StoreError)

    def __init__(self, desk: Desk, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._desk = desk
        self._monotonic = monotonic
        self._all_due = float("-inf")
        self._ask_due = float("-inf")
        self._asked_from = 0
        self._reached = -1
        self._working = threading.Lock()

    def look_again(self) -> None:
        """Somebody was accepted, blocked or promised something: judge everything again. Any thread."""
        self._all_due = float("-inf")
        self.poke()

    def catch_up(self) -> None:
        """Read on to the end of the feed, here and now; for who asks once."""
        with self._working:
            self._follow()

    def idle_seconds(self) -> float:
        """Until something is to be looked at again."""
        return max(0.0, min(self._all_due, self._ask_due) - self._monotonic())

    def step(self) -> bool:
        """Follow the records, judge everything once an hour, ask who else has our files."""
        with self._working:
            self._step()
        return False

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
