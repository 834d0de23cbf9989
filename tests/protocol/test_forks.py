"""An author who signs two logs: proven, told, passed on once, frozen, and healed by a new epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mutunode.protocol import evidence, messages, rows
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.errors import Invalid
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain, parse_genesis, parse_op
from mutunode.protocol.messages import Fork, Get, Heads, Ident, TwoHeads, TwoLeaves
from mutunode.protocol.rivals import learn
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "mutunode-1.json").read_text())


class TwoFaced:
    """Mallory shows one log to some and another to others."""

    def __init__(self, bob: Actor, common: int, one: int, other: int) -> None:
        self.one, self.other = Author("mallory"), Author("mallory")
        shared = self.one.write(*(("resource", {"n": i}) for i in range(common)))
        self.other.write(*shared)
        self.one.write(*(("resource", {"one": i}) for i in range(one)))
        self.other.write(*(("resource", {"other": i}) for i in range(other)))
        self.bob = bob
        bob.accepts(self.one)
        with bob.turn():
            bob.store.ledger.put_chain(self.one.chain)
        self.puppet = Puppet(bob, "teller").greets()
        self.answered = 0

    def shows(self, author: Author) -> Head:
        """Announce one of the logs, and answer whatever is asked about it."""
        head = author.head()
        self.puppet.pushes(head)
        while count := self.puppet.answers_gets(author.entries[bytes(32)], skip=self.answered):
            self.answered += count
        return head

    def held(self) -> Any:
        with self.bob.turn():
            return self.bob.store.ledger.log(self.one.log())


def test_equal_sizes_are_proof_by_themselves(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    first = mallory.shows(mallory.one)
    second = mallory.shows(mallory.other)
    assert bob.notices == [NoticeKind.FORK]
    (fork,) = mallory.puppet.heard(Fork)
    assert {fork.evidence.head_a, fork.evidence.head_b} == {first, second}
    assert fork.evidence.head_a.root < fork.evidence.head_b.root
    assert isinstance(fork.evidence, TwoHeads)
    assert evidence.check(fork, mallory.one.chain) == 0
    assert mallory.held().frozen


@pytest.mark.parametrize(("one", "other"), [(1, 3), (3, 1)])
def test_different_sizes_are_proven_by_the_first_leaf_that_differs(bob: Actor, one: int, other: int) -> None:
    mallory = TwoFaced(bob, 5, one, other)
    first = mallory.shows(mallory.one)
    mallory.shows(mallory.other)
    assert bob.notices == [NoticeKind.FORK]
    (fork,) = mallory.puppet.heard(Fork)
    assert isinstance(fork.evidence, TwoLeaves)
    assert fork.evidence.head_a.size < fork.evidence.head_b.size
    assert evidence.check(fork, mallory.one.chain) == fork.evidence.index == 5
    held = mallory.held()
    assert (held.frozen, held.head, held.pending) == (True, first, 0)
    contested = [bob.store.reader().at(mallory.one.log(), index) for index in (4, 5)]
    assert [stored.contested for stored in contested if stored] == [False, True]


def test_a_frozen_log_takes_no_further_head_of_its_epoch_and_is_served_with_its_last(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 2)
    first = mallory.shows(mallory.one)
    mallory.shows(mallory.other)
    mallory.one.write(("resource", {"further": 1}))
    gets = len(mallory.puppet.heard(Get))
    mallory.shows(mallory.one)
    assert len(mallory.puppet.heard(Get)) == gets
    reader = Puppet(bob, "reader").greets()
    (heads,) = reader.asks(messages.AskHead, mallory.one.log())
    assert isinstance(heads, Heads)
    assert heads.heads == (first,)


def test_an_announcement_of_a_frozen_log_is_answered_with_the_evidence_once_a_link(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 2)
    mallory.shows(mallory.one)
    mallory.shows(mallory.other)
    late = Puppet(bob, "late").greets()
    assert not late.heard(Fork)
    for _ in range(3):
        late.pushes(mallory.other.head())
    assert len(late.heard(Fork)) == 1


def test_whoever_fetches_a_frozen_log_is_told(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 2)
    mallory.shows(mallory.one)
    mallory.shows(mallory.other)
    late = Puppet(bob, "late").greets()
    late.asks(messages.Get, mallory.one.log(), 0, 0, 3, True)
    assert len(late.heard(Fork)) == 1


def test_who_comes_later_is_told_by_who_holds_evidence_and_nothing_else(world: World, bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    Puppet(bob, "witness").greets().sends(evidence.of_heads(*both_heads(mallory)))
    assert (mallory.held().frozen, mallory.held().head) == (True, None)
    knowing, unknowing = world.node("carol"), world.node("dave")
    for actor in (knowing, unknowing):
        actor.accepts(mallory.one)
    with knowing.turn():
        knowing.store.ledger.put_chain(mallory.one.chain)
    for actor in (knowing, unknowing):
        actor.knows_address_of(bob)
        world.run(5)
        assert actor.notices == [NoticeKind.FORK]
        assert actor.store.state.evidence_of(mallory.one.log()) == [0]


def test_who_was_away_when_it_was_told_and_holds_one_of_the_two_registers_is_told(
    world: World, bob: Actor
) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    carol = world.node("carol")
    carol.accepts(mallory.one)
    carol.knows_address_of(bob)
    mallory.shows(mallory.one)
    world.run(3_600)  # each has asked the other what changed
    assert carol.store.state.logs[mallory.one.log()].head == mallory.held().head
    carol.crashes()
    mallory.shows(mallory.other)
    carol.starts()
    world.run(5)
    assert carol.notices == bob.notices == [NoticeKind.FORK]


def test_a_question_for_what_changed_is_answered_with_evidence_that_came_since(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    Puppet(bob, "witness").greets().sends(evidence.of_heads(*both_heads(mallory)))
    reader = Puppet(bob, "reader").greets()

    def told(store: bytes, cursor: int) -> tuple[int, Heads]:
        before = len(reader.heard(Fork))
        (heads,) = reader.asks(messages.Since, store, cursor)
        assert isinstance(heads, Heads)
        return len(reader.heard(Fork)) - before, heads

    count, heads = told(bytes(8), 0)
    assert (count, heads.heads, heads.more) == (1, (), False)
    assert reader.got.index(reader.last(Fork)) < reader.got.index(heads), "it comes before the answer"
    assert told(heads.store, heads.cursor)[0] == 0, "it was told"
    assert told(heads.store, 2**53 - 1)[0] == 1, "who skips to the newest begins anew"
    assert told(bytes(8), 0)[0] == 1, "and so does who knows no cursor"
    away = Puppet(bob, "reader").greets()
    assert not away.heard(Fork)
    away.asks(messages.Since, heads.store, heads.cursor - 1)
    assert (len(away.heard(Fork)), away.last(Heads).cursor) == (1, heads.cursor)


def test_evidence_makes_a_chain_be_asked_for_once_a_link(bob: Actor) -> None:
    one, other = Author("far"), Author("far")
    one.write(("resource", {"n": 1}))
    other.write(("resource", {"n": 2}))
    fork = evidence.of_heads(one.head(), other.head())
    bob.accepts(one)
    teller = Puppet(bob, "teller").greets()
    for _ in range(3):
        teller.sends(fork)
    (ident,) = [ident for ident in teller.heard(Ident) if ident.key == one.org]
    assert bob.notices == []
    teller.answers_ident(ident, one.chain)
    assert bob.notices == [NoticeKind.FORK]


def both_heads(mallory: TwoFaced) -> tuple[Head, Head]:
    """What it signed, of equal sizes."""
    return mallory.one.head(), mallory.other.head()


def test_a_new_epoch_heals(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 2)
    mallory.shows(mallory.one)
    mallory.shows(mallory.other)
    mallory.one.open_epoch(2)
    mallory.one.write(("resource", {"healed": 1}))
    head = mallory.one.head()
    mallory.puppet.pushes(head)
    mallory.puppet.answers_ident(mallory.puppet.last(Ident), mallory.one.chain)
    mallory.puppet.answers_gets(mallory.one.entries[bytes(32)], skip=mallory.answered)
    held = mallory.held()
    assert (held.frozen, held.head) == (False, head)


def test_evidence_reaches_everybody_and_is_passed_on_once(world: World, bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    carol, dave = world.node("carol"), world.node("dave")
    for actor in (carol, dave):
        actor.accepts(mallory.one, bob)
    carol.knows_address_of(bob)
    dave.knows_address_of(carol)
    mallory.shows(mallory.one)
    world.run(5)
    assert [actor.notices for actor in (bob, carol, dave)] == [[], [], []]
    mallory.shows(mallory.other)
    world.run(5)
    assert [actor.notices for actor in (bob, carol, dave)] == [[NoticeKind.FORK]] * 3
    frames = world.frames
    world.run(5)
    assert world.frames == frames


def test_evidence_that_does_not_verify_costs_its_sender_and_nobody_else(bob: Actor) -> None:
    mallory = TwoFaced(bob, 2, 1, 1)
    head = mallory.shows(mallory.one)
    liar = Puppet(bob, "liar").greets()
    forged = replace(head, root=bytes(32))
    liar.sends(evidence.of_heads(head, forged))
    assert not mallory.held().frozen
    assert bob.notices == []
    with bob.turn():
        assert bob.store.ledger.score(liar.org)[0] == -50
        assert bob.store.ledger.score(mallory.one.org)[0] >= 0


def test_evidence_about_somebody_we_do_not_listen_to_is_ignored(bob: Actor) -> None:
    one, other = Author("far"), Author("far")
    one.write(("resource", {"n": 1}))
    other.write(("resource", {"n": 2}))
    puppet = Puppet(bob).greets()
    puppet.sends(evidence.of_heads(one.head(), other.head()))
    assert bob.notices == []
    assert puppet.close_code() is None


def test_our_own_fork_ends_our_signing(world: World, bob: Actor) -> None:
    bob.publishes("Fiche")
    twin = Author("bob")
    twin.write(("resource", {"title": {"fr": "écrite ailleurs"}}))
    puppet = Puppet(bob, "alice").greets()
    puppet.pushes(twin.head())
    assert bob.notices == [NoticeKind.FORK]
    assert bob.signing().reason == "fork"


def test_evidence_that_comes_while_a_log_is_fetched_ends_the_fetching(bob: Actor) -> None:
    mallory = TwoFaced(bob, 3, 1, 1)
    mallory.puppet.pushes(mallory.one.head())
    get = mallory.puppet.last(Get)
    first = [(entry.header, entry.salt, entry.body) for entry in mallory.one.entries[bytes(32)][:2]]
    payload = rows.pack(first, compressed=False)[1]
    mallory.puppet.sends(messages.Entries(get.id, get.log, 0, 0, payload))
    other = Puppet(bob, "other").greets()
    other.sends(evidence.of_heads(mallory.one.head(), mallory.other.head()))
    assert bob.notices == [NoticeKind.FORK]
    mallory.puppet.answers_gets(mallory.one.entries[bytes(32)], skip=1)
    assert mallory.held().head is None
    assert mallory.held().pending == 0


# --- published vectors -----------------------------------------------------------------------------
def chain_of_vectors() -> Chain:
    identity = VECTORS["identity"]
    chain = Chain(parse_genesis(bytes.fromhex(identity["genesis"])))
    return learn(chain, parse_op(bytes.fromhex(identity["op"])), bytes.fromhex(identity["op_signature"]), 0)


def fork_of_vectors(name: str) -> Fork:
    def raw(value: Any) -> Any:
        if isinstance(value, str):
            return bytes.fromhex(value)
        return [raw(item) for item in value] if isinstance(value, list) else value

    from mutunode.protocol import codec

    fork = messages.decode(codec.encode([13, 0, raw(VECTORS["fork"][name])]))
    assert isinstance(fork, Fork)
    return fork


@pytest.mark.parametrize("name", ["equal_sizes", "other_sizes", "two_bases"])
def test_evidence_of_the_vectors_verifies(name: str) -> None:
    evidence.check(fork_of_vectors(name), chain_of_vectors())


@pytest.mark.parametrize("name", ["none_but_looks_so", "public_base_not_the_op_s"])
def test_what_only_looks_like_evidence_does_not(name: str) -> None:
    with pytest.raises(Invalid):
        evidence.check(fork_of_vectors(name), chain_of_vectors())
