"""What every part of the service works with: the read side, the writer's inbox, the kinds, and who we are."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLong
from typing import Protocol, TypeVar

import msgspec

from mutunode.commons.registry import Registry
from mutunode.commons.words import Words
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.ids import org_text
from mutunode.protocol.ledger import Address
from mutunode.protocol.phrase import check_words
from mutunode.service.errors import Exit, Refusal
from mutunode.store.interface import Organisation, Reader, Store, StoreFull
from mutunode.store.search.index import SearchIndex
from mutunode.turns import NotSigned, Turn, Turns

T = TypeVar("T")

SIGNING_WAIT_SECONDS = 6.0  # peers are given 5 s to say what they hold of our log; then a moment more
ACT_SECONDS_MAX = 120.0  # a turn that takes longer has not failed, but nobody should stare at it

# Why nothing may be signed (the codes of ``Node.signing``), and what to do.
READ_ONLY = {
    "behind": Words(
        "Des organisations voisines ont de votre registre une copie plus complète que cet ordinateur. "
        "Il leur demande ce qui lui manque avant de signer ; réessayez dans un instant.",
        "Neighbouring organisations hold more of your register than this computer. "
        "It is asking them for what is missing before it signs; try again in a moment.",
    ),
    "stale": Words(
        "Cette copie du registre est plus ancienne que la dernière page signée ici, et aucune voisine n’est "
        "joignable. Rien n’est signé tant qu’une voisine n’a pas répondu ; si vous êtes certain qu’il "
        "n’existe pas de copie plus récente, tapez « mutunode doctor --allow-signing ».",
        "This copy of the register is older than the latest page signed here, and no neighbour can be "
        "reached. Nothing is signed until one answers; if you are certain that no newer copy exists, type "
        "`mutunode doctor --allow-signing`.",
    ),
    "second_machine": Words(
        "Un autre ordinateur signe avec la même clé. Les deux sont passés en lecture seule : "
        "arrêtez celui qui ne doit plus servir.",
        "Another computer signs with the same key. Both have become read-only: "
        "stop the one that should not be used any more.",
    ),
    "fork": Words(
        "Deux registres différents ont été signés avec la clé de cette organisation. Plus rien n’est signé : "
        "une reprise du registre, avec la phrase de secours, y met fin.",
        "Two different registers were signed with this organisation's key. Nothing more is signed: "
        "a new start of the register, with the recovery phrase, ends this.",
    ),
    "asking": Words(
        "Cet ordinateur demande d’abord à ses voisines ce qu’elles ont de votre registre. "
        "Réessayez dans quelques secondes.",
        "This computer first asks its neighbours what they hold of your register. "
        "Try again in a few seconds.",
    ),
}


class LiveSide(Protocol):
    """What only a running node knows; a node without network answers with what it has."""

    def web_address(self) -> str: ...
    def peer_address(self) -> str: ...
    def read_address(self, text: str) -> Address: ...
    def candidates(self) -> list[tuple[bytes, str, float]]: ...
    def login_link(self, language: str) -> str: ...


class Desk(msgspec.Struct):
    """Everything the service needs, passed around as one value."""

    org: bytes
    language: str  # our organisation's: of text given without one
    store: Store
    reader: Reader
    registry: Registry
    turns: Turns
    index: SearchIndex
    live: LiveSide
    random: Callable[[int], bytes]
    clock: Callable[[], float] = time.time

    @property
    def own_log(self) -> bytes:
        """Our public log."""
        return log_id(self.org, PUBLIC)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def act(self, job: Callable[[Turn], T]) -> T:
        """Run a job in a turn of its own and wait until it is durable.

        Raises:
            Refusal: read-only, or full; nothing was kept then.
        """
        patience = time.monotonic() + SIGNING_WAIT_SECONDS
        while True:
            try:
                return self.turns.act(job).result(ACT_SECONDS_MAX)
            except NotSigned as closed:
                if closed.reason != "asking" or time.monotonic() > patience:
                    raise read_only(closed.reason) from None
                time.sleep(0.1)
            except StoreFull:
                raise disk_full() from None
            except TooLong:
                raise Refusal(
                    "slow",
                    Exit.NOT_REPLICATED,
                    "L’écriture dure plus de deux minutes. Regardez plus tard ce qui a été noté.",
                    "Writing takes more than two minutes and goes on. Look again later at what was kept.",
                ) from None

    def name_of(self, org: bytes, organisation: Organisation | None = None) -> str:
        """The name an organisation goes by: its profile's, else the one it was born with, else its id."""
        names = self.names_of(org)
        if names:
            return names.get(self.language) or next(iter(names.values()))
        found = organisation or self.reader.organisation(org)
        return (found.name if found else "") or short(org)

    def names_of(self, org: bytes) -> dict[str, str]:
        """The names of its profile, by language; empty without one."""
        profile = self.reader.current(org, "profile")
        names = profile.fields().get("name") if profile is not None else None
        if not isinstance(names, dict):
            return {}
        return {k: v for k, v in names.items() if isinstance(k, str) and isinstance(v, str) and v.strip()}


def words_of(org: bytes) -> dict[str, str]:
    """The six check words of an organisation, in each language."""
    return {language: " ".join(check_words(org, language)) for language in ("fr", "en")}


def short(org: bytes) -> str:
    """An id shortened for people who have no name to go by."""
    return org_text(org)[:14] + "…"


def read_only(reason: str) -> Refusal:
    """Why nothing can be signed now, and what to do."""
    why = why_read_only(reason)
    return Refusal("read_only", Exit.READ_ONLY, why.fr, why.en)


def why_read_only(reason: str) -> Words:
    """A code of ``Node.signing`` in words."""
    return READ_ONLY.get(reason, READ_ONLY["asking"])


def disk_full() -> Refusal:
    """There is no room left."""
    return Refusal(
        "full",
        Exit.READ_ONLY,
        "Le disque est plein : rien n’a été noté. Libérez de la place et recommencez ; lire reste possible.",
        "The disk is full: nothing was kept. Free some room and try again; reading still works.",
    )
