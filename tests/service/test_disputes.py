"""Two new starts of one register: everybody is asked, each settles it, and who was chosen goes on."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from mutunode.protocol import crypto, phrase, rivals
from mutunode.protocol.identity import Base, Chain, make_op
from mutunode.protocol.ids import key_text, parse
from mutunode.service import phrases
from mutunode.service.shapes import Todo
from tests.service.offices import Node, refused, until

Make = Callable[..., Node]
ELSEWHERE = sha256(b"another computer").digest()


def words(node: Node) -> str:
    return " ".join(phrase.words(sha256(node.office.status().name.encode()).digest(), "fr"))


def to_decide(node: Node) -> list[Todo]:
    return [each for each in node.office.inside.todo().waiting if each.about == "dispute"]


def chain_of(node: Node, other: Node) -> Chain:
    found = node.engine.reader.organisation(parse(other.org, "org"))
    assert found is not None
    assert found.chain is not None
    return found.chain


def begins_elsewhere(jardin: Node, told: Node, *, epochs_before: int) -> str:
    """Somebody with the garden's phrase began its register anew from that epoch on another computer, and one
    node hears of it; the key of that computer.
    """
    held = chain_of(told, jardin)
    before = Chain(held.genesis, held.ops[:epochs_before])
    operating = crypto.public_of(ELSEWHERE)
    op = make_op(
        before,
        operating=operating,
        roots=before.roots,
        sealing=before.sealing,
        base=Base(),
        reason="Ailleurs",
    )
    signature = phrases.read(words(jardin)).sign(op.signed)

    def learn(turn):  # type: ignore[no-untyped-def]
        turn.ledger.put_chain(rivals.learn(held, op, signature, int(turn.now)))
        turn.tell(lambda node, now: node.identity_changed(held, now))

    told.engine.turns.act(learn).result()
    return key_text(operating)


def disputed(make: Make, epochs: int) -> tuple[Node, Node, str]:
    """The garden began anew so often; of its first time there is another version, as the workshop hears."""
    jardin, atelier = make("Jardin"), make("Atelier")
    jardin.meets(atelier)
    jardin.publish("Avant")
    for number in range(epochs):
        jardin.office.open_epoch(words(jardin), reason=f"Reprise {number}")
    jardin.meets(atelier)
    until(lambda: chain_of(atelier, jardin).epoch == epochs, "the workshop knows the key")
    return jardin, atelier, begins_elsewhere(jardin, atelier, epochs_before=0)


def test_both_sides_are_asked_and_go_on_with_the_key_that_was_chosen(make: Make) -> None:
    jardin, atelier, _ = disputed(make, epochs=1)
    until(lambda: to_decide(jardin), "its own neighbour told it")
    (ours,), (theirs,) = to_decide(jardin), to_decide(atelier)
    assert (ours.type, ours.id, theirs.type, theirs.id) == ("ours", jardin.org, "tied", jardin.org)
    for text in (ours.text, theirs.text):
        assert text["fr"] != text["en"]
    assert "quelqu’un a votre phrase" in ours.text["fr"]
    assert "six mots" in theirs.text["fr"]
    until(lambda: jardin.office.status().read_only, "nothing is signed")
    assert "laquelle suivre" in jardin.office.status().read_only_reason["fr"]
    with refused("read_only", 8):
        jardin.publish("Pas encore")
    with refused("disputed", 5):
        jardin.office.open_epoch(words(jardin), reason="")

    key = jardin.office.key_show().operating_here
    settled = jardin.office.follow_key(jardin.org, key)
    assert (settled.ours, settled.signs, settled.changed) == (True, True, False)
    assert to_decide(jardin) == []
    assert [each.type for each in to_decide(atelier)] == ["tied"], "each decides for itself"
    rec = jardin.publish("Après")
    answer = atelier.office.follow_key(jardin.org, key)
    assert (answer.ours, answer.changed) == (False, False)
    assert to_decide(atelier) == []
    jardin.meets(atelier)
    until(lambda: atelier.knows(rec), "what the chosen key signs arrives")
    with refused("not_disputed", 4):
        atelier.office.follow_key(atelier.org, key)


def test_who_follows_the_other_key_signs_again_with_a_new_one(make: Make) -> None:
    jardin, atelier, elsewhere = disputed(make, epochs=3)  # of the first of them there is another version
    until(lambda: to_decide(jardin), "its own neighbour told it")
    settled = jardin.office.follow_key(jardin.org, elsewhere)
    assert (settled.operating, settled.ours, settled.signs, settled.changed) == (elsewhere, True, False, True)
    assert to_decide(jardin) == []
    assert "Une autre clé signe" in jardin.office.status().read_only_reason["fr"]
    atelier.office.follow_key(jardin.org, elsewhere)
    opened = jardin.office.open_epoch(words(jardin), reason="Ici de nouveau")
    assert (opened.epoch, opened.base) == (2, 1)
    rec = jardin.publish("Après")
    jardin.meets(atelier)
    until(lambda: atelier.knows(rec), "it is followed on top of the branch that was chosen")
    assert chain_of(atelier, jardin).op(1).op.reason == "Ailleurs"
    assert to_decide(atelier) == to_decide(jardin) == []
    assert "Avant" in atelier.titles(), "and what it kept is here"


def test_doctor_names_who_is_disputed_and_of_who_is_blocked_nobody_is_asked(make: Make) -> None:
    def finding(node: Node) -> tuple[bool, str]:
        found = {each.name: each for each in node.office.doctor()}["disputes"]
        return found.well, found.fr

    _, atelier, _ = disputed(make, epochs=1)
    (item,) = to_decide(atelier)
    well, text = finding(atelier)
    assert (well, "Jardin" in text, "mutunode todo" in text) == (False, True, True)
    atelier.office.block(item.org)
    assert to_decide(atelier) == []
    assert finding(atelier)[0]
