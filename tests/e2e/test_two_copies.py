"""Two copies of one machine at once: noticed, kept as evidence, and healed by one command."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from mutunode_cli.failure import Failure
from tests.e2e.nodes import Node, until


def copied(node: Node) -> Node:
    """A second machine with the same folder; the first is stopped meanwhile."""
    node.stop()
    copy = Node("Copie", node.folder, org=node.org)
    shutil.copytree(node.home, copy.home)
    return copy


def phrase(node: Node) -> str:
    """The file with its recovery phrase."""
    return str(node.folder / f"{node.name.lower()}.phrase")


def is_read_only(node: Node, part: str) -> bool:
    """Whether it says that it signs nothing, with these words in the reason."""
    status = node.ask("status")
    return bool(status["read_only"]) and part in status["read_only_reason"]["en"]


@pytest.mark.parametrize("healer", ["the one the others hold", "the other one"])
def test_two_registers_are_noticed_and_one_command_heals(two: tuple[Node, Node], healer: str) -> None:
    jardin, atelier = two
    for title in ("Un", "Deux"):
        jardin.publish(title)
    atelier.catches_up_with(jardin)
    copy = copied(jardin)
    atelier.stop()
    for node in (jardin, copy):  # nobody is in reach: each believes to be alone
        node.start()
        node.publish(f"Trois de {node.name}")
        node.stop()
    jardin.start()
    atelier.start()
    atelier.catches_up_with(jardin)
    copy.start("--seed", atelier.peer)

    for node in (jardin, copy):
        until(partial(is_read_only, node, "Two different registers"), f"{node.name} has noticed")
        assert node.run("publish", "resource", "--title", "Quatre", "--json").code == 8
        doctor = {each["name"]: each for each in node.ask("doctor")}
        assert not doctor["signing"]["well"]
        assert "epoch open" in doctor["signing"]["fr"]
    assert atelier.forked() == ["Jardin"]

    one, other = (jardin, copy) if healer == "the one the others hold" else (copy, jardin)
    foreseen = one.run("epoch", "open", "--phrase-file", phrase(jardin), "--dry-run", "--json").json
    opened = one.run("epoch", "open", "--phrase-file", phrase(jardin), "--reason", "Copie", "--json")
    assert opened.code == 0, opened
    said = opened.json
    assert [said[each] for each in ("base", "size", "dropped")] == [
        foreseen[each] for each in ("base", "size", "dropped")
    ]
    if one is copy:  # the others hold what is not ours: where both part can be told
        assert (said["base"], [each["title"] for each in said["dropped_records"]]) == (2, ["Trois de Copie"])
    else:  # nobody in reach holds anything else than we do: all of it stays
        assert (said["base"], said["dropped"]) == (3, 0)
    one.publish("Quatre")
    atelier.catches_up_with(one)
    if other is jardin:
        until(lambda: is_read_only(other, "Another key signs"), "the other one hears that its key is over")
    atelier.ask("log_verify")
    one.stop()


def test_two_copies_that_meet_turn_read_only_and_a_new_key_tells_them_apart(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    jardin.publish("Un")
    atelier.catches_up_with(jardin)
    copy = copied(jardin)
    copy.start()
    jardin.start("--seed", copy.peer)
    for node in (jardin, copy):
        until(partial(is_read_only, node, "Another computer"), f"{node.name} has noticed")
        with pytest.raises(Failure) as refused:
            node.publish("Deux")
        assert refused.value.exit == 8
    assert jardin.run("epoch", "open", "--phrase-file", phrase(jardin)).code == 0
    jardin.publish("Deux")
    atelier.catches_up_with(jardin)
    until(lambda: is_read_only(copy, "Another key signs"), "the copy hears that its key is over")
    assert atelier.forked() == []
    jardin.stop()
    copy.stop()
