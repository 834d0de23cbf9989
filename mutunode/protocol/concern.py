"""Does a record that somebody brings concern us? (PROTOCOL §4, DELIVER)

It does when a field of its body, or a list there, cites our public log; when it is sealed and one of our keys
opens it; when it is an invitation to us. No side effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mutunode.protocol import sealed
from mutunode.protocol.crypto import sha256
from mutunode.protocol.entry import Ref, encode_body, is_ref
from mutunode.protocol.errors import Malformed
from mutunode.protocol.invitation import INVITE
from mutunode.protocol.sealed import Opened

# Of these each stands for itself: a second request about a means, or the giving back after the picking up,
# does not take the place of the first.
EACH_COUNTS = frozenset(("booking", "booking_act"))

Opens = Callable[[bytes, dict[str, Any]], Opened | None]  # (author's log, body of a sealed record)


class Concern(msgspec.Struct, frozen=True):
    """What a record says to us."""

    kind: str
    body: dict[str, Any]
    inside: bytes  # the encoded body that was sealed; empty when none was
    about: bytes  # the same for every version of one acknowledgement; empty when it stands for itself


def opens_nothing(log: bytes, body: dict[str, Any]) -> Opened | None:
    """Of a node without sealing keys."""
    return None


def concern(
    kind: str, body: dict[str, Any], log: bytes, me: bytes, own_log: bytes, opens: Opens
) -> Concern | None:
    """What a record of kind ``kind`` in ``log`` says to us; None when it is not for us."""
    inside = b""
    if kind == sealed.KIND:
        opened = _opened(log, body, opens)
        if opened is None:
            return None
        kind, body, inside = opened.kind, opened.body, encode_body(opened.body)
    elif not (_refs_to(body, own_log) or (kind == INVITE and body.get("org") == me)):
        return None
    return Concern(kind, body, inside, _about(kind, body, own_log))


def _opened(log: bytes, body: dict[str, Any], opens: Opens) -> Opened | None:
    try:
        return opens(log, body)
    except Malformed:  # it opens, and is not what it should be
        return None


def _refs_to(body: dict[str, Any], log: bytes) -> list[Ref]:
    found: list[Ref] = []
    for value in body.values():
        if is_ref(value):
            found.append(tuple(value))
        elif type(value) is list:
            found += [tuple(item) for item in value if is_ref(item)]
    return [ref for ref in found if ref[0] == log]


def _about(kind: str, body: dict[str, Any], own_log: bytes) -> bytes:
    """One acknowledgement per (organisation, resource, version, kind): the newest of them counts (§6)."""
    if kind in EACH_COUNTS:
        return b""
    if kind == INVITE:
        return sha256(b"invite")
    given = body.get("type")
    manner = given.encode() if isinstance(given, str) else b""
    cited = [leaf for _, _, leaf in _refs_to(body, own_log)[:1]] or [sha256(encode_body(body))]
    return sha256(kind.encode() + b"\0" + cited[0] + manner)
