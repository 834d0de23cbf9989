"""A disk that lost what its own new start keeps: whoever holds it gives it back, or a person gives it up."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

import pytest

from mutunode_cli.failure import Failure
from tests.e2e.nodes import Answer, Node, until
from tests.e2e.pages import visiting
from tests.e2e.test_old_copies import put_back_later

Make = Callable[[str], Node]


def begins_anew(node: Node, owner: Node, *words: str) -> Answer:
    """A new start of the owner's register, on this machine."""
    phrase = owner.folder / f"{owner.name.lower()}.phrase"
    return node.run("epoch", "open", "--phrase-file", str(phrase), "--json", *words)


def is_asked(node: Node) -> bool:
    """Whether a person there has to say which new start is followed."""
    return [item["about"] for item in node.ask("todo")["waiting"]] == ["dispute"]


def is_read_only(node: Node, part: str) -> bool:
    """Whether it says that it signs nothing, with these words in the reason."""
    status = node.ask("status")
    return bool(status["read_only"]) and part in status["read_only_reason"]["en"]


@pytest.mark.parametrize("by", ["page", "command"])
async def test_what_nobody_holds_is_given_up_by_one_more_new_start(make: Make, by: str) -> None:
    jardin, atelier = make("Jardin").start(), make("Atelier")
    jardin.publish("Un")
    jardin.stop()
    with put_back_later(jardin, whole=False):
        jardin.start()
        jardin.publish("Deux")
        assert begins_anew(jardin, jardin).json["base"] == 2
        jardin.stop()
    jardin.start()
    atelier.start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    until(lambda: is_read_only(jardin, "--base 1 "), "it says what it waits for, and the way out")
    doctor = {each["name"]: each for each in jardin.ask("doctor")}
    assert not doctor["signing"]["well"]
    assert "« mutunode epoch open --base 1 --phrase-file FICHIER »" in doctor["signing"]["fr"]
    with pytest.raises(Failure) as refused:
        jardin.publish("Trois")
    assert (refused.value.code, refused.value.exit) == ("read_only", 8)
    assert begins_anew(jardin, jardin).code == 8, "nothing is given up unsaid"
    if by == "command":
        assert begins_anew(jardin, jardin, "--base", "1").json["lacking"] == 1
    else:
        await gives_up_on_the_page(jardin)
    jardin.publish("Trois")
    atelier.catches_up_with(jardin)
    assert (jardin.register()[0], atelier.forked()) == (2, [])
    atelier.ask("log_verify")
    for node in (jardin, atelier):
        node.stop()


async def gives_up_on_the_page(node: Node) -> None:
    """The person reads how much is missing and how much is here, and says that nobody has the rest."""
    words = (node.folder / f"{node.name.lower()}.phrase").read_text()
    async with visiting(node) as site:
        page = await site.get("/fr/cles")
        assert "Une entrée que garde votre dernière reprise n’est pas sur cet ordinateur" in page.main
        assert "avec 1 entrée, qui est ici" in page.main
        unsaid = await site.submit(page, "/cles", phrase=words)
        assert "garde des pages que cet ordinateur n’a pas encore" in unsaid.find("p", id="e-phrase").words()
        done = await site.submit(page, "/cles", phrase=words, reason="Disque perdu", gone="true")
        assert "Disque perdu" in done.main
        assert "garde votre dernière reprise" not in done.main


def check_shown_without_a_head(node: Node, author: Node) -> None:
    """What its new start keeps is there, in order, and nothing is said of it that is not so."""
    found = until(lambda: node.ask("search")["total"] == 2 and node.ask("search"), "the thief's record left")
    assert {hit["title"] for hit in found["hits"]} == {"Un", "Deux"}
    assert all(each["well"] for each in node.ask("doctor") if each["name"] == "registers")
    node.ask("log_verify")
    for words in (("prove", found["hits"][0]["id"]), ("log", "export", author.org, "--tlog", "export")):
        refused = node.run(*words, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (3, "no_head"), refused
    node.stop()
    node.start()
    assert node.ask("search")["total"] == 2, "a restart drops nothing of it"


def test_who_left_the_branch_of_a_thief_hands_back_what_both_keep(two: tuple[Node, Node]) -> None:
    """The thief has the phrase and a copy of the folder; its register goes, what the owner's keeps stays."""
    jardin, atelier = two
    empty = jardin.home.with_name("empty")
    jardin.stop()
    shutil.copytree(jardin.home, empty)
    jardin.start()
    atelier.stop()
    for title in ("Un", "Deux"):
        jardin.publish(title)
    jardin.stop()
    thief = Node("Voleur", jardin.folder, org=jardin.org)
    shutil.copytree(jardin.home, thief.home)
    jardin.start()
    opened = begins_anew(jardin, jardin).json
    jardin.stop()
    atelier.start()
    thief.start("--seed", atelier.peer)
    until(lambda: not is_read_only(thief, ""), "it may sign")
    assert begins_anew(thief, jardin).json["base"] == 2
    thief.publish("Volé")
    atelier.catches_up_with(thief)
    thief.stop()
    for path in jardin.home.glob("records.sqlite*"):
        path.unlink()
    for path in empty.glob("records.sqlite*"):
        shutil.copy2(path, jardin.home)

    jardin.start()
    for node in (jardin, atelier):
        until(partial(is_asked, node), f"{node.name} knows of both")
    jardin.ask("peer_follow", org=jardin.org, key=opened["operating"])
    jardin.stop()
    atelier.ask("peer_follow", org=jardin.org, key=opened["operating"])
    check_shown_without_a_head(atelier, jardin)

    jardin.start()
    until(lambda: jardin.register()[0] == 2, "it has back what its new start keeps")
    jardin.publish("Trois")
    atelier.catches_up_with(jardin)
    titles = {hit["title"] for hit in atelier.ask("search")["hits"]}
    assert titles == {"Un", "Deux", "Trois"}
    for node in (jardin, atelier):
        node.ask("log_verify")
        assert all(each["well"] for each in node.ask("doctor") if each["name"] == "registers")
        node.stop()
