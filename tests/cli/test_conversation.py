"""The command and the node: what happens when the node is slow, dies, lies, or is not there."""

from __future__ import annotations

import os
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mutunode.service.errors import Exit, Refusal
from mutunode_cli import client, exits
from mutunode_cli.failure import Failure
from tests.cli import examples
from tests.cli.conftest import Cli
from tests.cli.fake_node import (
    FakeNode,
    answers,
    dies_after,
    dies_at_once,
    refuses,
    running,
    says,
    sleeps,
    tells,
)


def test_exit_codes_are_those_of_the_service() -> None:
    assert {name: int(code) for name, code in Exit.__members__.items()} == {
        name: getattr(exits, name) for name in Exit.__members__
    }


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6, 7, 8])
def test_a_refusal_ends_with_its_own_exit_code_and_words(node: FakeNode, cli: Cli, code: int) -> None:
    node.verbs["show"] = refuses(code)
    done = cli("show", "rec_cccccccc")
    assert done.code == code
    assert done.out == ""
    assert "This cannot be." in done.err


def test_a_refusal_names_the_fields_to_blame(node: FakeNode, cli: Cli) -> None:
    trouble = {"field": "license", "fr": "inconnue", "en": "not a licence"}
    node.verbs["publish"] = refuses(4, fields=(trouble,))
    assert "license: not a licence" in cli("publish", "resource", "--title", "x").err
    assert "license: inconnue" in cli("--language", "fr", "publish", "resource", "--title", "x").err


def test_with_json_a_refusal_is_one_document_too(node: FakeNode, cli: Cli) -> None:
    node.verbs["show"] = refuses(3, "not_found")
    assert cli("show", "rec_cccccccc", "--json").json["error"]["code"] == "not_found"


def test_an_exit_code_no_shell_can_carry_becomes_a_failure(node: FakeNode, cli: Cli) -> None:
    node.verbs["show"] = refuses(0)
    assert cli("show", "rec_cccccccc").code == exits.FAILED


def test_a_node_that_dies_while_writing_is_asked_once_and_told_of(node: FakeNode, cli: Cli) -> None:
    for death in (dies_at_once, dies_after(b'{"ok":'), dies_after(b"")):
        node.asked.clear()
        node.verbs["publish"] = death
        done = cli("publish", "resource", "--title", "x")
        assert done.code == exits.FAILED
        assert "stopped before it answered" in done.err
        assert "check with `mutunode status`" in done.err
        assert node.count("publish") == 1


def test_a_node_that_dies_while_reading_is_asked_again(node: FakeNode, cli: Cli) -> None:
    def once(handler: Any, params: dict[str, Any]) -> None:
        node.verbs["status"] = answers(examples.status())
        dies_at_once(handler, params)

    node.verbs["status"] = once
    assert cli("status", "-q").out == examples.ORG + "\n"
    assert node.count("status") == 2


def test_a_stream_that_stops_before_its_answer_is_a_death(node: FakeNode, cli: Cli) -> None:
    node.verbs["sync"] = says(b'{"progress": {"done": 1, "total": 2}}\n')
    assert "stopped before it answered" in cli("sync", "--wait", "2").err


@pytest.mark.parametrize(
    "nonsense",
    [
        b"<html>404</html>",
        b"[1, 2]\n",
        b"\xff\xfe\n",
        b'"ok"\n',
        b"{]}\n",
        b'{"error": "no"}',
        b'{"error": {}}',
    ],
)
def test_nonsense_is_called_nonsense(node: FakeNode, cli: Cli, nonsense: bytes) -> None:
    node.verbs["publish"] = says(nonsense)
    done = cli("publish", "resource", "--title", "x")
    assert done.code == exits.FAILED
    assert "Traceback" not in done.err
    assert done.err.count("\n") <= 2


def test_an_answer_of_another_shape_is_called_nonsense(node: FakeNode, cli: Cli) -> None:
    for verb, argv in (("status", ["status"]), ("search", ["search"]), ("peer_ls", ["peer", "ls"])):
        node.verbs[verb] = answers({"unexpected": True})
        done = cli(*argv)
        assert done.code == exits.FAILED
        assert "same version" in done.err


def test_a_verb_an_older_node_does_not_know_is_told_as_a_difference_of_versions(
    node: FakeNode, cli: Cli
) -> None:
    assert "same version" in cli("doctor").err


def test_a_silent_node_is_not_waited_for_without_end(home: Path, node: FakeNode) -> None:
    node.verbs["publish"] = sleeps(1.0)
    with pytest.raises(Failure, match="said nothing") as failed:
        client.call(home, "publish", {}, lambda event: None, silence_seconds_max=0.1)
    assert failed.value.exit == exits.FAILED


def test_a_slow_node_that_tells_its_progress_is_waited_for(home: Path, node: FakeNode) -> None:
    seen: list[dict[str, Any]] = []
    node.verbs["sync"] = tells({"progress": {"done": 1, "total": 2}}, then={"holders": 2})
    assert client.call(home, "sync", {}, seen.append, 5.0) == {"holders": 2}
    assert seen == [{"progress": {"done": 1, "total": 2}}]


def test_a_home_with_a_very_long_path_is_reached(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 30)
    home.mkdir()
    before = Path.cwd()
    os.chdir(home)  # the server side of a long path is another's affair: bind by a relative name
    try:
        with running(Path()) as fake:
            fake.verbs["status"] = answers({"org": "org_a"})
            assert client.call(home, "status", {}, lambda event: None, 5.0) == {"org": "org_a"}
    finally:
        os.chdir(before)


def test_arguments_that_are_not_text_are_refused_before_anything_is_asked(node: FakeNode, cli: Cli) -> None:
    done = cli("search", os.fsdecode(b"caf\xe9"))
    assert done.code == exits.USAGE
    assert "UTF-8" in done.err
    assert node.count("search") == 0


# --- no daemon ----------------------------------------------------------------------------------
def alone(monkeypatch: pytest.MonkeyPatch, call: Callable[..., object]) -> None:
    """The service's way without a daemon, replaced by `call`."""
    module = types.ModuleType("mutunode.alone")
    module.__dict__["call"] = call
    monkeypatch.setitem(sys.modules, "mutunode.alone", module)


def test_without_a_socket_the_verb_runs_in_this_process(
    home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, str, dict[str, Any]]] = []

    def call(where: Path, verb: str, params: dict[str, Any], progress: object, passphrase: str) -> object:
        assert not passphrase
        asked.append((where, verb, params))
        return examples.status()

    alone(monkeypatch, call)
    assert cli("status", "--json").json == examples.status()
    assert asked == [(home, "status", {})]


def test_a_socket_left_by_a_crash_counts_as_no_daemon(
    home: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home / "control.sock"))
    alone(monkeypatch, lambda *given: examples.status())
    assert cli("status").code == exits.DONE


def test_what_the_service_refuses_without_a_daemon_has_its_exit_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*given: object) -> object:
        raise Refusal("locked", Exit.READ_ONLY, "Ce dossier est pris.", "This folder is taken.")

    alone(monkeypatch, call)
    done = cli("status")
    assert (done.code, done.err) == (8, "This folder is taken.\n")


def test_no_home_at_all_is_not_found_and_says_what_to_do(cli: Cli, tmp_path: Path) -> None:
    done = cli("--home", str(tmp_path / "nowhere"), "status")
    assert done.code == exits.NOT_FOUND
    assert "mutunode init" in done.err
