"""What a store reads in an entry: enough to find it again, nothing of what its kind means.

Six things are generic: the records a body cites, what it supersedes, what a withdrawal withdraws, the
author's own key, whom a vouch names, and where a profile says its author is reached. Everything here is a
pure function of bytes; a body that cannot be read says nothing and is opaque.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from mutunode.protocol.entry import Header, Ref, body_hash, decode_body, find_refs, is_ref, parse_header
from mutunode.protocol.errors import Broken, Malformed
from mutunode.protocol.limits import ADDRESS_BYTES_MAX, ID_BYTES, LIST_ITEMS_MAX, SALT_BYTES

PROFILE, VOUCH, WITHDRAWAL, SEALED = "profile", "vouch", "withdrawal", "sealed"
BROUGHT_TO_NOBODY = frozenset((PROFILE, VOUCH, "resource", "means"))  # kinds that speak to everybody
INTERESTING = frozenset((PROFILE, VOUCH))  # kinds that change whom we listen to, or where we find them


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one body says to a store."""

    refs: tuple[Ref, ...] = ()
    supersedes: Ref | None = None
    withdraws: Ref | None = None
    erases: bool = False
    external_ref: str | None = None
    vouches_for: bytes | None = None


NOTHING = Said()

_REF_BEGINS = b"\x93\xc4\x20"  # an array of three, and 32 bytes in it: most bodies hold no such thing


def header_of(raw: bytes) -> Header | None:
    """The header; None for a leaf without a record."""
    try:
        header = parse_header(raw)
    except Broken:
        return None
    return header if type(header) is Header else None


def leaf_of(header: bytes) -> bytes:
    """The leaf of the tree."""
    return sha256(b"\0" + header).digest()


def is_body_of(header: bytes, salt: bytes, body: bytes) -> bool:
    """Whether a header speaks of this salt and body: their hash stands in it, which chance cannot bring."""
    return len(salt) == SALT_BYTES and body_hash(salt, body) in header


def fields_of(body: bytes | None) -> dict[str, Any] | None:
    """The decoded body; None when it is not held or opaque."""
    if not body:
        return None
    try:
        return decode_body(body)
    except Malformed:
        return None


def read(kind: str, body: bytes) -> Said | None:
    """What a body says; None when it is opaque."""
    fields = fields_of(body)
    if fields is None:
        return None
    refs = find_refs(fields) if _REF_BEGINS in body else []
    external_ref = fields.get("external_ref")
    if not refs and external_ref is None and kind not in (VOUCH, WITHDRAWAL):
        return NOTHING
    vouched = fields.get("org") if kind == VOUCH else None
    return Said(
        refs=tuple(dict.fromkeys(refs)),
        supersedes=_ref(fields.get("supersedes")),
        withdraws=_ref(fields.get("target")) if kind == WITHDRAWAL else None,
        erases=kind == WITHDRAWAL and fields.get("erase") is True,
        external_ref=external_ref if type(external_ref) is str else None,
        vouches_for=vouched if type(vouched) is bytes and len(vouched) == ID_BYTES else None,
    )


def endpoints_of(fields: dict[str, Any]) -> tuple[str, ...]:
    """The addresses in a profile or a vouch; what is not one is passed over."""
    given = fields.get("endpoints")
    if type(given) is not list:
        return ()
    fits = (item for item in given[:LIST_ITEMS_MAX] if type(item) is str)
    return tuple(item for item in fits if 0 < len(item.encode()) <= ADDRESS_BYTES_MAX)


def _ref(value: Any) -> Ref | None:
    return tuple(value) if is_ref(value) else None
