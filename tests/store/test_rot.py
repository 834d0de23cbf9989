"""A disk changes bytes behind our back: each one in what was signed is found, none of them is served."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from mutunode.protocol.entry import Row
from mutunode.protocol.head import PUBLIC
from mutunode.store.ballast import Ballast
from mutunode.store.interface import StoreError
from mutunode.store.salvage import is_sound, salvage
from mutunode.store.sqlite import SqliteStore
from mutunode.store.sqlite_logs import pack_head
from tests.store.authors import Author, take

FLIPS = 1_000  # 5 ms each
ENTRIES = 600  # two complete tiles and a rest
SEED = 20_261_129


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Author]:
    """A store's file, and who signed what is in it."""
    path = tmp_path_factory.mktemp("rot") / "store.db"
    rng = random.Random(SEED)
    alice = Author("alice")
    alice.write(*[("resource", {"title": {"fr": "t" * rng.randint(1, 600)}, "n": n}) for n in range(ENTRIES)])
    store = SqliteStore(path)
    take(store, alice)
    with store.ledger.transaction():
        assert not store.ledger.project_some(ENTRIES)
    store.close()
    return path.read_bytes(), alice


@pytest.fixture(autouse=True)
def _no_ballast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand stores need none."""
    monkeypatch.setattr(Ballast, "fill", lambda ballast: None)


def signed_places(content: bytes, alice: Author) -> dict[int, int]:
    """Every byte of what was signed, by its place in the file, with the index of its entry."""
    places = {}
    for index, entry in enumerate(alice.entries[PUBLIC]):
        for part in (entry.header, entry.salt, entry.body):
            start = content.find(part)
            if start >= 0:  # else it lies in two pages
                places.update(dict.fromkeys(range(start, start + len(part)), index))
    return places


def rows_served(store: SqliteStore, alice: Author) -> list[Row]:
    """Everything that a peer can get, asked from every place on."""
    with store.ledger.transaction():
        served: list[Row] = []
        for start in range(0, ENTRIES, 50):
            served += store.ledger.entries(alice.log(), start, start + 50, True, 1 << 20)
    return served


def check_served(store: SqliteStore, alice: Author) -> None:
    """Nothing but what was signed, or nothing."""
    entries = {entry.header: entry for entry in alice.entries[PUBLIC]}
    for header, salt, body in rows_served(store, alice):
        assert header in entries
        assert (salt, body) in ((b"", b""), (entries[header].salt, entries[header].body))
    recs = {alice.rec(index): entry for index, entry in enumerate(alice.entries[PUBLIC])}
    for stored in store.reader().of_kind("resource", limit=ENTRIES):
        assert stored.rec in recs
        assert stored.body in (None, recs[stored.rec].body)


def test_a_thousand_changed_bytes_one_by_one(written: tuple[bytes, Author], tmp_path: Path) -> None:
    """Half of them in what was signed, half of them anywhere."""
    content, alice = written
    rng, path = random.Random(SEED), tmp_path / "store.db"
    places = signed_places(content, alice)
    signed = sorted(places)
    found = survived = said = 0
    for number in range(FLIPS):
        at = rng.choice(signed) if number % 2 else rng.randrange(len(content))
        changed = bytearray(content)
        changed[at] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        path.with_name("store.db-wal").unlink(missing_ok=True)
        try:
            store = SqliteStore(path)
        except StoreError:
            assert at not in places
            said += 1
            continue
        try:
            damage = store.damage(alice.log())
            if at in places:
                assert damage is not None, f"byte {at} of entry {places[at]} went unseen"
                near = [*damage.bodies, *(i for first, end in damage.spans for i in range(first, end))]
                assert places[at] in near
                found += 1
            if number % 10 < 2:
                check_served(store, alice)
                assert bool(store.verify(alice.log())) == (at in places) or damage is not None
            survived += 1
        except StoreError:
            assert at not in places
            said += 1
        finally:
            store.close()
    assert found > FLIPS / 2
    assert survived + said == FLIPS


def test_what_was_changed_is_mended_from_what_others_hold(
    written: tuple[bytes, Author], tmp_path: Path
) -> None:
    content, alice = written
    rng, path = random.Random(SEED), tmp_path / "store.db"
    changed = bytearray(content)
    for at in rng.sample(sorted(signed_places(content, alice)), 300):
        changed[at] ^= 1 << rng.randrange(8)
    path.write_bytes(changed)
    store, log = SqliteStore(path), alice.log()
    check_served(store, alice)
    mend(store, alice)
    assert store.verify(log) == []
    assert store.damage(log) is None
    assert rows_served(store, alice) == [(e.header, e.salt, e.body) for e in alice.entries[PUBLIC]]
    titles = [stored.fields()["n"] for stored in store.reader().of_kind("resource", limit=ENTRIES)]
    assert titles == list(reversed(range(ENTRIES))), "in the order in which they arrived"
    assert store.reader().counts().records == ENTRIES
    store.close()


def mend(store: SqliteStore, alice: Author) -> None:
    """What ``doctor --repair`` does, with an author who answers."""
    log, entries = alice.log(), alice.entries[PUBLIC]
    damage = store.damage(log)
    assert damage is not None
    with store.ledger.transaction():
        lies = [(start, [entries[0].header] * (end - start)) for start, end in damage.spans]
        assert store.ledger.mend_headers(log, lies) == 0
        runs = [(start, [entry.header for entry in entries[start:end]]) for start, end in damage.spans]
        assert store.ledger.mend_headers(log, runs) == sum(end - start for start, end in damage.spans)
    left = store.damage(log)
    with store.ledger.transaction():
        if left is not None:
            assert not left.spans
            store.ledger.lose_bodies(log, left.bodies)
        store.ledger.derive_again()
        for index in store.ledger.missing(log, 0, ENTRIES):
            store.ledger.fill(log, index, entries[index].salt, entries[index].body)


def test_a_head_that_was_changed_is_dropped_and_taken_again_over_the_same_entries(
    written: tuple[bytes, Author], tmp_path: Path
) -> None:
    content, alice = written
    path = tmp_path / "store.db"
    path.write_bytes(content)
    store, log = SqliteStore(path), alice.log()
    with store.ledger.transaction():
        held = store.ledger.log(log)
    assert held is not None
    assert held.head is not None
    raw = bytearray(pack_head(held.head))
    raw[-1] ^= 1
    store._db.execute("UPDATE log SET head = ?", (bytes(raw),))
    damage = store.damage(log)
    assert damage is not None
    assert damage.head
    with store.ledger.transaction():
        store.ledger.lose_head(log)
        store.ledger.commit(held.head, alice.tree())
    assert store.verify(log) == []
    store.close()


def test_an_identity_that_was_changed_on_the_disk_is_not_gone_on_with_from_memory(
    written: tuple[bytes, Author], tmp_path: Path
) -> None:
    content, alice = written
    path = tmp_path / "store.db"
    path.write_bytes(content)
    store = SqliteStore(path)
    with store.ledger.transaction():
        assert store.ledger.chain(alice.org) == alice.chain
    store._db.execute("UPDATE org SET chain = substr(chain, 2) WHERE chain IS NOT NULL")
    with store.ledger.transaction():
        store.ledger.lose_head(alice.log())
        assert store.ledger.chain(alice.org) is None, "it is had from others again"
    store.close()


# --- a file that cannot be read any more --------------------------------------------------------------
def test_a_thousand_changed_bytes_at_once_are_survived(written: tuple[bytes, Author], tmp_path: Path) -> None:
    """Pages of the tree of the file itself are hit too: what can be read is carried over, around the rest."""
    content, alice = written
    rng, path = random.Random(SEED), tmp_path / "store.db"
    changed = bytearray(content)
    beyond_declarations = range(8_192, len(content))  # page 1 is the next test's
    for at in rng.sample(beyond_declarations, FLIPS):
        changed[at] ^= 1 << rng.randrange(8)
    path.write_bytes(changed)
    assert not is_sound(path)
    done = salvage(path, lambda done, total: None)
    assert done.lost
    assert Path(done.aside).read_bytes() == changed, "put aside, not removed"
    assert is_sound(path)
    store, log = SqliteStore(path), alice.log()
    check_served(store, alice)
    with store.ledger.transaction():
        held = store.ledger.log(log)
    if held is None or held.head is None:
        take(store, alice)  # a head was hit too: without it, nothing of its register is believed
    else:
        mend(store, alice)
    assert store.verify(log) == []
    assert rows_served(store, alice) == [(e.header, e.salt, e.body) for e in alice.entries[PUBLIC]]
    store.close()


def test_a_file_whose_first_page_is_gone_is_replaced_by_an_empty_one(
    written: tuple[bytes, Author], tmp_path: Path
) -> None:
    content, alice = written
    path = tmp_path / "store.db"
    path.write_bytes(bytes(8_192) + content[8_192:])
    assert not is_sound(path)
    done = salvage(path, lambda done, total: None)
    assert (done.rows, done.lost) == (0, True)
    store = SqliteStore(path)
    take(store, alice)
    assert store.reader().counts().records <= ENTRIES
    assert store.verify(alice.log()) == []
    store.close()


def test_what_is_sound_is_carried_whole(written: tuple[bytes, Author], tmp_path: Path) -> None:
    content, alice = written
    path = tmp_path / "store.db"
    path.write_bytes(content)
    assert is_sound(path)
    done = salvage(path, lambda done, total: None)
    assert not done.lost
    store = SqliteStore(path)
    with store.ledger.transaction():
        store.ledger.derive_again()
    assert store.verify(alice.log()) == []
    assert store.reader().counts().records == ENTRIES
    store.close()
    assert apsw.Connection(str(path)).execute("PRAGMA integrity_check").get == "ok"
