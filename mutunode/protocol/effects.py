"""What the core wants done: it never acts, it returns these, and the shell performs them after the commit.

An effect that leaves the node (``Send``) is performed only once the turn that produced it is durable
(PROTOCOL §3, "the rule that prevents accidental forks").
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Send(msgspec.Struct, frozen=True):
    """Put one frame on a link; frames of one link keep their order."""

    link: int
    frame: bytes


class Close(msgspec.Struct, frozen=True):
    """End a link, after what was sent on it before, with a WebSocket close code."""

    link: int
    code: int
    reason: str


class Dial(msgspec.Struct, frozen=True):
    """Open a link to an address: ``host:port`` or ``wss://name[:port]``.

    ``org`` is the organisation expected there, when pinned. ``trusted`` says that a person gave the
    address or that it was seen on the LAN, so that it may resolve to a private range.
    """

    address: str
    org: bytes | None
    trusted: bool


class DialRelayed(msgspec.Struct, frozen=True):
    """Seek an organisation through a relay: TLS inside what the link ``link`` relays."""

    link: int
    org: bytes


class Relayed(msgspec.Struct, frozen=True):
    """Bytes from ``org`` came by the relay at ``link``: part of a TLS stream, or empty, the wish for one."""

    link: int
    org: bytes
    payload: bytes


class WakeAt(msgspec.Struct, frozen=True):
    """Call ``timer`` no later than this time (seconds since the Unix epoch)."""

    time: float


class Changed(msgspec.Struct, frozen=True):
    """A log grew or was replaced; what pages and the search index show may have changed."""

    log: bytes


class NoticeKind(StrEnum):
    """Things a person should be told; the words are the pages' affair."""

    FORK = "fork"  # somebody signed two registers
    SECOND_MACHINE = "second_machine"  # our own key is in use elsewhere
    BEHIND = "behind"  # a peer holds more of our own log than we do
    CAUGHT_UP = "caught_up"
    DISPUTED = "disputed"  # two rival identity operations of equal rank
    FULL = "full"  # nothing more is taken of somebody; the text is a ``Shortage``
    BROKEN = "broken"  # a log is malformed from some index on
    DAMAGED = "damaged"  # what is held here is not what was signed


class Notice(msgspec.Struct, frozen=True):
    """Tell a person; ``org`` is who it is about."""

    kind: NoticeKind
    org: bytes
    text: str = ""


# --- files: whoever keeps them does these outside the turn, and tells the core with an input of its own ---
class OpenFile(msgspec.Struct, frozen=True):
    """Begin to fetch a file, or go on: which chunks are there? Answered by ``file_opened``."""

    blob: bytes
    size: int


class PutChunk(msgspec.Struct, frozen=True):
    """Keep a chunk that was checked. Answered by ``chunk_put``; the last one when the file is whole."""

    blob: bytes
    size: int
    index: int
    chunk: bytes | memoryview
    leaf: bytes


class LeaveFile(msgspec.Struct, frozen=True):
    """Nothing more of a file is fetched for now; what came is kept."""

    blob: bytes


class ReadChunk(msgspec.Struct, frozen=True):
    """A peer may have this chunk. Answered by ``chunk_read``, with the frame that gives it."""

    link: int
    id: int
    blob: bytes
    size: int
    index: int


FileEffect = OpenFile | PutChunk | LeaveFile | ReadChunk
Effect = Send | Close | Dial | DialRelayed | Relayed | WakeAt | Changed | Notice | FileEffect
