"""A disk that changed a thousand bytes of a node's records: the doctor finds it, and neighbours mend it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from tests.e2e.nodes import Node, until

Make = Callable[[str], Node]

FLIPS = 1_000
RECORDS = 300
SEED = 20_261_129


def publish_many(node: Node) -> list[str]:
    """Records as a small organisation has them after a year."""
    rows = [{"title": f"Fiche {n}", "abstract": f"{n} " * (n % 90 + 10)} for n in range(RECORDS)]
    ids: list[str] = node.ask("import", lines="\n".join(json.dumps(row) for row in rows))["ids"]
    return ids


def flip(node: Node, flips: int, *, beyond: int = 8_192) -> None:
    """Change so many bytes of its file, anywhere but in the first page."""
    path, rng = node.home / "records.sqlite", random.Random(SEED)
    content = bytearray(path.read_bytes())
    for at in rng.sample(range(beyond, len(content)), flips):
        content[at] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def test_a_thousand_changed_bytes_are_found_and_mended_by_neighbours(two: tuple[Node, Node]) -> None:
    jardin, atelier = two
    ids = publish_many(jardin)
    theirs = atelier.publish("D’à côté")
    atelier.catches_up_with(jardin)
    jardin.catches_up_with(atelier)
    register = jardin.register()
    jardin.stop()
    flip(jardin, FLIPS)

    examined = jardin.run("doctor", "--json")
    assert examined.code != 0
    if examined.code == 7:  # else the file itself cannot be opened any more, and the command said so
        finding = next(each for each in examined.json if each["name"] == "registers")
        assert not finding["well"]
        assert "--repair" in finding["fr"]
    else:
        assert "--repair" in examined.json["error"]["en"]

    seed = f'seeds = ["{atelier.peer}#{atelier.org}"]\n'  # the address book may be among what is lost
    (jardin.home / "mutunode.toml").write_text(seed)
    jardin.run("peer", "accept", atelier.org)
    repaired = jardin.run("doctor", "--repair", "--json")
    assert repaired.code == 0, repaired
    assert repaired.json["salvaged"]
    jardin.start()
    jardin.follows(atelier)  # whom one accepted may be among what is lost
    jardin.catches_up_with(atelier)
    assert jardin.register() == register
    jardin.ask("log_verify")
    for rec in (ids[0], ids[-1], theirs):
        assert jardin.ask("show", rec=rec)["id"] == rec
    until(lambda: jardin.ask("search", limit=0)["total"] == RECORDS + 1, "all is found again")
    well = {each["name"]: each["well"] for each in jardin.ask("doctor")}
    assert well["registers"]
    assert well["signing"]
    jardin.publish("Après")
    atelier.catches_up_with(jardin)
    assert atelier.forked() == []
    jardin.stop()


def test_with_nobody_in_reach_what_is_gone_is_named_and_the_rest_stands(make: Make) -> None:
    jardin = make("Jardin").start()
    ids = publish_many(jardin)
    jardin.stop()
    content = (jardin.home / "records.sqlite").read_bytes()
    (jardin.home / "records.sqlite").write_bytes(content.replace(b"Fiche 7", b"Fiche X"))

    answer = jardin.run("doctor", "--json")
    assert answer.code == 7, "a script sees it too"
    examined = answer.json
    assert [each["well"] for each in examined] == sorted(each["well"] for each in examined), "worst first"
    assert not next(each for each in examined if each["name"] == "registers")["well"]
    repaired = jardin.run("doctor", "--repair", "--json")
    assert (repaired.code, repaired.json["error"]["code"]) == (7, "not_whole")
    [trouble] = repaired.json["error"]["fields"]
    assert "11 content(s) still missing" in trouble["en"], "7 and 70 to 79"
    jardin.start()
    assert jardin.ask("show", rec=ids[8])["title"] == "Fiche 8"
    assert jardin.ask("search", q="Fiche X")["hits"] == []
    jardin.publish("On continue")
    jardin.stop()
