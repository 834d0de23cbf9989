"""Who says that a recovery phrase is theirs: a root key stands in public, and anybody can name it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mutunode.protocol.identity import Chain
from mutunode.protocol.ids import org_text
from mutunode.service.desk import words_of
from mutunode.service.errors import Exit, Refusal


class Claim(msgspec.Struct, frozen=True):
    """An organisation that names a root key, for a person to recognise."""

    org: str
    name: str
    check_words: dict[str, str]


class SeveralClaims(Refusal):
    """More than one organisation names the root key: a person says which one."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self.claims = tuple(Claim(org_text(each.org), each.name, words_of(each.org)) for each in chains)
        listed = " · ".join(f"{each.name} ({each.org})" for each in self.claims)
        super().__init__(
            "several_organisations",
            Exit.CONFLICT,
            "Plusieurs organisations se réclament de cette phrase ; une au moins le fait sans droit. Dites "
            f"laquelle est la vôtre, avec --org : {listed}",
            "Several organisations claim this phrase, and one at least without any right to it. Say which "
            f"one is yours, with --org: {listed}",
        )
