"""Nodes that do not offer the same: what both know is used, the rest is left aside, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

from tests.e2e.nodes import Node, until

OLDER, NEWER = (("-m", "tests.e2e.other_version", version) for version in ("older", "newer"))
SHEETS = 40


def test_an_older_a_newer_and_a_node_of_today_work_together(
    make: Callable[[str], Node], tmp_path: Path
) -> None:
    """The older one, which neither compresses nor relays, stands between the two others at first."""
    older = make("Ancien").start(program=OLDER)
    today, newer = make("Jardin"), make("Demain")
    today.start("--seed", older.peer)
    newer.start("--seed", older.peer, program=NEWER)
    everybody = (older, today, newer)
    for one, other in permutations(everybody, 2):
        one.ask("peer_accept", org=other.org)
    for node in everybody:
        titles = [f"Longue marmite {number} de {node.name}" for number in range(SHEETS)]
        file = tmp_path / f"{node.name}.jsonl"
        file.write_text("".join(json.dumps({"title": {"fr": title}}) + "\n" for title in titles))
        assert node.ask("import", path=str(file))["created"] == SHEETS
    for one, other in permutations(everybody, 2):
        one.catches_up_with(other)
        until(lambda one=one, other=other: _found(one, other) == SHEETS, f"{one.name} finds {other.name}'s")  # type: ignore[misc]

    # nobody takes the older one for a relay
    reach = {each["name"]: each for each in today.ask("doctor")}["reach"]
    assert reach["fr"].startswith("Non joignable pour l’instant"), reach
    assert not [each for each in today.ask("peer_ls") if each["by_relay"]]

    # linked with each other, the two others use what both know; and what was found is used everywhere
    today.follows(newer)
    for user, author in ((older, newer), (newer, today), (today, older)):
        hit = user.ask("search", q=f"longue marmite {author.name}", limit=1)["hits"][0]["id"]
        user.ask("use", rec=hit, **{"as": "used"}, purpose="Essai")
        until(lambda author=author, hit=hit: author.ask("usage", rec=hit)["declared"] == 1, "it is told")  # type: ignore[misc]
    for node in everybody:
        assert {each["state"] for each in node.ask("status")["peers"]} == {"connected"}
        assert "Traceback" not in node.log.read_text()


def _found(node: Node, author: Node) -> int:
    return int(node.ask("search", q=f"longue marmite {author.name}")["total"])
