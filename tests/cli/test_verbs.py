"""The other verbs: what they ask the node, and what they make of its answer."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mutunode.service.disputes import Followed
from mutunode_cli import exits
from tests.cli import examples
from tests.cli.conftest import Cli
from tests.cli.fake_node import FakeNode, answers, dies_after, refuses, tells


def test_search_passes_every_filter_on(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found())
    filters = "--sense aval --kind resource --kind profile --org org_x --language oc --license MIT --circle c"
    done = cli("search", "l’eau", "vive", *filters.split(), "--limit", "5", "--offset", "10")
    assert (done.code, done.err) == (0, "Nothing found.\n")
    assert node.params("search") == {
        "q": "l’eau vive",
        "sense": "aval",
        "kind": ["resource", "profile"],
        "org": "org_x",
        "language": "oc",
        "license": "MIT",
        "circle": "c",
        "limit": 5,
        "offset": 10,
        "reader_language": "en",
    }


def test_a_usage_is_of_today_unless_said_otherwise(node: FakeNode, cli: Cli) -> None:
    node.verbs["use"] = answers(examples.published())
    assert cli("use", examples.REC, "--as", "adapted", "--can-help").code == 0
    assert node.params("use") == {
        "rec": examples.REC,
        "as": "adapted",
        "period": date.today().isoformat(),
        "can_help": True,
        "dry_run": False,
    }
    cli(
        "use",
        examples.REC,
        "--as",
        "used",
        "--period",
        "2025",
        "--purpose",
        "cours",
        "--visibility",
        "author_only",
    )
    assert node.params("use")["period"] == "2025"
    assert node.params("use")["visibility"] == "author_only"


def test_who_uses_a_resource_is_told_with_both_halves(node: FakeNode, cli: Cli) -> None:
    node.verbs["usage"] = answers(examples.usages())
    done = cli("usage", examples.REC)
    assert done.out == "Atelier\tadapted\t2025\tconfirmed\tyes\ttrain\n"
    assert done.err == "1 organisation, 1 confirmed\n"


def test_missing_data_is_told_never_guessed(node: FakeNode, cli: Cli) -> None:
    node.verbs["usage"] = answers(examples.usages() | {"pending": True})
    assert "Awaiting data" in cli("usage", examples.REC).err


def test_answers_and_flags_reach_the_node(node: FakeNode, cli: Cli) -> None:
    node.verbs["answer"] = node.verbs["flag"] = answers(examples.published())
    assert cli("answer", examples.USE, "contest", "--reason", "jamais").code == 0
    assert node.params("answer") == {"rec": examples.USE, "answer": "contest", "reason": "jamais"}
    assert cli("answer", examples.USE, "perhaps").code == exits.USAGE
    assert cli("flag", examples.REC, "--reason", "spam").code == 0
    assert node.params("flag") == {"rec": examples.REC, "reason": "spam"}


def test_todo_says_how_to_answer(node: FakeNode, cli: Cli) -> None:
    node.verbs["todo"] = answers(examples.todo())
    done = cli("todo")
    assert "Grille" in done.out
    assert "mutunode answer" in done.err
    assert cli("todo", "-q").out == examples.USE + "\n"


def test_todo_says_what_to_do_about_a_dispute(node: FakeNode, cli: Cli) -> None:
    node.verbs["todo"] = answers(examples.disputes())
    done = cli("todo")
    assert "two keys claim it" in done.out
    assert "six words of its key" in done.err
    assert f"mutunode peer show {examples.OTHER[:14]}" in done.err
    assert "mutunode answer" not in done.err
    assert cli("todo", "-q").out == examples.OTHER + "\n"


@pytest.mark.parametrize(
    ("ours", "signs", "told"),
    [
        (True, True, "signs for your"),
        (True, False, "signs nothing any more"),
        (False, False, "followed here"),
    ],
)
def test_following_a_key_says_what_comes_next(
    node: FakeNode, cli: Cli, ours: bool, signs: bool, told: str
) -> None:
    followed = Followed(examples.OTHER, "Pôle numérique", 1, "key_b", False, ours, signs)
    node.verbs["peer_follow"] = answers(examples.plain(followed))
    assert told in cli("peer", "follow", examples.OTHER, "key_bbbbbbbb").err


# --- organisations ------------------------------------------------------------------------------
def test_accepting_without_a_terminal_needs_no_prompt_and_shows_the_words(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_ls"] = answers([])
    node.verbs["peer_nearby"] = answers([examples.nearby()])
    node.verbs["peer_accept"] = answers({})
    done = cli("peer", "accept", "org_bbbbbbbb", "--address", "192.0.2.7:7447", "--vouch")
    assert done.code == 0
    assert examples.WORDS["en"] in done.err
    assert node.params("peer_accept") == {"org": examples.OTHER, "address": "192.0.2.7:7447", "vouch": True}


@pytest.mark.parametrize("few", ["", "org_", "org_bbb"])
def test_nobody_is_accepted_by_a_few_letters(node: FakeNode, cli: Cli, few: str) -> None:
    node.verbs["peer_ls"] = answers([])
    node.verbs["peer_nearby"] = answers([examples.nearby()])
    done = cli("peer", "accept", few)
    assert (done.code, "at least 8 characters" in done.err) == (exits.USAGE, True)


def test_an_address_that_stays_here_is_said_before_vouching(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_ls"] = answers([])
    node.verbs["peer_nearby"] = answers([examples.nearby()])
    node.verbs["peer_accept"] = answers({})
    near = cli("peer", "accept", examples.OTHER, "--address", "192.168.1.20:7447", "--vouch")
    assert "one of a local network" in near.err
    far = cli("peer", "accept", examples.OTHER, "--address", "wss://voisine.example", "--vouch")
    assert "local network" not in far.err


def test_an_invitation_on_an_empty_standard_input_is_none(
    node: FakeNode, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    done = cli("peer", "accept", "-")
    assert (done.code, "Standard input is empty" in done.err) == (exits.USAGE, True)


def test_accepting_an_organisation_nobody_saw_is_the_node_s_to_judge(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_ls"] = node.verbs["peer_nearby"] = answers([])
    node.verbs["peer_accept"] = refuses(3)
    assert cli("peer", "accept", examples.OTHER).code == exits.NOT_FOUND
    assert node.params("peer_accept") == {"org": examples.OTHER, "vouch": False}


def test_nearby_shows_the_six_check_words(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_nearby"] = answers([examples.nearby()])
    assert examples.WORDS["fr"] in cli("--language", "fr", "peer", "nearby").out


@pytest.mark.parametrize(
    ("argv", "verb", "params"),
    [
        (["add", "wss://n.example"], "peer_add", {"address": "wss://n.example"}),
        (["block", "org_x"], "peer_block", {"org": "org_x"}),
        (["unblock", "org_x"], "peer_unblock", {"org": "org_x"}),
    ],
)
def test_decisions_about_others_reach_the_node(
    node: FakeNode, cli: Cli, argv: list[str], verb: str, params: dict[str, Any]
) -> None:
    node.verbs[verb] = answers({})
    assert cli("peer", *argv).code == 0
    assert node.params(verb) == params


# --- catalogues ---------------------------------------------------------------------------------
def test_an_import_reports_bad_lines_and_takes_the_good_ones(
    node: FakeNode, cli: Cli, tmp_path: Path
) -> None:
    node.verbs["import"] = tells({"progress": {"done": 1, "total": 3}}, then=examples.imported())
    (tmp_path / "c.csv").write_text("titre\na\nb\n\n")
    done = cli("import", str(tmp_path / "c.csv"), "--map", "title=titre", "--map", "license=lic=x")
    assert done.code == 0
    assert "line 3: title: a title is missing" in done.err
    assert "new records: 2" in done.out
    assert node.params("import") == {
        "path": str(tmp_path / "c.csv"),
        "format": "csv",
        "map": {"title": "titre", "license": "lic=x"},
        "strict": False,
        "dry_run": False,
    }


def test_an_import_of_which_nothing_could_be_taken_is_refused(
    node: FakeNode, cli: Cli, tmp_path: Path
) -> None:
    node.verbs["import"] = tells(then=examples.imported(created=0, refused=2_000, ids=()))
    (tmp_path / "c.jsonl").touch()
    done = cli("import", str(tmp_path / "c.jsonl"), "--strict")
    assert done.code == exits.REFUSED
    assert "1999 more lines" in done.err


@pytest.mark.parametrize(("text", "guessed"), [(b'\xef\xbb\xbf {"a": 1}\n', "jsonl"), (b"a;b\n", "csv")])
def test_the_standard_input_is_imported_whatever_its_bytes(
    node: FakeNode, cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, guessed: str
) -> None:
    read: list[bytes] = []

    def keep(params: dict[str, Any]) -> object:
        read.append(Path(params["path"]).read_bytes())
        return examples.imported()

    node.verbs["import"] = answers(keep)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text + b"\xe9")))
    assert cli("import", "-").code == 0
    assert read == [text + b"\xe9"]
    assert node.params("import")["format"] == guessed
    assert [path.name for path in home.iterdir()] == ["control.sock"]


def test_a_mapping_file_travels_as_text(node: FakeNode, cli: Cli, tmp_path: Path) -> None:
    node.verbs["import"] = answers(examples.imported())
    (tmp_path / "m.toml").write_text('title = "Titre"\n')
    assert cli("import", __file__, "--mapping", str(tmp_path / "m.toml")).code == 0
    assert node.params("import")["mapping"] == 'title = "Titre"\n'


def test_import_files_and_maps_that_cannot_be_used_are_named(
    node: FakeNode, cli: Cli, tmp_path: Path
) -> None:
    assert cli("import", str(tmp_path / "none.csv")).code == exits.NOT_FOUND
    assert cli("import", str(tmp_path)).code == exits.USAGE
    assert "--map title" in cli("import", __file__, "--map", "title").err
    assert node.asked == []


def test_an_export_prints_lines_as_they_come(node: FakeNode, cli: Cli) -> None:
    node.verbs["export"] = tells({"line": '{"a": 1}'}, {"line": '{"a": 2}\n'}, then={"lines": 2})
    assert cli("export", "jsonl").out == '{"a": 1}\n{"a": 2}\n'
    assert node.params("export") == {"format": "jsonl"}


def test_a_broken_export_leaves_the_earlier_file_alone(node: FakeNode, cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("before")
    node.verbs["export"] = dies_after(b'{"line": "{}"}\n')
    assert cli("export", "jsonl", "-o", str(target)).code == exits.FAILED
    assert target.read_text() == "before"
    node.verbs["export"] = tells({"line": "{}"}, then={"lines": 1})
    assert "1 lines" in cli("export", "jsonl", "-o", str(target)).err
    assert target.read_text() == "{}\n"
    assert not list(tmp_path.glob("*.part"))


# --- the node itself ----------------------------------------------------------------------------
def test_sync_that_was_not_replicated_in_time_ends_with_6(node: FakeNode, cli: Cli) -> None:
    node.verbs["sync"] = tells({"progress": {"done": 1, "total": 3}}, then={"holders": 1})
    done = cli("sync", "--wait", "3", "--timeout", "0.5")
    assert done.code == exits.NOT_REPLICATED
    assert "1 of 3" in done.err
    assert node.params("sync") == {"wait": 3, "timeout": 0.5}
    node.verbs["sync"] = tells(then={"holders": 3})
    assert cli("sync", "--wait", "3").code == 0


def test_a_register_that_does_not_verify_ends_with_7(node: FakeNode, cli: Cli) -> None:
    refusal = {"error": {"code": "not_verified", "exit": 7, "fr": "faux", "en": "wrong at 12", "fields": []}}
    node.verbs["log_verify"] = tells({"progress": {"done": 12, "total": 40}}, then=refusal)
    done = cli("log", "verify")
    assert (done.code, done.err) == (exits.NOT_VERIFIED, "wrong at 12\n")


def test_status_says_when_the_node_is_read_only_and_why(node: FakeNode, cli: Cli) -> None:
    reason = {"fr": "ancienne copie", "en": "an old copy"}
    node.verbs["status"] = answers(examples.status(read_only=True, read_only_reason=reason))
    done = cli("status")
    assert "neighbours connected: 1/1" in done.out
    assert "an old copy" in done.err


def test_key_show_computes_the_check_words_itself(node: FakeNode, cli: Cli) -> None:
    node.verbs["key_show"] = answers(examples.keys(check_words={"fr": "faux", "en": "wrong"}))
    shown = cli("key", "show", "--json").json
    assert shown["org"] == examples.ORG
    assert len(shown["check_words"]["fr"].split()) == len(shown["check_words"]["en"].split()) == 6


def test_key_show_names_every_key_epoch_and_rival(node: FakeNode, cli: Cli) -> None:
    node.verbs["key_show"] = answers(examples.keys(current=False))
    done = cli("key", "show", "--language", "fr")
    for part in ("key_b", "root_c", "Ordinateur volé", "5 entrées gardées", "À TRANCHER", "mot de passe"):
        assert part in done.out, part
    assert "doctor" in done.err
    assert "huit" not in done.out


def test_key_show_tells_the_words_of_this_computer_beside_those_of_another_key(
    node: FakeNode, cli: Cli
) -> None:
    node.verbs["key_show"] = answers(examples.keys(operating_here="key_h", current=False, disputed=True))
    done = cli("key", "show", "--language", "fr")
    assert ("key_h" in done.out, "huit" in done.out) == (True, True)
    assert f"mutunode peer follow {examples.ORG[:14]}" in done.err
    assert "doctor" not in done.err


EPOCH = {"epoch": 2, "base": 5, "size": 7, "dropped": 2, "operating": "key_new", "opened": True}


def test_opening_an_epoch_says_what_leaves_the_register(node: FakeNode, cli: Cli, tmp_path: Path) -> None:
    gone = [{"id": examples.REC, "index": 5, "kind": "resource", "title": "Guide"}]
    node.verbs["epoch_open"] = answers({**EPOCH, "dropped_records": gone})
    phrase = tmp_path / "phrase"
    phrase.write_text(examples.PHRASE)
    done = cli("epoch", "open", "--phrase-file", str(phrase), "--base", "5", "--reason", "Vol")
    assert done.code == 0
    assert "[5] Guide" in done.err
    assert "5 of 7 entries stay" in done.err
    asked = {"phrase": examples.PHRASE, "reason": "Vol", "base": 5, "undo": False, "dry_run": False}
    assert node.params("epoch_open") == asked


def test_a_phrase_that_cannot_be_right_is_refused_before_the_node_is_asked(
    node: FakeNode, cli: Cli, tmp_path: Path
) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text(examples.PHRASE.replace("inductif", "mutunode"))
    done = cli("key", "rotate", "--phrase-file", str(phrase))
    assert done.code == exits.USAGE
    assert "mutunode" not in done.err.replace("mutunode key", "")
    assert "Word 3" in done.err
    assert not any(verb == "epoch_open" for verb, _ in node.asked)


def test_the_doctor_says_what_to_look_at(node: FakeNode, cli: Cli) -> None:
    node.verbs["doctor"] = answers(
        [
            {"name": "search", "well": True, "fr": "À jour.", "en": "Up to date."},
            {"name": "copies", "well": False, "fr": "Aucune copie.", "en": "No copy."},
        ]
    )
    done = cli("doctor")
    assert (done.code, done.out) == (0, "fine   Up to date.\nLOOK   No copy.\n")


def test_the_doctor_tells_scripts_of_registers_that_are_not_as_they_were_signed(
    node: FakeNode, cli: Cli
) -> None:
    node.verbs["doctor"] = answers([{"name": "registers", "well": False, "fr": "Abîmé.", "en": "Damaged."}])
    assert cli("doctor", "--json").code == 7


def test_a_register_is_shown_entry_by_entry(node: FakeNode, cli: Cli) -> None:
    entry = {"index": 4, "id": examples.REC, "kind": "resource", "time": 1, "bytes": 812, "held": False}
    register = {"log": examples.LOG, "org": examples.ORG, "size": 5, "root": "", "entries": [entry]}
    node.verbs["log_show"] = answers(register)
    done = cli("log", "show", "--from", "4")
    assert done.out.startswith("4\tresource\t")
    assert "812\tawaiting data" in done.out
    assert node.params("log_show") == {"from": 4, "limit": 50}
    assert cli("log", "show", "--stream").json == entry


def test_a_login_link_is_all_that_stdout_holds(node: FakeNode, cli: Cli) -> None:
    node.verbs["login_link"] = answers({"url": "http://127.0.0.1:8420/session/x"})
    assert cli("login-link").out == "http://127.0.0.1:8420/session/x\n"


def test_a_licence_in_conflict_is_told_before_the_version_is_signed(node: FakeNode, cli: Cli) -> None:
    asked: list[bool] = []
    check = {"verdict": "conflict", "title": "Fiche", "reason": {"fr": "Non.", "en": "No changes allowed."}}

    def publish(params: dict[str, Any]) -> Any:
        asked.append(bool(params.get("dry_run")))
        return {"text": "", "checks": [check]} if params.get("dry_run") else examples.published()

    node.verbs["publish"] = answers(publish)
    done = cli("publish", "resource", "--title", "Version", "--based-on", examples.REC)
    assert asked == [True, False]
    assert "licence, Fiche: No changes allowed." in done.err


def test_pages_speak_the_language_that_somebody_chose_else_the_organisations(
    node: FakeNode, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.verbs["login_link"] = answers({"url": "http://127.0.0.1:8420/session/x"})
    for system, options, asked in (("C.UTF-8", (), ""), ("fr_FR.UTF-8", (), "fr"), ("C", ("en",), "en")):
        monkeypatch.setenv("MUTUNODE_LANGUAGE", "")
        monkeypatch.setenv("LC_ALL", system)
        cli("login-link", *(f"--language={each}" for each in options))
        assert node.params("login_link").get("language", "") == asked


def test_allowing_to_sign_warns_first(node: FakeNode, cli: Cli) -> None:
    node.verbs["allow_signing"] = answers({})
    done = cli("doctor", "--allow-signing")
    assert done.code == 0
    assert "two contradicting registers" in done.err
    assert node.count("allow_signing") == 1


# --- starting -----------------------------------------------------------------------------------
LOADED = """
import sys
from mutunode_cli.main import main
code = main(sys.argv[1:])
heavy = {"aiohttp", "tantivy", "cryptography", "msgspec", "rich", "asyncio"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""


@pytest.mark.parametrize(
    "argv", [["--help"], ["search", "--help"], ["search"], ["status"], ["show", "rec_x"]]
)
def test_a_client_verb_loads_no_heavy_library(node: FakeNode, home: Path, argv: list[str]) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit()))
    node.verbs["status"] = answers(examples.status())
    node.verbs["show"] = answers(examples.record())
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {"PYTHONPATH": paths, "MUTUNODE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *argv], env=environment, capture_output=True, timeout=30, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_help_is_in_the_person_s_language(cli: Cli) -> None:
    assert "faire tourner le nœud" in cli("--language", "fr", "--help").out
    assert "run the node" in cli("--language", "en", "--help").out
    assert "¦" not in cli("peer", "accept", "--help").out


def test_every_verb_explains_itself(cli: Cli, node: FakeNode) -> None:
    from mutunode_cli.main import VERBS

    for verb in VERBS:
        done = cli(verb, "--help")
        assert done.code == 0
        assert len(done.out) > 100


def test_messages_of_wrong_use_are_in_french_too(node: FakeNode, cli: Cli) -> None:
    assert "Il manque" in cli("--language", "fr", "show").err
    assert "Option inconnue : --jsn" in cli("--language", "fr", "search", "--jsn").err
    assert cli("search", "--limit", "-1").code == exits.USAGE
