"""What the pages ask of a node, as at a counter.

`mutunode.service.office.Office` answers it; so does the fake of the tests. Every call is synchronous and
callable from any thread; refusals are raised as `mutunode.service.errors.Refusal`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from mutunode.commons.registry import Registry
from mutunode.service import lendshapes, shapes
from mutunode.service.params import Emit, OneOrMany
from mutunode.service.proving import Proved

if TYPE_CHECKING:  # the pages need no engine to be imported
    from mutunode.service.disputes import Followed
    from mutunode.service.epochs import Epoch
    from mutunode.service.files.releasing import Released
    from mutunode.service.files.showing import Beginning, Opened
    from mutunode.service.importing import Source
    from mutunode.service.keys import KeysShown
    from mutunode.store.interface import Draft

P = ParamSpec("P")
T = TypeVar("T")


class Upload(Protocol):
    """A file that is being taken in; its methods are called in threads."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        ...

    def write(self, piece: bytes) -> None: ...

    def keep(self) -> dict[str, Any]: ...

    def abandon(self) -> None: ...


class Lends(Protocol):
    """Means and bookings: ``mutunode.service.lender.Lender``."""

    def find(self, reader_language: str = "", **asked: Any) -> lendshapes.MeansAnswer: ...

    def page(self, rec: str, day: str = "", reader_language: str = "") -> lendshapes.MeansPage: ...

    def booking(self, rec: str, reader_language: str = "") -> lendshapes.BookingLine: ...

    def bookings(self, reader_language: str = "") -> lendshapes.Bookings: ...

    def calendar(self, id: str, language: str = "") -> bytes: ...

    def request(self, rec: str, **asked: Any) -> shapes.Published: ...

    def preview_request(self, rec: str, reader_language: str = "", **asked: Any) -> shapes.Preview: ...

    def act(self, act: str, rec: str, **more: Any) -> shapes.Published: ...

    def preview_act(self, act: str, rec: str, reader_language: str = "", **more: Any) -> shapes.Preview: ...


class Keeps(Protocol):
    """Files of records: ``mutunode.service.files.archive.Archive``."""

    def opened(self, rec: str, index: int) -> Opened: ...

    def read(self, blob: str, start: int = 0, end: int | None = None) -> Iterator[bytes]: ...

    def picture_of(self, file: Opened) -> bytes | None: ...

    def beginning_of(self, file: Opened) -> Beginning | None: ...

    def progress(self, blob: str) -> tuple[int, int]: ...

    def ask_holders(self, rec: str) -> None: ...

    def fetch(self, rec: str, blob: str = "") -> int: ...

    def release(self, target: str) -> Released: ...

    def upload(self, name: str, media_type: str = "") -> Upload: ...


class Clerk(Protocol):
    """Reads and writes, as the service offers them."""

    @property
    def inside(self) -> Clerk:
        """The same for sessions, which also read what is for this organisation alone."""
        ...

    @property
    def lender(self) -> Lends:
        """Means and bookings."""
        ...

    @property
    def archive(self) -> Keeps:
        """Files of records."""
        ...

    def registry(self) -> Registry: ...

    def search(
        self,
        q: str = "",
        sense: OneOrMany = "",
        kind: OneOrMany = "",
        org: OneOrMany = "",
        language: OneOrMany = "",
        license: OneOrMany = "",
        circle: str = "",
        limit: int = 20,
        offset: int = 0,
        sort: str = "",
        reader_language: str = "",
        *,
        loosely: bool = False,
        sideways: bool = False,
    ) -> shapes.SearchAnswer: ...

    def show(self, rec: str, reader_language: str = "") -> shapes.Record: ...

    def usage(self, rec: str) -> shapes.UsageAnswer: ...

    def prove(self, rec: str) -> Proved: ...

    def organisation(self, org: str, reader_language: str = "") -> shapes.OrganisationPage: ...

    def network(self) -> shapes.Network: ...

    def todo(self, reader_language: str = "") -> shapes.TodoList: ...

    def status(self) -> shapes.Status: ...

    def kinds(self) -> list[dict[str, Any]]: ...

    def schema(self, kind: str) -> dict[str, Any]: ...

    def preview(self, kind: str, fields: Mapping[str, Any], reader_language: str = "") -> shapes.Preview: ...

    def preview_revision(
        self, rec: str, fields: Mapping[str, Any], reader_language: str = ""
    ) -> shapes.Preview: ...

    def publish(self, kind: str, fields: Mapping[str, Any]) -> shapes.Published: ...

    def revise(self, rec: str, fields: Mapping[str, Any]) -> shapes.Published: ...

    def withdraw(
        self,
        rec: str,
        reason: str,
        replaced_by: str = "",
        erase: bool = False,
        versions: shapes.Which = "all",
    ) -> shapes.Published: ...

    def preview_withdrawal(
        self,
        rec: str,
        reason: str,
        replaced_by: str = "",
        erase: bool = False,
        versions: shapes.Which = "all",
        reader_language: str = "",
    ) -> shapes.Preview: ...

    def input_of(self, rec: str) -> dict[str, Any]: ...

    def import_lines(
        self, source: Source, *, strict: bool = False, dry_run: bool = False, emit: Emit | None = None
    ) -> shapes.Imported: ...

    def accept(self, org: str, address: str = "", vouch: bool = False, listed: bool = True) -> Any: ...

    def block(self, org: str) -> Any: ...

    def follow_key(self, org: str, key: str) -> Followed: ...

    def key_show(self) -> KeysShown: ...

    def foresee_epoch(self) -> Epoch: ...

    def open_epoch(
        self, phrase: str, reason: str = "", base: int | None = None, dry_run: bool = False
    ) -> Epoch: ...

    def unblock(self, org: str) -> Any: ...

    def answer(self, rec: str, answer: str, reason: Any = "") -> Any: ...

    def invitation(
        self, addresses: tuple[str, ...] = (), days: int = 7, follows: bool = True, note: str = ""
    ) -> shapes.InvitationMade: ...

    def invitations(self) -> tuple[shapes.InvitationLine, ...]: ...

    def revoke_invitation(self, id: str) -> shapes.InvitationLine: ...

    def read_invitation(self, link: str) -> shapes.LinkRead: ...

    def take_up(self, link: str, wait_seconds: float = 15.0) -> shapes.TakenUp: ...

    def add_peer(self, address: str) -> Any: ...

    def sync(self, wait: int, timeout: float, emit: Emit) -> Any: ...

    def draft_save(self, id: str, kind: str, fields: Mapping[str, Any]) -> Draft: ...

    def draft_list(self) -> list[Draft]: ...

    def draft(self, id: str) -> Draft | None: ...

    def draft_drop(self, id: str) -> None: ...


async def read(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask what this node answers by itself, without waiting for a disk or for anybody, in one of two threads.

    More of them at once pass Python's one lock around: twenty who ask again at once had 134 to 152 pages a
    second with six threads, 164 to 171 with two (alternately, three runs each).
    """
    return await asyncio.get_running_loop().run_in_executor(_reading, partial(call, *args, **kwargs))


_reading = ThreadPoolExecutor(2, "reading")


async def ask(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask in a thread, so that one slow answer does not hold up the other readers."""
    return await asyncio.to_thread(call, *args, **kwargs)
