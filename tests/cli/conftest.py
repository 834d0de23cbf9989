"""A home, a fake node in it, and the command run in this very process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mutunode_cli.main import main
from tests.cli.examples import KINDS
from tests.cli.fake_node import FakeNode, answers, running


class Outcome(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def node(home: Path) -> Iterator[FakeNode]:
    """A node that knows its kinds, and nothing else yet."""
    with running(home) as fake:
        fake.verbs["kinds"] = answers(KINDS)
        yield fake


@pytest.fixture
def cli(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run ``mutunode …`` on that home, in English."""
    monkeypatch.setenv("MUTUNODE_HOME", str(home))
    monkeypatch.setenv("MUTUNODE_LANGUAGE", "en")

    def run(*argv: str) -> Outcome:
        capfd.readouterr()
        code = main(argv)
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return run
