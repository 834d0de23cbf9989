"""Our own vectors: the script that makes them and two verifiers, one of them in JavaScript, agree on each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mutunode.protocol import proof
from mutunode.service.errors import Exit, Refusal
from mutunode.service.verifying import verify
from tests import make_vectors
from tests.tlog_reader import TiledLog
from tests.vectors import load

HERE = Path(__file__).parent / "vectors"
VERIFIER = Path(__file__).parents[1] / "examples" / "verify-js" / "verify.mjs"
NODE = shutil.which("node") or shutil.which("nodejs")

EXPECTED = load("proofs/expected.json")
REFUSED = load("proofs/refused.json")


def javascript(what: Path, *options: str) -> tuple[int, Any]:
    """Exit code and answer of the verifier in JavaScript."""
    assert NODE is not None
    ran = subprocess.run([NODE, VERIFIER, "--json", *options, what], capture_output=True, timeout=60)
    return ran.returncode, json.loads(ran.stdout or b"null")


def in_python(what: Path) -> tuple[int, Any]:
    """The same of ours."""
    try:
        told = verify(what.read_bytes())
    except Refusal as refusal:
        return int(refusal.exit), {"part": refusal.code.removeprefix("not_verified_")}
    return 0, json.loads(msgspec.json.encode(told))


# node comes with `make test`; without it the claim "two verifiers agree" is not tested, and says so
needs_node = pytest.mark.skipif(
    NODE is None, reason="Node.js is absent: `make test` installs Debian's nodejs"
)
both = pytest.mark.parametrize("verifier", [in_python, pytest.param(javascript, marks=needs_node)])
Verifier = Callable[[Path], tuple[int, Any]]


def test_the_script_makes_exactly_these_files() -> None:
    made = make_vectors.files()
    there = {
        str(path.relative_to(HERE))
        for folder in ("proofs", "tlog")
        for path in (HERE / folder).rglob("*")
        if path.is_file()
    }
    assert there == made.keys()
    assert [name for name in made if (HERE / name).read_bytes() != made[name]] == []


# --- proofs -----------------------------------------------------------------------------------------
@both
@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["file"])
def test_a_proof_that_holds_says_who_published_what_and_who_saw_it(
    case: dict[str, Any], verifier: Verifier
) -> None:
    code, told = verifier(HERE / "proofs" / case["file"])
    assert code == 0
    wanted = {name: value for name, value in case.items() if name not in ("file", "witnesses")}
    assert {name: told[name] for name in wanted} == wanted
    assert told["witnesses"] == case["witnesses"]


def test_every_proof_that_does_not_hold_is_refused_for_the_claim_that_falls() -> None:
    for case in REFUSED:
        with pytest.raises(proof.Doubt) as doubt:
            proof.read(case["proof"].encode())
        assert doubt.value.part == case["part"], case["what"]
    assert {case["part"] for case in REFUSED} == set(proof.PARTS)


ALL_AT_ONCE = """
import { verifyProof } from VERIFIER;
import { readFileSync } from "node:fs";
const part = (text) => {
  try { verifyProof(Buffer.from(text)); return "none"; } catch (error) { return error.part; }
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((each) => part(each.proof))));
"""


@needs_node
def test_the_javascript_verifier_refuses_them_for_the_same_claims() -> None:
    assert NODE is not None
    program = ALL_AT_ONCE.replace("VERIFIER", json.dumps(VERIFIER.as_uri()))
    given = json.dumps(REFUSED).encode()
    ran = subprocess.run(
        [NODE, "--input-type=module", "-e", program], input=given, capture_output=True, timeout=60, check=True
    )
    told = zip(REFUSED, json.loads(ran.stdout), strict=True)
    assert [(case["what"], case["part"], part) for case, part in told if part != case["part"]] == []


@needs_node
def test_the_javascript_verifier_refuses_another_author_than_expected() -> None:
    case = EXPECTED[0]
    file = HERE / "proofs" / case["file"]
    assert javascript(file, "--org", case["org"])[0] == 0
    assert javascript(file, "--org", case["org"][:12])[0] == 0
    assert javascript(file, "--org", case["witnesses"][0]["org"])[0] == Exit.NOT_VERIFIED


# --- the register as tlog-tiles -------------------------------------------------------------------------
def test_others_read_the_register_by_the_specification_alone() -> None:
    log = TiledLog(HERE / "tlog")
    log.check_tree()
    keys = (HERE / "tlog" / "verifier-keys").read_text().splitlines()
    assert sorted(log.check_signatures(keys)) == [1, 4]
    files = {str(path.relative_to(log.folder)) for path in log.folder.rglob("*") if path.is_file()}
    assert files - {"checkpoint", "verifier-keys", "identity"} == log.resources()


@needs_node
def test_the_javascript_verifier_reads_the_register() -> None:
    code, told = javascript(HERE / "tlog")
    assert code == 0
    log = TiledLog(HERE / "tlog")
    assert (told["origin"], told["size"]) == (log.origin, log.size)
    assert told["org"] == EXPECTED[0]["org"]


@needs_node
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("tile/0/000", "place"),
        ("tile/0/001.p/44", "place"),
        ("tile/1/000.p/1", "place"),
        ("tile/entries/000", "place"),
        ("tile/entries/001.p/44", "place"),
        ("checkpoint", "signature"),
        ("verifier-keys", "signature"),
        ("identity", "author"),
    ],
)
def test_the_javascript_verifier_refuses_a_register_with_one_byte_changed(
    name: str, part: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(HERE / "tlog", tmp_path / "tlog")
    file = folder / name
    raw = bytearray(file.read_bytes())
    at = {"checkpoint": -20, "verifier-keys": 100, "identity": 60}.get(name, len(raw) // 2)
    raw[at] = ord("A") if raw[at] != ord("A") else ord("B")
    file.write_bytes(raw)
    code, told = javascript(folder)
    assert code == Exit.NOT_VERIFIED
    assert told["part"] == part
    file.unlink()
    assert javascript(folder)[0] == Exit.NOT_VERIFIED
