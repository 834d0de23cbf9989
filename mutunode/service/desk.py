"""What every part of the service works with: the read side, the writer's inbox, the kinds, and who we are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import TimeoutError as TooLong
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from mutunode.commons.registry import Registry
from mutunode.keyfile import Keys
from mutunode.protocol.head import PUBLIC, log_id
from mutunode.protocol.identity import Chain
from mutunode.protocol.ids import org_text
from mutunode.protocol.ledger import Address
from mutunode.protocol.phrase import check_words
from mutunode.service import readonly
from mutunode.service.courier import Couriers
from mutunode.service.files.allowance import FileAllowance
from mutunode.service.names import Names, names_of
from mutunode.store.blobs import Library
from mutunode.store.interface import Organisation, Reader, Store, StoreError, StoreFull
from mutunode.store.private import PrivateReader
from mutunode.store.search.index import SearchIndex
from mutunode.turns import NotSigned, Stopping, Turn, Turns

T = TypeVar("T")

PASSING = ("asking", "behind")  # reasons for not signing that mostly end by themselves, and soon
SIGNING_WAIT_SECONDS = 6.0  # peers are given 5 s to say what they hold of our log; then a moment more
ASK_AGAIN_SECONDS = 0.1
ACT_SECONDS_MAX = 120.0  # a turn that takes longer has not failed, but nobody should stare at it


class LiveSide(Protocol):
    """What only a running node knows; a node without network answers with what it has."""

    def web_address(self) -> str: ...
    def peer_address(self) -> str: ...
    def reached_at(self) -> tuple[str, ...]: ...
    def read_address(self, text: str) -> Address: ...
    def candidates(self) -> list[tuple[bytes, str, float]]: ...
    def login_link(self, language: str) -> str: ...


class Safe(Protocol):
    """The key file, as far as the service needs it."""

    @property
    def chain(self) -> Chain:
        """The identity chain that stands in it."""

    @property
    def keys(self) -> Keys:
        """The keys of the newest epoch; ``keys.sealing`` holds the private sealing key of every epoch."""

    @property
    def needs_passphrase(self) -> bool:
        """Whether a passphrase guards them."""

    def replace_keys(self, chain: Chain, keys: Keys) -> None:
        """Another epoch's chain and keys, durable when this returns."""

    def rewrap(self, old: str, new: str) -> None:
        """Guard the keys by another passphrase, or by none; ``old`` must be the one that guards them now."""


def _nobody_mends(blob: bytes, size: int) -> None:
    """Where nothing runs."""


def _nobody_looks() -> None:
    """Where nothing runs."""


class Desk(msgspec.Struct):
    """Everything the service needs, passed around as one value."""

    org: bytes
    folder: Path  # the node's: a backup takes its identity from there
    are_keys_wrapped: bool  # in that identity, by a passphrase
    language: str  # our organisation's: of text given without one
    store: Store
    reader: Reader
    registry: Registry
    turns: Turns
    index: SearchIndex
    live: LiveSide
    safe: Safe
    library: Library  # the files
    random: Callable[[int], bytes]
    clock: Callable[[], float] = time.time
    is_stopping: threading.Event = msgspec.field(default_factory=threading.Event)
    couriers: Couriers = msgspec.field(default_factory=Couriers)  # peers that are files
    allowance: FileAllowance = FileAllowance()
    uploads: set[bytes] = msgspec.field(default_factory=set)  # files just added, for a record to come
    mend: Callable[[bytes, int], None] = _nobody_mends  # a file on the disk is not what was put there
    look_at_files: Callable[[], None] = _nobody_looks  # what is to be kept may have changed
    follow_files: Callable[[], None] = _nobody_looks  # see to it that who cites what is known up to now
    names: Names = msgspec.field(default_factory=Names)
    most_used: list[tuple[object, tuple[bytes, ...]]] = msgspec.field(default_factory=lambda: [(None, ())])

    @property
    def own_log(self) -> bytes:
        """Our public log."""
        return log_id(self.org, PUBLIC)

    @property
    def inside(self) -> Desk:
        """The same desk, for who may also read what was sealed for us: sessions and commands."""
        if self.is_inside:
            return self
        return msgspec.structs.replace(self, reader=PrivateReader(self.reader))

    @property
    def is_inside(self) -> bool:
        """Whether what is for us alone may be read from here."""
        return isinstance(self.reader, PrivateReader)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def act(self, job: Callable[[Turn], T], *, freeing: bool = False) -> T:
        """Run a job in a turn of its own and wait until it is durable; ``freeing``: it gives room back.

        Raises:
            Refusal: read-only, or full; nothing was kept then.
        """
        patience = time.monotonic() + SIGNING_WAIT_SECONDS
        while True:
            try:
                return self.turns.act(job, freeing=freeing).result(ACT_SECONDS_MAX)
            except NotSigned as closed:
                if closed.reason not in PASSING or time.monotonic() > patience:
                    raise readonly.not_signed(closed.reason) from None
                time.sleep(ASK_AGAIN_SECONDS)
            except StoreFull:
                raise readonly.disk_full() from None
            except StoreError as error:
                raise readonly.disk_fails(error) from error
            except Stopping:
                raise readonly.stopping() from None
            except TooLong:
                raise readonly.too_slow() from None

    def name_of(self, org: bytes, organisation: Organisation | None = None) -> str:
        """The name an organisation goes by: its profile's, else the one it was born with, else its id."""
        return self._name(org, self.names_of(org), organisation)

    def _name(self, org: bytes, names: dict[str, str], organisation: Organisation | None = None) -> str:
        if names:
            return names.get(self.language) or next(iter(names.values()))
        born = organisation.name if organisation is not None else self.names.born(self.reader, org)
        return born or short(org)

    def names_of(self, org: bytes) -> dict[str, str]:
        """The names of its profile, by language; empty without one."""
        return names_of(self.reader, org)

    def name_of_each(self, orgs: Iterable[bytes]) -> dict[bytes, str]:
        """The same as ``name_of``, for many."""
        told = self.names.of_all(self.reader, orgs)
        return {org: self._name(org, names) for org, names in told.items()}


def words_of(org: bytes) -> dict[str, str]:
    """The six check words of an organisation, in each language."""
    return {language: " ".join(check_words(org, language)) for language in ("fr", "en")}


def short(org: bytes) -> str:
    """An id shortened for people who have no name to go by."""
    return org_text(org)[:14] + "…"
