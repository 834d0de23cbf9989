"""The commands as a script relies on them: exit codes, one JSON document, the fields the contract names."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outside.author import Author
from tests.outside.conftest import accepted_by, newcomer, org_text
from tests.outside.house import House, eventually
from tests.outside.page import base32, unbase32
from tests.outside.stranger import Stranger

DONE, USAGE, NOT_FOUND, REFUSED, NOT_REPLICATED = 0, 2, 3, 4, 6
NOBODY = "rec_" + "a" * 52


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A node of its own: what it holds is known to the last record."""
    house = House(tmp_path_factory.mktemp("office") / "home", "Office").init().start()
    try:
        yield house
    finally:
        assert house.stop() == 0


def test_a_new_node_stands_as_the_contract_says(office: House) -> None:
    status = office.ok("status")
    assert (status["org"], status["name"], status["epoch"]) == (office.org_text, "Office", 0)
    public = status["logs"]["public"]
    assert (public["size"], len(unbase32(public["log"]))) == (0, 32)
    assert (status["organisations"], status["records"], status["peers"]) == (0, 0, [])
    assert (status["read_only"], status["peer"]) == (False, office.peer)
    assert status["web"].rstrip("/") == office.web
    assert status["version"]


def test_a_home_is_for_its_owner_alone(office: House) -> None:
    phrase = office.home.with_suffix(".phrase")
    assert len(phrase.read_text("utf-8").split()) == 24
    assert stat.S_IMODE(office.home.stat().st_mode) == 0o700
    secret = [
        phrase,
        *(path for path in office.home.iterdir() if path.is_socket() or path.name == "identity"),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert len(secret) == 3


def test_an_existing_home_is_not_touched(office: House) -> None:
    before = sorted(path.name for path in office.home.iterdir())
    assert office.command("init", "--name", "Another").code not in (DONE, USAGE)
    assert sorted(path.name for path in office.home.iterdir()) == before
    assert office.ok("status")["name"] == "Office"


def publish(house: House, *argv: str) -> str:
    """The id that ``publish -q`` prints, and nothing else."""
    outcome = house.command("-q", "publish", "resource", *argv)
    assert outcome.code == DONE, outcome
    assert len(outcome.out.split()) == 1
    return outcome.out.strip()


def test_publishing_the_same_again_appends_nothing(office: House) -> None:
    fields = ["--external-ref", "guide-1", "--title.fr", "Un guide", "--license", "CC-BY-4.0"]
    first = publish(office, "--title", "A guide", *fields)
    register = office.ok("status")["logs"]["public"]
    assert len(base64.b64decode(register["root"], validate=True)) == 32
    assert publish(office, "--title", "A guide", *fields) == first
    assert office.ok("status")["logs"]["public"] == register
    second = publish(office, "--title", "A better guide", *fields)
    assert second != first
    shown = office.ok("show", second)
    assert {revision["id"] for revision in shown["revisions"]} == {first, second}
    assert shown["body"]["title"] == {"en": "A better guide", "fr": "Un guide"}


def test_show_and_search_hold_what_they_promise(office: House) -> None:
    rec = publish(office, "--title", "Promised", "--abstract", "In a few words", "--license", "MIT")
    shown = office.ok("show", rec)
    assert shown.keys() >= {
        "id",
        "kind",
        "sense",
        "org",
        "org_name",
        "time",
        "body",
        "proof",
        "revisions",
        "usage",
    }
    assert shown["proof"].keys() >= {"log", "index", "epoch", "size"}
    assert (shown["id"], shown["kind"], shown["sense"], shown["erased"]) == (rec, "resource", "aval", False)
    assert office.ok("show", rec[: len("rec_") + 8])["id"] == rec
    found = next(iter(_until_found(office, "promised")))
    assert (found["id"], found["kind"], found["sense"], found["title"]) == (
        rec,
        "resource",
        "aval",
        "Promised",
    )
    assert (found["org"], found["org_name"]) == (office.org_text, "Office")
    assert (found["language"], found["license"]) == ("en", "MIT")
    assert found["usage"].keys() >= {"confirmed", "declared"}
    assert isinstance(found["score"], float)
    assert isinstance(found["snippet"], str)


def _until_found(house: House, word: str) -> list[Any]:
    return list(asyncio.run(eventually(lambda: house.ok("search", word)["hits"])))


def test_a_text_without_a_summary_has_a_language_too(office: House) -> None:
    publish(office, "--title", "Lonesome title")
    assert [hit["language"] for hit in _until_found(office, "lonesome")] == ["en"]


def test_an_empty_query_lists_everything_newest_first(office: House) -> None:
    newest = publish(office, "--title", "The newest")
    _until_found(office, "newest")
    answer = office.ok("search")
    assert answer["total"] == len(answer["hits"]) >= 2
    assert answer["took_ms"] >= 0
    assert answer["hits"][0]["id"] == newest
    assert answer["facets"].keys() >= {"sense", "kind", "language", "license", "org"}
    assert answer["facets"]["org"] == {office.org_text: answer["total"]}
    paged = office.ok("search", "--limit", "1", "--offset", "1")
    assert (paged["total"], [hit["id"] for hit in paged["hits"]]) == (
        answer["total"],
        [answer["hits"][1]["id"]],
    )
    streamed = office.command("--json", "search", "--stream").out.splitlines()
    assert [json.loads(line)["id"] for line in streamed] == [hit["id"] for hit in answer["hits"]]
    assert office.command("-q", "search").out.split() == [hit["id"] for hit in answer["hits"]]


FAILURES = {
    f"show {NOBODY}": NOT_FOUND,
    f"usage {NOBODY}": NOT_FOUND,
    f"use {NOBODY} --as used": NOT_FOUND,
    f"withdraw {NOBODY} --reason error": NOT_FOUND,
    f"show {NOBODY[:-1]}b": USAGE,
    "show rec_short": USAGE,
    "show nonsense": USAGE,
    "publish resource": USAGE,
    "publish resource --nofield x": USAGE,
    "publish nokind --title x": USAGE,
    "peer accept org_short": USAGE,
    "peer block nonsense": USAGE,
    "nosuchverb": USAGE,
    "status --nosuchoption": USAGE,
    "sync --wait 1 --timeout 0": NOT_REPLICATED,
}


@pytest.mark.parametrize("line", FAILURES)
def test_a_failure_has_its_exit_code_and_is_told_on_stderr(office: House, line: str) -> None:
    outcome = office.command(*line.split())
    assert (outcome.code, outcome.out) == (FAILURES[line], "")
    assert outcome.err.strip()
    assert "Traceback" not in outcome.err


def test_rules_refuse_with_four(office: House) -> None:
    mine = publish(office, "--title", "Mine")
    assert office.command("use", mine, "--as", "used").code == REFUSED
    assert office.command("withdraw", mine, "--reason", "error").code == DONE
    assert office.command("revise", mine, "--title", "Again").code == REFUSED


def test_a_dry_run_signs_nothing(office: House) -> None:
    size = office.ok("status")["logs"]["public"]["size"]
    draft = office.ok("publish", "resource", "--title", "Perhaps", "--dry-run")
    assert draft["body"]["title"] == {"en": "Perhaps"}
    assert office.ok("status")["logs"]["public"]["size"] == size


@pytest.mark.parametrize("form", ["json", "toml"])
def test_a_manifest_comes_from_a_file_or_standard_input(office: House, tmp_path: Path, form: str) -> None:
    title = f"From a manifest {os.urandom(4).hex()}"
    text = f'kind = "resource"\ntitle.en = "{title}"\n'
    if form == "json":
        text = json.dumps({"kind": "resource", "title": {"en": title}})
    file = tmp_path / f"manifest.{form}"
    file.write_text(text, "utf-8")
    for source, stdin in ((str(file), ""), ("-", text)):
        rec = office.ok("publish", "--manifest", source, stdin=stdin)["id"]
        assert office.ok("show", rec)["body"]["title"] == {"en": title}


def test_a_batch_takes_the_good_lines_and_names_the_bad(office: House) -> None:
    lines = '{"title":"A","external_ref":"a"}\n{"nope":1}\nnot json\n{"title":"B","external_ref":"b"}\n'
    outcome = office.command("--json", "import", "-", "--format", "jsonl", stdin=lines)
    taken = outcome.json
    assert (taken["created"], [bad["line"] for bad in taken["bad"]]) == (2, [2, 3])
    assert "2" in outcome.err
    again = office.command("--json", "import", "-", "--format", "jsonl", stdin=lines).json
    assert (again["created"], again["unchanged"], again["ids"]) == (0, 2, taken["ids"])
    size = office.ok("status")["logs"]["public"]["size"]
    strict = office.command("import", "-", "--format", "jsonl", "--strict", stdin='{"title":"C"}\nno\n')
    assert strict.code != DONE
    assert office.ok("status")["logs"]["public"]["size"] == size


def test_a_csv_is_mapped_by_column(office: House) -> None:
    sheet = "Nom;Réf\nPremière fiche;r1\nDeuxième, avec une virgule;r2\n"
    mapping = ["--map", "title=Nom", "--map", "external_ref=Réf"]
    taken = office.ok("import", "-", "--format", "csv", *mapping, stdin=sheet)
    assert taken["created"] == 2
    assert office.ok("show", taken["ids"][1])["body"]["title"] == {"en": "Deuxième, avec une virgule"}


def test_what_was_withdrawn_stays_readable_and_leaves_the_search(office: House) -> None:
    word = f"passing{os.urandom(4).hex()}"
    rec = publish(office, "--title", word)
    _until_found(office, word)
    office.ok("withdraw", rec, "--reason", "duplicate")
    asyncio.run(eventually(lambda: office.ok("search", word)["total"] == 0))
    shown = office.ok("show", rec)
    assert shown["body"]["title"] == {"en": word}
    assert shown["state"] == "withdrawn"


async def test_peers_are_listed_while_connected(library: House, friend: Stranger) -> None:
    async with friend.meet(library.peer):

        def connected() -> Any:
            rows = {row["org"]: row for row in library.ok("status")["peers"]}
            return rows.get(org_text(friend.author))

        row = await eventually(connected)
        assert row["state"] == "connected"
        assert row["address"].startswith("127.0.0.1")


async def test_usage_of_others_is_declared_and_listed(library: House) -> None:
    stranger = accepted_by(library, name="Author of a tool")
    index = stranger.author.resource("A tool")
    stranger.sign()
    rec = _rec(stranger.author, index)
    async with stranger.meet(library.peer) as link:
        await link.reaches(stranger.author.log, 1)
        declared = library.command("-q", "use", rec, "--as", "adapted", "--purpose", "Training", "--can-help")
        assert declared.code == DONE, declared
        answer = library.ok("usage", rec)
        assert (answer["declared"], answer["confirmed"], answer["contested"]) == (1, 0, 0)
        (row,) = answer["organisations"]
        assert row.keys() >= {"org", "org_name", "type", "period", "purpose", "can_help", "answer"}
        assert (row["org"], row["type"], row["can_help"]) == (library.org_text, "adapted", True)
        _, _, heads = await link.everything()
        mine = next(head for head in heads if head[0] == library.org)
        usage = (await link.entries(_log(library), 0, mine[4] - 1, mine[4]))[0]
        assert b"usage" in usage[0]
        # the author answers, as its own node would: both halves make it confirmed
        ref = (await link.whole(mine)).ref(mine[4] - 1)
        stranger.author.add("usage_answer", {"usage": ref, "answer": "thanks"})
        await link.push(stranger.sign())
        await link.reaches(stranger.author.log, 2)
        await eventually(lambda: library.ok("usage", rec)["confirmed"] == 1)


def _log(house: House) -> bytes:
    return unbase32(house.ok("status")["logs"]["public"]["log"])


def _rec(author: Author, index: int) -> str:
    return "rec_" + base32(author.rec(index))


async def test_sync_says_when_others_hold_what_we_published(library: House) -> None:
    reader = newcomer("Holder")
    library.accept(org_text(reader.author))
    library.ok("publish", "resource", "--title", "To be held")
    async with reader.meet(library.peer) as link:
        _, _, heads = await link.everything()
        mine = next(head for head in heads if head[0] == library.org)
        reader.hold(await link.whole(mine))
        await link.push(mine)
        waiting = asyncio.to_thread(library.command, "sync", "--wait", "1", "--timeout", "6")
        assert (await waiting).code == DONE


def test_with_no_daemon_the_same_commands_work(tmp_path: Path) -> None:
    house = House(tmp_path / "home", "Alone").init()
    rec = publish(house, "--title", "Without a daemon")
    assert house.ok("show", rec)["body"]["title"] == {"en": "Without a daemon"}
    assert house.command("log", "verify").code == DONE


def test_a_home_without_a_node_is_told_so(tmp_path: Path) -> None:
    outcome = House(tmp_path / "nothing", "Nobody").command("status")
    assert outcome.code == NOT_FOUND
    assert "init" in outcome.err
