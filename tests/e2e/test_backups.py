"""A node is backed up while it works, and comes back from it on an empty machine, as a person would do it."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mutunode_cli.failure import Failure
from tests.e2e.nodes import Node, until

Make = Callable[[str], Node]

PUBLISHED_BEFORE, PUBLISHED_AFTER = 20, 5


def moved(node: Node) -> Node:
    """The machine is lost: the same organisation gets an empty one."""
    node.kill()
    node.home.rename(node.home.with_name(node.home.name + "-lost"))
    return node


@contextmanager
def write_load(node: Node) -> Iterator[list[str]]:
    """Somebody publishes all the time; ids of what was acknowledged."""
    stopping, published = threading.Event(), list[str]()

    def run() -> None:
        while not stopping.is_set():
            rows = "\n".join(json.dumps({"title": f"Ligne {len(published)} {n}"}) for n in range(50))
            published.extend(node.ask("import", lines=rows)["ids"])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield published
    finally:
        stopping.set()
        thread.join()


def test_a_backup_made_under_write_load_is_one_state_and_comes_back(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    folder = jardin.folder / "sauvegarde"
    with write_load(jardin) as published:
        until(lambda: len(published) >= 200, "work is under way")
        acknowledged = list(published)
        made = jardin("backup", str(folder))
        until(lambda: len(published) > len(acknowledged) + 50, "work goes on")
    assert made["size"] >= len(acknowledged)
    assert made["keys"] == "clear"
    atelier.catches_up_with(jardin)
    size, root = jardin.register()

    moved(jardin)
    restored = jardin("restore", str(folder))
    assert restored["size"] >= len(acknowledged)
    assert restored["damaged"] == []
    assert restored["org"] == jardin.org
    jardin.start()
    jardin.publish("Après")  # waits until the other has said what is missing
    until(lambda: jardin.register()[0] == size + 1, "all that was published since is back")
    for rec in (acknowledged[0], acknowledged[-1], published[-1]):
        assert jardin.ask("show", rec=rec)["id"] == rec
    atelier.catches_up_with(jardin)
    assert (jardin.forked(), atelier.forked()) == ([], [])
    jardin.ask("log_verify")
    assert root
    jardin.stop()


def test_alone_what_is_restored_is_read_only_until_a_person_answers_for_it(make: Make) -> None:
    jardin = make("Jardin")
    (jardin.home / "mutunode.toml").write_text(f'blobs = "folder://{jardin.folder}/ailleurs"\n')
    jardin.start()
    guide = jardin.folder / "guide.txt"
    guide.write_text("Un guide")
    rec = jardin("publish", "resource", "--title", "Un", "--file", str(guide))["id"]
    folder = jardin.folder / "sauvegarde"
    made = jardin("backup", str(folder))
    assert (made["files_elsewhere"], made["bytes_elsewhere"]) == (1, len("Un guide")), "it says what it lacks"
    jardin.publish("Deux, perdue")
    moved(jardin)
    jardin("restore", str(folder))
    alone = jardin.run("publish", "resource", "--title", "Deux", "--json")
    assert alone.code == 8, alone
    jardin.start()
    with pytest.raises(Failure) as refused:
        jardin.publish("Deux")
    assert refused.value.code == "read_only"
    assert "allow-signing" in jardin.ask("status")["read_only_reason"]["fr"]
    assert jardin.ask("search", q="Un")["total"] == 1
    assert jardin.run("get", rec, "-o", str(jardin.folder / "de retour")).code == 0, "found where it was kept"
    jardin("doctor", "--allow-signing", "--yes")
    jardin.publish("Deux")
    assert jardin.register()[0] == 2
    jardin.stop()


def test_a_backup_of_an_empty_register_signs_nothing_by_itself_either(make: Make) -> None:
    """It looks like a new node; whatever was published since would be signed a second time."""
    jardin = make("Jardin").start()
    folder = jardin.folder / "sauvegarde"
    jardin("backup", str(folder))
    jardin.publish("Publiée depuis, perdue")
    moved(jardin)
    jardin("restore", str(folder))
    jardin.start()
    with pytest.raises(Failure) as refused:
        jardin.publish("Autrement")
    assert refused.value.code == "read_only"
    jardin("doctor", "--allow-signing", "--yes")
    jardin.publish("Autrement")
    jardin.stop()


def test_a_backup_is_closed_to_others_overwrites_nothing_and_says_what_is_in_it(make: Make) -> None:
    jardin = make("Jardin")
    rec = jardin("publish", "resource", "--title", "Un titre rare")["id"]
    folder = jardin.folder / "sauvegarde"
    told = jardin.run("backup", str(folder), "--language", "fr")
    assert told.code == 0, told
    assert "la clé de signature y est" in told.err
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, kept in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (kept["bytes"], kept["sha256"])
    assert b"Un titre rare" not in (folder / "manifest.json").read_bytes(), "erased later, it would live on"
    assert rec not in (folder / "manifest.json").read_text()
    again = jardin.run("backup", str(folder), "--json")
    assert (again.code, again.json["error"]["code"]) == (5, "backup_exists")
    assert json.loads((folder / "manifest.json").read_bytes()) == manifest


def test_a_backup_without_keys_holds_none(make: Make) -> None:
    jardin = make("Jardin")
    jardin("publish", "resource", "--title", "Un")
    folder = jardin.folder / "sans-cle"
    assert jardin("backup", str(folder), "--no-keys")["keys"] == "none"
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "records.sqlite"}
    moved(jardin)
    restored = jardin.run("restore", str(folder))
    assert restored.code == 0
    assert "mutunode recover" in restored.err
    assert not (jardin.home / "identity").exists()


def test_a_home_that_is_in_use_is_not_touched(make: Make) -> None:
    jardin = make("Jardin")
    folder = jardin.folder / "sauvegarde"
    jardin("backup", str(folder))
    before = {path: path.read_bytes() for path in jardin.home.iterdir() if path.is_file()}
    again = jardin.run("restore", str(folder), "--json")
    assert (again.code, again.json["error"]["code"]) == (5, "home_exists")
    assert {path: path.read_bytes() for path in jardin.home.iterdir() if path.is_file()} == before


def test_there_must_be_a_backup(make: Make) -> None:
    jardin = make("Jardin")
    shutil.rmtree(jardin.home)
    nothing = jardin.run("restore", str(jardin.folder / "rien"), "--json")
    assert (nothing.code, nothing.json["error"]["code"]) == (3, "no_backup")
