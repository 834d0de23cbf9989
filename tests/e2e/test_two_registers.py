"""One key on two computers: proven, told in plain words, taken along in a file, healed by a new start."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.e2e.nodes import MUTUNODE, Node, environment, until


def test_two_computers_with_one_key(make: Callable[[str], Node], tmp_path: Path) -> None:
    jardin, atelier, cantine = make("Jardin").start(), make("Atelier").start(), make("Cantine").start()
    for one in (jardin, atelier, cantine):
        for other in (jardin, atelier, cantine):
            if one is not other:
                one.follows(other)
    jardin.publish("Avant")
    for node in (atelier, cantine):
        node.catches_up_with(jardin)
    agreed = jardin.register()[0]

    for node in (atelier, cantine):
        node.stop()
    _go_on_on_two_computers(jardin, atelier, tmp_path)
    cantine.start()
    for node in (atelier, cantine):
        _hears_and_keeps_what_was_agreed(node, jardin)
    _page_says_what_to_do(atelier, jardin)
    file = tmp_path / "fork.txt"
    atelier("prove", "--fork", jardin.org[:16], "-o", str(file))
    _proves_alone(file, jardin, tmp_path)
    assert atelier.run("prove", "--fork", cantine.org).code == 3

    # a new start heals it everywhere
    phrase = str(jardin.folder / "jardin.phrase")
    opened = jardin.run("epoch", "open", "--phrase-file", phrase, "--base", str(agreed), "--yes", "--json")
    assert opened.code == 0, opened
    until(lambda: jardin.ask("status")["read_only"] is False, "it may sign again")
    jardin.publish("Après")
    for node in (atelier, cantine):
        node.catches_up_with(jardin)
        [line] = [each for each in node.ask("peer_ls") if each["org"] == jardin.org]
        assert (line["contested"], line["forked"]) == (False, True)
    with urllib.request.urlopen(f"{atelier.web}fr/organisation/{jardin.org}") as answer:
        assert "plus rien n’est contesté" in answer.read().decode()


def _go_on_on_two_computers(jardin: Node, atelier: Node, folder: Path) -> None:
    """Somebody copies the folder to another computer, and both go on; ``atelier`` sees the copy's side."""
    jardin.stop()
    shutil.copytree(jardin.home, folder / "copy")
    jardin.start()
    jardin.publish("Ici")
    jardin.stop()
    shutil.move(jardin.home, folder / "first")
    shutil.move(folder / "copy", jardin.home)
    jardin.start()
    jardin("doctor", "--allow-signing", "--yes")
    for number in range(3):
        jardin.publish(f"Là-bas {number}")
    atelier.start()
    atelier.catches_up_with(jardin)
    jardin.stop()
    shutil.move(jardin.home, folder / "second")
    shutil.move(folder / "first", jardin.home)
    jardin.start()


def _hears_and_keeps_what_was_agreed(node: Node, jardin: Node) -> None:
    until(lambda: node.forked() == ["Jardin"], f"{node.name} knows")
    [line] = [each for each in node.ask("peer_ls") if each["org"] == jardin.org]
    assert line["contested"]
    forks = {each["name"]: each for each in node.ask("doctor")}["forks"]
    assert not forks["well"]
    assert "Jardin" in forks["fr"]
    assert node.ask("log_verify")


def _page_says_what_to_do(node: Node, jardin: Node) -> None:
    with urllib.request.urlopen(f"{node.web}fr/organisation/{jardin.org}") as answer:
        page = answer.read().decode()
    assert "Deux registres qui se contredisent" in page
    assert "epoch open" in page
    assert f"mutunode prove --fork {jardin.org[:16]}" in page


def _proves_alone(file: Path, jardin: Node, folder: Path) -> None:
    """The file needs nothing else."""
    told = verify(file, folder)
    assert told.returncode == 0, told
    assert "Jardin" in told.stdout
    assert jardin.org in told.stdout
    changed = folder / "changed.txt"
    changed.write_text(file.read_text().replace("A", "B", 1))
    assert verify(changed, folder).returncode == 7


def verify(file: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """As somebody who has no node."""
    command = [sys.executable, *MUTUNODE, "verify", str(file), "--home", str(folder / "none")]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
