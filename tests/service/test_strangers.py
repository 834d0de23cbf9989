"""Acknowledgements and invitations between organisations of which one never heard of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mutunode.protocol import outbox, passing
from mutunode.protocol.ids import org_text, parse
from mutunode.protocol.invitation import token_hash
from mutunode.service import inviting
from mutunode.service.office import Office
from mutunode.service.shapes import Todo
from tests.service.offices import Node, refused, until

Arrives = Callable[[Node, str], None]
Make = Callable[..., Node]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed on is looked at at once, not when several came together, nor once it is shown."""
    monkeypatch.setattr(passing, "PASSING_SECONDS", 0.0)
    monkeypatch.setattr(outbox, "SOON_SECONDS", 0.05)


def inside(node: Node) -> Office:
    return node.office.inside


def village(make: Make, arrives: Arrives, **fields: Any) -> tuple[Node, Node, Node, str]:
    """The garden shares a resource; the workshop hears of it through the town hall, and not the reverse."""
    jardin, mairie, atelier = make("Jardin"), make("Mairie"), make("Atelier")
    jardin.meets(mairie)
    atelier.meets(mairie)
    rec = jardin.publish("Semis sous abri", **fields)
    arrives(mairie, rec)
    mairie.office.accept(jardin.org, vouch=True)
    arrives(atelier, rec)
    return jardin, mairie, atelier, rec


def left(node: Node, count: int = 1) -> tuple[Todo, ...]:
    """What strangers left there, once so many wait."""
    until(lambda: len([each for each in inside(node).todo().waiting if each.stranger]) == count, "left")
    return tuple(each for each in inside(node).todo().waiting if each.stranger)


def stance(node: Node, other: Node) -> str:
    known = {each.org: each.stance for each in inside(node).network().organisations}
    return known.get(other.org, "")


# --- acknowledgements ----------------------------------------------------------------------------------
@pytest.mark.parametrize("visibility", ["public", "author_only"])
def test_an_acknowledgement_reaches_an_author_who_never_heard_of_us_and_is_answered(
    make: Make, arrives: Arrives, visibility: str
) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted", visibility=visibility, purpose="Trois classes").id
    [todo] = left(jardin)
    private = visibility == "author_only"
    assert (todo.id, todo.about, todo.org, todo.org_name, todo.target, todo.private) == (
        usage, "usage", atelier.org, "Atelier", rec, private,
    )  # fmt: skip
    assert set(todo.check_words) == {"fr", "en"}
    shown = inside(jardin).show(usage)
    assert (shown.kind, shown.brought, shown.private, shown.target) == ("usage", True, private, rec)
    assert jardin.office.usage(rec).organisations == ()  # of no figure that others could not check
    with refused("not_found", 3):
        jardin.office.show(usage)
    given = inside(jardin).answer(usage, "thanks")
    assert given.sealed_for == (atelier.org if private else "")
    assert inside(jardin).todo().waiting == ()
    until(lambda: inside(atelier).usage(rec).organisations[0].answer == "thanks", "the answer came back")
    assert stance(jardin, atelier) == ""


def test_following_the_stranger_brings_its_register_and_the_record_stands_in_it(
    make: Make, arrives: Arrives
) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted").id
    left(jardin)
    inside(jardin).accept(atelier.org, atelier.address)
    until(lambda: jardin.knows(usage), "its register came")
    [todo] = inside(jardin).todo().waiting
    assert (todo.id, todo.stranger) == (usage, False)
    assert jardin.office.usage(rec).declared == 1
    assert jardin.engine.reader.delivered_waiting() == []


@pytest.mark.parametrize("visibility", ["public", "author_only"])
def test_what_was_told_to_an_author_who_never_heard_of_us_can_be_erased_there_too(
    make: Make, arrives: Arrives, visibility: str
) -> None:
    """The author follows us as little as before: who passed on the usage passes on that it is taken back."""
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted", visibility=visibility, purpose="06 12 34 56 78").id
    left(jardin)
    inside(atelier).withdraw(usage, "error", erase=True)
    left(jardin, count=0)
    with refused("not_found", 3):
        inside(jardin).show(usage)
    brought = jardin.office.desk.act(lambda turn: turn.ledger.delivered(parse(usage, "rec")))
    assert brought is not None
    assert (brought.state, brought.body, brought.inside) == ("erased", b"", b"")


def test_what_is_ignored_does_not_come_again(make: Make, arrives: Arrives) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted", visibility="author_only", purpose="Secret").id
    left(jardin)
    inside(jardin).answer(usage, "ignore")
    assert inside(jardin).todo().waiting == ()
    with refused("not_found", 3):
        inside(jardin).show(usage)
    atelier.office.revise(usage, {"purpose": "Encore"})
    assert [each.text for each in left(jardin)] == [{"fr": "Encore"}]


def test_a_blocked_stranger_leaves_nothing_and_comes_in_by_no_way(make: Make, arrives: Arrives) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted").id
    left(jardin)
    inside(jardin).answer(usage, "block")
    assert stance(jardin, atelier) == "blocked"
    assert jardin.engine.reader.delivered_waiting() == []
    second = atelier.office.use(rec, "taught").id
    until(lambda: atelier.engine.reader.outgoing_of(*_place(atelier, second))[0].tries > 0, "tried")
    assert inside(jardin).todo().waiting == ()


def _place(node: Node, rec: str) -> tuple[bytes, int]:
    stored = node.stored(rec)
    return stored.log, stored.index


def test_an_author_who_does_not_mind_is_not_bothered_by_strangers_either(
    make: Make, arrives: Arrives
) -> None:
    jardin, _, atelier, rec = village(make, arrives, ack="indifferent")
    atelier.office.use(rec, "adapted")
    until(lambda: [each.state for each in jardin.engine.reader.delivered_waiting()] == ["kept"], "kept")
    assert inside(jardin).todo().waiting == ()


def test_our_own_record_says_how_it_stands_with_bringing_it(make: Make, arrives: Arrives) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    assert inside(atelier).show(rec).delivery == ""
    usage = atelier.office.use(rec, "adapted", visibility="author_only").id
    assert inside(atelier).show(usage).delivery == "waiting"
    left(jardin)
    atelier.office.withdraw(usage, "error")
    assert inside(atelier).show(usage).delivery == "dropped"


@pytest.mark.parametrize("visibility", ["public", "author_only"])
def test_what_another_brought_has_arrived_once_its_reader_answers(
    make: Make, arrives: Arrives, monkeypatch: pytest.MonkeyPatch, visibility: str
) -> None:
    """The author cannot reach it, and who is in between says nothing of what it hands on."""
    monkeypatch.setattr(outbox.Outbox, "_bring", lambda *_: None)
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted", visibility=visibility).id
    left(jardin)
    assert inside(atelier).show(usage).delivery == "waiting"
    inside(jardin).answer(usage, "thanks")
    until(lambda: inside(atelier).show(usage).delivery == "taken", "its answer tells")


@pytest.mark.parametrize("erase", [False, True])
def test_what_was_brought_can_be_taken_back(make: Make, arrives: Arrives, erase: bool) -> None:
    jardin, _, atelier, rec = village(make, arrives)
    usage = atelier.office.use(rec, "adapted", visibility="author_only", purpose="Une confidence").id
    left(jardin)
    atelier.office.withdraw(usage, "error", erase=erase)
    until(lambda: inside(jardin).todo().waiting == (), "taken back")
    found = [each for each in jardin.engine.reader.delivered_waiting() if each.kind == "usage"]
    assert found == []
    with refused("not_found", 3):
        inside(jardin).show(usage)


# --- invitations -----------------------------------------------------------------------------------------
def test_a_link_has_both_follow_each_other(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    made = jardin.office.invitation(note="pour l’atelier")
    assert made.addresses == (jardin.address,)
    read = atelier.office.read_invitation(made.link)
    assert (read.org, read.name, read.expired, read.accepted) == (jardin.org, "Jardin", False, False)
    taken = atelier.office.take_up(made.link)
    assert (taken.state, taken.organisation.org, taken.organisation.stance) == (
        "taken",
        jardin.org,
        "accepted",
    )
    assert stance(jardin, atelier) == "accepted"
    [line] = jardin.office.invitations()
    assert (line.state, line.used_by, line.used_by_name, line.note) == (
        "used",
        atelier.org,
        "Atelier",
        "pour l’atelier",
    )
    rec = atelier.publish("Une fiche")
    until(lambda: jardin.knows(rec), "both listen to each other")
    size = atelier.size()
    assert atelier.office.take_up(made.link).state == "taken"  # a second click
    assert atelier.size() == size


def test_a_link_may_leave_the_last_word_to_a_person(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    made = jardin.office.invitation(follows=False)
    atelier.office.take_up(made.link)
    [todo] = left(jardin)
    assert (todo.about, todo.kind, todo.org, todo.private) == ("invite", "peer", atelier.org, True)
    assert stance(jardin, atelier) == ""
    inside(jardin).answer(todo.id, "accept")
    assert stance(jardin, atelier) == "accepted"
    assert inside(jardin).todo().waiting == ()


def test_a_link_is_good_once_and_says_so_in_words(make: Make) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    made = jardin.office.invitation()
    atelier.office.take_up(made.link)
    with refused("invitation_used", 4):
        cantine.office.take_up(made.link)
    assert stance(jardin, cantine) == ""


def test_a_link_that_was_cancelled_or_is_past_its_date_is_refused(make: Make) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    made = jardin.office.invitation()
    assert jardin.office.revoke_invitation(made.id).state == "revoked"
    with refused("invitation_revoked", 4):
        atelier.office.take_up(made.link)
    made = jardin.office.invitation(days=1)
    cantine.clock.ahead_seconds = 2 * 86_400
    with refused("invitation_expired", 4):
        cantine.office.take_up(made.link)
    assert {each.state for each in jardin.office.invitations()} == {"open", "revoked"}
    with refused("not_found", 3):
        jardin.office.revoke_invitation("inv_nothing")


def test_an_invitation_that_was_used_cannot_be_cancelled(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    made = jardin.office.invitation()
    atelier.office.take_up(made.link)
    with refused("used", 4):
        jardin.office.revoke_invitation(made.id)


def test_a_link_taken_up_while_the_other_is_away_is_brought_later(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    made = jardin.office.invitation()
    jardin._cables.unplug(jardin)
    assert atelier.office.take_up(made.link, wait_seconds=0.5).state == "waiting"
    jardin._cables.plug(jardin)
    atelier.clock.ahead_seconds = 3_000
    until(lambda: stance(jardin, atelier) == "accepted", "brought when it came back")


def test_only_a_hash_of_the_token_is_kept(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    made = jardin.office.invitation()
    token = inviting.parse_link(made.link).token
    kept = jardin.engine.reader.invitations()
    assert [each.hash for each in kept] == [token_hash(token)]
    assert token not in repr(kept)
    atelier.office.take_up(made.link)
    public = repr([*jardin.all_records(), *atelier.all_records()])
    assert token not in public


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("mutunode:", "https:"),
        lambda link: link[:60],
        lambda link: link.replace("org_", "rec_"),
        lambda link: link.replace("token=", "token=!"),
        lambda link: link.replace("at=", "to="),
        lambda link: link + "&name=" + "x" * 5_000,
        lambda link: link.replace("until=", "until=x"),
        lambda link: link.replace("key=", "key=aaaaaaaa"),
        lambda link: "",
    ],
)
def test_what_is_no_whole_link_is_refused_in_words(jardin: Node, change: Callable[[str], str]) -> None:
    link = jardin.office.invitation().link
    with refused("not_an_invitation", 2):
        jardin.office.read_invitation(change(link))


def test_a_link_broken_by_a_mail_program_is_read_all_the_same(jardin: Node) -> None:
    link = jardin.office.invitation().link
    broken = "\n ".join(link[at : at + 60] for at in range(0, len(link), 60))
    assert jardin.office.read_invitation(broken).org == jardin.org


def test_ones_own_link_and_one_of_somebody_blocked_are_refused(make: Make) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    link = jardin.office.invitation().link
    with refused("ourselves", 4):
        jardin.office.take_up(link)
    atelier.office.block(jardin.org)
    with refused("blocked", 4):
        atelier.office.take_up(link)


def test_days_and_addresses_are_checked(jardin: Node) -> None:
    with refused("invalid", 2):
        jardin.office.invitation(days=0)
    with refused("bad_address", 2):
        jardin.office.invitation(addresses=("no address",))


def test_an_organisation_whose_key_is_known_is_invited_without_a_link(make: Make, arrives: Arrives) -> None:
    jardin, _, atelier, _ = village(make, arrives)
    sent = atelier.office.invite(jardin.org, "Parlons semis")
    assert sent.organisation.stance == "accepted"
    [todo] = left(jardin)
    assert (todo.about, todo.org, todo.text, todo.private) == (
        "invite",
        atelier.org,
        {"fr": "Parlons semis"},
        True,
    )
    inside(jardin).answer(todo.id, "accept")
    assert stance(jardin, atelier) == "accepted"
    with refused("no_sealing_key", 3):
        atelier.office.invite(org_text(b"\7" * 32))


def test_deciding_is_for_strangers_and_answering_for_those_we_follow(make: Make, arrives: Arrives) -> None:
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.meets(atelier)
    rec = jardin.publish("Semis")
    arrives(atelier, rec)
    usage = atelier.office.use(rec, "used").id
    arrives(jardin, usage)
    with refused("not_brought", 4):
        inside(jardin).answer(usage, "ignore")
    with refused("ourselves", 4):
        inside(jardin).answer(rec, "block")
