"""The strict reference: a store in plain dictionaries that holds its caller to every promise.

All values are immutable and a turn works on a copy of the dictionaries: rolling back is forgetting the
copy, and readers keep the state they began with. Nothing is indexed; what the other stores answer from
their indexes, this one finds by looking at everything.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mutunode.protocol.errors import MutunodeError
from mutunode.protocol.head import verify_head
from mutunode.protocol.merkle import Compact
from mutunode.protocol.rivals import is_kept
from mutunode.store.interface import (
    PROJECTED_AT_COMMIT_MAX,
    BrokenPromise,
    Damage,
    Problem,
    StoreError,
    promise,
)
from mutunode.store.meaning import leaf_of
from mutunode.store.memory_contents import Contents
from mutunode.store.memory_delivered import MemoryDeliveries
from mutunode.store.memory_files import MemoryFiles
from mutunode.store.memory_logs import MemoryLogs
from mutunode.store.memory_opened import MemoryOpened
from mutunode.store.memory_people import MemoryPeople
from mutunode.store.memory_reader import MemoryReader
from mutunode.store.memory_turn import MemoryTurn


class MemoryStore:
    """A store that is gone with its process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.state = Contents(secrets.token_bytes(8))
        self._ledger = MemoryLedger(self, clock)

    @property
    def ledger(self) -> MemoryLedger:
        """The write side."""
        return self._ledger

    def reader(self) -> MemoryReader:
        """The read side."""
        return MemoryReader(lambda: self.state)

    def verify(self, log: bytes) -> list[Problem]:
        """Recompute the tree and check the signature; the rest was checked when it came."""
        held = self.state.logs.get(log)
        if held is None or (held.head is None and not held.committed):
            return [Problem(None, "nothing is held of this log")]
        chain = self.state.chains[held.org]
        problems: list[Problem] = []
        if held.head is None:
            if not is_kept(chain, Compact.of(leaf_of(row.header) for row in held.leaves[: held.committed])):
                problems.append(Problem(None, "no head, and no new start that keeps these entries"))
            return problems
        if Compact.of(leaf_of(row.header) for row in held.leaves).root() != held.head.root:
            problems.append(Problem(None, "the tree does not give the root that was signed"))
        try:
            verify_head(held.head, chain)
        except MutunodeError as error:
            problems.append(Problem(None, str(error)))
        return problems

    def is_sound(self) -> bool:
        """There is no file."""
        return True

    def damage(self, log: bytes) -> Damage | None:
        """Memory is not looked after: a process that lost some of it is not helped by going on."""
        return None

    def copy_into(self, path: Path, told: Callable[[int, int], None]) -> None:
        """What is gone with its process is in no backup."""
        raise StoreError(
            "memory: this store is gone with its process; there is no file to copy",
            "memory : ces fiches disparaissent avec le nœud ; il n’y a pas de fichier à copier",
        )

    def close(self) -> None:
        """Nothing to give back."""


class MemoryLedger(MemoryLogs, MemoryPeople, MemoryOpened, MemoryDeliveries, MemoryFiles):
    """The write side, for one thread."""

    def touch(self) -> None:
        """Memory takes everything."""

    def lose_head(self, log: bytes) -> None:
        """Nothing of what is in memory is ever found to be damaged."""
        raise BrokenPromise("memory is not looked after")

    def lose_bodies(self, log: bytes, indices: Sequence[int]) -> None:
        """Nothing of what is in memory is ever found to be damaged."""
        promise(not indices, "memory is not looked after")

    def mend_headers(self, log: bytes, runs: Sequence[tuple[int, Sequence[bytes]]]) -> int:
        """Nothing of what is in memory is ever found to be damaged."""
        return 0

    def derive_again(self) -> None:
        """Everything is derived at each question."""

    def __init__(self, store: MemoryStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._turn = MemoryTurn(clock)
        self._turns = 0

    @contextmanager
    def transaction(self, *, freeing: bool = False, hurried: bool = False) -> Iterator[None]:
        """All or nothing."""
        turn = self._turn
        promise(turn.working is None, "a transaction is open already")
        turn.working, turn.thread, turn.cut = self._store.state.copy(), threading.get_ident(), set()
        turn.shown_at_commit_max = 0 if hurried else PROJECTED_AT_COMMIT_MAX
        try:
            yield
            promise(not turn.cut, "a log was cut and no head of the new epoch committed")
            turn.working.note_changes(since=self._store.state)
            self._store.state = turn.working
            self._turns += 1
        except BaseException:
            turn.stamp += 1  # what was answered during this turn is not so
            raise
        finally:
            turn.working = None

    def written(self) -> int:
        """Every turn that ended well counts."""
        return self._turns

    def settle(self) -> bool:
        """Nothing is in any file."""
        return True
