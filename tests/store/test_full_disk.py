"""The disk is full: writing says so and undoes its turn, reading goes on, erasing works, room heals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.store.ballast import BALLAST_BYTES, Ballast
from mutunode.store.interface import StoreFull
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append, publish
from tests.store.faulty_disks import FullDisk

NOTE = ("note", {"text": "x" * 800})


class Switch:
    """Whether a disk is full; the ballast counts as room once it is spent."""

    def __init__(self, path: Path) -> None:
        self.ballast = path.with_name(path.name + "-ballast")
        self.full = False

    def __call__(self) -> bool:
        return self.full and self.ballast.exists()


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path / "store.db")


@pytest.fixture
def store(switch: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store on a disk that can be full."""
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        told = list(real(path))
        if switch.full:
            told[4] = 0  # f_bavail
        return os.statvfs_result(told)

    disk = FullDisk("full", switch)
    opened = SqliteStore(tmp_path / "store.db", vfs="full")
    monkeypatch.setattr("mutunode.store.ballast.os.statvfs", statvfs)
    yield opened
    opened.close()
    disk.unregister()


def test_a_turn_without_room_is_refused_and_undone(store: SqliteStore, switch: Switch) -> None:
    alice = Author("alice")
    publish(store, alice, NOTE)
    switch.full = True
    for _ in range(3):
        with pytest.raises(StoreFull, match="free some room"):
            publish(store, alice, *[NOTE] * 50)
        alice.entries[PUBLIC] = alice.entries[PUBLIC][:1]
    assert store.reader().counts().records == 1
    assert store.reader().record(alice.rec(0)) is not None
    assert store.verify(alice.log()) == []
    switch.full = False
    publish(store, alice, *[NOTE] * 50)
    assert store.reader().counts().records == 51
    assert store.verify(alice.log()) == []


def test_the_ballast_makes_room_for_a_turn_that_frees(store: SqliteStore, switch: Switch) -> None:
    alice = Author("alice")
    publish(store, alice, *[NOTE] * 200)
    assert switch.ballast.stat().st_size == BALLAST_BYTES
    switch.full = True
    alice.open_epoch(keeps=1)

    def drop(*, freeing: bool) -> None:
        with store.ledger.transaction(freeing=freeing):
            store.ledger.put_chain(alice.chain)
            store.ledger.cut(alice.log(), 1)
            store.ledger.commit(alice.head(), alice.tree())

    with pytest.raises(StoreFull):
        drop(freeing=False)
    drop(freeing=True)
    assert not switch.ballast.exists()
    assert store.verify(alice.log()) == []
    switch.full = False
    with store.ledger.transaction():
        pass
    assert switch.ballast.stat().st_size == BALLAST_BYTES, "put back as soon as there is room"


def test_on_a_full_disk_erasing_works_and_leaves_nothing_behind(
    store: SqliteStore, switch: Switch, tmp_path: Path
) -> None:
    """What is signed needs room, and so does the journal in which it is erased: the ballast is there."""
    alice = Author("alice")
    publish(store, alice, *[NOTE] * 200)
    secret = ("note", {"text": "le numéro 06 12 34 56 78 " * 300})
    publish(store, alice, secret)
    needle = alice.entries[PUBLIC][200].salt
    switch.full = True
    new = alice.write(("withdrawal", {"target": alice.ref(200), "erase": True}))
    with store.ledger.transaction(freeing=True):
        append(store.ledger, alice, new)
        store.ledger.commit(alice.head(), alice.tree())
    stored = store.reader().at(alice.log(), 200)
    assert stored is not None
    assert (stored.state, stored.body) == ("erased", None)
    while not store.ledger.settle():
        pass
    for file in tmp_path.iterdir():
        assert needle not in file.read_bytes(), file.name
        assert b"06 12 34 56 78" not in file.read_bytes(), file.name
    assert store.verify(alice.log()) == []


def test_a_small_disk_is_not_filled_by_the_ballast_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ballast = Ballast(tmp_path / "ballast", size_bytes=4_096)
    assert (tmp_path / "ballast").stat().st_size == 4_096
    del ballast
    monkeypatch.setattr(Ballast, "_free_bytes", lambda _: 4 * 4_096 - 1)
    (tmp_path / "ballast").unlink()
    Ballast(tmp_path / "ballast", size_bytes=4_096)
    assert not (tmp_path / "ballast").exists()
