"""kill -9 of whole nodes while files are published and fetched, at random points.

``MUTUNODE_TEST_FILE_KILLS`` sets how many kills there are of each sort, ``MUTUNODE_TEST_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode.store.blobs import open_blobs
from tests.e2e.nodes import Node, until

ASKED = os.environ.get("MUTUNODE_TEST_FILE_KILLS")
PUBLISHING_KILLS = int(ASKED or "1")
FETCHING_KILLS = int(ASKED or "2")  # of each side in turn
SEED = int(os.environ.get("MUTUNODE_TEST_SEED", "1"))
SIZE = 24_000_000
LARGE_SIZE = SIZE * (4 if ASKED else 2)  # large enough for most kills to strike while it arrives
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
    chance, published, carried = random.Random(SEED), 0, 0
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
    print(f"{PUBLISHING_KILLS} kills, {published} answered before, {carried} published")


def test_killed_while_fetching_a_file(jardin: Node, atelier: Node, tmp_path: Path) -> None:
    jardin.start()
    atelier.start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    chance, files, in_the_middle = random.Random(SEED), [publish_large(jardin, atelier, tmp_path, 0)], 0
    for number in range(FETCHING_KILLS):
        if is_held(atelier, files[-1][0]):
            files.append(publish_large(jardin, atelier, tmp_path, len(files)))
        rec = files[-1][0]
        atelier.ask("fetch", rec=rec)
        time.sleep(chance.uniform(0, KILL_WITHIN_SECONDS))
        (atelier, jardin)[number % 2].kill()
        in_the_middle += any((atelier.home / "staging" / "incoming").iterdir())
        if number % 2 == 0:
            assert whole_files(atelier) <= len(files)
            atelier.start()
        else:
            jardin.start()
            jardin.follows(atelier)
            atelier.follows(jardin)
    print(f"{FETCHING_KILLS} kills, {in_the_middle} with a file half here, {len(files)} files")
    assert in_the_middle >= FETCHING_KILLS // 4
    for rec, path in files:
        assert_comes(atelier, rec)
        (got,) = atelier.ask("get", rec=rec, path=str(tmp_path / "out"))["files"]
        assert Path(got["path"]).read_bytes() == path.read_bytes()
    assert sorted(os.listdir(tmp_path / "out")) == sorted(path.name for _, path in files)
    doctor = {each["name"]: each for each in atelier.ask("doctor")}
    assert doctor["files"]["well"], doctor["files"]
    atelier.kill()
    jardin.kill()
    assert whole_files(atelier) == len(files)
    assert not list((atelier.home / "staging" / "incoming").iterdir())


def is_held(node: Node, rec: str) -> bool:
    """Whether the one file of a record is whole here."""
    return bool(node.ask("show", rec=rec)["files"][0]["held"])


def assert_comes(node: Node, rec: str) -> None:
    """It does, by itself."""
    until(lambda: is_held(node, rec), "it came after all")


def publish_large(jardin: Node, atelier: Node, folder: Path, number: int) -> tuple[str, Path]:
    """A record with a file of its own, known to both: (record, file)."""
    path = folder / f"gros-{number}.bin"
    path.write_bytes(random.Random(9 + number).randbytes(LARGE_SIZE))
    fields = {"title": f"Gros {number}", "files": [str(path)]}
    rec: str = jardin.ask("publish", kind="resource", fields=fields)["id"]

    def arrived() -> bool:
        return any(hit["id"] == rec for hit in atelier.ask("search", q="Gros", limit=100)["hits"])

    until(arrived, "it arrived")
    return rec, path
