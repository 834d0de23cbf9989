"""What every store promises of organisations, decisions, peers and drafts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from mutunode.protocol.head import PUBLIC
from mutunode.protocol.identity import Chain, Rival, Standing
from mutunode.protocol.ledger import Address, Stance
from mutunode.store import Draft, Store, open_store
from mutunode.store.interface import Catalogues, StoreError
from tests.store.authors import Author, append, publish


@pytest.fixture
def alice() -> Author:
    return Author("alice")


@pytest.fixture
def bob() -> Author:
    return Author("bob")


def test_a_chain_is_kept_with_all_its_epochs(store: Store, alice: Author) -> None:
    with store.ledger.transaction():
        assert store.ledger.chain(alice.org) is None
        store.ledger.put_chain(alice.chain)
        assert store.ledger.chain(alice.org) == alice.chain
    alice.open_epoch(keeps=0)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        assert store.ledger.chain(alice.org) == alice.chain
        assert store.ledger.chain(alice.org).epoch == 1  # type: ignore[union-attr]


def test_those_whose_chain_has_rivals_are_found_the_last_heard_of_first(
    store: Store, alice: Author, bob: Author
) -> None:
    disputed = [rivalled(author) for author in (alice, bob)]
    with store.ledger.transaction():
        for chain in (alice.chain, *disputed, Author("carol").chain):
            store.ledger.put_chain(chain)
        assert store.ledger.rivalled(9) == [bob.org, alice.org]
        assert store.ledger.rivalled(1) == [bob.org]
    assert [each.chain for each in store.reader().rivalled()] == sorted(disputed, key=lambda each: each.org)
    with store.ledger.transaction():
        store.ledger.put_chain(bob.chain)
        assert store.ledger.rivalled(9) == [alice.org]
    assert [each.org for each in store.reader().rivalled()] == [alice.org]


def rivalled(author: Author, standing: Standing = Standing.TIED) -> Chain:
    """The chain of an author of whom two new starts are known."""
    other = Author(author.name)
    author.open_epoch(0)
    other.open_epoch(0, machine="elsewhere")
    return replace(author.chain, rivals=(Rival(other.chain.ops, standing),))


def test_a_turn_that_wrote_is_told_from_those_before(store: Store, alice: Author) -> None:
    seen = {store.ledger.written()}
    for number in range(3):
        publish(store, alice, ("resource", {"number": number}))
        assert store.ledger.written() not in seen
        seen.add(store.ledger.written())


def test_what_was_read_in_a_turn_that_is_undone_is_read_again(store: Store, alice: Author) -> None:
    publish(store, alice, ("resource", {}))
    with store.ledger.transaction():
        before = store.ledger.log(alice.log())
    with contextlib.suppress(KeyError), store.ledger.transaction():
        store.ledger.mark_broken(alice.log(), alice.org, PUBLIC, 0, 0)
        assert store.ledger.log(alice.log()) != before, "a turn sees what it wrote itself"
        raise KeyError
    with store.ledger.transaction():
        assert store.ledger.log(alice.log()) == before
    bob = Author("bob")
    with contextlib.suppress(KeyError), store.ledger.transaction():
        store.ledger.put_chain(bob.chain)
        assert store.ledger.chain(bob.org) == bob.chain
        raise KeyError
    with store.ledger.transaction():
        assert store.ledger.chain(bob.org) is None
        assert store.ledger.logs_of(bob.org) == []
        assert store.ledger.logs_of(alice.org) == [alice.log()]


def test_a_chain_that_grew_is_the_one_that_is_held_in_the_same_turn_and_later(
    store: Store, alice: Author
) -> None:
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        assert store.ledger.chain(alice.org) == alice.chain
        alice.open_epoch(0)
        store.ledger.put_chain(alice.chain)
        assert store.ledger.chain(alice.org) == alice.chain
    with store.ledger.transaction():
        assert store.ledger.chain(alice.org) == alice.chain


def test_a_root_key_finds_the_organisation_it_can_restore(store: Store, alice: Author, bob: Author) -> None:
    with store.ledger.transaction():
        for author in (alice, bob):
            store.ledger.put_chain(author.chain)
        assert store.ledger.org_of_root(alice.chain.roots[0]) == alice.org
        assert store.ledger.org_of_root(bob.chain.roots[0]) == bob.org
        assert store.ledger.org_of_root(bytes(32)) is None


def test_an_organisation_is_shown_with_its_public_log(store: Store, alice: Author, bob: Author) -> None:
    publish(store, alice, ("resource", {}), ("resource", {}))
    publish(store, bob, ("vouch", {"org": alice.org, "endpoints": [], "listed": True}))
    shown = store.reader().organisation(alice.org)
    assert shown is not None
    assert (shown.name, shown.chain, shown.log, shown.size, shown.records) == (
        "alice",
        alice.chain,
        alice.log(),
        2,
        2,
    )
    assert shown.head is not None
    assert shown.head.size == 2
    assert shown.received_at > 1_700_000_000
    assert (shown.accepted, shown.blocked, shown.stance_time) == (False, False, 0)
    assert shown.vouched_by == (bob.org,)
    assert (shown.evidence, shown.frozen, shown.broken_at) == (False, False, None)
    everybody = store.reader().organisations()
    assert [organisation.org for organisation in everybody] == sorted([alice.org, bob.org])
    assert shown in everybody


def test_what_a_search_tells_of_all_organisations(store: Store, alice: Author, bob: Author) -> None:
    assert store.reader().catalogues(alice.org) == Catalogues(number=0, blocked=(), oldest_news=0)
    publish(store, alice, ("resource", {}))
    assert store.reader().catalogues(alice.org) == Catalogues(number=1, blocked=(), oldest_news=0)
    publish(store, bob, ("resource", {}))
    heard = store.reader().organisation(bob.org)
    assert heard is not None
    assert store.reader().catalogues(alice.org) == Catalogues(2, (), heard.received_at)
    with store.ledger.transaction():
        store.ledger.put_stance(bob.org, Stance(blocked=True))
        store.ledger.put_stance(bytes(32), Stance(accepted=True))  # of whom nothing is known
    assert store.reader().catalogues(alice.org) == Catalogues(1, (bob.org,), heard.received_at)


def test_a_decision_may_come_before_the_chain(store: Store, alice: Author, bob: Author) -> None:
    with store.ledger.transaction():
        assert store.ledger.stance(alice.org) == Stance()
        store.ledger.put_stance(alice.org, Stance(accepted=True))
        store.ledger.put_stance(bob.org, Stance(accepted=True, blocked=True))
        assert store.ledger.stance(alice.org) == Stance(accepted=True)
        assert store.ledger.stance(bob.org) == Stance(accepted=True, blocked=True)
        assert store.ledger.accepted() == sorted([alice.org, bob.org])
        store.ledger.put_own(bob.org)
        assert store.ledger.accepted() == [alice.org]
    shown = store.reader().organisation(alice.org)
    assert shown is not None
    assert (shown.name, shown.chain, shown.accepted) == ("", None, True)
    assert shown.stance_time > 1_700_000_000


def test_the_interest_stamp_changes_with_whatever_changes_whom_we_listen_to(
    store: Store, alice: Author
) -> None:
    def stamp() -> int:
        with store.ledger.transaction():
            return store.ledger.interest_stamp()

    stamps = [stamp()]
    publish(store, alice, ("resource", {}))
    assert stamp() == stamps[-1], "a resource changes nothing"
    publish(store, alice, ("vouch", {"org": bytes(32), "endpoints": [], "listed": True}))
    stamps.append(stamp())
    publish(store, alice, ("profile", {"endpoints": ["h:1"]}))
    stamps.append(stamp())
    publish(store, alice, ("withdrawal", {"target": alice.ref(1), "reason": "error"}))
    stamps.append(stamp())
    with store.ledger.transaction():
        store.ledger.put_stance(alice.org, Stance(accepted=True))
    stamps.append(stamp())
    alice.open_epoch(keeps=1)
    with store.ledger.transaction():
        store.ledger.put_chain(alice.chain)
        store.ledger.cut(alice.log(), 1)
        store.ledger.commit(alice.head(), alice.tree())
    stamps.append(stamp())
    with contextlib.suppress(ZeroDivisionError), store.ledger.transaction():
        store.ledger.put_stance(alice.org, Stance())
        raise ZeroDivisionError
    stamps.append(stamp())
    assert len(set(stamps)) == len(stamps)


def test_cursors_addresses_and_scores_are_remembered(store: Store, alice: Author, bob: Author) -> None:
    seed = Address("seed.example:7447", None, "seed")
    met = Address("wss://alice.example", alice.org, "person", last_met=5, failures=2)
    with store.ledger.transaction():
        ledger = store.ledger
        assert ledger.cursor(alice.org) is None
        ledger.put_cursor(alice.org, b"12345678", 7)
        ledger.put_cursor(alice.org, b"12345678", 8)
        ledger.put_cursor(bob.org, b"87654321", 1)
        assert ledger.cursor(alice.org) == (b"12345678", 8)
        ledger.forget_cursors()
        assert ledger.cursor(alice.org) is None
        assert list(ledger.addresses()) == []
        ledger.put_address(met)
        ledger.put_address(seed)
        ledger.put_address(met)
        assert list(ledger.addresses()) == [seed, met]
        assert ledger.score(alice.org) == (0.0, 0)
        ledger.put_score(alice.org, -12.5, 1_700_000_000)
        assert ledger.score(alice.org) == (-12.5, 1_700_000_000)


def test_peers_that_are_gone_are_forgotten_but_those_who_are_away(
    store: Store, alice: Author, bob: Author
) -> None:
    carol = Author("carol")
    with store.ledger.transaction():
        ledger = store.ledger
        for who in (alice, bob, carol):
            ledger.put_cursor(who.org, b"12345678", 7)
        ledger.put_score(alice.org, -5.0, 0)
        ledger.put_score(bob.org, -5.0, 99)
        ledger.put_score(carol.org, -500.0, 101)
        ledger.forget_peers({alice.org}, 100)
        assert [ledger.cursor(who.org) for who in (alice, bob, carol)] == [(b"12345678", 7), None, None]
        assert [ledger.score(who.org)[0] for who in (alice, bob, carol)] == [-5.0, 0.0, -500.0]
        ledger.forget_peers(set(), 200)
        assert [ledger.score(who.org)[0] for who in (alice, bob, carol)] == [0.0, 0.0, 0.0]


def test_the_address_book_may_be_written_while_it_is_read(store: Store) -> None:
    with store.ledger.transaction():
        for n in range(3):
            store.ledger.put_address(Address(f"h{n}:1", None, "seed"))
        for address in store.ledger.addresses():
            store.ledger.put_address(Address("z" + address.address, None, "seed"))
        assert len(list(store.ledger.addresses())) == 6


def test_drafts_are_kept_until_they_are_dropped(store: Store) -> None:
    old = Draft("1", "resource", {"title.fr": "Été"}, 5)
    new = Draft("2", "usage", {"values": ["a", "b"]}, 9)
    with store.ledger.transaction():
        store.ledger.put_draft(new)
        store.ledger.put_draft(Draft("1", "resource", {}, 1))
        store.ledger.put_draft(old)
    reader = store.reader()
    assert reader.drafts() == [new, old]
    assert reader.draft("1") == old
    with store.ledger.transaction():
        store.ledger.drop_draft("1")
        store.ledger.drop_draft("never was")
    assert reader.drafts() == [new]
    assert reader.draft("1") is None


def test_a_store_that_is_opened_again_has_everything_but_what_was_pending(
    tmp_path: Path, alice: Author
) -> None:
    url = f"sqlite:{tmp_path / 'store.db'}"
    store = open_store(url)
    publish(store, alice, *[("resource", {"external_ref": str(n)}) for n in range(300)])
    with store.ledger.transaction():
        append(store.ledger, alice, alice.write(*[("resource", {})] * 300))
        before = store.ledger.store_id(), store.ledger.newest_cursor()
    store.close()
    store = open_store(url)
    with store.ledger.transaction():
        held = store.ledger.log(alice.log())
        assert held is not None
        assert (held.size, held.pending) == (300, 0)
        assert held.bytes == sum(len(e.header + e.salt + e.body) for e in alice.entries[bytes(32)][:300])
        assert (store.ledger.store_id(), store.ledger.newest_cursor()) == before
        assert store.ledger.project_some(10**6) is False
    assert store.reader().by_external_ref(alice.org, "resource", "299") is not None
    assert store.verify(alice.log()) == []
    store.close()


@pytest.mark.parametrize("url", ["", "memory:x", "sqlite:", "mysql://h", "sqlite:/nowhere/at/all/store.db"])
def test_an_address_that_is_none_is_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(StoreError, match=r"expected sqlite:PATH|make it first"):
        open_store(url)
