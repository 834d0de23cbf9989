from __future__ import annotations

from collections.abc import Iterator

import pytest

from mutunode.store.search.index import SearchIndex
from tests.store.search.catalogues import FakeStore, all_documents, filled


@pytest.fixture(scope="session")
def catalogues() -> FakeStore:
    return FakeStore(all_documents())


@pytest.fixture(scope="session")
def library(catalogues: FakeStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    """An index of the three catalogues, for reading only."""
    index = filled(tmp_path_factory.mktemp("library"), catalogues)
    yield index
    index.close()
