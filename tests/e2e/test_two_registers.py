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

    # somebody copies the folder to another computer, and both go on
    jardin.stop()
    shutil.copytree(jardin.home, tmp_path / "copy")
    for node in (atelier, cantine):
        node.stop()
    jardin.start()
    jardin.publish("Ici")
    jardin.stop()
    shutil.move(jardin.home, tmp_path / "first")
    shutil.move(tmp_path / "copy", jardin.home)
    jardin.start()
    jardin("doctor", "--allow-signing", "--yes")
    for number in range(3):
        jardin.publish(f"Là-bas {number}")
    atelier.start()
    atelier.catches_up_with(jardin)
    jardin.stop()
    shutil.move(jardin.home, tmp_path / "second")
    shutil.move(tmp_path / "first", jardin.home)
    jardin.start()
    cantine.start()

    # everybody hears of it, and keeps what was agreed
    for node in (atelier, cantine):
        until(lambda node=node: node.forked() == ["Jardin"], f"{node.name} knows")  # type: ignore[misc]
        [line] = [each for each in node.ask("peer_ls") if each["org"] == jardin.org]
        assert line["contested"]
        forks = {each["name"]: each for each in node.ask("doctor")}["forks"]
        assert not forks["well"]
        assert "Jardin" in forks["fr"]
        assert node.ask("log_verify")
    with urllib.request.urlopen(f"{atelier.web}fr/organisation/{jardin.org}") as answer:
        page = answer.read().decode()
    assert "Deux registres qui se contredisent" in page
    assert "epoch open" in page
    assert f"mutunode prove --fork {jardin.org[:16]}" in page

    # the proof goes along in a file that needs nothing else
    file = tmp_path / "fork.txt"
    atelier("prove", "--fork", jardin.org[:16], "-o", str(file))
    told = verify(file, tmp_path)
    assert told.returncode == 0, told
    assert "Jardin" in told.stdout
    assert jardin.org in told.stdout
    changed = tmp_path / "changed.txt"
    changed.write_text(file.read_text().replace("A", "B", 1))
    assert verify(changed, tmp_path).returncode == 7
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


def verify(file: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """As somebody who has no node."""
    command = [sys.executable, *MUTUNODE, "verify", str(file), "--home", str(folder / "none")]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
