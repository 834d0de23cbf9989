"""What every store promises of what is brought, what is to be brought, and invitations."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mutunode.protocol.entry import encode_body
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.ledger import Delivered, Invitation, Outgoing
from mutunode.store import Store
from mutunode.store.private import PrivateReader
from tests.store.authors import Author, publish, take

BOX = ("sealed", {"box": b"x" * 64, "suite": 1})


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


def brought(author: Author, index: int, **more: Any) -> Delivered:
    """A record of an author, as somebody brings it."""
    entry = author.entries[PUBLIC][index]
    given = {
        "rec": author.rec(index), "org": author.org, "index": index, "header": entry.header,
        "salt": entry.salt, "body": entry.body, "kind": "usage", "inside": b"", "about": b"a",
        "subnet": "10.0.0.0/24", "stranger": True, "received_at": 1_000 + index, "endpoints": ("a:1",),
    }  # fmt: skip
    return Delivered(**{**given, **more})


def put(store: Store, *all_of_them: Delivered) -> None:
    with store.ledger.transaction():
        for each in all_of_them:
            store.ledger.put_delivered(each)


def get(store: Store, rec: bytes) -> Delivered | None:
    with store.ledger.transaction():
        return store.ledger.delivered(rec)


def usages_of(alice: Author, bob: Author, store: Store) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}))
    usage = ("usage", {"resource": alice.ref(0), "type": "used"})
    bob.write(usage, ("usage", {"resource": alice.ref(0), "type": "taught"}), BOX)


def test_what_was_brought_is_kept_and_counted(store: Store, alice: Author, bob: Author) -> None:
    usages_of(alice, bob, store)
    put(store, brought(bob, 0), brought(bob, 1, about=b"b"), brought(bob, 2, about=b"c", stranger=False))
    assert get(store, bob.rec(0)) == brought(bob, 0)
    with store.ledger.transaction():
        assert store.ledger.strangers_waiting() == 2
        assert store.ledger.strangers_from("10.0.0.0/24", 1_000) == 2
        assert store.ledger.strangers_from("10.0.0.0/24", 1_001) == 1
        assert store.ledger.strangers_from("10.0.1.0/24", 0) == 0
        content = sum(len(each.salt) + len(each.body) for each in bob.entries[PUBLIC])
        assert store.ledger.left_by(bob.org) == (3, content)
        assert store.ledger.left_by(alice.org) == (0, 0)
        assert store.ledger.delivered_about(bob.org, b"b") == brought(bob, 1, about=b"b")
        assert store.ledger.delivered_about(alice.org, b"b") is None
    assert [each.index for each in store.reader().delivered_waiting()] == [2, 1, 0]


def test_what_is_ignored_loses_its_content_and_is_remembered(
    store: Store, alice: Author, bob: Author
) -> None:
    usages_of(alice, bob, store)
    put(store, brought(bob, 0, inside=b"secret"))
    put(store, brought(bob, 0, state="ignored", inside=b"secret"))
    found = get(store, bob.rec(0))
    assert found is not None
    assert (found.state, found.salt, found.body, found.inside) == ("ignored", b"", b"", b"")
    assert store.reader().delivered_waiting() == []
    assert store.reader().delivered_record(bob.rec(0)) is None
    with store.ledger.transaction():
        assert store.ledger.strangers_waiting() == 0
        assert store.ledger.strangers_from("10.0.0.0/24", 0) == 1  # the day goes on counting
        assert store.ledger.left_by(bob.org) == (0, 0)
        assert store.ledger.delivered_about(bob.org, b"a") is None


def test_only_the_private_side_shows_it_as_records(store: Store, alice: Author, bob: Author) -> None:
    usages_of(alice, bob, store)
    inside = encode_body({"resource": alice.ref(0), "type": "adapted"})
    put(store, brought(bob, 0), brought(bob, 2, about=b"c", kind="usage", inside=inside))
    public, private = store.reader(), PrivateReader(store.reader())
    assert public.record(bob.rec(0)) is None
    assert public.mentions(alice.log(), 0) == []
    assert public.mentioning_log(alice.log()) == []
    found = private.record(bob.rec(2))
    assert found is not None
    assert (found.kind, found.brought, found.sealed, found.fields()["type"]) == (
        "usage",
        True,
        True,
        "adapted",
    )
    types = {each.fields()["type"] for each in private.mentions(alice.log(), 0, ("usage",))}
    assert types == {"used", "adapted"}
    assert len(private.mentioning_log(alice.log())) == 2
    assert private.mentions(alice.log(), 0, ("flag",)) == []
    assert private.at(bob.log(), 0) is not None


def test_what_cites_a_record_that_was_brought_is_found(store: Store, alice: Author, bob: Author) -> None:
    usages_of(alice, bob, store)
    put(store, brought(bob, 0))
    publish(store, alice, ("usage_answer", {"usage": bob.ref(0), "answer": "thanks"}))
    public, private = store.reader(), PrivateReader(store.reader())
    assert public.mentions(bob.log(), 0) == []
    assert [each.index for each in private.mentions(bob.log(), 0, ("usage_answer",))] == [1]
    assert public.citing(bob.log(), 0, bytes(32)) == []
    assert public.citing(b"x" * 32, 0, bytes(32)) == []


def test_it_is_settled_when_its_log_comes(store: Store, alice: Author, bob: Author) -> None:
    usages_of(alice, bob, store)
    put(store, brought(bob, 0))
    take(store, bob)
    found = get(store, bob.rec(0))
    assert found is not None
    assert (found.state, found.body) == ("settled", b"")
    private = PrivateReader(store.reader())
    assert len(private.mentions(alice.log(), 0)) == 2  # each once: they stand in the log now


def test_what_is_to_be_brought_waits_by_its_age_until_its_state_is_another(store: Store, bob: Author) -> None:
    first, second = Outgoing(bob.log(), 1, b"r" * 32, 5), Outgoing(bob.log(), 0, b"r" * 32, 9)
    with store.ledger.transaction():
        store.ledger.put_outgoing(second)
        store.ledger.put_outgoing(first)
        assert store.ledger.outgoing() == [first, second]
        taken = msgspec.structs.replace(first, state="taken", tries=2, reason="x")
        store.ledger.put_outgoing(taken)
        assert store.ledger.outgoing() == [second]
    assert store.reader().outgoing_of(bob.log(), 1) == [taken]
    assert store.reader().outgoing_of(bob.log(), 7) == []


def test_invitations_are_found_by_their_hash_and_listed_newest_first(store: Store) -> None:
    old = Invitation(b"1" * 32, 5, 50, True, "for the library")
    new = Invitation(b"2" * 32, 6, 60, False, used_by=b"o" * 32, used_at=7, revoked_at=8)
    with store.ledger.transaction():
        store.ledger.put_invitation(old)
        store.ledger.put_invitation(new)
        assert store.ledger.invitation(b"1" * 32) == old
        assert store.ledger.invitation(b"3" * 32) is None
    assert store.reader().invitations() == [new, old]


def test_what_may_concern_a_peer_is_what_cites_its_log_and_what_is_sealed(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}), BOX)
    publish(
        store,
        bob,
        ("resource", {"title": {"fr": "b"}}),
        ("usage", {"resource": alice.ref(0), "type": "used"}),
        BOX,
        ("usage", {"resource": [bob.log(), 0, bytes(32)], "type": "used"}),
    )
    with store.ledger.transaction():
        found = store.ledger.to_pass_on(alice.org, 0, 10)
        assert [(log, index) for _, log, index in found] == [(bob.log(), 1), (bob.log(), 2)]
        assert store.ledger.to_pass_on(alice.org, found[0][0], 10) == found[1:]
        assert store.ledger.to_pass_on(alice.org, 0, 1) == found[:1]
        assert [(log, index) for _, log, index in store.ledger.to_pass_on(b"x" * 32, 0, 10)] == [
            (alice.log(), 1),
            (bob.log(), 2),
        ]
        assert store.ledger.newest_arrival() >= found[-1][0]
        assert store.ledger.passed_on(alice.org) is None
        store.ledger.put_passed_on(alice.org, 7)
        assert store.ledger.passed_on(alice.org) == 7


def test_a_withdrawal_that_erases_what_may_have_been_brought_is_passed_on(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, ("resource", {"title": {"fr": "a"}}))
    publish(store, bob, BOX, ("resource", {"title": {"fr": "b"}}), ("usage", {"resource": alice.ref(0)}))
    erased = [{"target": bob.ref(index), "erase": True} for index in range(3)]
    publish(store, bob, *(("withdrawal", body) for body in erased))
    publish(store, bob, ("withdrawal", {"target": bob.ref(1), "reason": "error"}))
    with store.ledger.transaction():
        found = store.ledger.to_pass_on(alice.org, 0, 10)
        assert [(log, index) for _, log, index in found] == [(bob.log(), 3), (bob.log(), 5)]
        assert store.ledger.to_pass_on(alice.org, 0, 1) == found[:1]


def test_what_is_erased_after_it_was_brought_has_lost_its_content(
    store: Store, alice: Author, bob: Author
) -> None:
    usages_of(alice, bob, store)
    put(store, brought(bob, 0, inside=b"\x80"))
    put(store, brought(bob, 0, inside=b"\x80", state="erased"))
    found = get(store, bob.rec(0))
    assert found is not None
    assert (found.salt, found.body, found.inside) == (b"", b"", b"")
    assert store.reader().delivered_waiting() == []
