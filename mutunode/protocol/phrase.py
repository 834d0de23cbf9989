"""The recovery phrase: 24 words that bring an organisation back when its machine is lost.

The words encode 32 bytes as BIP-39 does, from its French or English list; either restores. Everything
secret grows from them: the root key, and a sealing key for each epoch (PROTOCOL §2). Written by hand and
typed again years later: accents, capitals and extra spaces do not matter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic

from mutunode.protocol.crypto import sha256
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import SEED_BYTES

ENTROPY_BYTES = 32
WORD_COUNT = 24  # 256 bits and 8 of checksum, 11 a word
WORD_BITS = 11
CHECK_WORD_COUNT = 6  # 66 bits: enough that nobody finds another organisation with the same ones

_LISTS = {"fr": "french", "en": "english"}


class NotAPhrase(Malformed):
    """What was typed cannot be a recovery phrase; the text repeats no word of it."""

    def __init__(self, what: str, *, count: int = WORD_COUNT, place: int = 0, language: str = "") -> None:
        super().__init__(what)
        self.count = count  # of words, where it is not 24
        self.place = place  # of the first word, from 1, that the list of ``language`` lacks
        self.language = language


def words(entropy: bytes, language: str) -> list[str]:
    """The phrase for 32 bytes of entropy, in the French list or else the English one."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{len(entropy)} bytes of entropy where {ENTROPY_BYTES} are needed")
    checksum = sha256(entropy)[:1]
    return _words_of(entropy + checksum, WORD_COUNT, language)


def entropy(phrase: Sequence[str]) -> bytes:
    """The 32 bytes behind a phrase of either list; ``NotAPhrase`` says what cannot be right."""
    if len(phrase) != WORD_COUNT:
        what = f"a recovery phrase has {WORD_COUNT} words, here are {len(phrase)}"
        raise NotAPhrase(what, count=len(phrase))
    folded = [_fold(word) for word in phrase]
    known = [numbers for language in _LISTS if (numbers := _numbers(folded, language)) is not None]
    if not known:
        raise _first_stranger(folded)
    for numbers in known:
        raw = _bytes_of(numbers)
        if sha256(raw[:ENTROPY_BYTES])[:1] == raw[ENTROPY_BYTES:]:
            return raw[:ENTROPY_BYTES]
    raise NotAPhrase("these words do not belong together: one is wrong, or two are in the wrong order")


def root_seed(entropy: bytes) -> bytes:
    """The seed of the root key."""
    return _derive(entropy, b"mutunode/root/1\0")


def sealing_private(entropy: bytes, epoch: int) -> bytes:
    """The X25519 private key that opens what was sealed for an epoch."""
    return _derive(entropy, b"mutunode/sealing/1\0" + epoch.to_bytes(8, "big"))


def entrusted_seed(entropy: bytes, org: bytes) -> bytes:
    """The seed of the root key that the holder of this phrase keeps for another organisation."""
    return _derive(entropy, b"mutunode/entrusted/1\0" + org)


def handed_seed(entropy: bytes) -> bytes:
    """The seed of the operating key with which an organisation is handed back to a new phrase."""
    return _derive(entropy, b"mutunode/handed/1\0")


def check_words(org: bytes, language: str) -> list[str]:
    """Six words that stand for an organisation, to compare by phone."""
    return _words_of(org, CHECK_WORD_COUNT, language)


def _derive(entropy: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=None, info=info).derive(entropy)


@cache
def _list(language: str) -> tuple[str, ...]:
    listed = Mnemonic(_LISTS.get(language, _LISTS["en"])).wordlist
    return tuple(unicodedata.normalize("NFC", word) for word in listed)


@cache
def _places(language: str) -> dict[str, int]:
    return {_fold(word): number for number, word in enumerate(_list(language))}


def _fold(word: str) -> str:
    """A word as people may write it: without its accents, in small letters."""
    apart = unicodedata.normalize("NFKD", word.strip().casefold())
    return "".join(each for each in apart if not unicodedata.combining(each))


def _words_of(raw: bytes, count: int, language: str) -> list[str]:
    bits = int.from_bytes(raw, "big")
    last = len(raw) * 8 - WORD_BITS
    numbers = (bits >> (last - WORD_BITS * place) & 2**WORD_BITS - 1 for place in range(count))
    return [_list(language)[number] for number in numbers]


def _numbers(folded: Sequence[str], language: str) -> list[int] | None:
    places = _places(language)
    return [places[word] for word in folded] if all(word in places for word in folded) else None


def _bytes_of(numbers: Sequence[int]) -> bytes:
    bits = 0
    for number in numbers:
        bits = bits << WORD_BITS | number
    return bits.to_bytes(ENTROPY_BYTES + 1, "big")


def _first_stranger(folded: Sequence[str]) -> NotAPhrase:
    # The list that knows most of the words is the one they were copied from.
    likely = max(_LISTS, key=lambda language: sum(word in _places(language) for word in folded))
    place = next(place for place, word in enumerate(folded, 1) if word not in _places(likely))
    return NotAPhrase(f"word {place} is not in the {_LISTS[likely]} list", place=place, language=likely)
