"""What a file of frames holds, and the answers it can give: a peer that knows only what it carries.

Where each thing stands is remembered, not what it says, so that a large file takes little memory. Nothing
here believes the file: whatever it answers is checked by the core, as from anybody.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from mutunode.commons.words import Words
from mutunode.protocol import messages, rows
from mutunode.protocol.errors import Code, Malformed, Refused
from mutunode.protocol.head import Head
from mutunode.protocol.identity import parse_genesis
from mutunode.protocol.limits import HEADS_PER_FRAME_MAX, IDENTITY_OPS_MAX
from mutunode.service.framefile import Damage, read_at, scan

REGISTERS_MAX = 200_000  # twice as many as the network is made for: × 600 bytes of memory
FRAMES_MAX = 2**20  # × 120 bytes of memory
DAMAGES_TOLD_MAX = 20

Progress = Callable[[int], None]  # bytes read so far


class Parcel:
    """The contents of one file."""

    def __init__(self, file: BinaryIO, store: bytes, progress: Progress) -> None:
        """Read where everything stands; ``store`` is the store id that answers bear."""
        self._file = file
        self._store = store
        self.heads: dict[bytes, Head] = {}  # by log, the newest
        self.damages: list[Damage] = []
        self.chunks = array("Q")  # where chunks of files stand, in their order
        self._identities: dict[bytes, list[int]] = {}  # organisation → where
        self._entries: dict[bytes, list[tuple[int, int]]] = {}  # log → (first entry, where), ascending
        self._read(progress)
        self.offered = list(self.heads.values())

    def _read(self, progress: Progress) -> None:
        for number, found in enumerate(scan(self._file)):
            progress(found.at)
            if isinstance(found, Damage):
                self._complain(found)
                continue
            if number >= FRAMES_MAX or len(self.heads) > REGISTERS_MAX:
                self._complain(Damage(found.at, Words("le fichier est démesuré", "the file is excessive")))
                break
            try:
                self._take(messages.decode(found.frame), found.at)
            except (Malformed, Refused):
                self._complain(Damage(found.at, _NO_MESSAGE))
        for places in self._entries.values():
            places.sort()

    def _take(self, message: messages.Message, at: int) -> None:
        match message:
            case messages.Heads():
                for head in message.heads:
                    held = self.heads.get(head.log)
                    if held is None or head.order > held.order:
                        self.heads[head.log] = head
            case messages.Identity():
                self._identities.setdefault(parse_genesis(message.genesis).org, []).append(at)
            case messages.Entries():
                self._entries.setdefault(message.log, []).append((message.start, at))
            case messages.Data():
                self.chunks.append(at)
            case messages.Unknown():
                pass  # of a later version: what is known here is of use all the same
            case _:
                raise Malformed("a frame that has no place in a file")

    def _complain(self, damage: Damage) -> None:
        if len(self.damages) < DAMAGES_TOLD_MAX:
            self.damages.append(damage)

    def data(self) -> Iterator[messages.Data]:
        """The chunks of files, in the order of the file."""
        for at in self.chunks:
            message = self._again(at)
            if isinstance(message, messages.Data):
                yield message

    def leave_out(self, logs: set[bytes]) -> None:
        """Do not offer these: a file that repeats what is held here is no organisation that holds it."""
        self.offered = [head for head in self.offered if head.log not in logs]

    # --- answers -------------------------------------------------------------------------------
    def page(self, start: int) -> messages.Heads:
        """Heads from a place on, as many as fit a frame, as a push."""
        heads = tuple(self.offered[start : start + HEADS_PER_FRAME_MAX])
        return messages.Heads(messages.PUSH, self._store, start + len(heads), False, heads)

    def answer(self, request: messages.Message) -> messages.Message:
        """What the file has to say to a request."""
        match request:
            case messages.Since():
                asked = request.cursor if request.store == self._store else 0
                return msgspec.structs.replace(self.page(min(asked, len(self.offered))), id=request.id)
            case messages.AskHead():
                heads = tuple(head for head in self.offered if head.log == request.log)
                return messages.Heads(request.id, self._store, 0, False, heads)
            case messages.Ident():
                return self._identity(request) or _unknown(request.id)
            case messages.Get():
                return self._rows(request) or _unknown(request.id)
            case _:
                return _unknown(getattr(request, "id", messages.PUSH))

    def _identity(self, ident: messages.Ident) -> messages.Identity | None:
        first = max(1, ident.epoch)
        genesis = b""
        ops: list[tuple[bytes, bytes]] = []
        for at in self._identities.get(ident.key, ()):
            message = self._again(at)
            if isinstance(message, messages.Identity):
                genesis = message.genesis
                ops += message.ops
        shown = tuple(ops[first - 1 : first - 1 + IDENTITY_OPS_MAX])
        return messages.Identity(ident.id, genesis, shown, ()) if genesis else None

    def _rows(self, get: messages.Get) -> messages.Entries | None:
        """The frame that holds the first entry asked for, cut to what was asked."""
        head, places = self.heads.get(get.log), self._entries.get(get.log, [])
        place = bisect_right(places, get.start, key=lambda each: each[0]) - 1
        if head is None or head.epoch != get.epoch or place < 0:
            return None
        start, at = places[place]
        message = self._again(at)
        if not isinstance(message, messages.Entries):
            return None
        try:
            found = rows.unpack(message.enc, message.payload)[get.start - start : get.end - start]
        except Malformed:
            self._complain(Damage(at, _NO_MESSAGE))
            return None
        if not get.bodies:
            found = [(header, b"", b"") for header, _, _ in found]
        enc, payload = rows.pack(found, compressed=False)
        return messages.Entries(get.id, get.log, get.start, 1 if enc else 0, payload) if found else None

    def _again(self, at: int) -> messages.Message | None:
        """A frame that was read before; None when the file changed under our hands."""
        try:
            return messages.decode(read_at(self._file, at))
        except (Malformed, Refused, OSError):
            self._complain(Damage(at, _NO_MESSAGE))
            return None


_NO_MESSAGE = Words("un passage ne veut rien dire", "a passage makes no sense")


def _unknown(id: int) -> messages.Err:
    return messages.Err(id, Code.UNKNOWN, 0, "unknown")
