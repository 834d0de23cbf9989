"""What a new start keeps of a register whose head is still to come: the op says which entries are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutunode.protocol.head import PUBLIC
from mutunode.store import Store
from mutunode.store.interface import StoreLedger
from mutunode.store.sqlite import SqliteStore
from tests.store.authors import Author, append, take

SAID = [("resource", {"title": {"fr": f"Fiche {number}"}}) for number in range(300)]
KEPT = 280  # more than a tile of the tree


@pytest.fixture
def won() -> Author:
    """The branch that is followed now: it has signed no register yet that anybody has."""
    author = Author("alice")
    author.write(*SAID)
    author.open_epoch(KEPT)
    return author


def left(store: Store, won: Author, keep: int = KEPT) -> None:
    """Another branch had gone on from more of the same."""
    lost = Author("alice")
    lost.write(*SAID)
    lost.open_epoch(len(SAID), machine="thief")
    lost.write(("resource", {"title": {"fr": "Volée"}}))
    take(store, lost)
    leaves(store.ledger, won, keep)


def leaves(ledger: StoreLedger, won: Author, keep: int) -> None:
    with ledger.transaction():
        ledger.put_chain(won.chain)
        ledger.disown(won.log(), 1, keep)


def test_what_is_kept_stands_without_a_head_and_nobody_is_told_of_it(store: Store, won: Author) -> None:
    left(store, won)
    with store.ledger.transaction():
        held = store.ledger.log(won.log())
        assert held is not None
        assert (held.head, held.size, held.pending) == (None, KEPT, 0)
        assert store.ledger.logs_of(won.org) == [won.log()]
        assert store.ledger.root_at(won.log(), KEPT) == won.tree().root()
        assert store.ledger.heads_since(0, 10)[0] == []
        assert store.ledger.range_items(bytes(32), b"\xff" * 32) == []
        rows = store.ledger.entries(won.log(), KEPT - 2, KEPT + 2, True, 1 << 20)
    assert [row[0] for row in rows] == [entry.header for entry in won.entries[PUBLIC][-2:]]
    assert store.verify(won.log()) == []
    assert (store.reader().counts().organisations, store.reader().counts().records) == (1, KEPT)
    shown = store.reader().organisation(won.org)
    assert shown is not None
    assert (shown.head, shown.size, shown.records) == (None, KEPT, KEPT)


def test_the_head_that_comes_is_laid_over_it(store: Store, won: Author) -> None:
    left(store, won)
    won.write(("resource", {"title": {"fr": "Après"}}))
    with store.ledger.transaction():
        append(store.ledger, won, won.entries[PUBLIC][KEPT:])
        store.ledger.commit(won.head(), won.tree())
    assert store.verify(won.log()) == []
    assert store.reader().counts().records == KEPT + 1


def test_entries_without_a_head_that_no_new_start_keeps_are_not_what_was_signed(
    store: Store, won: Author
) -> None:
    left(store, won, KEPT - 1)
    assert [problem.what for problem in store.verify(won.log())] == [
        "no head, and no new start that keeps these entries"
    ]


# --- on a disk ----------------------------------------------------------------------------------------------
@pytest.fixture
def on_disk(tmp_path: Path, won: Author) -> SqliteStore:
    store = SqliteStore(tmp_path / "store.db")
    left(store, won)
    store.close()
    return SqliteStore(tmp_path / "store.db")


def test_it_is_there_after_a_restart_and_nothing_is_wrong_with_it(on_disk: SqliteStore, won: Author) -> None:
    assert on_disk.damage(won.log()) is None
    assert on_disk.verify(won.log()) == []
    with on_disk.ledger.transaction():
        on_disk.ledger.derive_again()
    assert on_disk.damage(won.log()) is None
    assert on_disk.reader().counts().records == KEPT
    on_disk.close()


def test_a_body_that_the_disk_changed_is_had_again(on_disk: SqliteStore, won: Author) -> None:
    entry = won.entries[PUBLIC][7]
    on_disk._db.execute("UPDATE entry SET body = x'80' WHERE header = ?", (entry.header,))
    damage = on_disk.damage(won.log())
    assert damage is not None
    assert (damage.head, damage.bodies) == (False, (7,))
    with on_disk.ledger.transaction():
        on_disk.ledger.lose_bodies(won.log(), damage.bodies)
        on_disk.ledger.derive_again()
        assert on_disk.ledger.missing(won.log(), 0, 10) == [7]
        on_disk.ledger.fill(won.log(), 7, entry.salt, entry.body)
    assert on_disk.damage(won.log()) is None
    on_disk.close()


def test_with_a_header_changed_all_of_it_is_had_again(on_disk: SqliteStore, won: Author) -> None:
    """Nothing else tells which one it is."""
    entry = won.entries[PUBLIC][7]
    on_disk._db.execute("UPDATE entry SET header = x'80' WHERE header = ?", (entry.header,))
    damage = on_disk.damage(won.log())
    assert damage is not None
    assert damage.head
    with on_disk.ledger.transaction():
        on_disk.ledger.lose_head(won.log())
        on_disk.ledger.derive_again()
        assert on_disk.ledger.log(won.log()) is None
    on_disk.close()
