"""Nodes for the tests of the service; each is stopped at the end of its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.offices import Cables, Node, until

Make = Callable[..., Node]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes nodes that can reach each other."""
    cables, made = Cables(), []

    def node(name: str, **more: Any) -> Node:
        made.append(Node(tmp_path, name, cables, **more))
        return made[-1]

    yield node
    for each in made:
        each.stop()


@pytest.fixture
def jardin(make: Make) -> Node:
    """One organisation alone."""
    return make("Jardin")


@pytest.fixture
def two(make: Make) -> tuple[Node, Node]:
    """Two that listen to each other."""
    one, other = make("Jardin"), make("Atelier")
    one.meets(other)
    return one, other


@pytest.fixture
def arrives() -> Callable[[Node, str], None]:
    """Wait until a record of somebody has arrived at a node."""
    return lambda node, rec: until(lambda: node.knows(rec), f"{rec} arrived at {node.address}")
