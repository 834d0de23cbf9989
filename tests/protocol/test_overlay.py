"""Links in a large network: spread over subnets and introducers; nobody with many keys is all we hear."""

from __future__ import annotations

import pytest

from mutunode.protocol import links
from mutunode.protocol.core import NodeSettings, Shortage
from mutunode.protocol.effects import NoticeKind
from mutunode.protocol.ledger import Address
from mutunode.protocol.messages import Err
from mutunode.protocol.subnets import subnet_of, subnet_of_address
from tests.protocol.puppet import Puppet
from tests.simulator import Actor, World
from tests.store.authors import Author


def crowd(bob: Actor, count: int) -> list[Author]:
    """So many accepted organisations at addresses of their own, each in another /24."""
    authors = [Author(f"org {i}") for i in range(count)]
    bob.accepts(*authors)
    with bob.turn():
        for i, author in enumerate(authors):
            bob.store.ledger.put_address(Address(f"9.9.{i}.1:7447", author.org, "profile"))
    return authors


# --- subnets -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("host", "subnet"),
    [
        ("9.9.9.9", "9.9.9.0/24"),
        ("9.9.9.200", "9.9.9.0/24"),
        ("::ffff:9.9.9.9", "9.9.9.0/24"),
        ("2a01:4f8:1:2::3", "2a01:4f8:1::/48"),
        ("[2a01:4f8:1:ffff::3]", "2a01:4f8:1::/48"),
        ("192.168.1.1", ""),
        ("127.0.0.1", ""),
        ("fe80::1%eth0", ""),
        ("fd00::1", ""),
        ("commons.example", ""),
        ("", ""),
    ],
)
def test_one_neighbour_is_a_24_or_a_48_of_the_open_internet(host: str, subnet: str) -> None:
    assert subnet_of(host) == subnet


def test_addresses_tell_their_subnet_where_they_are_numbers() -> None:
    assert subnet_of_address("9.9.9.9:7447") == "9.9.9.0/24"
    assert subnet_of_address("[2a01:4f8::1]:7447") == "2a01:4f8::/48"
    assert subnet_of_address("wss://9.9.9.9") == ""


def comes_from(bob: Actor, name: str, ip: str, **given: object) -> Puppet:
    """Somebody who calls from that address."""
    opened = type(bob.node).opened
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(bob.node), "opened", lambda node, *args: opened(node, *args, ip=ip))
        return Puppet(bob, name, lan=False, **given).greets()  # type: ignore[arg-type]


def test_of_one_subnet_two_links_stay(world: World) -> None:
    bob = world.node("bob")
    crowd(bob, 60)
    mallorys = [comes_from(bob, f"mallory {i}", f"8.8.8.{i}") for i in range(1, 30)]
    assert [link.close_code() for link in mallorys] == [None, None] + [1000] * 27
    assert comes_from(bob, "alice", "8.8.9.1").close_code() is None


def test_with_few_peers_an_office_behind_one_address_is_welcome(world: World) -> None:
    bob = world.node("bob")
    office = [comes_from(bob, f"colleague {i}", "8.8.8.8") for i in range(6)]
    assert {link.close_code() for link in office} == {None}


def test_a_third_address_of_one_subnet_is_not_dialled(world: World) -> None:
    bob = world.node("bob")
    authors = [Author(f"org {i}") for i in range(80)]
    bob.accepts(*authors)
    with bob.turn():
        for i, author in enumerate(authors):
            bob.store.ledger.put_address(Address(f"9.9.9.{i + 1}:7447", author.org, "profile"))
    bob.does(lambda node, now: node.repair(now))
    bob.node._dialler._dialling.clear()
    bob.does(lambda node, now: (node._dialler.look(now), node._effects(now))[1])
    assert len(bob.node._dialler._dialling) == 2


def test_at_most_half_of_those_we_dial_come_from_one_introducer(world: World) -> None:
    bob, mallory = world.node("bob"), Author("mallory")
    sybils = [Author(f"sybil {i}") for i in range(100)]
    vouched(bob, mallory, sybils)
    honest = crowd(bob, 5)
    bob.does(lambda node, now: (node._dialler.look(now), node._effects(now))[1])
    dialled = bob.node._dialler._dialling_org.values()
    assert len([org for org in dialled if org in {sybil.org for sybil in sybils}]) <= 2
    assert len([org for org in dialled if org in {author.org for author in honest}]) >= 2


def vouched(bob: Actor, voucher: Author, others: list[Author], net: int = 7) -> None:
    """A person accepted the voucher, whose register vouches for the others, each with an address."""
    bob.accepts(voucher)
    said = [
        ("vouch", {"endpoints": [f"{net}.{i}.1.1:7447"], "listed": True, "org": other.org})
        for i, other in enumerate(others)
    ]
    puppet = Puppet(bob, author=voucher).greets()
    entries = voucher.write(*said)
    puppet.pushes(voucher.head())
    answered = 0
    while count := puppet.answers_gets(entries, skip=answered):
        answered += count
    bob.world.run(3)
    assert bob.node.distance(others[-1].org) == 1


# --- eclipse -----------------------------------------------------------------------------------------------
def test_two_hundred_hostile_addresses_do_not_hide_one_honest_seed(world: World) -> None:
    """N8: two accepted by mistake vouch for a hundred keys each, all a voucher may; they call first."""
    honest = world.node("honest")
    bob = world.add(Actor(world, "bob", NodeSettings(seeds=(Address("honest:1", honest.org, "seed"),))))
    world.part([honest], [bob])  # the honest one is away while they fill every place
    mallorys = Author("mallory"), Author("marvin")
    for number, mallory in enumerate(mallorys):
        vouched(bob, mallory, [Author(f"sybil {number}.{i}") for i in range(100)], net=7 + number)
    callers = [
        comes_from(bob, f"sybil {number}.{i}", f"{7 + number}.{i}.1.1")
        for i in range(100)
        for number in (0, 1)
    ]
    assert sum(link.close_code() is None for link in callers) <= 64
    bob.accepts(honest)
    world.heal()
    world.run(120)
    assert bob.is_linked_with(honest)
    honest.publishes("Fiche")
    world.run(5)
    assert bob.size_of(honest) == 1
    dialled = [link for link in bob.links() if link.outgoing]
    for mallory in mallorys:
        introduced = [link for link in dialled if bob.node._interest.voucher(link.org) == mallory.org]
        assert len(introduced) <= 2


def test_whoever_a_person_accepted_takes_the_place_of_whoever_was_introduced(world: World) -> None:
    bob = world.add(Actor(world, "bob", NodeSettings(links_max=4)))
    sybils = [Author(f"sybil {i}") for i in range(6)]
    vouched(bob, Author("mallory"), sybils)
    callers = [Puppet(bob, author=sybil).greets() for sybil in sybils]
    assert sum(link.ready for link in bob.links()) == 4
    alice = Author("alice")
    bob.accepts(alice)
    assert Puppet(bob, author=alice).greets().close_code() is None
    assert 4029 in {link.close_code() for link in callers}
    assert sum(link.ready for link in bob.links()) == 4


def test_somebody_accepted_of_whom_nobody_told_is_dialled_first_though_all_places_are_taken(
    world: World,
) -> None:
    """Two federations, each full of its own members: who else would bring them together?"""
    bob = world.add(Actor(world, "bob", NodeSettings(links_max=16)))
    callers = [Puppet(bob, author=author, lan=False).greets() for author in crowd(bob, 60)[:16]]
    world.run(40)
    assert sum(link.ready for link in bob.links()) == 16
    hub = world.node("hub")
    hub.accepts(bob)
    hub.publishes("Fiche")
    bob.accepts(hub)
    bob.knows_address_of(hub)
    world.run(30)
    assert bob.size_of(hub) == 1
    assert sum(link.ready for link in bob.links()) == 16
    assert [caller.close_code() for caller in callers].count(4029) == 1


def test_one_that_a_person_accepted_and_that_introduces_others_is_the_last_to_give_up_its_place(
    world: World,
) -> None:
    bob = world.add(Actor(world, "bob", NodeSettings(links_max=3)))
    hub = Author("hub")
    vouched(bob, hub, [Author("far")])
    later = [Author(f"member {i}") for i in range(4)]
    bob.accepts(*later)
    callers = []
    for author in later:
        callers.append(Puppet(bob, author=author).greets())
        world.run(31)
    assert [link.org for link in bob.links()].count(hub.org) == 1
    assert [caller.close_code() for caller in callers] == [4029, 4029, None, None]


# --- quotas ------------------------------------------------------------------------------------------------
def test_what_comes_by_way_of_one_accepted_organisation_has_a_quota_and_it_shows(world: World) -> None:
    bob = world.add(Actor(world, "bob", NodeSettings(introductions_bytes=lambda: 20_000)))
    one, other, alice = Author("one"), Author("other"), Author("alice")
    vouched(bob, Author("mallory"), [one, other])
    bob.accepts(alice)
    for author in (one, other, alice):
        gives(bob, author, 12)  # about 12 × 1,100 bytes
    assert (held(bob, one), held(bob, other), held(bob, alice)) == (12, 0, 12)
    assert bob.node.full() == {other.org: Shortage.VOUCHER}
    assert bob.notices.count(NoticeKind.FULL) == 1
    # a person says that this one is wanted: then it is not a matter of the voucher any more
    bob.accepts(other)
    gives(bob, other, 1)
    assert held(bob, other) == 13
    assert bob.node.full() == {}


def test_a_voucher_of_a_voucher_gets_no_quota_of_its_own(world: World) -> None:
    bob = world.add(Actor(world, "bob", NodeSettings(introductions_bytes=lambda: 20_000)))
    one, two, three = Author("one"), Author("two"), Author("three")
    vouched(bob, Author("mallory"), [one])
    gives(bob, one, 0, ("vouch", {"endpoints": [], "listed": True, "org": two.org}),
          ("vouch", {"endpoints": [], "listed": True, "org": three.org}))  # fmt: skip
    world.run(3)
    assert bob.node.distance(two.org) == 2
    assert bob.node._interest.root(two.org) == Author("mallory").org
    gives(bob, two, 12)
    gives(bob, three, 12)
    assert (held(bob, two), held(bob, three)) == (12, 0)


def test_a_full_register_shows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("fetch", "judgement", "landing", "pull"):
        monkeypatch.setattr(f"mutunode.protocol.{module}.LOG_BYTES_MAX", 20_000)
    bob, alice = world.node("bob"), Author("alice")
    bob.accepts(alice)
    gives(bob, alice, 12)
    gives(bob, alice, 12)
    assert held(bob, alice) == 12
    assert bob.node.full() == {alice.org: Shortage.LOG}


def gives(bob: Actor, author: Author, count: int, *said: tuple[str, dict[str, object]]) -> None:
    """An author announces so many records of a kilobyte more, and answers for them."""
    author.write(*said, *(("resource", {"title": {"fr": "é" * 500}, "n": i}) for i in range(count)))
    puppet = Puppet(bob, author=author).greets()
    puppet.pushes(author.head())
    answered = 0
    while gets := puppet.answers_gets(author.entries[bytes(32)], skip=answered):
        answered += gets
    bob.does(lambda node, now: node.closed(puppet.link, "gone", now))


def held(bob: Actor, author: Author) -> int:
    """Entries held of an author."""
    with bob.turn():
        log = bob.store.ledger.log(author.log())
    return log.size if log is not None else 0


# --- what is forgotten -------------------------------------------------------------------------------------
def test_of_strangers_that_are_gone_nothing_is_remembered_after_a_day(world: World) -> None:
    bob, alice = world.node("bob"), Author("alice")
    bob.accepts(alice)
    for name in ("alice", *(f"stranger {i}" for i in range(20))):
        puppet = Puppet(bob, name).greets()
        bob.does(lambda node, now, link=puppet.link: node.closed(link, "gone", now))
    with bob.turn():
        for who in (alice.org, Author("stranger 1").org):
            bob.store.ledger.put_cursor(who, b"theirs..", 7)
        bob.store.ledger.put_score(Author("stranger 2").org, -5.0, 0)
        bob.store.ledger.put_score(Author("stranger 3").org, -500.0, int(world.now) + 200_000)
    world.run(86_400 * 1.5)
    state = bob.store.state
    assert set(state.peer_cursors) == {alice.org}
    assert set(state.scores) == {Author("stranger 3").org}


def test_links_that_nobody_asked_about_need_no_subnet(world: World) -> None:
    bob = world.node("bob")
    puppet = Puppet(bob).greets()
    (session,) = bob.node._core.sessions.values()
    assert links.keep_spread(bob.node._core, session, world.now)
    assert puppet.close_code() is None


# --- being sent away ---------------------------------------------------------------------------------------
def test_whoever_is_told_to_come_back_later_comes_back_later(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    with bob.turn():
        bob.store.ledger.put_score(alice.org, -500.0, int(world.now) + 600)
    alice.accepts(bob)
    alice.knows_address_of(bob)
    world.run(590)
    assert len(alice.dialled) == 1
    world.run(120)
    assert alice.is_linked_with(bob)


def test_who_is_sent_away_is_told_for_how_long(world: World) -> None:
    bob, alice = world.node("bob"), Author("alice")
    bob.accepts(alice)
    puppet = Puppet(bob, author=alice).greets()
    session = bob.node._core.sessions[puppet.link]
    for _ in range(3):
        bob.does(lambda node, now: (node._reputation.bad_signature(session, now), node._effects(now))[1])
    assert puppet.close_code() == 4029
    told = puppet.last(Err)
    assert (told.id, told.code) == (0, 3)
    world.run(told.retry_after_s - 2)
    assert Puppet(bob, author=alice).greets().close_code() == 4029
    world.run(2)
    assert Puppet(bob, author=alice).greets().close_code() is None


# --- few who lost each other -------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(1, 6))
def test_of_few_whoever_was_linked_today_is_found_again_within_two_minutes(seed: int) -> None:
    world = World(seed)
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.accepts(alice)
    alice.knows_address_of(bob)
    world.run(600)
    world.part([alice], [bob])
    world.run(7_200)
    assert len(alice.dialled) <= 200  # two of three seconds would be 4,800
    world.heal()
    world.run(121)
    assert alice.is_linked_with(bob)


def test_of_few_somebody_gone_for_days_is_dialled_twice_an_hour(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    alice.accepts(bob)
    bob.accepts(alice)
    alice.knows_address_of(bob)
    world.run(60)
    bob.crashes()
    world.run(90_000)
    before = len(alice.dialled)
    world.run(36_000)
    assert 10 <= len(alice.dialled) - before <= 60


def test_a_link_that_ends_at_once_every_time_is_dialled_less_and_less(world: World) -> None:
    alice, bob = world.node("alice"), world.node("bob")
    bob.blocks(alice)
    alice.knows_address_of(bob)
    world.run(1_800)
    assert len(alice.dialled) <= 30  # of 700, one every 2.5 s


# --- crowds ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("depend", [True, False])
def test_a_crowded_node_lets_go_of_callers_who_hear_others_and_of_nobody_who_depends_on_it(
    world: World, depend: bool
) -> None:
    bob = world.node("bob")
    authors = crowd(bob, 60)
    callers = [Puppet(bob, f"caller {i}", lan=False).greets() for i in range(20)]
    for author, caller in zip(authors, callers, strict=False):
        author.write(("resource", {"n": 1}))
        if not depend:
            with bob.turn():
                bob.store.ledger.put_chain(author.chain)
            caller.pushes(author.head())
            caller.answers_gets(author.entries[bytes(32)])
    for _ in range(20):
        world.run(60)
    gone = [caller for caller in callers if caller.close_code() is not None]
    assert {caller.close_code() for caller in gone} <= {1000}
    assert len(callers) - len(gone) == (20 if depend else 12)


def test_where_many_more_call_many_leave_at_once(world: World) -> None:
    bob = world.node("bob")
    authors = crowd(bob, 60)
    callers = [Puppet(bob, f"caller {i}", lan=False).greets() for i in range(44)]
    for author, caller in zip(authors, callers, strict=False):
        author.write(("resource", {"n": 1}))
        with bob.turn():
            bob.store.ledger.put_chain(author.chain)
        caller.pushes(author.head())
        caller.answers_gets(author.entries[bytes(32)])
    world.run(150)  # two looks
    gone = [caller for caller in callers if caller.close_code() is not None]
    assert 6 <= len(gone) <= 12
