"""An invitation's token: shown once, kept as a hash, good for one organisation.

Whoever was given it brings it back inside a record of kind ``invite`` that it sealed for us, so that no node
in between learns it (PROTOCOL §4, "a valid invitation token").
"""

from __future__ import annotations

import re
from typing import Any

from mutunode.protocol.crypto import sha256
from mutunode.protocol.errors import Code, Refused
from mutunode.protocol.ids import base32
from mutunode.protocol.ledger import Invitation

INVITE = "invite"
TOKEN_BYTES = 16  # 2^128 guesses at 2 a second
TOKEN = re.compile(r"[a-z2-7]{26}")

# What an ERR 5 says of a token that is good no more; the other side turns it into words.
UNKNOWN, USED, EXPIRED, REVOKED = (
    "invitation: unknown",
    "invitation: used",
    "invitation: expired",
    "invitation: revoked",
)
REFUSALS = (UNKNOWN, USED, EXPIRED, REVOKED)


def token_text(raw: bytes) -> str:
    """A token as it stands in a link."""
    return base32(raw)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(b"mutunode/invitation/1\0" + token.encode())


def token_in(kind: str, body: dict[str, Any]) -> str | None:
    """The token that an invitation brings back; None without one."""
    token = body.get("token") if kind == INVITE else None
    return token if isinstance(token, str) else None


def check(invitation: Invitation | None, now: int) -> Invitation:
    """Raise ``Refused`` unless this invitation can still be used."""
    if invitation is None:
        raise Refused(Code.REFUSED, UNKNOWN)
    if invitation.used_by is not None:
        raise Refused(Code.REFUSED, USED)
    if invitation.revoked_at:
        raise Refused(Code.REFUSED, REVOKED)
    if now > invitation.expires_at:
        raise Refused(Code.REFUSED, EXPIRED)
    return invitation
