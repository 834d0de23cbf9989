"""Erasing, between real nodes: the content is in no byte of anybody's folder, and stays out."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.nodes import Node, until
from tests.e2e.traces import SAYS, dictionaries, needles, salts, traces

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
