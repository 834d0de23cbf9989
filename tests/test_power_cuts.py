"""The power of a node is cut at any moment: nothing it acknowledged is lost, and nothing it sent is denied.

A commit that is lost although its head had left would be a fork of our own register. So what leaves stands
on one timeline with what the disk is asked to do, the file of the outside mark included; at each cut the
disk keeps what was flushed, and of the rest nothing, a beginning, some of it, or torn writes.

``MUTUNODE_TEST_CUTS`` sets how many cuts there are.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mutunode.home import Home
from mutunode.protocol.limits import ASK_OWN_HEAD_SECONDS
from mutunode.store.ballast import Ballast
from mutunode.store.sqlite import SqliteStore
from tests.faulty_machine import STORE, Machine, Neighbour, watch_home
from tests.store.faulty_disks import RecordingDisk

CUTS = int(os.environ.get("MUTUNODE_TEST_CUTS", "2000"))
PARTS = 8
BEGINS_AGAIN_EVERY = 20  # cuts after which the node itself starts on what is left, and publishes
SEED = 20_261_129


@pytest.fixture(autouse=True)
def _no_ballast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen megabytes put aside at each of thousands of starts would be all that these tests do."""
    monkeypatch.setattr(Ballast, "fill", lambda ballast: None)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A node's life with two neighbours, on a disk that remembers every write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ballast, "fill", lambda ballast: None)
        disk, rng = RecordingDisk("timeline"), random.Random(SEED)
        watch_home(patch, disk)
        machine = Machine(tmp_path_factory.mktemp("life"), disk, vfs="timeline")
        machine.starts()
        machine.publishes(["Avant tout le monde"])
        machine.meets(Neighbour("Atelier"), Neighbour("Mairie"))
        for step in range(40):
            machine.publishes(["x" * rng.randint(1, 900)] * rng.choice((1, 1, 1, 2, 20)))
            machine.time_passes()
            if step % 4 == 3:
                machine.hears_of(0, rng.randint(1, 30))
        machine.ends()
    return machine


def test_the_timeline_holds_all_it_should(life: Machine) -> None:
    """Without sends among the writes, cuts would prove nothing."""
    assert life.disk is not None
    kinds = {what for what, _, _, _ in life.disk.ops}
    assert {"write", "sync", "rename", "sync-folder"} <= kinds
    files = {file for _, file, _, _ in life.disk.ops}
    assert {STORE, f"{STORE}-wal", "mark.new"} <= files
    ours, theirs = life.author.log(), life.neighbours[0].author.log()
    assert len({sent.at for sent in life.sent if sent.head.log == ours}) > 30
    assert len({sent.at for sent in life.sent if sent.head.log == theirs}) > 5, "relayed to the other one"
    for log in (ours, theirs):
        orders = [sent.head.order for sent in life.sent if sent.head.log == log]
        assert orders == sorted(orders), "what is out is older than what goes out"
    assert max(sent.head.size for sent in life.sent if sent.head.log == ours) == life.told[-1][1]


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_acknowledged_is_lost_and_no_head_is_out_that_the_disk_lacks(
    life: Machine, tmp_path: Path, part: int
) -> None:
    assert life.disk is not None
    rng = random.Random(SEED + part)
    places = [rng.randint(life.told[0][0], len(life.disk.ops)) for _ in range(CUTS // PARTS)]
    for number, (at, files) in enumerate(life.disk.cuts(places, rng)):
        folder = tmp_path / str(number)
        folder.mkdir(mode=0o700)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        check(life, folder, at)
        if number % BEGINS_AGAIN_EVERY == 0:
            begin_again(life, folder, at)
        for left in folder.iterdir():
            left.unlink()


def check(life: Machine, folder: Path, at: int) -> None:
    """What is left after a cut before operation ``at``."""
    store, marks = SqliteStore(folder / STORE), Home(folder).marks()
    acknowledged = max(size for when, size in life.told if when <= at)
    newest = {each.head.log: each.head for each in life.sent if each.at <= at}  # they only grow
    own = life.author.log()
    with store.ledger.transaction():
        held = store.ledger.log(own)
        assert held is not None
        assert held.size >= acknowledged, f"cut before operation {at}: {held.size} of {acknowledged} are left"
        for log, head in newest.items():
            there = store.ledger.log(log)
            assert there is not None
            assert there.size >= head.size, f"cut before operation {at}: a head of {head.size} is out"
            assert store.ledger.root_at(log, head.size) == head.root
        mark = marks.get(own)
        seen = newest[own].size if own in newest else 0
        assert mark is not None
        assert seen <= mark.size <= held.size, f"cut before operation {at}: what is out is marked"
        assert store.ledger.root_at(own, mark.size) == mark.root
    for log in {own, *newest}:
        assert store.verify(log) == []
    store.close()


def begin_again(life: Machine, folder: Path, at: int) -> None:
    """The machine is switched on again: the node signs on where it was."""
    machine = Machine(folder)
    machine.starts()
    machine.ahead_seconds += ASK_OWN_HEAD_SECONDS + 1  # neighbours had their time to say what they hold of us
    acknowledged = max(size for when, size in life.told if when <= at)
    assert machine.publishes(["Après la panne"]) > acknowledged
    machine.ends()
