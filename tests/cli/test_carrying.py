"""`sync --to` and `--from`: what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutunode_cli import exits
from tests.cli.conftest import Cli
from tests.cli.fake_node import FakeNode, refuses, tells

WRITTEN = {"path": "/key", "registers": 3, "entries": 40, "bytes": 2_340_000}
READ = {"path": "/key", "registers": 3, "taken": 2, "known": 1, "not_followed": 0}
PROGRESS = {"progress": {"done": 1, "total": 3}}


def test_a_file_is_written_at_a_whole_path_and_the_next_step_is_said(
    cli: Cli, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    node.verbs["sync_to"] = tells(PROGRESS, then=WRITTEN)
    done = cli("sync", "--to", "key.frames")
    assert node.params("sync_to") == {"path": str(tmp_path / "key.frames")}
    assert "3 registers, 40 entries, 2.3 MB in key.frames." in done.err
    assert "mutunode sync --from FILE" in done.err
    assert "3 registres, 40 entrées" in cli("sync", "--to", "key.frames", "--language", "fr").err
    assert cli("--json", "sync", "--to", "key.frames").json == WRITTEN


def test_what_a_file_brought_is_said(cli: Cli, node: FakeNode) -> None:
    node.verbs["sync_from"] = tells(PROGRESS, then=READ)
    assert "2 registers taken, 1 here already." in cli("sync", "--from", "/key").err
    node.verbs["sync_from"] = tells(PROGRESS, then={**READ, "not_followed": 4})
    assert "4 of organisations you do not follow" in cli("sync", "--from", "/key").err


def test_a_file_that_does_not_hold_ends_with_7(cli: Cli, node: FakeNode) -> None:
    node.verbs["sync_from"] = refuses(exits.NOT_VERIFIED)
    assert cli("sync", "--from", "/key").code == exits.NOT_VERIFIED


@pytest.mark.parametrize("options", [("--to", "a", "--from", "b"), ("--to", "a", "--wait", "1")])
def test_one_command_does_one_thing(cli: Cli, options: tuple[str, ...]) -> None:
    assert cli("sync", *options).code == exits.USAGE
