"""`init` and `run`: one identity, its phrase given once and nowhere else, and never over another."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mutunode.home import Home
from mutunode.protocol.phrase import entropy, words
from mutunode_cli import exits
from tests.cli.conftest import Cli
from tests.cli.test_printing import on_terminal


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A home that is not there yet."""
    return tmp_path / "fresh"


def test_init_prints_the_id_and_puts_the_phrase_into_its_file_only(
    cli: Cli, fresh: Path, tmp_path: Path
) -> None:
    phrase = tmp_path / "phrase"
    done = cli(
        "--home", str(fresh), "init", "--name", "Épicerie", "--phrase-file", str(phrase), "--language", "fr"
    )
    assert done.code == 0
    home = Home(fresh)
    assert home.genesis.name == "Épicerie"
    assert home.language == "fr"
    assert done.out.startswith("org_")
    assert stat.S_IMODE(phrase.stat().st_mode) == 0o600
    given = phrase.read_text().split()
    assert words(entropy(given), "fr") == given
    assert len(set(given) & set((done.out + done.err).split())) == 0


def test_init_with_json_holds_no_word_of_the_phrase(cli: Cli, fresh: Path, tmp_path: Path) -> None:
    argv = ["--home", str(fresh), "init", "--name", "x", "--phrase-file", str(tmp_path / "p"), "--json"]
    shown = cli(*argv).json
    assert sorted(shown) == ["home", "name", "org"]


def test_on_a_terminal_the_phrase_is_shown_there_and_a_passphrase_asked(fresh: Path) -> None:
    code, shown = on_terminal(
        fresh, "init", "--name", "x", answers_given=[("none)", "hush"), ("Once more", "hush")]
    )
    assert code == 0
    assert "24. " in shown
    assert Home(fresh).needs_passphrase
    assert "hush" not in shown


def test_without_a_terminal_nothing_is_asked_and_the_phrase_stays_off_stdout(fresh: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "mutunode_cli.main", "--home", str(fresh), "init", "--name", "x"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=environment,
        text=True,
        timeout=60,
        start_new_session=True,  # no terminal of our own either
    )
    assert done.returncode == 0
    assert done.stdout.startswith("org_")
    assert len(done.stdout.split()) == 1
    assert "24. " in done.stderr
    assert not Home(fresh).needs_passphrase


def test_a_home_with_anything_in_it_is_not_touched(cli: Cli, fresh: Path, tmp_path: Path) -> None:
    fresh.mkdir()
    (fresh / "somebody's").write_text("file")
    done = cli("--home", str(fresh), "init", "--name", "x", "--phrase-file", str(tmp_path / "p"))
    assert done.code == exits.CONFLICT
    assert [path.name for path in fresh.iterdir()] == ["somebody's"]
    assert not (tmp_path / "p").exists()


def test_an_identity_is_made_once(cli: Cli, fresh: Path, tmp_path: Path) -> None:
    argv = ["--home", str(fresh), "init", "--name", "x", "--phrase-file"]
    assert cli(*argv, str(tmp_path / "p")).code == 0
    assert cli(*argv, str(tmp_path / "q")).code == exits.CONFLICT


def test_settings_may_be_there_before_the_identity(cli: Cli, fresh: Path, tmp_path: Path) -> None:
    fresh.mkdir(mode=0o700)
    (fresh / "mutunode.toml").write_text('language = "fr"\n')
    assert cli("--home", str(fresh), "init", "--name", "x", "--phrase-file", str(tmp_path / "p")).code == 0


def test_one_phrase_does_not_overwrite_another(cli: Cli, fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("precious")
    done = cli("--home", str(fresh), "init", "--name", "x", "--phrase-file", str(tmp_path / "p"))
    assert done.code == exits.CONFLICT
    assert (tmp_path / "p").read_text() == "precious"
    assert not fresh.exists()


def test_an_identity_that_could_not_be_made_leaves_no_phrase(
    cli: Cli, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Home, "create", fails)
    done = cli("--home", str(fresh), "init", "--name", "x", "--phrase-file", str(tmp_path / "p"))
    assert done.code == exits.READ_ONLY
    assert "the disk is full" in done.err
    assert "good for nothing" in done.err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\nb", "Zoé\u202e", "a\x07"])
def test_a_name_that_cannot_be_one_is_refused(cli: Cli, fresh: Path, name: str) -> None:
    assert cli("--home", str(fresh), "init", "--name", name).code == exits.USAGE
    assert not fresh.exists()


@pytest.mark.parametrize(("text", "code"), [(b"", 2), (b"\n", 2), (b"\xff", 2), (b"x" * 2_000, 2), (None, 3)])
def test_a_passphrase_file_that_cannot_be_used_is_named(
    cli: Cli, fresh: Path, tmp_path: Path, text: bytes | None, code: int
) -> None:
    path = tmp_path / "pass"
    if text is not None:
        path.write_bytes(text)
    done = cli("--home", str(fresh), "init", "--name", "x", "--passphrase-file", str(path))
    assert done.code == code
    assert str(path) in done.err
    assert not fresh.exists()


# --- run ----------------------------------------------------------------------------------------
@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the daemon was started with, when it is only pretended."""
    given: list[Any] = []

    def start(where: Path, overrides: dict[str, Any], language: str) -> int:
        assert language == "en"
        given.append((where, overrides))
        return 8

    daemon = types.ModuleType("mutunode.daemon")
    daemon.__dict__["main"] = start
    monkeypatch.setitem(sys.modules, "mutunode.daemon", daemon)
    return given


def test_run_hands_only_what_was_given_to_the_daemon(home: Path, cli: Cli, started: list[Any]) -> None:
    assert cli("run", "--peer-listen", "127.0.0.1:0", "--seed", "a:1", "--seed", "b:2", "--no-lan").code == 8
    assert started == [(home, {"peer_listen": "127.0.0.1:0", "seeds": ("a:1", "b:2"), "lan": False})]
    assert cli("run").code == 8
    assert started[1] == (home, {})


def test_run_reads_the_passphrase_from_its_file(
    home: Path, cli: Cli, started: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "pass").write_text("two words\n")
    cli("run", "--passphrase-file", str(tmp_path / "pass"))
    assert started[0][1] == {"passphrase": "two words"}
