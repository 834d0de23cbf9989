"""Chains that come over the network: rivals, disputes, keys that are over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mutunode.protocol import codec, messages
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.head import Head
from mutunode.protocol.identity import Chain, Standing, parse_genesis
from mutunode.protocol.messages import Get, Ident, Since
from mutunode.protocol.node import Node
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author

IDENTITY = json.loads((Path(__file__).parent.parent / "vectors" / "mutunode-1.json").read_text())["identity"]
GENESIS = bytes.fromhex(IDENTITY["genesis"])
OP = (bytes.fromhex(IDENTITY["op"]), bytes.fromhex(IDENTITY["op_signature"]))
RIVALS = {
    rival["why"]: (bytes.fromhex(rival["op"]), bytes.fromhex(rival["signature"]))
    for rival in IDENTITY["rivals"]
}
ORG = bytes.fromhex(IDENTITY["org"])


class Organisation:
    """The one of the vectors, as somebody to accept."""

    org = ORG


def told(bob: Actor, *ops: tuple[bytes, bytes], rivals: tuple[tuple[bytes, bytes], ...] = ()) -> Puppet:
    """Somebody shows a head of the organisation and, asked, its chain."""
    bob.accepts(Organisation())
    puppet = Puppet(bob, f"teller {len(ops)} {len(rivals)}").greets()
    puppet.pushes(Head(ORG, bytes(32), 9, 0, 0, bytes(32), 1_700_000_000, bytes(64)))
    puppet.sends(messages.Identity(puppet.last(Ident).id, GENESIS, ops, rivals))
    return puppet


def chain_of(bob: Actor) -> Chain:
    with bob.turn():
        chain = bob.store.ledger.chain(ORG)
    assert chain is not None
    return chain


def test_a_chain_is_kept_with_its_losing_rival(bob: Actor) -> None:
    told(bob, OP, rivals=(RIVALS["lower root"],))
    chain = chain_of(bob)
    assert chain.epoch == 1
    assert [rival.standing for rival in chain.rivals] == [Standing.LOST]
    assert NoticeKind.DISPUTED not in bob.notices


def test_a_rival_of_an_earlier_root_replaces_what_is_held(bob: Actor) -> None:
    told(bob, RIVALS["lower root"])
    told(bob, RIVALS["lower root"], OP)
    chain = chain_of(bob)
    assert chain.ops[0].op.raw == OP[0]
    assert [rival.ops[0].op.raw for rival in chain.rivals] == [RIVALS["lower root"][0]]


def test_after_thirty_days_it_does_not(world: World, bob: Actor) -> None:
    told(bob, RIVALS["lower root"])
    world.run(31 * 86_400)
    told(bob, RIVALS["lower root"], OP)
    assert chain_of(bob).ops[0].op.raw == RIVALS["lower root"][0]


def test_equal_rank_is_a_dispute_that_a_person_hears_of_and_nothing_new_is_taken(bob: Actor) -> None:
    told(bob, OP, rivals=(RIVALS["equal place"],))
    assert chain_of(bob).disputed
    assert bob.notices == [NoticeKind.DISPUTED]
    puppet = Puppet(bob, "another").greets()
    vectors = json.loads((Path(__file__).parent.parent / "vectors" / "mutunode-1.json").read_text())
    wire = [bytes.fromhex(item) if isinstance(item, str) else item for item in vectors["heads"][1]["wire"]]
    puppet.pushes(Head.from_wire(wire))
    assert not puppet.heard(Get)
    assert puppet.close_code() is None


def test_what_was_refused_during_a_dispute_is_asked_for_when_a_person_has_decided(bob: Actor) -> None:
    told(bob, OP, rivals=(RIVALS["equal place"],))
    puppet = Puppet(bob, "another").greets()
    puppet.sends(messages.Heads(puppet.last(Since).id, b"store 42", 7, False, ()))
    with bob.turn():
        assert bob.store.ledger.cursor(puppet.org) is not None
    asked = len(puppet.heard(Since))
    bob.does(Node.decide, ORG, 1, False)
    assert not chain_of(bob).disputed
    assert len(puppet.heard(Since)) == asked + 1
    assert puppet.last(Since).cursor == 0


class TwoKeys(Author):
    """The organisation of the vectors, with the operating key that its op names."""

    def __init__(self) -> None:
        super().__init__("two keys")
        self.chain = Chain(parse_genesis(GENESIS))
        self.org = ORG
        self._operating = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(IDENTITY["operating2_seed"]))


def test_a_disputed_organisation_may_show_identities_and_nothing_else(bob: Actor) -> None:
    told(bob, OP, rivals=(RIVALS["equal place"],))
    puppet = Puppet(bob, author=TwoKeys())
    hello = puppet.hello()
    puppet.sends(hello)
    puppet.sends(puppet.auth(hello))
    puppet.sends(messages.Identity(puppet.last(Ident).id, GENESIS, (OP,), (RIVALS["equal place"],)))
    assert puppet.close_code() is None
    (identity,) = puppet.asks(messages.Ident, ORG, 1)
    assert isinstance(identity, messages.Identity)
    assert dict(identity.rivals) == dict([RIVALS["equal place"]])
    (refusal,) = puppet.asks(messages.AskHead, bob.log)
    assert isinstance(refusal, messages.Err)
    assert refusal.code == 5


def test_a_link_under_a_key_that_a_new_epoch_replaced_ends(bob: Actor) -> None:
    thief, owner = Author("alice"), Author("alice")
    bob.accepts(owner)
    link = Puppet(bob, author=thief).greets()
    owner.open_epoch(0)
    Puppet(bob, author=owner).greets()
    assert (link.errors, link.close_code()) == ([6], 4003)


@pytest.mark.parametrize(
    "identity",
    [
        (b"\xc1", (), ()),
        (Author("somebody else").chain.genesis.raw, (), ()),
        (GENESIS, ((OP[0], bytes(64)),), ()),
        (GENESIS, (OP, OP, RIVALS["lower root"]), ((codec.encode({}), bytes(64)),)),
    ],
)
def test_chains_that_do_not_verify_cost_their_sender(bob: Actor, identity: tuple[Any, ...]) -> None:
    bob.accepts(Organisation())
    puppet = Puppet(bob).greets()
    puppet.pushes(Head(ORG, bytes(32), 9, 0, 0, bytes(32), 1_700_000_000, bytes(64)))
    puppet.sends(messages.Identity(puppet.last(Ident).id, *identity))
    with bob.turn():
        assert bob.store.ledger.score(puppet.org)[0] < 0
        assert bob.store.ledger.chain(ORG) is None


def test_who_announced_what_a_stolen_root_signed_and_learned_better_meanwhile_is_no_liar(
    world: World, bob: Actor
) -> None:
    alice, thief = Author("alice", roots=2), Author("alice", roots=2)
    thief.open_epoch(0, by=1)
    thief.write(("resource", {"title": {"fr": "volé"}}))
    bob.accepts(alice)
    teller = Puppet(bob, "teller").greets()
    teller.pushes(thief.head())
    alice.open_epoch(0)
    won, lost = (
        tuple((signed.op.raw, signed.signature) for signed in author.chain.ops) for author in (alice, thief)
    )
    genesis = alice.chain.genesis.raw
    teller.sends(messages.Identity(teller.last(Ident).id, genesis, won, lost))
    with bob.turn():
        assert bob.store.ledger.score(teller.org)[0] == 0
        held = bob.store.ledger.chain(alice.org)
    assert held is not None
    assert held.operating == alice.chain.operating

    invented = Puppet(bob, "invented").greets()
    forged = Head(alice.org, bytes(32), 1, 0, 0, bytes(32), 1_700_000_000, bytes(64))
    invented.pushes(forged)
    invented.sends(messages.Identity(invented.last(Ident).id, genesis, won, lost))
    with bob.turn():
        assert bob.store.ledger.score(invented.org)[0] < 0
