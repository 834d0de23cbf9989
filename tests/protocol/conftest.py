"""What nearly every test of the core begins with: a world, and one node in it."""

from __future__ import annotations

import pytest

from tests.simulator import Actor, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bob(world: World) -> Actor:
    return world.node("bob")
