"""Taking back on the command line: what is told before, what is asked, and what scripts may rely on."""

from __future__ import annotations

import io
from typing import Any

import pytest

from mutunode.service import shapes
from mutunode_cli import exits
from tests.cli import examples
from tests.cli.conftest import Cli
from tests.cli.fake_node import FakeNode, answers

ERASE = ("withdraw", examples.REC, "--reason", "legal", "--erase")


def version(title: str) -> shapes.Version:
    return shapes.Version(examples.REC, 3, 1_700_000_000, title, "fr", True)


def plan(**more: Any) -> Any:
    """What the node says would be erased."""
    known: dict[str, Any] = {
        "kind": "withdrawal",
        "sense": "",
        "org_name": "Jardin",
        "index": 9,
        "body": {},
        "text": "[withdrawal]\nerase = true",
        "title": "Retrait",
        "erases": (version("Le numéro"),),
    }
    return examples.plain(shapes.Erasing(**known | more))


def erased(**more: Any) -> Any:
    known: dict[str, Any] = {
        "id": examples.REC,
        "index": 9,
        "log": examples.LOG,
        "created": True,
        "erased": (examples.REC,),
    }
    return examples.plain(shapes.Erased(**known | more))


@pytest.fixture
def erasing(node: FakeNode) -> FakeNode:
    node.verbs["withdraw"] = answers(lambda params: plan() if params.get("dry_run") else erased())
    return node


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_a_script_erases_without_being_asked(erasing: FakeNode, cli: Cli) -> None:
    done = cli(*ERASE)
    assert (done.code, done.out) == (0, examples.REC + "\n")
    assert "Erased here: 1 version(s)." in done.err
    expected = {"rec": examples.REC, "reason": "legal", "erase": True, "versions": "all"}
    assert erasing.params("withdraw") == expected


@pytest.mark.parametrize(
    ("typed", "code"), [("erase\n", 0), ("Erase \n", 0), ("yes\n", 2), ("\n", 2), ("", 2)]
)
def test_on_a_terminal_a_word_is_asked_for_after_all_was_said(
    erasing: FakeNode, cli: Cli, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    done = cli(*ERASE)
    assert done.code == code
    assert "Will be erased for good:" in done.err
    assert "Le numéro" in done.err
    assert "who copied it keeps it" in done.err
    assert ("Nothing was erased." in done.err) == (code == 2)
    assert bool(erasing.params("withdraw").get("dry_run")) == (code == 2), "the last thing that was asked"


def test_yes_asks_nothing_on_a_terminal(erasing: FakeNode, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert cli(*ERASE, "--yes").code == 0
    assert "dry_run" not in erasing.params("withdraw")


def test_a_trial_run_says_what_would_be_gone_and_what_stays(node: FakeNode, cli: Cli) -> None:
    node.verbs["withdraw"] = answers(plan(withdraws=(version("Avant"),), keeps=(version("Après"),)))
    done = cli(*ERASE, "--versions", "this", "--dry-run")
    assert done.code == 0
    for words in ("Will be erased for good", "Le numéro", "marked as withdrawn", "Avant", "Stay as they are"):
        assert words in done.err
    assert "erase = true" in done.out
    assert node.params("withdraw")["dry_run"] is True
    assert node.params("withdraw")["versions"] == "this"
    assert cli(*ERASE, "--dry-run", "--json").json["erases"][0]["title"] == "Le numéro"


def test_what_else_went_is_told(node: FakeNode, cli: Cli) -> None:
    node.verbs["withdraw"] = answers(erased(withdrawn=(examples.REC,), drafts=2))
    done = cli(*ERASE)
    assert "1 earlier version(s) stay readable" in done.err
    assert "2 draft(s)" in done.err
    assert cli("-q", *ERASE).out == examples.REC + "\n"
    assert cli(*ERASE, "--json").json["erased"] == [examples.REC]


def test_versions_without_erasing_is_a_mistake(node: FakeNode, cli: Cli) -> None:
    done = cli("withdraw", examples.REC, "--reason", "error", "--versions", "this")
    assert done.code == exits.USAGE
    assert "--erase" in done.err


def test_the_register_says_what_is_erased_and_what_is_awaited(node: FakeNode, cli: Cli) -> None:
    known = {"id": examples.REC, "kind": "resource", "time": 0, "bytes": 50}
    states = ("ok", "erased", "missing")
    lines = [known | {"index": i, "held": state == "ok", "state": state} for i, state in enumerate(states)]
    node.verbs["log_show"] = answers({"log": examples.LOG, "org": examples.OTHER, "entries": lines})
    out = cli("log", "show").out.splitlines()
    assert [line.split("\t")[4] for line in out] == ["here", "erased by its author", "awaiting data"]
