"""The script of the examples that publishes a folder every night, against a command that only answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "nightly" / "publish-folder.sh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two catalogues, one with a mapping, and a file that is none."""
    made = tmp_path / "my catalogues"
    made.mkdir()
    for name in ("books.csv", "books.toml", "tools.jsonl", "notes.txt"):
        (made / name).touch()
    return made


def publish(
    folder: Path, code: int = 0, refused: int = 0
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script with a `mutunode` that answers so; what it was asked, one line a call."""
    asked = folder.parent / "asked"
    answer = json.dumps(
        {"read": 9, "created": 5, "revised": 1, "unchanged": 3, "refused": refused, "bad": []}
    )
    command = folder.parent / "mutunode"
    command.write_text(f"#!/bin/sh\necho \"$*\" >>'{asked}'\necho '{answer}'\nexit {code}\n")
    command.chmod(0o755)
    environment = {**os.environ, "MUTUNODE": str(command)}
    done = subprocess.run([str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True)
    return done, asked.read_text().splitlines() if asked.exists() else []


def test_each_catalogue_is_imported_with_its_mapping(folder: Path) -> None:
    done, asked = publish(folder)
    assert done.returncode == 0, done.stderr
    assert asked == [
        f"import {folder}/books.csv --json --mapping {folder}/books.toml",
        f"import {folder}/tools.jsonl --json",
    ]
    assert done.stdout.splitlines()[0] == "books.csv: 5 new, 1 revised, 3 unchanged, 0 refused"


def test_what_is_refused_shows_in_the_exit_code_and_the_rest_is_published(
    folder: Path,
) -> None:
    assert publish(folder, refused=2)[0].returncode == 1
    done, asked = publish(folder, code=4)
    assert done.returncode == 1
    assert len(asked) == 2 + 2
    assert "tools.jsonl: not published (exit code 4)" in done.stderr


def test_a_node_that_cannot_write_ends_the_night(folder: Path) -> None:
    done, asked = publish(folder, code=8)
    assert done.returncode == 8
    assert len(asked) == 1


def test_an_empty_folder_is_fine_and_no_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert publish(tmp_path / "empty")[0].returncode == 0
    assert publish(tmp_path / "missing")[0].returncode == 2
