"""The first ten minutes, by the commands of the README, between three organisations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.nodes import ROOT, Node, until

EXAMPLES = ROOT / "examples"


def test_the_first_ten_minutes(make: Callable[[str], Node], tmp_path: Path) -> None:
    jardin, atelier, cantine = make("Jardin"), make("Atelier"), make("Cantine")
    jardin.start()
    atelier.start("--seed", f"{jardin.peer}#{jardin.org}")
    cantine.start("--seed", jardin.peer)

    # publish one record, and a whole catalogue, twice
    rec = jardin(
        "publish", "resource", "--title", "Accueillir une classe au jardin", "--license", "CC-BY-4.0",
        "--abstract", "Le déroulé d’une matinée, la liste du matériel, ce qui a raté.",
    )["id"]  # fmt: skip
    sill = [str(EXAMPLES / "sill/sill-2022.jsonl"), "--mapping", str(EXAMPLES / "sill/mapping.toml")]
    assert jardin("import", *sill)["created"] == 239
    assert jardin("import", *sill)["unchanged"] == 239
    assert jardin("search", "gestion de parc")["total"] == 3, "the next line finds what was published"
    second = jardin("publish", "resource", "--title", "Zinzolin")["id"]
    assert [hit["id"] for hit in jardin("search", "zinzolin")["hits"]] == [second]
    jardin("withdraw", second, "--reason", "error")

    # meet: each sees the other nearby, reads the check words, accepts
    near = until(lambda: [each for each in jardin("peer", "nearby") if each["name"]], "somebody is nearby")
    assert {each["org"] for each in near} <= {atelier.org, cantine.org}
    assert all(len(each["check_words"]["fr"].split()) == 6 for each in near)
    for one, other in ((jardin, atelier), (atelier, jardin), (jardin, cantine), (cantine, jardin)):
        one("peer", "accept", other.org)
    jardin("peer", "accept", atelier.org, "--vouch")

    # the others hold it, and find it
    assert jardin("sync", "--wait", "2", "--timeout", "30")["holders"] == 2
    for node in (atelier, cantine):
        until(lambda node=node: node("search", "jardin")["total"], f"{node.name} finds it")  # type: ignore[misc]
        assert node("show", rec[:12])["org_name"] == "Jardin"
        assert node("search", "", "--kind", "resource")["total"] == 240

    # use it, say so, be thanked
    atelier("use", rec[:12], "--as", "adapted", "--purpose", "Deux classes de CM1", "--can-help")
    [waiting] = until(lambda: jardin("todo")["waiting"], "the usage arrives")
    assert (waiting["org_name"], waiting["title"]) == ("Atelier", "Accueillir une classe au jardin")
    jardin("answer", waiting["id"], "thanks")
    assert jardin("todo")["waiting"] == []
    for node in (jardin, atelier):
        until(lambda node=node: node("usage", rec)["confirmed"] == 1, f"confirmed at {node.name}")  # type: ignore[misc]
    # Cantine never accepted Atelier: it hears of it since Jardin vouches for it
    until(lambda: cantine("usage", rec)["confirmed"] == 1, "confirmed at Cantine, through the vouch")

    # trust nothing that cannot be checked; take it out; take it back
    for node in (jardin, atelier, cantine):
        assert node("log", "verify")["registers"] >= 2
    out = tmp_path / "out.jsonl"
    assert jardin.run("export", "jsonl", "-o", str(out)).code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 240
    jardin("withdraw", rec, "--reason", "error")
    until(lambda: atelier("show", rec)["state"] == "withdrawn", "the withdrawal arrives")
    assert atelier("search", "", "--kind", "resource")["total"] == 239

    for node in (jardin, atelier, cantine):
        assert node.forked() == []
        node.stop()
    assert jardin.run("search", "jardin", "--json").code == 0, "without a daemon, the same command"


def test_exit_codes_tell_scripts_what_happened(make: Callable[[str], Node]) -> None:
    jardin = make("Jardin").start()
    rec = jardin("publish", "resource", "--title", "Une fiche")["id"]
    expected = {
        ("show", "rec_" + "a" * 52): 3,
        ("show", "nonsense"): 2,
        ("publish", "resource"): 2,
        ("publish", "poem", "--title", "x"): 2,
        ("use", rec, "--as", "used"): 4,
        ("sync", "--wait", "1", "--timeout", "0.1"): 6,
        ("import", "/nowhere/at/all.csv"): 3,
        ("init", "--name", "Encore"): 5,
    }
    for words, code in expected.items():
        answer = jardin.run(*words)
        assert (words, answer.code) == (words, code), answer
        assert answer.err.strip(), words
        assert "Traceback" not in answer.err
    jardin.stop()
