"""A new key with real processes: what a kill leaves, who hears of it, what the old key is still good for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.dying import OPENING
from tests.e2e.nodes import Answer, Node, environment, until

Make = Callable[[str], Node]
DYING = ("-m", "tests.e2e.dying", "opening")


def phrase(node: Node) -> str:
    """The file with a node's recovery phrase."""
    return str(node.folder / f"{node.name.lower()}.phrase")


def rotate(node: Node, *words: str) -> Answer:
    """Change the key."""
    return node.run("key", "rotate", "--phrase-file", phrase(node), *words)


def epoch(node: Node) -> int:
    """The epoch it is in."""
    return int(node.ask("key_show")["epoch"])


def test_a_kill_anywhere_in_opening_an_epoch_leaves_the_old_key_or_the_new_one(
    two: tuple[Node, Node],
) -> None:
    jardin, atelier = two
    jardin.publish("Avant")
    atelier.catches_up_with(jardin)
    before = 0
    for number, point in enumerate(OPENING, 1):
        jardin.stop()
        words = ["key", "rotate", "--phrase-file", phrase(jardin), "--home", str(jardin.home)]
        died = subprocess.run([sys.executable, *DYING, point, "1", *words], env=environment(), check=False)
        assert died.returncode == -9, point
        jardin.start()
        jardin.publish(f"Après {point}")
        opened = epoch(jardin) - before
        assert opened == (point not in ("before-keys", "in-keys")), point
        before += opened
        assert jardin.register()[0] == number + 1, "nothing that was acknowledged is lost"
        atelier.catches_up_with(jardin)
        assert (atelier.forked(), jardin.forked()) == ([], [])
    jardin.ask("log_verify")
    atelier.ask("log_verify")
    jardin.stop()


def test_a_running_node_takes_its_new_key_and_everybody_follows(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    jardin.publish("Avant")
    atelier.catches_up_with(jardin)
    old = jardin.ask("key_show")["operating"]
    answer = rotate(jardin, "--reason", "Par prudence", "--json")
    assert answer.code == 0, answer
    opened = answer.json
    assert (opened["epoch"], opened["base"], opened["dropped"], opened["opened"]) == (1, 1, 0, True)
    shown = jardin.ask("key_show")
    assert (shown["operating"], shown["current"]) == (opened["operating"], True)
    assert shown["operating"] != old
    assert (shown["epochs"][0]["reason"], shown["sealing_epochs"]) == ("Par prudence", [0, 1])
    jardin.publish("Après")
    atelier.catches_up_with(jardin)
    until(lambda: jardin.ask("status")["holders"] == 1, "who holds all of it is known again")
    jardin.stop()
    jardin.start()
    jardin.publish("Encore")
    atelier.catches_up_with(jardin)
    secret = Path(phrase(jardin)).read_text().split()
    said = jardin.log.read_text() + atelier.log.read_text()
    assert not any(" ".join(secret[n : n + 2]) in said for n in range(23)), "no phrase in a log"


def test_a_phrase_comes_from_stdin_in_either_list_and_another_organisation_s_is_refused(
    two: tuple[Node, Node],
) -> None:
    from mutunode.protocol import phrase as phrases

    jardin, atelier = two
    words = Path(phrase(jardin)).read_text().split()
    english = " ".join(phrases.words(phrases.entropy(words), "en"))
    command = [sys.executable, "-m", "mutunode_cli.main", "key", "rotate", "--phrase-file", "-", "--json"]
    told = subprocess.run(
        [*command, "--home", str(jardin.home)],
        input=english.upper(),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert told.returncode == 0, told
    assert json.loads(told.stdout)["epoch"] == 1
    other = rotate(jardin, "--phrase-file", phrase(atelier), "--json")
    assert (other.code, other.json["error"]["code"]) == (4, "other_phrase")
    assert "Atelier" in other.json["error"]["fr"]
    broken = jardin.folder / "broken"
    broken.write_text(" ".join([*words[:6], "mutunode", *words[7:]]))
    wrong = rotate(jardin, "--phrase-file", str(broken), "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "phrase")
    assert "mot 7" in wrong.json["error"]["fr"]
    none = jardin.run("key", "rotate", "--json")
    assert none.code == 2
    assert epoch(jardin) == 1


@pytest.mark.parametrize("daemon", [True, False], ids=["running", "alone"])
def test_a_passphrase_is_set_changed_and_removed_and_a_rotation_keeps_it(make: Make, daemon: bool) -> None:
    jardin = make("Jardin")
    one, other = jardin.folder / "one", jardin.folder / "other"
    one.write_text("le premier\n")
    other.write_text("l’autre\n")
    if daemon:
        jardin.start()
    jardin("key", "passphrase", "--new-passphrase-file", str(one))
    refused = jardin.run("key", "passphrase", "--passphrase-file", str(other), "--remove", "--json")
    assert refused.code in (4, 5), refused
    assert refused.json["error"]["code"] == "passphrase_wrong"
    jardin("key", "passphrase", "--passphrase-file", str(one), "--new-passphrase-file", str(other))
    if daemon:
        assert rotate(jardin).code == 0
        jardin.stop()
        jardin.start("--passphrase-file", str(other))
        assert epoch(jardin) == 1
    jardin("key", "passphrase", "--passphrase-file", str(other), "--remove")
    if daemon:
        jardin.stop()
    jardin.start()
    jardin.publish("Sans mot de passe")
    assert jardin.ask("key_show")["wrapped"] is False
    jardin.stop()


def test_the_old_machine_switched_on_again_signs_nothing(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    jardin.publish("Avant")
    atelier.catches_up_with(jardin)
    jardin.stop()
    old = Node("Jardin-vole", jardin.folder, org=jardin.org)
    shutil.copytree(jardin.home, old.home)
    jardin.start()
    assert rotate(jardin, "--reason", "Ordinateur volé").code == 0
    jardin.publish("Après")
    atelier.catches_up_with(jardin)
    held = atelier.holds_of(jardin)
    old.start("--seed", f"{atelier.peer}#{atelier.org}")
    until(lambda: old.run("publish", "resource", "--title", "Volé", "--json").code == 8, "it is refused")
    assert atelier.holds_of(jardin) == held
    assert atelier.forked() == []
    assert old.ask("status")["read_only"]
    old.stop()
