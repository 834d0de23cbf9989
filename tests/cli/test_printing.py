"""What is printed: one document, ids, a line an object, or words; safe on a terminal, plain in a pipe."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from mutunode.service import shapes
from mutunode.store.search.query import LIMIT_MAX
from mutunode_cli import screen, words
from tests.cli import examples
from tests.cli.conftest import Cli
from tests.cli.fake_node import FakeNode, answers

TERMINAL_SECONDS_MAX = 20.0  # of silence
NASTY = "Bon\x1b[2Jjour\x07 \u202egnp.exe [bold]x[/bold] \x9b31m"


@pytest.mark.parametrize(
    ("verb", "argv", "answer", "shape"),
    [
        ("search", ["search", "x"], examples.found(examples.hit()), shapes.SearchAnswer),
        ("show", ["show", examples.REC], examples.record(), shapes.Record),
        ("usage", ["usage", examples.REC], examples.usages(), shapes.UsageAnswer),
        ("status", ["status"], examples.status(), shapes.Status),
        ("todo", ["todo"], examples.todo(), shapes.TodoList),
        ("peer_ls", ["peer", "ls"], [examples.organisation()], list[shapes.Organisation]),
        ("peer_nearby", ["peer", "nearby"], [examples.nearby()], list[shapes.Nearby]),
        ("import", ["import", __file__, "--format", "csv"], examples.imported(), shapes.Imported),
        ("publish", ["publish", "resource", "--title", "x"], examples.published(), shapes.Published),
        ("publish", ["publish", "resource", "--title", "x", "--dry-run"], examples.preview(), shapes.Preview),
    ],
)
def test_json_is_one_document_of_the_service_s_shape(
    node: FakeNode, cli: Cli, verb: str, argv: list[str], answer: object, shape: type
) -> None:
    node.verbs[verb] = answers(answer)
    done = cli(*argv, "--json")
    assert done.code == 0
    assert done.json == answer
    msgspec.convert(done.json, shape)


@pytest.mark.parametrize(("sense", "says"), [("aval", True), ("amont", False)])
def test_only_what_is_poured_into_the_pot_is_said_to_lack_a_licence(
    node: FakeNode, cli: Cli, sense: str, says: bool
) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit(sense=sense, license="")))
    assert ("licence not stated" in cli("search", "x").out) == says


def test_quiet_prints_ids_and_nothing_else(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit(), examples.hit(id=examples.USE)))
    assert cli("search", "-q") == (0, f"{examples.REC}\n{examples.USE}\n", "")
    node.verbs["publish"] = answers(examples.published())
    assert cli("-q", "publish", "resource", "--title", "x") == (0, f"{examples.REC}\n", "")


def test_stream_prints_one_object_a_line(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit("a"), examples.hit("b")))
    lines = cli("search", "--stream").out.splitlines()
    assert [json.loads(line)["title"] for line in lines] == ["a", "b"]


def test_results_go_to_stdout_and_messages_to_stderr(node: FakeNode, cli: Cli) -> None:
    node.verbs["publish"] = answers(examples.published())
    done = cli("publish", "resource", "--title", "x")
    assert done.out == examples.REC + "\n"
    assert "entry no. 43 of your register" in done.err


def test_every_hit_names_its_sense_in_words(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit()))
    assert "Downstream · share what exists" in cli("search").out
    assert "En aval · partager l’existant" in cli("--language", "fr", "search").out


def test_a_word_with_a_hyphen_is_left_out_of_a_search_and_no_option(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit()))
    for argv in (
        ["-dimanche", "-q"],
        ["--limit", "5", "-quartier", '-"droit du"'],
        ["--", "-dimanche", "-q"],
    ):
        assert cli("search", "travail", *argv).code == 0
    asked = [params["q"] for verb, params in node.asked if verb == "search"]
    assert asked == ["travail -dimanche", 'travail -quartier -"droit du"', "travail -dimanche -q"]
    assert cli("search", "travail", "--licence", "MIT").code == 2, "a mistake in an option is still said"


def test_the_help_of_search_promises_no_more_hits_than_a_node_gives(node: FakeNode, cli: Cli) -> None:
    assert f"0<=x<={LIMIT_MAX}]" in cli("search", "--help").out


def test_a_search_with_more_to_come_says_how_to_see_it(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit(), total=30))
    assert "1 to 1 of 30; more: --offset 1" in cli("search").err


def test_a_record_shows_labels_in_the_person_s_language_and_ages(node: FakeNode, cli: Cli) -> None:
    node.verbs["show"] = answers(examples.record())
    out = cli("--language", "fr", "show", examples.REC).out
    assert "Titre: Grille" in out
    assert "il y a" in out
    assert "embauche\néquité" in out
    assert "Can help: oui" in out
    assert "News: Wish: Avec plaisir" in out


def test_a_record_is_readable_when_kinds_cannot_be_asked(node: FakeNode, cli: Cli) -> None:
    del node.verbs["kinds"]
    node.verbs["show"] = answers(examples.record())
    out = cli("show", examples.REC).out
    assert "title: Grid" in out


def test_what_others_wrote_cannot_command_the_terminal(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit(NASTY, snippet=NASTY, org_name=NASTY)))
    node.verbs["show"] = answers(examples.record(title=NASTY, body={"title": {"en": NASTY}}))
    node.verbs["peer_ls"] = answers([examples.organisation(name=NASTY, similar_to=NASTY)])
    for argv in (["search"], ["show", examples.REC], ["peer", "ls"]):
        done = cli(*argv)
        assert not set(done.out + done.err) & set("\x1b\x07\x9b\u202e")
        assert "[bold]x[/bold]" in done.out


def test_json_keeps_every_character_and_still_cannot_command_the_terminal(node: FakeNode, cli: Cli) -> None:
    node.verbs["search"] = answers(examples.found(examples.hit(NASTY)))
    done = cli("search", "--json")
    assert done.json["hits"][0]["title"] == NASTY
    assert not set(done.out) & set("\x1b\x07\x9b")


def test_names_no_encoding_can_carry_do_not_stop_a_command(node: FakeNode, cli: Cli) -> None:
    answer = examples.found(examples.hit())
    answer["hits"][0]["title"] = "half \ud83d emoji"
    node.verbs["search"] = answers(answer)
    assert cli("search").code == 0
    assert cli("search", "--json").json["hits"][0]["title"] == "half \ud83d emoji"


def test_tables_in_a_pipe_are_tab_separated(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_ls"] = answers([examples.organisation()])
    assert cli("peer", "ls").out.split("\t")[0] == "Pôle numérique"


def test_a_similar_name_is_warned_about(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_nearby"] = answers([examples.nearby(similar_to="Pole numérique")])
    assert "looks like `Pole numérique`" in cli("peer", "nearby").err


def test_a_register_signed_twice_is_contested_only_until_a_new_start(node: FakeNode, cli: Cli) -> None:
    node.verbs["peer_ls"] = answers([examples.organisation(forked=True, contested=True)])
    assert "what follows is contested" in cli("peer", "ls").err
    node.verbs["peer_ls"] = answers([examples.organisation(forked=True, contested=False)])
    assert "nothing is contested any more" in cli("peer", "ls").err


@pytest.mark.parametrize(
    ("seconds", "fr", "en"),
    [
        (5, "à l’instant", "just now"),
        (60, "il y a 1 minute", "1 minute ago"),
        (9 * 86_400, "il y a 9 jours", "9 days ago"),
        (70 * 86_400, "il y a 2 mois", "2 months ago"),
        (-7_300, "dans 2 heures", "in 2 hours"),
    ],
)
def test_ages_are_told_in_words(seconds: int, fr: str, en: str) -> None:
    now = 1_700_000_000.0
    assert (words.age(now - seconds, now, "fr"), words.age(now - seconds, now, "en")) == (fr, en)


def test_never_is_not_an_age() -> None:
    assert words.age(0, 1.7e9, "en") == "never"


def test_tables_on_a_terminal_fit_80_columns(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    screen.table(["name", "id"], [("x" * 100, examples.ORG)])
    screen.facts([("title", "word " * 40)])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capfd.readouterr().out)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "org_aaaaaaaaaaaa\n" in shown.replace(" ", "")


# --- a real terminal ----------------------------------------------------------------------------
def on_terminal(home: Path, *argv: str, answers_given: Sequence[tuple[str, str]] = ()) -> tuple[int, str]:
    """Run the command on a terminal of its own, answering its questions; exit code and all that showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {
            "MUTUNODE_HOME": str(home),
            "MUTUNODE_LANGUAGE": "en",
            "COLUMNS": "80",
            "TERM": "xterm",
        }
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        os.execv(sys.executable, [sys.executable, "-m", "mutunode_cli.main", *argv])
    shown = b""
    to_answer = list(answers_given)
    while select.select([terminal], [], [], TERMINAL_SECONDS_MAX)[0]:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # the other side closed: Linux says EIO
            break
        shown += part
        if to_answer and to_answer[0][0].encode() in shown:
            os.write(terminal, to_answer.pop(0)[1].encode() + b"\n")
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_on_a_terminal_tables_have_their_column_names(node: FakeNode, home: Path) -> None:
    node.verbs["peer_ls"] = answers([examples.organisation()])
    code, shown = on_terminal(home, "peer", "ls")
    assert code == 0
    assert "stance" in shown


def test_on_a_terminal_accepting_asks_whether_the_words_are_the_same(node: FakeNode, home: Path) -> None:
    node.verbs["peer_ls"] = answers([examples.organisation()])
    node.verbs["peer_nearby"] = answers([])
    node.verbs["peer_accept"] = answers({})
    code, shown = on_terminal(home, "peer", "accept", examples.OTHER, answers_given=[("same words?", "n")])
    assert code == 0
    assert examples.WORDS["en"] in shown.replace("\r\n", " ")
    assert node.count("peer_accept") == 0
    on_terminal(
        home,
        "peer",
        "accept",
        examples.OTHER,
        answers_given=[("same words?", "y"), ("in your register", "y")],
    )
    assert node.params("peer_accept")["vouch"] is True
    on_terminal(home, "peer", "accept", examples.OTHER, "--yes")
    assert node.count("peer_accept") == 2


def test_a_reader_that_leaves_early_is_no_error(node: FakeNode, home: Path) -> None:
    node.verbs["search"] = answers(examples.found(*(examples.hit("x" * 200) for _ in range(2_000))))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "mutunode_cli.main", "--home", str(home), "search"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


def test_a_search_tells_who_else_shares_a_thing_and_where_the_next_page_begins(
    node: FakeNode, cli: Cli
) -> None:
    other = shapes.Other(id=examples.USE, title="x", org=examples.OTHER, org_name="Une autre")
    answer = examples.found(examples.hit(others=(other,)), total=40) | {"next": 20}
    node.verbs["search"] = answers(answer)
    done = cli("--language", "fr", "search", "x")
    assert f"aussi chez Une autre : {examples.USE}" in done.out
    assert "1 à 20 sur 40 ; la suite : --offset 20" in done.err
    assert cli("search", "x", "--sort", "usage").code == 0
    assert node.params("search")["sort"] == "usage"


def test_nothing_found_says_what_finds_something(node: FakeNode, cli: Cli) -> None:
    tries = (shapes.Try(q="école", total=3, why="spelling"), shapes.Try(q="ekole", total=2, why="languages"))
    node.verbs["search"] = answers(examples.found() | {"tries": examples.plain(tries)})
    done = cli("--language", "fr", "search", "ekole")
    assert done.code == 0
    assert "Avec une autre orthographe : école (3)" in done.err
    assert "Sans --language : ekole (2)" in done.err
