"""A machine is lost: the phrase and somebody who knows us bring all of it back, and end the old key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mutunode.home import Home
from mutunode.protocol import phrase as phrases
from tests.e2e.nodes import Node, environment, until

Make = Callable[[str], Node]


def phrase(node: Node) -> str:
    """The file with a node's recovery phrase."""
    return str(node.folder / f"{node.name.lower()}.phrase")


def empty(node: Node, name: str = "Neuf") -> Node:
    """A machine on which nobody lives yet."""
    return Node(name, node.folder, org=node.org)


@pytest.fixture
def three(make: Make) -> tuple[Node, Node, Node]:
    """The one that will be lost, and two that hold what it shared."""
    jardin, atelier, mairie = (make(name).start() for name in ("Jardin", "Atelier", "Mairie"))
    for one, other in ((atelier, jardin), (mairie, jardin), (jardin, atelier), (atelier, mairie)):
        one.follows(other)
    jardin.ask("peer_accept", org=mairie.org, address=mairie.peer, vouch=True)
    for number in range(5):
        jardin.publish(f"Fiche {number}")
    for other in (atelier, mairie):
        other.catches_up_with(jardin)
    return jardin, atelier, mairie


def test_everything_comes_back_and_the_old_machine_is_believed_by_nobody(
    three: tuple[Node, Node, Node],
) -> None:
    jardin, atelier, mairie = three
    rec = str(jardin.ask("search", q="Fiche 1")["hits"][0]["id"])
    told = {"rec": rec, "as": "adapted", "purpose": "Entre nous", "visibility": "author_only"}
    atelier.ask("use", **told)
    jardin.catches_up_with(atelier)
    size = jardin.register()[0]
    jardin.kill()

    new = empty(jardin)
    answer = new.run("recover", "--phrase-file", phrase(jardin), "--seed", atelier.peer, "--json")
    assert answer.code == 0, answer
    came = answer.json
    assert (came["org"], came["name"], came["epoch"], came["base"]) == (jardin.org, "Jardin", 1, size)
    assert came["accepted"] == [mairie.org], "whom it vouched for is followed again"
    assert came["shown"], "the one that was asked knows the new key already"

    new.start()
    assert new.register()[0] == size
    until(lambda: new.ask("search", q="Fiche 1")["total"] == 1, "it is found")
    shown = new.ask("key_show")
    assert (shown["sealing_epochs"], shown["current"]) == ([0, 1], True)
    new.follows(atelier)
    new.catches_up_with(atelier)
    until(lambda: new.ask("usage", rec=rec)["organisations"], "what was sealed for the old key opens")
    new.publish("Après")
    for other in (atelier, mairie):
        other.catches_up_with(new)

    held = atelier.register(jardin.org)
    jardin.start("--seed", atelier.peer, "--seed", mairie.peer)  # the thief switches the old machine on
    until(lambda: jardin.ask("status")["read_only"], "it hears that its key is over")
    refused = jardin.run("publish", "resource", "--title", "Volé", "--json")
    assert refused.code == 8
    assert "epoch open" in refused.json["error"]["en"]
    assert [other.register(jardin.org) for other in (atelier, mairie)] == [held, held]
    assert [other.forked() for other in (atelier, mairie, new)] == [[], [], []]
    secret = Path(phrase(jardin)).read_text().split()
    said = "".join(each.log.read_text() for each in (new, atelier, mairie))
    assert not any(" ".join(secret[n : n + 2]) in said for n in range(23)), "no phrase in a log"
    new.stop()


def test_two_new_starts_dispute_it_and_whoever_has_the_phrase_goes_on(
    two: tuple[Node, Node], make: Make
) -> None:
    """Recovered twice by people who did not know of each other; then both computers are gone too."""
    jardin, atelier = two
    mairie = make("Mairie").start()
    for one, other in ((mairie, jardin), (mairie, atelier), (atelier, mairie)):
        one.follows(other)
    jardin.publish("Avant")
    for node in (atelier, mairie):
        node.catches_up_with(jardin)
    jardin.kill()
    given = ("recover", "--phrase-file", phrase(jardin))
    for name, asked, away in (("Un", atelier, mairie), ("Deux", mairie, atelier)):
        away.stop()
        if asked.process is None:
            asked.start()
        empty(jardin, name)(*given, "--seed", asked.peer, "--reason", f"Ordinateur {name}")
    atelier.start()
    for node in (atelier, mairie):
        (item,) = until(lambda node=node: node.ask("todo")["waiting"], f"{node.name} is asked")  # type: ignore[misc]
        assert (item["about"], item["type"], item["org"]) == ("dispute", "tied", jardin.org)

    new = empty(jardin)
    back = new.run(*given, "--seed", atelier.peer, "--seed", mairie.peer)
    assert back.code == 0, back
    assert "Set aside: another new start no. 1 of your register (Ordinateur " in back.err
    assert "read them, by voice, the six words" in back.err
    new.start("--seed", atelier.peer, "--seed", mairie.peer)
    shown = new.ask("key_show")
    assert (shown["epoch"], shown["current"], new.ask("todo")["waiting"]) == (2, True, [])
    new.publish("Après")
    for node in (atelier, mairie):
        until(
            lambda node=node: shown["operating"] in str(node.ask("peer_show", org=jardin.org)),  # type: ignore[misc]
            f"{node.name} heard of the third start",
        )
        node.ask("peer_follow", org=jardin.org, key=shown["operating"])
        assert node.ask("todo")["waiting"] == []
    for node in (atelier, mairie):
        node.catches_up_with(new)
        assert node.forked() == []


def test_who_cannot_help_is_told_apart(two: tuple[Node, Node], make: Make) -> None:
    jardin, atelier = two
    stranger = make("Inconnu")
    new = empty(jardin)
    seed = ("--seed", atelier.peer, "--json")
    unknown = new.run("recover", "--phrase-file", phrase(stranger), *seed)
    assert (unknown.code, unknown.json["error"]["code"]) == (3, "unknown_root")
    gone = new.run("recover", "--phrase-file", phrase(jardin), "--json")
    assert gone.code == 2, "an address is needed"
    jardin.stop()
    lived = jardin.run("recover", "--phrase-file", phrase(jardin), *seed)
    assert (lived.code, lived.json["error"]["code"]) == (5, "home_exists")
    nothing = new.folder / "wrong"
    nothing.write_text("pas une phrase")
    assert new.run("recover", "--phrase-file", str(nothing), *seed).code == 2
    bare = new.run("recover", "--phrase-file", phrase(jardin), *seed)
    assert (bare.code, bare.json["error"]["code"]) == (3, "nothing_came"), "it had published nothing"
    assert not (new.home / "identity").exists()
    back = new.run("recover", "--phrase-file", phrase(jardin), *seed, "--begin-empty")
    assert (back.code, back.json["org"], back.json["base"]) == (0, jardin.org, 0), back


def test_an_empty_register_never_takes_the_place_of_one_that_others_hold(
    two: tuple[Node, Node], make: Make
) -> None:
    jardin, atelier = two
    mairie = make("Mairie").start()
    mairie.follows(jardin)
    until(lambda: "Jardin" in str(mairie.ask("peer_show", org=jardin.org)), "it has met it")
    mairie.stop()  # it knows who that is, and was away when something was published
    jardin.publish("Ce que l’atelier tient")
    atelier.catches_up_with(jardin)
    size = jardin.register()[0]
    jardin.kill()
    mairie.start()
    new = empty(jardin)
    given = ("recover", "--phrase-file", phrase(jardin), "--json")
    alone = new.run(*given, "--seed", mairie.peer)
    assert (alone.code, alone.json["error"]["code"]) == (3, "nothing_came"), alone
    assert not (new.home / "identity").exists(), "nothing was signed"
    back = new.run(*given, "--seed", mairie.peer, "--seed", atelier.peer)
    assert (back.code, back.json["base"]) == (0, size), back


def test_of_several_that_claim_a_phrase_a_person_chooses(two: tuple[Node, Node], make: Make) -> None:
    jardin, atelier = two
    jardin.publish("La vraie")
    atelier.catches_up_with(jardin)
    entropy = phrases.entropy(Path(phrase(jardin)).read_text().split())
    false = Node("Jardin-bis", jardin.folder)
    made = Home.create(false.home, name="Jardin", language="fr", entropy=entropy, now=1)
    from mutunode.protocol.ids import org_text

    false.org = org_text(made.genesis.org)
    mairie = make("Mairie").start()
    try:
        false.start()
        mairie.follows(false)
        false.publish("La fausse")
        mairie.catches_up_with(false)
    finally:
        false.kill()
    new = empty(jardin)
    seeds = ("--seed", atelier.peer, "--seed", mairie.peer, "--json")
    both = new.run("recover", "--phrase-file", phrase(jardin), *seeds)
    assert (both.code, both.json["error"]["code"]) == (5, "several_organisations")
    assert jardin.org in both.json["error"]["fr"]
    assert false.org in both.json["error"]["en"]
    chosen = new.run("recover", "--phrase-file", phrase(jardin), *seeds, "--org", jardin.org)
    assert (chosen.code, chosen.json["org"], chosen.json["base"]) == (0, jardin.org, 1), chosen


def test_a_damaged_key_file_is_put_aside_and_what_is_here_is_kept(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    jardin.publish("Avant")
    atelier.catches_up_with(jardin)
    jardin.stop()
    identity = jardin.home / "identity"
    identity.write_bytes(identity.read_bytes()[:-9])
    answer = jardin.run("recover", "--phrase-file", phrase(jardin), "--seed", atelier.peer, "--json")
    assert (answer.code, answer.json["base"]) == (0, 1), answer
    assert (jardin.home / "identity.damaged").exists()
    jardin.start()
    jardin.publish("Après")
    atelier.catches_up_with(jardin)
    assert atelier.forked() == []
    jardin.stop()


# each of them with ``make soak``
POINTS = ("after-keys", "before-keys", "in-keys", "after-commit", "after-mark")


@pytest.mark.parametrize("point", POINTS if "MUTUNODE_TEST_KILLS" in os.environ else POINTS[:1])
def test_a_kill_in_the_middle_is_gone_on_from(two: tuple[Node, Node], point: str) -> None:
    jardin, atelier = two
    jardin.publish("Avant")
    atelier.catches_up_with(jardin)
    jardin.kill()
    new = empty(jardin)
    words = ["recover", "--phrase-file", phrase(jardin), "--seed", atelier.peer, "--home", str(new.home)]
    dying = [sys.executable, "-m", "tests.e2e.dying", "opening", point, "1"]
    killed = subprocess.run([*dying, *words], env=environment() | {"LC_ALL": "C"}, check=False)
    assert killed.returncode == -9
    again = new.run(*words[:-2], "--json")
    assert again.code == (0 if point in ("before-keys", "in-keys") else 5), again
    new.start("--seed", atelier.peer)
    new.publish("Après")
    assert (new.register()[0], new.ask("key_show")["epoch"]) == (2, 1)
    atelier.catches_up_with(new)
    assert atelier.forked() == []
    assert oct(os.stat(new.home / "identity").st_mode & 0o777) == "0o600"
    new.stop()


def test_a_friend_gives_back_what_lost_both_its_machine_and_its_phrase(
    three: tuple[Node, Node, Node],
) -> None:
    jardin, atelier, mairie = three
    offered = atelier("key", "root", jardin.org, "--phrase-file", phrase(atelier))
    entrusted = jardin("key", "entrust", offered["root"], "--phrase-file", phrase(jardin))
    assert entrusted["roots"][1:] == [offered["root"]], "it comes after our own"
    assert [root["place"] for root in jardin.ask("key_show")["roots"]] == [1, 2]
    jardin.publish("Avant")
    for other in (atelier, mairie):
        other.catches_up_with(jardin)
    size = jardin.register()[0]
    jardin.kill()

    new, folder = empty(jardin), jardin.folder
    words, asked = folder / "neuf.phrase", folder / "demande.json"
    request = new("key", "request", jardin.org, "--phrase-file", str(words), "-o", str(asked))
    assert len(request["check_words"]["fr"].split()) == 6
    stranger = mairie.run(
        "epoch", "open", "--with-entrusted", str(asked), "--phrase-file", phrase(mairie), "--json"
    )
    assert (stranger.code, stranger.json["error"]["code"]) == (4, "not_entrusted")
    handed = atelier(
        "epoch", "open", "--with-entrusted", str(asked), "--phrase-file", phrase(atelier), "--reason", "Feu"
    )
    assert (handed["epoch"], handed["base"], handed["operating"]) == (2, size, request["operating"])
    back = new("recover", "--phrase-file", str(words), "--seed", atelier.peer)
    assert (back["org"], back["epoch"], back["base"]) == (jardin.org, 3, size)
    new.start("--seed", mairie.peer)
    new.publish("Après")
    for other in (atelier, mairie):
        other.catches_up_with(new)
        assert other.forked() == []
    shown = new.ask("key_show")
    assert shown["roots"][1]["key"] == offered["root"], "the friend may be needed again"
    assert [epoch["reason"] for epoch in shown["epochs"]][1] == "Feu"
    new.stop()


def test_a_friend_that_takes_an_organisation_against_its_will_is_undone(
    three: tuple[Node, Node, Node],
) -> None:
    jardin, atelier, mairie = three
    offered = atelier("key", "root", jardin.org, "--phrase-file", phrase(atelier))
    jardin("key", "entrust", offered["root"], "--phrase-file", phrase(jardin))
    jardin.publish("La nôtre")
    for other in (atelier, mairie):
        other.catches_up_with(jardin)
    size = jardin.register()[0]

    thief, folder = empty(jardin, "Voleur"), jardin.folder
    words, asked = folder / "voleur.phrase", folder / "demande.json"
    thief("key", "request", jardin.org, "--phrase-file", str(words), "-o", str(asked))
    atelier("epoch", "open", "--with-entrusted", str(asked), "--phrase-file", phrase(atelier))
    until(lambda: jardin.ask("status")["read_only"], "its key is over, though nobody has the new one yet")
    until(lambda: mairie.ask("peer_show", org=jardin.org)["epoch"] == 2, "whoever is linked knows it too")
    thief("recover", "--phrase-file", str(words), "--seed", atelier.peer)
    thief.start("--seed", mairie.peer)
    thief.publish("Volée")
    mairie.catches_up_with(thief)

    late = jardin.run("epoch", "open", "--phrase-file", phrase(jardin), "--json")
    assert (late.code, late.json["error"]["code"]) == (4, "old_phrase")
    assert "--undo" in late.json["error"]["fr"]
    undone = jardin("epoch", "open", "--undo", "--phrase-file", phrase(jardin), "--reason", "Pas nous")
    assert (undone["epoch"], undone["base"]) == (2, size)
    jardin.publish("La nôtre encore")
    for other in (atelier, mairie):
        other.catches_up_with(jardin)
        assert other.forked() == []
        assert other.ask("peer_show", org=jardin.org)["to_decide"] is False
    until(lambda: mairie.ask("search", q="Volée")["total"] == 0, "what the thief published is gone")
    until(lambda: thief.ask("status")["read_only"], "the thief hears that its key is over")
    for each in (jardin, mairie):
        each.ask("log_verify")
    jardin.stop()
    jardin.start()
    jardin.publish("Et encore")
    assert jardin.ask("key_show")["epoch"] == 2
    mairie.catches_up_with(jardin)
    thief.kill()
