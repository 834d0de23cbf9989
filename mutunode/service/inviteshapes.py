"""Answers about invitations and their links: their JSON is what ``--json`` prints."""

from __future__ import annotations

import msgspec


class InvitationMade(msgspec.Struct, frozen=True):
    """A new invitation. ``link`` is shown this once."""

    id: str
    link: str
    expires_at: int
    follows: bool  # whoever comes with it is followed at once; else a person is asked
    addresses: tuple[str, ...]


class InvitationLine(msgspec.Struct, frozen=True):
    """One invitation of ours, without its token."""

    id: str
    state: str  # open | used | expired | revoked
    made_at: int
    expires_at: int
    follows: bool
    note: str
    used_by: str = ""
    used_by_name: str = ""
    used_at: int = 0


class LinkRead(msgspec.Struct, frozen=True):
    """What an invitation's link says, before it is taken up."""

    org: str
    name: str
    check_words: dict[str, str]
    addresses: tuple[str, ...]
    expires_at: int
    expired: bool
    ours: bool
    accepted: bool
    blocked: bool
    similar_to: str = ""
