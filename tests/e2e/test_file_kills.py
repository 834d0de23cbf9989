"""kill -9 of whole nodes while files are published and fetched, at random points.

``MUTUNODE_TEST_FILE_KILLS`` sets how many kills there are of each sort.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode.store.blobs import open_blobs
from mutunode_cli.client import NoDaemon, Vanished
from mutunode_cli.failure import Failure
from tests.e2e.nodes import Node, until

ASKED = os.environ.get("MUTUNODE_TEST_FILE_KILLS")
PUBLISHING_KILLS = int(ASKED or "1")
FETCHING_KILLS = int(ASKED or "2")  # of each side in turn
SIZE = 24_000_000
KILL_WITHIN_SECONDS = 1.2


@pytest.fixture
def jardin(tmp_path: Path) -> Iterator[Node]:
    node = Node("Jardin", tmp_path).init()
    yield node
    node.kill()


@pytest.fixture
def atelier(tmp_path: Path) -> Iterator[Node]:
    node = Node("Atelier", tmp_path).init()
    yield node
    node.kill()


def whole_files(node: Node) -> int:
    """How many files its home holds, each read through; the node must not run."""
    library = open_blobs("", node.home)
    held = list(library.each())
    for blob, _ in held:
        library.check(blob)
    assert not list((node.home / "staging" / "adding").iterdir())
    return len(held)


def test_killed_while_publishing_a_file(jardin: Node, tmp_path: Path) -> None:
    chance, published = random.Random(1), 0
    for number in range(PUBLISHING_KILLS):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(random.Random(number).randbytes(SIZE))
        jardin.start()
        command = jardin.begin("publish", "resource", "--title", f"Fiche {number}", "--file", str(path))
        time.sleep(chance.uniform(0, KILL_WITHIN_SECONDS))
        jardin.kill()
        command.communicate(timeout=60)
        published += command.returncode == 0
        jardin.start()
        doctor = {each["name"]: each for each in jardin.ask("doctor")}
        assert doctor["files"]["well"], doctor["files"]
        shown = jardin.ask("search", q="", kind="resource", limit=100)["hits"]
        carried = sum(len(jardin.ask("show", rec=hit["id"])["files"]) for hit in shown)
        jardin.stop()
        assert whole_files(jardin) == carried >= published
        path.unlink()


def test_killed_while_fetching_a_file(jardin: Node, atelier: Node, tmp_path: Path) -> None:
    (tmp_path / "gros.bin").write_bytes(random.Random(9).randbytes(2 * SIZE))
    jardin.start()
    atelier.start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    fields = {"title": "Gros", "files": [str(tmp_path / "gros.bin")]}
    rec = jardin.ask("publish", kind="resource", fields=fields)["id"]
    until(lambda: any(hit["id"] == rec for hit in atelier.ask("search", limit=5)["hits"]), "it arrived")
    chance = random.Random(2)
    for number in range(FETCHING_KILLS):
        with contextlib.suppress(Failure, NoDaemon, Vanished):  # not here yet: it goes on by itself
            atelier.ask("get", rec=rec, path=str(tmp_path / "out"), timeout=chance.uniform(0, 0.3))
        time.sleep(chance.uniform(0, KILL_WITHIN_SECONDS / 4))
        (atelier, jardin)[number % 2].kill()
        if number % 2 == 0:
            whole_files(atelier)
            atelier.start()
        else:
            jardin.start()
            jardin.follows(atelier)
            atelier.follows(jardin)
    until(lambda: atelier.ask("show", rec=rec)["files"][0]["held"], "it came after all")
    got = atelier.ask("get", rec=rec, path=str(tmp_path / "out"))
    assert Path(got["files"][0]["path"]).read_bytes() == (tmp_path / "gros.bin").read_bytes()
    assert os.listdir(tmp_path / "out") == ["gros.bin"]
    atelier.kill()
    jardin.kill()
    assert whole_files(atelier) == 1
