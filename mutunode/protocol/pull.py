"""One log on its way from one peer: which entries to ask for next, and what became of those that came.

Several answers are under way at once, so that the link is never idle; they are put together in order.
How many entries to ask for is an estimate (the other side cuts an answer by bytes), what it left out is
asked again. A pull knows nothing of other logs or peers (``fetch`` does).
"""

from __future__ import annotations

from bisect import insort
from enum import Enum
from itertools import chain

from mutunode.protocol.entry import Row
from mutunode.protocol.head import Head
from mutunode.protocol.limits import ENTRIES_PER_ANSWER_MAX, LOG_BYTES_MAX
from mutunode.protocol.merkle import leaf_hash
from mutunode.protocol.replica import Assembly

HEADER_ROW_BYTES = 100  # a header with its framing, generously
ROW_FRAMING_BYTES = 8
UNKNOWN_ROW_BYTES = 1_024  # before anything of a log was seen


class Mode(Enum):
    """What the entries are for."""

    EXTEND = "extend"  # the log held goes on: stored as they come
    REBUILD = "rebuild"  # a new epoch keeps less than is held: stored at the end, in place of the rest
    COMPARE = "compare"  # headers alone, from the first: where do two trees part?


class Pull:
    """The entries from the end of ``assembly`` to its head."""

    def __init__(self, assembly: Assembly, mode: Mode) -> None:
        self.assembly = assembly
        self.mode = mode
        self.rows: list[Row] = []  # REBUILD: what came so far
        self.leaves: list[bytes] = []  # REBUILD and COMPARE
        self.bytes = 0  # of the log so far, or of ``rows``
        self.bytes_max = LOG_BYTES_MAX
        self.compared = False  # whether its beginning was compared leaf by leaf
        # What is to be asked, the lowest first: whatever else came has to wait for it.
        end = assembly.head.size
        self._gaps = [(assembly.size, end)] if assembly.size < end else []
        self._asked: dict[int, int] = {}  # start → end of what is under way
        self._early: dict[int, list[Row]] = {}
        self._row_bytes = HEADER_ROW_BYTES if mode is Mode.COMPARE else UNKNOWN_ROW_BYTES

    @property
    def head(self) -> Head:
        """Where it leads."""
        return self.assembly.head

    @property
    def bodies(self) -> bool:
        """Whether salts and bodies are wanted too."""
        return self.mode is not Mode.COMPARE

    def next_range(self, answer_bytes: int, window: int) -> tuple[int, int] | None:
        """What to ask for now, in an answer of about so many bytes; None: enough is under way, or all."""
        if not self._gaps or len(self._asked) + len(self._early) >= window:
            return None
        start, end = self._gaps.pop(0)
        count = max(1, min(ENTRIES_PER_ANSWER_MAX, answer_bytes // self._row_bytes))
        if end - start > count:
            insort(self._gaps, (start + count, end))
            end = start + count
        self._asked[start] = end
        return start, end

    def came(self, start: int, rows: list[Row]) -> list[tuple[int, list[Row]]]:
        """Note an answer that is not empty; gives, in order, the runs of rows that can be taken now."""
        end = self._asked.pop(start)
        if start + len(rows) < end:
            insort(self._gaps, (start + len(rows), end))
        size = sum(map(len, chain.from_iterable(rows)))
        self._row_bytes = size // len(rows) + ROW_FRAMING_BYTES
        self._early[start] = rows
        runs = []
        at = self.assembly.size
        while (run := self._early.pop(at, None)) is not None:
            runs.append((at, run))
            at += len(run)
        return runs

    def take_headers(self, rows: list[Row]) -> None:
        """COMPARE: only the leaves count."""
        leaves = [leaf_hash(row[0]) for row in rows]
        self.assembly.take_leaves(leaves)
        self.leaves.extend(leaves)
