"""What every store promises of erasing: it is complete, final, and leaves everything else as it was."""

from __future__ import annotations

from typing import Any

import pytest

from mutunode.protocol.entry import Entry, rec_id
from mutunode.protocol.head import PUBLIC
from mutunode.store import Store, Stored
from tests.store.authors import Author, append, publish, take

SECRET = "Numéro de la présidente : 06 12 34 56 78"


def resource(name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "resource", {"title": {"fr": name}, **more}


def erases(target: list[Any]) -> tuple[str, dict[str, Any]]:
    return "withdrawal", {"target": target, "reason": "author", "erase": True}


def at(store: Store, author: Author, index: int) -> Stored:
    stored = store.reader().at(author.log(), index)
    assert stored is not None
    return stored


def rows(store: Store, author: Author) -> list[tuple[bytes, bytes, bytes]]:
    """What a peer is given."""
    with store.ledger.transaction():
        return store.ledger.entries(author.log(), 0, 100, True, 1 << 20)


def is_erased(store: Store, author: Author, index: int) -> bool:
    """Erased and nothing else: not missing, not there, not served, and the tree still holds."""
    entry = author.entries[PUBLIC][index]
    stored = at(store, author, index)
    with store.ledger.transaction():
        missing = store.ledger.missing(author.log(), 0, 100)
        held = store.ledger.log(author.log())
    assert held is not None
    assert held.bytes == sum(sum(map(len, row)) for row in rows(store, author))
    return (
        stored.state == "erased"
        and stored.body is None
        and stored.salt == b""
        and stored.rec == author.rec(index)
        and index not in missing
        and rows(store, author)[index] == (entry.header, b"", b"")
        and store.verify(author.log()) == []
    )


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


def test_an_erased_record_keeps_its_place_and_nothing_else(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource(SECRET), resource("c"))
    publish(store, alice, erases(alice.ref(1)))
    assert is_erased(store, alice, 1)
    assert at(store, alice, 1).withdrawn_by == 3
    assert [at(store, alice, index).state for index in (0, 2, 3)] == ["ok"] * 3
    assert store.reader().counts().records == 3
    assert [each.index for each in store.reader().of_kind("resource")] == [2, 0]
    walked = [entry.body for entry in store.reader().log_walk(alice.log())]
    assert walked[1] == b""
    assert all(walked[index] for index in (0, 2, 3))


def test_the_feed_tells_of_it(store: Store, alice: Author) -> None:
    publish(store, alice, resource(SECRET))
    before = store.reader().newest_change()
    publish(store, alice, erases(alice.ref(0)))
    told = {stored.index: stored.state for _, stored in store.reader().changes(before, 10)}
    assert told == {0: "erased", 1: "ok"}


@pytest.mark.parametrize("first", [True, False])
def test_the_order_in_which_content_and_withdrawal_arrive_does_not_matter(
    store: Store, alice: Author, first: bool
) -> None:
    alice.write(resource(SECRET))
    alice.write(erases(alice.ref(0)))
    withdrawal = alice.entries[PUBLIC][1]
    take(store, alice, without=lambda index: index == (1 if first else 0))
    if first:  # the content is there, what erases it comes late
        assert at(store, alice, 0).state == "ok"
        with store.ledger.transaction():
            store.ledger.fill(alice.log(), 1, withdrawal.salt, withdrawal.body)
    assert is_erased(store, alice, 0)


def test_what_is_erased_is_no_longer_asked_for_nor_taken(store: Store, alice: Author) -> None:
    alice.write(resource(SECRET), resource("b"))
    take(store, alice, without=lambda index: index < 2)
    publish(store, alice, erases(alice.ref(0)))
    assert is_erased(store, alice, 0)
    with store.ledger.transaction():
        assert store.ledger.missing(alice.log(), 0, 10) == [1]
        assert store.ledger.log(alice.log()).missing == 1  # type: ignore[union-attr]
    secret = alice.entries[PUBLIC][0]
    with pytest.raises(AssertionError, match="nothing is missing"), store.ledger.transaction():
        store.ledger.fill(alice.log(), 0, secret.salt, secret.body)
    assert is_erased(store, alice, 0)


def test_erasing_survives_an_epoch_that_drops_the_withdrawal(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource(SECRET))
    publish(store, alice, erases(alice.ref(1)))
    _reopen(store, alice, keeps=2)
    assert is_erased(store, alice, 1)
    assert at(store, alice, 1).withdrawn_by is None
    assert store.reader().counts().records == 1
    assert [each.index for each in store.reader().of_kind("resource")] == [0]


def test_an_erased_leaf_does_not_come_back_in_another_epoch(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource(SECRET))
    publish(store, alice, erases(alice.ref(1)))
    secret = alice.entries[PUBLIC][1]
    _reopen(store, alice, keeps=1)
    gone = store.reader().record(rec_id(alice.log(), secret.leaf))
    assert gone is not None
    assert (gone.state, gone.body, gone.retracted_by) == ("erased", None, 1)
    publish(store, alice, resource("other"), secret)
    assert is_erased(store, alice, 2)
    assert store.reader().counts().records == 2


def test_a_record_that_an_epoch_dropped_is_erased_by_putting_it_back(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource(SECRET))
    secret = alice.entries[PUBLIC][1]
    _reopen(store, alice, keeps=1)
    assert store.reader().record(rec_id(alice.log(), secret.leaf)).state == "retracted"  # type: ignore[union-attr]
    alice.write(Entry(secret.header, b"", b""))
    alice.write(erases(alice.ref(1)))
    take(store, alice)
    assert is_erased(store, alice, 1)
    _reopen(store, alice, keeps=1)
    found = store.reader().record(rec_id(alice.log(), secret.leaf))
    assert found is not None
    assert (found.state, found.body) == ("erased", None)


def test_nobody_erases_what_is_not_theirs(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource(SECRET))
    publish(store, bob, erases(alice.ref(0)))
    assert at(store, alice, 0).state == "ok"


@pytest.mark.parametrize("wrong", ["leaf", "index", "beyond", "itself"])
def test_a_withdrawal_that_cites_what_does_not_stand_there_erases_nothing(
    store: Store, alice: Author, wrong: str
) -> None:
    publish(store, alice, resource(SECRET), resource("b"))
    log, index, leaf = alice.ref(0)
    ref = {
        "leaf": [log, index, bytes(32)],
        "index": [log, 1, leaf],
        "beyond": [log, 9, leaf],
        "itself": [log, 2, leaf],
    }[wrong]
    publish(store, alice, erases(ref))
    assert [at(store, alice, i).state for i in (0, 1, 2)] == ["ok"] * 3


def test_a_withdrawal_is_never_erased_so_that_who_comes_late_erases_too(store: Store, alice: Author) -> None:
    publish(store, alice, resource(SECRET))
    publish(store, alice, erases(alice.ref(0)))
    publish(store, alice, erases(alice.ref(1)))
    assert is_erased(store, alice, 0)
    assert at(store, alice, 1).state == "ok"
    assert at(store, alice, 1).withdrawn_by == 2
    assert rows(store, alice)[1][2], "its body is still served"


def test_withdrawing_or_superseding_the_withdrawal_brings_nothing_back(store: Store, alice: Author) -> None:
    publish(store, alice, resource(SECRET))
    publish(store, alice, erases(alice.ref(0)))
    publish(store, alice, ("withdrawal", {"target": alice.ref(1), "reason": "error"}))
    kept = {"target": alice.ref(0), "reason": "error", "erase": False, "supersedes": alice.ref(1)}
    publish(store, alice, ("withdrawal", kept))
    assert is_erased(store, alice, 0)


def test_what_was_withdrawn_before_can_be_erased_after(store: Store, alice: Author) -> None:
    publish(store, alice, resource(SECRET))
    publish(store, alice, ("withdrawal", {"target": alice.ref(0), "reason": "error"}))
    assert at(store, alice, 0).body
    publish(store, alice, erases(alice.ref(0)))
    assert is_erased(store, alice, 0)
    assert at(store, alice, 0).withdrawn_by == 1


def test_what_an_erased_record_said_is_unsaid(store: Store, alice: Author, bob: Author) -> None:
    publish(store, bob, resource("source"))
    said = {"org": bob.org, "endpoints": ["a:1"], "listed": True}
    publish(
        store,
        alice,
        resource(SECRET, external_ref="0612345678", based_on=[bob.ref(0)]),
        ("vouch", said),
        ("profile", {"name": {"fr": "Alice"}, "endpoints": ["alice:1"]}),
    )
    publish(store, alice, erases(alice.ref(0)), erases(alice.ref(1)), erases(alice.ref(2)))
    reader = store.reader()
    assert all(is_erased(store, alice, index) for index in range(3))
    assert reader.by_external_ref(alice.org, "resource", "0612345678") is None
    assert reader.mentions(bob.log(), 0) == []
    assert reader.mentioning_log(bob.log()) == []
    assert reader.current(alice.org, "profile") is None
    with store.ledger.transaction():
        assert store.ledger.vouches(alice.org, 10) == []
        assert store.ledger.profile_entry(alice.org) is None
        assert store.ledger.endpoints(alice.org) == ()


def test_who_cited_an_erased_record_still_does(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource(SECRET))
    publish(store, bob, ("usage", {"resource": alice.ref(0), "type": "used"}))
    publish(store, alice, erases(alice.ref(0)))
    assert [each.org for each in store.reader().mentions(alice.log(), 0, ("usage",))] == [bob.org]


def test_a_version_that_is_erased_no_longer_supersedes_anything(store: Store, alice: Author) -> None:
    """Else a node that came late, and cannot read what it said, would show other versions."""
    publish(store, alice, resource("first"))
    publish(store, alice, resource(SECRET, supersedes=alice.ref(0)))
    publish(store, alice, resource("beside", supersedes=alice.ref(0)))
    assert at(store, alice, 0).superseded_by == 1
    publish(store, alice, erases(alice.ref(1)))
    assert at(store, alice, 0).superseded_by == 2
    publish(store, alice, erases(alice.ref(2)))
    assert at(store, alice, 0).superseded_by is None
    assert store.reader().counts().records == 3


def test_whoever_comes_late_sees_what_those_see_who_were_there(alice: Author, store: Store) -> None:
    """The same answers, but for the times of arrival."""
    publish(store, alice, resource("first"), resource("other"))
    publish(store, alice, resource(SECRET, supersedes=alice.ref(0), based_on=[alice.ref(1)]))
    publish(store, alice, erases(alice.ref(2)))
    was_there = [at(store, alice, index) for index in range(4)]
    mentions = store.reader().mentions(alice.log(), 1)
    with store.ledger.transaction():
        store.ledger.cut(alice.log(), 0)
        given = [
            Entry(entry.header, b"", b"") if index == 2 else entry
            for index, entry in enumerate(alice.entries[PUBLIC])
        ]
        append(store.ledger, alice, given)
        store.ledger.commit(alice.head(), alice.tree())
    assert [at(store, alice, index) for index in range(4)] == was_there
    assert store.reader().mentions(alice.log(), 1) == mentions == []


def _reopen(store: Store, author: Author, keeps: int) -> None:
    author.open_epoch(keeps)
    with store.ledger.transaction():
        store.ledger.put_chain(author.chain)
        store.ledger.cut(author.log(), keeps)
        store.ledger.commit(author.head(), author.tree())
