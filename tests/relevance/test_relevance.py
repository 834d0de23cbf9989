"""What members ask of the real catalogues is among the first three answers; the whole analyser earns it.

Measured as commands and programs ask, where all words must be found. Without stemming, folding, the handling
of elisions or that of typos the bar is missed. Pages go on where nothing holds all the words, and find more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mutunode.store.search import analyser, asked, query, wordlists
from tests.relevance.commons import Commons, Question, questions, text_of

FOUND_MIN = 0.9
QUESTIONS_MIN, WITHOUT_A_SHARED_FORM_MIN = 120, 50


def share_found(missed: list[Question]) -> float:
    return 1 - len(missed) / len(questions())


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commons]:
    found = Commons(tmp_path_factory.mktemp("commons"))
    yield found
    found.close()


def test_members_find_what_they_ask_for_among_the_first_three(commons: Commons) -> None:
    missed = commons.missed(loosely=False)
    assert share_found(missed) >= FOUND_MIN, [(each.text, sorted(each.wanted)) for each in missed]


def test_pages_find_what_holds_most_of_the_words_and_spoil_nothing(commons: Commons) -> None:
    exactly, loosely = commons.missed(loosely=False), commons.missed(loosely=True)
    assert set(loosely) < set(exactly)
    assert sum(1 for each in exactly if each.tries == "question") > 2 * len(loosely)


def test_many_questions_share_no_written_form_with_what_they_seek() -> None:
    ours = [each for each in questions() if each.reader in ("fr", "en")]
    apart = [each for each in ours if not any(forms(each.text) & forms(text_of(key)) for key in each.wanted)]
    assert len(ours) >= QUESTIONS_MIN
    assert len(apart) >= WITHOUT_A_SHARED_FORM_MIN
    assert len({each.text for each in questions()}) == len(questions())


def forms(text: str) -> set[str]:
    """The words as they are written: only case is left out."""
    return set(re.findall(r"\w+(?:['’-]\w+)*", text.lower()))


def without_stemming(patch: pytest.MonkeyPatch) -> None:
    def unstemmed(word: str, language: str) -> str:
        return "" if word in wordlists.STOP_WORDS else word

    patch.setattr(analyser, "stem", unstemmed)
    patch.setattr(asked, "stem", unstemmed)


def without_folding(patch: pytest.MonkeyPatch) -> None:
    for module in (analyser, asked):
        patch.setattr(module, "fold", lambda word: unicodedata.normalize("NFC", word).lower())


def without_elisions(patch: pytest.MonkeyPatch) -> None:
    """An apostrophe is a letter, as to most tokenizers."""
    letter = analyser._LETTER
    patch.setattr(analyser, "_PARTS", re.compile(rf"({letter}+(?:['’ʼ＇]{letter}+)*)()"))


def without_typos(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(query, "may_be_misspelt", lambda word: False)


@pytest.fixture
def forgetting() -> Iterator[None]:
    """What the analyser remembers of words belongs to one manner of reading them."""

    def forget() -> None:
        analyser._pieces.cache_clear()
        analyser._memos.clear()

    forget()
    yield
    forget()


@pytest.mark.usefixtures("forgetting")
@pytest.mark.parametrize("weaken", [without_stemming, without_folding, without_elisions, without_typos])
def test_every_part_of_the_analyser_earns_its_place(
    weaken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weaken(monkeypatch)
    commons = Commons(tmp_path)
    assert share_found(commons.missed(loosely=False)) < FOUND_MIN
    commons.close()
