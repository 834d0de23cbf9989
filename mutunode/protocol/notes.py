"""Heads as C2SP signed notes, for tools that know nothing of us.

A head already signs a checkpoint's text; a note adds the blank line and signature lines around it. The log
itself bears a ``cosignature/v1`` and, where its key is at hand, a plain note signature; witnesses add theirs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from mutunode.protocol.crypto import sha256
from mutunode.protocol.head import Cosignature, Head, Sign
from mutunode.protocol.ids import base32

PLAIN, COSIGNATURE = b"\x01", b"\x04"  # signature types


def note(
    head: Head,
    operating: bytes,
    sign: Sign | None = None,
    witnesses: Iterable[tuple[Cosignature, bytes]] = (),
) -> str:
    """The checkpoint of a head, whose epoch's key is ``operating``; each witness comes with its own key.

    ``sign`` adds the plain signature, which only the log's own node can make.
    """
    lines = [_cosigned_line(head.origin, operating, head.time, head.signature)]
    if sign is not None:
        lines.append(_line(head.origin, PLAIN, operating, sign(head.text().encode("ascii"))))
    for witness, public in witnesses:
        lines.append(_cosigned_line(witness_name(witness.org), public, witness.time, witness.signature))
    return f"{head.text()}\n{''.join(lines)}"


def witness_name(org: bytes) -> str:
    """The key name under which an organisation's node cosigns heads of others."""
    return f"mutunode/{base32(org)}"


def verifier_key(name: str, public: bytes, kind: bytes = COSIGNATURE) -> str:
    """What a C2SP tool is configured with to verify ``name``."""
    return f"{name}+{key_id(name, kind, public).hex()}+{_base64(kind + public)}"


def _cosigned_line(name: str, public: bytes, time: int, signature: bytes) -> str:
    return _line(name, COSIGNATURE, public, time.to_bytes(8, "big") + signature)


def _line(name: str, kind: bytes, public: bytes, signature: bytes) -> str:
    return f"— {name} {_base64(key_id(name, kind, public) + signature)}\n"


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """The four bytes by which a signature line tells its key."""
    return sha256(name.encode("ascii") + b"\n" + kind + public)[:4]


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
