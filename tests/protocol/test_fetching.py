"""A head arrives: what comes of it, from honest peers and from others."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import zstandard
from msgspec.structs import replace

from mutunode.protocol import codec, messages, rows
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.entry import Entry
from mutunode.protocol.limits import FETCHES_LAN_MAX
from mutunode.protocol.merkle import Compact, leaf_hash
from mutunode.protocol.messages import Get, Ident
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author


def follow(bob: Actor, name: str = "alice") -> tuple[Puppet, Author]:
    """Bob listens to somebody, who is linked with him and whom the test speaks for."""
    author = Author(name)
    puppet = Puppet(bob, author=author)
    bob.accepts(puppet)
    return puppet.greets(), author


def told(bob: Actor) -> tuple[Puppet, Author]:
    """The same, and somebody else speaks of it: a link under a key that is over would end."""
    alice = Author("alice")
    bob.accepts(alice)
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    return Puppet(bob, "teller").greets(), alice


def size(bob: Actor, author: Author) -> int:
    with bob.turn():
        held = bob.store.ledger.log(author.log())
    return held.size if held and held.head else 0


def resources(author: Author, count: int) -> list[Entry]:
    return author.write(*(("resource", {"title": {"fr": f"Fiche {i}"}}) for i in range(count)))


# --- the ordinary way ------------------------------------------------------------------------------
def test_an_announced_log_is_fetched_and_held(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 3)
    puppet.pushes(alice.head())
    assert puppet.last(Get) == Get(puppet.last(Get).id, alice.log(), 0, 0, 3, True)
    puppet.answers_gets(entries)
    assert size(bob, alice) == 3


def test_what_the_known_wrote_does_not_wait_until_everybody_is_known(bob: Actor) -> None:
    """Each is asked for as soon as it is known who it is; and who the others are, beside that."""
    authors = {author.org: author for author in (Author(f"member {n}") for n in range(100))}
    for author in authors.values():
        bob.accepts(author)
        author.write(("resource", {"title": {"fr": "Une fiche"}}))
    teller = Puppet(bob, "teller").greets()
    teller.pushes(*(author.head() for author in authors.values()))

    def asked() -> list[Author]:
        return [authors[ident.key] for ident in teller.heard(Ident) if ident.key in authors]

    def answers(number: int) -> None:
        author = asked()[number]
        ident = next(ident for ident in teller.heard(Ident) if ident.key == author.org)
        teller.answers_ident(ident, author.chain)

    assert FETCHES_LAN_MAX < len(asked()) < 100
    answers(0)
    answers(1)
    assert [get.log for get in teller.heard(Get)] == [asked()[0].log()]
    for number in range(2, 100):  # nothing else is answered
        answers(number)
    assert len(teller.heard(Get)) == FETCHES_LAN_MAX


def test_only_what_is_lacking_is_asked_for(bob: Actor) -> None:
    puppet, alice = follow(bob)
    resources(alice, 3)
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    resources(alice, 2)
    puppet.pushes(alice.head())
    assert (puppet.last(Get).start, puppet.last(Get).end) == (3, 5)
    puppet.answers_gets(alice.entries[bytes(32)], skip=1)
    assert size(bob, alice) == 5


def test_an_answer_cut_short_is_asked_on_from_there(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 10)
    puppet.pushes(alice.head())
    for start in (0, 4, 8):
        get = puppet.last(Get)
        assert get.start == start
        some = [(entry.header, entry.salt, entry.body) for entry in entries[start : start + 4]]
        puppet.sends(messages.Entries(get.id, get.log, start, 0, rows.pack(some, compressed=False)[1]))
    assert size(bob, alice) == 10


def test_a_large_log_comes_in_several_answers_at_once(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.accepts(alice)
    for _ in range(4):
        alice.says(*(("resource", {"title": {"fr": "é" * 400}, "n": i}) for i in range(1_500)))
    bob.knows_address_of(alice)
    world.run(20)
    assert bob.size_of(alice) == 6_000


def test_an_empty_log_is_held_too(bob: Actor) -> None:
    puppet, alice = follow(bob)
    puppet.pushes(alice.head())
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert held.head is not None
    assert not puppet.heard(Get)


def test_a_renewal_needs_no_entries(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 2)
    puppet.pushes(alice.head())
    puppet.answers_gets(entries)
    renewal = alice.head()
    puppet.pushes(renewal)
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert held.head == renewal
    assert len(puppet.heard(Get)) == 1


def test_unknown_kinds_are_kept_and_passed_on(world: World) -> None:
    alice, bob, carol = world.node("alice"), world.node("bob"), world.node("carol")
    alice.says(("invented_in_2030", {"whatever": ["it", "says"]}))
    bob.accepts(alice)
    carol.accepts(alice, bob)
    bob.knows_address_of(alice)
    world.run(2)
    world.part([alice], [bob, carol])
    carol.knows_address_of(bob)
    world.run(3)
    assert carol.size_of(alice) == 1


def test_strangers_are_not_listened_to(bob: Actor) -> None:
    puppet = Puppet(bob).greets()
    resources(puppet.author, 1)
    puppet.pushes(puppet.author.head())
    assert not puppet.heard(Get)
    assert puppet.close_code() is None


# --- headers nobody can read -----------------------------------------------------------------------
def test_a_leaf_without_a_record_passes_and_what_comes_with_it_is_dropped(world: World, bob: Actor) -> None:
    puppet, alice = follow(bob)
    header = codec.encode([2, "from a later version"])
    strange = Entry(header, bytes(16), codec.encode({"a": 1}))
    alice.write(strange, ("resource", {"title": {"fr": "Fiche"}}))
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    with bob.turn():
        assert bob.store.ledger.entries(alice.log(), 0, 1, True, 10_000) == [(header, b"", b"")]
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert (held.size, held.missing) == (2, 0)


def test_a_body_that_breaks_a_limit_is_kept_as_opaque(bob: Actor) -> None:
    puppet, alice = follow(bob)
    body, salt = b"\xc1 is no MessagePack", bytes(16)
    body_hash = hashlib.sha256(b"mutunode/body/1\0" + salt + body).digest()
    header = codec.encode([1, "resource", 1_700_000_000, body_hash, len(body)])
    alice.write(Entry(header, salt, body))
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    stored = bob.store.reader().at(alice.log(), 0)
    assert stored is not None
    assert (stored.state, stored.body) == ("opaque", body)


@pytest.mark.parametrize(
    "broken", [b"", b"\xc1", codec.encode({"a": 1}), codec.encode([0]), bytes([0x91]) * 300]
)
def test_a_signed_header_that_nobody_can_take_stops_the_log_before_it(bob: Actor, broken: bytes) -> None:
    puppet, alice = follow(bob)
    resources(alice, 2)
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    alice.write(("resource", {"title": {"fr": "Fiche"}}), Entry(broken, b"", b""))
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)], skip=1)
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert (held.size, held.pending, held.broken_at) == (2, 0, 3)
    assert NoticeKind.BROKEN in bob.notices
    # No head that contains it is taken, however the log goes on; one that ends before it is.
    gets = len(puppet.heard(Get))
    resources(alice, 5)
    puppet.pushes(alice.head())
    assert len(puppet.heard(Get)) == gets
    puppet.pushes(alice.head(size=3))
    puppet.answers_gets(alice.entries[bytes(32)], skip=gets)
    assert size(bob, alice) == 3
    assert puppet.close_code() is None


def test_a_peer_that_only_says_so_breaks_nobodys_log(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 2)
    puppet.pushes(alice.head())
    puppet.answers_gets([Entry(b"\xc1", b"", b""), entries[1]])
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is None or held.broken_at is None
    assert NoticeKind.BROKEN not in bob.notices


# --- liars -----------------------------------------------------------------------------------------
def test_entries_that_are_not_the_authors_are_not_taken_and_another_is_asked(bob: Actor) -> None:
    alices, alice = follow(bob)
    entries = resources(alice, 3)
    mallory = Puppet(bob, "mallory").greets()
    mallory.pushes(alice.head())
    other = Author("other")
    mallory.answers_gets(other.write(*(("resource", {"n": i}) for i in range(3))))
    assert size(bob, alice) == 0
    assert score(bob, mallory) < 0
    alices.pushes(alice.head())
    alices.answers_gets(entries)
    assert size(bob, alice) == 3


def test_a_body_that_is_not_the_headers_is_not_taken(bob: Actor) -> None:
    puppet, alice = follow(bob)
    (entry,) = resources(alice, 1)
    puppet.pushes(alice.head())
    puppet.answers_gets([replace(entry, body=entry.body + b"\x01")])
    assert size(bob, alice) == 0
    assert score(bob, puppet) < 0


def test_the_first_announcer_is_asked_and_after_three_seconds_another(world: World, bob: Actor) -> None:
    alices, alice = follow(bob)
    entries = resources(alice, 2)
    silent = Puppet(bob, "silent").greets()
    silent.pushes(alice.head())
    alices.pushes(alice.head())
    assert len(silent.heard(Get)) == 1
    assert not alices.heard(Get)
    world.run(2.9)
    assert not alices.heard(Get)
    world.run(0.2)
    assert alices.answers_gets(entries) == 1
    assert size(bob, alice) == 2
    assert score(bob, silent) == 0  # slow is not bad


def test_an_announcement_without_delivery_costs(world: World, bob: Actor) -> None:
    puppet, alice = follow(bob)
    resources(alice, 1)
    puppet.pushes(alice.head())
    world.run(61)
    assert score(bob, puppet) < 0


def test_a_head_that_its_author_never_signed_costs_its_sender(bob: Actor) -> None:
    _, alice = follow(bob)
    resources(alice, 1)
    mallory = Puppet(bob, "mallory").greets()
    mallory.pushes(replace(alice.head(), signature=bytes(64)))
    ident = mallory.last(Ident)
    assert ident.key == alice.org  # the author may have a new key: its chain is asked first
    mallory.answers_ident(ident, alice.chain)
    assert score(bob, mallory) == -50
    assert not mallory.heard(Get)


def test_the_chain_is_asked_once_in_ten_minutes_from_each_sender(world: World, bob: Actor) -> None:
    _, alice = follow(bob)
    mallory = Puppet(bob, "mallory").greets()
    for time in range(5):
        mallory.pushes(replace(alice.head(), signature=bytes(64), time=1_700_000_000 + time))
    asked = [ident for ident in mallory.heard(Ident) if ident.key == alice.org]
    assert len(asked) == 1
    world.run(601)
    mallory.pushes(replace(alice.head(), signature=bytes(64)))
    asked = [ident for ident in mallory.heard(Ident) if ident.key == alice.org]
    assert len(asked) == 2


def test_more_than_twenty_unverified_heads_are_one_bad_answer(bob: Actor) -> None:
    _, alice = follow(bob)
    mallory = Puppet(bob, "mallory").greets()
    bob.accepts(mallory)
    for time in range(21):
        assert score(bob, mallory) == 0
        mallory.pushes(replace(alice.head(), signature=bytes(64), time=1_700_000_000 + time))
    assert score(bob, mallory) == -10


@pytest.mark.parametrize(
    "payload",
    [
        (0, codec.encode("not an array")),
        (0, b"\xc1"),
        (0, codec.encode([[bytes(4), bytes(16)]])),
        (1, b"not zstd"),
        (1, zstandard.ZstdCompressor(write_content_size=False).compress(b"\x90")),
        (1, zstandard.ZstdCompressor().compress(bytes(2_000_000))),
    ],
)
def test_payloads_that_cannot_be_read_cost_their_sender(bob: Actor, payload: tuple[Any, bytes]) -> None:
    puppet, alice = follow(bob)
    resources(alice, 1)
    puppet.pushes(alice.head())
    get = puppet.last(Get)
    puppet.sends(messages.Entries(get.id, get.log, 0, *payload))
    assert score(bob, puppet) < 0
    assert size(bob, alice) == 0


def test_more_entries_than_asked_for_or_of_another_log_are_not_taken(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 4)
    puppet.pushes(alice.head(size=2))
    get = puppet.last(Get)
    taken = [(entry.header, entry.salt, entry.body) for entry in entries]
    puppet.sends(messages.Entries(get.id, get.log, 0, 0, rows.pack(taken, compressed=False)[1]))
    assert size(bob, alice) == 0
    puppet.pushes(alice.head(size=2))
    get = puppet.last(Get)
    puppet.sends(messages.Entries(get.id, bytes(32), 0, 0, rows.pack(taken[:2], compressed=False)[1]))
    assert size(bob, alice) == 0


def test_replies_nobody_asked_for_are_ignored(bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 1)
    taken = [(entry.header, entry.salt, entry.body) for entry in entries]
    payload = rows.pack(taken, compressed=False)[1]
    for number in (2, 3, 4, 98, 99, 2**53 - 1):
        puppet.sends(messages.Entries(number, alice.log(), 0, 0, payload))
    assert size(bob, alice) == 0
    assert puppet.errors == []
    assert puppet.close_code() is None


def test_after_sixty_four_bad_answers_or_a_low_score_a_peer_is_sent_away(world: World, bob: Actor) -> None:
    puppet, alice = follow(bob)
    resources(alice, 1)
    for _ in range(11):
        assert puppet.close_code() is None
        puppet.pushes(alice.head())
        get = puppet.last(Get)
        puppet.sends(messages.Entries(get.id, get.log, 0, 0, b"\xc1"))
    assert puppet.close_code() == 4029
    back = Puppet(bob, author=alice).greets()
    assert back.errors == [3]
    assert back.close_code() == 4029
    world.run(700)
    assert Puppet(bob, author=alice).greets().close_code() is None


# --- missing bodies --------------------------------------------------------------------------------
def test_bodies_that_are_missing_are_asked_for_elsewhere(world: World, bob: Actor) -> None:
    puppet, alice = follow(bob)
    entries = resources(alice, 3)
    puppet.pushes(alice.head())
    puppet.answers_gets([entries[0], replace(entries[1], salt=b"", body=b""), entries[2]])
    stored = bob.store.reader().at(alice.log(), 1)
    assert stored is not None
    assert stored.state == "missing"
    other = Puppet(bob, "carol").greets()
    assert (other.last(Get).start, other.last(Get).end) == (1, 2)
    other.answers_gets(entries)
    stored = bob.store.reader().at(alice.log(), 1)
    assert stored is not None
    assert stored.state == "ok"


def test_a_wrong_body_fills_nothing(bob: Actor) -> None:
    puppet, alice = follow(bob)
    (entry,) = resources(alice, 1)
    puppet.pushes(alice.head())
    puppet.answers_gets([replace(entry, salt=b"", body=b"")])
    other = Puppet(bob, "carol").greets()
    other.answers_gets([replace(entry, body=b"\x80")])
    stored = bob.store.reader().at(alice.log(), 0)
    assert stored is not None
    assert stored.state == "missing"
    assert score(bob, other) < 0


# --- epochs ----------------------------------------------------------------------------------------
def test_a_new_epoch_is_followed_from_its_base(world: World, bob: Actor) -> None:
    puppet, alice = told(bob)
    resources(alice, 5)
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    alice.open_epoch(3)
    resources(alice, 1)
    head = alice.head()
    puppet.pushes(head)
    puppet.answers_ident(puppet.last(Ident), alice.chain)
    assert (puppet.last(Get).start, puppet.last(Get).end, puppet.last(Get).epoch) == (3, 4, 1)
    puppet.answers_gets(alice.entries[bytes(32)], skip=1)
    assert held_head(bob, alice) == head


def test_an_epoch_that_keeps_everything_needs_no_entries(bob: Actor) -> None:
    puppet, alice = told(bob)
    resources(alice, 5)
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    alice.open_epoch(5)
    puppet.pushes(alice.head())
    puppet.answers_ident(puppet.last(Ident), alice.chain)
    assert len(puppet.heard(Get)) == 1
    head = held_head(bob, alice)
    assert head is not None
    assert head.epoch == 1


def test_an_epoch_whose_beginning_we_hold_otherwise_replaces_the_tree(bob: Actor) -> None:
    """A thief of the operating key went on with the log; the new epoch keeps what the owner had written."""
    thief = Author("alice")
    puppet, alice = told(bob)
    same = resources(alice, 2)
    thief.write(*same)
    alice.write(("resource", {"title": {"fr": "de la propriétaire"}}))
    thief.write(("resource", {"title": {"fr": "du voleur"}}), ("resource", {"title": {"fr": "et encore"}}))
    puppet.pushes(thief.head())
    puppet.answers_gets(thief.entries[bytes(32)])
    assert size(bob, alice) == 4
    alice.open_epoch(3)
    resources(alice, 3)
    head = alice.head()
    gets = len(puppet.heard(Get))
    puppet.pushes(head)
    puppet.answers_ident(puppet.last(Ident), alice.chain)
    assert not puppet.last(Get).bodies  # headers from the first leaf on, to see where they part
    puppet.answers_gets(alice.entries[bytes(32)], skip=gets)
    assert (puppet.last(Get).start, puppet.last(Get).bodies) == (2, True)
    puppet.answers_gets(alice.entries[bytes(32)], skip=gets + 1)
    assert held_head(bob, alice) == head
    stored = bob.store.reader().at(alice.log(), 2)
    assert stored is not None
    assert stored.fields()["title"] == {"fr": "de la propriétaire"}
    assert NoticeKind.FORK not in bob.notices


def test_heads_of_an_epoch_that_is_over_are_not_taken_even_backdated(bob: Actor) -> None:
    thief = Author("alice")
    puppet, alice = told(bob)
    alice.open_epoch(0)
    resources(alice, 1)
    puppet.pushes(alice.head())
    puppet.answers_ident(puppet.last(Ident), alice.chain)
    puppet.answers_gets(alice.entries[bytes(32)])
    head = held_head(bob, alice)
    resources(thief, 9)
    gets = len(puppet.heard(Get))
    puppet.pushes(thief.head())
    assert len(puppet.heard(Get)) == gets
    assert held_head(bob, alice) == head
    assert score(bob, puppet) >= 0


def test_an_epoch_that_begins_with_other_leaves_than_its_op_says_is_shown_as_broken(bob: Actor) -> None:
    puppet, alice = told(bob)
    resources(alice, 4)
    puppet.pushes(alice.head())
    puppet.answers_gets(alice.entries[bytes(32)])
    alice.open_epoch(3)
    # The op speaks of three leaves; the tree then signed begins with others.
    alice.entries[bytes(32)] = []
    resources(alice, 5)
    gets = len(puppet.heard(Get))
    puppet.pushes(alice.head())
    puppet.answers_ident(puppet.last(Ident), alice.chain)
    while answered := puppet.answers_gets(alice.entries[bytes(32)], skip=gets):
        gets += answered
    with bob.turn():
        held = bob.store.ledger.log(alice.log())
    assert held is not None
    assert held.head is not None
    assert (held.head.epoch, held.size, held.broken_at) == (0, 4, 3)
    assert NoticeKind.BROKEN in bob.notices


def held_head(bob: Actor, author: Author) -> Any:
    with bob.turn():
        held = bob.store.ledger.log(author.log())
    return held.head if held else None


def score(bob: Actor, puppet: Puppet) -> float:
    with bob.turn():
        return bob.store.ledger.score(puppet.author.org)[0]


def test_the_tree_of_a_test_is_the_tree_of_the_protocol() -> None:
    alice = Author("alice")
    resources(alice, 3)
    leaves = [leaf_hash(entry.header) for entry in alice.entries[bytes(32)]]
    assert alice.head().root == Compact.of(leaves).root()
