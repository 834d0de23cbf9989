"""Each store passes the same sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mutunode.store import Store, open_store

STORES = ("memory", "sqlite")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    url = "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'store.db'}"
    opened = open_store(url)
    yield opened
    opened.close()
