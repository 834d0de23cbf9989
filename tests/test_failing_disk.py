"""The disk refuses any one operation, or all from it on: nothing is acknowledged or sent that is not kept.

Every write, flush, truncation and renaming of a whole scenario is refused in turn, the outside mark's
included, with "input/output error" and with "no space left". Afterwards the database opens, everything
acknowledged is in it, and everything in it verifies. ``MUTUNODE_TEST_REFUSALS`` refuses each operation in
both ways; without it, they take turns.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

import apsw
import pytest

from mutunode.home import Home
from mutunode.protocol.head import Head
from mutunode.store.ballast import Ballast
from mutunode.store.interface import StoreError
from mutunode.store.sqlite import SqliteStore
from mutunode.turns import NotSigned, writer
from tests.faulty_machine import STORE, Machine, Neighbour, Sent, watch_home
from tests.store.authors import Author
from tests.store.faulty_disks import RefusingDisk

BOTH = "MUTUNODE_TEST_REFUSALS" in os.environ
REFUSALS = (errno.EIO, errno.ENOSPC)
TURNS = (1, 12, 2, 12)  # records in each
TRIES = 5
HEALED_SECONDS = 15.0  # the core tries again within ten


class Disk(RefusingDisk):
    """Says no to SQLite and to the home, each in its own words."""

    def __init__(self) -> None:
        super().__init__("refusing")
        self._number = errno.EIO

    def begin_again(self, number: int, *, refuse_at: int, for_good: bool) -> None:
        """Forget what happened; the next operation is number 0."""
        self._number = number
        self.ops.clear()
        self.refuse_at, self.for_good, self.refused = refuse_at, for_good, 0

    def refusal(self, file: str) -> Exception:
        """What whoever asked understands."""
        if not file.startswith(STORE):
            return OSError(self._number, "refused by the test")
        if self._number == errno.ENOSPC:
            return apsw.FullError("refused by the test")
        return apsw.IOError("refused by the test")


class Silence:
    """A journal that nobody reads."""

    def error(self, *said: object, **more: object) -> None:
        """Somebody said what went wrong."""


class Life:
    """A short life of a node on a disk that refuses its nth operation, from the first opening on."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.acknowledged = 0
        self.acknowledged_after = 0  # how many turns were acknowledged since the first refusal
        self._sent: list[Sent] = []
        folder.mkdir(mode=0o700)
        try:
            machine = Machine(folder, disk, vfs="refusing")
        except StoreError:
            return  # it did not even start
        self._sent = machine.sent
        machine.starts()
        with contextlib.suppress(StoreError, NotSigned):
            machine.meets(Neighbour("Atelier"))
        for count in TURNS:
            self._publish(machine, count, bool(disk.refused))
        if not disk.for_good:
            self._heal(machine)
        machine.ends()

    def heads_sent(self) -> list[Head]:
        """What left."""
        return [sent.head for sent in self._sent]

    def _publish(self, machine: Machine, count: int, refused: bool) -> None:
        try:
            self.acknowledged = machine.publishes(["x" * 700] * count)
        except (StoreError, NotSigned):
            assert machine.disk.refused  # type: ignore[union-attr]
            machine.ahead_seconds += 1.0
        else:
            self.acknowledged_after += refused

    def _heal(self, machine: Machine) -> None:
        """A disk that is well again is enough: no restart, nobody who does anything."""
        for _ in range(TRIES):  # the first one may find it asking its neighbour first
            machine.ahead_seconds += HEALED_SECONDS
            with contextlib.suppress(StoreError, NotSigned):
                self.acknowledged = machine.publishes(["Tout va bien"])
                return
        pytest.fail("the disk is well again, and the node is not")


def is_well(folder: Path, life: Life) -> None:
    """The database opens with all that was acknowledged or sent, and verifies."""
    store, marks = SqliteStore(folder / STORE), Home(folder).marks()
    author = Author("Jardin")
    with store.ledger.transaction():
        held = store.ledger.log(author.log())
        size = held.size if held is not None else 0
        assert size >= life.acknowledged
        for head in life.heads_sent():
            assert store.ledger.root_at(author.log(), head.size) == head.root
        mark = marks.get(author.log())
        assert mark is None or mark.size <= size
    if size:
        assert store.verify(author.log()) == []
    assert apsw.Connection(str(folder / STORE)).execute("PRAGMA integrity_check").get == "ok"
    store.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that a test can have refuse."""
    made = Disk()
    monkeypatch.setattr(Ballast, "fill", lambda ballast: None)  # hundreds of stores need none
    monkeypatch.setattr(writer, "log", Silence())
    watch_home(monkeypatch, made)
    return made


# SQLite goes on where a journal cannot be copied back or removed; Python is told, and so would be this test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
def test_whatever_the_disk_refuses_nothing_acknowledged_or_sent_is_lost(
    disk: Disk, for_good: bool, tmp_path: Path
) -> None:
    disk.begin_again(0, refuse_at=-1, for_good=for_good)
    whole = Life(tmp_path / "whole", disk)
    assert whole.acknowledged == sum(TURNS) + (0 if for_good else 1)
    operations = len(disk.ops)
    assert operations > 150
    refused = 0
    step = 2 if for_good and not BOTH else 1  # what follows a refusal for good is much the same next door
    for number in range(0, operations, step):
        for said in (errno.EIO, errno.ENOSPC) if BOTH else (REFUSALS[number // step % 2],):
            disk.begin_again(said, refuse_at=number, for_good=for_good)
            folder = tmp_path / f"{number}-{said}"
            life = Life(folder, disk)
            disk.refuse_at = -1
            refused += bool(disk.refused)
            is_well(folder, life)
            assert not for_good or not life.acknowledged_after, f"operation {number}"
            shutil.rmtree(folder)
    assert refused > 0.9 * operations / step, (
        "the last few may not be reached: what is told when is up to threads"
    )
