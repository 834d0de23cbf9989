"""What every store promises of logs: entries, heads, trees, epochs. This is the specification."""

from __future__ import annotations

import contextlib

import pytest

from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC, circle_id, log_id
from mutunode.protocol.ledger import RangeItem
from mutunode.protocol.merkle import EMPTY_ROOT, Compact, verify_inclusion
from mutunode.store import BrokenPromise, Store
from tests.store.authors import Author, append, publish, take

NOTE = ("note", {"text": "…"})
CIRCLE = circle_id(bytes(32), bytes(16))


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


# --- turns -----------------------------------------------------------------------------------------


def test_nothing_may_be_asked_of_the_ledger_outside_a_turn(store: Store) -> None:
    with pytest.raises(BrokenPromise, match="outside a transaction"):
        store.ledger.newest_cursor()


def test_a_turn_within_a_turn_is_refused(store: Store) -> None:
    with (
        store.ledger.transaction(),
        pytest.raises(BrokenPromise, match="already"),
        store.ledger.transaction(),
    ):
        pass


def test_a_turn_that_fails_leaves_everything_as_it_was(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    with contextlib.suppress(ZeroDivisionError), store.ledger.transaction():
        append(store.ledger, alice, alice.write(NOTE))
        store.ledger.commit(alice.head(), alice.tree())
        store.ledger.put_score(alice.org, 3.5, 7)
        raise ZeroDivisionError
    with store.ledger.transaction():
        held = store.ledger.log(alice.log())
        assert held is not None
        assert (held.size, held.pending, held.head and held.head.size) == (1, 0, 1)
        assert store.ledger.newest_cursor() == 1
        assert store.ledger.score(alice.org) == (0.0, 0)
    assert store.reader().counts().records == 1


def test_a_register_met_in_a_turn_that_is_undone_leaves_nothing_of_it_to_the_next_one(
    store: Store, alice: Author, bob: Author
) -> None:
    with contextlib.suppress(ZeroDivisionError), store.ledger.transaction():
        append(store.ledger, alice, alice.write(NOTE))
        raise ZeroDivisionError
    alice.entries.clear()
    publish(store, bob, NOTE, NOTE)  # is given what had been given to alice: a number, and places
    publish(store, alice, NOTE)
    with store.ledger.transaction():
        for author, size in ((alice, 1), (bob, 2)):
            held = store.ledger.log(author.log())
            assert held is not None
            assert (held.org, held.size) == (author.org, size)
            rows = store.ledger.entries(author.log(), 0, 9, True, 10**6)
            assert [row[0] for row in rows] == [entry.header for entry in author.entries[PUBLIC]]


def test_readers_see_a_turn_only_when_it_is_over(store: Store, alice: Author) -> None:
    reader = store.reader()
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        append(store.ledger, alice, alice.write(NOTE))
        store.ledger.commit(alice.head(), alice.tree())
        assert reader.counts().records == 0
    assert reader.counts().records == 1


def test_the_store_has_eight_bytes_of_its_own(store: Store) -> None:
    with store.ledger.transaction():
        assert len(store.ledger.store_id()) == 8
        assert store.ledger.store_id() == store.ledger.store_id()


# --- entries and heads -----------------------------------------------------------------------------


def test_a_log_nobody_wrote_is_not_held(store: Store, alice: Author) -> None:
    with store.ledger.transaction():
        assert store.ledger.log(alice.log()) is None
        assert store.ledger.frontier(alice.log()).root() == EMPTY_ROOT
        assert store.ledger.entries(alice.log(), 0, 10, True, 1_000) == []
        assert store.ledger.leaves(alice.log(), 0, 10) == []
        assert store.ledger.logs_of(alice.org) == []


def test_pending_entries_are_counted_and_not_served(store: Store, alice: Author) -> None:
    ledger = store.ledger
    new = alice.write(NOTE, NOTE)
    with ledger.transaction():
        append(ledger, alice, new)
        held = ledger.log(alice.log())
        assert held is not None
        assert (held.org, held.space, held.size, held.pending, held.head) == (alice.org, PUBLIC, 0, 2, None)
        assert held.bytes == sum(len(e.header) + len(e.salt) + len(e.body) for e in new)
        assert ledger.entries(alice.log(), 0, 10, True, 10_000) == []
        assert ledger.leaves(alice.log(), 0, 10) == []
        assert ledger.heads_since(0, 10) == ([], 0, False)
        assert ledger.logs_of(alice.org) == [alice.log()]


def test_entries_arrive_over_several_turns_and_one_head_commits_them(store: Store, alice: Author) -> None:
    ledger = store.ledger
    new = alice.write(*[NOTE] * 600)
    for start in range(0, 600, 250):
        with ledger.transaction():
            ledger.put_chain(alice.chain)
            append(ledger, alice, new[start : start + 250])
    with ledger.transaction():
        ledger.commit(alice.head(), alice.tree())
        held = ledger.log(alice.log())
        assert held is not None
        assert (held.size, held.pending) == (600, 0)
        assert ledger.root_at(alice.log(), 600) == alice.tree().root()


def test_committed_entries_are_served_as_they_came(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE, NOTE)
    rows = [(entry.header, entry.salt, entry.body) for entry in alice.entries[PUBLIC]]
    with store.ledger.transaction():
        assert store.ledger.entries(alice.log(), 0, 3, True, 10_000) == rows
        assert store.ledger.entries(alice.log(), 1, 99, True, 10_000) == rows[1:]
        assert store.ledger.entries(alice.log(), 1, 2, False, 10_000) == [(rows[1][0], b"", b"")]
        assert store.ledger.entries(alice.log(), 3, 9, True, 10_000) == []


def test_a_page_of_entries_ends_before_its_limit_but_holds_one_at_least(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE, NOTE)
    one = sum(
        map(
            len,
            (alice.entries[PUBLIC][0].header, alice.entries[PUBLIC][0].salt, alice.entries[PUBLIC][0].body),
        )
    )
    with store.ledger.transaction():
        assert len(store.ledger.entries(alice.log(), 0, 3, True, 2 * (one + 8))) == 2
        assert len(store.ledger.entries(alice.log(), 0, 3, True, 2 * (one + 8) - 1)) == 1
        assert len(store.ledger.entries(alice.log(), 0, 3, True, 1)) == 1


def test_entries_go_to_the_exact_place(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    entry = alice.entry(*NOTE)
    with store.ledger.transaction():
        for wrong in (0, 2):
            with pytest.raises(BrokenPromise, match="1 is next"):
                store.ledger.append(
                    alice.org, PUBLIC, wrong, [(entry.header, entry.salt, entry.body)], [entry.leaf]
                )


def test_a_head_commits_only_the_tree_that_it_signs(store: Store, alice: Author) -> None:
    ledger = store.ledger
    publish(store, alice, NOTE)
    old = alice.head()
    new = alice.write(NOTE)
    with ledger.transaction():
        append(ledger, alice, new)
        with pytest.raises(BrokenPromise, match="a head of 1 over 2"):
            ledger.commit(alice.head(size=1), alice.tree(size=1))
        with pytest.raises(BrokenPromise, match="not the head's"):
            ledger.commit(alice.head(), Compact.of([bytes(32), bytes(32)]))
        ledger.commit(alice.head(), alice.tree())
        with pytest.raises(BrokenPromise, match="not newer"):
            ledger.commit(old, alice.tree(size=1))


def test_a_renewal_changes_the_head_and_its_cursor_only(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    before = store.reader().newest_change()
    newer = alice.head()
    with store.ledger.transaction():
        store.ledger.commit(newer, alice.tree())
        held = store.ledger.log(alice.log())
        assert held is not None
        assert held.head == newer
        assert store.ledger.newest_cursor() == 2
    assert store.reader().newest_change() == before


def test_pending_entries_can_be_dropped(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, NOTE)
    with store.ledger.transaction():
        held = store.ledger.log(alice.log())
        append(store.ledger, alice, [alice.entry(*NOTE)])
        append(store.ledger, bob, bob.write(NOTE))
        store.ledger.drop_pending(alice.log())
        store.ledger.drop_pending(bob.log())
        assert store.ledger.log(alice.log()) == held
        assert store.ledger.log(bob.log()) is None
        assert store.ledger.logs_of(bob.org) == []


def test_heads_are_told_once_each_in_order_of_change(store: Store, alice: Author, bob: Author) -> None:
    carol = Author("carol")
    for author in (alice, bob, carol, alice):
        publish(store, author, NOTE)
    with store.ledger.transaction():
        ledger = store.ledger
        assert ledger.newest_cursor() == 4
        heads, cursor, more = ledger.heads_since(0, 2)
        assert ([head.org for head in heads], cursor, more) == ([bob.org, carol.org], 3, True)
        heads, cursor, more = ledger.heads_since(cursor, 2)
        assert ([head.org for head in heads], cursor, more) == ([alice.org], 4, False)
        assert ledger.heads_since(4, 2) == ([], 4, False)


def test_each_space_of_an_organisation_is_a_log_of_its_own(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    publish(store, alice, NOTE, NOTE, space=CIRCLE)
    with store.ledger.transaction():
        assert store.ledger.logs_of(alice.org) == sorted([alice.log(), alice.log(CIRCLE)])
        private = store.ledger.log(log_id(alice.org, CIRCLE))
        assert private is not None
        assert (private.size, private.space) == (2, CIRCLE)
    assert store.reader().counts().records == 1


def test_range_items_are_the_committed_logs_by_id(store: Store) -> None:
    authors = [Author(f"author {n}") for n in range(8)]
    for author in authors:
        publish(store, author, NOTE)
    with store.ledger.transaction():
        append(store.ledger, Author("pending"), Author("pending").write(NOTE))
        items = store.ledger.range_items(bytes(32), b"\xff" * 32)
        assert [item.log for item in items] == sorted(author.log() for author in authors)
        middle = items[3:6]
        assert store.ledger.range_items(middle[0].log, middle[-1].log) == middle
        head = store.ledger.log(items[0].log).head  # type: ignore[union-attr]
        assert head is not None
        assert items[0] == RangeItem(head.log, 0, 1, head.root, head.time // 86_400)


# --- trees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 513, 1_300])
def test_every_root_frontier_and_proof_can_be_made_at_any_size(
    store: Store, alice: Author, size: int
) -> None:
    publish(store, alice, *[NOTE] * 1_000)
    publish(store, alice, *[NOTE] * 300)
    tree = alice.tree(size=size)
    with store.ledger.transaction():
        ledger, log = store.ledger, alice.log()
        assert ledger.root_at(log, size) == tree.root()
        frontier = ledger.frontier(log, size)
        assert frontier.to_bytes() == tree.to_bytes()
        frontier.append(bytes(32))
        assert ledger.frontier(log, size).to_bytes() == tree.to_bytes(), "a copy is handed out"
        for index in {0, size // 2, size - 1}:
            [leaf] = ledger.leaves(log, index, index + 1)
            assert leaf == alice.entries[PUBLIC][index].leaf
            assert verify_inclusion(leaf, index, size, ledger.proof(log, size, index), tree.root())


def test_trees_beyond_what_is_committed_are_not_made(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    with store.ledger.transaction():
        append(store.ledger, alice, alice.write(NOTE))
        for ask in (store.ledger.root_at, store.ledger.frontier):
            with pytest.raises(BrokenPromise, match="1 are committed"):
                ask(alice.log(), 2)


# --- epochs ----------------------------------------------------------------------------------------


def test_an_epoch_keeps_some_leaves_and_the_rest_is_retracted(store: Store, alice: Author) -> None:
    publish(store, alice, *[NOTE] * 300)
    dropped, kept = alice.rec(280), alice.rec(10)
    alice.open_epoch(keeps=270)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 270)
        append(store.ledger, alice, alice.write(NOTE))
        store.ledger.commit(alice.head(), alice.tree())
        held = store.ledger.log(alice.log())
        assert held is not None
        assert held.head is not None
        assert (held.size, held.pending, held.head.epoch, held.head.base) == (271, 0, 1, 270)
        assert held.bytes == sum(len(e.header + e.salt + e.body) for e in alice.entries[PUBLIC])
        assert store.ledger.root_at(alice.log(), 271) == alice.tree().root()
    retracted = store.reader().record(dropped)
    assert retracted is not None
    assert (retracted.state, retracted.retracted_by, retracted.index) == ("retracted", 1, 280)
    assert retracted.fields() == NOTE[1]
    standing = store.reader().record(kept)
    assert standing is not None
    assert standing.state == "ok"
    assert store.reader().counts().records == 271
    assert store.verify(alice.log()) == []


def test_what_a_lost_branch_signed_leaves_the_log_and_the_branch_that_won_begins_it_anew(
    store: Store, alice: Author
) -> None:
    publish(store, alice, NOTE, NOTE)
    cited = alice.rec(1)
    won = Author(alice.name)
    alice.open_epoch(keeps=2)
    won.open_epoch(keeps=0)
    publish(store, alice, NOTE)
    lost = alice.rec(2)
    with store.ledger.transaction():
        store.ledger.freeze(alice.log(), alice.org, PUBLIC, 1, b"evidence", 0)
        cursor = store.ledger.newest_cursor()
        store.ledger.put_chain(won.chain)
        store.ledger.disown(alice.log(), 1)
        assert store.ledger.log(alice.log()) is None
        assert store.ledger.evidence(alice.log(), 1) is None
        assert store.ledger.heads_since(0, 10)[0] == []
        assert store.ledger.newest_cursor() == cursor, "nobody is told of a change twice, nor misses one"
    assert store.reader().counts().records == 0
    with store.ledger.transaction():
        append(store.ledger, won, won.write(NOTE))
        store.ledger.commit(won.head(), won.tree())
        held = store.ledger.log(alice.log())
        assert held is not None
        assert (held.size, held.frozen) == (1, False)
    for rec in (cited, lost):
        gone = store.reader().record(rec)
        assert gone is not None
        assert (gone.state, gone.retracted_by) == ("retracted", 1)
    assert store.verify(alice.log()) == []


def test_leaves_that_both_branches_keep_stay_under_the_head_of_the_one_that_won(
    store: Store, alice: Author
) -> None:
    publish(store, alice, NOTE, NOTE)
    won = Author(alice.name)
    won.entries[PUBLIC] = list(alice.entries[PUBLIC])
    alice.open_epoch(keeps=2)
    publish(store, alice, NOTE, NOTE)
    won.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(won.chain)
        store.ledger.disown(alice.log(), 1, keep=1)
        held = store.ledger.log(alice.log())
        assert held is not None
        assert (held.head, held.size) == (None, 1)
        assert store.ledger.logs_of(alice.org) == [alice.log()]
        store.ledger.commit(won.head(), store.ledger.frontier(alice.log()))
    assert store.reader().counts().records == 1
    assert store.verify(alice.log()) == []


def test_a_tree_that_grows_again_after_a_cut_is_the_new_one(store: Store, alice: Author) -> None:
    publish(store, alice, *[NOTE] * 1_100)
    alice.open_epoch(keeps=200)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 200)
        append(store.ledger, alice, alice.write(*[NOTE] * 900))
        store.ledger.commit(alice.head(), alice.tree())
        for size in (256, 512, 1_024, 1_100):
            assert store.ledger.root_at(alice.log(), size) == alice.tree(size=size).root()
    assert store.verify(alice.log()) == []


def test_a_log_that_is_cut_gets_its_new_head_in_the_same_turn(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE)
    with pytest.raises(BrokenPromise, match="no head"), store.ledger.transaction():
        store.ledger.cut(alice.log(), 1)
    with store.ledger.transaction():
        held = store.ledger.log(alice.log())
        assert held is not None
        assert held.size == 2


def test_an_epoch_may_drop_everything(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE)
    alice.open_epoch(keeps=0)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 0)
        store.ledger.commit(alice.head(), alice.tree())
        assert store.ledger.root_at(alice.log(), 0) == EMPTY_ROOT
    assert store.reader().counts().records == 0


def test_a_record_that_comes_back_is_not_retracted_any_more(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE, NOTE)
    again = alice.entries[PUBLIC][2]
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        append(store.ledger, alice, alice.write(again))
        store.ledger.commit(alice.head(), alice.tree())
    stored = store.reader().record(alice.rec(1))
    assert stored is not None
    assert (stored.state, stored.index) == ("ok", 1)
    # ... and when the next epoch drops it again, it is again.
    rec = alice.rec(1)
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    stored = store.reader().record(rec)
    assert stored is not None
    assert (stored.state, stored.retracted_by) == ("retracted", 2)


def test_a_leaf_that_comes_back_without_its_body_has_the_one_it_had(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE, NOTE)
    again = alice.entries[PUBLIC][2]
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        alice.write(again)
        append(store.ledger, alice, [Entry(again.header, b"", b"")])
        store.ledger.commit(alice.head(), alice.tree())
        assert store.ledger.missing(alice.log(), 0, 9) == []
        held = store.ledger.log(alice.log())
        assert held is not None
        assert held.bytes == sum(len(e.header + e.salt + e.body) for e in alice.entries[PUBLIC])
        assert store.ledger.entries(alice.log(), 1, 2, True, 1_000) == [
            (again.header, again.salt, again.body)
        ]
    assert store.verify(alice.log()) == []


def test_cutting_forgets_what_was_pending(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE)
    with store.ledger.transaction():
        append(store.ledger, alice, [alice.entry(*NOTE)])
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        append(store.ledger, alice, alice.write(NOTE))
        store.ledger.commit(alice.head(), alice.tree())
    assert store.verify(alice.log()) == []


# --- bodies that are missing -----------------------------------------------------------------------


def test_bodies_that_did_not_come_are_missing_until_they_are_filled(store: Store, alice: Author) -> None:
    alice.write(*[("note", {"text": str(n)}) for n in range(5)])
    take(store, alice, without=lambda index: index in (1, 3))
    stored = store.reader().at(alice.log(), 3)
    assert stored is not None
    assert (stored.state, stored.body, stored.fields()) == ("missing", None, {})
    entry = alice.entries[PUBLIC][3]
    with store.ledger.transaction():
        ledger, log = store.ledger, alice.log()
        assert ledger.log(log).missing == 2  # type: ignore[union-attr]
        assert ledger.missing(log, 0, 10) == [1, 3]
        assert ledger.missing(log, 0, 1) == [1]
        assert ledger.missing(log, 2, 10) == [3]
        assert ledger.logs_missing(10) == [log]
        ledger.fill(log, 3, entry.salt, entry.body)
        assert ledger.missing(log, 0, 10) == [1]
        assert ledger.log(log).missing == 1  # type: ignore[union-attr]
        with pytest.raises(BrokenPromise, match="nothing is missing at 3"):
            ledger.fill(log, 3, entry.salt, entry.body)
    stored = store.reader().at(alice.log(), 3)
    assert stored is not None
    assert (stored.state, stored.fields()) == ("ok", {"text": "3"})


def test_logs_with_missing_bodies_take_turns(store: Store, alice: Author, bob: Author) -> None:
    for author in (alice, bob):
        author.write(NOTE)
        take(store, author, without=lambda _: True)
    with store.ledger.transaction():
        first, second = store.ledger.logs_missing(2)
        store.ledger.missing(first, 0, 1)
        assert store.ledger.logs_missing(2) == [second, first]
        store.ledger.missing(second, 0, 1)
        assert store.ledger.logs_missing(1) == [first]


def test_a_leaf_that_stands_lower_is_no_record_and_misses_nothing(store: Store, alice: Author) -> None:
    [first] = alice.write(NOTE)
    alice.write(first, NOTE, first)
    take(store, alice, without=lambda index: index == 3)
    with store.ledger.transaction():
        held = store.ledger.log(alice.log())
        assert held is not None
        assert held.missing == 0
        rows = store.ledger.entries(alice.log(), 0, 4, True, 10_000)
        assert [bool(body) for _, _, body in rows] == [True, False, True, False]
        assert held.bytes == sum(len(part) for row in rows for part in row)
    assert store.reader().at(alice.log(), 1) is None
    assert store.reader().counts().records == 2
    publish(store, alice, first)
    assert store.reader().counts().records == 2
    assert store.verify(alice.log()) == []


def test_a_header_of_another_version_is_a_leaf_without_a_record(store: Store, alice: Author) -> None:
    foreign = Entry(b"\x92\x02\xa4text", b"", b"")  # CM [2, "text"]
    publish(store, alice, foreign, NOTE)
    with store.ledger.transaction():
        assert store.ledger.log(alice.log()).missing == 0  # type: ignore[union-attr]
        assert store.ledger.entries(alice.log(), 0, 1, True, 1_000) == [(foreign.header, b"", b"")]
    assert store.reader().at(alice.log(), 0) is None
    assert store.reader().counts().records == 1
    assert store.verify(alice.log()) == []


# --- forks and broken logs -------------------------------------------------------------------------


def test_evidence_freezes_a_log_until_an_epoch_above_it(store: Store, alice: Author) -> None:
    publish(store, alice, NOTE, NOTE)
    with store.ledger.transaction():
        store.ledger.freeze(alice.log(), alice.org, PUBLIC, 0, b"proof", 1)
        store.ledger.freeze(alice.log(), alice.org, PUBLIC, 0, b"another proof", 0)
        assert store.ledger.evidence(alice.log(), 0) == b"proof", "one a log and epoch, the first"
        assert store.ledger.evidence(alice.log(), 1) is None
        assert store.ledger.log(alice.log()).frozen  # type: ignore[union-attr]
        assert store.ledger.range_items(bytes(32), b"\xff" * 32) == [
            RangeItem(alice.log(), 0, 0, bytes(32), 0)
        ]
    contested = [store.reader().at(alice.log(), index).contested for index in (0, 1)]  # type: ignore[union-attr]
    assert contested == [False, True]
    shown = store.reader().organisation(alice.org)
    assert shown is not None
    assert (shown.evidence, shown.frozen) == (True, True)
    alice.open_epoch(keeps=2)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.commit(alice.head(), alice.tree())
        assert not store.ledger.log(alice.log()).frozen  # type: ignore[union-attr]
    shown = store.reader().organisation(alice.org)
    assert shown is not None
    assert (shown.evidence, shown.frozen) == (True, False)
    assert not store.reader().at(alice.log(), 1).contested  # type: ignore[union-attr]


def test_evidence_is_a_change_like_a_head(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, NOTE)
    ledger = store.ledger
    with ledger.transaction():
        before = ledger.newest_cursor()
        ledger.freeze(bob.log(), bob.org, PUBLIC, 0, b"of bob", 0)
        between = ledger.newest_cursor()
        ledger.freeze(alice.log(), alice.org, PUBLIC, 0, b"of alice", 0)
        newest = ledger.newest_cursor()
        ledger.freeze(bob.log(), bob.org, PUBLIC, 0, b"of bob again", 0)
        assert before < between < newest == ledger.newest_cursor()
        assert ledger.evidence_since(0, 5) == [b"of alice", b"of bob"], "the newest first"
        assert ledger.evidence_since(0, 1) == [b"of alice"]
        assert ledger.evidence_since(between, 5) == [b"of alice"]
        assert ledger.evidence_since(newest, 5) == []
        heads, reached, more = ledger.heads_since(before, 5)
        assert ([head.org for head in heads], reached, more) == ([alice.org], newest, False)
    alice.open_epoch(keeps=1)
    with ledger.transaction():
        ledger.put_chain(alice.chain)
        ledger.commit(alice.head(), alice.tree())
        assert ledger.evidence_since(0, 5) == [b"of bob"], "a new epoch has ended it"


def test_evidence_and_breaks_may_come_before_anything_else(store: Store, alice: Author, bob: Author) -> None:
    with store.ledger.transaction():
        store.ledger.freeze(alice.log(), alice.org, PUBLIC, 2, b"proof", 0)
        store.ledger.mark_broken(bob.log(), bob.org, PUBLIC, 0, 7)
        frozen, broken = store.ledger.log(alice.log()), store.ledger.log(bob.log())
        assert frozen is not None
        assert broken is not None
        assert (frozen.frozen, frozen.size, frozen.head) == (True, 0, None)
        assert (broken.broken_at, broken.broken_epoch, broken.frozen) == (7, 0, False)
        assert store.ledger.logs_of(bob.org) == [bob.log()]
        store.ledger.mark_broken(bob.log(), bob.org, PUBLIC, 1, None)
        assert store.ledger.log(bob.log()) is None
