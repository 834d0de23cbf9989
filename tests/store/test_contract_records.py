"""What every store promises of records: how they are found, and what becomes of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mutunode.protocol.entry import Entry, Header, body_hash
from mutunode.protocol.head import PUBLIC, circle_id
from mutunode.protocol.ledger import Stance
from mutunode.store import Counts, Store, Stored
from tests.store.authors import START, Author, append, publish, take

CIRCLE = circle_id(bytes(32), bytes(16))
OTHER_CIRCLE = circle_id(bytes(32), b"\1" * 16)


def resource(name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "resource", {"title": {"fr": name}, **more}


def usage(of: list[Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "usage", {"resource": of, "type": "used", **more}


def at(store: Store, author: Author, index: int, space: bytes = PUBLIC) -> Stored:
    stored = store.reader().at(author.log(space), index)
    assert stored is not None
    return stored


def indices(found: list[Stored]) -> list[int]:
    return [stored.index for stored in found]


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


# --- finding ---------------------------------------------------------------------------------------


def test_a_record_is_found_by_its_id_its_place_and_its_beginning(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    entry = alice.entries[PUBLIC][1]
    expected = Stored(
        log=alice.log(),
        index=1,
        org=alice.org,
        space=PUBLIC,
        leaf=entry.leaf,
        rec=alice.rec(1),
        kind="resource",
        time=START,
        header=entry.header,
        salt=entry.salt,
        body=entry.body,
        state="ok",
    )
    reader = store.reader()
    assert reader.at(alice.log(), 1) == expected
    assert reader.record(alice.rec(1)) == expected
    assert expected.fields() == {"title": {"fr": "b"}}
    low = alice.rec(1)[:5] + bytes(27)
    assert reader.records_like(low, alice.rec(1)[:5] + b"\xff" * 27) == [alice.rec(1)]
    assert reader.records_like(bytes(32), b"\xff" * 32) == sorted([alice.rec(0), alice.rec(1)])


def test_what_is_asked_at_once_is_one_state(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("a"))
    reader = store.reader()
    with reader.at_once():
        assert reader.at(alice.log(), 0) is not None
        publish(store, alice, resource("b"))
        publish(store, bob, resource("c"))
        with reader.at_once():
            assert reader.at(alice.log(), 1) is None
        assert reader.newest_change() == 1
        assert [each.org for each in reader.organisations()] == [alice.org]
    assert reader.at(alice.log(), 1) is not None
    assert reader.newest_change() == 3
    assert {each.org for each in reader.organisations()} == {alice.org, bob.org}


def test_organisations_are_told_as_they_are_now(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("a"))
    reader = store.reader()
    for size, accepted in ((1, True), (2, False)):
        with store.ledger.transaction():
            store.ledger.put_stance(alice.org, Stance(accepted=accepted))
        assert [(each.size, each.accepted) for each in reader.organisations()] == [(size, accepted)]
        publish(store, alice, resource("b"))


def test_what_is_not_there_is_none(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"))
    reader = store.reader()
    assert reader.record(bytes(32)) is None
    assert reader.record(alice.rec(0)[:8] + bytes(24)) is None, "ids are compared whole"
    assert reader.at(alice.log(), 1) is None
    assert reader.at(alice.log(), 2**53 - 1) is None
    assert reader.at(bytes(32), 0) is None
    assert reader.mentions(alice.log(), 7) == []
    assert reader.mentions(bytes(32), 0) == []
    assert reader.mentioning_log(bytes(32)) == []
    assert reader.of_kind("nothing") == []
    assert reader.current(bytes(32), "profile") is None
    assert reader.by_external_ref(bytes(32), "resource", "x") is None
    assert reader.organisation(bytes(32)) is None
    assert list(reader.log_walk(bytes(32))) == []


def test_an_empty_store_answers_everything_with_nothing(store: Store) -> None:
    reader = store.reader()
    assert reader.counts() == Counts(0, 0)
    assert reader.organisations() == []
    assert reader.changes(0, 10) == []
    assert reader.newest_change() == 0
    assert reader.drafts() == []


def test_several_records_are_found_at_once(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    publish(store, bob, usage(alice.ref(1)))
    reader = store.reader()
    wanted = [alice.rec(1), bytes(32), bob.rec(0), alice.rec(0)]
    found = reader.records(wanted)
    assert list(found) == [alice.rec(1), bob.rec(0), alice.rec(0)]
    assert all(reader.record(rec) == stored for rec, stored in found.items())
    assert reader.mentioned(list(found.values())) == {alice.rec(1)}
    assert reader.records([]) == {}
    assert reader.mentioned([]) == set()


def test_a_retracted_record_is_among_several(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    gone = alice.rec(1)
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    reader = store.reader()
    assert reader.records([gone])[gone] == reader.record(gone)
    assert reader.records([gone])[gone].state == "retracted"


def test_records_of_a_kind_come_newest_arrival_first(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("a0"), resource("a1"))
    publish(store, bob, resource("b0"), ("note", {}))
    publish(store, alice, resource("a2"))
    reader = store.reader()
    found = [(stored.org, stored.index) for stored in reader.of_kind("resource")]
    assert found == [(alice.org, 2), (bob.org, 0), (alice.org, 1), (alice.org, 0)]
    page = reader.of_kind("resource", limit=2, offset=1)
    assert [(stored.org, stored.index) for stored in page] == found[1:3]
    assert indices(reader.of_kind("resource", alice.org)) == [2, 1, 0]
    assert indices(reader.of_kind("resource", alice.org, limit=1, offset=1)) == [1]
    assert indices(reader.of_kind("note")) == [1]


def test_a_log_can_be_walked_from_its_first_entry_on(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    with store.ledger.transaction():
        append(store.ledger, alice, alice.write(resource("pending")))
    assert list(store.reader().log_walk(alice.log())) == alice.entries[PUBLIC][:2]


def test_spaces_are_kept_apart(store: Store, alice: Author) -> None:
    publish(store, alice, resource("public"))
    publish(store, alice, resource("private", external_ref="k"), space=CIRCLE)
    reader = store.reader()
    assert [stored.space for stored in reader.of_kind("resource")] == [PUBLIC]
    assert [stored.space for stored in reader.of_kind("resource", space=CIRCLE)] == [CIRCLE]
    assert [stored.space for stored in reader.of_kind("resource", alice.org, CIRCLE)] == [CIRCLE]
    assert reader.by_external_ref(alice.org, "resource", "k") is None
    assert reader.by_external_ref(alice.org, "resource", "k", CIRCLE) is not None
    assert reader.counts() == Counts(1, 1)


# --- citing ----------------------------------------------------------------------------------------


def test_mentions_cite_exactly_the_leaf_that_stands_there(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    publish(
        store,
        bob,
        usage(alice.ref(0)),
        usage([alice.log(), 0, bytes(32)]),  # another leaf
        usage([alice.log(), 1, alice.entries[PUBLIC][0].leaf]),  # another place
        usage([bob.log(), 0, alice.entries[PUBLIC][0].leaf]),  # another log
        usage([alice.log(), 2**53 - 1, bytes(32)]),
        ("note", {"about": alice.ref(0)}),
        ("note", {"deep": {"about": alice.ref(0)}}),  # not the value of a field
        ("derived", {"based_on": [alice.ref(1), alice.ref(0), alice.ref(0), 7]}),
    )
    reader = store.reader()
    assert indices(reader.mentions(alice.log(), 0)) == [0, 5, 7]
    assert indices(reader.mentions(alice.log(), 0, ["usage"])) == [0]
    assert indices(reader.mentions(alice.log(), 0, ["note", "derived"])) == [5, 7]
    assert indices(reader.mentions(alice.log(), 1)) == [7]
    assert indices(reader.mentioning_log(alice.log())) == [7, 5, 0]
    assert indices(reader.mentioning_log(alice.log(), ["usage"])) == [0]
    assert indices(reader.mentioning_log(alice.log(), limit=1, offset=1)) == [5]


def test_a_ref_resolves_when_the_cited_log_comes_after_the_citing_one(
    store: Store, alice: Author, bob: Author
) -> None:
    alice.write(resource("a"))
    publish(store, bob, usage(alice.ref(0)))
    assert store.reader().mentioning_log(alice.log()) == []
    take(store, alice)
    assert indices(store.reader().mentions(alice.log(), 0)) == [0]
    assert indices(store.reader().mentioning_log(alice.log())) == [0]


def test_a_ref_ends_where_an_epoch_put_another_leaf_and_returns_with_its_own(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a"), resource("b"))
    publish(store, bob, usage(alice.ref(1)))
    cited = alice.entries[PUBLIC][1]
    for entry, citing in ((alice.entry(*resource("c")), []), (cited, [0])):
        alice.open_epoch(keeps=1)
        with store.ledger.transaction():
            store.ledger.put_chain(alice.chain)
            store.ledger.cut(alice.log(), 1)
            append(store.ledger, alice, alice.write(entry))
            store.ledger.commit(alice.head(), alice.tree())
        assert indices(store.reader().mentions(alice.log(), 1)) == citing
        assert indices(store.reader().mentioning_log(alice.log())) == citing


def test_what_a_retracted_record_cited_is_not_cited_any_more(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, bob, resource("b"))
    publish(store, alice, resource("a"), usage(bob.ref(0), external_ref="k"))
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    assert store.reader().mentions(bob.log(), 0) == []
    assert store.reader().mentioning_log(bob.log()) == []
    assert store.reader().by_external_ref(alice.org, "usage", "k") is None


def test_an_own_record_that_cites_ones_log_is_a_mention_but_not_one_of_others(
    store: Store, alice: Author
) -> None:
    publish(store, alice, resource("a"))
    publish(store, alice, ("note", {"about": alice.ref(0)}))
    assert indices(store.reader().mentions(alice.log(), 0)) == [1]
    assert store.reader().mentioning_log(alice.log()) == []


def test_what_is_said_in_a_circle_is_not_seen_from_outside(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, resource("public"))
    publish(store, alice, resource("private"), space=CIRCLE)
    for space in (CIRCLE, OTHER_CIRCLE):
        publish(store, bob, usage(alice.ref(0)), usage(alice.ref(0, CIRCLE)), space=space)
    reader = store.reader()
    assert reader.mentions(alice.log(), 0) == []
    assert reader.mentioning_log(alice.log()) == []
    assert [(found.space, found.index) for found in reader.mentions(alice.log(CIRCLE), 0)] == [(CIRCLE, 1)]
    assert [(found.space, found.index) for found in reader.mentioning_log(alice.log(CIRCLE))] == [(CIRCLE, 1)]


# --- revising and withdrawing ----------------------------------------------------------------------


def test_a_revision_supersedes_an_earlier_record_of_its_log_and_kind(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a"), ("note", {}))
    publish(store, alice, resource("a2", supersedes=alice.ref(0)), ("note", {"supersedes": alice.ref(0)}))
    publish(
        store,
        bob,
        resource("b", supersedes=alice.ref(1)),
        resource("c", supersedes=[bob.log(), 9, bytes(32)]),
    )
    assert at(store, alice, 0).superseded_by == 2
    assert at(store, alice, 1).superseded_by is None
    reader = store.reader()
    assert indices(reader.of_kind("resource", alice.org)) == [2]
    assert indices(reader.of_kind("resource", alice.org, current=False)) == [2, 0]
    assert [stored.index for stored in reader.of_kind("resource", current=False)] == [1, 0, 2, 0]
    assert reader.counts() == Counts(2, 5)


def test_of_two_revisions_of_one_record_both_stand_and_the_first_is_its_successor(
    store: Store, alice: Author
) -> None:
    publish(store, alice, resource("a"))
    publish(store, alice, *[resource(name, supersedes=alice.ref(0)) for name in "bc"])
    assert at(store, alice, 0).superseded_by == 1
    assert indices(store.reader().of_kind("resource")) == [2, 1]


def test_a_withdrawal_hides_an_earlier_record_of_its_own_log_only(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a"), resource("b"))
    publish(store, bob, ("withdrawal", {"target": alice.ref(0), "reason": "error"}))
    publish(
        store,
        alice,
        ("withdrawal", {"target": alice.ref(1), "reason": "error"}),
        ("note", {"target": alice.ref(0)}),
    )
    assert at(store, alice, 0).withdrawn_by is None
    assert at(store, alice, 1).withdrawn_by == 2
    assert at(store, alice, 1).state == "ok", "withdrawn is not erased"
    assert indices(store.reader().of_kind("resource")) == [0]


def test_an_erased_body_is_not_missing(store: Store, alice: Author) -> None:
    alice.write(resource("a"), resource("b"))
    alice.write(("withdrawal", {"target": alice.ref(0), "reason": "error", "erase": True}))
    alice.write(("withdrawal", {"target": alice.ref(1), "reason": "error", "erase": False}))
    take(store, alice, without=lambda index: index < 2)
    assert [at(store, alice, index).state for index in (0, 1)] == ["erased", "missing"]
    with store.ledger.transaction():
        assert store.ledger.missing(alice.log(), 0, 10) == [1]
        assert store.ledger.log(alice.log()).missing == 1  # type: ignore[union-attr]


def test_what_is_awaited_of_a_log_is_known_by_its_kind(store: Store, alice: Author, bob: Author) -> None:
    alice.write(resource("a"), ("note", {}), resource("b"), resource("c"))
    take(store, alice, without=lambda index: index in (0, 1, 3))
    publish(store, bob, resource("d"))
    reader = store.reader()
    assert indices(reader.awaited(alice.log(), ("resource",))) == [0, 3]
    assert indices(reader.awaited(alice.log(), ("resource", "note"))) == [0, 1, 3]
    assert {stored.state for stored in reader.awaited(alice.log(), ("resource",))} == {"missing"}
    assert reader.awaited(bob.log(), ("resource",)) == []
    assert reader.awaited(bytes(32), ("resource",)) == []


def test_an_epoch_undoes_what_the_records_it_drops_did_except_erasing(store: Store, alice: Author) -> None:
    alice.write(resource("a"), resource("b"), resource("c"))
    alice.write(
        resource("a2", supersedes=alice.ref(0)),
        ("withdrawal", {"target": alice.ref(1), "reason": "error"}),
        ("withdrawal", {"target": alice.ref(2), "reason": "error", "erase": True}),
    )
    take(store, alice, without=lambda index: index == 2)
    assert store.reader().counts().records == 3
    alice.open_epoch(keeps=3)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 3)
        store.ledger.commit(alice.head(), alice.tree())
        assert store.ledger.missing(alice.log(), 0, 10) == []
        assert store.ledger.log(alice.log()).missing == 0  # type: ignore[union-attr]
    states = [at(store, alice, index) for index in range(3)]
    assert [(s.superseded_by, s.withdrawn_by, s.state) for s in states] == [
        (None, None, "ok"),
        (None, None, "ok"),
        (None, None, "erased"),
    ]
    assert store.reader().counts().records == 2


def test_a_body_that_comes_late_says_what_it_has_to_say(store: Store, alice: Author, bob: Author) -> None:
    publish(store, bob, resource("b"))
    alice.write(resource("a"))
    alice.write(resource("a2", supersedes=alice.ref(0), based_on=[bob.ref(0)], external_ref="k"))
    alice.write(resource("a3", supersedes=alice.ref(0)))
    take(store, alice, without=lambda index: index == 1)
    assert at(store, alice, 0).superseded_by == 2
    late = alice.entries[PUBLIC][1]
    with store.ledger.transaction():
        store.ledger.fill(alice.log(), 1, late.salt, late.body)
    assert at(store, alice, 0).superseded_by == 1
    reader = store.reader()
    assert indices(reader.mentions(bob.log(), 0)) == [1]
    found = reader.by_external_ref(alice.org, "resource", "k")
    assert found is not None
    assert found.index == 1


def test_bodies_that_come_late_keep_their_place_in_the_order_of_arrival(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, bob, resource("b"))
    alice.write(*[usage(bob.ref(0)) for _ in range(3)])
    take(store, alice, without=lambda index: index != 1)
    for index in (2, 0):
        late = alice.entries[PUBLIC][index]
        with store.ledger.transaction():
            store.ledger.fill(alice.log(), index, late.salt, late.body)
    assert indices(store.reader().mentioning_log(bob.log())) == [2, 1, 0]
    assert indices(store.reader().mentions(bob.log(), 0)) == [0, 1, 2]


def test_a_body_nobody_can_read_is_opaque_and_breaks_nothing(store: Store, alice: Author) -> None:
    salt = bytes(16)
    bodies = (b"\xc0", b"\x81\xa1a\xcb" + bytes(8), b"\x90", b"\x82\xa1b\x01\xa1a\x01")
    entries = [
        Entry(msgspec.msgpack.encode(Header("note", 1, body_hash(salt, body), len(body))), salt, body)
        for body in bodies
    ]
    publish(store, alice, *entries, resource("a"))
    assert [at(store, alice, index).state for index in range(5)] == ["opaque"] * 4 + ["ok"]
    assert at(store, alice, 0).fields() == {}
    assert at(store, alice, 0).body == b"\xc0"
    assert store.reader().counts().records == 5
    with store.ledger.transaction():
        assert store.ledger.entries(alice.log(), 0, 1, True, 1_000) == [(entries[0].header, salt, b"\xc0")]


# --- authors' own keys, profiles, vouches ----------------------------------------------------------


def test_the_authors_own_key_finds_the_newest_record_that_stands(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a", external_ref="k"), ("note", {"external_ref": "k"}))
    publish(store, alice, resource("a2", external_ref="k", supersedes=alice.ref(0)))
    publish(store, bob, resource("b", external_ref="k"), resource("c", external_ref=7))
    reader = store.reader()
    found = reader.by_external_ref(alice.org, "resource", "k")
    assert found is not None
    assert found.index == 2
    assert reader.by_external_ref(alice.org, "resource", "other") is None
    publish(store, alice, ("withdrawal", {"target": alice.ref(2), "reason": "error"}))
    assert reader.by_external_ref(alice.org, "resource", "k") is None


def test_the_last_profile_wins(store: Store, alice: Author) -> None:
    with store.ledger.transaction():
        assert store.ledger.profile_entry(alice.org) is None
        assert store.ledger.endpoints(alice.org) == ()
    publish(store, alice, ("profile", {"name": {"fr": "a"}, "endpoints": ["a:1"]}))
    publish(store, alice, ("profile", {"endpoints": ["b:1", 7, "", "x" * 300, "c:2"]}))
    publish(store, alice, ("profile", {"endpoints": ["private:1"]}), space=CIRCLE)
    last = alice.entries[PUBLIC][1]
    with store.ledger.transaction():
        assert store.ledger.profile_entry(alice.org) == (1, (last.header, last.salt, last.body))
        assert store.ledger.endpoints(alice.org) == ("b:1", "c:2")
    current = store.reader().current(alice.org, "profile")
    assert current is not None
    assert current.index == 1


def test_vouches_are_those_that_stand_oldest_first(store: Store, alice: Author, bob: Author) -> None:
    def vouch(org: Any, listed: Any = True, *endpoints: str) -> tuple[str, dict[str, Any]]:
        return "vouch", {"org": org, "endpoints": list(endpoints), "listed": listed}

    friends = [bytes([n]) * 32 for n in range(5)]
    publish(
        store,
        alice,
        vouch(friends[0]),
        vouch(friends[1], False, "h:1"),
        vouch(friends[2]),
        vouch(b"short"),
        vouch("no"),
    )
    publish(
        store,
        alice,
        ("withdrawal", {"target": alice.ref(0), "reason": "error"}),
        vouch(friends[1], True, "h:2"),
    )
    publish(store, alice, vouch(friends[3]), space=CIRCLE)
    with store.ledger.transaction():
        vouches = store.ledger.vouches(alice.org, 100)
        assert [(v.voucher, v.org, v.endpoints, v.listed) for v in vouches] == [
            (alice.org, friends[2], (), True),
            (alice.org, friends[1], ("h:2",), True),
        ]
        assert store.ledger.vouches(alice.org, 1) == vouches[:1]
        assert store.ledger.vouches(bob.org, 100) == []


# --- in bounded steps ------------------------------------------------------------------------------


def test_much_at_once_is_committed_first_and_shown_in_steps(store: Store, alice: Author) -> None:
    publish(store, alice, *[resource(str(n)) for n in range(700)])
    reader = store.reader()
    assert reader.counts().records == 0
    assert reader.behind() == 700
    with store.ledger.transaction():
        assert len(store.ledger.entries(alice.log(), 0, 700, True, 10**6)) == 700, "peers are served"
        assert store.ledger.project_some(300)
    assert reader.counts().records == 300
    assert reader.behind() == 400
    assert reader.at(alice.log(), 300) is None
    with store.ledger.transaction():
        assert store.ledger.project_some(300)
        assert not store.ledger.project_some(300)
        assert not store.ledger.project_some(300)
    assert reader.counts().records == 700
    assert reader.behind() == 0


def test_one_step_is_shared_by_all_logs_that_wait(store: Store, alice: Author, bob: Author) -> None:
    for author in (alice, bob):
        publish(store, author, *[resource(str(n)) for n in range(300)])
    with store.ledger.transaction():
        assert store.ledger.project_some(500)
    assert store.reader().counts().records == 500
    with store.ledger.transaction():
        assert not store.ledger.project_some(100)


def test_what_we_publish_ourselves_is_shown_at_once(store: Store, alice: Author) -> None:
    with store.ledger.transaction():
        store.ledger.put_own(alice.org)
    publish(store, alice, *[resource(str(n)) for n in range(700)])
    assert store.reader().counts().records == 700


def test_in_a_hurry_little_of_others_is_shown_in_steps_too_and_our_own_at_once(
    store: Store, alice: Author, bob: Author
) -> None:
    with store.ledger.transaction():
        store.ledger.put_own(alice.org)
    for author, shown in ((alice, 1), (bob, 1)):
        author.write(resource("a"))
        take(store, author, hurried=True)
        assert store.reader().counts().records == shown
    with store.ledger.transaction():
        assert not store.ledger.project_some(10)
    assert store.reader().counts().records == 2


def test_what_waits_to_be_shown_can_be_cut(store: Store, alice: Author) -> None:
    publish(store, alice, *[resource(str(n)) for n in range(600)])
    rec = alice.rec(599)
    alice.open_epoch(keeps=500)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 500)
        store.ledger.commit(alice.head(), alice.tree())
        assert not store.ledger.project_some(10)
    assert store.reader().counts().records == 500
    retracted = store.reader().record(rec)
    assert retracted is not None
    assert retracted.state == "retracted"


# --- the feed of the search index ------------------------------------------------------------------


def test_the_feed_can_leave_out_what_does_not_hold_some_bytes_and_says_how_far_it_looked(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a"), ("note", {"blob": 1}), ("promise", {}), resource("d"))
    publish(store, bob, resource("e"))
    changes = store.reader().changes
    assert [(n, each.kind) for n, each in changes(0, 9, b"\xa4blob")] == [(2, "note"), (5, "resource")]
    told = [(n, each.kind) for n, each in changes(0, 4, b"\xa4blob", ("promise",))]
    assert told == [(2, "note"), (3, "promise"), (4, "resource")]
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    states = {each.state for _, each in changes(5, 9, b"\xa4blob")}
    assert states == {"retracted"}, "whatever they held"


def test_the_feed_tells_each_record_once_at_its_newest_change(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource("b"), resource("c"))
    reader = store.reader()
    feed = reader.changes(0, 10)
    assert [(stored.index, stored.state) for _, stored in feed] == [(0, "ok"), (1, "ok"), (2, "ok")]
    numbers = [number for number, _ in feed]
    assert numbers == sorted(set(numbers))
    seen = reader.newest_change()
    assert seen == numbers[-1]
    publish(
        store,
        alice,
        resource("a2", supersedes=alice.ref(0)),
        ("withdrawal", {"target": alice.ref(1), "reason": "error"}),
    )
    news = {stored.index: stored for _, stored in reader.changes(seen, 10)}
    assert sorted(news) == [0, 1, 3, 4]
    assert (news[0].superseded_by, news[1].withdrawn_by) == (3, 4)
    assert len(reader.changes(0, 10)) == 5
    first, second = reader.changes(0, 2), reader.changes(reader.changes(0, 2)[-1][0], 10)
    assert first + second == reader.changes(0, 10)


def test_whoever_read_the_feed_to_its_end_is_up_to_date(store: Store, alice: Author) -> None:
    """Also after records that tried to change others and could not."""
    publish(store, alice, resource("a"), ("note", {"supersedes": [alice.log(), 0, bytes(32)]}))
    publish(store, alice, ("note", {"supersedes": alice.ref(0)}))  # of another kind
    publish(store, alice, ("note", {"supersedes": alice.ref(1)}), ("note", {"supersedes": alice.ref(1)}))
    reader = store.reader()
    assert reader.changes(0, 100)[-1][0] == reader.newest_change()
    alice.open_epoch(keeps=2)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 2)
        store.ledger.commit(alice.head(), alice.tree())
    assert reader.changes(0, 100)[-1][0] == reader.newest_change()


def test_the_feed_tells_what_an_epoch_dropped(store: Store, alice: Author) -> None:
    publish(store, alice, resource("a"), resource("b"))
    publish(store, alice, resource("a3", supersedes=alice.ref(0)))
    seen = store.reader().newest_change()
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    news = sorted((stored.index, stored.state) for _, stored in store.reader().changes(seen, 10))
    assert news == [(0, "ok"), (1, "retracted"), (2, "retracted")]


def test_the_feed_tells_of_bodies_that_came_late(store: Store, alice: Author) -> None:
    alice.write(resource("a"))
    take(store, alice, without=lambda _: True)
    seen = store.reader().newest_change()
    entry = alice.entries[PUBLIC][0]
    with store.ledger.transaction():
        store.ledger.fill(alice.log(), 0, entry.salt, entry.body)
    assert [(stored.index, stored.state) for _, stored in store.reader().changes(seen, 10)] == [(0, "ok")]


# --- blocking --------------------------------------------------------------------------------------


def test_a_blocked_organisation_is_left_out_of_every_list_of_all(
    store: Store, alice: Author, bob: Author
) -> None:
    publish(store, alice, resource("a"))
    publish(store, bob, usage(alice.ref(0)), resource("b"), ("vouch", {"org": alice.org, "listed": True}))
    with store.ledger.transaction():
        store.ledger.put_stance(bob.org, Stance(blocked=True))
    reader = store.reader()
    assert [stored.org for stored in reader.of_kind("resource")] == [alice.org]
    assert [stored.org for stored in reader.of_kind("resource", current=False)] == [alice.org]
    assert reader.mentions(alice.log(), 0) == []
    assert reader.mentioning_log(alice.log()) == []
    assert reader.counts() == Counts(1, 1)
    assert reader.organisation(alice.org).vouched_by == ()  # type: ignore[union-attr]
    assert len(reader.of_kind("resource", bob.org)) == 1, "asked for by name, it is there"
    with store.ledger.transaction():
        store.ledger.put_stance(bob.org, Stance())
    assert indices(reader.mentions(alice.log(), 0)) == [0]
