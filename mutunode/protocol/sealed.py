"""Sealed records: one reader only, carried by nodes that cannot read them, and naming no recipient.

HPKE (RFC 9180) in base mode; the author's log and the reader's organisation are bound in, so that a box
copied into another log opens for nobody. What is inside is padded: its length says little (PROTOCOL §3).
The library draws the ephemeral key itself, from the system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mutunode.protocol import codec
from mutunode.protocol.crypto import check_x25519
from mutunode.protocol.entry import KIND_PATTERN, decode_body, encode_body
from mutunode.protocol.errors import Malformed
from mutunode.protocol.limits import ID_BYTES, SEALED_BLOCK_BYTES

KIND = "sealed"
SUITE = 1

_suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class Opened(msgspec.Struct, frozen=True):
    """What was inside."""

    kind: str
    body: dict[str, Any]


def seal(
    kind: str, body: dict[str, Any], author_log: bytes, recipient_org: bytes, recipient_sealing: bytes
) -> dict[str, Any]:
    """The body of a ``sealed`` record; ``Malformed`` names what cannot be sealed."""
    check_x25519(recipient_sealing)
    plain = _plain(kind, body)
    public = X25519PublicKey.from_public_bytes(recipient_sealing)
    box = _suite.encrypt(plain, public, info=_info(author_log, recipient_org))
    outer = {"box": box, "suite": SUITE}
    encode_body(outer)  # a body that is nearly too long alone is too long in its box
    return outer


def open_sealed(
    body: dict[str, Any], author_log: bytes, recipient_org: bytes, privates: Iterable[bytes]
) -> Opened | None:
    """What is inside, if one of our sealing keys opens it; ``Malformed`` when it opens and is not right."""
    box = body.get("box")
    if set(body) != {"box", "suite"} or body["suite"] != SUITE or type(box) is not bytes:
        return None  # another suite is a later version's affair
    if len(box) <= ID_BYTES or not _is_good(box[:ID_BYTES]):
        return None
    info = _info(author_log, recipient_org)
    for private in privates:
        try:
            plain = _suite.decrypt(box, X25519PrivateKey.from_private_bytes(private), info=info)
        except (InvalidTag, ValueError):
            continue
        return _read(plain)
    return None


def _info(author_log: bytes, recipient_org: bytes) -> bytes:
    return b"mutunode/sealed/1\0" + author_log + recipient_org


def _is_good(public: bytes) -> bool:
    try:
        check_x25519(public)
    except Malformed:
        return False
    return True


def _plain(kind: str, body: dict[str, Any]) -> bytes:
    if kind == KIND or not re.match(KIND_PATTERN, kind):
        raise Malformed(f"a record of kind {kind!r} cannot be sealed")
    encode_body(body)
    bare = len(codec.encode([kind, body, b""]))
    return codec.encode([kind, body, bytes(-bare % SEALED_BLOCK_BYTES)])


def _read(plain: bytes) -> Opened:
    value = codec.decode(plain)
    match value:
        case [str(kind), dict(body), bytes()]:
            decode_body(codec.encode(body))
        case _:
            raise Malformed("sealed: what is inside is not [kind, body, pad]")
    if _plain(kind, body) != plain:
        raise Malformed("sealed: the padding is not the one it must have")
    return Opened(kind, body)
