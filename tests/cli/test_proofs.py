"""`prove`, `verify` and `log export`: what a person reads, and what a script sees."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mutunode_cli import exits
from tests.cli.conftest import Cli
from tests.cli.fake_node import FakeNode, answers, refuses, tells
from tests.vectors import load

PROOFS = Path(__file__).parents[1] / "vectors" / "proofs"
SEEN, ALONE = PROOFS / "witnessed.tlog-proof", PROOFS / "no-witness.tlog-proof"
EXPECTED = {case["file"]: case for case in load("proofs/expected.json")}

ANSWER = {
    "id": "rec_" + "a" * 52,
    "org": "org_" + "a" * 52,
    "proof": "c2sp.org/tlog-proof@v1\nœ\n",
    "seen_by": 2,
    "seen_at": 1_767_225_600,
    "witnesses": [],
}


# --- prove ------------------------------------------------------------------------------------------
def test_a_proof_goes_to_stdout_also_when_quiet(cli: Cli, node: FakeNode) -> None:
    node.verbs["prove"] = tells({"progress": {"done": 0, "total": 1}}, then=ANSWER)
    assert cli("prove", "rec_aaaaaaaaaa").out == ANSWER["proof"]
    assert cli("-q", "prove", "rec_aaaaaaaaaa").out == ANSWER["proof"]
    assert node.params("prove")["rec"] == "rec_aaaaaaaaaa"


def test_a_proof_goes_to_a_file_and_how_many_saw_it_is_said(cli: Cli, node: FakeNode, tmp_path: Path) -> None:
    node.verbs["prove"] = answers(ANSWER)
    target = tmp_path / "guide.tlog-proof"
    done = cli("prove", "rec_aaaaaaaaaa", "-o", str(target), "--witnesses", "2", "--timeout", "5")
    assert (done.code, done.out) == (exits.DONE, "")
    assert target.read_bytes() == str(ANSWER["proof"]).encode()
    assert "Seen by 2 organisations, first on 2026-01-01" in done.err
    assert (node.params("prove")["witnesses"], node.params("prove")["timeout"]) == (2, 5.0)
    assert "Vu par 2 organisations" in cli("prove", "rec_aaaaaaaaaa", "--language", "fr").err
    assert cli("-q", "prove", "rec_aaaaaaaaaa", "-o", str(target)).out.strip() == ANSWER["id"]
    assert cli("--json", "prove", "rec_aaaaaaaaaa", "-o", str(target)).json["file"] == str(target)


def test_what_the_node_refuses_ends_with_its_code(cli: Cli, node: FakeNode, tmp_path: Path) -> None:
    node.verbs["prove"] = refuses(exits.NOT_REPLICATED)
    assert cli("prove", "rec_aaaaaaaaaa", "-o", str(tmp_path / "x")).code == exits.NOT_REPLICATED
    assert not (tmp_path / "x").exists()
    node.verbs["prove"] = answers(ANSWER)
    assert cli("prove", "rec_aaaaaaaaaa", "-o", str(tmp_path / "none" / "x")).code == exits.USAGE


# --- verify -----------------------------------------------------------------------------------------
def test_verify_says_who_published_what_and_who_saw_it(cli: Cli) -> None:
    done = cli("verify", str(SEEN))
    case = EXPECTED[SEEN.name]
    assert done.code == exits.DONE
    for said in (case["org"], "Jardin", case["id"], "Sheet 256", "Seen by 2 organisations", "Atelier"):
        assert said in done.out
    assert done.out.startswith("VERIFIED")
    assert "compare the id or the check words" in done.err
    assert all(each["org"] in done.out for each in case["witnesses"])


def test_verify_speaks_the_readers_language(cli: Cli) -> None:
    done = cli("verify", str(ALONE), "--language", "fr")
    assert done.out.startswith("VÉRIFIÉ")
    assert "Fiche n° 299" in done.out
    assert "Vu par aucune autre organisation" in done.out
    assert "publié par: Jardin" in done.out


def test_verify_as_json_holds_everything_and_says_that_it_holds(cli: Cli) -> None:
    told = cli("--json", "verify", str(SEEN)).json
    case = {name: value for name, value in EXPECTED[SEEN.name].items() if name != "file"}
    assert told["verified"] is True
    assert {name: told[name] for name in case} == case
    assert cli("-q", "verify", str(SEEN)).out.strip() == case["id"]


def test_what_does_not_hold_is_named_and_ends_with_7(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "changed.tlog-proof"
    for case in load("proofs/refused.json"):
        file.write_text(case["proof"], encoding="utf-8", newline="")
        done = cli("--json", "verify", str(file))
        assert (done.code, done.json["error"]["code"]) == (
            exits.NOT_VERIFIED,
            f"not_verified_{case['part']}",
        ), case["what"]
        assert done.err.startswith("NOT VERIFIED. ")


def test_another_author_than_expected_is_not_verified(cli: Cli) -> None:
    case = EXPECTED[SEEN.name]
    assert cli("verify", str(SEEN), "--org", case["org"]).code == exits.DONE
    assert cli("verify", str(SEEN), "--org", case["witnesses"][0]["org"]).code == exits.NOT_VERIFIED
    assert cli("verify", str(SEEN), "--org", "Jardin").code == exits.USAGE


def test_a_file_that_is_not_there_or_is_a_folder_is_said(cli: Cli, tmp_path: Path) -> None:
    assert cli("verify", str(tmp_path / "none")).code != exits.DONE
    assert cli("verify", str(tmp_path)).code != exits.DONE


def test_verify_reads_a_pipe(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SEEN.read_bytes())))
    assert cli("verify", "-").code == exits.DONE


def test_verify_needs_no_home_no_node_and_no_network(tmp_path: Path) -> None:
    """A new process on an empty machine: nothing of a node is even loaded."""
    program = (
        "import sys; from mutunode_cli.main import main; code = main(['--json', 'verify', sys.argv[1]]);"
        "print(sorted(m for m in sys.modules if m.startswith(('mutunode.store', 'mutunode.net', 'apsw',"
        " 'aiohttp', 'tantivy', 'socket.'))), file=sys.stderr); sys.exit(code)"
    )
    here = Path(__file__).parents[2]
    env = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": os.pathsep.join([str(here), str(here / "cli")])}
    ran = subprocess.run([sys.executable, "-c", program, SEEN], capture_output=True, env=env, cwd=tmp_path)
    assert (ran.returncode, ran.stderr.decode().strip()) == (0, "[]")
    assert json.loads(ran.stdout)["verified"] is True
    assert list(tmp_path.iterdir()) == []


# --- log export -------------------------------------------------------------------------------------
def test_a_register_is_exported_to_a_whole_path(
    cli: Cli, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    node.verbs["log_export"] = tells(
        {"progress": {"done": 0, "total": 2}}, then={"log": "log_x", "origin": "mutunode/1/x/0/0", "size": 2}
    )
    done = cli("log", "export", "--tlog", "out")
    assert node.params("log_export") == {"path": str(tmp_path / "out")}
    assert "2 entries in out, log mutunode/1/x/0/0." in done.err
    assert cli("log", "export").code == exits.USAGE
