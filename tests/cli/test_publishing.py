"""From words to fields: the command line knows no kind, the node tells it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from mutunode_cli import exits
from tests.cli import examples
from tests.cli.conftest import Cli, Outcome
from tests.cli.fake_node import FakeNode, answers


@pytest.fixture
def publish(node: FakeNode, cli: Cli) -> Any:
    """``mutunode publish resource …`` and the fields that reached the node."""
    node.verbs["publish"] = answers(examples.published())

    def run(*words: str) -> tuple[Outcome, dict[str, Any]]:
        done = cli("publish", "resource", *words)
        return done, node.params("publish")["fields"] if node.count("publish") else {}

    return run


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (["--title", "Grille"], {"title": "Grille"}),
        (["--title=Grille"], {"title": "Grille"}),
        (["--title", "Grille", "--title.en", "Grid"], {"title": "Grille", "title.en": "Grid"}),
        (["--keywords", "a", "--keywords", "b"], {"keywords": ["a", "b"]}),
        (["--can-help"], {"can_help": True}),
        (["--no-can-help"], {"can_help": False}),
        (["--can-help", "non", "--title", "x"], {"can_help": False, "title": "x"}),
        (["--external-ref", "42"], {"external_ref": "42"}),
        (["--ack.policy", "welcome"], {"ack.policy": "welcome"}),
        (["--based-on.0.uri", "x"], {"based_on.0.uri": "x"}),
        (["--based-on", '{"uri": "https://e.org"}'], {"based_on": [{"uri": "https://e.org"}]}),
        (["--title", "- quoi, quelle question"], {"title": "- quoi, quelle question"}),
        (["--title", "-1"], {"title": "-1"}),
        (["--title=--dry-run"], {"title": "--dry-run"}),
        (["--title", ""], {"title": ""}),
        (["--title", "a=b"], {"title": "a=b"}),
    ],
)
def test_words_become_fields(publish: Any, given: list[str], fields: dict[str, Any]) -> None:
    done, got = publish(*given)
    assert done.code == 0
    assert got == fields


def test_files_and_a_logo_are_named_by_their_paths_with_what_is_said_of_each(
    node: FakeNode, cli: Cli, tmp_path: Path
) -> None:
    node.verbs["publish"] = answers(examples.published())
    plan, tree = str(tmp_path / "plan.pdf"), str(tmp_path / "arbre.png")
    done = cli("publish", "resource", "--file", plan, "--lang", "fr", "--logo", tree, "--alt", "Un arbre")
    assert done.code == 0
    assert node.params("publish")["fields"] == {
        "files": [{"path": plan, "lang": "fr"}],
        "logo": {"path": tree, "alt": "Un arbre"},
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--titel", "x"], "`resource` has no field: --titel. Did you mean --title"),
        (["--title"], "--title needs a value"),
        (["--title", "--license", "x"], "--title needs a value"),
        (["--title", "a", "--title", "b"], "--title is given twice"),
        (["--can-help=perhaps"], "`perhaps` is neither yes nor no"),
        (["--based-on", "{"], "this is not JSON"),
        (["--ack.polisy", "x"], "Unknown field: --ack.polisy. Did you mean --ack.policy?"),
        (["--no-title", "x"], "has no field: --no-title"),
    ],
)
def test_words_that_cannot_be_used_are_named(publish: Any, given: list[str], says: str) -> None:
    done, got = publish(*given)
    assert (done.code, got) == (exits.USAGE, {})
    assert says in done.err


def test_a_word_too_many_is_named(node: FakeNode, cli: Cli) -> None:
    done = cli("publish", "resource", "stray")
    assert done.code == exits.USAGE
    assert "stray" in done.err


def test_an_unknown_kind_suggests_the_nearest(node: FakeNode, cli: Cli) -> None:
    done = cli("publish", "resourse", "--title", "x")
    assert done.code == exits.USAGE
    assert "Did you mean resource?" in done.err


def test_no_kind_at_all_says_how_to_name_one(node: FakeNode, cli: Cli) -> None:
    assert "Which kind?" in cli("publish").err
    assert "Which kind?" in cli("publish", "--title", "x").err


def test_the_common_options_may_stand_anywhere(node: FakeNode, cli: Cli) -> None:
    node.verbs["publish"] = answers(examples.preview())
    done = cli("publish", "resource", "--json", "--title", "x", "--dry-run")
    assert done.json["text"].startswith("[title]")
    assert node.params("publish") == {"kind": "resource", "fields": {"title": "x"}, "dry_run": True}


def test_a_dry_run_shows_exactly_what_would_be_signed(node: FakeNode, cli: Cli) -> None:
    node.verbs["publish"] = answers(examples.preview())
    done = cli("publish", "resource", "--title", "x", "--dry-run")
    assert done.out == '[title]\n  fr = "Grille"\n'
    assert "nothing was" in done.err


def test_a_kind_s_own_verb_publishes_it(node: FakeNode, cli: Cli) -> None:
    node.verbs["publish"] = answers(examples.published())
    assert cli("share", "--title", "x").code == 0
    assert node.params("publish") == {"kind": "resource", "fields": {"title": "x"}, "dry_run": False}


def test_the_help_of_a_kind_s_verb_lists_its_fields(node: FakeNode, cli: Cli) -> None:
    out = cli("--language", "fr", "share", "--help").out
    assert "--title VALUE" in out
    assert "Titre [obligatoire]" in out


def test_an_unknown_verb_suggests_the_nearest(node: FakeNode, cli: Cli) -> None:
    done = cli("serach", "x")
    assert done.code == exits.USAGE
    assert "search" in done.err
    assert "Vouliez-vous dire search ?" in cli("--language", "fr", "serach").err


# --- manifests ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.toml", 'kind = "resource"\nkeywords = ["a"]\n[title]\nfr = "Grille"\n'),
        ("m.json", json.dumps({"kind": "resource", "keywords": ["a"], "title": {"fr": "Grille"}})),
        ("m", "\ufeff" + json.dumps({"kind": "resource", "keywords": ["a"], "title": {"fr": "Grille"}})),
    ],
)
def test_a_manifest_holds_kind_and_fields(
    node: FakeNode, cli: Cli, tmp_path: Path, name: str, text: str
) -> None:
    node.verbs["publish"] = answers(examples.published())
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert cli("publish", "--manifest", str(tmp_path / name)).code == 0
    assert node.params("publish")["kind"] == "resource"
    assert node.params("publish")["fields"] == {"keywords": ["a"], "title": {"fr": "Grille"}}


def test_a_manifest_may_come_through_the_standard_input(
    node: FakeNode, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.verbs["publish"] = answers(examples.published())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'kind = "resource"\ntitle = "x"\n')))
    assert cli("publish", "--manifest", "-", "--license", "MIT").code == 0
    assert node.params("publish")["fields"] == {"title": "x", "license": "MIT"}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (b"= nothing", exits.USAGE, "neither TOML nor JSON"),
        (b"[1]", exits.USAGE, "an object of fields"),
        (b"\xff", exits.USAGE, "neither TOML nor JSON"),
        (b"kind = 3", exits.USAGE, "`kind` must be a text"),
        (b'kind = "usage"', exits.USAGE, "describes `usage`"),
        (b"x" * (1024 * 1024 + 1), exits.USAGE, "mutunode import"),
        (None, exits.NOT_FOUND, "No file"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(
    node: FakeNode, cli: Cli, tmp_path: Path, text: bytes | None, code: int, says: str
) -> None:
    path = tmp_path / "manifest"
    if text is not None:
        path.write_bytes(text)
    done = cli("publish", "resource", "--manifest", str(path))
    assert (done.code, done.out) == (code, "")
    assert says in done.err


# --- revising, withdrawing ----------------------------------------------------------------------
def test_revising_takes_the_fields_of_the_record_s_kind(node: FakeNode, cli: Cli) -> None:
    node.verbs["show"] = answers(examples.record())
    node.verbs["revise"] = answers(examples.published(revises=examples.REC))
    assert "New version published." in cli("revise", examples.REC, "--title", "Nouvelle").err
    assert node.params("revise") == {"rec": examples.REC, "fields": {"title": "Nouvelle"}, "dry_run": False}


def test_revising_without_a_field_asks_what_should_change(node: FakeNode, cli: Cli) -> None:
    assert cli("revise", examples.REC).code == exits.USAGE


def test_publishing_the_same_again_says_so(node: FakeNode, cli: Cli) -> None:
    node.verbs["publish"] = answers(examples.published(created=False))
    done = cli("publish", "resource", "--title", "x")
    assert (done.code, done.out) == (0, examples.REC + "\n")
    assert "Nothing new" in done.err


def test_withdrawing_needs_a_reason(node: FakeNode, cli: Cli) -> None:
    node.verbs["withdraw"] = answers(examples.published())
    assert cli("withdraw", examples.REC).code == exits.USAGE
    assert cli("withdraw", examples.REC, "--reason", "error").code == 0
    assert node.params("withdraw") == {"rec": examples.REC, "reason": "error"}


def test_kinds_and_their_fields_are_listed(node: FakeNode, cli: Cli) -> None:
    assert cli("kinds").out == "resource\tResource\tDownstream · share what exists\n"
    assert "--keywords VALUE\tKeywords [may be repeated]" in cli("kinds", "resource").out


def test_kinds_as_json_are_their_declarations(node: FakeNode, cli: Cli) -> None:
    assert cli("kinds", "--json").json == examples.KINDS
    assert cli("kinds", "resource", "--json").json == examples.KINDS[0]


def test_the_schema_of_a_kind_is_json(node: FakeNode, cli: Cli) -> None:
    node.verbs["schema"] = answers({"type": "object"})
    assert cli("schema", "resource").json == {"type": "object"}
