"""The recovery phrase: 24 words, typed again years later by a tired person."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutunode.protocol import crypto, phrase
from mutunode.protocol.errors import Malformed
from tests.vectors import mutunode

PHRASE = mutunode("phrase")
ENTROPY = bytes.fromhex(PHRASE["entropy"])
FRENCH = unicodedata.normalize("NFC", PHRASE["french"]).split()
ENGLISH = PHRASE["english"].split()


def test_the_published_phrases() -> None:
    assert phrase.words(ENTROPY, "fr") == FRENCH
    assert phrase.words(ENTROPY, "en") == ENGLISH
    assert (
        phrase.entropy(PHRASE["french"].split()) == ENTROPY
    )  # with its accents apart, as BIP-39 prints them
    assert phrase.entropy(ENGLISH) == ENTROPY


def test_the_published_keys_grow_from_them() -> None:
    assert phrase.root_seed(ENTROPY).hex() == PHRASE["root_seed"]
    assert crypto.public_of(phrase.root_seed(ENTROPY)).hex() == PHRASE["root_public"]
    for case in PHRASE["sealing"]:
        private = phrase.sealing_private(ENTROPY, case["epoch"])
        assert private.hex() == case["private"]
        assert crypto.sealing_public_of(private).hex() == case["public"]


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["fr", "en"]))
def test_every_phrase_restores_what_it_was_made_from(entropy: bytes, language: str) -> None:
    assert phrase.entropy(phrase.words(entropy, language)) == entropy


@pytest.mark.parametrize("spoil", [str.upper, str.title, lambda word: f" {word} ", phrase._fold])
def test_accents_capitals_and_spaces_do_not_matter(spoil: object) -> None:
    assert callable(spoil)
    assert phrase.entropy([spoil(word) for word in FRENCH]) == ENTROPY


def test_no_two_words_of_a_list_differ_by_their_accents_alone() -> None:
    for language in ("fr", "en"):
        assert len(phrase._places(language)) == 2_048


@pytest.mark.parametrize("count", [0, 12, 23, 25])
def test_another_number_of_words_is_told(count: int) -> None:
    with pytest.raises(Malformed, match=f"24 words, here are {count}"):
        phrase.entropy((FRENCH * 2)[:count])


@pytest.mark.parametrize("listed", [FRENCH, ENGLISH])
def test_a_word_that_is_in_no_list_is_named_with_its_place(listed: list[str]) -> None:
    with pytest.raises(Malformed, match="word 7 is not"):
        phrase.entropy([*listed[:6], "mutunode", *listed[7:]])


def test_words_of_two_lists_do_not_mix() -> None:
    with pytest.raises(Malformed, match=r"word \d+ is not in the (french|english) list"):
        phrase.entropy([*FRENCH[:12], *ENGLISH[12:]])


def test_a_wrong_word_or_order_does_not_fit_the_checksum() -> None:
    swapped = [FRENCH[2], *FRENCH[1:2], FRENCH[0], *FRENCH[3:]]
    for wrong in (swapped, [*FRENCH[:23], "abaisser"]):
        with pytest.raises(Malformed, match="do not belong together"):
            phrase.entropy(wrong)


def test_only_32_bytes_become_a_phrase() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        phrase.words(bytes(16), "fr")


def test_check_words_are_the_first_66_bits_of_an_organisation() -> None:
    org = bytes.fromhex(mutunode("identity")["org"])
    for language in ("fr", "en"):
        six = phrase.check_words(org, language)
        assert len(six) == 6
        assert six == phrase.words(org, language)[:6]
    assert phrase.check_words(org, "de") == phrase.check_words(org, "en")
