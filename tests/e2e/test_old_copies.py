"""An old copy put back signs nothing before it has asked: otherwise it would sign a second register."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mutunode_cli.failure import Failure
from tests.e2e.nodes import Node, until

Make = Callable[[str], Node]


def files_of_store(home: Path) -> list[Path]:
    """The database and what belongs to it."""
    return [path for path in home.iterdir() if path.name.startswith("records.sqlite")]


@contextmanager
def put_back_later(node: Node, *, whole: bool) -> Iterator[None]:
    """Copy the stopped node now; when the block ends and it is stopped again, put the copy back."""
    copy = node.home.with_name(f"{node.home.name}-copy")
    shutil.copytree(node.home, copy)
    yield
    if whole:
        shutil.rmtree(node.home)
        shutil.copytree(copy, node.home)
        return
    for path in files_of_store(node.home):
        path.unlink()
    for path in files_of_store(copy):
        shutil.copy2(path, node.home)


def fallen_behind(jardin: Node, atelier: Node, *, whole: bool) -> None:
    """The publisher's old copy is in place, two records short of what the other has seen."""
    for title in ("Un", "Deux"):
        jardin.publish(title)
    jardin.stop()
    with put_back_later(jardin, whole=whole):
        jardin.start()
        for title in ("Trois", "Quatre"):
            jardin.publish(title)
        atelier.catches_up_with(jardin)
        jardin.stop()


@pytest.mark.parametrize("whole", [False, True], ids=["store", "whole home"])
def test_with_the_other_in_reach_it_fetches_what_it_lacks_and_goes_on(
    two: tuple[Node, Node], whole: bool
) -> None:
    jardin, atelier = two
    fallen_behind(jardin, atelier, whole=whole)
    seen = atelier.holds_of(jardin)
    jardin.start()
    jardin.publish("Cinq")  # waits until it may
    assert jardin.register()[0] == seen[0] + 1 == 5
    atelier.catches_up_with(jardin)
    assert (jardin.forked(), atelier.forked()) == ([], [])
    jardin.ask("log_verify")
    titles = [hit["title"] for hit in until(lambda: _all(jardin, 5), "found again")]
    assert sorted(titles) == ["Cinq", "Deux", "Quatre", "Trois", "Un"]
    jardin.stop()


def _all(node: Node, total: int) -> list[dict[str, str]] | None:
    answer = node.ask("search")
    return answer["hits"] if answer["total"] == total else None


@pytest.mark.parametrize("whole", [False, True], ids=["store", "whole home"])
def test_without_a_daemon_the_command_asks_first_too(two: tuple[Node, Node], whole: bool) -> None:
    jardin, atelier = two
    fallen_behind(jardin, atelier, whole=whole)
    answer = jardin.run("publish", "resource", "--title", "Cinq", "--json")
    assert answer.code == 0, answer
    assert jardin("log", "show")["size"] == 5
    jardin.start()
    atelier.catches_up_with(jardin)
    assert atelier.forked() == []
    jardin.stop()


def test_with_nobody_in_reach_it_stays_read_only_and_says_what_to_do(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    fallen_behind(jardin, atelier, whole=False)
    atelier.stop()

    alone = jardin.run("publish", "resource", "--title", "Cinq", "--json")
    assert alone.code == 8, alone
    assert "allow-signing" in alone.json["error"]["en"]

    jardin.start()
    with pytest.raises(Failure) as refused:
        jardin.publish("Cinq")
    assert (refused.value.code, refused.value.exit) == ("read_only", 8)
    status = jardin.ask("status")
    assert status["read_only"]
    assert "allow-signing" in status["read_only_reason"]["en"]
    assert jardin.ask("search", q="Un")["total"] == 1, "reading goes on"
    assert jardin.register()[0] == 2
    jardin.stop()


def test_a_person_may_answer_for_the_old_copy_and_is_not_asked_again(make: Make) -> None:
    jardin = make("Jardin").start()
    jardin.publish("Un")
    jardin.stop()
    with put_back_later(jardin, whole=False):
        jardin.start()
        for title in ("Deux", "Trois"):
            jardin.publish(title)
        jardin.stop()
    jardin.start()
    with pytest.raises(Failure):
        jardin.publish("Autrement")
    jardin("doctor", "--allow-signing", "--yes")
    jardin.publish("Autrement")
    jardin.stop()
    jardin.start()
    jardin.publish("Encore")
    assert jardin.register()[0] == 3
    jardin.stop()


def test_a_store_that_is_gone_altogether_comes_back_from_the_others(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    rec = jardin.publish("Un")
    atelier.catches_up_with(jardin)
    jardin.stop()
    for path in files_of_store(jardin.home):
        path.unlink()
    jardin.start("--seed", f"{atelier.peer}#{atelier.org}")  # the address book was in the store
    jardin.publish("Deux")
    assert jardin.register()[0] == 2
    assert jardin.ask("show", rec=rec)["title"] == "Un"
    atelier.catches_up_with(jardin)
    assert atelier.forked() == []
    jardin.stop()
