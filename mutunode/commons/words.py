"""Words for people: every label, help text and message exists in French and in English."""

from __future__ import annotations

import msgspec

LangMap = dict[str, str]  # text of people, by language tag: {"fr": …, "en": …}

INTERFACE_LANGUAGES = ("fr", "en")


class Words(msgspec.Struct, frozen=True):
    """One thing said in both languages of the interface."""

    fr: str
    en: str

    def text(self, language: str) -> str:
        """In the reader's language; whoever reads neither gets English."""
        return self.fr if language.lower().startswith("fr") else self.en

    def __getitem__(self, language: str) -> str:
        return self.text(language)

    def as_map(self) -> LangMap:
        """As a language map."""
        return {"fr": self.fr, "en": self.en}

    def after(self, other: Words) -> Words:
        """These words behind others, as a list goes on."""
        return Words(f"{other.fr}, {self.fr}", f"{other.en}, {self.en}")


NOTHING = Words("", "")
