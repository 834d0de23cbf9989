"""Telling one organisation alone: sealed in the public log, read by two, and by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from mutunode.protocol import codec, sealed
from mutunode.protocol.entry import make_entry
from mutunode.protocol.ids import org_text, rec_text
from mutunode.service.office import Office
from mutunode.turns import Turn
from tests.service.offices import Node, refused, until

Arrives = Callable[[Node, str], None]
Two = tuple[Node, Node]
WORDS = "Pour trois classes, sans le dire"


def shared(two: Two, arrives: Arrives, **fields: Any) -> str:
    """A resource of the first, arrived at the second."""
    rec = two[0].publish("Semis sous abri", **fields)
    arrives(two[1], rec)
    return rec


def inside(node: Node) -> Office:
    """What a session of a node asks."""
    return node.office.inside


def confided(two: Two, arrives: Arrives, rec: str, as_: str = "adapted", **more: Any) -> str:
    """A usage that the second told the first alone, arrived and opened there."""
    usage = two[1].office.use(rec, as_, visibility="author_only", **more)
    assert usage.sealed_for == two[0].org
    arrives(two[0], usage.id)
    until(lambda: inside(two[0]).show(usage.id).kind == "usage", "opened by its reader")
    return usage.id


def said(node: Node) -> str:
    """Everything an anonymous reader can be answered about anything, as JSON."""
    office = node.office
    recs = [each.rec for each in node.all_records()]
    answers: list[Any] = [
        office.search(""),
        office.network(),
        office.status(),
        office.organisation(office.org),
        list(map(office.desk.reader.record, recs)),
    ]

    answers += [office.show(rec_text(rec)) for rec in recs]
    answers += [office.usage(each.id) for each in office.search("").hits if each.kind == "resource"]
    lines: list[Any] = []
    for kind in office.registry():
        office.export("jsonl", kind, lines.append)
    return repr(answers) + repr(lines)


# --- between the two ---------------------------------------------------------------------------------
def test_a_usage_for_the_author_alone_reaches_it_waits_there_is_answered_and_counts_for_nobody_else(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    usage = confided(two, arrives, rec, purpose=WORDS)
    [todo] = inside(jardin).todo().waiting
    assert (todo.id, todo.about, todo.private, todo.org, todo.text) == (
        usage, "usage", True, atelier.org, {"fr": WORDS},
    )  # fmt: skip
    answer = inside(jardin).usage(rec)
    assert (answer.declared, answer.confirmed, answer.private) == (0, 0, 1)
    [line] = answer.organisations
    assert (line.id, line.private, line.org_name) == (usage, True, "Atelier")

    given = jardin.office.answer(usage, "thanks")
    assert given.sealed_for == atelier.org
    assert inside(jardin).todo().waiting == ()
    assert [done.id for done in inside(jardin).todo().done] == [usage]
    until(lambda: inside(atelier).usage(rec).organisations[0].answer == "thanks", "answered in confidence")
    [line] = inside(atelier).usage(rec).organisations
    assert (line.state, line.private, line.mine) == ("confirmed", True, True)
    assert jardin.office.show(given.id).kind == "sealed"


def test_nobody_without_a_session_is_told_anything_of_it(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    cantine.meets(atelier)
    cantine.meets(jardin)
    rec = shared((jardin, atelier), arrives)
    usage = confided((jardin, atelier), arrives, rec, purpose=WORDS)
    given = jardin.office.answer(usage, "contest", "Ce mot reste entre nous")
    for node in (jardin, atelier, cantine):
        arrives(node, usage)
        arrives(node, given.id)
        told = said(node)
        assert WORDS not in told
        assert "entre nous" not in told
        shown = node.office.show(usage)
        assert (shown.kind, shown.state, shown.body, shown.private) == ("sealed", "sealed", {}, False)
    until(lambda: cantine.engine.reader.sealed_waiting(10) == [], "tried by whom it is not for")
    assert inside(cantine).show(usage).kind == "sealed"
    assert inside(cantine).usage(rec).organisations == ()


def test_the_box_names_nobody_and_has_a_length_in_steps(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    boxes = []
    for purpose in ("", "x" * 40, "x" * 700):
        usage = two[1].office.use(rec, "used", visibility="author_only", purpose=purpose)
        stored = two[1].stored(usage.id)
        assert set(stored.fields()) == {"box", "suite"}
        raw = stored.body or b""
        assert two[0].keys.org not in raw
        assert two[1].keys.org not in raw
        boxes.append(len(stored.fields()["box"]))
    assert all((length - 48) % 256 == 0 for length in boxes)
    assert boxes[2] > boxes[0]


def test_the_sender_reads_revises_and_withdraws_its_own(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    first = confided(two, arrives, rec, purpose="Essai")
    assert inside(atelier).show(first).body["purpose"] == {"fr": "Essai"}
    assert inside(atelier).show(first).sealed_for == jardin.org
    second = atelier.office.revise(first, {"purpose": "Toute l’année"})
    assert (second.revises, second.sealed_for) == (first, jardin.org)
    assert inside(atelier).show(first).newest == second.id
    until(lambda: [each.id for each in inside(jardin).usage(rec).organisations] == [second.id], "revised")
    assert atelier.office.show(second.id).revisions == atelier.office.show(second.id).revisions[:1]
    taken_back = atelier.office.withdraw(second.id, "error")
    assert taken_back.sealed_for == ""
    arrives(jardin, taken_back.id)
    until(lambda: inside(jardin).todo().waiting == (), "taken back")
    assert inside(jardin).usage(rec).private == 0


def test_the_same_confidence_again_signs_nothing(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    first = two[1].office.use(rec, "used", visibility="author_only", period="2026")
    again = two[1].office.use(rec, "used", visibility="author_only", period="2026")
    assert (again.id, again.created, again.sealed_for) == (first.id, False, two[0].org)


def test_what_was_said_to_all_cannot_become_a_confidence(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    usage = two[1].office.use(rec, "used").id
    with refused("already_public", 4) as found:
        two[1].office.use(rec, "used", visibility="author_only")
    assert found.value.troubles[0].field == "visibility"
    with refused("already_public", 4):
        two[1].office.revise(usage, {"visibility": "author_only"})


def test_what_was_confided_can_be_said_to_all_later_and_counts_once(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    confided(two, arrives, rec, period="2026")
    public = atelier.office.use(rec, "adapted", period="2026")
    assert (public.created, public.revises, public.sealed_for) == (True, "", "")
    arrives(jardin, public.id)
    answer = inside(jardin).usage(rec)
    assert (answer.declared, answer.private) == (1, 0)


def test_any_kind_can_be_told_to_one_organisation(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    note = jardin.office.publish(
        "resource", {"title": "Entre nous", "external_ref": "7"}, sealed_for=atelier.org
    )
    assert note.sealed_for == atelier.org
    arrives(atelier, note.id)
    until(lambda: inside(atelier).show(note.id).title == "Entre nous", "opened")
    shown = inside(atelier).show(note.id)
    assert (shown.kind, shown.private, shown.mine) == ("resource", True, False)
    assert atelier.titles("nous") == []
    assert jardin.titles("nous") == []
    again = jardin.office.publish(
        "resource", {"title": "Entre vous", "external_ref": "7"}, sealed_for=atelier.org
    )
    assert again.revises == note.id
    reader = inside(atelier).desk.reader
    until(lambda: [rec_text(each.rec) for each in reader.of_kind("resource", jardin.keys.org)] == [again.id])


def test_what_cites_a_confidence_is_sealed_for_the_other_of_the_two(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    usage = confided(two, arrives, rec)
    flag = jardin.office.flag(usage, "inaccurate", "Ce n’est pas vrai")
    assert flag.sealed_for == atelier.org


def test_one_record_is_never_for_two(make: Callable[[str], Node], arrives: Arrives) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.meets(atelier)
    jardin.meets(cantine)
    rec = shared((jardin, atelier), arrives)
    usage = confided((jardin, atelier), arrives, rec)
    with refused("two_readers", 4):
        jardin.office.publish("usage_answer", {"usage": usage, "answer": "thanks"}, sealed_for=cantine.org)
    with refused("ourselves", 4):
        jardin.office.publish("resource", {"title": "x"}, sealed_for=jardin.org)


def test_a_reader_whose_key_is_not_known_is_refused_before_anything_is_signed(jardin: Node) -> None:

    stranger = org_text(b"\7" * 32)
    with refused("not_found", 3):
        jardin.office.publish("resource", {"title": "x"}, sealed_for=stranger)
    assert jardin.size() == 0


def test_the_preview_says_who_alone_will_read_it(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    fields = {"resource": rec, "type": "used", "visibility": "author_only"}
    preview = inside(two[1]).preview("usage", fields)
    assert (preview.sealed_for, preview.sealed_for_name) == (two[0].org, "Jardin")
    assert inside(two[1]).preview("usage", {**fields, "visibility": "public"}).sealed_for == ""


# --- keys ------------------------------------------------------------------------------------------
def test_what_was_sealed_to_a_key_we_got_back_later_is_read_then(two: Two, arrives: Arrives) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    lost = dict(jardin.keys.sealing)
    jardin.keys.sealing.clear()
    jardin.keys.sealing[7] = b"\7" * 32
    usage = atelier.office.use(rec, "used", visibility="author_only").id
    arrives(jardin, usage)
    until(lambda: jardin.engine.reader.sealed_waiting(10) == [], "tried with the wrong key")
    assert inside(jardin).show(usage).kind == "sealed"
    jardin.keys.sealing.update(lost)
    jardin.engine.opener.poke()
    until(lambda: inside(jardin).show(usage).kind == "usage", "tried again with the right one")


def test_many_that_are_for_others_hold_up_nothing_and_what_is_for_us_is_found_among_them(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    other, log = (
        X25519PublicKey.from_public_bytes(b"\x09" + bytes(31)).public_bytes_raw(),
        atelier.office.desk.own_log,
    )

    def job(turn: Turn) -> None:
        for number in range(400):
            body = sealed.seal("usage", {"n": number}, log, bytes(32), other)
            turn.append(make_entry("sealed", body, int(turn.now), bytes(16)))

    atelier.office.desk.act(job)
    usage = atelier.office.use(rec, "adapted", visibility="author_only").id
    jardin.publish("Pendant ce temps")
    until(lambda: inside(jardin).show(usage).kind == "usage" if jardin.knows(usage) else False, "found")
    until(lambda: jardin.engine.reader.sealed_waiting(1) == [], "all tried")
    assert [each.id for each in inside(jardin).todo().waiting] == [usage]


# --- hostile contents ------------------------------------------------------------------------------
def seal_by_hand(node: Node, reader: Node, plain: bytes) -> str:
    """A valid box around anything, in a register that follows every rule."""
    own, chain = node.engine.office.desk.own_log, reader.home.chain
    public = X25519PublicKey.from_public_bytes(chain.sealing)
    box = sealed._suite.encrypt(plain, public, info=sealed._info(own, chain.org))

    def job(turn: Turn) -> bytes:
        return turn.append(make_entry("sealed", {"box": box, "suite": 1}, int(turn.now), bytes(16))).rec

    return rec_text(node.office.desk.act(job))


def padded(kind: str, body: Any) -> bytes:
    bare = len(codec.encode([kind, body, b""]))
    return codec.encode([kind, body, bytes(-bare % 256)])


HOSTILE = {
    "no message at all": b"\xc1 not msgpack",
    "another shape": codec.encode({"kind": "usage"}),
    "sealed within": padded("sealed", {"box": b"x" * 64, "suite": 1}),
    "a kind that is none": padded("Usage!", {}),
    "a body that is no map": codec.encode(["usage", [1, 2], b""]),
    "too many nodes": padded("usage", {"x": list(range(1_200))}),
    "no padding": codec.encode(["usage", {"a": 1}, b"\0"]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_box_that_opens_and_is_not_right_stays_shut_and_harms_nothing(
    two: Two, arrives: Arrives, what: str
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    evil = seal_by_hand(atelier, jardin, HOSTILE[what])
    usage = confided(two, arrives, rec)
    until(lambda: jardin.engine.reader.sealed_waiting(10) == [], "tried")
    assert inside(jardin).show(evil).kind == "sealed"
    assert [each.id for each in inside(jardin).todo().waiting] == [usage]


STRANGE: dict[str, tuple[str, dict[str, Any]]] = {
    "of a kind nobody knows": ("spell", {"words": "abracadabra"}),
    "that breaks the rules of its kind": ("usage", {"resource": 7, "type": "stolen"}),
    "with a reference to nothing": (
        "usage",
        {"resource": [bytes(32), 3, bytes(32)], "type": "used", "visibility": "author_only"},
    ),
    "that vouches": ("vouch", {"org": b"\7" * 32, "listed": True}),
    "that is a profile": ("profile", {"name": {"fr": "Un faux nom"}, "languages": ["fr"], "posture": {}}),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_confidence(two: Two, arrives: Arrives, what: str) -> None:
    """… of any content is read by its reader alone, and changes nothing that is everybody's."""
    jardin, atelier = two
    kind, body = STRANGE[what]
    evil = seal_by_hand(atelier, jardin, padded(kind, body))
    arrives(jardin, evil)
    until(lambda: inside(jardin).show(evil).kind == kind, "opened")
    assert inside(jardin).todo().waiting == ()
    assert {each.name for each in inside(jardin).network().organisations} == {"Atelier"}
    assert inside(jardin).organisation(atelier.org).organisation.name == "Atelier"


def test_a_body_that_cites_our_record_where_its_kind_expects_something_else_harms_no_list(
    two: Two, arrives: Arrives
) -> None:
    jardin, atelier = two
    rec = shared(two, arrives)
    stored = atelier.stored(rec)
    body = {"resource": 7, "elsewhere": [stored.log, stored.index, stored.leaf]}
    evil = seal_by_hand(atelier, jardin, padded("usage", body))

    def job(turn: Turn) -> None:
        turn.append(make_entry("usage", body, int(turn.now), bytes(16)))

    atelier.office.desk.act(job)
    usage = confided(two, arrives, rec)
    assert inside(jardin).show(evil).kind == "usage"
    assert [each.id for each in inside(jardin).todo().waiting] == [usage]
    assert [each.id for each in inside(jardin).usage(rec).organisations] == [usage]


# --- what the author says of it ----------------------------------------------------------------------
def test_the_author_publishes_how_many_told_it_in_confidence_from_three_on(
    make: Callable[[str], Node], arrives: Arrives
) -> None:
    jardin = make("Jardin")
    users = [make(name) for name in ("Atelier", "Cantine", "Mairie")]
    for user in users:
        jardin.meets(user)
    rec = jardin.publish("Semis sous abri")
    for number, user in enumerate(users):
        arrives(user, rec)
        confided((jardin, user), arrives, rec, "adapted")
        if number < 2:
            with refused("invalid", 2):
                jardin.office.publish("usage_count", {"resource": rec, "type": "adapted", "n": number + 1})
            with refused("too_few", 4):
                jardin.office.publish("usage_count", {"resource": rec, "type": "adapted", "n": 3})
    counted = jardin.office.publish("usage_count", {"resource": rec, "type": "adapted", "n": 3})
    with refused("too_few", 4):
        jardin.office.publish("usage_count", {"resource": rec, "type": "taught", "n": 3})
    for node in (jardin, users[0]):
        arrives(node, counted.id)
        answer = node.office.usage(rec)
        assert [(told.type, told.n) for told in answer.told] == [("adapted", 3)]
        assert (answer.declared, answer.confirmed, answer.private, answer.organisations) == (0, 0, 0, ())
    with refused("not_ours", 4):
        users[0].office.publish("usage_count", {"resource": rec, "type": "adapted", "n": 3})


def test_answers_of_the_json_are_as_before_where_nothing_is_sealed(two: Two, arrives: Arrives) -> None:
    rec = shared(two, arrives)
    usage = two[1].office.use(rec, "used").id
    arrives(two[0], usage)
    assert msgspec.to_builtins(inside(two[0]).usage(rec)) == msgspec.to_builtins(two[0].office.usage(rec))
    assert inside(two[0]).show(rec) == two[0].office.show(rec)
