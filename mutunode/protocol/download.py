"""One file on its way here, and how fast one link gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mutunode.protocol.blobs import chunk_count
from mutunode.protocol.ledger import WantedFile
from mutunode.protocol.limits import CHUNKS_A_LINK_FIRST, CHUNKS_A_LINK_MAX, OTHER_SOURCE_SECONDS

PROBED_CHUNKS_MIN = 4  # a shorter file is asked of those who should have it, before anybody else


class Download:
    """Which chunks are there, asked for or lacking, and who may be asked."""

    def __init__(self, file: WantedFile) -> None:
        self.blob, self.size = file.blob, file.size
        self.likely = set(file.likely)
        self.urgent = file.urgent
        self.count = chunk_count(max(0, file.size))
        self.givers: set[bytes] = set()
        self.liars: set[bytes] = set()
        self.rounds = 0  # in which nobody had it
        self.trouble = ""
        self._is_open = False
        self._held: set[int] = set()  # on the disk
        self._coming: set[int] = set()  # here, not yet on the disk
        self._next = 0  # chunks below are held, asked for or handed back
        self._back: deque[int] = deque()  # to be asked for again
        self._asked: dict[int, dict[bytes, float]] = {}  # index → whom, since when
        self._refused: set[bytes] = set()

    # --- the disk ------------------------------------------------------------------------------
    def opened(self, held: frozenset[int]) -> None:
        """These are on the disk."""
        self._is_open = True
        self._held |= held
        self._next = 0
        self._back.clear()

    def put(self, index: int) -> None:
        """One more is."""
        self._coming.discard(index)
        self._held.add(index)

    def came(self, index: int) -> None:
        """One is on its way to the disk."""
        self._coming.add(index)

    @property
    def done(self) -> int:
        """How many are on the disk."""
        return len(self._held)

    # --- who -----------------------------------------------------------------------------------
    def is_refused(self, org: bytes) -> bool:
        """Whether there is no sense in asking this one."""
        return org in self._refused or org in self.liars

    def refused(self, org: bytes, now: float) -> None:
        """It does not have the file, or does not give it."""
        self._refused.add(org)
        self.givers.discard(org)

    def lied(self, org: bytes) -> None:
        """It gave something else."""
        self.liars.add(org)

    def try_again(self) -> None:
        """Those who did not have it may have it now; liars stay liars."""
        self.rounds += 1
        self.trouble = ""
        self._is_open = False
        self._coming.clear()  # what the disk refused; by now it has answered for all of them
        self._refused.clear()

    def may_ask(self, org: bytes, has_better: Callable[[Download], bool]) -> bool:
        """Whether to ask this one now: of those nobody named, one chunk at first, and none of a short file
        while ``has_better`` knows somebody likelier.
        """
        if not self._is_open or self.is_refused(org):
            return False
        if org in self.givers or org in self.likely:
            return True
        if self.count < PROBED_CHUNKS_MIN and has_better(self):
            return False
        return not any(org in whom for whom in self._asked.values())

    def could_give(self, org: bytes, index: int) -> bool:
        """Whether this one could be asked for a chunk that somebody else does not give."""
        return not self.is_refused(org) and org not in self._asked.get(index, ())

    # --- which ---------------------------------------------------------------------------------
    def next_chunk(self, org: bytes) -> int | None:
        """The next chunk to ask this one for; None when all are held or asked for."""
        for _ in range(len(self._back)):
            index = self._back.popleft()
            if self._is_there(index):
                continue
            if org not in self._asked.get(index, ()):
                return index
            self._back.append(index)
        while self._next < self.count:
            index = self._next
            self._next += 1
            if not self._is_there(index) and index not in self._asked:
                return index
        return None

    @property
    def has_more(self) -> bool:
        """Whether ``next_chunk`` may find one: of many short files most are asked for already."""
        return self._next < self.count or bool(self._back)

    def _is_there(self, index: int) -> bool:
        return index in self._held or index in self._coming

    def asked(self, index: int, org: bytes, now: float) -> None:
        """Somebody was asked for a chunk."""
        self._asked.setdefault(index, {})[org] = now

    def answered(self, index: int, org: bytes) -> bool:
        """It answered, or will not; whether the chunk is still lacking, and then asked for again."""
        whom = self._asked.get(index, {})
        whom.pop(org, None)
        if not whom:
            self._asked.pop(index, None)
        lacking = not self._is_there(index)
        if lacking and not whom:
            self._back.append(index)
        return lacking

    def late(self, since: float) -> list[int]:
        """Chunks that were asked for before and did not come."""
        return [index for index, whom in self._asked.items() if whom and max(whom.values()) < since]

    def ask_another(self, index: int) -> None:
        """Do not wait for the one who was asked."""
        if index not in self._back:
            self._back.append(index)

    @property
    def is_asked(self) -> bool:
        """Whether anything is under way."""
        return bool(self._asked) or bool(self._coming)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way although something lacks."""
        return self._is_open and not self._asked and not self._coming and self.done < self.count


class Lane:
    """How many chunks a link gives at once: more while they come within a second, fewer when not."""

    def __init__(self) -> None:
        self.under_way = 0
        self._width = float(CHUNKS_A_LINK_FIRST)
        self._rests_until = 0.0

    def room(self, window: int, now: float) -> int:
        """How many chunks to ask for now: none while more than half is under way, then all at once.

        What is asked for together is read, sent and kept together: each time a thread of either side has
        to be woken for one chunk costs as much as hashing it. ``window``: requests of all sorts that the
        link takes at once; chunks leave half of them free.
        """
        most = min(int(self._width), max(1, window // 2))
        is_time = now >= self._rests_until and self.under_way <= most // 2
        return most - self.under_way if is_time else 0

    def learn(self, seconds: float) -> None:
        """A chunk took so long."""
        if seconds < 1:
            self._width = min(CHUNKS_A_LINK_MAX, self._width + 1)
        elif seconds > OTHER_SOURCE_SECONDS:
            self.stalled()

    def stalled(self) -> None:
        """Something took far too long."""
        self._width = max(1.0, self._width / 2)

    def rest(self, until: float) -> None:
        """It asked for a pause."""
        self._rests_until = until
