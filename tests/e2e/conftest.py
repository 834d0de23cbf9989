"""Nodes for tests with real processes; every process is gone at the end of its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.nodes import STARTED, Node

Make = Callable[[str], Node]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes organisations, each with an identity and no daemon yet."""
    before = len(STARTED)
    yield lambda name: Node(name, tmp_path).init()
    for each in STARTED[before:]:
        each.kill()
    del STARTED[before:]


@pytest.fixture
def two(make: Make) -> tuple[Node, Node]:
    """Two that run and listen to each other."""
    jardin, atelier = make("Jardin").start(), make("Atelier").start()
    jardin.follows(atelier)
    atelier.follows(jardin)
    return jardin, atelier
