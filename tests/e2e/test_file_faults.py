"""Holders that lie, fall silent or have a damaged disk, and a disk that fills up: real nodes, real disks."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from mutunode.store.blobs import open_blobs
from mutunode_cli.failure import Failure
from tests.e2e.conftest import Make
from tests.e2e.nodes import Node, until
from tests.e2e.test_bad_disks import as_root, small_disk

LIAR = ("-m", "tests.e2e.lying_holder")
CONTENT = random.Random(3).randbytes(24_000_000)


def shared(author: Node, folder: Path, content: bytes, *others: Node) -> str:
    """A record with a file; others know of it. All listen to each other."""
    path = folder / "gros.bin"
    path.write_bytes(content)
    for node in others:
        node.follows(author)
        author.follows(node)
    rec: str = author.ask("publish", kind="resource", fields={"title": "Gros", "files": [str(path)]})["id"]
    for node in others:
        node.catches_up_with(author)
    return rec


def got(node: Node, rec: str, folder: Path) -> bytes:
    """What a member has who asks for it."""
    (file,) = node.ask("get", rec=rec, path=str(folder))["files"]
    return Path(file["path"]).read_bytes()


def connected(node: Node) -> int:
    """With how many organisations it has a link."""
    return sum(peer["state"] == "connected" for peer in node.ask("status")["peers"])


def test_a_file_comes_whole_though_one_holder_lies_one_falls_silent_and_one_disk_is_damaged(
    make: Make, tmp_path: Path
) -> None:
    jardin, relais, menteur, lectrice = (
        make(name).start() for name in "Jardin Relais Menteur Lectrice".split()
    )
    rec = shared(jardin, tmp_path, CONTENT, relais, menteur, lectrice)
    for holder in (relais, menteur):
        assert got(holder, rec, tmp_path / holder.name) == CONTENT
    menteur.stop()
    menteur.start(program=LIAR)
    (stored,) = [path for path in (jardin.home / "blobs").iterdir() if path.stat().st_size == len(CONTENT)]
    with stored.open("r+b") as file:
        file.seek(5_000_000)
        file.write(bytes([CONTENT[5_000_000] ^ 1]))
    for holder in (relais, menteur):
        holder.follows(lectrice)
        lectrice.follows(holder)
    until(lambda: connected(lectrice) == 3, "all three are asked")
    assert jardin.process is not None
    with pytest.raises(Failure):  # not here yet: it goes on by itself
        lectrice.ask("get", rec=rec, path=str(tmp_path / "lu"), timeout=0)
    os.kill(jardin.process.pid, signal.SIGSTOP)
    try:
        assert got(lectrice, rec, tmp_path / "lu") == CONTENT
    finally:
        os.kill(jardin.process.pid, signal.SIGCONT)
    with pytest.raises(Failure) as found:
        jardin.ask("get", rec=rec, path=str(tmp_path / "relu"))
    assert found.value.exit == 7
    until(lambda: stored.exists() and stored.read_bytes() == CONTENT, "it is mended from the others")
    assert got(jardin, rec, tmp_path / "relu") == CONTENT


def test_a_disk_that_fills_up_while_a_file_comes_keeps_nothing_half_and_says_so(
    make: Make, tmp_path: Path
) -> None:
    if not as_root("test_a_disk_that_fills_up_while_a_file_comes_keeps_nothing_half_and_says_so"):
        return
    jardin = make("Jardin").start()
    with small_disk(tmp_path) as disk:
        atelier = Node("Atelier", disk).init().start()
        rec = shared(jardin, tmp_path, CONTENT * 4, atelier)  # 96 MB, of the 120 that the disk has in all
        with pytest.raises(Failure) as found:
            atelier.ask("get", rec=rec, path=str(tmp_path / "out"), timeout=10)
        assert found.value.exit == 8
        assert "disque" in found.value.fr
        assert not (tmp_path / "out").exists() or not os.listdir(tmp_path / "out")
        atelier.publish("Le disque est presque plein, et les fiches ont toujours leur place")
        atelier.stop()
        assert not list(open_blobs("", atelier.home).each())
