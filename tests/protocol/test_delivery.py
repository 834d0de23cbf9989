"""DELIVER from both sides: what is taken, what is refused with which code, and that it arrives in the end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mutunode.protocol import delivery, messages, sealed
from mutunode.protocol.delivery import subnet
from mutunode.protocol.entry import Entry
from mutunode.protocol.head import PUBLIC, Head
from mutunode.protocol.invitation import REFUSALS, token_hash
from mutunode.protocol.ledger import Delivered, Invitation, Outgoing
from mutunode.protocol.merkle import over, prove
from mutunode.protocol.messages import Deliver, Err, Ident, Taken
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author, append

TOKEN = "a" * 26


@pytest.fixture
def bob(world: World) -> Actor:
    """An author who never heard of anybody."""
    bob = world.node("bob")
    bob.publishes("Fiche 1")
    return bob


@pytest.fixture
def mallory(bob: Actor) -> Puppet:
    """A stranger on a link."""
    return Puppet(bob).greets()


def usage_of(bob: Actor, **more: Any) -> tuple[str, dict[str, Any]]:
    return "usage", {"resource": bob.author.ref(0), "type": "used", **more}


def sealed_for(bob: Actor, author: Author, kind: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "sealed", sealed.seal(kind, body, author.log(), bob.org, bob.author.sealing_public)


def invite(bob: Actor, author: Author, **more: Any) -> tuple[str, dict[str, Any]]:
    return sealed_for(bob, author, "invite", {"org": bob.org, **more})


def letter(author: Author, **more: Any) -> tuple[Any, ...]:
    """The fields of DELIVER for the last entry of an author, under a new head."""
    entries = author.entries[PUBLIC]
    index = len(entries) - 1
    entry = entries[index]
    tree = over([each.leaf for each in entries])
    given = {
        "header": entry.header, "salt": entry.salt, "body": entry.body, "index": index,
        "path": tuple(prove(tree, len(entries), index)), "head": author.head(),
    }  # fmt: skip
    return tuple({**given, **more}.values())


def brings(puppet: Puppet, said: tuple[str, dict[str, Any]], **more: Any) -> messages.Message:
    """Writes it, delivers it; the answer."""
    puppet.author.write(said)
    (answer,) = puppet.asks(Deliver, *letter(puppet.author, **more))
    return answer


def kept(bob: Actor) -> list[Delivered]:
    return list(bob.store.state.delivered.values())


def code(answer: messages.Message) -> int:
    return answer.code if isinstance(answer, Err) else 0


# --- what is taken -----------------------------------------------------------------------------------
def test_an_acknowledgement_by_somebody_unheard_of_is_stored_and_waits(bob: Actor, mallory: Puppet) -> None:
    assert isinstance(brings(mallory, usage_of(bob)), Taken)
    [found] = kept(bob)
    assert (found.org, found.kind, found.state, found.stranger) == (mallory.org, "usage", "waiting", True)
    assert found.body == mallory.author.entries[PUBLIC][0].body
    assert mallory.org in bob.store.state.chains  # so that its name can be shown
    assert mallory.author.log() not in bob.store.state.logs


def test_the_same_again_is_taken_without_effect(bob: Actor, mallory: Puppet) -> None:
    brings(mallory, usage_of(bob))
    before = kept(bob)
    for _ in range(12):  # more than a day's worth
        bob.world.run(1)
        (answer,) = mallory.asks(Deliver, *letter(mallory.author))
        assert isinstance(answer, Taken)
    assert kept(bob) == before


def test_what_is_sealed_for_us_is_taken_and_what_is_not_is_refused(bob: Actor, mallory: Puppet) -> None:
    inner = {"resource": bob.author.ref(0), "type": "adapted"}
    assert isinstance(brings(mallory, sealed_for(bob, mallory.author, "usage", inner)), Taken)
    [found] = kept(bob)
    assert found.kind == "usage"
    assert found.inside
    other = Author("somebody else")
    body = sealed.seal("usage", inner, mallory.author.log(), other.org, other.sealing_public)
    assert code(brings(mallory, ("sealed", body))) == 5
    # a box of somebody else's log, copied, opens for nobody
    copied = sealed.seal("usage", inner, other.log(), bob.org, bob.author.sealing_public)
    assert code(brings(mallory, ("sealed", copied))) == 5


def test_an_invitation_to_us_is_taken_and_one_to_others_refused(bob: Actor, mallory: Puppet) -> None:
    assert isinstance(brings(mallory, ("invite", {"org": bob.org, "endpoints": ["a:1", 7]})), Taken)
    assert kept(bob)[0].endpoints == ("a:1",)
    assert code(brings(mallory, ("invite", {"org": bytes(32)}))) == 5


def test_anybody_may_bring_it_and_the_authors_chain_is_asked_on_the_same_link(
    bob: Actor, mallory: Puppet
) -> None:
    alice = Author("alice")
    alice.write(usage_of(bob))
    assert mallory.asks(Deliver, *letter(alice)) == []
    ask = mallory.last(Ident)
    assert (ask.key, ask.epoch) == (alice.org, 1)
    mallory.answers_ident(ask, alice.chain)
    assert isinstance(mallory.got[-1], Taken)
    assert [each.org for each in kept(bob)] == [alice.org]


@pytest.mark.parametrize("answer", ["nothing", "another", "refusal"])
def test_without_the_authors_chain_it_is_refused(bob: Actor, mallory: Puppet, answer: str) -> None:
    alice = Author("alice")
    alice.write(usage_of(bob))
    mallory.asks(Deliver, *letter(alice))
    ask = mallory.last(Ident)
    if answer == "another":
        mallory.answers_ident(ask, Author("carol").chain)
    elif answer == "refusal":
        mallory.sends(Err(ask.id, 2, 0, "unknown"))
    else:
        bob.world.run(61)
    assert mallory.errors[-1] == 5
    assert kept(bob) == []


def test_an_author_that_opened_an_epoch_is_asked_for_its_chain(bob: Actor, mallory: Puppet) -> None:
    alice = Author("alice")
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    alice.write(usage_of(bob))
    alice.open_epoch(keeps=1)
    mallory.asks(Deliver, *letter(alice))
    mallory.answers_ident(mallory.last(Ident), alice.chain)
    assert isinstance(mallory.got[-1], Taken)


def test_a_key_that_is_no_longer_the_current_one_brings_nothing(bob: Actor, mallory: Puppet) -> None:
    alice = Author("alice")
    alice.write(usage_of(bob))
    old = letter(alice)
    alice.open_epoch(keeps=0)
    with bob.turn():
        bob.store.ledger.put_chain(alice.chain)
    mallory.asks(Deliver, *old)
    mallory.answers_ident(mallory.last(Ident), alice.chain)
    assert mallory.errors[-1] == 5


# --- what is refused ---------------------------------------------------------------------------------
def wrong(part: str, author: Author) -> dict[str, Any]:
    head = author.head()
    signature = bytes([head.signature[0] ^ 1]) + head.signature[1:]
    parts: dict[str, dict[str, Any]] = {
        "path": {"path": (bytes(32),)},
        "index": {"index": 7},
        "root": {"head": msgspec.structs.replace(head, root=bytes(32))},
        "signature": {"head": msgspec.structs.replace(head, signature=signature)},
        "salt": {"salt": bytes(16)},
        "body": {"body": b"\x80"},
        "header": {"header": b"\x93\x02\x01\x01"},
        "broken header": {"header": b"\xc1"},
        "circle": {"head": msgspec.structs.replace(head, space=b"\1" * 32)},
        "time to come": {"head": future(author)},
    }
    return parts[part]


def future(author: Author) -> Head:
    was, author.time = author.time, author.time + 2 * 86_400
    head = author.head()
    author.time = was
    return head


@pytest.mark.parametrize(
    "part",
    [
        "path", "index", "root", "signature", "salt", "body", "header", "broken header", "circle",
        "time to come",
    ],
)  # fmt: skip
def test_a_proof_that_does_not_hold_is_refused_by_five_and_the_link_stays(
    bob: Actor, mallory: Puppet, part: str
) -> None:
    mallory.author.write(usage_of(bob))
    mallory.asks(Deliver, *letter(mallory.author, **wrong(part, mallory.author)))
    mallory.introduces_itself()  # a signature that does not verify may be of an epoch unheard of
    assert mallory.errors == [5]
    assert mallory.closed is None
    assert kept(bob) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("resource", {"title": {"fr": "a"}}),
        ("usage", {"resource": [bytes(32), 0, bytes(32)]}),
        ("usage", {}),
        ("invite", {"org": "bob"}),
        ("sealed", {"box": b"x" * 64, "suite": 1}),
        ("sealed", {"box": 7, "suite": 1}),
        ("sealed", {}),
    ],
)
def test_what_does_not_concern_us_is_refused_by_five(
    bob: Actor, mallory: Puppet, kind: str, body: dict[str, Any]
) -> None:
    assert code(brings(mallory, (kind, body))) == 5
    assert kept(bob) == []


def test_a_box_that_opens_and_is_not_right_is_refused(bob: Actor, mallory: Puppet) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    public = X25519PublicKey.from_public_bytes(bob.author.sealing_public)
    box = sealed._suite.encrypt(b"\xc1", public, info=sealed._info(mallory.author.log(), bob.org))
    assert code(brings(mallory, ("sealed", {"box": box, "suite": 1}))) == 5


def test_our_own_records_and_blocked_authors_are_refused_alike(bob: Actor, mallory: Puppet) -> None:
    ours = code(mallory.asks(Deliver, *letter(bob.author))[0])
    alice = Puppet(bob, "alice")
    bob.blocks(alice)
    alice.author.write(usage_of(bob))
    (theirs,) = mallory.asks(Deliver, *letter(alice.author))
    assert ours == code(theirs) == 5
    assert kept(bob) == []


# --- what strangers may leave --------------------------------------------------------------------------
def test_eight_a_day_from_one_part_of_the_network_and_the_next_day_again(world: World, bob: Actor) -> None:
    answers = []
    for number in range(10):
        near = Puppet(bob, f"near {number}", address=f"10.0.0.{number}:5000").greets()
        answers.append(code(brings(near, usage_of(bob))))
    assert answers == [0] * 8 + [4, 4]
    far = Puppet(bob, "far", address="10.0.1.1:5000").greets()
    assert code(brings(far, usage_of(bob))) == 0
    world.run(86_401)
    late = Puppet(bob, "late", address="10.0.0.200:5000").greets()
    assert code(brings(late, usage_of(bob))) == 0


def test_two_hundred_and_fifty_six_wait_in_all_and_a_decision_makes_room(bob: Actor) -> None:
    for number in range(32):
        for each in range(8):
            puppet = Puppet(bob, f"{number} {each}", address=f"10.0.{number}.{each}:5000").greets()
            assert code(brings(puppet, usage_of(bob))) == 0
            bob.does(lambda node, now, link=puppet.link: node.closed(link, "gone", now))
    assert len(kept(bob)) == 256
    late = Puppet(bob, "late", address="10.1.0.1:5000").greets()
    assert code(brings(late, usage_of(bob))) == 4
    with bob.turn():
        bob.store.ledger.put_delivered(msgspec.structs.replace(kept(bob)[0], state="ignored"))
    (answer,) = late.asks(Deliver, *letter(late.author))
    assert isinstance(answer, Taken)


def test_sixteen_kilobytes_each(bob: Actor, mallory: Puppet) -> None:
    assert code(brings(mallory, usage_of(bob, purpose={"fr": "x" * 15_000}))) == 0
    assert code(brings(mallory, usage_of(bob, purpose={"fr": "x" * 16_400}))) == 4


def test_a_later_version_takes_the_place_of_the_one_that_waits(bob: Actor, mallory: Puppet) -> None:
    brings(mallory, usage_of(bob, purpose={"fr": "Essai"}))
    brings(mallory, usage_of(bob, purpose={"fr": "Toute l’année"}))
    waiting = [each for each in kept(bob) if each.state == "waiting"]
    assert [each.index for each in waiting] == [1]
    assert [each.body for each in kept(bob) if each.index == 0] == [b""]


@pytest.fixture
def alice(bob: Actor) -> Puppet:
    """Somebody bob listens to, whose register does not come."""
    alice = Puppet(bob, "alice")
    bob.accepts(alice)
    alice.greets()
    bob.world.run(1)
    return alice


def test_those_we_listen_to_have_no_such_limits(bob: Actor, alice: Puppet) -> None:
    for number in range(12):
        assert code(brings(alice, usage_of(bob, type=str(number)))) == 0
    assert not any(each.stranger for each in kept(bob))


def test_they_have_one_of_their_own_and_fill_nobody_elses(
    bob: Actor, alice: Puppet, mallory: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "DELIVERED_LISTENED_MAX", 3)
    for number in range(3):
        assert code(brings(alice, usage_of(bob, type=str(number)))) == 0
    assert code(brings(alice, usage_of(bob, type="3"))) == 4
    assert code(brings(alice, usage_of(bob, type="0", purpose={"fr": "corrigé"}))) == 0, "takes no place more"
    assert code(brings(mallory, usage_of(bob))) == 0
    monkeypatch.setattr(delivery, "DELIVERED_LISTENED_MAX", 256)
    monkeypatch.setattr(delivery, "DELIVERED_LISTENED_BYTES_MAX", 20_000)
    assert code(brings(alice, usage_of(bob, type="4", purpose={"fr": "x" * 18_000}))) == 0
    assert code(brings(alice, usage_of(bob, type="5", purpose={"fr": "x" * 2_000}))) == 4
    settled = [msgspec.structs.replace(each, state="settled") for each in kept(bob)]
    with bob.store.ledger.transaction():
        for each in settled:
            bob.store.ledger.put_delivered(each)
    assert code(brings(alice, usage_of(bob, type="5", purpose={"fr": "x" * 2_000}))) == 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3:7447", "10.1.2.0/24"),
        ("[2001:db8:1:2::3]:7447", "2001:db8:1::/48"),
        ("[::ffff:10.1.2.3]:7447", "10.1.2.0/24"),
        ("[fe80::1%eth0]:7447", "fe80::/48"),
        ("wss://node.example:443", "node.example"),
        ("node.example:7447", "node.example"),
    ],
)
def test_a_part_of_the_network(address: str, expected: str) -> None:
    assert subnet(address) == expected


def test_what_takes_back_under_seal_counts_like_anything_else_and_only_its_authors_records(
    bob: Actor, mallory: Puppet
) -> None:
    brings(mallory, usage_of(bob))
    other = Puppet(bob, "other", address="10.0.9.9:1").greets()
    brings(other, usage_of(bob))
    theirs = [mallory.author.log(), 0, mallory.author.entries[PUBLIC][0].leaf]
    brings(other, sealed_for(bob, other.author, "withdrawal", {"target": theirs}))
    assert [each.state for each in kept(bob) if each.kind == "usage"] == ["waiting", "waiting"]
    brings(mallory, sealed_for(bob, mallory.author, "withdrawal", {"target": theirs}))
    states = {each.org: each.state for each in kept(bob) if each.kind == "usage"}
    assert states == {mallory.org: "ignored", other.org: "waiting"}
    flood = [sealed_for(bob, other.author, "withdrawal", {"n": number}) for number in range(8)]
    answers = []
    for each in flood:
        bob.world.run(1)
        answers.append(code(brings(other, each)))
    assert answers == [0] * 6 + [4, 4]


# --- tokens ------------------------------------------------------------------------------------------
def invites(bob: Actor, **more: Any) -> None:
    given = {"hash": token_hash(TOKEN), "made_at": 0, "expires_at": int(bob.now) + 3_600, "follows": True}
    with bob.turn():
        bob.store.ledger.put_invitation(Invitation(**{**given, **more}))


def accepted(bob: Actor) -> list[bytes]:
    with bob.turn():
        return bob.store.ledger.accepted()


def test_whoever_brings_a_token_is_followed_whatever_strangers_left_today(bob: Actor, world: World) -> None:
    for number in range(9):
        near = Puppet(bob, f"near {number}", address=f"10.0.0.{number}:5000").greets()
        brings(near, usage_of(bob))
    invites(bob)
    guest = Puppet(bob, "guest", address="10.0.0.99:5000").greets()
    assert isinstance(brings(guest, invite(bob, guest.author, token=TOKEN)), Taken)
    assert accepted(bob) == [guest.org]
    assert bob.node.distance(guest.org) == 0
    assert bob.store.state.invitations[token_hash(TOKEN)].used_by == guest.org
    (again,) = guest.asks(Deliver, *letter(guest.author))
    assert isinstance(again, Taken)


def test_a_token_counts_also_when_the_log_it_stands_in_came_by_itself(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    for one, other in ((alice, bob), (bob, alice)):
        one.accepts(other)
        one.knows_address_of(other)
    world.run(20)
    invites(bob)
    alice.says(invite(bob, alice.author, token=TOKEN))
    world.run(20)
    index = len(alice.author.entries[PUBLIC]) - 1
    assert bob.store.state.logs[alice.log].committed == index + 1
    with alice.turn():
        by_hand = Outgoing(alice.log, index, bob.org, int(alice.now), reason="by hand")
        alice.store.ledger.put_outgoing(by_hand)
    alice.does(lambda node, now: node.outgoing_changed(now))
    world.run(60)
    assert state_of(alice, index, bob.org).state == "taken"
    assert bob.store.state.invitations[token_hash(TOKEN)].used_by == alice.org
    assert [(each.kind, each.state, each.body) for each in kept(bob)] == [("invite", "settled", b"")]


def test_a_token_may_only_open_the_door_and_leave_the_rest_to_a_person(bob: Actor, mallory: Puppet) -> None:
    invites(bob, follows=False)
    assert isinstance(brings(mallory, invite(bob, mallory.author, token=TOKEN)), Taken)
    assert accepted(bob) == []
    assert [(each.state, each.stranger) for each in kept(bob)] == [("waiting", False)]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"used_by": bytes(32)}, REFUSALS[1]),
        ({"expires_at": 1}, REFUSALS[2]),
        ({"revoked_at": 1}, REFUSALS[3]),
        (None, REFUSALS[0]),
    ],
)
def test_a_token_that_is_good_no_more_is_refused_and_says_why(
    bob: Actor, mallory: Puppet, state: dict[str, Any] | None, text: str
) -> None:
    if state is not None:
        invites(bob, **state)
    answer = brings(mallory, invite(bob, mallory.author, token=TOKEN))
    assert isinstance(answer, Err)
    assert (answer.code, answer.text) == (5, text)
    assert kept(bob) == []
    assert accepted(bob) == []


def test_a_token_inside_an_invitation_to_somebody_else_opens_nothing(bob: Actor, mallory: Puppet) -> None:
    invites(bob)
    brings(mallory, sealed_for(bob, mallory.author, "invite", {"org": bytes(32), "token": TOKEN}))
    assert accepted(bob) == []
    assert bob.store.state.invitations[token_hash(TOKEN)].used_by is None


# --- bringing our own ----------------------------------------------------------------------------------
def writes_to(alice: Actor, reader: bytes, *said: tuple[str, dict[str, Any]]) -> int:
    """An act of a person: written, to be brought, and the core is told."""
    with alice.turn():
        ledger, author = alice.store.ledger, alice.author
        entries: list[Entry] = author.write(*said)
        append(ledger, author, entries)
        ledger.commit(author.head(), author.tree())
        index = len(author.entries[PUBLIC]) - 1
        ledger.put_outgoing(Outgoing(author.log(), index, reader, int(alice.now)))
    heads = [alice.author.head()]
    alice.does(lambda node, now: node.published([], now))
    alice.does(lambda node, now: node.outgoing_changed(now))
    assert heads
    return index


def state_of(alice: Actor, index: int, reader: bytes) -> Outgoing:
    return alice.store.state.outgoing[alice.log, index, reader]


def test_it_reaches_an_author_who_never_heard_of_us_at_an_address_from_its_profile(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    with alice.turn():
        append(alice.store.ledger, bob.author, [])
    alice.accepts(bob)
    alice.knows_address_of(bob)
    world.run(5)
    index = writes_to(alice, bob.org, usage_of(bob))
    world.run(60)
    assert state_of(alice, index, bob.org).state == "taken"
    assert [each.org for each in kept(bob)] == [alice.org]


def test_it_waits_for_somebody_who_is_away_and_survives_our_crash(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    alice.accepts(bob)
    alice.knows_address_of(bob)
    world.run(5)
    bob.crashes()
    index = writes_to(alice, bob.org, usage_of(bob))
    world.run(3_600)
    waiting = state_of(alice, index, bob.org)
    assert (waiting.state, waiting.tries > 2) == ("waiting", True)
    alice.crashes()
    alice.starts()
    bob.starts()
    world.run(3 * 3_600)
    assert state_of(alice, index, bob.org).state == "taken"
    assert len(kept(bob)) == 1


def test_who_follows_us_is_not_brought_what_comes_by_itself(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    for one, other in ((alice, bob), (bob, alice)):
        one.accepts(other)
        one.knows_address_of(other)
    alice.publishes("Une fiche")
    world.run(30)
    with alice.turn():
        ledger, author = alice.store.ledger, alice.author
        append(ledger, author, author.write(usage_of(bob)))
        head = author.head()
        ledger.commit(head, author.tree())
        index = len(author.entries[PUBLIC]) - 1
        ledger.put_outgoing(Outgoing(author.log(), index, bob.org, int(alice.now)))
    alice.does(lambda node, now: node.published([head], now))
    alice.does(lambda node, now: node.outgoing_changed(now))
    world.run(120)
    assert state_of(alice, index, bob.org).state == "taken"
    assert kept(bob) == []


def test_what_nobody_takes_is_given_up_after_a_month(world: World) -> None:
    alice = world.node("alice")
    index = writes_to(alice, b"r" * 32, ("usage", {"resource": [bytes(32), 0, bytes(32)]}))
    world.run(32 * 86_400)
    assert state_of(alice, index, b"r" * 32).state == "given_up"


def test_a_token_that_is_void_ends_it_with_the_reason(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.publishes("Fiche 1")
    alice.accepts(bob)
    alice.knows_address_of(bob)
    world.run(5)
    index = writes_to(alice, bob.org, invite(bob, alice.author, token=TOKEN))
    world.run(60)
    ended = state_of(alice, index, bob.org)
    assert (ended.state, ended.reason) == ("refused", REFUSALS[0])


# --- through somebody both know --------------------------------------------------------------------------
def village(world: World) -> tuple[Actor, Actor, Actor]:
    """Alice and Carol only know Bob, and he both; Alice hears of Carol through him, she not of Alice."""
    alice, bob, carol = world.node("alice"), world.node("bob"), world.node("carol")
    for one in (alice, carol):
        one.accepts(bob)
        bob.accepts(one)
        one.knows_address_of(bob)
    carol.publishes("Fiche 1")
    bob.publishes("Bonjour")
    world.run(30)
    return alice, bob, carol


@pytest.mark.parametrize("in_confidence", [False, True])
def test_two_who_only_know_a_third_reach_each_other_through_it(world: World, in_confidence: bool) -> None:
    alice, _, carol = village(world)
    said = usage_of(carol)
    if in_confidence:
        said = sealed_for(carol, alice.author, *said)
    alice.says(said)
    world.run(120)
    [found] = kept(carol)
    assert (found.org, found.kind, bool(found.inside)) == (alice.org, "usage", in_confidence)
    assert alice.log not in carol.store.state.logs


def test_what_a_peer_follows_by_itself_is_not_brought_to_it(world: World) -> None:
    alice, bob, carol = village(world)
    carol.accepts(alice)
    world.run(30)
    alice.says(usage_of(carol))
    world.run(120)
    assert kept(carol) == []
    assert carol.store.state.logs[alice.log].committed
    assert bob.up


def test_what_is_not_for_the_peer_is_offered_once(world: World) -> None:
    alice, bob, carol = village(world)
    other = Author("somebody else")
    body = sealed.seal("usage", {}, alice.log, other.org, other.sealing_public)
    alice.says(("sealed", body))
    world.run(120)
    offered = sum(frame[1:2] == b"\x0b" for frame in carol.seen)
    assert offered == 1
    bob.crashes()
    bob.starts()
    world.run(300)
    assert sum(frame[1:2] == b"\x0b" for frame in carol.seen) == 1
    assert kept(carol) == []


# --- taking back -------------------------------------------------------------------------------------
def erases(author: Author, index: int, **more: Any) -> tuple[str, dict[str, Any]]:
    return "withdrawal", {"target": author.ref(index), "reason": "author", "erase": True, **more}


def test_who_takes_back_what_it_had_brought_has_it_erased(bob: Actor, mallory: Puppet) -> None:
    """The receiver follows nobody: the withdrawal is brought as the record was."""
    inner = {"resource": bob.author.ref(0), "type": "adapted", "purpose": {"fr": "06 12 34 56 78"}}
    brings(mallory, sealed_for(bob, mallory.author, "usage", inner))
    usage = mallory.author.rec(0)
    first = letter(mallory.author)
    assert isinstance(brings(mallory, erases(mallory.author, 0)), Taken)
    found = bob.store.state.delivered[usage]
    assert (found.state, found.salt, found.body, found.inside) == ("erased", b"", b"", b"")
    (answer,) = mallory.asks(Deliver, *first)
    assert isinstance(answer, Taken), "the same again has no effect"
    assert bob.store.state.delivered[usage].state == "erased"
    with bob.turn():
        assert bob.store.ledger.strangers_waiting() == 0


def test_what_was_erased_is_not_taken_back_again_to_fill_the_room_of_others(
    bob: Actor, mallory: Puppet
) -> None:
    brings(mallory, usage_of(bob))
    assert isinstance(brings(mallory, erases(mallory.author, 0)), Taken)
    held = len(bob.store.state.delivered)
    assert isinstance(brings(mallory, erases(mallory.author, 0, reason="legal")), Taken)
    assert len(bob.store.state.delivered) == held


@pytest.mark.parametrize("wrong", ["never brought", "kept", "of another", "not there"])
def test_a_withdrawal_of_anything_else_concerns_nobody(bob: Actor, mallory: Puppet, wrong: str) -> None:
    brings(mallory, usage_of(bob))
    log, _, leaf = mallory.author.ref(0)
    said = {
        "never brought": erases(mallory.author, 0, target=[log, 0, bytes(32)]),
        "kept": erases(mallory.author, 0, erase=False),
        "of another": erases(mallory.author, 0, target=[bytes(32), 0, leaf]),
        "not there": erases(mallory.author, 0, target=[log, 1, leaf]),
    }[wrong]
    assert code(brings(mallory, said)) == 5
    assert [each.state for each in kept(bob)] == ["waiting"]


def test_nobody_else_takes_it_back(bob: Actor, mallory: Puppet) -> None:
    brings(mallory, usage_of(bob))
    other = Puppet(bob, "other").greets()
    assert code(brings(other, erases(mallory.author, 0))) == 5
    assert [each.state for each in kept(bob)] == ["waiting"]


def test_it_is_taken_back_even_where_strangers_have_left_their_share(bob: Actor, mallory: Puppet) -> None:
    for number in range(8):
        brings(mallory, usage_of(bob, type=f"used {number}"))
    assert code(brings(mallory, usage_of(bob, type="taught"))) == 4
    assert isinstance(brings(mallory, erases(mallory.author, 0)), Taken)
    assert bob.store.state.delivered[mallory.author.rec(0)].state == "erased"
