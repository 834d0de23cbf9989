"""Erasing between nodes: content is dropped, then refused and no longer served (PROTOCOL §3)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from mutunode.protocol import messages, rows
from mutunode.protocol.entry import Entry, body_hash, encode_body
from mutunode.protocol.head import PUBLIC
from mutunode.protocol.messages import Get, Ident
from mutunode.store import Stored
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author

SECRET = "06 12 34 56 78"
MONTH_SECONDS = 30 * 86_400


def resource(title: str) -> tuple[str, dict[str, Any]]:
    return "resource", {"title": {"fr": title}}


def erases(author: Author, index: int, **more: Any) -> tuple[str, dict[str, Any]]:
    return "withdrawal", {"target": author.ref(index), "reason": "legal", "erase": True, **more}


def told(bob: Actor) -> tuple[Puppet, Author]:
    """Bob listens to Alice, of whom somebody else tells him."""
    alice = Author("alice")
    bob.accepts(alice)
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    return Puppet(bob, "teller").greets(), alice


def bare(entry: Entry) -> Entry:
    return replace(entry, salt=b"", body=b"")


def at(actor: Actor, author: Author, index: int) -> Stored:
    stored = actor.store.reader().at(author.log(), index)
    assert stored is not None
    return stored


def gives(puppet: Puppet, author: Author, epoch: int = 0) -> list[tuple[bytes, bytes, bytes]]:
    """What the node hands out of a log to whoever asks for all of it."""
    entries = puppet.asks(Get, author.log(), epoch, 0, 100, True)[-1]
    assert isinstance(entries, messages.Entries)
    return rows.unpack(entries.enc, entries.payload)


def holds(actor: Actor, secret: bytes) -> bool:
    """Whether any bytes of the store hold it, current or not."""
    state = actor.store.state
    kept = [leaf for held in state.logs.values() for leaf in held.leaves]
    kept += [item.row for held in state.logs.values() for item in held.retracted.values()]
    return any(secret in leaf.body or secret in leaf.salt for leaf in kept)


# --- one node, and others who say what they like ------------------------------------------------------
@pytest.mark.parametrize("order", list(permutations("swf")))
def test_the_order_of_content_withdrawal_and_more_does_not_matter(bob: Actor, order: tuple[str, ...]) -> None:
    """The secret, its withdrawal and a third record come in one log; their contents in any order."""
    teller, alice = told(bob)
    secret, further = alice.write(resource(SECRET), resource("la suite"))
    (withdrawal,) = alice.write(erases(alice, 0))
    entries = [secret, further, withdrawal]
    teller.pushes(alice.head())
    teller.answers_gets([bare(entry) for entry in entries])
    for place in ({"s": 0, "f": 1, "w": 2}[which] for which in order):
        more = Puppet(bob, f"teller of {place}").greets()
        given = [entry if at_ == place else bare(entry) for at_, entry in enumerate(entries)]
        more.answers_gets(given)
    assert [at(bob, alice, index).state for index in range(3)] == ["erased", "ok", "ok"]
    assert not holds(bob, SECRET.encode())
    assert gives(teller, alice)[0] == (secret.header, b"", b"")
    assert bob.store.verify(alice.log()) == []


def test_the_content_alone_is_not_asked_for_again(world: World, bob: Actor) -> None:
    teller, alice = told(bob)
    secret = alice.write(resource(SECRET))
    withdrawal = alice.write(erases(alice, 0))
    teller.pushes(alice.head())
    teller.answers_gets([bare(secret[0]), withdrawal[0]])
    other = Puppet(bob, "carol").greets()
    world.run(700)
    assert other.heard(Get) == []


def test_a_node_that_was_given_a_body_unasked_forgets_it(bob: Actor) -> None:
    """Somebody answers about another entry, and slips in what was erased."""
    teller, alice = told(bob)
    secret, other = alice.write(resource(SECRET), resource("une autre"))
    (withdrawal,) = alice.write(erases(alice, 0))
    teller.pushes(alice.head())
    teller.answers_gets([bare(secret), bare(other), withdrawal])
    liar = Puppet(bob, "liar").greets()
    get = liar.last(Get)
    assert (get.start, get.end) == (1, 2)
    enc, payload = rows.pack([(secret.header, secret.salt, secret.body)], compressed=False)
    liar.sends(messages.Entries(get.id, alice.log(), 1, 1 if enc else 0, payload))
    assert at(bob, alice, 0).state == "erased"
    assert not holds(bob, SECRET.encode())


def test_in_a_new_epoch_it_stays_out_whatever_is_given_with_it(bob: Actor) -> None:
    """The withdrawal is dropped by the epoch, the leaf comes back, with content, in another place."""
    teller, alice = told(bob)
    _, secret = alice.write(resource("une"), resource(SECRET))
    alice.write(erases(alice, 1))
    teller.pushes(alice.head())
    teller.answers_gets(alice.entries[PUBLIC])
    assert at(bob, alice, 1).state == "erased"
    alice.open_epoch(1)
    alice.write(resource("deux"), secret)
    teller.pushes(alice.head())
    teller.answers_ident(teller.last(Ident), alice.chain)
    teller.answers_gets(alice.entries[PUBLIC], skip=1)
    assert at(bob, alice, 2).rec == alice.rec(2)
    assert at(bob, alice, 2).state == "erased"
    assert not holds(bob, SECRET.encode())
    assert gives(teller, alice, epoch=1)[2] == (secret.header, b"", b"")
    assert bob.store.verify(alice.log()) == []


def test_only_the_author_erases_and_only_what_stands_there(bob: Actor) -> None:
    teller, alice = told(bob)
    carol = Author("carol")
    bob.accepts(carol)
    with bob.turn():
        bob.store.ledger.put_chain(carol.chain)
    alice.write(resource(SECRET), resource("une autre"))
    log, index, leaf = alice.ref(0)
    alice.write(
        *(
            ("withdrawal", {"target": ref, "erase": True})
            for ref in ([log, 1, leaf], [log, index, bytes(32)], [log, 9, leaf], [carol.log(), 0, leaf])
        )
    )
    carol.write(("withdrawal", {"target": [log, index, leaf], "erase": True}))
    for author in (alice, carol):
        before = len(teller.heard(Get))
        teller.pushes(author.head())
        teller.answers_gets(author.entries[PUBLIC], skip=before)
    assert [at(bob, alice, place).state for place in (0, 1)] == ["ok", "ok"]
    assert gives(teller, alice)[0][2]


def test_the_proof_of_the_entry_still_holds(bob: Actor) -> None:
    from mutunode.protocol.merkle import leaf_hash, verify_inclusion

    teller, alice = told(bob)
    (secret,) = alice.write(resource(SECRET))
    alice.write(erases(alice, 0))
    teller.pushes(alice.head())
    teller.answers_gets(alice.entries[PUBLIC])
    proof = teller.asks(messages.Prove, alice.log(), 0, 0, 0)[-1]
    assert isinstance(proof, messages.Proof)
    assert proof.header == secret.header
    assert verify_inclusion(leaf_hash(proof.header), 0, proof.head.size, proof.path, proof.head.root)


# --- a network ---------------------------------------------------------------------------------------
def neighbours(world: World, *names: str) -> list[Actor]:
    actors = [world.node(name) for name in names]
    for actor in actors:
        actor.accepts(*(other for other in actors if other is not actor))
        actor.knows_address_of(*(other for other in actors if other is not actor))
    world.run(10)
    return actors


def test_peers_erase_within_seconds_and_who_comes_later_never_gets_it() -> None:
    world = World(3, latency=(0.015, 0.135))
    alice, bob, carol = neighbours(world, "alice", "bob", "carol")
    alice.publishes("une", SECRET, "trois")
    world.run(3)
    assert all(holds(actor, SECRET.encode()) for actor in (alice, bob, carol))
    alice.says(erases(alice.author, 1))
    world.run(3)
    assert not any(holds(actor, SECRET.encode()) for actor in (alice, bob, carol))
    alice.crashes()
    newcomer = world.node("newcomer")
    newcomer.keeps_frames = True
    newcomer.accepts(alice, bob)
    bob.accepts(newcomer)
    newcomer.knows_address_of(bob)
    world.run(10)
    assert newcomer.size_of(alice) == 4
    assert at(newcomer, alice.author, 1).state == "erased"
    assert b"trois" in heard(newcomer)
    assert SECRET.encode() not in heard(newcomer)


def test_one_that_was_away_for_a_month_erases_when_it_is_back() -> None:
    world = World(4, latency=(0.015, 0.135))
    alice, bob, carol = neighbours(world, "alice", "bob", "carol")
    alice.publishes("une", SECRET)
    world.run(3)
    carol.crashes()
    alice.says(erases(alice.author, 1))
    world.run(3)
    alice.crashes()  # a month later it is not even the author who tells
    world.run(MONTH_SECONDS)
    assert holds(carol, SECRET.encode())
    carol.starts()
    world.run(600)
    assert at(carol, alice.author, 1).state == "erased"
    assert not holds(carol, SECRET.encode())
    assert not holds(bob, SECRET.encode())


def test_a_phone_number_cannot_be_guessed_from_what_is_left() -> None:
    """Ten thousand numbers, against all that a newcomer is told, and all that a node keeps."""
    world = World(5)
    alice, bob = neighbours(world, "alice", "bob")
    alice.publishes("une", SECRET)
    (secret,) = [entry for entry in alice.author.entries[PUBLIC] if SECRET.encode() in entry.body]
    newcomer = world.node("newcomer")
    newcomer.keeps_frames = True
    world.run(3)
    alice.says(erases(alice.author, 1))
    world.run(3)
    newcomer.accepts(alice, bob)
    newcomer.knows_address_of(alice, bob)
    world.run(10)
    assert newcomer.size_of(alice) == 3
    wire = heard(newcomer)
    assert secret.header in wire, "what is left of it"
    kept = [leaf for actor in (alice, bob) for leaf in actor.store.state.logs[alice.log].leaves]
    salts = {wire[at : at + 16] for at in range(len(wire) - 16) if wire[at - 2 : at] == b"\xc4\x10"}
    salts |= {leaf.salt for leaf in kept}
    assert guesses(secret.header, {secret.salt}) == [SECRET], "with its salt it would be a matter of a second"
    assert guesses(secret.header, salts) == []


def heard(actor: Actor) -> bytes:
    """All that came over the wire, unpacked."""
    found = []
    for frame in actor.seen:
        message = messages.decode(frame)
        if isinstance(message, messages.Entries):
            for row in rows.unpack(message.enc, message.payload):
                found += [b"\xc4\x10".join((b"", part)) for part in row]
        found.append(frame)
    return b"".join(found)


def guesses(header: bytes, salts: set[bytes]) -> list[str]:
    """The numbers of which the header is that of a record, with one of these salts."""
    numbers = [f"06 12 34 {n // 100:02} {n % 100:02}" for n in range(10_000)]
    bodies = [(number, encode_body({"title": {"fr": number}})) for number in numbers]
    return [number for number, body in bodies for salt in salts if body_hash(salt, body) in header]
