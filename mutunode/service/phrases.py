"""The recovery phrase as a person gives it: read, or refused by naming the place and never the word.

Whatever grows from it lives as long as one verb; the root key is made, signs, and is gone.
"""

from __future__ import annotations

from mutunode.protocol import crypto, phrase
from mutunode.protocol.identity import Chain
from mutunode.protocol.phrase import NotAPhrase
from mutunode.service.errors import Exit, Refusal, Trouble

PHRASE_BYTES_MAX = 2_048  # 24 words of the longest kind are 240
_LISTS_FR = {"fr": "française", "en": "anglaise"}


class Phrase:
    """What a phrase opens; it does not show in logs or tracebacks."""

    __slots__ = ("_entropy",)

    def __init__(self, entropy: bytes) -> None:
        self._entropy = entropy

    def __repr__(self) -> str:
        return "Phrase(…)"

    @property
    def root(self) -> bytes:
        """The public root key."""
        return crypto.public_of(phrase.root_seed(self._entropy))

    def sign(self, message: bytes) -> bytes:
        """Sign with the root key."""
        return crypto.sign(phrase.root_seed(self._entropy), message)

    def entrusted_root(self, org: bytes) -> bytes:
        """The public root key that whoever has this phrase keeps for another organisation."""
        return crypto.public_of(phrase.entrusted_seed(self._entropy, org))

    def sign_entrusted(self, org: bytes, message: bytes) -> bytes:
        """Sign with that key."""
        return crypto.sign(phrase.entrusted_seed(self._entropy, org), message)

    @property
    def handed(self) -> bytes:
        """The public operating key that an organisation is handed back to this phrase with."""
        return crypto.public_of(phrase.handed_seed(self._entropy))

    def sealing(self, epoch: int) -> bytes:
        """The private sealing key of an epoch."""
        return phrase.sealing_private(self._entropy, epoch)

    def sealing_of(self, chain: Chain) -> dict[int, bytes]:
        """Of the epochs of a chain, the sealing keys that this phrase gives back.

        An epoch in which the organisation was handed back to this phrase seals with its key of epoch 0:
        whoever asked for that did not know the number.
        """
        keys = [(epoch, self.sealing(each)) for epoch in range(chain.epoch + 1) for each in (0, epoch)]
        return {epoch: key for epoch, key in keys if crypto.sealing_public_of(key) == chain.sealing_at(epoch)}


def read(text: str) -> Phrase:
    """The phrase that a person typed, in either list of words.

    Raises:
        Refusal: what about it cannot be right.
    """
    try:
        if len(text.encode("utf-8", "replace")) > PHRASE_BYTES_MAX:
            raise NotAPhrase("too long to be 24 words", count=len(text.split()))
        return Phrase(phrase.entropy(text.split()))
    except NotAPhrase as error:
        raise _refused(error) from None


def _refused(error: NotAPhrase) -> Refusal:
    if error.place:
        fr = f"Le mot {error.place} n’est pas dans la liste {_LISTS_FR[error.language]}"
        en = f"Word {error.place} is not in the {'French' if error.language == 'fr' else 'English'} list"
        fr, en = f"{fr} : relisez-le sur votre feuille.", f"{en}: read it again on your sheet."
    elif error.count != phrase.WORD_COUNT:
        fr = f"Une phrase de secours a 24 mots ; en voici {error.count}."
        en = f"A recovery phrase has 24 words; here are {error.count}."
    else:
        fr = "Ces mots ne vont pas ensemble : l’un d’eux est faux, ou deux sont dans le mauvais ordre."
        en = "These words do not belong together: one is wrong, or two are in the wrong order."
    return Refusal("phrase", Exit.USAGE, fr, en, (Trouble("phrase", fr, en),))


def must_be_of(chain: Chain, given: Phrase, name: str, owner: str = "") -> None:
    """Raise ``Refusal`` unless a phrase is that of a root key in force; ``owner`` is whose else it is."""
    if given.root in chain.roots:
        return
    if any(given.root in chain.roots_before(epoch) for epoch in range(1, chain.epoch + 1)):
        raise Refusal(
            "old_phrase",
            Exit.REFUSED,
            f"Cette phrase a été celle de « {name} », mais d’autres clés de secours l’ont remplacée depuis. "
            "Si c’était il y a moins de trente jours, par une clé confiée : « mutunode epoch open --undo ».",
            f"This phrase was the one of `{name}`, but other root keys have replaced it since. If that was "
            "less than thirty days ago, by an entrusted key: `mutunode epoch open --undo`.",
        )
    other = f" C’est celle de « {owner} »." if owner else ""
    other_en = f" It is the one of `{owner}`." if owner else ""
    raise Refusal(
        "other_phrase",
        Exit.REFUSED,
        f"Cette phrase est bien écrite, mais ce n’est pas celle de « {name} ».{other} Rien n’a été changé.",
        f"This phrase is well written, but it is not the one of `{name}`.{other_en} Nothing was changed.",
    )
