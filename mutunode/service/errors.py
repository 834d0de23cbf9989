"""A refusal: what happened and what to do, in both languages, with the exit code a script sees."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Exit(IntEnum):
    """Exit codes of the CLI (CONTRACT, "Commands for scripts")."""

    DONE = 0
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    CONFLICT = 5
    NOT_REPLICATED = 6
    NOT_VERIFIED = 7
    READ_ONLY = 8


class Trouble(msgspec.Struct, frozen=True):
    """One thing wrong with what was given: where, and why."""

    field: str
    fr: str
    en: str


class Refusal(Exception):
    """The node will not do this. ``troubles`` name fields, when fields are to blame."""

    def __init__(
        self, code: str, exit_code: Exit, fr: str, en: str, troubles: tuple[Trouble, ...] = ()
    ) -> None:
        super().__init__(en)
        self.code = code
        self.exit = exit_code
        self.fr = fr
        self.en = en
        self.troubles = troubles

    def to_json(self) -> dict[str, object]:
        """The ``error`` object of the control socket and of the API."""
        return {
            "code": self.code,
            "exit": int(self.exit),
            "fr": self.fr,
            "en": self.en,
            "fields": [{"field": t.field, "fr": t.fr, "en": t.en} for t in self.troubles],
        }
