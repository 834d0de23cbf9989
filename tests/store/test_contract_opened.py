"""What every store promises of the contents of sealed records: kept apart, and gone with the record."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.protocol.entry import encode_body
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ledger import Stance
from mutunode.store import Store, Stored, open_store
from mutunode.store.private import PrivateReader
from tests.store.authors import Author, publish, take

BOX = ("sealed", {"box": b"x" * 64, "suite": 1})
CANARY = "une confidence"


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


def opened(
    store: Store, author: Author, index: int, body: dict[str, Any], kind: str = "usage", **more: Any
) -> None:
    """Somebody's record at an index held this for us."""
    ledger, leaf = store.ledger, author.entries[PUBLIC][index].leaf
    with ledger.transaction():
        ledger.put_opened(author.log(), index, leaf, kind, encode_body(body), **more)
        ledger.sealed_tried([(author.log(), index)])


def confided(store: Store, of: Author, by: Author, **more: Any) -> None:
    """A resource of one, and a usage that the other sealed for it."""
    publish(store, of, ("resource", {"title": {"fr": "a"}}))
    publish(store, by, BOX)
    opened(store, by, 0, {"resource": of.ref(0), "type": "used", **more})


def waiting(store: Store) -> list[tuple[bytes, int]]:
    return [(each.log, each.index) for each in store.reader().sealed_waiting(100)]


def inside(store: Store, author: Author, index: int) -> Stored | None:
    return store.reader().opened_at(author.log(), index)


# --- trying ----------------------------------------------------------------------------------------
def test_sealed_records_wait_until_they_were_tried_once(store: Store, alice: Author) -> None:
    publish(store, alice, BOX, ("resource", {"title": {"fr": "a"}}), ("sealed", {"box": b"y", "suite": 1}))
    assert waiting(store) == [(alice.log(), 0), (alice.log(), 2)]
    with store.ledger.transaction():
        store.ledger.sealed_tried([(alice.log(), 0)])
    assert waiting(store) == [(alice.log(), 2)]


def test_a_new_key_has_everything_tried_again_that_stayed_shut(
    store: Store, alice: Author, bob: Author
) -> None:
    confided(store, alice, bob)
    publish(store, bob, ("sealed", {"box": b"y", "suite": 1}))
    with store.ledger.transaction():
        assert store.ledger.try_sealed_with([b"1" * 32])
        store.ledger.sealed_tried([(bob.log(), 1)])
    with store.ledger.transaction():
        assert not store.ledger.try_sealed_with([b"1" * 32])
    assert waiting(store) == []
    with store.ledger.transaction():
        assert store.ledger.try_sealed_with([b"2" * 32, b"1" * 32])
    assert waiting(store) == [(bob.log(), 1)]
    with store.ledger.transaction():
        store.ledger.sealed_tried([(bob.log(), 1)])
        assert not store.ledger.try_sealed_with([b"2" * 32])
    with store.ledger.transaction():
        assert store.ledger.try_sealed_with([b"1" * 32]), "what came meanwhile was not tried with it"


def test_a_body_that_comes_late_is_tried_when_it_comes(store: Store, alice: Author) -> None:
    alice.write(BOX)
    take(store, alice, without=lambda index: True)
    assert waiting(store) == []
    entry = alice.entries[PUBLIC][0]
    with store.ledger.transaction():
        store.ledger.fill(alice.log(), 0, entry.salt, entry.body)
    assert waiting(store) == [(alice.log(), 0)]


def test_what_was_tried_is_remembered_across_a_restart(tmp_path: Any, alice: Author) -> None:
    url = f"sqlite:{tmp_path / 'store.db'}"
    store = open_store(url)
    publish(store, alice, BOX, ("sealed", {"box": b"y", "suite": 1}))
    with store.ledger.transaction():
        store.ledger.try_sealed_with([b"1" * 32])
        store.ledger.sealed_tried([(alice.log(), 0)])
    store.close()
    store = open_store(url)
    with store.ledger.transaction():
        assert not store.ledger.try_sealed_with([b"1" * 32])
    assert waiting(store) == [(alice.log(), 1)]
    store.close()


# --- reading ---------------------------------------------------------------------------------------
def test_what_is_inside_is_a_record_of_its_kind_that_says_it_was_sealed(
    store: Store, alice: Author, bob: Author
) -> None:
    confided(store, alice, bob)
    found = inside(store, bob, 0)
    assert found is not None
    assert (found.kind, found.sealed, found.sealed_for, found.state) == ("usage", True, None, "ok")
    assert (found.org, found.index, found.rec) == (bob.org, 0, bob.rec(0))
    assert found.fields()["type"] == "used"


def test_nothing_of_it_is_in_any_answer_of_the_public_side(store: Store, alice: Author, bob: Author) -> None:
    confided(store, alice, bob, purpose={"fr": CANARY})
    reader = store.reader()
    assert reader.mentions(alice.log(), 0) == []
    assert reader.mentioning_log(alice.log()) == []
    assert reader.of_kind("usage") == []
    answers = [
        reader.record(bob.rec(0)),
        reader.at(bob.log(), 0),
        reader.changes(0, 100),
        reader.of_kind("sealed"),
        list(reader.log_walk(bob.log())),
    ]
    assert CANARY not in repr(answers)
    with store.ledger.transaction():
        rows = store.ledger.entries(bob.log(), 0, 1, True, 1_000_000)
    assert CANARY.encode() not in b"".join(rows[0])


def test_the_private_side_gives_both_together(store: Store, alice: Author, bob: Author) -> None:
    confided(store, alice, bob)
    publish(store, bob, ("usage", {"resource": alice.ref(0), "type": "taught"}))
    reader = PrivateReader(store.reader())
    types = [each.fields()["type"] for each in reader.mentions(alice.log(), 0, ("usage",))]
    assert sorted(types) == ["taught", "used"]
    assert len(reader.mentioning_log(alice.log(), ("usage",))) == 2
    assert len(reader.mentioning_log(alice.log(), ("usage",), limit=1, offset=1)) == 1
    assert [each.index for each in reader.of_kind("usage", bob.org)] == [1, 0]
    assert [each.index for each in reader.of_kind("usage", bob.org, limit=1, offset=1)] == [0]
    found = reader.record(bob.rec(0))
    assert found is not None
    assert found.kind == "usage"
    assert reader.at(bob.log(), 0) == found
    assert reader.mentions(alice.log(), 0, ("flag",)) == []


def test_a_ref_that_names_another_leaf_cites_nothing(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}))
    publish(store, bob, BOX, BOX)
    opened(store, bob, 0, {"resource": [alice.log(), 0, bytes(32)], "type": "used"})
    opened(store, bob, 1, {"resource": [alice.log(), 7, bytes(32)], "type": "used"})
    reader = store.reader()
    assert reader.opened_mentioning_log(alice.log()) == []
    assert reader.opened_mentions(alice.log(), 0, alice.entries[PUBLIC][0].leaf) == []


def test_what_blocked_organisations_sealed_is_left_out(store: Store, alice: Author, bob: Author) -> None:
    confided(store, alice, bob)
    with store.ledger.transaction():
        store.ledger.put_stance(bob.org, Stance(blocked=True))
    reader = store.reader()
    assert reader.opened_of_kind("usage") == []
    assert reader.opened_mentioning_log(alice.log()) == []
    assert reader.opened_mentions(alice.log(), 0, alice.entries[PUBLIC][0].leaf) == []


def test_an_opaque_content_is_kept_as_such(store: Store, bob: Author) -> None:
    publish(store, bob, BOX)
    ledger = store.ledger
    with ledger.transaction():
        ledger.put_opened(bob.log(), 0, bob.entries[PUBLIC][0].leaf, "usage", b"\xc0")
    found = inside(store, bob, 0)
    assert found is not None
    assert found.state == "opaque"
    assert found.fields() == {}


# --- versions --------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_newer_sealed_version_takes_the_place_in_whatever_order_they_are_opened(
    store: Store, alice: Author, bob: Author, order: tuple[int, int]
) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}))
    publish(store, bob, BOX, BOX)
    bodies = [
        {"resource": alice.ref(0), "type": "used"},
        {"resource": alice.ref(0), "type": "used", "supersedes": bob.ref(0)},
    ]
    for index in order:
        opened(store, bob, index, bodies[index])
    first = inside(store, bob, 0)
    assert first is not None
    assert first.superseded_by == 1
    assert [each.index for each in store.reader().opened_of_kind("usage", bob.org)] == [1]
    assert len(store.reader().opened_of_kind("usage", bob.org, current=False)) == 2


def test_only_its_own_kind_and_log_is_superseded(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, BOX)
    publish(store, bob, BOX, BOX, BOX)
    opened(store, alice, 0, {"type": "used"})
    opened(store, bob, 0, {"type": "used"})
    opened(store, bob, 1, {"supersedes": bob.ref(0)}, kind="note")
    opened(store, bob, 2, {"supersedes": alice.ref(0)})
    for author in (alice, bob):
        first = inside(store, author, 0)
        assert first is not None
        assert first.superseded_by is None


# --- going -----------------------------------------------------------------------------------------
def test_a_withdrawal_shows_and_what_was_inside_stays_readable(
    store: Store, alice: Author, bob: Author
) -> None:
    confided(store, alice, bob)
    publish(store, bob, ("withdrawal", {"target": bob.ref(0)}))
    found = inside(store, bob, 0)
    assert found is not None
    assert found.withdrawn_by == 1
    assert store.reader().opened_of_kind("usage") == []


def test_an_erased_record_takes_what_was_inside_along_and_nothing_brings_it_back(
    store: Store, alice: Author, bob: Author
) -> None:
    confided(store, alice, bob)
    publish(store, bob, BOX)
    opened(store, bob, 1, {"resource": alice.ref(0), "type": "used", "supersedes": bob.ref(0)})
    publish(store, bob, ("withdrawal", {"target": bob.ref(1), "erase": True}))
    assert inside(store, bob, 1) is None
    opened(store, bob, 1, {"resource": alice.ref(0), "type": "used"})  # tried before, kept after
    assert inside(store, bob, 1) is None
    first = inside(store, bob, 0)
    assert first is not None
    assert first.superseded_by == 1  # an erased version does not bring back the one before
    assert (bob.log(), 1) not in waiting(store)


def test_forgetting_is_one_call(store: Store, alice: Author, bob: Author) -> None:
    confided(store, alice, bob, purpose={"fr": CANARY})
    with store.ledger.transaction():
        store.ledger.forget_opened(bob.log(), 0)
        store.ledger.forget_opened(bytes(32), 0)
    assert inside(store, bob, 0) is None
    assert store.reader().opened_mentioning_log(alice.log()) == []


def test_what_an_epoch_drops_is_forgotten_and_what_it_superseded_stands_again(
    store: Store, alice: Author, bob: Author
) -> None:
    confided(store, alice, bob)
    publish(store, bob, BOX)
    opened(store, bob, 1, {"resource": alice.ref(0), "type": "used", "supersedes": bob.ref(0)})
    bob.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(bob.chain)
        store.ledger.cut(bob.log(), 1)
        store.ledger.commit(bob.head(), bob.tree())
    assert inside(store, bob, 1) is None
    first = inside(store, bob, 0)
    assert first is not None
    assert first.superseded_by is None


def test_our_own_words_are_kept_in_the_turn_that_signs_them(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}))
    ledger = store.ledger
    [entry] = bob.write(BOX)
    with ledger.transaction():
        ledger.put_chain(bob.chain)
        body = encode_body({"resource": alice.ref(0), "type": "used"})
        ledger.put_opened(bob.log(), 0, entry.leaf, "usage", body, alice.org)
        ledger.append(bob.org, PUBLIC, 0, [(entry.header, entry.salt, entry.body)], [entry.leaf])
        ledger.commit(bob.head(), bob.tree())
    found = inside(store, bob, 0)
    assert found is not None
    assert found.sealed_for == alice.org


def test_nothing_is_kept_of_a_place_where_something_else_stands(store: Store, bob: Author) -> None:
    publish(store, bob, BOX)
    with store.ledger.transaction():
        store.ledger.put_opened(bob.log(), 0, bytes(32), "usage", encode_body({}))
        store.ledger.put_opened(bob.log(), 5, bytes(32), "usage", encode_body({}))
    assert inside(store, bob, 0) is None
    assert inside(store, bob, 5) is None
