"""What is said of a recovery phrase that cannot be one."""

from __future__ import annotations

import pytest

from mutunode.service import phrases
from mutunode.service.errors import Refusal


def test_of_an_empty_phrase_it_is_said_that_it_has_no_words() -> None:
    with pytest.raises(Refusal) as refused:
        phrases.read("  \n")
    assert "here are 0" in refused.value.en
    assert "en voici 0" in refused.value.fr
