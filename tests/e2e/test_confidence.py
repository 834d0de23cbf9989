"""Three real nodes, two of which only know the third: an invitation, a confidence, its answer, its end."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.e2e.nodes import MUTUNODE, Node, environment, until

CANARY = "zinzoline-confidence"


def takes_up(node: Node, link: str) -> int:
    """``peer accept -``: the link comes by standard input, and stands in no list of processes."""
    command = [sys.executable, *MUTUNODE, "peer", "accept", "-", "--home", str(node.home), "--json"]
    done = subprocess.run(
        command, input=link, capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    return done.returncode


def met(make: Callable[[str], Node]) -> tuple[Node, Node, Node]:
    """The town hall invites the canteen and the workshop by a link each."""
    mairie, cantine, atelier = make("Mairie").start(), make("Cantine").start(), make("Atelier").start()
    links = [mairie.run("peer", "invite", "-q").out.strip() for _ in range(2)]
    for guest, link in zip((cantine, atelier), links, strict=True):
        assert takes_up(guest, link) == 0
        assert takes_up(guest, link) == 0  # again: nothing new
    assert takes_up(atelier, links[0]) == 4  # the canteen's: it was used
    assert [each["state"] for each in mairie("peer", "invitations")] == ["used", "used"]
    return mairie, cantine, atelier


def bytes_of(node: Node) -> bytes:
    """Everything in its home."""
    return b"".join(path.read_bytes() for path in Path(node.home).rglob("*") if path.is_file())


def anonymous(node: Node, path: str) -> str:
    """What anybody on its premises reads."""
    try:
        with urllib.request.urlopen(node.web.rstrip("/") + path, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_an_invitation_a_confidence_its_answer_and_an_end_to_it(make: Callable[[str], Node]) -> None:
    mairie, cantine, atelier = met(make)
    rec = cantine("publish", "resource", "--title", "Composter en cantine")["id"]
    mairie("peer", "accept", cantine.org, "--vouch", "--yes")
    until(lambda: atelier.run("show", rec).code == 0, "the workshop hears of it through the town hall")

    # told to the author alone, while it is away and across a restart of whoever tells
    cantine.stop()
    usage = atelier("use", rec, "--as", "adapted", "--visibility", "author_only", "--purpose", CANARY)
    assert usage["sealed_for"] == cantine.org
    atelier.kill()
    atelier.start()
    cantine.start()
    [todo] = until(lambda: cantine("todo")["waiting"], "it reaches the author")
    assert (todo["id"], todo["private"], todo["stranger"]) == (usage["id"], True, True)
    assert todo["text"] == {"fr": CANARY}

    # nobody else reads it, nobody is told without a session
    mairie.catches_up_with(atelier)
    assert mairie("show", usage["id"])["kind"] == "sealed"
    assert CANARY.encode() not in bytes_of(mairie)
    for path in (f"/fr/fiche/{rec}", f"/api/v1/records/{rec}/usage", f"/api/v1/records/{usage['id']}"):
        assert CANARY not in anonymous(cantine, path)
        assert CANARY not in anonymous(atelier, path)
    assert cantine("search", CANARY)["total"] == 0
    assert CANARY not in cantine.run("export", "jsonl", "--kind", "usage").out
    assert CANARY not in atelier.run("export", "jsonl", "--kind", "usage").out

    # thanked in confidence; then followed, and the usage stands in its register
    cantine("answer", usage["id"], "thanks")
    until(lambda: atelier("usage", rec)["organisations"][0]["answer"] == "thanks", "the answer comes back")
    assert atelier("usage", rec)["declared"] == 0
    cantine("answer", usage["id"], "accept")
    until(lambda: cantine("show", usage["id"])["brought"] is False, "its register came")
    assert cantine("show", usage["id"])["body"]["purpose"] == {"fr": CANARY}

    # erased: no byte of it is left, with whoever told and whoever was told
    atelier("withdraw", usage["id"], "--reason", "error", "--erase", "--yes")
    until(lambda: cantine("show", usage["id"])["erased"], "erased at the author's")
    until(lambda: CANARY.encode() not in bytes_of(cantine), "no byte of it at the author's")
    until(lambda: CANARY.encode() not in bytes_of(atelier), "no byte of it at home")
    for node in (mairie, cantine, atelier):
        assert node.forked() == []
        node.stop()
