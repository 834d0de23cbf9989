"""kill -9 at each step of erasing, at the author and at a peer: after the next start it is complete.

``MUTUNODE_TEST_KILLS`` (as `make soak` sets it) has every point; without it those that differ most.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode_cli.client import NoDaemon, Vanished
from mutunode_cli.failure import Failure
from tests.e2e import dying
from tests.e2e.nodes import Node, until
from tests.e2e.traces import SAYS, dictionaries, needles, salts, traces

Two = tuple[Node, Node]

ALL = "MUTUNODE_TEST_KILLS" in os.environ
AUTHOR = dying.ERASING if ALL else ("before-erasing", "after-erasing", "in-sweep", "after-unindexing")
PEER = (
    ("after-erasing", "in-sweep", "after-unindexing", "in-merging", "after-pointing")
    if ALL
    else ("in-merging",)
)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """An author and one that follows it, through all the kills of this page."""
    folder: Path = tmp_path_factory.mktemp("erasing")
    jardin, atelier = Node("Jardin", folder).init().start(), Node("Atelier", folder).init().start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    jardin.publish("Une fiche qui reste")
    yield jardin, atelier
    for node in (jardin, atelier):
        node.kill()


def finds(node: Node, words: str) -> int:
    return int(node.ask("search", q=words)["total"])


def state(node: Node, rec: str) -> str:
    return str(node.ask("show", rec=rec)["state"])


def shared_secret(jardin: Node, atelier: Node) -> tuple[str, list[bytes]]:
    """A record that both hold and find; what must not be left of it."""
    rec = jardin.publish(SAYS)
    index = jardin.register()[0] - 1
    atelier.catches_up_with(jardin)
    for node in (jardin, atelier):
        until(lambda node=node: finds(node, "zyzomyse"), f"{node.name} finds it")  # type: ignore[misc]
        assert dictionaries(node.home), "what is looked for afterwards is there before"
    return rec, needles(*salts(jardin.home, index))


def erase(node: Node, rec: str) -> None:
    """Have it erased, however often somebody has to ask; who is killed meanwhile cannot answer."""
    with contextlib.suppress(NoDaemon, Vanished, Failure):
        node.ask("withdraw", rec=rec, reason="legal", erase=True)


def dies(node: Node, point: str) -> None:
    """Start it so that it is killed at a point."""
    node.stop()
    node.start(program=("-m", "tests.e2e.dying", "erasing", point, "1"))


def comes_back(node: Node) -> None:
    """It killed itself, and starts as always."""
    until(node.has_died, f"{node.name} reached its point\n{node.log.read_text()}")
    node.kill()
    node.start()


def is_complete(two: Two, rec: str, wanted: list[bytes]) -> None:
    for node in two:
        until(lambda node=node: state(node, rec) == "erased", f"erased at {node.name}")  # type: ignore[misc]
        until(lambda node=node: not finds(node, "zyzomyse"), f"found no more at {node.name}")  # type: ignore[misc]
        until(lambda node=node: not traces(node.home, wanted), f"no byte of it at {node.name}")  # type: ignore[misc]
        until(lambda node=node: node.ask("doctor"), f"{node.name} is well")  # type: ignore[misc]
        assert finds(node, "fiche qui reste") == 1
        node.ask("log_verify")


@pytest.mark.parametrize("point", AUTHOR)
def test_the_author_is_killed_while_erasing(two: Two, point: str) -> None:
    jardin, atelier = two
    rec, wanted = shared_secret(jardin, atelier)
    dies(jardin, point)
    erase(jardin, rec)
    comes_back(jardin)
    assert state(jardin, rec) in ("ok", "erased"), "all of it or nothing"
    if state(jardin, rec) == "ok":
        assert point == "before-erasing"
        assert jardin.ask("show", rec=rec)["title"] == SAYS
        erase(jardin, rec)
    is_complete(two, rec, wanted)


@pytest.mark.parametrize("point", PEER)
def test_a_peer_is_killed_while_erasing(two: Two, point: str) -> None:
    jardin, atelier = two
    rec, wanted = shared_secret(jardin, atelier)
    dies(atelier, point)
    erase(jardin, rec)
    comes_back(atelier)
    is_complete(two, rec, wanted)


def test_no_dictionary_has_kept_a_word(two: Two) -> None:
    for node in two:
        until(lambda node=node: not dictionaries(node.home), f"{node.name} finds no word of it")  # type: ignore[misc]
        node.kill()
        assert dictionaries(node.home) == 0
