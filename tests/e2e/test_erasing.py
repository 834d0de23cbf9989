"""Erasing, between real nodes: the content is in no byte of anybody's folder, and stays out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mutunode.protocol import messages, rows
from mutunode.service.framefile import Found, scan
from tests.e2e.nodes import Node, until
from tests.e2e.traces import SAYS, dictionaries, guesses, needles, salts, traces

Make = Callable[[str], Node]


def publish(node: Node) -> str:
    """A record with something in it that should not have been shared, in two versions."""
    rec: str = node("publish", "resource", "--title", SAYS, "--external-ref", "0612345678")["id"]
    node("revise", rec, "--abstract", SAYS * 3)
    return rec


def is_erased(node: Node, rec: str) -> bool:
    """What the node says of the record."""
    shown = node("show", rec)
    return bool(shown["erased"] and shown["state"] == "erased" and shown["body"] == {})


def carries_it(key: Path) -> bool:
    """Whether the secret is in a file of frames, unpacked."""
    with key.open("rb") as file:
        found = [messages.decode(each.frame) for each in scan(file) if isinstance(each, Found)]
    entries = [each for each in found if isinstance(each, messages.Entries)]
    assert entries
    bodies = [row[2] for each in entries for row in rows.unpack(each.enc, each.payload)]
    return any(SAYS.encode() in body for body in bodies)


def test_a_canary_leaves_the_author_and_its_peers(make: Make) -> None:
    jardin, atelier, cantine = make("Jardin").start(), make("Atelier").start(), make("Cantine").start()
    others = (atelier, cantine)
    for other in others:
        other.follows(jardin)
        jardin.follows(other)
    jardin("publish", "resource", "--title", "Une fiche qui reste")
    rec = publish(jardin)
    wanted = needles(*salts(jardin.home, 1, 2))
    for node in (jardin, *others):
        until(lambda node=node: node("search", "zyzomyse")["total"] == 1, f"{node.name} finds it")  # type: ignore[misc]
        assert traces(node.home, wanted)
        assert dictionaries(node.home)

    erased = jardin("withdraw", rec, "--reason", "legal", "--erase")
    assert len(erased["erased"]) == 2
    assert is_erased(jardin, rec)
    for node in (jardin, *others):
        until(lambda node=node: is_erased(node, rec), f"{node.name} erases it")  # type: ignore[misc]
        until(lambda node=node: not traces(node.home, wanted), f"no byte of it at {node.name}")  # type: ignore[misc]
        assert node("search", "zyzomyse")["total"] == 0
        assert node("search", "fiche qui reste")["total"] == 1
        assert node("log", "verify")["registers"] >= 1
    for node in (jardin, *others):
        until(lambda node=node: not dictionaries(node.home), f"no word of it at {node.name}")  # type: ignore[misc]
        node.kill()  # what is on the disk now is all there is
        assert dictionaries(node.home) == 0
        assert traces(node.home, wanted) == []

    # one that comes for the first time, from one of the peers alone, never gets it
    newcomer = make("Nouvelle").start()
    atelier.start()
    newcomer.follows(atelier)
    newcomer("peer", "accept", jardin.org)
    until(lambda: newcomer.run("show", rec).code == 0, "the newcomer has the register")
    until(lambda: is_erased(newcomer, rec), "and knows that it was erased")
    assert traces(newcomer.home, wanted) == []
    assert newcomer("log", "verify")["registers"] >= 1


def test_one_that_was_away_erases_when_it_comes_back(make: Make) -> None:
    jardin, atelier = make("Jardin").start(), make("Atelier").start()
    atelier.follows(jardin)
    jardin.follows(atelier)
    rec = publish(jardin)
    until(lambda: atelier.run("show", rec).code == 0, "it arrives")
    until(lambda: atelier("search", "zyzomyse")["total"] == 1, "it is found")
    wanted = needles(*salts(jardin.home, 0, 1))
    atelier.stop()
    jardin("withdraw", rec, "--reason", "author", "--erase")
    assert traces(atelier.home, wanted), "nobody can reach into a node that is off"
    atelier.start("--seed", jardin.peer)
    until(lambda: is_erased(atelier, rec), "it erases")
    until(lambda: not traces(atelier.home, wanted), "no byte of it is left")


def test_what_was_told_in_confidence_and_a_file_can_be_taken_back_too(two: tuple[Node, Node]) -> None:
    """A usage that only the author of the resource can read; a record with a file."""
    jardin, atelier = two
    rec = jardin.publish("Une fiche ordinaire")
    atelier.catches_up_with(jardin)
    usage = atelier("use", rec, "--as", "used", "--purpose", SAYS, "--visibility", "author_only")["id"]
    until(lambda: jardin("usage", rec)["organisations"], "it arrives, and is opened")
    secret = atelier.folder / "liste.txt"
    secret.write_text(SAYS * 400)
    listed = atelier("publish", "resource", "--title", "Avec un fichier", "--file", str(secret))["id"]
    jardin.catches_up_with(atelier)
    jardin("get", listed, "-o", str(jardin.folder / "ailleurs"))
    wanted = needles(*salts(atelier.home, 0, 1))
    for node in two:
        assert traces(node.home, wanted)
    for each in (usage, listed):
        assert len(atelier("withdraw", each, "--reason", "error", "--erase")["erased"]) == 1
    for node in two:
        until(lambda node=node: not traces(node.home, wanted), f"no byte of it at {node.name}")  # type: ignore[misc]
        assert node("show", usage)["erased"]
    assert jardin("usage", rec)["organisations"] == []
    assert (jardin.folder / "ailleurs" / "liste.txt").read_text() == SAYS * 400, "a copy of one's own stays"


def test_a_usb_key_written_before_brings_nothing_back(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = publish(jardin)
    atelier.catches_up_with(jardin)
    until(lambda: atelier("search", "zyzomyse")["total"], "it is found")
    wanted = needles(*salts(jardin.home, 0, 1))
    key = jardin.folder / "key"
    jardin("sync", "--to", str(key))
    jardin("withdraw", rec, "--reason", "author", "--erase")
    until(lambda: is_erased(atelier, rec), "erased at the peer")
    for node in two:
        node.run("sync", "--from", str(key))
        assert is_erased(node, rec)
        until(lambda node=node: not traces(node.home, wanted), f"no byte of it at {node.name}")  # type: ignore[misc]
    assert carries_it(key), "the old one has it: it is a copy"
    jardin("sync", "--to", str(key))
    assert not carries_it(key), "and one that is written now has nothing of it"


def test_what_is_left_does_not_tell_one_phone_number_from_another(make: Make) -> None:
    """Ten thousand candidates: before, the store itself gives the right one away; after, none."""
    numbers = [f"061234{n:04}" for n in range(10_000)]
    jardin = make("Jardin").start()
    rec = jardin.publish("0612345678", external_ref="0612345678")
    until(lambda: jardin("search", "0612345678")["total"] == 1, "it is found")
    assert guesses(jardin.home, numbers) == {"0612345678"}, "authors' own keys are found by a hash of them"
    jardin("withdraw", rec, "--reason", "legal", "--erase")
    until(lambda: not traces(jardin.home, [b"0612345678"]), "the number itself is gone")
    jardin.kill()
    assert guesses(jardin.home, numbers) == set()
